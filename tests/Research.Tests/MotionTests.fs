module Research.Tests.MotionTests

open System.Text.Json
open System.Xml.Linq
open Expecto
open Research.Lab
open Research.Tests.SampleRun
open Research.Tests.ChartReading

[<Tests>]
let tests =
    testList
        "Motion"
        [
            test "the animated picture is well-formed, and all that moves has as many values" {
                let svg = XElement.Parse(Motion.toSvg ordinary)

                let counts =
                    svg.Descendants()
                    |> Seq.filter (fun element -> element.Name.LocalName = "animate")
                    |> Seq.map (fun element -> (attribute "values" element).Split(';').Length)
                    |> Seq.toList

                Expect.hasLength counts 3 "a polygon's points, a disc's two coordinates"
                Expect.hasLength (List.distinct counts) 1 "in step"
            }

            test "frames are the shapes at the states of their steps" {
                use document = JsonDocument.Parse(Motion.toJson ordinary)
                let root = document.RootElement

                let steps =
                    [ for step in root.GetProperty("steps").EnumerateArray() -> step.GetInt32() ]

                Expect.equal steps [ 0 .. ordinary.Horizon ] "all of them"

                for step, frame in Seq.zip steps (root.GetProperty("frames").EnumerateArray()) do
                    let x = ordinary.StateAt step

                    let shape (i: int) =
                        frame[i].EnumerateArray() |> Seq.skip 2 |> Seq.map _.GetDouble() |> Seq.toList

                    let rounded (numbers: float list) =
                        numbers |> List.map (fun v -> System.Math.Round(v, 4))

                    Expect.equal (shape 0) [ 0.02; -1.0; 0.0; 1.0; 0.0 ] $"the ground at {step}"
                    Expect.equal (shape 1) (rounded [ x[0]; 0.0; 0.3; 0.2; x[1] ]) $"the box at {step}"
                    Expect.equal (shape 2) (rounded [ x[0]; x[1]; 0.05 ]) $"the disc at {step}"

                // of more states than frames, the steps shown are spread from the first to the last
                use long =
                    JsonDocument.Parse(Motion.toJson (runOf (Array.init 1001 (fun t -> float t, 0.0))))

                for step, frame in
                    Seq.zip
                        (long.RootElement.GetProperty("steps").EnumerateArray())
                        (long.RootElement.GetProperty("frames").EnumerateArray()) do
                    Expect.equal (frame[2].Item(2).GetDouble()) (step.GetDouble()) "the state of its step"

                let last = Seq.last (long.RootElement.GetProperty("steps").EnumerateArray())
                Expect.equal (last.GetInt32()) 1000 "to the end"
            }

            test "the animated picture shows the positions of the states, x to the right and y upwards" {
                let svg = XElement.Parse(Motion.toSvg ordinary)
                use document = JsonDocument.Parse(Motion.toJson ordinary)

                let view =
                    [
                        for edge in document.RootElement.GetProperty("view").EnumerateArray() -> edge.GetDouble()
                    ]

                let scale = 720.0 / (view[1] - view[0])

                let animated (name: string) =
                    svg.Descendants()
                    |> Seq.filter (fun e -> e.Name.LocalName = "animate" && attribute "attributeName" e = name)
                    |> Seq.exactlyOne
                    |> fun e -> (attribute "values" e).Split ';'

                // the picture rests at the last pose for a while
                let states = Array.init (ordinary.Horizon + 1) ordinary.StateAt

                let same (shown: float[]) (expected: float[]) message =
                    Expect.isGreaterThanOrEqual shown.Length expected.Length message

                    for i in 0 .. shown.Length - 1 do
                        let expected = expected[min i (expected.Length - 1)]
                        Expect.isLessThan (abs (shown[i] - expected)) 0.1 $"{message}, frame {i}"

                let px (x: float) = scale * (x - view[0])
                let py (y: float) = scale * (view[3] - y)
                same (animated "cx" |> Array.map float) (states |> Array.map (fun x -> px x[0])) "x of the disc"
                same (animated "cy" |> Array.map float) (states |> Array.map (fun x -> py x[1])) "y of the disc"

                // the corner that is low and to the left while the box is not turned
                let corner =
                    animated "points" |> Array.map (fun points -> (points.Split ' ').[0].Split ',')

                let expected along =
                    states
                    |> Array.map (fun x ->
                        let c, s = cos x[1], sin x[1]
                        along (x[0] - 0.15 * c + 0.1 * s) (-0.15 * s - 0.1 * c))

                same (corner |> Array.map (fun xy -> float xy[0])) (expected (fun x _ -> px x)) "x of a corner"
                same (corner |> Array.map (fun xy -> float xy[1])) (expected (fun _ y -> py y)) "y of a corner"
            }

            test "a motion that leaves the numbers is shown as far as it goes" {
                let run = runOf [| 0.0, 0.0; 0.1, 0.1; nan, 0.0; 0.2, 0.2 |]
                use document = JsonDocument.Parse(Motion.toJson run)
                Expect.equal (document.RootElement.GetProperty("frames").GetArrayLength()) 2 "two states are finite"
                XElement.Parse(Motion.toSvg run) |> ignore
            }

            test "the view widens to what moves, but not without end" {
                let view x =
                    use document = JsonDocument.Parse(Motion.toJson (runOf [| 0.0, 0.0; x, 0.0 |]))
                    (document.RootElement.GetProperty "view").Item(1).GetDouble()

                Expect.equal (view 0.5) 1.0 "inside the scene"
                Expect.isGreaterThan (view 2.0) 2.0 "outside"
                Expect.isLessThan (view 1e9) 10.0 "far away"
            }
        ]
