module Research.Tests.CheckTests

open System
open Expecto
open Research

/// error of the extrapolated differences themselves, on functions of moderate size
let private tolerance = 1e-9

[<Tests>]
let tests =
    testList
        "Check"
        [
            test "differences give known derivatives, and know how good they are" {
                let known =
                    [
                        "sin", sin, cos
                        "exp", exp, exp
                        "ln", log, (fun x -> 1.0 / x)
                        "x³", (fun x -> x * x * x), (fun x -> 3.0 * x * x)
                    ]

                for name, f, derivative in known do
                    for x in [ 0.2; 1.0; 2.5 ] do
                        let struct (found, doubt) = Check.difference f x
                        Expect.isLessThan (abs (found - derivative x)) tolerance $"{name} at {x}"
                        Expect.isLessThan doubt 1e-6 $"estimated error of {name} at {x}"
            }

            test "right derivatives agree" {
                let f (x: Vec) =
                    [| sin x[0] * x[1]; exp (x[1] / x[0]) |]

                let report = Check.derivatives tolerance f [| 1.2; 0.4 |]
                Expect.isTrue report.Agrees (string report)
                Expect.hasLength report.Entries 4 "2×2 Jacobian"
                Expect.stringContains (string report) "agree" "text"
            }

            test "a scalar function has its Hessian compared too" {
                let f (x: Vec) = [| x[0] * x[0] * sin x[1] |]
                let report = Check.derivatives tolerance f [| 1.2; 0.4 |]
                Expect.isTrue report.Agrees (string report)
                let hessian = report.Entries |> Array.filter (fun entry -> entry.Of = "Hessian")
                Expect.hasLength hessian 4 "2×2 Hessian"
            }

            test "a derivative that differs is found, with its place and size" {
                // the convention at a kink is 0 from neither side: differences across it see the slope −1 … 1 of |x − 10⁻⁹|
                let f (x: Vec) = [| x[0]; x[1] + abs (x[1] - 1e-9) |]
                let report = Check.derivatives tolerance f [| 0.0; 0.0 |]
                Expect.isFalse report.Agrees "kink"
                let fault = Expect.wantSome (Array.tryExactlyOne report.Faults) "one fault"
                Expect.equal (fault.Row, fault.Column) (1, 1) "place"
                Expect.floatClose Accuracy.high fault.Exact 0.0 "slope left of the kink"
                Expect.isGreaterThan fault.Error 0.5 "size"
                Expect.stringContains (string report) "Jacobian[1,1]" "text names the entry"
            }

            test "a derivative that is not a number is at fault" {
                let report =
                    Check.derivatives tolerance (fun x -> [| sqrt (x[0] * x[0]) |]) [| 0.0 |]

                Expect.isFalse report.Agrees "0/0"
                Expect.isTrue (Double.IsInfinity report.Entries[0].Error) "error"
            }
        ]
