namespace Research.Lab

open System
open System.IO
open System.Text.Encodings.Web
open System.Text.Json

/// The machine-readable record of a run. Numbers are written so that reading gives the same bits; those that are not finite become null.
[<RequireQualifiedAccess>]
module ResultFile =

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

    let private numbers (writer: Utf8JsonWriter) (xs: float seq) =
        writer.WriteStartArray()
        Seq.iter (number writer) xs
        writer.WriteEndArray()

    let private many (writer: Utf8JsonWriter) (name: string) (write: 'a -> unit) (items: 'a seq) =
        writer.WriteStartArray name
        Seq.iter write items
        writer.WriteEndArray()

    let private series (writer: Utf8JsonWriter) (series: Series) =
        writer.WriteStartObject()
        writer.WriteString("name", series.Name)
        writer.WriteString("unit", series.Unit)

        match series.Bounds with
        | None -> ()
        | Some(lower, upper) ->
            field writer "lower" lower
            field writer "upper" upper

        if series.Reference.Length > 0 then
            writer.WritePropertyName "reference"
            numbers writer series.Reference

        writer.WritePropertyName "values"
        numbers writer series.Values
        writer.WriteEndObject()

    let private event (writer: Utf8JsonWriter) (time: float, what: string) =
        writer.WriteStartObject()
        field writer "time" time
        writer.WriteString("what", what)
        writer.WriteEndObject()

    let private measurement (writer: Utf8JsonWriter) (measurement: Measurement) =
        writer.WriteStartObject()
        writer.WriteString("name", measurement.Name)
        writer.WriteString("unit", measurement.Unit)
        measurement.Limit |> Option.iter (field writer "limit")

        for name, share in [ "median", 0.5; "p99", 0.99; "worst", 1.0 ] do
            field writer name (Measurement.quantile share measurement.Values)

        writer.WritePropertyName "times"
        numbers writer measurement.Times
        writer.WritePropertyName "values"
        numbers writer measurement.Values
        writer.WriteEndObject()

    let private iteration (writer: Utf8JsonWriter) (iteration: IterationRecord) =
        writer.WriteStartObject()
        writer.WriteNumber("number", iteration.Number)
        field writer "cost" iteration.Cost
        field writer "gradient" iteration.Gradient
        field writer "violation" iteration.Violation
        field writer "regularisation" iteration.Regularisation
        field writer "step" iteration.Step
        field writer "seconds" iteration.Seconds
        writer.WriteEndObject()

    /// The content of result.json.
    let toJson (indented: bool) (run: Run) : byte[] =
        use stream = new MemoryStream()

        let options =
            JsonWriterOptions(Indented = indented, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)

        do
            use writer = new Utf8JsonWriter(stream, options)
            writer.WriteStartObject()
            writer.WriteNumber("form_version", formVersion)
            writer.WriteString("problem", run.Problem)
            writer.WriteString("solver", run.Solver)
            writer.WriteString("status", run.Status)
            writer.WriteBoolean("converged", run.Converged)
            field writer "cost" run.Cost
            run.Violation |> Option.iter (field writer "violation")
            writer.WriteString("command", run.Command)
            writer.WriteStartObject "options"

            for name, value in run.Options do
                writer.WriteString(name, value)

            writer.WriteEndObject()
            writer.WriteString("started", run.Started)
            writer.WriteString("platform", run.Platform)
            writer.WriteStartObject "seconds"

            for name, seconds in run.Timings do
                field writer name seconds

            writer.WriteEndObject()
            field writer "time_step" run.TimeStep
            many writer "states" (series writer) run.States
            many writer "controls" (series writer) run.Controls

            let row (gain: float[,]) i = numbers writer gain[i, *]

            let matrix (gain: float[,]) =
                writer.WriteStartArray()

                for i in 0 .. Array2D.length1 gain - 1 do
                    row gain i

                writer.WriteEndArray()

            many writer "gains" matrix run.Gains
            many writer "iterations" (iteration writer) run.Iterations

            if not run.Events.IsEmpty then
                many writer "events" (event writer) run.Events

            if not run.Measurements.IsEmpty then
                many writer "measurements" (measurement writer) run.Measurements

            writer.WriteEndObject()

        stream.ToArray()
