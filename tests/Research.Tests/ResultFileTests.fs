module Research.Tests.ResultFileTests

open System
open System.Text.Json
open Expecto
open Research.Lab
open Research.Tests.SampleRun

[<Tests>]
let tests =
    testList
        "ResultFile"
        [
            testProperty "result.json gives back every finite number bit by bit, and null for the others"
            <| fun (values: float[]) ->
                let states =
                    values |> Array.map (fun value -> value, -value) |> Array.append [| 0.0, 0.0 |]

                use document =
                    JsonDocument.Parse(ReadOnlyMemory(ResultFile.toJson false (runOf states)))

                let read =
                    (document.RootElement.GetProperty "states").Item(0).GetProperty("values").EnumerateArray()
                    |> Seq.toArray

                Seq.forall2
                    (fun (written: float, _) (element: JsonElement) ->
                        if Double.IsFinite written then
                            (BitConverter.DoubleToInt64Bits(element.GetDouble()) =
                                BitConverter.DoubleToInt64Bits written)
                        else
                            element.ValueKind = JsonValueKind.Null)
                    states
                    read
                && read.Length = states.Length

            test "measurements come with their quantiles, events with their times; runs without have no such fields" {
                let read run =
                    JsonDocument.Parse(ReadOnlyMemory(ResultFile.toJson true run)).RootElement

                let mutable found = Unchecked.defaultof<JsonElement>
                Expect.isFalse ((read ordinary).TryGetProperty("measurements", &found)) "no measurements"
                Expect.isFalse ((read ordinary).TryGetProperty("events", &found)) "no events"

                let run =
                    read
                        { ordinary with
                            Events = [ 0.5, "push" ]
                            Measurements =
                                [
                                    {
                                        Name = "replan"
                                        Unit = "µs"
                                        Times = [| 0.0; 0.5; 0.6 |]
                                        Values = [| 3.0; 1.0; 2.0 |]
                                        Limit = None
                                    }
                                ]
                        }

                let measurement = run.GetProperty("measurements").Item 0

                let number (name: string) =
                    measurement.GetProperty(name).GetDouble()

                Expect.equal (number "median", number "p99", number "worst") (2.0, 3.0, 3.0) "quantiles"
                Expect.isFalse (measurement.TryGetProperty("limit", &found)) "no limit"
                Expect.equal ((run.GetProperty("events").Item 0).GetProperty("time").GetDouble()) 0.5 "when"
            }
        ]
