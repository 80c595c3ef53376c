module Research.Tests.LearningReportTests

open System
open System.Text.Json
open Expecto
open Research.Lab
open Research.Tests.SampleRun
open Research.Tests.ChartReading

let private series name values : Series =
    {
        Name = name
        Unit = "m"
        Values = values
        Bounds = None
        Reference = [||]
    }

let private trial (name: string) (expected: bool) : TrialRecord =
    {
        Name = name
        States = [| series "x <y>" [| 0.0; 0.5; 1.0 |] |]
        Expected =
            if expected then
                [|
                    {
                        Mean = [| 0.0; 0.4; nan |]
                        Deviation = [| 0.1; 0.2; 0.3 |]
                    }
                |]
            else
                [||]
        Controls = [| series "u" [| 1.0; -1.0 |] |]
        Losses = [| 0.75; 0.25 |]
        ExpectedLosses =
            if expected then
                Some
                    {
                        Mean = [| 0.5; 0.25 |]
                        Deviation = [| 0.1; 0.1 |]
                    }
            else
                None
        IsSolved = expected
        Experience = if expected then 0.4 else 0.2
        Search = if expected then [| 2.0; 1.0; 0.75 |] else [||]
        Notes = [ "lengthscale", "1 2" ]
        Timings = [ "run", 0.25 ]
        Motion = array2D [ [ 0.0; 0.0 ]; [ 0.5; 0.1 ]; [ 1.0; 0.2 ] ]
    }

let private learning: Learning =
    {
        Problem = "<made> & \"up\""
        Summary = "nothing <b>real</b>"
        Source = "a test"
        Learner = "PILCO"
        Status = "solved"
        IsSolved = true
        Validation = Some(94, 100)
        TimeStep = 0.1
        Trials = [ trial "random 1" false; trial "trial 1" true ]
        Options = [ "note", "</script><script>alert(1)</script>" ]
        Command = "learn <made>"
        Started = DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero)
        Platform = "here"
        Scene = ordinary.Scene
    }

let private contains (part: string) (text: string) =
    Expect.stringContains text part "the page"

[<Tests>]
let tests =
    testList
        "LearningReport"
        [
            test "the report needs nothing from outside and leaves nothing open" {
                let html = LearningReport.toHtml learning

                for link in [ "src="; "href="; "url("; "@import"; "https:" ] do
                    Expect.isFalse (html.Contains link) $"no {link}"

                Expect.isFalse (html.Contains "{{") "every place is filled"
                Expect.isFalse (html.Contains "<b>real</b>") "text is text"
                Expect.isFalse (html.Contains "<script>alert") "and no script"
                contains "<button>trial 1</button>" html
                contains "x &lt;y&gt;" html
                contains "class=\"band\"" html
                Expect.isFalse (html.Contains "NaN") "what is no number is not drawn"
            }

            test "the report holds one motion and one group of charts a trial" {
                let html = LearningReport.toHtml learning

                let script (id: string) =
                    let from = html.IndexOf $"<script id=\"{id}\" type=\"application/json\">"
                    let start = html.IndexOf('>', from) + 1
                    let upTo = html.IndexOf("</script>", start) - 1
                    JsonDocument.Parse(html[start..upTo]).RootElement

                Expect.equal ((script "motions").GetArrayLength()) 2 "motions"
                let groups = script "series"

                Expect.equal
                    (groups[0].GetArrayLength(), groups[1].GetArrayLength())
                    (3, 4)
                    "charts, the search included"

                Expect.equal (html.Split("<div class=\"charts\">").Length - 1) 3 "two groups and the learning curve"
            }

            test "every chart shows the quantity of its title" {
                let html = LearningReport.toHtml learning
                let charts = figures html

                let expect title which isLine (expected: (float * float) list) =
                    let chart =
                        charts |> List.filter (fun (name, _) -> name = title) |> List.item which |> snd

                    let x, y = readX chart, readY false chart

                    let read =
                        if isLine then
                            values false chart
                        else
                            ofClass "behind" chart
                            |> List.exactlyOne
                            |> lines
                            |> List.concat
                            |> List.map (fun (px, py) -> x px, y py)

                    Expect.hasLength read expected.Length title

                    for (x, y), (ex, ey) in List.zip read expected do
                        Expect.isLessThan (abs (x - ex)) 0.01 $"{title}: x"
                        Expect.isLessThan (abs (y - ey)) 0.02 $"{title}: {y} for {ey}"

                for which in 0..1 do
                    expect "x &lt;y&gt;" which true [ 0.0, 0.0; 0.1, 0.5; 0.2, 1.0 ]
                    expect "u" which true [ 0.0, 1.0; 0.1, 1.0; 0.1, -1.0; 0.2, -1.0 ]
                    expect "loss" which true [ 0.1, 0.75; 0.2, 0.25 ]

                expect "x &lt;y&gt;" 1 false [ 0.0, 0.0; 0.1, 0.4 ]
                expect "loss" 1 false [ 0.1, 0.5; 0.2, 0.25 ]
                expect "policy search" 0 true [ 0.0, 2.0; 1.0, 1.0; 2.0, 0.75 ]
                expect "mean loss of a step" 0 true [ 0.2, 0.5; 0.4, 0.5 ]
                expect "time of a trial" 0 true [ 0.2, 0.25; 0.4, 0.25 ]
                // the band is two standard deviations to either side
                let chart =
                    charts
                    |> List.filter (fun (name, _) -> name = "x &lt;y&gt;")
                    |> List.item 1
                    |> snd

                let y = readY false chart

                let band =
                    ofClass "band" chart
                    |> List.exactlyOne
                    |> lines
                    |> List.concat
                    |> List.map (snd >> y)

                for found, expected in List.zip band [ 0.2; 0.8; 0.0; -0.2 ] do
                    Expect.isLessThan (abs (found - expected)) 0.02 "band"
            }

            test "result.json gives numbers back bit by bit, and null for what is none" {
                let root =
                    JsonDocument.Parse(ReadOnlyMemory(LearningFile.toJson true learning)).RootElement

                let trials = root.GetProperty("trials")
                Expect.equal (trials.GetArrayLength()) 2 "trials"
                let unknown = trials[0].GetProperty "expected_loss"
                Expect.equal unknown.ValueKind JsonValueKind.Null "nothing was expected"
                Expect.equal (trials[1].GetProperty("expected_loss").GetDouble()) 0.375 "mean of what was expected"
                let states = trials[1].GetProperty "states"
                let expected = states[0].GetProperty "expected"
                Expect.equal (expected[1].GetDouble()) 0.4 "expected"
                Expect.equal expected[2].ValueKind JsonValueKind.Null "no number"
                Expect.equal (root.GetProperty("seconds").GetProperty("run").GetDouble()) 0.5 "times of all trials"
            }

            test "a report without trials is refused" {
                Expect.throwsC (fun () -> LearningReport.toHtml { learning with Trials = [] } |> ignore) (fun error ->
                    Expect.stringContains error.Message "one trial or more" "why")
            }
        ]
