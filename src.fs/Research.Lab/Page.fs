namespace Research.Lab

open System
open System.IO
open System.Net
open System.Text

/// What reports are made of: the template, whose places are filled, and the parts that reports share.
[<RequireQualifiedAccess>]
module internal Page =

    let private template =
        lazy
            (use stream = nonNull (typeof<Run>.Assembly.GetManifestResourceStream "report.html")
             use reader = new StreamReader(stream)
             reader.ReadToEnd())

    let encode (text: string) : string = WebUtility.HtmlEncode text |> string

    let sentence (text: string) : string =
        if text = "" then
            ""
        else
            $"{Char.ToUpperInvariant text[0]}{text.Substring 1}."

    /// A part of the page with its heading, or nothing where it would be empty.
    let section (heading: string) (before: string) (content: string) (after: string) : string =
        if content = "" then
            ""
        else
            $"<h2>{heading}</h2>\n{before}{content}{after}"

    /// A number that is worth a large type, with what it is.
    let fact (value: string) (label: string) : string =
        $"<div><b>{encode value}</b><span>{encode label}</span></div>"

    /// Parts of a time with bars.
    let timingRows (timings: (string * float) list) : string =
        let total = timings |> List.sumBy snd |> max 1e-12

        timings
        |> List.map (fun (name, seconds) ->
            let share = Show.number 3 (100.0 * seconds / total)

            $"<tr><th>{encode name}<i class=\"bar\" style=\"width:{share}%%\"></i></th><td class=\"num\">{Show.seconds seconds}</td></tr>")
        |> String.concat "\n"

    let optionRows (options: (string * string) list) : string =
        options
        |> List.map (fun (name, value) -> $"<tr><th>{encode name}</th><td>{encode value}</td></tr>")
        |> String.concat "\n"

    /// Rows of numbers under headings.
    let numberRows (headings: string list) (rows: string list seq) : string =
        let row (tag: string) (cells: string list) =
            let cells =
                cells
                |> List.map (fun cell -> $"<{tag}>{encode cell}</{tag}>")
                |> String.concat ""

            $"<tr>{cells}</tr>"

        Seq.append [ row "th" headings ] (Seq.map (row "td") rows) |> String.concat "\n"

    /// A table in a card with its caption, or nothing where it has no rows.
    let table (caption: string) (rows: string) : string =
        if rows = "" then
            ""
        else
            $"<div class=\"card\"><table><caption>{encode caption}</caption>{rows}</table></div>"

    /// A wide table that scrolls.
    let scrollingTable (heading: string) (rows: string) : string =
        section heading "<div class=\"card scroll\"><table class=\"num\">" rows "</table></div>"

    let pill (isGood: bool) (text: string) : string =
        let kind = if isGood then "pill" else "pill bad"
        $"<span class=\"{kind}\">{encode text}</span>"

    let command (text: string) : string =
        section "Command" "<div class=\"card\"><pre>" (encode text) "</pre></div>"

    /// Values of a chart over time, with their times where there is not one at every step.
    type Values = { Values: float[]; Times: float[] }

    /// Values of charts, for what stands beside them as the motion plays: of each group of charts, those of each.
    let seriesJson (groups: Values list list) : string =
        let list (items: string seq) =
            items |> String.concat "," |> (fun inner -> $"[{inner}]")

        let number (x: float) =
            if Double.IsFinite x then x.ToString "G5" else "null"

        let numbers (values: float[]) = values |> Seq.map number |> list

        let chart (values: Values) =
            let times =
                if values.Times.Length = 0 then
                    ""
                else
                    $",\"times\":{numbers values.Times}"

            $"{{\"values\":{numbers values.Values}{times}}}"

        groups |> List.map (List.map chart >> list) |> list

    /// The page with its places filled.
    let fill (parts: (string * string) list) : string =
        let page = StringBuilder template.Value

        for name, content in parts do
            page.Replace($"{{{{{name}}}}}", content) |> ignore

        page.ToString()
