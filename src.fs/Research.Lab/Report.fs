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

            section "Convergence" "<div class=\"charts\">" (String.concat "\n" charts) "</div>"

    let private facts (run: Run) =
        let fact (value: string) (label: string) =
            $"<div><b>{encode value}</b><span>{encode label}</span></div>"

        let solving = run.Timings |> List.tryFind (fun (name, _) -> name = "solve")

        String.concat
            ""
            [
                fact (Show.number 6 run.Cost) "cost"
                match run.Violation with
                | Some violation -> fact (Show.number 2 violation) "largest violation"
                | None -> ()
                if run.Iterations.Length > 0 then
                    fact (string run.Iterations.Length) "iterations"
                match solving with
                | Some(_, seconds) -> fact (Show.seconds seconds) "to solve"
                | None -> ()
                fact $"{run.Horizon} × {Show.number 4 run.TimeStep} s" "horizon"
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

        let list (series: Series) =
            series.Values
            |> Seq.map number
            |> String.concat ","
            |> (fun inner -> $"[{inner}]")

        Seq.append run.States run.Controls
        |> Seq.map list
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
                "trajectories", trajectoryCharts run
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
