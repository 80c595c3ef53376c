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

/// A value of a file of cases, and where in the file it is, as `cases[2].A[0]`; the file itself is at "".
type Field = { Path: string; Value: JsonElement }

/// A file that is not as its kind asks: where, what was found there, and what would be right.
exception MalformedCase of reason: string with
    override this.Message = this.reason

/// Reading of recorded numbers. Whatever a file lacks or has in another form is a `MalformedCase` that names the place.
[<RequireQualifiedAccess>]
module Json =

    /// Numbers beyond it are refused: products of three would overflow.
    let private largest = 1e100

    let private place (field: Field) =
        if field.Path = "" then "the file" else field.Path

    let private found (field: Field) =
        match field.Value.ValueKind with
        | JsonValueKind.Array -> $"an array of {field.Value.GetArrayLength()} was found"
        | JsonValueKind.Object -> "an object was found"
        | _ ->
            let text = field.Value.GetRawText()
            let shown = if text.Length > 40 then text[..36] + "…" else text
            $"{shown} was found"

    /// Refuses a field: `expected` says what is needed there.
    let wrong (expected: string) (field: Field) : 'a =
        raise (MalformedCase $"{place field}: {expected} needed, and {found field}")

    let private child (name: string) (field: Field) (value: JsonElement) : Field =
        {
            Path = (if field.Path = "" then name else $"{field.Path}.{name}")
            Value = value
        }

    /// The members of an object.
    let members (field: Field) : (string * Field) list =
        if field.Value.ValueKind <> JsonValueKind.Object then
            wrong "an object is" field

        [
            for property in field.Value.EnumerateObject() do
                property.Name, child property.Name field property.Value
        ]

    /// A member that may be absent or null.
    let tryGet (name: string) (field: Field) : Field option =
        if field.Value.ValueKind <> JsonValueKind.Object then
            wrong "an object is" field

        match field.Value.TryGetProperty name with
        | true, found when found.ValueKind <> JsonValueKind.Null -> Some(child name field found)
        | _ -> None

    /// A member that must be there.
    let get (name: string) (field: Field) : Field =
        match tryGet name field with
        | Some found -> found
        | None -> raise (MalformedCase $"the field '{(child name field field.Value).Path}' is missing")

    /// The items of an array.
    let items (field: Field) : Field[] =
        if field.Value.ValueKind <> JsonValueKind.Array then
            wrong "an array is" field

        field.Value.EnumerateArray()
        |> Seq.mapi (fun i item ->
            {
                Path = $"{field.Path}[{i}]"
                Value = item
            })
        |> Seq.toArray

    /// A text.
    let text (field: Field) : string =
        if field.Value.ValueKind <> JsonValueKind.String then
            wrong "a text is" field

        string (field.Value.GetString())

    /// True or false.
    let boolean (field: Field) : bool =
        match field.Value.ValueKind with
        | JsonValueKind.True -> true
        | JsonValueKind.False -> false
        | _ -> wrong "true or false is" field

    /// A number.
    let number (field: Field) : float =
        match field.Value.ValueKind with
        | JsonValueKind.Number when abs (field.Value.GetDouble()) <= largest -> field.Value.GetDouble()
        | _ -> wrong $"a number between -{largest:G1} and {largest:G1} is" field

    /// A positive number.
    let positive (field: Field) : float =
        let value = number field

        if value > 0.0 then
            value
        else
            wrong "a positive number is" field

    /// A whole number between two.
    let whole (least: int) (most: int) (field: Field) : int =
        let value = number field

        if value = Math.Round value && float least <= value && value <= float most then
            int value
        else
            wrong $"a whole number from {least} to {most} is" field

    /// A number; null stands for the given one.
    let numberOr (missing: float) (field: Field) : float =
        if field.Value.ValueKind = JsonValueKind.Null then
            missing
        else
            number field

    let private row (field: Field) : Field[] =
        if field.Value.ValueKind = JsonValueKind.Array then
            items field
        else
            [| field |]

    /// An array of numbers; a single number is an array of one.
    let vector (field: Field) : float[] = row field |> Array.map number

    /// As many numbers as given.
    let vectorOf (count: int) (field: Field) : float[] =
        if (row field).Length <> count then
            wrong $"{count} numbers are" field

        vector field

    /// An array of rows, at least one of at least one number.
    let matrix (field: Field) : float[,] =
        match items field with
        | [||] -> wrong "an array of rows of numbers is" field
        | rows ->
            let width = (row rows[0]).Length

            if width = 0 then
                wrong "a row of numbers is" rows[0]

            rows |> Array.map (vectorOf width) |> array2D

    /// A matrix of so many rows and columns.
    let matrixOf (rows: int) (columns: int) (field: Field) : float[,] =
        let all = items field

        if all.Length <> rows then
            wrong $"{rows} rows of {columns} numbers are" field

        let numbers = all |> Array.map (vectorOf columns)
        Array2D.init rows columns (fun i j -> numbers[i][j])

    /// A matrix of so many columns and one row or more.
    let matrixWith (columns: int) (field: Field) : float[,] =
        matrixOf (max 1 (items field).Length) columns field

    /// Indices that count from one to `most`, as indices that count from zero.
    let indices (most: int) (field: Field) : int[] =
        row field |> Array.map (fun item -> whole 1 most item - 1)

    /// All numbers of nested arrays, in order.
    let rec flat (field: Field) : float list =
        match field.Value.ValueKind with
        | JsonValueKind.Array -> items field |> Seq.collect flat |> Seq.toList
        | _ -> [ number field ]

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

    /// Compares all numbers of a field of the case, which must be as many.
    let field (tolerance: float) (case: Field) (name: string) (ours: float seq) : Comparison =
        let recorded = Json.get name case
        let expected, ours = Json.flat recorded, Seq.toArray ours

        if expected.Length <> ours.Length then
            let count =
                if ours.Length = 1 then
                    "one number is"
                else
                    $"{ours.Length} numbers are"

            Json.wrong count recorded

        numbers tolerance name expected ours

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
