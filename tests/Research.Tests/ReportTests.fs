module Research.Tests.ReportTests

open System
open System.Text.Json
open System.Text.RegularExpressions
open Expecto
open Research.Lab
open Research.Tests.SampleRun
open Research.Tests.ChartReading

/// What is read from a chart against what it should show: within a pixel of 164.
let private same (read: (float * float) seq) (xs: float seq) (ys: float seq) message =
    let read, expected = Seq.toArray read, Seq.zip xs ys |> Seq.toArray
    Expect.equal read.Length expected.Length $"{message}: points"
    let range = Seq.max ys - Seq.min ys
    let length = Seq.max xs - Seq.min xs

    for (x, y), (ex, ey) in Array.zip read expected do
        Expect.isLessThan (abs (x - ex)) (0.003 * length) $"{message}: x"
        Expect.isLessThan (abs (y - ey)) (0.01 * range) $"{message}: {y} for {ey}"

/// Corners of the stairs of values that are held.
let private stairs timeStep (values: float[]) =
    [
        for t, value in Array.indexed values do
            timeStep * float t, value
            timeStep * float (t + 1), value
    ]

[<Tests>]
let tests =
    testList
        "Report"
        [
            test "the report needs nothing from outside and leaves nothing open" {
                let html = Report.toHtml ordinary
                let links = [ "src="; "href="; "url("; "@import"; "https:" ]

                for link in links do
                    Expect.isFalse (html.Contains link) $"no {link}"

                Expect.isFalse (html.Contains "{{") "every place is filled"
                Expect.isFalse (html.Contains "<b>real</b>") "text is text"
                Expect.isFalse (html.Contains "<script>alert") "and no script"

                for series in [ "x"; "y"; "u" ] do
                    Expect.stringContains html $"<span>{series} <span" "a chart each"

                Expect.isFalse (html.Contains "class=\"charts\" id=\"measurements\"") "nothing was measured"
                Expect.isFalse (html.Contains "class=\"legend\"") "and nothing happened"
            }

            test "every chart shows the quantity of its title: trajectories at their times, controls held" {
                let html = Report.toHtml ordinary
                let times = [ for t in 0 .. ordinary.Horizon -> float t * ordinary.TimeStep ]

                for state in ordinary.States do
                    same (values false (figure state.Name html)) times state.Values state.Name

                for control in ordinary.Controls do
                    let xs, ys = List.unzip (stairs ordinary.TimeStep control.Values)
                    same (values false (figure control.Name html)) xs ys control.Name
            }

            test "every chart shows the quantity of its title: iterations by number" {
                let bent =
                    { ordinary with
                        Iterations =
                            ordinary.Iterations
                            |> Array.map (fun iteration ->
                                { iteration with
                                    Violation = 1.0 / float iteration.Number
                                })
                    }

                let check run title isLog (quantity: IterationRecord -> float) =
                    // a logarithmic axis leaves zeros out, and its heights are compared
                    let height (y: float) = if isLog then log10 y else y
                    let shown = run.Iterations |> Array.filter (fun i -> not isLog || quantity i > 0.0)

                    same
                        (values isLog (figure title (Report.toHtml run))
                         |> List.map (fun (x, y) -> x, height y))
                        (shown |> Seq.map (fun i -> float i.Number))
                        (shown |> Seq.map (quantity >> height))
                        title

                check ordinary "cost" true _.Cost
                check ordinary "gradient" true _.Gradient
                check ordinary "regularisation μ" false _.Regularisation
                check ordinary "step α" false _.Step
                check bent "violation" false _.Violation
                Expect.isEmpty (figures (Report.toHtml bent) |> List.filter (fun (t, _) -> t = "step α")) "instead"
            }

            test "numbers of the run are in the page: all values beside the motion, iterations in a table, the cost" {
                let html = Report.toHtml ordinary

                let json =
                    Regex.Match(
                        html,
                        "<script id=\"series\" type=\"application/json\">(.*?)</script>",
                        RegexOptions.Singleline
                    )

                use document = JsonDocument.Parse json.Groups[1].Value
                let all = Seq.append ordinary.States ordinary.Controls |> Seq.toArray
                let group = document.RootElement[0]
                Expect.equal (group.GetArrayLength()) all.Length "one a chart over time"

                for series, found in Seq.zip all (group.EnumerateArray()) do
                    let found =
                        [ for v in found.GetProperty("values").EnumerateArray() -> v.GetDouble() ]

                    Expect.hasLength found series.Values.Length series.Name

                    for value, shown in Seq.zip series.Values found do
                        Expect.isLessThanOrEqual (abs (shown - value)) (1e-4 * abs value) series.Name

                let rows =
                    [
                        for row in Regex.Matches(html, "<tr><td>.*?</tr>") ->
                            [
                                for cell in Regex.Matches(row.Value, "<td>(.*?)</td>") -> cell.Groups[1].Value
                            ]
                    ]

                let last = ordinary.Iterations[4]

                Expect.equal
                    (List.last rows)
                    [
                        "5"
                        Show.number 9 last.Cost
                        Show.number 3 last.Gradient
                        "0"
                        Show.number 3 last.Regularisation
                        Show.number 3 last.Step
                        string (Net.WebUtility.HtmlEncode(Show.seconds last.Seconds))
                    ]
                    "the last iteration"

                Expect.hasLength rows 5 "all of them"
                Expect.stringContains html "<b>0.333333</b><span>cost</span>" "the cost"
                Expect.stringContains html "<b>1 s</b><span>10 steps of 0.1 s</span>" "the time"
            }

            test
                "measurements get a chart over time, a histogram and their worst; what happened is marked in every chart" {
                let measured =
                    { ordinary with
                        Events = [ 0.2, "<push>"; 0.7, "<push>" ]
                        Measurements =
                            [
                                {
                                    Name = "replan"
                                    Unit = "µs"
                                    Times = Array.init 10 (fun i -> 0.1 * float i)
                                    Values = Array.init 10 (fun i -> float (i + 1))
                                    Limit = Some 8.5
                                }
                            ]
                    }

                let html = Report.toHtml measured
                let count (part: string) = html.Split(part).Length - 1

                Expect.equal
                    (count "<figure" - (Report.toHtml ordinary).Split("<figure").Length + 1)
                    2
                    "two charts more"

                Expect.equal (count "class=\"mark\"") (2 * 4) "two marks in each of four charts over time"
                Expect.stringContains html "<b>10 &#181;s</b><span>replan, worst</span>" "the worst"
                Expect.stringContains html "<b>2 of 10</b>" "two above the limit"
                let measurement = measured.Measurements.Head

                // they are held until the next
                same
                    (values false (figure "replan" html))
                    (fst (List.unzip (stairs 0.1 measurement.Values)))
                    (snd (List.unzip (stairs 0.1 measurement.Values)))
                    "over time"

                Expect.stringContains html "&lt;push&gt; (2)" "what the marks are"
                Expect.isFalse (html.Contains "<push>") "text is text"
            }
        ]
