namespace Research.Agents

open System
open System.IO
open System.Runtime.InteropServices
open System.Security.Cryptography
open System.Text.Json
open System.Text.Json.Serialization
open System.Text.Json.Serialization.Metadata
open System.Text.Unicode
open FSharp.Reflection

/// Writes matrices as lists of rows.
type private MatrixConverter() =
    inherit JsonConverter<float[,]>()

    override _.Read(_, _, _) = raise (NotSupportedException())

    override _.Write(writer, matrix, options) =
        writer.WriteStartArray()

        for i in 0 .. Array2D.length1 matrix - 1 do
            JsonSerializer.Serialize(writer, matrix[i, *], options)

        writer.WriteEndArray()

/// Writes "linear", or the number of basis functions.
type private PolicyConverter() =
    inherit JsonConverter<PolicyKind>()

    override _.Read(_, _, _) = raise (NotSupportedException())

    override _.Write(writer, policy, _) =
        match policy with
        | Linear -> writer.WriteStringValue "linear"
        | Rbf basis -> writer.WriteNumberValue basis

/// What a checkpoint holds: a learner between two trials, with its scenario by name.
type CheckpointContent =
    {
        Scenario: string
        Options: PilcoOptions
        Prior: Prior option
        Trials: Trial list
    }

/// Learners as bytes: JSON with the version of its form, the learner, and the SHA-256 of the learner's bytes. Numbers are written so that
/// reading gives the same bits: a learner that goes on from a checkpoint does what it would have done, and one that was changed is refused.
[<RequireQualifiedAccess>]
module Checkpoint =

    /// Version of the form: files of another are refused.
    let formVersion = 3

    /// Fields of records, without the members that are computed from them.
    let private fields (info: JsonTypeInfo) =
        if FSharpType.IsRecord info.Type then
            let names =
                FSharpType.GetRecordFields info.Type
                |> Array.map (_.Name >> JsonNamingPolicy.SnakeCaseLower.ConvertName)

            for property in Seq.toArray info.Properties do
                if not (Array.contains property.Name names) then
                    info.Properties.Remove property |> ignore

    let private options =
        let resolver = DefaultJsonTypeInfoResolver()
        resolver.Modifiers.Add fields

        let options =
            JsonSerializerOptions(
                TypeInfoResolver = resolver,
                PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
                NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals
            )

        options.Converters.Add(MatrixConverter())
        options.Converters.Add(PolicyConverter())
        options

    let private checksum (learner: ReadOnlySpan<byte>) =
        Convert.ToHexStringLower(SHA256.HashData learner)

    /// The bytes of a learner.
    let toJson (state: PilcoState) : byte[] =
        let learner =
            JsonSerializer.SerializeToUtf8Bytes(
                {
                    Scenario = state.Scenario.Name
                    Options = state.Options
                    Prior = state.Prior
                    Trials = state.Trials
                },
                options
            )

        use stream = new MemoryStream()

        do
            use writer = new Utf8JsonWriter(stream)
            writer.WriteStartObject()
            writer.WriteNumber("form_version", formVersion)
            writer.WriteString("sha256", checksum (ReadOnlySpan learner))
            writer.WritePropertyName "learner"
            writer.WriteRawValue(ReadOnlySpan learner, skipInputValidation = true)
            writer.WriteEndObject()

        stream.ToArray()

    let private read (find: string -> Result<Scenario, string>) (document: JsonDocument) : Result<PilcoState, string> =
        let file =
            {
                Path = "the file"
                Value = document.RootElement
            }

        match Place.at "form_version" file |> Place.whole with
        | version when version < formVersion ->
            Error
                $"its form is version {version}, of an earlier program, and this one reads version {formVersion}: go on with the program that wrote it, or begin anew"
        | version when version > formVersion ->
            Error $"its form is version {version}, of a newer program, and this one reads version {formVersion}"
        | _ ->
            let learner =
                { Place.at "learner" file with
                    Path = "learner"
                }

            find (Place.at "scenario" learner |> Place.text)
            |> Result.map (fun scenario -> CheckpointReader.read scenario learner)
            |> Result.bind (fun state ->
                if Place.at "sha256" file |> Place.text = checksum (JsonMarshal.GetRawUtf8Value learner.Value) then
                    Ok state
                else
                    Error "a value in it is not the one that was written: its SHA-256 is not that beside it")

    /// The learner of bytes, with scenarios found by name; or what is wrong with them: the member, what it is and what is needed.
    /// Whatever the bytes are, no exception.
    let ofJson (find: string -> Result<Scenario, string>) (bytes: byte[]) : Result<PilcoState, string> =
        if not (Utf8.IsValid(ReadOnlySpan bytes)) then
            Error "it is no text in UTF-8"
        else
            try
                use document = JsonDocument.Parse(ReadOnlyMemory bytes)
                read find document
            with
            | Unreadable reason -> Error reason
            | :? JsonException as failure -> Error $"it is no whole JSON: {failure.Message}"
            // half a character in a text, written with an escape
            | :? InvalidOperationException as failure -> Error $"a text in it is none: {failure.Message}"
