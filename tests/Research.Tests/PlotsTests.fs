module Research.Tests.PlotsTests

open Expecto
open Research.Lab
open Research.Tests.SampleRun

[<Tests>]
let tests =
    testList
        "Plots"
        [
            test "plots are pictures in PNG" {
                for picture in [ Plots.trajectories ordinary; Plots.convergence ordinary ] do
                    Expect.equal picture[..3] [| 0x89uy; 0x50uy; 0x4Euy; 0x47uy |] "signature"
            }

            test "plots and reports of a run that ended at once are no fault" {
                let run =
                    { runOf [| 0.0, 0.0; nan, nan |] with
                        Iterations = [||]
                    }

                Plots.trajectories run |> ignore
                Plots.convergence run |> ignore
                Report.toHtml run |> ignore
            }
        ]
