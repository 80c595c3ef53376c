namespace Research.Cli

open System
open System.IO
open System.Runtime.InteropServices
open System.Runtime.Intrinsics
open System.Threading
open Research
open Research.Control
open Research.Environments
open Research.Lab

/// The command `solve`.
[<RequireQualifiedAccess>]
module SolveCommand =

    let private statusText (status: Status) =
        match status with
        | ConvergedByGradient -> "converged: the gradient vanished"
        | ConvergedByCost -> "converged: the cost settled"
        | IterationLimit -> "iteration limit"
        | RegularisationLimit -> "no step lowers the cost"
        | Infeasible reason -> reason
        | Diverged reason -> $"diverged: {reason}"
        | Cancelled -> "interrupted"

    let private record (iteration: Iteration) : IterationRecord =
        {
            Number = iteration.Number
            Cost = iteration.Cost
            Gradient = iteration.Gradient
            Regularisation = iteration.Regularisation
            Step = iteration.Step
            Seconds = iteration.Seconds
        }

    let private platform () =
        let simd =
            if Vector512.IsHardwareAccelerated then "AVX-512"
            elif Vector256.IsHardwareAccelerated then "AVX2"
            else "128-bit SIMD"

        $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}, {simd}"

    let private toRun
        (options: SolveOptions)
        (started: DateTimeOffset)
        (startSeconds: float)
        (solution: Solution)
        : Run =
        let environment = options.Environment

        let series (quantity: Quantity) (values: float[]) bounds : Series =
            {
                Name = quantity.Name
                Unit = quantity.Unit
                Values = values
                Bounds = bounds
            }

        {
            Problem = environment.Name
            Summary = environment.Summary
            Source = environment.Source
            Solver =
                (match options.Solver with
                 | Ilqr -> "iLQR"
                 | Ddp -> "DDP")
            Status = statusText solution.Status
            Converged = solution.Status.IsConverged
            Cost = solution.Cost
            TimeStep = options.TimeStep
            States =
                environment.States
                |> Array.mapi (fun i state -> series state solution.X[*, i] None)
            Controls =
                environment.Controls
                |> Array.mapi (fun i control ->
                    series
                        control
                        solution.U[*, i]
                        (options.Limits |> Option.map (fun (lower, upper) -> lower[i], upper[i])))
            Gains = solution.Gains
            Iterations = Array.map record solution.Iterations
            Timings =
                [
                    "start the program", startSeconds
                    "derive and compile", solution.CompileSeconds
                    "solve", solution.SolveSeconds
                ]
            Options = SolveOptions.describe options
            Command = options.Command
            Started = started
            Platform = platform ()
            Scene = environment.Scene
        }

    let private firstControls (options: SolveOptions) =
        let rng = Rng.OfSeed options.Seed
        let spread = options.Environment.ControlSpread

        Array2D.init options.Horizon options.Environment.Controls.Length (fun _ _ ->
            if spread > 0.0 then spread * rng.Normal() else 0.0)

    let private solveProblem (options: SolveOptions) (cancellation: CancellationToken) report : Solution =
        let environment = options.Environment

        let free =
            Problem.create
                (environment.Dynamics options.TimeStep)
                (environment.Cost options.TimeStep)
                options.Horizon
                environment.Start

        let problem = { free with Limits = options.Limits }

        let solver =
            match options.Solver with
            | Ilqr ->
                Ilqr.create
                    { Ilqr.defaults with
                        MaxIterations = options.MaxIterations
                    }
                    problem
            | Ddp ->
                Ddp.create
                    { Ddp.defaults with
                        MaxIterations = options.MaxIterations
                    }
                    problem

        solver.Solve(firstControls options, cancellation, record >> report)

    let private print (run: Run) (sinceStart: unit -> float) =
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
                out.WriteLine(("  " + name.PadRight 26 + String.Join("", rest |> List.map _.PadLeft(13))).TrimEnd())
            | [] -> ()

        let named (series: Series) = $"{series.Name} [{series.Unit}]"
        out.WriteLine $"{run.Problem}: {run.Summary}"

        out.WriteLine
            $"{run.Status} after {run.Iterations.Length} iterations of {run.Solver}, cost {Show.number 10 run.Cost}"

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

        let parts =
            run.Timings
            |> List.map (fun (name, seconds) -> $"{name} {Show.seconds seconds}")
            |> String.concat ", "

        out.WriteLine $"{parts}; {Show.seconds (sinceStart ())} from process start to here"
        out.Flush()

    let private writePlots (folder: string) (run: Run) =
        let draw () =
            RunFolder.write folder "trajectories.png" (Plots.trajectories run)
            RunFolder.write folder "convergence.png" (Plots.convergence run)

        match Plots.support () with
        | Whole -> draw ()
        | WithoutText ->
            draw ()

            Console.Error.WriteLine
                "note: the plots have no text, for this system has no fonts (on Debian and Ubuntu: apt-get install fonts-dejavu-core)"
        | Unavailable reason ->
            Console.Error.WriteLine $"note: there are no plots in PNG, for Skia cannot be loaded: {reason}"

    let private write (options: SolveOptions) (folder: string) (run: Run) =
        RunFolder.write folder "result.json" (ResultFile.toJson true run)

        if options.HasReport then
            RunFolder.writeText folder "report.html" (Report.toHtml run)
            RunFolder.writeText folder "motion.svg" (Motion.toSvg run)
            writePlots folder run

    let private files (options: SolveOptions) (run: Run) =
        let folder =
            RunFolder.create
                (Directory.GetCurrentDirectory())
                options.Environment.Name
                run.Started
                options.Output
                options.Command

        match folder with
        | Error reason ->
            let where = defaultArg options.Output "runs/"
            Fault.output $"The folder {where} cannot be made: {reason} Choose another with --output."
        | Ok folder ->
            try
                write options folder run

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

    /// Solves, prints and writes. The exit code.
    let run (options: SolveOptions) (cancellation: CancellationToken) (sinceStart: unit -> float) : Result<int, Fault> =
        let started = DateTimeOffset.Now
        let startSeconds = sinceStart ()
        let style = if options.IsJson then Silent else Shown

        let run =
            Progress.run style (solveProblem options cancellation)
            |> toRun options started startSeconds

        if options.IsJson then
            use output = Console.OpenStandardOutput()
            output.Write(ReadOnlySpan(ResultFile.toJson false run))
            output.WriteByte(byte '\n')
        else
            print run sinceStart

        let written =
            if options.IsJson && options.Output.IsNone then
                Ok()
            else
                files options run

        written
        |> Result.map (fun () ->
            if cancellation.IsCancellationRequested then
                Exit.interrupted
            elif run.Converged then
                Exit.success
            else
                Exit.failure)
