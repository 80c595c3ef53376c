namespace Research.Cli

open System
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
            States = RunOutput.states environment [||] solution.X
            Controls = RunOutput.controls environment options.Limits solution.U
            Gains = solution.Gains
            Iterations = outcome.Iterations
            Events = []
            Measurements = []
            Timings =
                [
                    "start the program", startSeconds
                    "derive and compile", solution.CompileSeconds
                    "solve", solution.SolveSeconds
                ]
            Options = SolveOptions.describe options
            Command = options.Output.Command
            Started = started
            Platform = RunOutput.platform ()
            Scene = environment.Scene
        }

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

        let controls = environment.FirstControls(options.Horizon, options.Seed)

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
        let summary =
            match run.Violation with
            | Some violation ->
                $"{run.Status} after {run.Iterations.Length} rounds of {run.Solver}, cost {Show.number 10 run.Cost}, largest violation {Show.number 2 violation}"
            | None ->
                $"{run.Status} after {run.Iterations.Length} iterations of {run.Solver}, cost {Show.number 10 run.Cost}"

        RunOutput.print run [ summary ] [] sinceStart

    /// Solves, prints and writes. The exit code.
    let run (options: SolveOptions) (cancellation: CancellationToken) (sinceStart: unit -> float) : Result<int, Fault> =
        let started = DateTimeOffset.Now
        let startSeconds = sinceStart ()
        let style = if options.Output.IsJson then Silent else Shown

        let run =
            Progress.run style (solveProblem options cancellation)
            |> toRun options started startSeconds

        RunOutput.finish options.Output run (fun () -> print run sinceStart)
        |> Result.map (fun () ->
            if cancellation.IsCancellationRequested then
                Exit.interrupted
            elif run.Converged then
                Exit.success
            else
                Exit.failure)
