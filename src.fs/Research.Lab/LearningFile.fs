namespace Research.Lab

open System
open System.IO
open System.Text.Encodings.Web
open System.Text.Json

/// The machine-readable record of a learner's run. Numbers are written so that reading gives the same bits; those that are not finite become
/// null.
[<RequireQualifiedAccess>]
module LearningFile =

    /// Version of the file's form: it grows when a field changes its meaning or goes.
    let formVersion = 1

    let private number (writer: Utf8JsonWriter) (x: float) =
        if Double.IsFinite x then
            writer.WriteNumberValue x
        else
            writer.WriteNullValue()

    let private field (writer: Utf8JsonWriter) (name: string) (x: float) =
        writer.WritePropertyName name
        number writer x

    let private numbers (writer: Utf8JsonWriter) (name: string) (xs: float seq) =
        writer.WriteStartArray name
        Seq.iter (number writer) xs
        writer.WriteEndArray()

    let private texts (writer: Utf8JsonWriter) (name: string) (pairs: (string * string) list) =
        writer.WriteStartObject name

        for key, value in pairs do
            writer.WriteString(key, value)

        writer.WriteEndObject()

    let private times (writer: Utf8JsonWriter) (timings: (string * float) list) =
        writer.WriteStartObject "seconds"

        for name, seconds in timings do
            field writer name seconds

        writer.WriteEndObject()

    let private estimate (writer: Utf8JsonWriter) (expected: Band) =
        numbers writer "expected" expected.Mean
        numbers writer "deviation" expected.Deviation

    let private series (writer: Utf8JsonWriter) (series: Series) (expected: Band option) =
        writer.WriteStartObject()
        writer.WriteString("name", series.Name)
        writer.WriteString("unit", series.Unit)
        numbers writer "values" series.Values
        Option.iter (estimate writer) expected
        writer.WriteEndObject()

    let private trial (writer: Utf8JsonWriter) (trial: TrialRecord) =
        writer.WriteStartObject()
        writer.WriteString("name", trial.Name)
        writer.WriteBoolean("solved", trial.IsSolved)
        field writer "experience" trial.Experience
        field writer "loss" trial.Loss
        field writer "expected_loss" trial.ExpectedLoss
        writer.WriteStartArray "states"

        trial.States
        |> Array.iteri (fun i state -> series writer state (Array.tryItem i trial.Expected))

        writer.WriteEndArray()
        writer.WriteStartArray "controls"
        trial.Controls |> Array.iter (fun control -> series writer control None)
        writer.WriteEndArray()
        writer.WriteStartObject "losses"
        numbers writer "values" trial.Losses
        Option.iter (estimate writer) trial.ExpectedLosses
        writer.WriteEndObject()
        numbers writer "search" trial.Search
        texts writer "notes" trial.Notes
        times writer trial.Timings
        writer.WriteEndObject()

    /// The content of result.json.
    let toJson (indented: bool) (learning: Learning) : byte[] =
        use stream = new MemoryStream()

        let options =
            JsonWriterOptions(Indented = indented, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)

        do
            use writer = new Utf8JsonWriter(stream, options)
            writer.WriteStartObject()
            writer.WriteNumber("form_version", formVersion)
            writer.WriteString("problem", learning.Problem)
            writer.WriteString("learner", learning.Learner)
            writer.WriteString("status", learning.Status)
            writer.WriteBoolean("solved", learning.IsSolved)

            learning.Validation
            |> Option.iter (fun (solved, starts) ->
                writer.WriteStartObject "fresh_starts"
                writer.WriteNumber("solved", solved)
                writer.WriteNumber("count", starts)
                writer.WriteEndObject())

            writer.WriteString("command", learning.Command)
            texts writer "options" learning.Options
            writer.WriteString("started", learning.Started)
            writer.WriteString("platform", learning.Platform)
            times writer learning.Timings
            field writer "time_step" learning.TimeStep
            writer.WriteStartArray "trials"
            List.iter (trial writer) learning.Trials
            writer.WriteEndArray()
            writer.WriteEndObject()

        stream.ToArray()
