/// Charts read back as a person reads them: places in the picture by the numbers at the axes.
module Research.Tests.ChartReading

open System
open System.Globalization
open System.Text.RegularExpressions
open System.Xml.Linq

let attribute (name: string) (element: XElement) : string =
    (nonNull (element.Attribute(XName.Get name))).Value

let private hasClass (name: string) (element: XElement) =
    match element.Attribute(XName.Get "class") with
    | null -> false
    | found -> Array.contains name (found.Value.Split ' ')

/// All elements of a class of the page.
let ofClass (name: string) (chart: XElement) : XElement list =
    chart.Descendants() |> Seq.filter (hasClass name) |> Seq.toList

let number (name: string) (element: XElement) : float =
    Double.Parse(attribute name element, CultureInfo.InvariantCulture)

let private points (text: string) =
    [
        for pair in text.Split 'L' ->
            let xy = pair.Trim('Z').Split ' ' |> Array.map float
            xy[0], xy[1]
    ]

/// The points of a path in pixels, a list for each unbroken line.
let lines (path: XElement) : (float * float) list list =
    (attribute "d" path).Split([| 'M' |], StringSplitOptions.RemoveEmptyEntries)
    |> Seq.map points
    |> Seq.toList

/// The lines of the data themselves.
let data (chart: XElement) : (float * float) list list =
    ofClass "line" chart |> List.exactlyOne |> lines

/// What numbers at pixels mean, by the two ticks farthest apart: their texts, and where they stand.
let private scale (isLog: bool) (ticks: (float * float) list) : float -> float =
    let along (value: float) = if isLog then log10 value else value
    let p0, v0 = List.head ticks
    let p1, v1 = List.last ticks
    let slope = (along v1 - along v0) / (p1 - p0)

    fun pixel ->
        let value = along v0 + slope * (pixel - p0)
        if isLog then 10.0 ** value else value

let private ticks (anchor: string) (place: XElement -> float) (chart: XElement) =
    ofClass "tick" chart
    |> List.filter (fun tick -> attribute "text-anchor" tick = anchor)
    |> List.map (fun tick -> place tick, Double.Parse(tick.Value.Replace('−', '-'), CultureInfo.InvariantCulture))

/// Values by pixels from the left.
let readX (chart: XElement) : float -> float =
    scale false (ticks "middle" (number "x") chart)

/// Values by pixels from the top, on a linear or a logarithmic axis. The text of a tick stands 4 pixels below its line.
let readY (isLog: bool) (chart: XElement) : float -> float =
    scale isLog (ticks "end" (fun tick -> number "y" tick - 4.0) chart)

/// The data of a chart in its own units.
let values (isLog: bool) (chart: XElement) : (float * float) list =
    let x, y = readX chart, readY isLog chart
    data chart |> List.concat |> List.map (fun (px, py) -> x px, y py)

/// The charts of a page by their titles, in order.
let figures (html: string) : (string * XElement) list =
    [
        for found in Regex.Matches(html, "<figure.*?</figure>", RegexOptions.Singleline) do
            let chart = XElement.Parse found.Value
            let title = chart.Element(XName.Get "figcaption") |> nonNull
            let first = title.Element(XName.Get "span") |> nonNull
            let name = first.Nodes() |> Seq.head
            name.ToString().Trim(), chart
    ]

/// The only chart of a title.
let figure (title: string) (html: string) : XElement =
    figures html
    |> List.filter (fun (name, _) -> name = title)
    |> List.exactlyOne
    |> snd
