namespace Research.Cli

open System
open System.Text.Json
open System.Threading
open Research.Cli.Verify
open Research.Lab

/// The command `verify`.
[<RequireQualifiedAccess>]
module VerifyCommand =

    let private print (tolerance: float option) (path: string) (kind: string) (results: CaseResult list) =
        Console.WriteLine $"{path} ({kind})"

        for result in results do
            let verdict =
                if Verification.passes tolerance result then
                    "pass"
                else
                    "FAIL"

            let details =
                match result.Failure with
                | Some reason -> reason
                | None ->
                    result.Comparisons
                    |> List.map (fun comparison -> $"{comparison.Quantity} {Show.number 2 comparison.Error}")
                    |> String.concat "  "

            Console.WriteLine $"  {verdict}  {result.Case}: {details}"

    let private json (tolerance: float option) (read: (string * Result<string * CaseResult list, string>) list) =
        use output = Console.OpenStandardOutput()
        use writer = new Utf8JsonWriter(output, JsonWriterOptions(Indented = true))
        writer.WriteStartArray()

        for path, outcome in read do
            writer.WriteStartObject()
            writer.WriteString("file", path)

            match outcome with
            | Error message -> writer.WriteString("error", message)
            | Ok(kind, results) ->
                writer.WriteString("kind", kind)
                writer.WriteStartArray "cases"

                for result in results do
                    writer.WriteStartObject()
                    writer.WriteString("case", result.Case)
                    writer.WriteBoolean("passed", Verification.passes tolerance result)

                    result.Failure
                    |> Option.iter (fun reason -> writer.WriteString("failure", reason))

                    writer.WriteStartObject "errors"

                    for comparison in result.Comparisons do
                        if Double.IsFinite comparison.Error then
                            writer.WriteNumber(comparison.Quantity, comparison.Error)
                        else
                            writer.WriteNull comparison.Quantity

                    writer.WriteEndObject()
                    writer.WriteEndObject()

                writer.WriteEndArray()

            writer.WriteEndObject()

        writer.WriteEndArray()

    /// Solves the cases of all files and prints the largest relative error of every quantity of every case. The exit code: that of success,
    /// of failure when a case fails, of usage when a file cannot be read or holds no case. Once cancelled it begins no further case.
    let run
        (tolerance: float option)
        (isJson: bool)
        (paths: string list)
        (cancellation: CancellationToken)
        : Result<int, Fault> =
        match tolerance with
        | Some given when not (given > 0.0) -> Fault.usage $"--tolerance {given}: a tolerance is a positive number."
        | _ ->
            let read =
                [
                    for path in paths do
                        if not cancellation.IsCancellationRequested then
                            let outcome = Verification.run cancellation path

                            if not isJson then
                                match outcome with
                                | Ok(kind, results) -> print tolerance path kind results
                                | Error message -> Console.Error.WriteLine $"error: {message}"

                            path, outcome
                ]

            let verdicts =
                [
                    for _, outcome in read do
                        match outcome with
                        | Ok(_, results) -> yield! results |> List.map (Verification.passes tolerance)
                        | Error _ -> ()
                ]

            let unreadable = read |> List.filter (snd >> Result.isError)
            let failed = verdicts |> List.filter not |> List.length

            if isJson then
                json tolerance read
            else
                Console.WriteLine
                    $"{verdicts.Length - failed} passed, {failed} failed, {unreadable.Length} files not read"

            Ok(
                if cancellation.IsCancellationRequested then
                    Exit.interrupted
                elif not unreadable.IsEmpty then
                    Exit.usage
                elif failed > 0 then
                    Exit.failure
                else
                    Exit.success
            )
