module Research.Tests.MotionTests

open System.Text.Json
open System.Xml.Linq
open Expecto
open Research.Lab
open Research.Tests.SampleRun

let private attribute (name: string) (element: XElement) =
    (nonNull (element.Attribute(XName.Get name))).Value

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
