module Research.Tests.ChartTests

open System
open System.Xml.Linq
open Expecto
open Research.Lab

let private caption: Chart.Caption =
    {
        Title = "a < b"
        Unit = "m"
        Note = ""
        XLabel = "time [s]"
        Colour = "body"
    }

let private chart isLog xs ys : XElement =
    let options: Chart.Options =
        {
            Caption = caption
            IsHeld = false
            IsLog = isLog
            HasDots = true
            Bounds = Some(-1.0, 1.0)
            Reference = ys
            Marks = [ 0.5 ]
        }

    XElement.Parse(Chart.draw options xs ys)

let private attribute (name: string) (element: XElement) =
    (nonNull (element.Attribute(XName.Get name))).Value

/// All numbers of the path and the dots of a chart lie within its picture; a chart is 560 wide and 210 high.
let private staysInside (svg: XElement) =
    let path = svg.Descendants(XName.Get "path") |> Seq.head |> attribute "d"

    path.Split([| 'M'; 'L' |], StringSplitOptions.RemoveEmptyEntries)
    |> Seq.forall (fun point ->
        let numbers = point.Split ' ' |> Array.map float

        0.0 <= numbers[0]
        && numbers[0] <= 560.0
        && 0.0 <= numbers[1]
        && numbers[1] <= 210.0)



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
                staysInside (chart isLog times values)

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
