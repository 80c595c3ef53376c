namespace Research.Cli

open System
open System.Text.Json
open Research.Environments
open Research.Agents
open Research.Lab

/// The command `list`.
[<RequireQualifiedAccess>]
module ListCommand =

    let private limits (environment: Environment) =
        let lower, upper = environment.Limits

        Array.map3
            (fun (control: Quantity) (low: float) (high: float) ->
                if Double.IsFinite low || Double.IsFinite high then
                    $"{control.Name} {Show.number 6 low} … {Show.number 6 high} {control.Unit}"
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

    let private strings (writer: Utf8JsonWriter) (name: string) (values: string seq) =
        writer.WriteStartArray name
        Seq.iter (fun (value: string) -> writer.WriteStringValue value) values
        writer.WriteEndArray()

    let private json (write: Utf8JsonWriter -> 'a -> unit) (items: 'a list) =
        use output = Console.OpenStandardOutput()
        use writer = new Utf8JsonWriter(output, JsonWriterOptions(Indented = true))
        writer.WriteStartArray()

        for item in items do
            writer.WriteStartObject()
            write writer item
            writer.WriteEndObject()

        writer.WriteEndArray()

    let private writeProblem (writer: Utf8JsonWriter) (environment: Environment) =
        writer.WriteString("name", environment.Name)
        writer.WriteString("summary", environment.Summary)
        writer.WriteString("source", environment.Source)
        strings writer "states" (environment.States |> Seq.map _.Name)
        strings writer "controls" (environment.Controls |> Seq.map _.Name)
        writer.WriteNumber("horizon", environment.Horizon)
        writer.WriteNumber("time_step", environment.TimeStep)

    let private policy (scenario: Scenario) =
        match scenario.Policy with
        | PolicyKind.Linear -> "linear policy"
        | PolicyKind.Rbf basis -> $"{basis} basis functions"

    let private count (number: int) (name: string) =
        if number = 1 then $"1 {name}" else $"{number} {name}s"

    let private scenarioText () =
        let width = Scenarios.all |> List.map _.Name.Length |> List.max
        let indent = String(' ', width + 2)

        for scenario in Scenarios.all do
            Console.WriteLine $"{scenario.Name.PadRight width}  {scenario.Summary}"

            let states, controls =
                count scenario.StateSize "state", count scenario.ControlSize "control"

            Console.WriteLine
                $"{indent}{states}, {controls}; rollouts of {scenario.Duration:``0.#``} s; {policy scenario}; at most {scenario.Trials} trials"

    let private writeScenario (writer: Utf8JsonWriter) (scenario: Scenario) =
        writer.WriteString("name", scenario.Name)
        writer.WriteString("summary", scenario.Summary)
        writer.WriteString("source", scenario.Source)
        strings writer "states" (scenario.States |> Seq.map _.Name)
        strings writer "controls" (scenario.Controls |> Seq.map _.Name)
        writer.WriteNumber("horizon", scenario.Horizon)
        writer.WriteNumber("time_step", scenario.TimeStep)
        writer.WriteString("policy", policy scenario)
        writer.WriteNumber("trials", scenario.Trials)

    /// Prints the problems of `solve`, or the scenarios of `learn`. The exit code.
    let run (ofScenarios: bool) (isJson: bool) : Result<int, Fault> =
        match ofScenarios, isJson with
        | true, true -> json writeScenario Scenarios.all
        | true, false -> scenarioText ()
        | false, true -> json writeProblem Environments.all
        | false, false -> text ()

        Ok Exit.success
