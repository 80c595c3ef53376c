namespace Research.Agents

open System.Text.Json
open System.Text.Json.Serialization

/// Matrices as arrays of rows.
type private MatrixConverter() =
    inherit JsonConverter<float[,]>()

    override _.Read(reader, _, options) =
        let rows = nonNull (JsonSerializer.Deserialize<float[][]>(&reader, options))

        if rows |> Array.exists (fun row -> row.Length <> rows[0].Length) then
            raise (JsonException "a matrix has rows of different lengths")

        array2D rows

    override _.Write(writer, matrix, _) =
        writer.WriteStartArray()

        for i in 0 .. Array2D.length1 matrix - 1 do
            writer.WriteStartArray()

            for j in 0 .. Array2D.length2 matrix - 1 do
                writer.WriteNumberValue matrix[i, j]

            writer.WriteEndArray()

        writer.WriteEndArray()

/// "linear", or the number of basis functions.
type private PolicyConverter() =
    inherit JsonConverter<PolicyKind>()

    override _.Read(reader, _, _) =
        if reader.TokenType = JsonTokenType.Number then
            Rbf(reader.GetInt32())
        else
            Linear

    override _.Write(writer, policy, _) =
        match policy with
        | Linear -> writer.WriteStringValue "linear"
        | Rbf basis -> writer.WriteNumberValue basis

/// What a checkpoint holds: a learner between two trials, with its scenario by name.
type CheckpointContent =
    {
        FormVersion: int
        Scenario: string
        Options: PilcoOptions
        Prior: Prior option
        Trials: Trial list
    }

/// Learners as bytes. Numbers are written so that reading gives the same bits: a learner that goes on from a checkpoint does what it would
/// have done.
[<RequireQualifiedAccess>]
module Checkpoint =

    /// Version of the form: files of another are refused.
    let formVersion = 2

    let private options =
        let options =
            JsonSerializerOptions(PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower)

        options.Converters.Add(MatrixConverter())
        options.Converters.Add(PolicyConverter())
        options

    /// The bytes of a learner.
    let toJson (state: PilcoState) : byte[] =
        JsonSerializer.SerializeToUtf8Bytes(
            {
                FormVersion = formVersion
                Scenario = state.Scenario.Name
                Options = state.Options
                Prior = state.Prior
                Trials = state.Trials
            },
            options
        )

    /// The learner of bytes, with scenarios found by name; or what is wrong with them.
    let ofJson (find: string -> Result<Scenario, string>) (bytes: byte[]) : Result<PilcoState, string> =
        try
            match JsonSerializer.Deserialize<CheckpointContent>(bytes, options) with
            | null -> Error "it holds nothing"
            | content when content.FormVersion <> formVersion ->
                Error $"its form is version {content.FormVersion}, and this program reads version {formVersion}"
            | content ->
                find content.Scenario
                |> Result.map (fun scenario ->
                    {
                        Scenario = scenario
                        Options = content.Options
                        Prior = content.Prior
                        Trials = content.Trials
                    })
        with :? JsonException as failure ->
            Error failure.Message
