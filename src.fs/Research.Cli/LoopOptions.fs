namespace Research.Cli

open System
open Research
open Research.Environments

/// The options of `mpc` once they are known to make sense.
type LoopOptions =
    {
        Environment: Environment
        /// steps that the controller plans ahead
        Horizon: int
        TimeStep: float
        /// steps of the closed loop
        Steps: int
        /// steps from one replan to the next
        Every: int
        /// most iterations a replan
        Iterations: int
        /// time that a replan may take, s
        Deadline: float option
        /// each mass of the plant differs from the model's by up to this share
        Mismatch: float
        /// standard deviation of the pushes
        Disturb: float
        Seed: int
        Limits: (float[] * float[]) option
        Output: OutputOptions
    }

    /// time from one replan to the next, s
    member this.Period: float = float this.Every * this.TimeStep

/// The command line of `mpc`.
[<RequireQualifiedAccess>]
module LoopOptions =

    /// Random pushes a second, on average.
    let pushRate = 2.0

    /// Seconds at the end in which the system must be at the goal, and how near it, in the units of positions and angles.
    let hold, tolerance = 1.0, 0.3

    /// Largest violation of a constraint, in its own numbers, with which a run is a success.
    let mostViolation = 1e-3

    let private positive (x: float) = x > 0.0 && Double.IsFinite x

    /// The options that a command line asks for, or what is wrong with it.
    let parse (arguments: Argu.ParseResults<MpcArguments>) (command: string) : Result<LoopOptions, Fault> =
        match Environments.find (arguments.GetResult MpcArguments.Problem) with
        | Error message -> Fault.usage message
        | Ok environment ->
            let horizon = arguments.GetResult(MpcArguments.Horizon, environment.Horizon)
            let timeStep = arguments.GetResult(MpcArguments.Dt, environment.TimeStep)

            let duration =
                arguments.GetResult(MpcArguments.Duration, 2.0 * float environment.Horizon * environment.TimeStep)

            let rate = arguments.GetResult(MpcArguments.Rate, 1.0 / timeStep)
            let iterations = arguments.GetResult(MpcArguments.Iterations, 1)
            let deadline = arguments.TryGetResult MpcArguments.Deadline
            let mismatch = arguments.GetResult(MpcArguments.Mismatch, 0.0)
            let disturb = arguments.GetResult(MpcArguments.Disturb, 0.0)
            let seed = arguments.GetResult(MpcArguments.Seed, 0)

            let sizes =
                Sizes.timeStep environment timeStep
                |> Result.bind (fun () -> Sizes.horizon environment horizon)
                |> Result.bind (fun () -> Sizes.iterations "iterations" iterations)

            match ControlLimits.choose environment (arguments.TryGetResult MpcArguments.Limits), sizes with
            | Error failure, _
            | _, Error failure -> Error failure
            | _ when not (positive duration && duration >= timeStep) ->
                Fault.usage $"--duration {duration}: at least one time step of {timeStep} s is needed."
            | _ when duration / timeStep > float Sizes.mostSteps ->
                Fault.usage
                    $"--duration {duration}: at most {Sizes.mostSteps} time steps of {timeStep} s are kept, that is {float Sizes.mostSteps * timeStep} s."
            | _ when not (positive rate) || rate * timeStep > 1.000001 ->
                Fault.usage
                    $"--rate {rate}: replans come at most once a time step, that is up to {1.0 / timeStep:G4} times a second."
            | _ when 1.0 / (rate * timeStep) > float horizon + 0.5 ->
                Fault.usage
                    $"--rate {rate}: a plan of {horizon} steps of {timeStep} s must last until the next, that is at least {1.0 / (timeStep * float horizon):G4} replans a second are needed."
            | _ when deadline |> Option.exists (fun given -> not (positive given && given <= 1e9)) ->
                Fault.usage $"--deadline {deadline.Value}: a deadline is a positive number of milliseconds, up to 1e9."
            | _ when not (0.0 <= mismatch && mismatch < 1.0) ->
                Fault.usage $"--mismatch {mismatch}: a share from 0 to below 1 is needed, for example 0.2."
            | _ when mismatch > 0.0 && environment.Masses.IsNone ->
                Fault.usage $"--mismatch {mismatch}: the model of {environment.Name} names no mass that could differ."
            | _ when not (0.0 <= disturb && Double.IsFinite disturb) ->
                Fault.usage $"--disturb {disturb}: a standard deviation is needed, for example 0.3."
            | _ when seed < 0 -> Fault.usage $"--seed {seed}: a seed is 0 or more."
            | _ when
                arguments.Contains MpcArguments.Seed
                && mismatch = 0.0
                && disturb = 0.0
                && environment.ControlSpread = 0.0
                ->
                Fault.usage
                    $"--seed {seed}: nothing is random in this loop; --mismatch and --disturb make the plant or its pushes so."
            | Ok limits, Ok() ->
                Ok
                    {
                        Environment = environment
                        Horizon = horizon
                        TimeStep = timeStep
                        Steps = max 1 (int (Math.Round(duration / timeStep)))
                        Every = max 1 (int (Math.Round(1.0 / (rate * timeStep))))
                        Iterations = iterations
                        Deadline = deadline |> Option.map (fun milliseconds -> milliseconds / 1e3)
                        Mismatch = mismatch
                        Disturb = disturb
                        Seed = seed
                        Limits = limits
                        Output =
                            {
                                Folder = arguments.TryGetResult MpcArguments.Output
                                IsJson = arguments.Contains MpcArguments.Json
                                HasReport = not (arguments.Contains MpcArguments.No_Report)
                                Command = command
                            }
                    }

    /// By what each mass of the plant is multiplied, drawn evenly from 1 − mismatch to 1 + mismatch; none where the model names no mass.
    let massFactors (options: LoopOptions) (rng: Rng) : float[] =
        match options.Environment.Masses with
        | None -> [||]
        | Some masses ->
            masses.Names
            |> Array.map (fun _ -> rng.Uniform(1.0 - options.Mismatch, 1.0 + options.Mismatch))

    /// Every option by name, as it was understood.
    let describe (options: LoopOptions) : (string * string) list =
        [
            "problem", options.Environment.Name
            "horizon", string options.Horizon
            "dt", string options.TimeStep
            "duration", string (float options.Steps * options.TimeStep)
            "rate", (1.0 / options.Period).ToString "G6"
            "iterations", string options.Iterations
            "deadline",
            (match options.Deadline with
             | Some seconds -> string (1e3 * seconds)
             | None -> "none")
            "mismatch", string options.Mismatch
            "disturb", string options.Disturb
            "seed", string options.Seed
            "limits", ControlLimits.describe options.Limits
            "start", options.Environment.Start |> Seq.map string |> String.concat ","
        ]
