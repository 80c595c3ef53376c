module Research.Tests.BeliefCostTests

open Expecto
open Research.Models
open Research.Tests.Generators
open Research.Tests.MomentMatchingTests

let random' (random: Random) (d: int) =
    gaussian (random.Vector d) (random.Positive(d, 0.1))

[<Tests>]
let tests =
    testList
        "BeliefCost"
        [
            test "saturating costs, their variances and derivatives are those of the original" {
                for case in TrigonometricTests.part "saturating-cost" do
                    let cost = BeliefCost.saturating (Golden.matrix "W" case) (Golden.vector "z" case)
                    let x = gaussian (Golden.vector "m" case) (Golden.matrix "s" case)
                    let moments, ofMean, ofVariance, _ = jacobians cost x

                    let check name (ours: float[,]) =
                        compare 1e-9 name (array2D [ Golden.vector name case ]) ours

                    check "L" (array2D [ moments.Mean ])
                    check "varL" moments.Covariance
                    check "C" (transposed moments.Cross)
                    check "dLdm" (fst ofMean)
                    check "dvarLdm" (fst ofVariance)

                    let row name =
                        array2D [ flat (Golden.matrix name case) ]

                    compare 1e-9 "dLds" (row "dLds") (snd ofMean)
                    compare 1e-9 "dvarLds" (row "dvarLds") (snd ofVariance)
            }

            testPropertyWithConfig
                { FsCheckConfig.defaultConfig with
                    maxTest = 10
                }
                "quadratic costs have the mean, variance and covariance of many draws"
                (fun (seed: int) ->
                    let random = Random seed
                    let d = random.Whole(1, 3)
                    let w, z = random.Positive(d, 0.0), random.Vector d
                    let x = random' random d
                    let moments = MomentMap.apply (BeliefCost.quadratic w z) x

                    let cost (point: float[]) =
                        let y = Array.map2 (-) point z

                        0.5
                        * Seq.sum (
                            seq {
                                for i in 0 .. d - 1 do
                                    for j in 0 .. d - 1 -> y[i] * w[i, j] * y[j]
                            }
                        )

                    let count = 20000
                    let draws = Array.init count (fun _ -> Gaussian.sample random.Rng x)
                    let costs = Array.map cost draws
                    let mean, deviation = Array.average costs, sqrt moments.Covariance[0, 0]
                    Expect.isLessThan (abs (mean - moments.Mean[0])) (0.05 * deviation) "mean"
                    let variance = costs |> Array.averageBy (fun c -> (c - mean) ** 2.0)
                    Expect.isLessThan (abs (variance / moments.Covariance[0, 0] - 1.0)) 0.3 "variance"
                    let joint = times x.Covariance moments.Cross

                    for i in 0 .. d - 1 do
                        let covariance =
                            Seq.average (Seq.map2 (fun (p: float[]) c -> (p[i] - x.Mean[i]) * c) draws costs)

                        Expect.isLessThan
                            (abs (covariance - joint[i, 0]))
                            (0.1 * deviation * sqrt x.Covariance[i, i])
                            "covariance with the input")

            testProperty "derivatives of expected cost and exploration are differences" (fun (seed: int) ->
                let random = Random seed
                let d = random.Whole(1, 4)
                let w, z = random.Positive(d, 0.0), random.Vector d
                let x = random' random d

                for cost in [ BeliefCost.saturating w z; BeliefCost.quadratic w z ] do
                    let value = BeliefCost.value -0.7 cost
                    let _, slope = value x
                    let mean, along = random.Vector d, random.Positive(d, 0.0)
                    let h = 1e-5

                    let at s =
                        fst (
                            value
                                {
                                    Mean = Array.map2 (fun a b -> a + s * b) x.Mean mean
                                    Covariance = map2 (fun a b -> a + s * b) x.Covariance along
                                }
                        )

                    let reference = (at h - at -h) / (2.0 * h)

                    let ours =
                        Seq.sum (Seq.map2 (*) slope.Mean mean)
                        + Seq.sum (Seq.map2 (*) (flat slope.Covariance) (flat along))

                    Expect.isLessThan (abs (ours - reference) / (1.0 + abs reference)) 1e-6 "along a direction")

            test "weights must be symmetric, positive semidefinite and of the target's size" {
                Expect.throwsC
                    (fun () -> BeliefCost.saturating (array2D [ [ -1.0 ] ]) [| 0.0 |] |> ignore)
                    (fun error -> Expect.stringContains error.Message "eigenvalues of 0 or more" "sign")

                Expect.throwsC
                    (fun () -> BeliefCost.quadratic (array2D [ [ 1.0 ] ]) [| 0.0; 0.0 |] |> ignore)
                    (fun error -> Expect.stringContains error.Message "2 numbers needs weights of 2×2" "size")
            }
        ]
