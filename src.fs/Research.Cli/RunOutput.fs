namespace Research.Cli

open System
open System.Threading
open System.IO
open System.Runtime.InteropServices
open System.Runtime.Intrinsics
open Research.Environments
open Research.Lab

/// Where the results of a run go.
type OutputOptions =
    {
        /// a new folder under runs/ where none is given; one that holds no other run
        Folder: string option
        /// print result.json and nothing else
        IsJson: bool
        /// write report, plots and motion beside result.json
        HasReport: bool
        /// what to type to get this run again
        Command: string
    }

/// How commands turn trajectories of environments into runs, print them, and write their files.
[<RequireQualifiedAccess>]
module RunOutput =

    /// The machine and the versions that matter for the numbers.
    let platform () : string =
        let simd =
            if Vector512.IsHardwareAccelerated then "AVX-512"
            elif Vector256.IsHardwareAccelerated then "AVX2"
            else "128-bit SIMD"

        $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}, {simd}"

    let private series (quantity: Quantity) (values: float[]) : Series =
        {
            Name = quantity.Name
            Unit = quantity.Unit
            Values = values
            Bounds = None
            Reference = [||]
        }

    /// The states [T+1, n] of an environment, with what they should be, or with an empty array where there is no such state.
    let states (environment: Environment) (goal: float[]) (x: float[,]) : Series[] =
        environment.States
        |> Array.mapi (fun i state ->
            { series state x[*, i] with
                Reference =
                    if goal.Length = 0 then
                        [||]
                    else
                        Array.create (Array2D.length1 x) goal[i]
            })

    /// The controls [T, m] of an environment, with their limits.
    let controls (environment: Environment) (limits: (float[] * float[]) option) (u: float[,]) : Series[] =
        environment.Controls
        |> Array.mapi (fun i control ->
            { series control u[*, i] with
                Bounds = limits |> Option.map (fun (lower, upper) -> lower[i], upper[i])
            })

    /// Prints what a run is, lines about it, its trajectory, more lines, and the times it took.
    let print (run: Run) (above: string list) (below: string list) (sinceStart: unit -> float) : unit =
        let out = Console.Out

        let range (series: Series) =
            Show.number 4 (Array.min series.Values), Show.number 4 (Array.max series.Values)

        let bounds (series: Series) =
            match series.Bounds with
            | Some(low, high) -> $"{Show.number 4 low} … {Show.number 4 high}"
            | None -> ""

        let row (cells: string list) =
            match cells with
            | name :: rest ->
                out.WriteLine(
                    ("  "
                     + name.PadRight 26
                     + String.Join("", rest |> List.map (fun cell -> " " + cell.PadLeft 12)))
                        .TrimEnd()
                )
            | [] -> ()

        let named (series: Series) = $"{series.Name} [{series.Unit}]"
        out.WriteLine $"{run.Problem}: {run.Summary}"

        for line in above do
            out.WriteLine line

        out.WriteLine()
        row [ "state"; "first"; "last"; "least"; "most" ]

        for state in run.States do
            let least, most = range state

            row
                [
                    named state
                    Show.number 4 state.Values[0]
                    Show.number 4 (Array.last state.Values)
                    least
                    most
                ]

        row [ "control"; "first"; "last"; "least"; "most"; "allowed" ]

        for control in run.Controls do
            let least, most = range control

            row
                [
                    named control
                    Show.number 4 control.Values[0]
                    Show.number 4 (Array.last control.Values)
                    least
                    most
                    bounds control
                ]

        out.WriteLine()

        for line in below do
            out.WriteLine line

        let parts =
            run.Timings
            |> List.map (fun (name, seconds) -> $"{name} {Show.seconds seconds}")
            |> String.concat ", "

        out.WriteLine $"{parts}; {Show.seconds (sinceStart ())} from process start to here"
        out.Flush()

    let private writePlots (folder: string) (run: Run) =
        let draw () =
            RunFolder.write folder "trajectories.png" (Plots.trajectories run)

            if run.Iterations.Length > 0 then
                RunFolder.write folder "convergence.png" (Plots.convergence run)

        match Plots.support () with
        | Whole -> draw ()
        | WithoutText ->
            draw ()

            Console.Error.WriteLine
                "note: the plots have no text, for this system has no fonts (on Debian and Ubuntu: apt-get install fonts-dejavu-core)"
        | Unavailable reason ->
            Console.Error.WriteLine $"note: there are no plots in PNG, for Skia cannot be loaded: {reason}"

    let private write (options: OutputOptions) (folder: string) (run: Run) =
        RunFolder.write folder "result.json" (ResultFile.toJson true run)

        if options.HasReport then
            RunFolder.writeText folder "report.html" (Report.toHtml run)
            RunFolder.writeText folder "motion.svg" (Motion.toSvg run)
            writePlots folder run

    /// The folder of a run, made before its work begins; none where its result is only printed.
    let folder (options: OutputOptions) (name: string) (started: DateTimeOffset) : Result<string option, Fault> =
        match options.Folder with
        | Some "" -> Fault.usage "--output: the name of a folder is needed, and it is empty."
        | None when options.IsJson -> Ok None
        | given ->
            match RunFolder.create (Directory.GetCurrentDirectory()) name started given options.Command with
            | Ok folder -> Ok(Some folder)
            | Error reason ->
                let where = defaultArg given "runs/"
                Fault.output $"The folder {where} cannot be used: {reason} Choose another with --output."

    /// Writes the files of a run, and says where they are.
    let writeFiles (options: OutputOptions) (folder: string) (write: unit -> unit) : Result<unit, Fault> =
        try
            write ()

            if not options.IsJson then
                let relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), folder)
                let shown = if relative.StartsWith ".." then folder else relative
                let name = if options.HasReport then "report.html" else "result.json"
                Console.WriteLine $"{Path.Combine(shown, name)}"

            Ok()
        with
        | :? IOException
        | :? UnauthorizedAccessException as failure ->
            Fault.output $"A file in {folder} cannot be written: {failure.Message}"

    /// Prints the run, by the given action or as JSON, and writes its files where they are wanted. The exit code.
    let finish
        (options: OutputOptions)
        (folder: string option)
        (run: Run)
        (cancellation: CancellationToken)
        (print: unit -> unit)
        : Result<int, Fault> =
        if options.IsJson then
            use output = Console.OpenStandardOutput()
            output.Write(ReadOnlySpan(ResultFile.toJson false run))
            output.WriteByte(byte '\n')
        else
            print ()

        match folder with
        | None -> Ok()
        | Some folder -> writeFiles options folder (fun () -> write options folder run)
        |> Result.map (fun () ->
            if cancellation.IsCancellationRequested then
                Exit.interrupted
            elif run.Converged then
                Exit.success
            else
                Exit.failure)
