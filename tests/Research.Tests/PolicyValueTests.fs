module Research.Tests.PolicyValueTests

open System.Text.Json
open Expecto
open Research.Models
open Research.Tests.Generators
open Research.Tests.MomentMatchingTests

let private indices name case =
    Golden.vector name case |> Array.map (fun i -> int i - 1)

/// 1 − exp(−½ d²/width²) with d the distance of the tip from where it is at the target; rows of `tip` in the state with sin and cos.
let private tipCost (case: JsonElement) (tip: float[,]) : MomentMap =
    let target, width =
        Golden.vector "cost_target" case, Golden.number "cost_width" case

    let n, angles = target.Length, indices "angi" case

    let augmented =
        Array.append target (angles |> Array.collect (fun i -> [| sin target[i]; cos target[i] |]))

    let weights = scaled (1.0 / (width * width)) (times (transposed tip) tip)

    MomentMap.compose
        (MomentMap.keep n angles (Trigonometric.sinCos (Array.create angles.Length 1.0)))
        (BeliefCost.saturating weights augmented)

let private task (case: JsonElement) : PolicyTask =
    let length = (Golden.vector "cost_p" case)[0]

    let tip =
        match (Golden.property "scenario" case).GetString() with
        | "cartPole" -> array2D [ [ 1.0; 0.0; 0.0; 0.0; length; 0.0 ]; [ 0.0; 0.0; 0.0; 0.0; 0.0; length ] ]
        | "pendulum" -> array2D [ [ 0.0; 0.0; length; 0.0 ]; [ 0.0; 0.0; 0.0; length ] ]
        | scenario -> failtest $"no tip of {scenario}"

    let gp =
        GaussianProcess.condition
            (hyperparameters (Golden.matrix "hyp" case))
            (Golden.matrix "inputs" case)
            (Golden.matrix "targets" case)
        |> Result.defaultWith (fun fault -> failtest $"{fault}")

    {
        Angles = indices "angi" case
        PolicyInputs = indices "poli" case
        ModelInputs = indices "dyni" case
        Model = GaussianProcess.moments gp
        Cost = tipCost case tip
        Exploration = 0.0
        Horizon = Golden.whole "H" case
    }

let private policy (case: JsonElement) : RbfPolicy =
    let hyp = Golden.matrix "policy_hyp" case
    let d = hyp.GetLength 0 - 2

    {
        Centres = Golden.matrix "policy_inputs" case
        Targets =
            Golden.property "policy_targets" case
            |> Golden.items
            |> Array.map Golden.vectorOf
            |> array2D
        Lengthscales = Array2D.init (hyp.GetLength 1) d (fun a i -> exp hyp[i, a])
    }

let private family (case: JsonElement) (policy: RbfPolicy) =
    let n, d, e =
        policy.Centres.GetLength 0, policy.Centres.GetLength 1, policy.Targets.GetLength 1

    MomentFamily.compose (RbfPolicy.family n d e) (Trigonometric.squash (Golden.vector "maxU" case))

[<Tests>]
let tests =
    testList
        "PolicyValue"
        [
            test "beliefs, costs, values and gradients are those of the original" {
                for case in Golden.cases (Golden.document "pilco-value.json") do
                    let policy, task = policy case, task case
                    let family, parameters = family case policy, RbfPolicy.pack policy
                    let start = gaussian (Golden.vector "mu0" case) (Golden.matrix "S0" case)
                    let rollout = PolicyValue.rollout task family parameters start
                    let name = (Golden.property "scenario" case).GetString()
                    let tolerance = 1e-9

                    compare
                        tolerance
                        $"{name} M"
                        (Golden.matrix "M" case)
                        (array2D (rollout.Beliefs |> Array.map _.Mean))

                    for t, covariance in Array.indexed (Golden.items (Golden.property "S" case)) do
                        let reference = covariance |> Golden.items |> Array.map Golden.vectorOf |> array2D
                        compare tolerance $"{name} S {t}" reference rollout.Beliefs[t].Covariance

                    let costs = Golden.vector "cost" case
                    Expect.isLessThan (Golden.relative costs rollout.Costs) tolerance $"{name} costs"
                    let value, gradient = PolicyValue.gradient task family parameters start
                    Expect.isLessThan (Golden.relative [ Golden.number "J" case ] [ value ]) tolerance $"{name} J"
                    Expect.equal value rollout.Value $"{name}: one value either way"

                    let columns name =
                        let m =
                            Golden.property name case
                            |> Golden.items
                            |> Array.map Golden.vectorOf
                            |> array2D

                        Array.ofSeq (flat (transposed m))

                    let reference =
                        Array.concat [ columns "dJ_hyp"; columns "dJ_inputs"; columns "dJ_targets" ]

                    let n, d, e =
                        policy.Centres.GetLength 0, policy.Centres.GetLength 1, policy.Targets.GetLength 1

                    let ours = RbfPolicyTests.toOriginal n d e gradient
                    Expect.isLessThan (Golden.relative reference ours) tolerance $"{name} dJ"
            }

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
            }
        ]
