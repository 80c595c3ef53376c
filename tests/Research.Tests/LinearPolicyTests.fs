module Research.Tests.LinearPolicyTests

open Expecto
open Research.Models
open Research.Tests.Generators
open Research.Tests.MomentMatchingTests

/// Our derivatives [W, row after row; b] in the original's order: b, W columns first.
let toOriginal (d: int) (e: int) (ours: float[]) : float[] =
    [|
        yield! ours[e * d ..]
        for j in 0 .. d - 1 do
            for i in 0 .. e - 1 do
                ours[i * d + j]
    |]

[<Tests>]
let tests =
    testList
        "LinearPolicy"
        [
            test "moments and their derivatives by parameters are those of the original" {
                for case in TrigonometricTests.part "linear-policy" do
                    let w, b = Golden.matrix "w" case, Golden.vector "b" case
                    let e, d = w.GetLength 0, w.GetLength 1
                    let family = LinearPolicy.family d e
                    let x = gaussian (Golden.vector "m" case) (Golden.matrix "s" case)
                    let parameters = LinearPolicy.pack w b
                    let moments = MomentMap.apply (fst (family.At parameters)) x
                    compare 1e-12 "M" (array2D [ Golden.vector "M" case ]) (array2D [ moments.Mean ])
                    compare 1e-12 "S" (Golden.matrix "S" case) moments.Covariance
                    compare 1e-12 "V" (Golden.matrix "V" case) moments.Cross

                    let ofMean, ofCovariance, ofCross =
                        RbfPolicyTests.parameterJacobians family parameters x

                    let original rows =
                        rows |> Array.map (toOriginal d e) |> array2D

                    compare 1e-12 "dMdp" (Golden.matrix "dMdp" case) (original ofMean)
                    compare 1e-12 "dSdp" (Golden.matrix "dSdp" case) (original ofCovariance)
                    compare 1e-12 "dVdp" (Golden.matrix "dVdp" case) (original ofCross)
            }

            test "a wrong number of parameters is named" {
                Expect.throwsC (fun () -> (LinearPolicy.family 3 2).At [| 0.0 |] |> ignore) (fun error ->
                    Expect.stringContains error.Message "has 8 parameters, and got 1" "")
            }
        ]
