/// A run that tests of files and pictures share.
module Research.Tests.SampleRun

open System
open Research
open Research.Lab

let private scene: Scene =
    {
        XRange = -1.0, 1.0
        YRange = -1.0, 1.0
        Shapes =
            fun x ->
                [
                    Segment(Ground, 0.02, (-1.0, 0.0), (1.0, 0.0))
                    Box(Body, (x[0], 0.0), 0.3, 0.2, x[1])
                    Disc(Limb, (x[0], x[1]), 0.05)
                ]
    }

/// A run with the given states [T+1][2], and something of everything.
let runOf (states: (float * float)[]) : Run =
    let series name values bounds : Series =
        {
            Name = name
            Unit = "m"
            Values = values
            Bounds = bounds
            Reference = [||]
        }

    let controls = Array.init (states.Length - 1) (fun t -> sin (float t))

    {
        Problem = "<made> & \"up\""
        Summary = "nothing <b>real</b>"
        Source = "a test"
        Solver = "iLQR"
        Status = "converged"
        Converged = true
        Cost = 1.0 / 3.0
        Violation = None
        TimeStep = 0.1
        States =
            [|
                series "x" (Array.map fst states) None
                series "y" (Array.map snd states) None
            |]
        Controls = [| series "u" controls (Some(-1.0, infinity)) |]
        Gains = Array.init (states.Length - 1) (fun t -> array2D [ [ cos (float t); 1.0 / float (t + 3) ] ])
        Iterations =
            Array.init 5 (fun i ->
                {
                    Number = i + 1
                    Cost = 10.0 ** float -i
                    Gradient = 0.5 ** float (2 * i)
                    Violation = 0.0
                    Regularisation = if i > 2 then 0.0 else 1e-6 * float (i + 1)
                    Step = 1.0 - 0.125 * float i
                    Seconds = 1e-4 * float (i + 1)
                })
        Events = []
        Measurements = []
        Timings = [ "compile", 0.1; "solve", 0.01 ]
        Options = [ "horizon", "10"; "note", "</script><script>alert(1)</script>" ]
        Command = "solve <made>"
        Started = DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero)
        Platform = "here"
        Scene = scene
    }

let ordinary = runOf (Array.init 11 (fun t -> 0.1 * float t, sin (float t)))
