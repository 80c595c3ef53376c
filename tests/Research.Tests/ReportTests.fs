module Research.Tests.ReportTests

open Expecto
open Research.Lab
open Research.Tests.SampleRun

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
                Expect.stringContains html "&lt;push&gt; (2)" "what the marks are"
                Expect.isFalse (html.Contains "<push>") "text is text"
            }
        ]
