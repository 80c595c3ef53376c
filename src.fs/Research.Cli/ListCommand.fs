namespace Research.Cli

open System
open System.Text.Json
open Research.Environments

/// The command `list`.
[<RequireQualifiedAccess>]
module ListCommand =

    let private limits (environment: Environment) =
        let lower, upper = environment.Limits

        Array.map3
            (fun (control: Quantity) (low: float) (high: float) ->
                if Double.IsFinite low || Double.IsFinite high then
                    $"{control.Name} {low} … {high} {control.Unit}"
                else
                    $"{control.Name} in {control.Unit}, free")
            environment.Controls
            lower
            upper
        |> String.concat "; "

    let private text () =
        let width = Environments.all |> List.map _.Name.Length |> List.max
        let indent = String(' ', width + 2)

        for environment in Environments.all do
            let steps = $"{environment.Horizon} steps of {environment.TimeStep} s"

            let noise =
                if environment.ControlSpread > 0.0 then
                    "; starts from noise"
                else
                    ""

            let name = environment.Name.PadRight width
            Console.WriteLine $"{name}  {environment.Summary}"
            Console.WriteLine $"{indent}{environment.States.Length} states; {limits environment}; {steps}{noise}"

    let private json () =
        use output = Console.OpenStandardOutput()
        use writer = new Utf8JsonWriter(output, JsonWriterOptions(Indented = true))
        writer.WriteStartArray()

        let strings (name: string) (values: string seq) =
            writer.WriteStartArray name
            Seq.iter (fun (value: string) -> writer.WriteStringValue value) values
            writer.WriteEndArray()

        for environment in Environments.all do
            writer.WriteStartObject()
            writer.WriteString("name", environment.Name)
            writer.WriteString("summary", environment.Summary)
            writer.WriteString("source", environment.Source)
            strings "states" (environment.States |> Seq.map _.Name)
            strings "controls" (environment.Controls |> Seq.map _.Name)
            writer.WriteNumber("horizon", environment.Horizon)
            writer.WriteNumber("time_step", environment.TimeStep)
            writer.WriteEndObject()

        writer.WriteEndArray()

    /// Prints the problems. The exit code.
    let run (isJson: bool) : Result<int, Fault> =
        if isJson then json () else text ()
        Ok Exit.success
