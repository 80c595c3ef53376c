module Research.Tests.TrigonometricTests

open System.Text.Json
open Expecto
open Research.Models
open Research.Tests.Generators
open Research.Tests.MomentMatchingTests

let part (name: string) =
    Golden.document "pilco-parts.json"
    |> Golden.property "parts"
    |> Golden.property name
    |> Golden.cases

/// Moments and all their derivatives at the input of a case against what it holds.
let compareAll (tolerance: float) (name: string) (cross: string) (map: MomentMap) (case: JsonElement) =
    let x = gaussian (Golden.vector "m" case) (Golden.matrix "s" case)
    let moments, ofMean, ofCovariance, ofCross = jacobians map x
    compare tolerance $"{name} M" (array2D [ Golden.vector "M" case ]) (array2D [ moments.Mean ])
    compare tolerance $"{name} S" (Golden.matrix "S" case) moments.Covariance
    compare tolerance $"{name} {cross}" (Golden.matrix cross case) moments.Cross

    // the file's derivatives with respect to s may be for entries of one triangle, or differ above and below the diagonal
    let symmetric (rows: float[,]) =
        let d = x.Size

        Array2D.init (rows.GetLength 0) (d * d) (fun i j -> 0.5 * (rows[i, j] + rows[i, j / d + j % d * d]))

    let check quantity (ours: float[,] * float[,]) =
        compare tolerance $"{name} d{quantity}dm" (Golden.matrix $"d{quantity}dm" case) (fst ours)

        compare
            tolerance
            $"{name} d{quantity}ds"
            (symmetric (Golden.matrix $"d{quantity}ds" case))
            (symmetric (snd ours))

    check "M" ofMean
    check "S" ofCovariance
    check cross ofCross

let private ofCase (build: float[] -> MomentMap) (case: JsonElement) =
    let indices = Golden.vector "i" case |> Array.map (fun i -> int i - 1)
    MomentMap.ofPart (Golden.vector "m" case).Length indices (build (Golden.vector "e" case))

[<Tests>]
let tests =
    testList
        "Trigonometric"
        [
            for name, build in
                [
                    "trig-moments", Trigonometric.sinCos
                    "squash-sin", Trigonometric.sine
                    "squash-sat", Trigonometric.squash
                ] do
                test $"{name}: moments and all their derivatives are those of the original" {
                    for case in part name do
                        compareAll 1e-9 name "C" (ofCase build case) case
                }

            testPropertyWithConfig
                { FsCheckConfig.defaultConfig with
                    maxTest = 20
                }
                "squashed numbers keep to their limits, however wide the input"
                (fun (seed: int) ->
                    let random = Random seed
                    let width = 10.0 ** random.Rng.Uniform(-6.0, 8.0)
                    let x = gaussian (random.Vector 3) (scaled width (random.Positive(3, 0.0)))
                    let limits = Array.init 3 (fun _ -> random.Rng.Uniform(0.1, 10.0))
                    let moments = MomentMap.apply (Trigonometric.squash limits) x

                    for i in 0..2 do
                        Expect.isLessThanOrEqual (abs moments.Mean[i]) (limits[i] * (1.0 + 1e-12)) "mean"
                        let square = moments.Covariance[i, i] + moments.Mean[i] * moments.Mean[i]
                        Expect.isLessThanOrEqual square (limits[i] * limits[i] * (1.0 + 1e-12)) "second moment"
                        Expect.isGreaterThanOrEqual moments.Covariance[i, i] 0.0 "variance")

            test "narrow inputs keep the digits of the variance" {
                let x = gaussian [| 0.3 |] (array2D [ [ 1e-20 ] ])
                let moments = MomentMap.apply (Trigonometric.sine [| 1.0 |]) x
                let exact = cos 0.3 * cos 0.3 * 1e-20
                Expect.isLessThan (abs (moments.Covariance[0, 0] / exact - 1.0)) 1e-12 "variance"
            }

            test "an input that is not there is named" {
                Expect.throwsC
                    (fun () ->
                        Trigonometric.waves
                            1
                            [|
                                [|
                                    {
                                        Input = 1
                                        Amplitude = 1.0
                                        Frequency = 1.0
                                        Phase = 0.0
                                    }
                                |]
                            |]
                        |> ignore)
                    (fun error -> Expect.stringContains error.Message "waves of 1 numbers cannot have the input 1" "")
            }
        ]
