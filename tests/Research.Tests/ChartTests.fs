module Research.Tests.ChartTests

open System
open System.Xml.Linq
open Expecto
open Research.Lab

let private chart isLog xs ys : XElement =
    let options: Chart.Options =
        {
            Title = "a < b"
            Unit = "m"
            XLabel = "time [s]"
            IsHeld = false
            IsLog = isLog
            HasDots = true
            Bounds = Some(-1.0, 1.0)
            Colour = "body"
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

            test "zeros of a logarithmic chart are shown as rings" {
                let svg = chart true [| 1.0; 2.0; 3.0 |] [| 1.0; 0.0; 0.0 |]

                let rings =
                    svg.Descendants(XName.Get "circle")
                    |> Seq.filter (fun circle -> attribute "class" circle = "zero")

                Expect.hasLength rings 2 "one each"
            }
        ]
