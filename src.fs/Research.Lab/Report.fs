namespace Research.Lab

open System
open System.IO
open System.Net
open System.Text

/// The report of a run: one page that needs nothing but itself, with the motion to play, trajectories, convergence, timings and options.
[<RequireQualifiedAccess>]
module Report =

    let private template =
        lazy
            (use stream = nonNull (typeof<Run>.Assembly.GetManifestResourceStream "report.html")
             use reader = new StreamReader(stream)
             reader.ReadToEnd())

    let private encode (text: string) : string = WebUtility.HtmlEncode text |> string

    let private sentence (text: string) =
        if text = "" then
            ""
        else
            $"{Char.ToUpperInvariant text[0]}{text.Substring 1}."

    /// A part of the page with its heading, or nothing where it would be empty.
    let private section (heading: string) (before: string) (content: string) (after: string) =
        if content = "" then
            ""
        else
            $"<h2>{heading}</h2>\n{before}{content}{after}"

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

            section "Convergence" "<div class=\"charts\">" (String.concat "\n" charts) "</div>"

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
        |> fun content -> section "Measured along the way" "<div class=\"charts\" id=\"measurements\">" content "</div>"

    /// What the marks in the charts are.
    let private legend (run: Run) =
        let marked =
            run.Events
            |> List.countBy snd
            |> List.map (fun (what, count) -> $"<span class=\"key mark\"></span>{encode what} ({count})")

        let referenced =
            if run.States |> Array.exists (fun series -> series.Reference.Length > 0) then
                [ "<span class=\"key reference\"></span>goal" ]
            else
                []

        match marked @ referenced with
        | [] -> ""
        | keys -> String.concat "" keys |> fun keys -> $"<p class=\"legend\">{keys}</p>"

    let private facts (run: Run) =
        let fact (value: string) (label: string) =
            $"<div><b>{encode value}</b><span>{encode label}</span></div>"

        let solving = run.Timings |> List.tryFind (fun (name, _) -> name = "solve")

        String.concat
            ""
            [
                if not (Double.IsNaN run.Cost) then
                    fact (Show.number 6 run.Cost) "cost"
                match run.Violation with
                | Some violation -> fact (Show.number 2 violation) "largest violation"
                | None -> ()
                if run.Iterations.Length > 0 then
                    fact (string run.Iterations.Length) "iterations"
                match solving with
                | Some(_, seconds) -> fact (Show.seconds seconds) "to solve"
                | None -> ()
                for measurement in run.Measurements do
                    for name, share in quantiles do
                        let value = Measurement.quantile share measurement.Values
                        fact $"{Show.number 3 value} {measurement.Unit}" $"{measurement.Name}, {name}"

                    if measurement.Limit.IsSome then
                        fact
                            $"{Measurement.exceeding measurement} of {measurement.Values.Length}"
                            $"{measurement.Name}, above its limit"
                fact
                    $"{Show.number 4 (float run.Horizon * run.TimeStep)} s"
                    $"{run.Horizon} steps of {Show.number 4 run.TimeStep} s"
                fact run.Solver "solver"
            ]

    let private timingRows (run: Run) =
        let total = run.Timings |> List.sumBy snd |> max 1e-12

        run.Timings
        |> List.map (fun (name, seconds) ->
            let share = Show.number 3 (100.0 * seconds / total)

            $"<tr><th>{encode name}<i class=\"bar\" style=\"width:{share}%%\"></i></th><td class=\"num\">{Show.seconds seconds}</td></tr>")
        |> String.concat "\n"

    let private optionRows (run: Run) =
        run.Options
        |> List.map (fun (name, value) -> $"<tr><th>{encode name}</th><td>{encode value}</td></tr>")
        |> String.concat "\n"

    let private iterationRows (run: Run) =
        let head =
            [ "iteration"; "cost"; "gradient"; "violation"; "μ"; "α"; "time" ]
            |> List.map (fun name -> $"<th>{name}</th>")
            |> String.concat ""

        let row (iteration: IterationRecord) =
            [
                string iteration.Number
                Show.number 9 iteration.Cost
                Show.number 3 iteration.Gradient
                Show.number 3 iteration.Violation
                Show.number 3 iteration.Regularisation
                Show.number 3 iteration.Step
                Show.seconds iteration.Seconds
            ]
            |> List.map (fun text -> $"<td>{text}</td>")
            |> String.concat ""

        Seq.append [ head ] (Seq.map row run.Iterations)
        |> Seq.map (fun cells -> $"<tr>{cells}</tr>")
        |> String.concat "\n"

    let private origin (run: Run) =
        let table caption rows =
            if rows = "" then
                ""
            else
                $"<div class=\"card\"><table><caption>{caption}</caption>{rows}</table></div>"

        let tables = table "Time" (timingRows run) + table "Options" (optionRows run)
        section "How it was made" "<div class=\"tables\">" tables "</div>"

    let private iterations (run: Run) =
        if run.Iterations.Length = 0 then
            ""
        else
            section "Iterations" "<div class=\"card scroll\"><table class=\"num\">" (iterationRows run) "</table></div>"

    let private seriesJson (run: Run) =
        let number (x: float) =
            if Double.IsFinite x then x.ToString "G5" else "null"

        let list (values: float seq) =
            values |> Seq.map number |> String.concat "," |> (fun inner -> $"[{inner}]")

        let even (series: Series) = $"{{\"values\":{list series.Values}}}"

        let timed (measurement: Measurement) =
            $"{{\"values\":{list measurement.Values},\"times\":{list measurement.Times}}}"

        Seq.append (Seq.append run.States run.Controls |> Seq.map even) (List.map timed run.Measurements)
        |> String.concat ","
        |> fun inner -> $"[{inner}]"

    /// The page, as HTML that can be opened from disk without a network.
    let toHtml (run: Run) : string =
        let kind = if run.Converged then "pill" else "pill bad"

        let parts =
            [
                "title", encode $"{run.Problem}, {run.Solver}"
                "problem", encode run.Problem
                "pill", $"<span class=\"{kind}\">{encode run.Status}</span>"
                "summary", encode $"{sentence run.Summary} {sentence run.Source}"
                "facts", facts run
                "legend", legend run
                "trajectories", trajectoryCharts run
                "measurements", measurementCharts run
                "convergence", convergenceCharts run
                "origin", origin run
                "iterations", iterations run
                "command", section "Command" "<div class=\"card\"><pre>" (encode run.Command) "</pre></div>"
                "footer", encode $"{run.Started:``yyyy-MM-dd HH:mm:ss zzz``}, {run.Platform}"
                "motion", Motion.toJson run
                "series", seriesJson run
            ]

        let page = StringBuilder template.Value

        for name, content in parts do
            page.Replace($"{{{{{name}}}}}", content) |> ignore

        page.ToString()
