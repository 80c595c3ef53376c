module Research.Tests.ChartTests

open System
open System.Xml.Linq
open Expecto
open Research.Lab
open Research.Tests.ChartReading

let private caption: Chart.Caption =
    {
        Title = "a < b"
        Unit = "m"
        Note = ""
        XLabel = "time [s]"
        Colour = "body"
    }

let private plain: Chart.Options =
    {
        Caption = caption
        IsHeld = false
        IsLog = false
        HasDots = false
        Bounds = None
        Reference = [||]
        Marks = []
    }

let private draw options xs ys =
    XElement.Parse(Chart.draw options xs ys)

let private chart isLog xs ys : XElement =
    draw
        { plain with
            IsLog = isLog
            HasDots = true
            Bounds = Some(-1.0, 1.0)
            Reference = ys
            Marks = [ 0.5 ]
        }
        xs
        ys

/// The left and right end, the top and the floor of what a chart of 560 by 210 pixels shows between its axes.
let private left, right, top, floor = 62.0, 546.0, 12.0, 176.0

/// All paths and dots of a chart lie between its axes.
let private staysInside (svg: XElement) =
    let dots =
        svg.Descendants(XName.Get "circle")
        |> Seq.map (fun dot -> number "cx" dot, number "cy" dot)

    let along = svg.Descendants(XName.Get "path") |> Seq.collect lines |> Seq.concat

    Seq.append dots along
    |> Seq.forall (fun (x, y) -> left <= x && x <= right && top <= y && y <= floor)

/// Places of a chart have one decimal.
let private rounding = 0.051

let private near tolerance (actual: (float * float) list) (expected: (float * float) list) message =
    Expect.hasLength actual expected.Length message

    for (x, y), (ex, ey) in List.zip actual expected do
        Expect.isLessThan (max (abs (x - ex)) (abs (y - ey))) tolerance $"{message}: {x}, {y} for {ex}, {ey}"

[<Tests>]
let tests =
    testList
        "Chart"
        [
            testProperty "ticks lie in their range, evenly apart, three to eight of them"
            <| fun (a: FsCheck.NormalFloat) (b: FsCheck.NormalFloat) ->
                let low = max -1e100 (min a.Get b.Get)
                let width = max (1e-6 * abs low + 1e-9) (min 1e100 (abs (a.Get - b.Get)))
                let ticks = Chart.ticks low (low + width)
                let apart = ticks[1] - ticks[0]
                let slack = 1e-6 * width

                ticks.Length >= 3
                && ticks.Length <= 8
                && Array.head ticks >= low - slack
                && Array.last ticks <= low + width + slack
                && ticks
                   |> Array.pairwise
                   |> Array.forall (fun (x, y) -> abs (y - x - apart) < slack)

            testProperty "a logarithmic axis has two ticks or more, all in its range"
            <| fun (a: FsCheck.NormalFloat) (b: FsCheck.NormalFloat) ->
                let low = 10.0 ** (a.Get % 12.0)
                let high = low * (1.05 + 10.0 ** (abs b.Get % 12.0))
                let ticks = Chart.logTicks low high
                let slack = 1e-6 * high

                ticks.Length >= 2
                && ticks.Length <= 12
                && Array.forall (fun tick -> low * 0.999 <= tick && tick <= high + slack) ticks

            testProperty "a chart of any numbers is well-formed and stays in its picture"
            <| fun (values: float[]) (isLog: bool) ->
                let values = Array.append values [| 0.5 |]
                let times = Array.init values.Length float
                let svg = chart isLog times values

                // a number that cannot be shown is neither a point nor a dot, and breaks the line
                let isShown y =
                    abs y < 1e300 && (not isLog || y > 1e-300)

                let runs =
                    Array.append [| nan |] values
                    |> Array.pairwise
                    |> Array.filter (fun (before, y) -> isShown y && not (isShown before))
                    |> Array.length

                let points = values |> Array.filter isShown |> Array.length

                staysInside svg
                && (data svg).Length = runs
                && (data svg |> List.sumBy _.Length) = points
                && (values.Length > 80 || (ofClass "dot" svg).Length = points)

            testProperty
                "a histogram of any numbers is well-formed, counts those that are positive, and stays in its picture"
            <| fun (values: float[]) ->
                let values = Array.append values [| 0.5 |]
                let counted = values |> Array.filter (fun y -> y > 1e-300 && y < 1e300)

                let svg =
                    XElement.Parse(Chart.histogram caption (Some 2.0) [ 0.5, "median <" ] values)

                let bars =
                    svg.Descendants(XName.Get "rect")
                    |> Seq.filter (fun bar -> attribute "class" bar = "count")
                    |> Seq.toArray

                let number name bar = float (attribute name bar)

                bars.Length >= 1
                && bars.Length <= counted.Length
                && bars
                   |> Array.forall (fun bar ->
                       number "x" bar >= 0.0
                       && number "x" bar + number "width" bar <= 560.0
                       && number "y" bar >= 0.0
                       && number "y" bar + number "height" bar <= 210.0)

            test "known points lie on known pixels: the ends of x at the edges, y upwards, 6 % of room about it" {
                let room = 0.06 / 1.12 * (floor - top)

                near
                    rounding
                    (draw plain [| 3.0; 4.0; 5.0 |] [| 0.0; 5.0; 10.0 |] |> data |> List.exactlyOne)
                    [
                        left, floor - room
                        (left + right) / 2.0, (top + floor) / 2.0
                        right, top + room
                    ]
                    "linear"

                let room = 0.15 / 2.3 * (floor - top)

                near
                    rounding
                    (draw { plain with IsLog = true } [| 0.0; 1.0; 4.0 |] [| 1.0; 100.0; 10.0 |]
                     |> data
                     |> List.exactlyOne)
                    [
                        left, floor - room
                        left + (right - left) / 4.0, top + room
                        right, (top + floor) / 2.0
                    ]
                    "logarithmic"
            }

            testProperty "the numbers at the axes read back what was drawn"
            <| fun (a: FsCheck.NormalFloat) (b: FsCheck.NormalFloat) (c: FsCheck.NormalFloat) (isLog: bool) ->
                let ys = [| a.Get; b.Get; c.Get |] |> Array.map (fun y -> y % 1e3)

                let ys =
                    if isLog then
                        Array.map (fun y -> 10.0 ** (y / 100.0)) ys
                    else
                        ys

                let xs = [| 2.0; 2.5; 4.0 |]
                let svg = draw { plain with IsLog = isLog } xs ys
                let height (y: float) = if isLog then log10 y else y
                let heights = Array.map height ys
                let range = Array.max heights - Array.min heights

                range < 0.1
                || Seq.forall2
                    (fun (x, y) (ex, ey) -> abs (x - ex) < 0.01 && abs (height y - height ey) < 0.005 * range)
                    (values isLog svg)
                    (Seq.zip xs ys)

            test "a number that cannot be shown splits the line, held or not" {
                let ys = [| 0.0; 1.0; nan; 1.0; 0.0 |]
                let xs = Array.init 5 float
                Expect.equal (draw plain xs ys |> data |> List.map _.Length) [ 2; 2 ] "two lines of two points"
                let xs = Array.init 6 float

                Expect.equal
                    (draw { plain with IsHeld = true } xs ys |> data |> List.map _.Length)
                    [ 4; 4 ]
                    "two stairs of two steps"
            }

            test "what is held is drawn as stairs, the last step as long as the others" {
                let svg =
                    draw { plain with IsHeld = true } [| 0.0; 1.0; 2.0; 3.0 |] [| 1.0; 3.0; 2.0 |]

                near
                    0.02
                    (values false svg)
                    [ 0.0, 1.0; 1.0, 1.0; 1.0, 3.0; 2.0, 3.0; 2.0, 2.0; 3.0, 2.0 ]
                    "the corners"
            }

            test "limits, marks, dots and what is expected lie at their numbers" {
                let behind: Chart.Layer =
                    {
                        Xs = [| 0.0; 2.0; 4.0 |]
                        Ys = [| 1.0; 2.0; 1.0 |]
                        Spread = [| 0.5; 1.0; 0.25 |]
                    }

                let options =
                    { plain with
                        HasDots = true
                        Bounds = Some(-1.0, 4.0)
                        Reference = [| 3.0; 2.0 |]
                        Marks = [ 1.0; 9.0 ]
                    }

                let svg =
                    XElement.Parse(Chart.drawOver [ behind ] options [| 0.0; 4.0 |] [| 0.0; 2.0 |])

                let x, y = readX svg, readY false svg
                let read = List.map (fun (px, py) -> x px, y py)

                let path name =
                    ofClass name svg |> List.exactlyOne |> lines |> List.exactlyOne |> read

                near 0.03 (path "line") [ 0.0, 0.0; 4.0, 2.0 ] "data"
                near 0.03 (path "reference") [ 0.0, 3.0; 4.0, 2.0 ] "what should be"
                near 0.03 (path "behind") [ 0.0, 1.0; 2.0, 2.0; 4.0, 1.0 ] "what is expected"

                near
                    0.03
                    (path "band")
                    [ 0.0, 1.5; 2.0, 3.0; 4.0, 1.25; 4.0, 0.75; 2.0, 1.0; 0.0, 0.5 ]
                    "the band, there above and back below"

                near
                    0.03
                    (ofClass "dot" svg
                     |> List.map (fun dot -> x (number "cx" dot), y (number "cy" dot)))
                    [ 0.0, 0.0; 4.0, 2.0 ]
                    "dots"

                let mark = ofClass "mark" svg |> List.exactlyOne
                Expect.isLessThan (abs (x (number "x1" mark) - 1.0)) 0.01 "a mark inside the axis"

                let forbidden =
                    ofClass "forbidden" svg
                    |> List.map (fun area -> number "y" area, number "y" area + number "height" area)

                Expect.isLessThan (abs (y (fst forbidden[0]) + 1.0)) 0.03 "from the lower limit"
                Expect.isLessThan (abs (snd forbidden[0] - floor)) 0.11 "to the floor"
                Expect.isLessThan (abs (fst forbidden[1] - top)) 0.11 "from the top"
                Expect.isLessThan (abs (y (snd forbidden[1]) - 4.0)) 0.03 "to the upper limit"
            }

            test "a bar is as high as values are many, and stands where they lie" {
                let values = [| 1.0; 1.0; 1.0; 1000.0; 0.0; nan |]

                let svg =
                    XElement.Parse(Chart.histogram caption (Some 10.0) [ 1000.0, "worst" ] values)

                let bars = ofClass "count" svg
                let height = List.map (number "height") bars
                Expect.hasLength bars 2 "two sizes"
                Expect.isLessThan (abs (height[0] / height[1] - 3.0)) 0.01 "three to one"
                Expect.isLessThan (number "x" bars[0]) (number "x" bars[1]) "the larger to the right"
                // 0.18 powers of ten of room at either end of three
                let at power =
                    left + (0.18 + power) / 3.36 * (right - left)

                let bound = ofClass "bound" svg |> List.exactlyOne |> number "x1"
                Expect.isLessThan (abs (bound - at 1.0)) rounding "the limit"
                let worst = ofClass "quantile" svg |> List.exactlyOne |> number "x1"
                Expect.isLessThan (abs (worst - at 3.0)) rounding "a marked value"

                for bar, power in List.zip bars [ 0.0; 3.0 ] do
                    let from = number "x" bar - 1.0
                    let isIn = from <= at power && at power <= from + number "width" bar + 2.0
                    Expect.isTrue isIn "a bar about its values"
                    Expect.isLessThan (abs (number "y" bar + number "height" bar - floor)) 0.11 "on the floor"
            }

            test "what should be is drawn behind what is, and marks inside the axis only" {
                let svg = chart false [| 0.0; 1.0 |] [| 0.2; 0.4 |]

                let classes =
                    svg.Descendants()
                    |> Seq.map (fun e -> e.Attribute(XName.Get "class"))
                    |> Seq.choose Option.ofObj
                    |> Seq.map _.Value
                    |> Seq.toList

                Expect.isLessThan
                    (List.findIndex ((=) "reference") classes)
                    (List.findIndex ((=) "line") classes)
                    "the order"

                Expect.equal (classes |> List.filter ((=) "mark") |> List.length) 1 "one mark"
            }

            test "zeros of a logarithmic chart are shown as rings" {
                let svg = chart true [| 1.0; 2.0; 3.0 |] [| 1.0; 0.0; 0.0 |]

                let rings =
                    svg.Descendants(XName.Get "circle")
                    |> Seq.filter (fun circle -> attribute "class" circle = "zero")

                Expect.hasLength rings 2 "one each"
            }
        ]
