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

            test "numbers are shown with the digits asked for" {
                Expect.equal (Show.number 4 3.14159265) "3.142" "plain"
                Expect.equal (Show.number 3 -1.23456e-9) "-1.23e-9" "small"
                Expect.equal (Show.number 3 nan) "NaN" "not a number"
                Expect.equal (Show.seconds 0.0123) "12.3 ms" "a time"
            }
        ]
