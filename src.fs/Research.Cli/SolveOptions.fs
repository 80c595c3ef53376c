namespace Research.Cli

open Research.Control

/// The options of `solve` once they are known to make sense.
type SolveOptions =
    {
        Environment: Research.Environments.Environment
        Solver: SolverName
        Shooting: Shooting
        Horizon: int
        /// the first guess where the duration is free
        TimeStep: float
        FreeTime: FreeDuration option
        Seed: int
        MaxIterations: int
        Limits: (float[] * float[]) option
        Output: OutputOptions
    }

/// The command line of `solve`.
[<RequireQualifiedAccess>]
module SolveOptions =

    /// The options that a command line asks for, or what is wrong with it.
    let parse (arguments: Argu.ParseResults<SolveArguments>) (command: string) : Result<SolveOptions, Fault> =
        let name = arguments.GetResult SolveArguments.Problem

        match Research.Environments.Environments.find name with
        | Error message -> Fault.usage message
        | Ok environment ->
            let horizon = arguments.GetResult(SolveArguments.Horizon, environment.Horizon)
            let timeStep = arguments.GetResult(SolveArguments.Dt, environment.TimeStep)

            let maxIterations =
                arguments.GetResult(SolveArguments.Max_Iterations, Ilqr.defaults.MaxIterations)

            let seed = arguments.GetResult(SolveArguments.Seed, 0)

            let freeTime =
                FreeDuration.choose
                    (arguments.TryGetResult SolveArguments.Free_Time)
                    (arguments.TryGetResult SolveArguments.Time_Weight)

            // Gauss and Newton's Hessian knows little of what a longer step does
            let usual =
                match freeTime with
                | Ok(Some _) -> Ddp
                | _ -> Ilqr

            let sizes =
                Sizes.timeStep environment timeStep
                |> Result.bind (fun () -> Sizes.horizon environment horizon)
                |> Result.bind (fun () -> Sizes.iterations "max-iterations" maxIterations)

            match ControlLimits.choose environment (arguments.TryGetResult SolveArguments.Limits), freeTime, sizes with
            | Error failure, _, _
            | _, Error failure, _
            | _, _, Error failure -> Error failure
            | _ when not environment.Constraints.IsEmpty && arguments.Contains SolveArguments.Solver ->
                Fault.usage
                    $"--solver: {environment.Name} has constraints, for which there is one solver; leave the option out."
            | _ when
                environment.Goal.IsNone
                && arguments.TryGetResult SolveArguments.Shooting = Some Shooting.Multiple
                ->
                Fault.usage
                    $"--shooting multiple: {environment.Name} names no state in which to end, so there is no line to it."
            | _ when seed < 0 -> Fault.usage $"--seed {seed}: a seed is 0 or more."
            | _ when arguments.Contains SolveArguments.Seed && environment.ControlSpread = 0.0 ->
                Fault.usage
                    $"--seed {seed}: {environment.Name} starts from controls of 0, and nothing is random; leave it out."
            | Ok limits, Ok freeTime, Ok() ->
                Ok
                    {
                        Environment = environment
                        Solver = arguments.GetResult(SolveArguments.Solver, usual)
                        Shooting = arguments.GetResult(SolveArguments.Shooting, Shooting.Single)
                        Horizon = horizon
                        TimeStep = timeStep
                        FreeTime = freeTime
                        Seed = seed
                        MaxIterations = maxIterations
                        Limits = limits
                        Output =
                            {
                                Folder = arguments.TryGetResult SolveArguments.Output
                                IsJson = arguments.Contains SolveArguments.Json
                                HasReport = not (arguments.Contains SolveArguments.No_Report)
                                Command = command
                            }
                    }

    /// Every option by name, as it was understood.
    let describe (options: SolveOptions) : (string * string) list =
        [
            "problem", options.Environment.Name
            "solver",
            (match options.Environment.Constraints, options.Solver with
             | _ :: _, _ -> "constrained"
             | [], Ilqr -> "ilqr"
             | [], Ddp -> "ddp")
            "shooting",
            (if options.Shooting = Shooting.Multiple then
                 "multiple"
             else
                 "single")
            "horizon", string options.Horizon
            match options.FreeTime with
            | None -> "dt", string options.TimeStep
            | Some free ->
                "first dt", string options.TimeStep
                "free-time", $"{free.Shortest},{free.Longest}"
                "time-weight", string free.Weight
            "seed", string options.Seed
            "max-iterations", string options.MaxIterations
            "limits", ControlLimits.describe options.Limits
            "start", options.Environment.Start |> Seq.map string |> String.concat ","
            "first controls",
            (if options.Environment.ControlSpread > 0.0 then
                 $"normal, sd {options.Environment.ControlSpread}"
             else
                 "zero")
        ]
