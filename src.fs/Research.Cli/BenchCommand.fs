namespace Research.Cli

open System
open System.Diagnostics
open System.Text.Json
open System.Threading
open Research
open Research.Cli.Bench
open Research.Control
open Research.Environments
open Research.Lab

/// The command `bench`.
[<RequireQualifiedAccess>]
module BenchCommand =

    /// Problems that are measured when none is named: small, middling and large models.
    let private usual = [ "cartpole"; "acrobot"; "quadrotor"; "manipulator" ]

    /// What was measured: a name, and times in seconds.
    type private Row = { What: string; Times: float[] }

    let private measure (environment: Environment) (cancellation: CancellationToken) : Row list =
        let problem = environment.Problem
        let controls = environment.FirstControls(environment.Horizon, 0)
        let begun = Stopwatch.GetTimestamp()

        let solver =
            Tracing.cancellable cancellation (fun () -> Ilqr.create Ilqr.defaults { problem with Constraints = [] })

        solver.Solve(controls, cancellation, ignore) |> ignore
        let compiled = Stopwatch.GetElapsedTime(begun).TotalSeconds

        // the second solution is one of a program that runs
        let solution = solver.Solve(controls, cancellation, ignore)
        let iteration = solution.SolveSeconds / float (max 1 solution.Iterations.Length)

        // as many as are done in about half a second, within bounds
        let repeatedly (least: int) (most: int) (each: float) = max least (min most (int (0.5 / each)))

        [
            {
                What = "compile and solve for the first time"
                Times = [| compiled |]
            }

            if not cancellation.IsCancellationRequested then
                {
                    What = "Jacobian of a step, in a batch"
                    Times = Measures.jacobians 0.3 problem
                }

            if not cancellation.IsCancellationRequested then
                let count = repeatedly 3 200 (2.0 * solution.SolveSeconds)
                let iterations, whole, _ = Measures.solutions solver controls count

                {
                    What = "iteration of iLQR"
                    Times = iterations
                }

                {
                    What = "solution from first controls"
                    Times = whole
                }

            if not cancellation.IsCancellationRequested then
                {
                    What = "replan of one iteration"
                    Times = Measures.replans problem controls (repeatedly 150 6000 iteration) |> fst
                }
        ]

    let private line (what: string) (cells: string list) =
        let cells = cells |> List.map _.PadLeft(12) |> String.concat ""
        Console.WriteLine(("  " + what.PadRight 38 + cells).TrimEnd())

    let private print (environment: Environment) (rows: Row list) =
        let n, m = environment.States.Length, environment.Controls.Length
        Console.WriteLine $"{environment.Name}: {n} states, {m} controls, {environment.Horizon} steps"

        for row in rows do
            let at share =
                Show.seconds (Measurement.quantile share row.Times)

            let spread = if row.Times.Length > 1 then at 0.99 else ""
            line row.What [ at 0.5; spread; string row.Times.Length ]

    let private json (measured: (Environment * Row list) list) =
        use output = Console.OpenStandardOutput()
        use writer = new Utf8JsonWriter(output, JsonWriterOptions(Indented = true))
        writer.WriteStartObject()
        writer.WriteString("platform", RunOutput.platform ())
        writer.WriteStartArray "problems"

        for environment, rows in measured do
            writer.WriteStartObject()
            writer.WriteString("name", environment.Name)
            writer.WriteNumber("states", environment.States.Length)
            writer.WriteNumber("controls", environment.Controls.Length)
            writer.WriteNumber("horizon", environment.Horizon)
            writer.WriteStartArray "seconds"

            for row in rows do
                writer.WriteStartObject()
                writer.WriteString("what", row.What)
                writer.WriteNumber("median", Measurement.quantile 0.5 row.Times)
                writer.WriteNumber("p99", Measurement.quantile 0.99 row.Times)
                writer.WriteNumber("count", row.Times.Length)
                writer.WriteEndObject()

            writer.WriteEndArray()
            writer.WriteEndObject()

        writer.WriteEndArray()
        writer.WriteEndObject()

    /// Measures problems, or the usual ones when none is named, and prints the times. The exit code.
    let run (names: string list) (isJson: bool) (cancellation: CancellationToken) : Result<int, Fault> =
        let chosen = (if names.IsEmpty then usual else names) |> List.map Environments.find

        let wrong =
            chosen
            |> List.tryPick (function
                | Error message -> Some message
                | Ok _ -> None)

        match wrong with
        | Some message -> Fault.usage message
        | None ->
            if not isJson then
                Console.WriteLine $"{RunOutput.platform ()}; one thread"
                line "" [ "median"; "99 %"; "times" ]

            let measured =
                [
                    for environment in List.choose Result.toOption chosen do
                        if not cancellation.IsCancellationRequested then
                            let rows = measure environment cancellation

                            if not isJson then
                                print environment rows

                            environment, rows
                ]

            if isJson then
                json measured

            Ok(
                if cancellation.IsCancellationRequested then
                    Exit.interrupted
                else
                    Exit.success
            )
