module Research.Tests.PlotsTests

open Expecto
open Research.Lab
open Research.Tests.SampleRun

[<Tests>]
let tests =
    testList
        "Plots"
        [
            test "plots are pictures in PNG, two columns of panels" {
                // big-endian width and height of the header
                let size (picture: byte[]) at =
                    Seq.fold (fun sum byte -> 256 * sum + int byte) 0 picture[at .. at + 3]

                for picture in [ Plots.trajectories ordinary; Plots.convergence ordinary ] do
                    Expect.equal picture[..3] [| 0x89uy; 0x50uy; 0x4Euy; 0x47uy |] "signature"
                    Expect.equal (size picture 16, size picture 20) (1120, 560) "size"
            }

            test "states rise to the right and upwards, controls are stairs" {
                let picture =
                    Plots.trajectories (
                        Run.ofTrajectory
                            "made"
                            1.0
                            [ "x", "m" ]
                            (array2D [ [ 0.0 ]; [ 1.0 ]; [ 2.0 ] ])
                            [ "u", "N" ]
                            (array2D [ [ 0.0 ]; [ 1.0 ] ])
                    )

                use bitmap = SkiaSharp.SKBitmap.Decode picture

                // mean row of the pixels of a colour, by column
                let rows (from: int) (upTo: int) (hex: string) =
                    let colour = SkiaSharp.SKColor.Parse hex

                    [
                        for x in from..upTo do
                            let found =
                                [
                                    for y in 0 .. bitmap.Height - 1 do
                                        if bitmap.GetPixel(x, y) = colour then
                                            float y
                                ]

                            if not found.IsEmpty then
                                List.average found
                    ]

                let state = rows 0 559 "#2f6fde"
                Expect.isGreaterThan state.Length 300 "a line through the panel"
                // a straight line upwards, rows count downwards
                let slope = (List.last state - state.Head) / float (state.Length - 1)
                Expect.isLessThan slope -0.2 "upwards"

                let bend =
                    state
                    |> List.mapi (fun i row -> abs (row - (state.Head + slope * float i)))
                    |> List.average

                Expect.isLessThan bend (0.05 * (state.Head - List.last state)) "straight"

                let control = rows 560 1119 "#e07a1f"
                Expect.isGreaterThan control.Length 300 "through the other panel"
                let low, high = control.Head, List.last control
                Expect.isGreaterThan (low - high) 50.0 "upwards"

                let between =
                    control
                    |> List.filter (fun row -> abs (row - low) > 3.0 && abs (row - high) > 3.0)

                Expect.isLessThan between.Length 8 "by one step"
                let lows = control |> List.filter (fun row -> abs (row - low) < 3.0)
                Expect.isLessThan (abs (2 * lows.Length - control.Length)) 20 "in the middle"
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
