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
        | Status.Stalled reason -> $"stalled: {reason}"
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
            /// of the task: where the duration is free, without what chooses it
            Solution: Solution
            TimeStep: float
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
            TimeStep = outcome.TimeStep
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

    let private problemOf (options: SolveOptions) : Problem =
        let free = Array.create options.Environment.Controls.Length infinity

        let task =
            { options.Environment with
                Limits = defaultArg options.Limits (Array.map (~-) free, free)
            }

        match options.FreeTime with
        | None -> task.ProblemOver(options.TimeStep, options.Horizon)
        | Some free -> task.FreeTimeProblem(options.Horizon, free.Shortest, free.Longest, free.Weight)

    /// States, where they are guessed, and controls from which the solver starts.
    let private guess (options: SolveOptions) : float[,] option * float[,] =
        let states =
            match options.Shooting, options.Environment.Goal with
            | Shooting.Multiple, Some goal -> Some(line options goal)
            | _ -> None

        let controls = options.Environment.FirstControls(options.Horizon, options.Seed)

        match options.FreeTime with
        | None -> states, controls
        | Some free ->
            let steps = float options.Horizon
            let h = Math.Clamp(options.TimeStep, free.Shortest / steps, free.Longest / steps)
            Option.map (fun states -> FreeTime.states states h) states, FreeTime.controls controls h

    let private outcome (options: SolveOptions) (solution: Solution) violation iterations : Outcome =
        let task, timeStep =
            match options.FreeTime with
            | None -> solution, options.TimeStep
            | Some _ -> FreeTime.ofTask solution, FreeTime.stepOf solution

        {
            Solution = task
            TimeStep = timeStep
            Violation = violation
            Iterations = iterations
        }

    let private solveProblem (options: SolveOptions) (cancellation: CancellationToken) report : Outcome =
        let traced work = Tracing.cancellable cancellation work
        let problem = traced (fun () -> problemOf options)
        let states, controls = guess options

        if problem.Constraints.IsEmpty then
            let create, defaults =
                match options.Solver with
                | Ilqr -> Ilqr.create, Ilqr.defaults
                | Ddp -> Ddp.create, Ddp.defaults

            let solver =
                traced (fun () ->
                    create
                        { defaults with
                            MaxIterations = options.MaxIterations
                        }
                        problem)

            let solution =
                match states with
                | Some states -> solver.SolveFrom(states, controls, cancellation, record >> report)
                | None -> solver.Solve(controls, cancellation, record >> report)

            outcome options solution None (Array.map record solution.Iterations)
        else
            let defaults = Constrained.defaults

            let solver =
                traced (fun () ->
                    Constrained.create
                        { defaults with
                            Inner =
                                { defaults.Inner with
                                    MaxIterations = options.MaxIterations
                                }
                        }
                        problem)

            let solution =
                match states with
                | Some states -> solver.SolveFrom(states, controls, cancellation, recordRound >> report)
                | None -> solver.Solve(controls, cancellation, recordRound >> report)

            outcome options solution.Solution (Some solution.Feasibility) (Array.map recordRound solution.Rounds)

    let private print (options: SolveOptions) (run: Run) (sinceStart: unit -> float) =
        let summary =
            match run.Violation with
            | Some violation ->
                $"{run.Status} after {run.Iterations.Length} rounds of {run.Solver}, cost {Show.number 10 run.Cost}, largest violation {Show.number 2 violation}"
            | None ->
                $"{run.Status} after {run.Iterations.Length} iterations of {run.Solver}, cost {Show.number 10 run.Cost}"

        let found =
            match options.FreeTime with
            | None -> []
            | Some free ->
                let time = Show.number 6 (float run.Horizon * run.TimeStep)

                [
                    $"time found: {time} s of {free.Shortest} … {free.Longest} s, in {run.Horizon} steps of {Show.number 6 run.TimeStep} s"
                ]

        RunOutput.print run (summary :: found) [] sinceStart

    /// Solves, prints and writes. The exit code.
    let run (options: SolveOptions) (cancellation: CancellationToken) (sinceStart: unit -> float) : Result<int, Fault> =
        let started = DateTimeOffset.Now
        let startSeconds = sinceStart ()
        let style = if options.Output.IsJson then Silent else Shown

        RunOutput.folder options.Output options.Environment.Name started
        |> Result.bind (fun folder ->
            let run =
                Progress.run style (solveProblem options cancellation)
                |> toRun options started startSeconds

            RunOutput.finish options.Output folder run cancellation (fun () -> print options run sinceStart))
