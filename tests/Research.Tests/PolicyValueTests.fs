module Research.Tests.PolicyValueTests

open Expecto
open Research.Models
open Research.Tests.Generators
open Research.Tests.MomentMatchingTests

[<Tests>]
let tests =
    testList
        "PolicyValue"
        [
            testPropertyWithConfig
                { FsCheckConfig.defaultConfig with
                    maxTest = 6
                }
                "gradients of random chains are differences"
                (fun (seed: int) ->
                    let random = Random seed
                    let n, e = random.Whole(1, 3), random.Whole(1, 2)
                    // sin and cos of the first number, which the policy sees in the place of it
                    let seen = [| 1 .. n + 1 |]

                    let task =
                        {
                            Angles = [| 0 |]
                            PolicyInputs = seen
                            ModelInputs = seen
                            Model = GaussianProcess.moments (randomProcess random 6 (n + 1 + e) n)
                            Cost = BeliefCost.saturating (random.Positive(n, 0.0)) (random.Vector n)
                            Exploration = random.Rng.Uniform(-1.0, 1.0)
                            Horizon = random.Whole(1, 4)
                        }

                    let squash = Trigonometric.squash (Array.create e 1.5)
                    let start = gaussian (random.Vector n) (scaled 0.1 (random.Positive(n, 0.1)))

                    for family in [ LinearPolicy.family (n + 1) e; RbfPolicy.family 4 (n + 1) e ] do
                        let family = MomentFamily.compose family squash
                        let parameters = random.Vector family.Parameters |> Array.map (fun v -> 0.5 * v)
                        let along = random.Vector family.Parameters
                        let _, gradient = PolicyValue.gradient task family parameters start
                        let h = 1e-5

                        let at s =
                            let point = Array.map2 (fun a b -> a + s * b) parameters along
                            (PolicyValue.rollout task family point start).Value

                        let reference = (8.0 * (at h - at -h) - (at (2.0 * h) - at (-2.0 * h))) / (12.0 * h)
                        let ours = Seq.sum (Seq.map2 (*) gradient along)
                        Expect.isLessThan (abs (ours - reference) / (1.0 + abs reference)) 1e-6 "along a direction")

            test "sizes that do not fit are named" {
                let task =
                    {
                        Angles = [||]
                        PolicyInputs = [| 0 |]
                        ModelInputs = [| 0 |]
                        Model = GaussianProcess.moments (randomProcess (Random 1) 3 2 1)
                        Cost = BeliefCost.quadratic (array2D [ [ 1.0 ] ]) [| 0.0 |]
                        Exploration = 0.0
                        Horizon = 2
                    }

                Expect.throwsC
                    (fun () ->
                        PolicyValue.rollout task (LinearPolicy.family 2 1) (Array.zeroCreate 3) (Gaussian.zero 1)
                        |> ignore)
                    (fun error -> Expect.stringContains error.Message "policy inputs for a policy of 2, and got 1" "")

                Expect.throwsC
                    (fun () ->
                        PolicyValue.gradient
                            task
                            (LinearPolicy.family 1 1)
                            (Array.zeroCreate 2)
                            (gaussian [| 0.0 |] (array2D [ [ -1.0 ] ]))
                        |> ignore)
                    (fun error -> Expect.stringContains error.Message "not positive semidefinite" "")
            }
        ]
