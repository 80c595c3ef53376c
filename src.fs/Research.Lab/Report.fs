namespace Research.Lab

open System

/// The report of a run: one page that needs nothing but itself, with the motion to play, trajectories, convergence, timings and options.
[<RequireQualifiedAccess>]
module Report =

    let private trajectoryCharts (run: Run) =
        let times count =
            Array.init count (fun i -> float i * run.TimeStep)

        let chart isHeld colour (series: Series) =
            let options: Chart.Options =
                {
                    Title = series.Name
                    Unit = series.Unit
                    XLabel = "time [s]"
                    IsHeld = isHeld
                    IsLog = false
                    HasDots = false
                    Bounds = series.Bounds
                    Colour = colour
                }

            let points =
                if isHeld then
                    series.Values.Length + 1
                else
                    series.Values.Length

            Chart.draw options (times points) series.Values

        String.concat
            "\n"
            [
                for state in run.States -> chart false "body" state
                for control in run.Controls -> chart true "limb" control
            ]

    let private convergenceCharts (run: Run) =
        let numbers = run.Iterations |> Array.map (fun iteration -> float iteration.Number)

        let chart title colour (value: IterationRecord -> float) =
            let values = Array.map value run.Iterations

            let options: Chart.Options =
                {
                    Title = title
                    Unit = ""
                    XLabel = "iteration"
                    IsHeld = false
                    IsLog = Run.suitsLogarithm values
                    HasDots = true
                    Bounds = None
                    Colour = colour
                }

            Chart.draw options numbers values

        if run.Iterations.Length = 0 then
            ""
        else
            let charts =
                [
                    chart "cost" "body" _.Cost
                    chart "gradient" "goal" _.Gradient
                    chart "regularisation μ" "third" _.Regularisation
                    if Run.hasViolations run then
                        chart "violation" "limb" _.Violation
                    else
                        chart "step α" "limb" _.Step
                ]

            Page.section "Convergence" "<div class=\"charts\">" (String.concat "\n" charts) "</div>"

    let private facts (run: Run) =
        let solving = run.Timings |> List.tryFind (fun (name, _) -> name = "solve")

        String.concat
            ""
            [
                Page.fact (Show.number 6 run.Cost) "cost"
                match run.Violation with
                | Some violation -> Page.fact (Show.number 2 violation) "largest violation"
                | None -> ()
                if run.Iterations.Length > 0 then
                    Page.fact (string run.Iterations.Length) "iterations"
                match solving with
                | Some(_, seconds) -> Page.fact (Show.seconds seconds) "to solve"
                | None -> ()
                Page.fact $"{run.Horizon} × {Show.number 4 run.TimeStep} s" "horizon"
                Page.fact run.Solver "solver"
            ]

    let private iterationRows (run: Run) =
        Page.numberRows
            [ "iteration"; "cost"; "gradient"; "violation"; "μ"; "α"; "time" ]
            (run.Iterations
             |> Seq.map (fun iteration ->
                 [
                     string iteration.Number
                     Show.number 9 iteration.Cost
                     Show.number 3 iteration.Gradient
                     Show.number 3 iteration.Violation
                     Show.number 3 iteration.Regularisation
                     Show.number 3 iteration.Step
                     Show.seconds iteration.Seconds
                 ]))

    let private origin (run: Run) =
        let tables =
            Page.table "Time" (Page.timingRows run.Timings)
            + Page.table "Options" (Page.optionRows run.Options)

        Page.section "How it was made" "<div class=\"tables\">" tables "</div>"

    let private iterations (run: Run) =
        if run.Iterations.Length = 0 then
            ""
        else
            Page.scrollingTable "Iterations" (iterationRows run)

    /// The page, as HTML that can be opened from disk without a network.
    let toHtml (run: Run) : string =
        let values = Seq.append run.States run.Controls |> Seq.map _.Values |> Seq.toList

        Page.fill
            [
                "title", Page.encode $"{run.Problem}, {run.Solver}"
                "problem", Page.encode run.Problem
                "pill", Page.pill run.Converged run.Status
                "summary", Page.encode $"{Page.sentence run.Summary} {Page.sentence run.Source}"
                "facts", facts run
                "tabs", ""
                "heading", "Trajectory"
                "trajectories", $"<div class=\"charts\">{trajectoryCharts run}</div>"
                "progress", convergenceCharts run
                "origin", origin run
                "records", iterations run
                "command", Page.command run.Command
                "footer", Page.encode $"{run.Started:``yyyy-MM-dd HH:mm:ss zzz``}, {run.Platform}"
                "motions", $"[{Motion.toJson run}]"
                "series", Page.seriesJson [ values ]
            ]
