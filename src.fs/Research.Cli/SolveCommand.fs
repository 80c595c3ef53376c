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
            Violation = iteration.Gap
            Regularisation = iteration.Regularisation
            Step = iteration.Step
            Seconds = iteration.Seconds
        }

    let private recordRound (round: Round) : IterationRecord =
        {
            Number = round.Number
            Cost = round.Cost
            Gradient = round.Optimality
            Violation = round.Feasibility
            Regularisation = round.Penalty
            Step = 1.0
            Seconds = round.Seconds
        }

    let private platform () =
        let simd =
            if Vector512.IsHardwareAccelerated then "AVX-512"
            elif Vector256.IsHardwareAccelerated then "AVX2"
            else "128-bit SIMD"

        $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}, {simd}"

    /// What a solver with or without constraints found.
    type private Outcome =
        {
            Solution: Solution
            Violation: float option
            Iterations: IterationRecord[]
        }

    let private toRun (options: SolveOptions) (started: DateTimeOffset) (startSeconds: float) (outcome: Outcome) : Run =
        let solution = outcome.Solution
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
                (match outcome.Violation, options.Solver with
                 | Some _, _ -> "augmented Lagrangian"
                 | None, Ilqr -> "iLQR"
                 | None, Ddp -> "DDP")
            Status = statusText solution.Status
            Converged = solution.Status.IsConverged
            Cost = solution.Cost
            Violation = outcome.Violation
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
            Iterations = outcome.Iterations
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

    /// States on a straight line from start to goal.
    let private line (options: SolveOptions) (goal: float[]) =
        let start = options.Environment.Start

        Array2D.init (options.Horizon + 1) start.Length (fun t i ->
            start[i] + float t / float options.Horizon * (goal[i] - start[i]))

    let private solveProblem (options: SolveOptions) (cancellation: CancellationToken) report : Outcome =
        let environment = options.Environment

        let problem =
            { environment.ProblemOver(options.TimeStep, options.Horizon) with
                Limits = options.Limits
            }

        let states =
            match options.Shooting, environment.Goal with
            | Shooting.Multiple, Some goal -> Some(line options goal)
            | _ -> None

        let controls = firstControls options

        if problem.Constraints.IsEmpty then
            let create, defaults =
                match options.Solver with
                | Ilqr -> Ilqr.create, Ilqr.defaults
                | Ddp -> Ddp.create, Ddp.defaults

            let solver =
                create
                    { defaults with
                        MaxIterations = options.MaxIterations
                    }
                    problem

            let solution =
                match states with
                | Some states -> solver.SolveFrom(states, controls, cancellation, record >> report)
                | None -> solver.Solve(controls, cancellation, record >> report)

            {
                Solution = solution
                Violation = None
                Iterations = Array.map record solution.Iterations
            }
        else
            let defaults = Constrained.defaults

            let solver =
                Constrained.create
                    { defaults with
                        Inner =
                            { defaults.Inner with
                                MaxIterations = options.MaxIterations
                            }
                    }
                    problem

            let solution =
                match states with
                | Some states -> solver.SolveFrom(states, controls, cancellation, recordRound >> report)
                | None -> solver.Solve(controls, cancellation, recordRound >> report)

            {
                Solution = solution.Solution
                Violation = Some solution.Feasibility
                Iterations = Array.map recordRound solution.Rounds
            }

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
                out.WriteLine(
                    ("  "
                     + name.PadRight 26
                     + String.Join("", rest |> List.map (fun cell -> " " + cell.PadLeft 12)))
                        .TrimEnd()
                )
            | [] -> ()

        let named (series: Series) = $"{series.Name} [{series.Unit}]"
        out.WriteLine $"{run.Problem}: {run.Summary}"

        out.WriteLine(
            match run.Violation with
            | Some violation ->
                $"{run.Status} after {run.Iterations.Length} rounds of {run.Solver}, cost {Show.number 10 run.Cost}, largest violation {Show.number 2 violation}"
            | None ->
                $"{run.Status} after {run.Iterations.Length} iterations of {run.Solver}, cost {Show.number 10 run.Cost}"
        )

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
