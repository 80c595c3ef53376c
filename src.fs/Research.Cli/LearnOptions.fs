namespace Research.Cli

open System.IO
open Argu
open Research.Agents

/// The options of `learn pilco` once they are known to make sense.
type LearnOptions =
    {
        /// the learner to go on with: new, or from a checkpoint
        Start: PilcoState
        /// the folder to go on in
        Resumed: string option
        Output: string option
        IsJson: bool
        HasReport: bool
        /// what to type to get this run again
        Command: string
    }

/// The command line of `learn pilco`.
[<RequireQualifiedAccess>]
module LearnOptions =

    /// The name of the checkpoint after a number of trials.
    let checkpointName (trials: int) : string = $"checkpoint-{trials:``000``}.json"

    let private newest (folder: string) : Result<PilcoState, Fault> =
        if not (Directory.Exists folder) then
            Fault.usage $"--resume {folder}: there is no such folder."
        else
            match Directory.GetFiles(folder, "checkpoint-*.json") |> Array.sort |> Array.tryLast with
            | None ->
                Fault.usage
                    $"--resume {folder}: it holds no checkpoint-NNN.json, as a run of 'learn' leaves after each trial."
            | Some file ->
                try
                    match Checkpoint.ofJson Scenarios.find (File.ReadAllBytes file) with
                    | Ok state -> Ok state
                    | Error reason -> Fault.usage $"--resume {folder}: {Path.GetFileName file} cannot be read: {reason}"
                with
                | :? IOException
                | :? System.UnauthorizedAccessException as failure ->
                    Fault.usage $"--resume {folder}: {Path.GetFileName file} cannot be read: {failure.Message}"

    let private atLeast (least: int) (name: string) (value: int option) : Result<unit, Fault> =
        match value with
        | Some value when value < least -> Fault.usage $"--{name} {value}: it takes {least} or more."
        | _ -> Ok()

    let private fresh (arguments: ParseResults<PilcoArguments>) : Result<PilcoState, Fault> =
        match arguments.TryGetResult PilcoArguments.Scenario with
        | None ->
            let names = Scenarios.all |> List.map _.Name |> String.concat ", "
            Fault.usage $"learn pilco needs --scenario NAME (one of {names}), or --resume FOLDER."
        | Some name ->
            match Scenarios.find name with
            | Error reason -> Fault.usage reason
            | Ok scenario ->
                let defaults = Pilco.defaults scenario
                let basis = arguments.TryGetResult PilcoArguments.Basis

                let policy =
                    match arguments.TryGetResult PilcoArguments.Policy, basis, scenario.Policy with
                    | Some PolicyName.Linear, Some basis, _ ->
                        Fault.usage $"--basis {basis}: a linear policy has no basis functions."
                    | Some PolicyName.Linear, None, _ -> Ok PolicyKind.Linear
                    | None, Some basis, _
                    | Some PolicyName.Rbf, Some basis, _ -> Ok(PolicyKind.Rbf basis)
                    | Some PolicyName.Rbf, None, PolicyKind.Linear ->
                        Fault.usage $"--policy rbf needs --basis NUMBER, for {scenario.Name} has a linear policy."
                    | Some PolicyName.Rbf, None, own
                    | None, None, own -> Ok own

                let trials = arguments.TryGetResult PilcoArguments.Trials
                let rollouts = arguments.TryGetResult PilcoArguments.Random_Rollouts
                let searches = arguments.TryGetResult PilcoArguments.Line_Searches
                let confirmations = arguments.TryGetResult PilcoArguments.Confirmations

                atLeast 0 "trials" trials
                |> Result.bind (fun () -> atLeast 1 "basis" basis)
                |> Result.bind (fun () -> atLeast 1 "random-rollouts" rollouts)
                |> Result.bind (fun () -> atLeast 1 "line-searches" searches)
                |> Result.bind (fun () -> atLeast 0 "confirmations" confirmations)
                |> Result.bind (fun () -> policy)
                |> Result.map (fun policy ->
                    Pilco.start
                        scenario
                        { defaults with
                            Seed = arguments.GetResult(PilcoArguments.Seed, 0)
                            Policy = policy
                            Trials = defaultArg trials defaults.Trials
                            RandomRollouts = defaultArg rollouts defaults.RandomRollouts
                            LineSearches = defaultArg searches defaults.LineSearches
                            Exploration = arguments.GetResult(PilcoArguments.Exploration, 0.0)
                            Confirmations = defaultArg confirmations defaults.Confirmations
                            StopsWhenSolved = not (arguments.Contains PilcoArguments.All_Trials)
                        })

    let private resumed (arguments: ParseResults<PilcoArguments>) (folder: string) : Result<PilcoState, Fault> =
        let isSettled (argument: PilcoArguments) =
            match argument with
            | Resume _
            | PilcoArguments.Trials _
            | All_Trials
            | PilcoArguments.Json
            | PilcoArguments.No_Report -> false
            | _ -> true

        if arguments.GetAllResults() |> List.exists isSettled then
            Fault.usage
                "With --resume go only --trials, --all-trials, --json and --no-report: the rest is as in the run that goes on."
        else
            newest folder
            |> Result.map (fun state ->
                { state with
                    Options =
                        { state.Options with
                            Trials = arguments.GetResult(PilcoArguments.Trials, state.Options.Trials)
                            StopsWhenSolved = state.Options.StopsWhenSolved && not (arguments.Contains All_Trials)
                        }
                })

    /// The options, or what is wrong with them.
    let parse (arguments: ParseResults<PilcoArguments>) (command: string) : Result<LearnOptions, Fault> =
        let folder = arguments.TryGetResult Resume

        (match folder with
         | Some folder -> resumed arguments folder
         | None -> fresh arguments)
        |> Result.map (fun state ->
            {
                Start = state
                Resumed = folder
                Output = arguments.TryGetResult PilcoArguments.Output
                IsJson = arguments.Contains PilcoArguments.Json
                HasReport = not (arguments.Contains PilcoArguments.No_Report)
                Command = command
            })

    /// Every option by name, as it was understood.
    let describe (state: PilcoState) : (string * string) list =
        let options = state.Options

        [
            "scenario", state.Scenario.Name
            "seed", string options.Seed
            "trials", string options.Trials
            "policy",
            (match options.Policy with
             | PolicyKind.Linear -> "linear"
             | PolicyKind.Rbf basis -> $"{basis} radial basis functions")
            "random rollouts", string options.RandomRollouts
            "line searches", string options.LineSearches
            "evaluations a line search", string options.Evaluations
            "exploration", string options.Exploration
            "confirmations", string options.Confirmations
            "stops when solved", (if options.StopsWhenSolved then "yes" else "no")
            "horizon", $"{state.Scenario.Horizon} steps of {state.Scenario.TimeStep} s"
            "solved means", $"tip within {state.Scenario.Reach} m of its target for the last second"
        ]
