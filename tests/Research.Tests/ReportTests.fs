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
            }
        ]
