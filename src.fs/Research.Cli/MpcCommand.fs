namespace Research.Cli

open System
open System.Diagnostics
open System.Threading
open Research
open Research.Control
open Research.Environments
open Research.Lab

/// The command `mpc`.
[<RequireQualifiedAccess>]
module MpcCommand =

    /// Time that the controller runs before its replans count, s: the machine code of a program that has just started is not yet the one
    /// that a controller in use runs.
    let private warmUp = 0.4

    /// A closed loop that was run, and how.
    type private Outcome =
        {
            Loop: ClosedLoop
            /// the largest violation of a constraint; none where there are none
            Violation: Violation option
            /// of each mass of the plant, by what it is multiplied
            Factors: float[]
            /// time to compile and to plan for the first time, s
            PrepareSeconds: float
            /// time of the closed loop, plant and all, s
            LoopSeconds: float
        }

    let private runLoop (options: LoopOptions) (cancellation: CancellationToken) report : Outcome =
        let environment = options.Environment
        let clock = Stopwatch.StartNew()
        let rng = Rng.OfSeed options.Seed
        let massRng, pushRng = rng.Split(), rng.Split()

        let factors = LoopOptions.massFactors options massRng

        let problem, plant, controller =
            Tracing.cancellable cancellation (fun () ->
                let plant =
                    if options.Mismatch > 0.0 then
                        environment.Plant(options.TimeStep, factors)
                    else
                        environment.Dynamics options.TimeStep

                let problem =
                    { environment.ProblemOver(options.TimeStep, options.Horizon) with
                        Limits = options.Limits
                    }

                problem,
                plant,
                Mpc.create
                    { Mpc.defaults with
                        Iterations = options.Iterations
                        Deadline =
                            match options.Deadline with
                            | Some seconds -> TimeSpan.FromSeconds seconds
                            | None -> TimeSpan.MaxValue
                    }
                    problem)

        let controls = environment.FirstControls(options.Horizon, options.Seed)
        controller.Start(environment.Start, controls, cancellation) |> ignore
        let prepared = clock.Elapsed.TotalSeconds

        while clock.Elapsed.TotalSeconds < prepared + warmUp
              && not cancellation.IsCancellationRequested do
            controller.Replan(ReadOnlySpan environment.Start, 1) |> ignore

        let spread =
            environment.States
            |> Array.map (fun state -> if state.Unit.EndsWith "/s" then options.Disturb else 0.0)

        let chance =
            if options.Disturb > 0.0 then
                LoopOptions.pushRate * options.TimeStep
            else
                0.0

        let begun = clock.Elapsed.TotalSeconds
        let told = ref begun

        // now and then: what is said more often cannot be read, and makes garbage
        let progress t (replan: Replan) =
            if clock.Elapsed.TotalSeconds > told.Value + 0.1 then
                told.Value <- clock.Elapsed.TotalSeconds

                let time = $"{Show.number 4 (float t * options.TimeStep)} s"

                report
                    {
                        Progress.Key = time
                        Progress.Cells = [| time; Show.number 6 replan.Cost; Show.seconds replan.Seconds |]
                    }

        let loop =
            ClosedLoop.watch
                progress
                controller
                plant
                (ClosedLoop.pushes pushRng chance spread)
                options.Every
                options.Steps
                environment.Start
                controls
                cancellation

        {
            Loop = loop
            Violation = Violation.worst problem loop.X loop.U
            Factors = factors
            PrepareSeconds = prepared
            LoopSeconds = clock.Elapsed.TotalSeconds - begun
        }

    /// What became of the system, and whether that is what was wanted.
    let private verdict (options: LoopOptions) (outcome: Outcome) : string * bool =
        let loop = outcome.Loop
        let made = Array2D.length1 loop.U
        let isFinite = loop.X[made, *] |> Array.forall Double.IsFinite
        let last = min made (int (Math.Round(LoopOptions.hold / options.TimeStep)))

        let distance t =
            options.Environment.DistanceFromGoal loop.X[t, *]

        let farthest =
            seq { made - last .. made } |> Seq.choose distance |> Seq.fold max 0.0

        let hold = Show.number 3 (float last * options.TimeStep)

        let broken =
            outcome.Violation
            |> Option.filter (fun found -> not (found.Size <= LoopOptions.mostViolation))

        let status, isGood =
            if made < options.Steps then
                "interrupted", false
            elif not isFinite then
                "lost: the states are not finite", false
            elif options.Environment.Goal.IsNone then
                "done; the task names no state in which to end", true
            elif farthest <= LoopOptions.tolerance then
                $"at the goal for the last {hold} s", true
            else
                $"not at the goal in the last {hold} s, but up to {Show.number 3 farthest} from it", false

        match broken with
        | Some found ->
            $"{status}; '{found.Constraint}' broken by {Show.number 3 found.Size} at {Show.number 4 (float found.Step * options.TimeStep)} s",
            false
        | None -> status, isGood

    let private masses (options: LoopOptions) (outcome: Outcome) =
        match options.Environment.Masses with
        | Some masses when options.Mismatch > 0.0 ->
            Array.map2 (fun name (factor: float) -> $"{name} × {factor:F3}") masses.Names outcome.Factors
            |> String.concat ", "
        | _ -> "as in the model"

    let private toRun (options: LoopOptions) started startSeconds (outcome: Outcome) : Run =
        let environment, loop, h = options.Environment, outcome.Loop, options.TimeStep
        let status, isGood = verdict options outcome

        let cost =
            Seq.init (Array2D.length1 loop.U) (fun t ->
                Trace.number (
                    environment.Stage (Real.constant h) (Vec.ofFloats loop.X[t, *]) (Vec.ofFloats loop.U[t, *])
                ))
            |> Seq.sum

        let replans: Measurement =
            {
                Name = "replan"
                Unit = "µs"
                Times = Array.init loop.Replans.Length (fun i -> float i * options.Period)
                Values = loop.Replans |> Array.map (fun replan -> 1e6 * replan.Seconds)
                Limit = Some(1e6 * defaultArg options.Deadline options.Period)
            }

        {
            Problem = environment.Name
            Summary = environment.Summary
            Source = environment.Source
            Solver = "MPC by iLQR"
            Status = status
            Converged = isGood
            Cost = cost
            Violation = outcome.Violation |> Option.map _.Size
            TimeStep = h
            States = RunOutput.states environment (defaultArg environment.Goal [||]) loop.X
            Controls = RunOutput.controls environment options.Limits loop.U
            Gains = [||]
            Iterations = [||]
            Events =
                [
                    for t in loop.Disturbed do
                        float t * h, "push"

                    match outcome.Violation with
                    | Some found when found.Size > LoopOptions.mostViolation ->
                        float found.Step * h, $"'{found.Constraint}' broken by {Show.number 3 found.Size}"
                    | _ -> ()
                ]
            Measurements = [ replans ]
            Timings =
                [
                    "start the program", startSeconds
                    "compile and first plan", outcome.PrepareSeconds
                    "warm up", warmUp
                    "closed loop", outcome.LoopSeconds
                ]
            Options = LoopOptions.describe options @ [ "masses of the plant", masses options outcome ]
            Command = options.Output.Command
            Started = started
            Platform = RunOutput.platform ()
            Scene = environment.Scene
        }

    let private print (options: LoopOptions) (outcome: Outcome) (run: Run) (sinceStart: unit -> float) =
        let replans = run.Measurements[0]

        let at share =
            Show.seconds (1e-6 * Measurement.quantile share replans.Values)

        let limit = 1e-6 * replans.Limit.Value
        let whole = 1e-6 * Array.sum replans.Values
        let simulated = float run.Horizon * run.TimeStep

        let limitName =
            if options.Deadline.IsSome then
                "deadline"
            else
                "time between replans"

        RunOutput.print
            run
            [
                $"{run.Status}; {run.Horizon} steps of {run.TimeStep} s, cost {Show.number 6 run.Cost}"
                $"masses of the plant: {masses options outcome}; pushes: {outcome.Loop.Disturbed.Length}"
            ]
            [
                $"{replans.Values.Length} replans: median {at 0.5}, 99 %% within {at 0.99}, worst {at 1.0}; {Measurement.exceeding replans} above the {limitName} of {Show.seconds limit}"
                $"{Show.number 3 (simulated / whole)} times faster than real time"
            ]
            sinceStart

    /// Runs the closed loop, prints and writes. The exit code: success when the system ends at the goal.
    let run (options: LoopOptions) (cancellation: CancellationToken) (sinceStart: unit -> float) : Result<int, Fault> =
        let started = DateTimeOffset.Now
        let startSeconds = sinceStart ()
        let style = if options.Output.IsJson then Silent else Shown

        RunOutput.folder options.Output options.Environment.Name started
        |> Result.bind (fun folder ->
            let outcome =
                Progress.rows style [| "time"; "cost of the plan"; "replan" |] (runLoop options cancellation)

            if Array2D.length1 outcome.Loop.U = 0 then
                Console.Error.WriteLine "interrupted before the first step: there is nothing to write"
                Ok Exit.interrupted
            else
                let run = toRun options started startSeconds outcome

                RunOutput.finish options.Output folder run cancellation (fun () ->
                    print options outcome run sinceStart))
