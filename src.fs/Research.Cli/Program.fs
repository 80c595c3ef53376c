module Research.Cli.Program

open System
open System.Diagnostics
open System.Reflection
open System.Runtime.InteropServices
open System.Threading
open Argu

/// The name of this program's file, as its user typed it.
let private program =
    IO.Path.GetFileNameWithoutExtension(Environment.GetCommandLineArgs()[0])
    |> string

let private sinceStart () =
    (DateTime.Now - Process.GetCurrentProcess().StartTime).TotalSeconds

let private version () =
    match Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>() with
    | null -> ""
    | attribute -> attribute.InformationalVersion

let private execute (arguments: string[]) (cancellation: CancellationToken) : Result<int, Fault> =
    let parser =
        ArgumentParser.Create<Arguments>(programName = program, checkStructure = false)

    try
        let results = parser.ParseCommandLine(arguments, raiseOnUsage = true)

        if results.Contains Arguments.Version then
            Console.WriteLine(version ())
            Ok Exit.success
        else
            match results.TryGetSubCommand() with
            | Some(Solve solve) ->
                SolveOptions.parse solve (CommandLine.ofArguments arguments)
                |> Result.bind (fun options -> SolveCommand.run options cancellation sinceStart)
            | Some(Mpc mpc) ->
                LoopOptions.parse mpc (CommandLine.ofArguments arguments)
                |> Result.bind (fun options -> MpcCommand.run options cancellation sinceStart)
            | Some(Bench bench) ->
                BenchCommand.run
                    (bench.GetResult(BenchArguments.Problems, []))
                    (bench.Contains BenchArguments.Json)
                    cancellation
            | Some(Learn learn) ->
                match learn.GetSubCommand() with
                | Pilco pilco ->
                    LearnOptions.parse pilco (CommandLine.ofArguments arguments)
                    |> Result.bind (fun options -> LearnCommand.run options cancellation sinceStart)
            | Some(List list) -> ListCommand.run (list.Contains Scenarios) (list.Contains ListArguments.Json)
            | Some(Verify verify) ->
                VerifyCommand.run
                    (verify.TryGetResult VerifyArguments.Tolerance)
                    (verify.Contains VerifyArguments.Json)
                    (verify.GetResult VerifyArguments.Files)
                    cancellation
            | _ ->
                Console.Error.WriteLine(parser.PrintUsage() + Help.below program [])
                Ok Exit.usage
    with :? ArguParseException as failure ->
        let words = List.ofArray arguments

        if failure.ErrorCode = ErrorCode.HelpText then
            Console.WriteLine(failure.Message + Help.below program words)
            Ok Exit.success
        else
            let firstLine = (failure.Message.Split '\n')[0]
            Fault.usage $"""{firstLine.Replace("ERROR: ", "")}{Help.guess parser words firstLine} See --help."""

/// The last handler: whatever a command did not foresee ends in an exit code and a sentence.
let private answer (arguments: string[]) (cancellation: CancellationToken) : Result<int, Fault> =
    try
        execute arguments cancellation
    with failure ->
        Error(Fault.ofException failure)

[<EntryPoint>]
let main arguments =
    use cancellation = new CancellationTokenSource()

    // The first signal asks for an end, and a second one forces it.
    let stop (signal: PosixSignalContext) =
        if not cancellation.IsCancellationRequested then
            signal.Cancel <- true
            cancellation.Cancel()

    use _ = PosixSignalRegistration.Create(PosixSignal.SIGINT, stop)
    use _ = PosixSignalRegistration.Create(PosixSignal.SIGTERM, stop)

    match answer arguments cancellation.Token with
    | Ok code -> code
    | Error failure ->
        // standard error may be what cannot be written
        try
            Console.Error.WriteLine $"error: {failure.Message}"
        with
        | :? IO.IOException
        | :? UnauthorizedAccessException -> ()

        failure.Code
