namespace Research.Cli

open System
open System.IO
open System.Text.RegularExpressions
open Argu
open Research.Agents

/// The options of `learn pilco` once they are known to make sense.
type LearnOptions =
    {
        /// the learner to go on with: new, or from a checkpoint
        Start: PilcoState
        /// the folder to go on in
        Resumed: string option
        Output: OutputOptions
    }

/// The command line of `learn pilco`.
[<RequireQualifiedAccess>]
module LearnOptions =

    /// The name of the checkpoint after a number of trials.
    let checkpointName (trials: int) : string = $"checkpoint-{trials:``000``}.json"

    /// The number of trials in a checkpoint's name.
    let private trialsOf (file: string) : int option =
        let found =
            Regex.Match(string (Path.GetFileName file), @"^checkpoint-([0-9]{1,9})\.json$")

        if found.Success then
            Some(int found.Groups[1].Value)
        else
            None

    let private read (file: string) (trials: int) : Result<PilcoState, string> =
        try
            match Checkpoint.ofJson Scenarios.find (File.ReadAllBytes file) with
            | Ok state when state.Trials.Length <> trials ->
                Error $"it holds {state.Trials.Length} rollouts, and its name says {trials}"
            | result -> result
        with
        | :? IOException
        | :? UnauthorizedAccessException as failure -> Error failure.Message

    let private newest (folder: string) : Result<PilcoState, Fault> =
        let checkpoints () =
            Directory.GetFiles(folder, "checkpoint-*.json")
            |> Array.choose (fun file -> trialsOf file |> Option.map (fun trials -> trials, file))
            |> Array.sortDescending
            |> Array.toList

        if not (Directory.Exists folder) then
            Fault.usage $"--resume {folder}: there is no such folder."
        else
            match checkpoints () with
            | [] ->
                Fault.usage
                    $"--resume {folder}: it holds no checkpoint-NNN.json, as a run of 'learn' leaves after each trial."
            | (trials, file) :: earlier ->
                read file trials
                |> Result.mapError (fun reason ->
                    let cure =
                        match earlier with
                        | (_, before) :: _ -> $"Remove it to go on from {Path.GetFileName before}."
                        | [] -> "There is no earlier one: begin anew with --scenario."

                    {
                        Code = Exit.usage
                        Message =
                            $"--resume {folder}: {Path.GetFileName file} cannot be read: {reason.TrimEnd '.'}. {cure}"
                    })

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

                let most =
                    match basis with
                    | Some basis when basis > Pilco.mostBasis ->
                        Fault.usage $"--basis {basis}: it takes {Pilco.mostBasis} or fewer."
                    | _ -> Ok()

                let exploration = arguments.GetResult(PilcoArguments.Exploration, 0.0)

                let isWeight =
                    if Double.IsFinite exploration then
                        Ok()
                    else
                        Fault.usage $"--exploration {exploration}: a finite number is needed, for example -0.5."

                atLeast 0 "seed" (arguments.TryGetResult PilcoArguments.Seed)
                |> Result.bind (fun () -> atLeast 1 "trials" trials)
                |> Result.bind (fun () -> atLeast 1 "basis" basis)
                |> Result.bind (fun () -> most)
                |> Result.bind (fun () -> isWeight)
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
                            Exploration = exploration
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
            |> Result.bind (fun state ->
                match arguments.TryGetResult PilcoArguments.Trials with
                | Some trials when trials < max 1 state.Learnt.Length ->
                    Fault.usage
                        $"--trials {trials}: {state.Learnt.Length} policies were learnt already, and it takes {max 1 state.Learnt.Length} or more."
                | trials ->
                    Ok
                        { state with
                            Options =
                                { state.Options with
                                    Trials = defaultArg trials state.Options.Trials
                                    StopsWhenSolved =
                                        state.Options.StopsWhenSolved && not (arguments.Contains All_Trials)
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
                Output =
                    {
                        Folder = arguments.TryGetResult PilcoArguments.Output
                        IsJson = arguments.Contains PilcoArguments.Json
                        HasReport = not (arguments.Contains PilcoArguments.No_Report)
                        Command = command
                    }
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
