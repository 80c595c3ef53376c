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
        ]
