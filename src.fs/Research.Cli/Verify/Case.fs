namespace Research.Cli.Verify

open System
open System.Text.Json

/// How far one quantity of a case is from what was recorded.
type Comparison =
    {
        Quantity: string
        /// relative to the largest recorded number of the quantity; one-sided where the quantity is a cost to be reached
        Error: float
        /// largest error at which it passes, unless the user gives another
        Tolerance: float
    }

/// What became of a case.
type CaseResult =
    {
        Case: string
        Comparisons: Comparison list
        /// why the case could not be solved
        Failure: string option
    }

/// Reading of recorded numbers. Everything that a file lacks is an exception that names it.
[<RequireQualifiedAccess>]
module Json =

    /// A member that must be there.
    let get (name: string) (element: JsonElement) : JsonElement =
        match element.TryGetProperty name with
        | true, found -> found
        | _ -> failwith $"the field '{name}' is missing"

    /// A member that may be absent or null.
    let tryGet (name: string) (element: JsonElement) : JsonElement option =
        match element.TryGetProperty name with
        | true, found when found.ValueKind <> JsonValueKind.Null -> Some found
        | _ -> None

    /// A number; null stands for the given one.
    let numberOr (missing: float) (element: JsonElement) : float =
        if element.ValueKind = JsonValueKind.Null then
            missing
        else
            element.GetDouble()

    /// A number.
    let number (element: JsonElement) : float = element.GetDouble()

    /// An array of numbers; a single number is an array of one.
    let vector (element: JsonElement) : float[] =
        if element.ValueKind = JsonValueKind.Array then
            element.EnumerateArray() |> Seq.map number |> Seq.toArray
        else
            [| number element |]

    /// An array of rows.
    let matrix (element: JsonElement) : float[,] =
        let rows = element.EnumerateArray() |> Seq.map vector |> Seq.toArray

        if
            rows.Length > 0
            && rows |> Array.exists (fun row -> row.Length <> rows[0].Length)
        then
            failwith "a matrix has rows of different lengths"

        array2D rows

    /// All numbers of nested arrays, in order.
    let rec flat (element: JsonElement) : float list =
        match element.ValueKind with
        | JsonValueKind.Array -> element.EnumerateArray() |> Seq.collect flat |> Seq.toList
        | _ -> [ number element ]

[<RequireQualifiedAccess>]
module Comparison =

    /// Compares numbers with recorded ones, relative to the largest of these or to what they were summed from, if that is larger.
    let summed
        (tolerance: float)
        (quantity: string)
        (terms: float seq)
        (recorded: float seq)
        (ours: float seq)
        : Comparison =
        let recorded, ours = Seq.toArray recorded, Seq.toArray ours

        let error =
            if recorded.Length <> ours.Length then
                infinity
            else
                let scale = Seq.append terms recorded |> Seq.map abs |> Seq.fold max 0.0

                let difference =
                    Seq.map2 (fun a b -> abs (a - b)) recorded ours
                    |> Seq.fold (fun m d -> if d <= m then m else d) 0.0

                if scale = 0.0 then difference else difference / scale

        {
            Quantity = quantity
            Error = (if Double.IsNaN error then infinity else error)
            Tolerance = tolerance
        }

    /// Compares numbers with recorded ones, relative to the largest of these.
    let numbers (tolerance: float) (quantity: string) (recorded: float seq) (ours: float seq) : Comparison =
        summed tolerance quantity [] recorded ours

    /// Compares all numbers of a field of the case.
    let field (tolerance: float) (element: JsonElement) (name: string) (ours: float seq) : Comparison =
        numbers tolerance name (Json.flat (Json.get name element)) ours

    /// How far a cost lies above the recorded one; below is no error.
    let reached (tolerance: float) (quantity: string) (recorded: float) (ours: float) : Comparison =
        {
            Quantity = quantity
            Error =
                (if Double.IsFinite ours then
                     max 0.0 ((ours - recorded) / abs recorded)
                 else
                     infinity)
            Tolerance = tolerance
        }
