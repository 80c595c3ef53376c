/// Reference data of tests/golden.
module Research.Tests.Golden

open System.IO
open System.Text.Json

let document (file: string) : JsonElement =
    let path = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", file)
    JsonDocument.Parse(File.ReadAllText path).RootElement

let property (name: string) (element: JsonElement) = element.GetProperty name
let items (element: JsonElement) = element.EnumerateArray() |> Seq.toArray
let cases (element: JsonElement) = element |> property "cases" |> items

let number (name: string) (element: JsonElement) = (property name element).GetDouble()
let whole (name: string) (element: JsonElement) = (property name element).GetInt32()

/// A number or a row of them.
let vectorOf (element: JsonElement) =
    if element.ValueKind = JsonValueKind.Number then
        [| element.GetDouble() |]
    else
        items element |> Array.map _.GetDouble()

let vector name element = vectorOf (property name element)

/// Rows of numbers; a single row may stand for itself.
let matrix name element =
    property name element |> items |> Array.map vectorOf |> array2D

/// Largest difference, relative to the largest reference number or 1.
let relative (reference: float seq) (ours: float seq) =
    let reference, ours = Seq.toArray reference, Seq.toArray ours

    if reference.Length <> ours.Length then
        failwith $"{reference.Length} reference numbers against {ours.Length}"

    let scale = reference |> Array.fold (fun m v -> max m (abs v)) 1.0

    let difference a b =
        if System.Double.IsNaN(a - b) then infinity else abs (a - b)

    Array.fold max 0.0 (Array.map2 difference reference ours) / scale
