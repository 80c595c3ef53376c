module Research.Tests.RunTests

open Expecto
open Research.Lab

[<Tests>]
let tests =
    testList
        "Run"
        [
            test "a trajectory alone makes a run, and a report of it" {
                let x, u = array2D [ [ 0.0; 1.0 ]; [ 2.0; 3.0 ] ], array2D [ [ 4.0 ] ]

                let run =
                    Run.ofTrajectory "made" 0.1 [ "p", "m"; "v", "m/s" ] x [ ("force", "N") ] u

                Expect.equal (run.StateAt 1) [| 2.0; 3.0 |] "the last state"
                Expect.equal run.Horizon 1 "one step"
                Expect.stringContains (Report.toHtml run) "force" "the control is charted"

                Expect.throwsT<System.ArgumentException>
                    (fun () -> Run.ofTrajectory "made" 0.1 [ ("p", "m") ] x [ ("force", "N") ] u |> ignore)
                    "a column without a name"
            }

            testProperty
                "a quantile is a value that the share does not exceed, and the least such value"
                (fun (values: float[]) (share: FsCheck.NormalFloat) ->
                    let values = values |> Array.filter System.Double.IsFinite |> Array.append [| 1.0 |]
                    let share = abs share.Get % 1.0
                    let value = Measurement.quantile share values

                    let below limit =
                        values |> Array.filter limit |> Array.length |> float

                    let needed = share * float values.Length - 1e-9

                    Array.contains value values
                    && below (fun v -> v <= value) >= needed
                    && (below (fun v -> v < value) < needed + 2e-9 || value = Array.min values))

            test "a value exceeds a limit when it is above it: at the limit it does not" {
                let exceeding limit =
                    Measurement.exceeding
                        {
                            Name = "replan"
                            Unit = "µs"
                            Times = [| 0.0; 1.0; 2.0; 3.0 |]
                            Values = [| 1.0; 2.0; 2.0; 3.0 |]
                            Limit = limit
                        }

                Expect.equal (exceeding (Some 2.0)) 1 "two at the limit"
                Expect.equal (exceeding (Some 1.9)) 3 "above"
                Expect.equal (exceeding (Some 3.0)) 0 "none"
                Expect.equal (exceeding None) 0 "no limit"
            }

            test "numbers are shown with the digits asked for" {
                Expect.equal (Show.number 4 3.14159265) "3.142" "plain"
                Expect.equal (Show.number 3 15789.2) "15789" "large, but short enough"
                Expect.equal (Show.number 3 -1.23456e-9) "-1.23e-9" "small"
                Expect.equal (Show.number 3 nan) "NaN" "not a number"
                Expect.equal (Show.seconds 0.0123) "12.3 ms" "a time"
                Expect.equal (Show.seconds 2.6e-8) "26 ns" "a short time"
            }
        ]
