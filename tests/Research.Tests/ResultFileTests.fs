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
            <| fun (numbers: float[]) ->
                // the numbers go round and round, through every field
                let numbers = Array.append numbers [| Math.PI; 1e-310; nan |]
                let mutable drawn = 0

                let next () =
                    drawn <- drawn + 1
                    numbers[drawn % numbers.Length]

                let series (series: Series) =
                    { series with
                        Values = series.Values |> Array.map (fun _ -> next ())
                        Reference = series.Values |> Array.map (fun _ -> next ())
                        Bounds = Some(next (), next ())
                    }

                let run =
                    { ordinary with
                        Cost = next ()
                        Violation = Some(next ())
                        TimeStep = next ()
                        States = Array.map series ordinary.States
                        Controls = Array.map series ordinary.Controls
                        Gains = ordinary.Gains |> Array.map (Array2D.map (fun _ -> next ()))
                        Iterations =
                            ordinary.Iterations
                            |> Array.map (fun iteration ->
                                {
                                    Number = iteration.Number
                                    Cost = next ()
                                    Gradient = next ()
                                    Violation = next ()
                                    Regularisation = next ()
                                    Step = next ()
                                    Seconds = next ()
                                })
                        Timings = [ "solve", next () ]
                    }

                use document = JsonDocument.Parse(ReadOnlyMemory(ResultFile.toJson false run))

                let same (element: JsonElement) (written: float) =
                    if Double.IsFinite written then
                        element.ValueKind = JsonValueKind.Number
                        && (BitConverter.DoubleToInt64Bits(element.GetDouble()) = BitConverter.DoubleToInt64Bits written)
                    else
                        element.ValueKind = JsonValueKind.Null

                let all (element: JsonElement) (written: 'a[]) (same: JsonElement -> 'a -> bool) =
                    element.GetArrayLength() = written.Length
                    && Seq.forall2 same (element.EnumerateArray()) written

                let sameSeries (element: JsonElement) (written: Series) =
                    all (element.GetProperty "values") written.Values same
                    && all (element.GetProperty "reference") written.Reference same
                    && same (element.GetProperty "lower") (fst written.Bounds.Value)
                    && same (element.GetProperty "upper") (snd written.Bounds.Value)
                    && element.GetProperty("name").GetString() = written.Name

                let sameGain (element: JsonElement) (written: float[,]) =
                    all element [| for i in 0 .. Array2D.length1 written - 1 -> written[i, *] |] (fun row values ->
                        all row values same)

                let sameIteration (element: JsonElement) (written: IterationRecord) =
                    element.GetProperty("number").GetInt32() = written.Number
                    && same (element.GetProperty "cost") written.Cost
                    && same (element.GetProperty "gradient") written.Gradient
                    && same (element.GetProperty "violation") written.Violation
                    && same (element.GetProperty "regularisation") written.Regularisation
                    && same (element.GetProperty "step") written.Step
                    && same (element.GetProperty "seconds") written.Seconds

                let root = document.RootElement

                same (root.GetProperty "cost") run.Cost
                && same (root.GetProperty "violation") run.Violation.Value
                && same (root.GetProperty "time_step") run.TimeStep
                && all (root.GetProperty "states") run.States sameSeries
                && all (root.GetProperty "controls") run.Controls sameSeries
                && all (root.GetProperty "gains") run.Gains sameGain
                && all (root.GetProperty "iterations") run.Iterations sameIteration
                && same (root.GetProperty("seconds").GetProperty "solve") (snd run.Timings.Head)

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
