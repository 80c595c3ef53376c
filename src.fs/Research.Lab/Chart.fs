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

    /// What to draw: points in order of x, and how.
    type Options =
        {
            Title: string
            Unit: string
            XLabel: string
            /// a value holds until the next, and the last for one interval more
            IsHeld: bool
            /// y on a logarithmic axis; zeros are rings on its floor
            IsLog: bool
            /// dots at the points
            HasDots: bool
            Bounds: (float * float) option
            /// one of the page's colour classes
            Colour: string
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
        let svg = StringBuilder()
        let add (line: string) = svg.Append line |> ignore

        let isShown y =
            abs y < largest && (not options.IsLog || y > 1.0 / largest)

        let bounds =
            match options.Bounds with
            | Some(low, high) -> [ low; high ] |> List.filter isShown
            | None -> []

        let behind = behind |> List.filter (fun layer -> layer.Ys.Length > 0)

        let edges (layer: Layer) =
            if layer.Spread.Length = 0 then
                layer.Ys
            else
                Array.append (Array.map2 (+) layer.Ys layer.Spread) (Array.map2 (-) layer.Ys layer.Spread)

        let shown =
            Array.concat
                [
                    Array.filter isShown ys
                    List.toArray bounds
                    behind |> Seq.collect edges |> Seq.filter isShown |> Seq.toArray
                ]

        let shown = if shown.Length = 0 then [| 1.0 |] else shown
        let y0, y1 = if options.IsLog then paddedLog shown else padded shown
        let ends = xs :: List.map _.Xs behind

        let x0, x1 =
            ends |> Seq.map Array.head |> Seq.min, ends |> Seq.map Array.last |> Seq.max

        let x1 = if x1 > x0 then x1 else x0 + 1.0

        let px x =
            left + (x - x0) / (x1 - x0) * (width - left - right)

        let share y =
            if options.IsLog then
                (log10 y - log10 y0) / (log10 y1 - log10 y0)
            else
                (y - y0) / (y1 - y0)

        let py y =
            top + (1.0 - share y) * (height - top - bottom)

        let text (x: float) = (Math.Round(x, 1)).ToString()
        let tickText (x: float) = (Show.number 4 x).Replace('-', '−')
        let floorY, ceilingY = height - bottom, top
        let title = WebUtility.HtmlEncode options.Title

        let unit =
            if options.Unit = "" then
                ""
            else
                $" <span class=\"unit\">{WebUtility.HtmlEncode options.Unit}</span>"

        let note =
            if options.IsLog && Array.contains 0.0 ys then
                "○ is 0"
            else
                ""

        add $"<figure class=\"chart {options.Colour}\" data-left=\"{text left}\" data-right=\"{text (width - right)}\">"
        add $"<figcaption><span>{title}{unit}</span><output>{note}</output></figcaption>"

        add
            $"<svg viewBox=\"0 0 {text width} {text height}\" role=\"img\" aria-label=\"{title} over {options.XLabel}\">"

        for y in (if options.IsLog then logTicks y0 y1 else ticks y0 y1) do
            add
                $"<line class=\"grid\" x1=\"{text left}\" x2=\"{text (width - right)}\" y1=\"{text (py y)}\" y2=\"{text (py y)}\"/>"

            add
                $"<text class=\"tick\" text-anchor=\"end\" x=\"{text (left - 8.0)}\" y=\"{text (py y + 4.0)}\">{tickText y}</text>"

        for x in ticks x0 x1 do
            add
                $"<text class=\"tick\" text-anchor=\"middle\" x=\"{text (px x)}\" y=\"{text (floorY + 17.0)}\">{tickText x}</text>"

        add
            $"<text class=\"axis\" text-anchor=\"end\" x=\"{text (width - right)}\" y=\"{text (height - 3.0)}\">{WebUtility.HtmlEncode options.XLabel}</text>"

        let forbidden (from: float) (upTo: float) (edge: float) =
            let low, high = min from upTo, max from upTo

            add
                $"<rect class=\"forbidden\" x=\"{text left}\" width=\"{text (width - left - right)}\" y=\"{text low}\" height=\"{text (high - low)}\"/>"

            add
                $"<line class=\"bound\" x1=\"{text left}\" x2=\"{text (width - right)}\" y1=\"{text edge}\" y2=\"{text edge}\"/>"

        match options.Bounds with
        | None -> ()
        | Some(low, high) ->
            if isShown low then
                forbidden floorY (py low) (py low)

            if isShown high then
                forbidden ceilingY (py high) (py high)

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
            let at x y = $"{text (px x)} {text (py y)}"

            if not drawn.IsEmpty then
                if layer.Spread.Length > 0 then
                    let upper =
                        drawn |> List.map (fun i -> at layer.Xs[i] (layer.Ys[i] + layer.Spread[i]))

                    let lower =
                        drawn
                        |> List.rev
                        |> List.map (fun i -> at layer.Xs[i] (layer.Ys[i] - layer.Spread[i]))

                    add $"<path class=\"band\" d=\"{joined (upper @ lower)}Z\"/>"

                add $"<path class=\"behind\" d=\"{joined (drawn |> List.map (fun i -> at layer.Xs[i] layer.Ys[i]))}\"/>"

        let path = StringBuilder()
        let mutable isDown = false

        for i in 0 .. ys.Length - 1 do
            if isShown ys[i] then
                let at (x: float) = $"{text (px x)} {text (py ys[i])}"
                let command = if isDown then "L" else "M"
                path.Append($"{command}{at xs[i]}") |> ignore

                if options.IsHeld && i + 1 < xs.Length then
                    path.Append($"L{at xs[i + 1]}") |> ignore

            isDown <- isShown ys[i]

        add $"<path class=\"line\" d=\"{path}\"/>"

        if options.HasDots && ys.Length <= 80 then
            for i in 0 .. ys.Length - 1 do
                if isShown ys[i] then
                    add $"<circle class=\"dot\" r=\"2.6\" cx=\"{text (px xs[i])}\" cy=\"{text (py ys[i])}\"/>"

        if options.IsLog then
            for i in 0 .. ys.Length - 1 do
                if ys[i] = 0.0 then
                    add $"<circle class=\"zero\" r=\"2.6\" cx=\"{text (px xs[i])}\" cy=\"{text floorY}\"/>"

        add $"<line class=\"cursor\" x1=\"0\" x2=\"0\" y1=\"{text ceilingY}\" y2=\"{text floorY}\"/>"
        add "</svg></figure>"
        svg.ToString()

    /// A chart of ys over xs.
    let draw (options: Options) (xs: float[]) (ys: float[]) : string = drawOver [] options xs ys
