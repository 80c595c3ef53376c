namespace Research.Lab

open System

/// The report of a run: one page that needs nothing but itself, with the motion to play, trajectories, convergence, timings and options.
[<RequireQualifiedAccess>]
module Report =

    let private caption title unit xLabel colour : Chart.Caption =
        {
            Title = title
            Unit = unit
            Note = ""
            XLabel = xLabel
            Colour = colour
        }

    let private trajectoryCharts (run: Run) =
        let times count =
            Array.init count (fun i -> float i * run.TimeStep)

        let chart isHeld colour (series: Series) =
            let options: Chart.Options =
                {
                    Caption = caption series.Name series.Unit "time [s]" colour
                    IsHeld = isHeld
                    IsLog = false
                    HasDots = false
                    Bounds = series.Bounds
                    Reference = series.Reference
                    Marks = List.map fst run.Events
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
                    Caption = caption title "" "iteration" colour
                    IsHeld = false
                    IsLog = Run.suitsLogarithm values
                    HasDots = true
                    Bounds = None
                    Reference = [||]
                    Marks = []
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

    let private quantiles = [ "median", 0.5; "99 %", 0.99; "worst", 1.0 ]

    /// How each measurement went along the trajectory, and how often it was how large.
    let private measurementCharts (run: Run) =
        let charts (measurement: Measurement) =
            let named = caption measurement.Name measurement.Unit
            let limit = Option.toArray measurement.Limit

            let options: Chart.Options =
                {
                    Caption = named "time [s]" "third"
                    IsHeld = true
                    IsLog = Run.suitsLogarithm (Array.append limit measurement.Values)
                    HasDots = false
                    Bounds = measurement.Limit |> Option.map (fun limit -> -infinity, limit)
                    Reference = [||]
                    Marks = List.map fst run.Events
                }

            let duration = float run.Horizon * run.TimeStep

            let histogram =
                { named $"{measurement.Name} [{measurement.Unit}]" "third" with
                    Title = $"how often, of {measurement.Values.Length}"
                    Unit = ""
                    Note =
                        match measurement.Limit with
                        | Some limit -> $"limit {Show.number 3 limit}"
                        | None -> ""
                }

            let marks =
                quantiles
                |> List.map (fun (name, share) ->
                    let value = Measurement.quantile share measurement.Values
                    value, $"{name} {Show.number 3 value}")

            [
                Chart.draw options (Array.append measurement.Times [| duration |]) measurement.Values
                Chart.histogram histogram measurement.Limit marks measurement.Values
            ]

        run.Measurements
        |> List.filter (fun measurement -> measurement.Values.Length > 0)
        |> List.collect charts
        |> String.concat "\n"
        |> fun content ->
            Page.section "Measured along the way" "<div class=\"charts\" id=\"measurements\">" content "</div>"

    /// What the marks in the charts are.
    let private legend (run: Run) =
        let marked =
            run.Events
            |> List.countBy snd
            |> List.map (fun (what, count) -> $"<span class=\"key mark\"></span>{Page.encode what} ({count})")

        let referenced =
            if run.States |> Array.exists (fun series -> series.Reference.Length > 0) then
                [ "<span class=\"key reference\"></span>goal" ]
            else
                []

        match marked @ referenced with
        | [] -> ""
        | keys -> String.concat "" keys |> fun keys -> $"<p class=\"legend\">{keys}</p>"

    let private facts (run: Run) =
        let solving = run.Timings |> List.tryFind (fun (name, _) -> name = "solve")

        String.concat
            ""
            [
                if not (Double.IsNaN run.Cost) then
                    Page.fact (Show.number 6 run.Cost) "cost"
                match run.Violation with
                | Some violation -> Page.fact (Show.number 2 violation) "largest violation"
                | None -> ()
                if run.Iterations.Length > 0 then
                    Page.fact (string run.Iterations.Length) "iterations"
                match solving with
                | Some(_, seconds) -> Page.fact (Show.seconds seconds) "to solve"
                | None -> ()
                for measurement in run.Measurements do
                    for name, share in quantiles do
                        let value = Measurement.quantile share measurement.Values
                        Page.fact $"{Show.number 3 value} {measurement.Unit}" $"{measurement.Name}, {name}"

                    if measurement.Limit.IsSome then
                        Page.fact
                            $"{Measurement.exceeding measurement} of {measurement.Values.Length}"
                            $"{measurement.Name}, above its limit"
                Page.fact
                    $"{Show.number 4 (float run.Horizon * run.TimeStep)} s"
                    $"{run.Horizon} steps of {Show.number 4 run.TimeStep} s"
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

    /// Values of the charts over time: of states and controls at every step, of measurements at their own times.
    let private values (run: Run) : Page.Values list =
        [
            for series in Seq.append run.States run.Controls do
                { Values = series.Values; Times = [||] }

            for measurement in run.Measurements do
                if measurement.Values.Length > 0 then
                    {
                        Values = measurement.Values
                        Times = measurement.Times
                    }
        ]

    /// The page, as HTML that can be opened from disk without a network.
    let toHtml (run: Run) : string =
        Page.fill
            [
                "title", Page.encode $"{run.Problem}, {run.Solver}"
                "problem", Page.encode run.Problem
                "pill", Page.pill run.Converged run.Status
                "summary", Page.encode $"{Page.sentence run.Summary} {Page.sentence run.Source}"
                "facts", facts run
                "tabs", ""
                "heading", "Trajectory"
                "legend", legend run
                "trajectories", $"<div class=\"charts\">{trajectoryCharts run}</div>"
                "measurements", measurementCharts run
                "progress", convergenceCharts run
                "origin", origin run
                "records", iterations run
                "command", Page.command run.Command
                "footer", Page.encode $"{run.Started:``yyyy-MM-dd HH:mm:ss zzz``}, {run.Platform}"
                "motions", $"[{Motion.toJson run}]"
                "series", Page.seriesJson [ values run ]
            ]
