namespace Research.Lab

open System
open System.Net
open System.Text

/// Line charts as inline SVG whose colours are those of the page around it.
[<RequireQualifiedAccess>]
module Chart =

    let private width = 560.0
    let private height = 210.0
    let private left = 62.0
    let private right = 14.0
    let private top = 12.0
    let private bottom = 34.0

    /// Numbers from here on, and their inverses on a logarithmic axis, are not shown: arithmetic around them would leave the numbers.
    let private largest = 1e300

    /// Round numbers that divide a range into three to seven parts.
    let ticks (low: float) (high: float) : float[] =
        let rough = (high - low) / 6.0
        let power = 10.0 ** floor (log10 rough)

        let step =
            [ 1.0; 2.0; 2.5; 5.0; 10.0 ]
            |> List.map (fun factor -> factor * power)
            |> List.find (fun step -> step >= rough * 0.999)

        let first = ceil (low / step - 1e-9)
        let last = floor (high / step + 1e-9)
        Array.init (int (last - first) + 1) (fun i -> (first + float i) * step)

    /// Round numbers in a range of positive numbers: powers of ten, or every second, third … so that there are six at most; with their
    /// doubles and fives in a range of fewer than two powers; those of a linear axis where that gives fewer than two.
    let logTicks (low: float) (high: float) : float[] =
        let first, last = int (ceil (log10 low - 1e-9)), int (floor (log10 high + 1e-9))

        if last - first >= 2 then
            let every = max 1 ((last - first + 5) / 6)
            [| for exponent in first..every..last -> 10.0 ** float exponent |]
        else
            let found =
                [|
                    for exponent in first - 1 .. last do
                        for factor in [ 1.0; 2.0; 5.0 ] do
                            let tick = factor * 10.0 ** float exponent

                            if low <= tick && tick <= high then
                                tick
                |]

            if found.Length < 2 then ticks low high else found

    let private padded (values: float[]) =
        let low, high = Array.min values, Array.max values

        let room =
            if high > low then
                0.06 * (high - low)
            else
                max 1e-3 (0.5 * abs low)

        low - room, high + room

    let private paddedLog (values: float[]) =
        let low, high = log10 (Array.min values), log10 (Array.max values)
        let room = max 0.15 (0.06 * (high - low))
        10.0 ** (low - room), 10.0 ** (high + room)

    let private text (x: float) = (Math.Round(x, 1)).ToString()
    let private tickText (x: float) = (Show.number 4 x).Replace('-', '−')
    let private encode (text: string) : string = WebUtility.HtmlEncode text |> string
    let private floorY = height - bottom
    let private rightX = width - right

    /// Which numbers an axis shows, from one end to the other.
    type private Axis =
        {
            Low: float
            High: float
            IsLog: bool
            /// true where only whole numbers mean anything
            IsCount: bool
        }

        member axis.Share(value: float) : float =
            if axis.IsLog then
                (log10 value - log10 axis.Low) / (log10 axis.High - log10 axis.Low)
            else
                (value - axis.Low) / (axis.High - axis.Low)

        member axis.Ticks: float[] =
            if axis.IsLog then
                logTicks axis.Low axis.High
            elif axis.IsCount then
                ticks axis.Low axis.High |> Array.filter Double.IsInteger
            else
                ticks axis.Low axis.High

        member axis.X(value: float) : float =
            left + axis.Share value * (rightX - left)

        member axis.Y(value: float) : float =
            floorY - axis.Share value * (floorY - top)

    /// What stands around a chart: its heading, a note at its right, and a name under the x axis.
    type Caption =
        {
            Title: string
            Unit: string
            Note: string
            XLabel: string
            /// one of the page's colour classes
            Colour: string
        }

    /// A figure of caption, grid and numbers at the axes, and what `content` adds to it.
    let private figure (caption: Caption) (xAxis: Axis) (yAxis: Axis) (content: (string -> unit) -> unit) : string =
        let svg = StringBuilder()
        let add (line: string) = svg.Append line |> ignore
        let title = encode caption.Title

        let unit =
            if caption.Unit = "" then
                ""
            else
                $" <span class=\"unit\">{encode caption.Unit}</span>"

        add $"<figure class=\"chart {caption.Colour}\" data-left=\"{text left}\" data-right=\"{text rightX}\">"
        add $"<figcaption><span>{title}{unit}</span><output>{encode caption.Note}</output></figcaption>"

        add
            $"<svg viewBox=\"0 0 {text width} {text height}\" role=\"img\" aria-label=\"{title} over {encode caption.XLabel}\">"

        for y in yAxis.Ticks do
            let at = text (yAxis.Y y)
            add $"<line class=\"grid\" x1=\"{text left}\" x2=\"{text rightX}\" y1=\"{at}\" y2=\"{at}\"/>"

            add
                $"<text class=\"tick\" text-anchor=\"end\" x=\"{text (left - 8.0)}\" y=\"{text (yAxis.Y y + 4.0)}\">{tickText y}</text>"

        for x in xAxis.Ticks do
            add
                $"<text class=\"tick\" text-anchor=\"middle\" x=\"{text (xAxis.X x)}\" y=\"{text (floorY + 17.0)}\">{tickText x}</text>"

        add
            $"<text class=\"axis\" text-anchor=\"end\" x=\"{text rightX}\" y=\"{text (height - 3.0)}\">{encode caption.XLabel}</text>"

        content add
        add $"<line class=\"cursor\" x1=\"0\" x2=\"0\" y1=\"{text top}\" y2=\"{text floorY}\"/>"
        add "</svg></figure>"
        svg.ToString()

    let private upright (kind: string) (x: float) =
        $"<line class=\"{kind}\" x1=\"{text x}\" x2=\"{text x}\" y1=\"{text top}\" y2=\"{text floorY}\"/>"

    /// What to draw: points in order of x, and how.
    type Options =
        {
            Caption: Caption
            /// a value holds until the next, and the last for one interval more
            IsHeld: bool
            /// y on a logarithmic axis; zeros are rings on its floor
            IsLog: bool
            /// dots at the points, between which there is nothing
            HasDots: bool
            Bounds: (float * float) option
            /// what the values should be, drawn as a dashed line; empty where there is nothing of the kind
            Reference: float[]
            /// places on the x axis that are marked
            Marks: float list
        }

    /// A course to draw behind the line, dashed, and around it a band of the given half widths; no widths, no band.
    type Layer =
        {
            Xs: float[]
            Ys: float[]
            Spread: float[]
        }

    /// A chart of ys over xs, in front of other courses.
    let drawOver (behind: Layer list) (options: Options) (xs: float[]) (ys: float[]) : string =
        let isShown y =
            abs y < largest && (not options.IsLog || y > 1.0 / largest)

        let bounds =
            match options.Bounds with
            | Some(low, high) -> [| low; high |]
            | None -> [||]

        let behind = behind |> List.filter (fun layer -> layer.Ys.Length > 0)

        let edges (layer: Layer) =
            if layer.Spread.Length = 0 then
                layer.Ys
            else
                Array.append (Array.map2 (+) layer.Ys layer.Spread) (Array.map2 (-) layer.Ys layer.Spread)

        let shown =
            Array.concat [ ys; bounds; options.Reference; behind |> Seq.collect edges |> Seq.toArray ]
            |> Array.filter isShown

        let shown = if shown.Length = 0 then [| 1.0 |] else shown
        let low, high = if options.IsLog then paddedLog shown else padded shown
        let ends = xs :: List.map _.Xs behind

        let x0, x1 =
            ends |> Seq.map Array.head |> Seq.min, ends |> Seq.map Array.last |> Seq.max

        let xAxis =
            {
                Low = x0
                High = if x1 > x0 then x1 else x0 + 1.0
                IsLog = false
                IsCount = options.HasDots && Array.forall Double.IsInteger xs
            }

        let yAxis =
            {
                Low = low
                High = high
                IsLog = options.IsLog
                IsCount = false
            }

        let path (values: float[]) =
            let path = StringBuilder()
            let mutable isDown = false

            for i in 0 .. values.Length - 1 do
                if isShown values[i] then
                    let at (x: float) =
                        $"{text (xAxis.X x)} {text (yAxis.Y values[i])}"

                    let command = if isDown then "L" else "M"
                    path.Append($"{command}{at xs[i]}") |> ignore

                    if options.IsHeld && i + 1 < xs.Length then
                        path.Append($"L{at xs[i + 1]}") |> ignore

                isDown <- isShown values[i]

            path.ToString()

        let caption =
            if options.IsLog && Array.contains 0.0 ys then
                { options.Caption with Note = "○ is 0" }
            else
                options.Caption

        figure caption xAxis yAxis (fun add ->
            let forbidden (edge: float) (beyond: float) =
                let low, high = min edge beyond, max edge beyond

                add
                    $"<rect class=\"forbidden\" x=\"{text left}\" width=\"{text (rightX - left)}\" y=\"{text low}\" height=\"{text (high - low)}\"/>"

                add
                    $"<line class=\"bound\" x1=\"{text left}\" x2=\"{text rightX}\" y1=\"{text edge}\" y2=\"{text edge}\"/>"

            match options.Bounds with
            | None -> ()
            | Some(low, high) ->
                if isShown low then
                    forbidden (yAxis.Y low) floorY

                if isShown high then
                    forbidden (yAxis.Y high) top

            for x in options.Marks do
                if x0 <= x && x <= xAxis.High then
                    add (upright "mark" (xAxis.X x))

            for layer in behind do
                // points that cannot be drawn cut nothing: they are left out
                let drawn =
                    [
                        for i in 0 .. layer.Ys.Length - 1 do
                            let spread = if layer.Spread.Length > 0 then layer.Spread[i] else 0.0

                            if isShown (layer.Ys[i] - spread) && isShown (layer.Ys[i] + spread) then
                                i
                    ]

                let joined (points: string list) = "M" + String.concat "L" points

                let at x y =
                    $"{text (xAxis.X x)} {text (yAxis.Y y)}"

                if not drawn.IsEmpty then
                    if layer.Spread.Length > 0 then
                        let upper =
                            drawn |> List.map (fun i -> at layer.Xs[i] (layer.Ys[i] + layer.Spread[i]))

                        let lower =
                            drawn
                            |> List.rev
                            |> List.map (fun i -> at layer.Xs[i] (layer.Ys[i] - layer.Spread[i]))

                        add $"<path class=\"band\" d=\"{joined (upper @ lower)}Z\"/>"

                    add
                        $"<path class=\"behind\" d=\"{joined (drawn |> List.map (fun i -> at layer.Xs[i] layer.Ys[i]))}\"/>"

            if options.Reference.Length > 0 then
                add $"<path class=\"reference\" d=\"{path options.Reference}\"/>"

            add $"<path class=\"line\" d=\"{path ys}\"/>"

            if options.HasDots && ys.Length <= 80 then
                for i in 0 .. ys.Length - 1 do
                    if isShown ys[i] then
                        add
                            $"<circle class=\"dot\" r=\"2.6\" cx=\"{text (xAxis.X xs[i])}\" cy=\"{text (yAxis.Y ys[i])}\"/>"

            if options.IsLog then
                for i in 0 .. ys.Length - 1 do
                    if ys[i] = 0.0 then
                        add $"<circle class=\"zero\" r=\"2.6\" cx=\"{text (xAxis.X xs[i])}\" cy=\"{text floorY}\"/>")

    /// A chart of ys over xs.
    let draw (options: Options) (xs: float[]) (ys: float[]) : string = drawOver [] options xs ys

    /// Bars of a histogram at most.
    let private most = 40

    /// How often positive values come, by their size on a logarithmic axis, with a limit where there is one, and marked values with what
    /// they are. Values that are 0 or not finite do not count.
    let histogram (caption: Caption) (limit: float option) (marks: (float * string) list) (values: float[]) : string =
        let counted = values |> Array.filter (fun y -> 1.0 / largest < y && y < largest)

        let shown =
            if counted.Length = 0 then
                [| 1.0 |]
            else
                Array.append counted (Option.toArray limit)

        let low, high = paddedLog shown

        let xAxis =
            {
                Low = low
                High = high
                IsLog = true
                IsCount = false
            }

        let counts = Array.zeroCreate<int> most

        for value in counted do
            let bar = int (xAxis.Share value * float most)
            counts[min bar (most - 1)] <- counts[min bar (most - 1)] + 1

        let yAxis =
            {
                Low = 0.0
                High = 1.12 * float (max 1 (Array.max counts))
                IsLog = false
                IsCount = true
            }

        figure caption xAxis yAxis (fun add ->
            match limit with
            | None -> ()
            | Some limit ->
                let edge = xAxis.X limit

                add
                    $"<rect class=\"forbidden\" x=\"{text edge}\" width=\"{text (rightX - edge)}\" y=\"{text top}\" height=\"{text (floorY - top)}\"/>"

                add (upright "bound" edge)

            let bar = (rightX - left) / float most

            for i in 0 .. most - 1 do
                if counts[i] > 0 then
                    let y = yAxis.Y(float counts[i])

                    add
                        $"<rect class=\"count\" x=\"{text (left + float i * bar + 0.5)}\" width=\"{text (bar - 1.0)}\" y=\"{text y}\" height=\"{text (floorY - y)}\"/>"

            marks
            |> List.iteri (fun i (value, name) ->
                let x = xAxis.X value
                add (upright "quantile" x)

                let anchor, offset = if x > 0.7 * rightX then "end", -4.0 else "start", 4.0

                add
                    $"<text class=\"tick\" text-anchor=\"{anchor}\" x=\"{text (x + offset)}\" y=\"{text (top + 10.0 + 13.0 * float i)}\">{encode name}</text>"))
