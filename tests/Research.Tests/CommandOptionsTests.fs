/// Every option of solve, mpc and learn, set to something else than its default, changes what it says it changes, and nothing else.
module Research.Tests.CommandOptionsTests

open System
open System.IO
open Argu
open Expecto
open FSharp.Reflection
open Research
open Research.Agents
open Research.Cli
open Research.Environments
open Research.Tests.TemporaryFolder

/// What is understood from a command line, and as it is echoed in result.json.
type private Understood =
    {
        Options: obj
        Echo: (string * string) list
    }

let private arguments<'arguments when 'arguments :> IArgParserTemplate> (words: string list) =
    ArgumentParser.Create<'arguments>(checkStructure = false).ParseCommandLine(List.toArray words, raiseOnUsage = false)

let private understood (describe: 'options -> (string * string) list) (options: Result<'options, Fault>) =
    let options = Expect.wantOk options "it makes sense"

    {
        Options = nonNull (box options)
        Echo = describe options
    }

let private solve words =
    SolveOptions.parse (arguments<SolveArguments> words) ""
    |> understood SolveOptions.describe

let private mpc words =
    LoopOptions.parse (arguments<MpcArguments> words) ""
    |> understood LoopOptions.describe

let private learnt words =
    LearnOptions.parse (arguments<PilcoArguments> words) ""

let private learn words =
    learnt words |> understood (fun options -> LearnOptions.describe options.Start)

/// Fields that differ between two records, those of records inside by their path. Problems and scenarios, which hold functions, by reference.
let rec private differences (path: string) (a: obj | null) (b: obj | null) : string list =
    match a with
    | null -> if isNull b then [] else [ path ]
    | :? Environment
    | :? Scenario -> if Object.ReferenceEquals(a, b) then [] else [ path ]
    | a when FSharpType.IsRecord(a.GetType()) ->
        [
            for field in FSharpType.GetRecordFields(a.GetType()) do
                let inner = if path = "" then field.Name else $"{path}.{field.Name}"
                yield! differences inner (field.GetValue a) (field.GetValue b)
        ]
    | _ -> if $"%A{a}" = $"%A{b}" then [] else [ path ]

/// A base, the name of an option, what to type for it, and the fields that it changes.
let private holds (parse: string list -> Understood) (kind: Type) exempt cases =
    let named = cases |> List.map (fun (_, name, _, _) -> name)
    let all = FSharpType.GetUnionCases kind |> Array.map _.Name |> Array.toList
    Expect.equal (List.sort (named @ exempt)) (List.sort all) "every option has a case"

    for start: string list, name, words, fields: string list in cases do
        let before, after = parse start, parse (start @ words)
        Expect.equal (differences "" before.Options after.Options) fields name
        let isOutput = fields |> List.forall _.StartsWith("Output.")
        Expect.equal (before.Echo = after.Echo) isOutput $"{name}: in result.json"
        let typed = List.last words

        if not (isOutput || typed.StartsWith "--") then
            Expect.exists after.Echo (fun (_, value) -> value.Contains typed) $"{name}: as it was typed"

let private output (start: string list) =
    [
        start, "Output", [ "--output"; "there" ], [ "Output.Folder" ]
        start, "Json", [ "--json" ], [ "Output.IsJson" ]
        start, "No_Report", [ "--no-report" ], [ "Output.HasReport" ]
    ]

let private isRefused (result: Result<'options, Fault>) (words: string list) =
    let fault = Expect.wantError (Result.map ignore result) "it is refused"
    Expect.equal fault.Code Exit.usage "a wrong command line"

    for word in words do
        Expect.stringContains fault.Message word "why"

/// A checkpoint of a learner that ran so often and fell at once.
let private fallen (runs: int) (options: PilcoOptions) : byte[] =
    let scenario = Scenarios.pendulum
    let start = scenario.Starts[0]

    let trial: Trial =
        {
            Rollout =
                Rollout.run
                    { scenario with
                        IsFallen = fun _ -> true
                    }
                    (Rng.OfSeed 1)
                    start
                    (fun _ _ -> [| 0.0 |])
            Parameters = [||]
            Hyperparameters = [||]
            Inducing = Array2D.zeroCreate 0 0
            Forecast = None
            Search = [||]
            IsSolved = false
            Seconds = []
        }

    Checkpoint.toJson
        {
            Scenario = scenario
            Options = options
            Prior = None
            Trials = List.replicate runs trial
        }

[<Tests>]
let tests =
    testList
        "CommandOptions"
        [
            test "every option of solve changes what it says" {
                let cartpole = [ "cartpole" ]

                output cartpole
                @ [
                    cartpole, "Solver", [ "--solver"; "ddp" ], [ "Solver" ]
                    cartpole, "Shooting", [ "--shooting"; "multiple" ], [ "Shooting" ]
                    cartpole, "Horizon", [ "--horizon"; "7" ], [ "Horizon" ]
                    cartpole, "Dt", [ "--dt"; "0.017" ], [ "TimeStep" ]
                    cartpole, "Free_Time", [ "--free-time"; "1,4" ], [ "Solver"; "FreeTime" ]
                    cartpole @ [ "--free-time"; "1,4" ], "Time_Weight", [ "--time-weight"; "2" ], [ "FreeTime" ]
                    [ "car" ], "Seed", [ "--seed"; "5" ], [ "Seed" ]
                    cartpole, "Max_Iterations", [ "--max-iterations"; "3" ], [ "MaxIterations" ]
                    cartpole, "Limits", [ "--limits"; "-5,6" ], [ "Limits" ]
                ]
                |> holds solve typeof<SolveArguments> [ "Problem" ]
            }

            test "every option of mpc changes what it says" {
                let cartpole = [ "cartpole" ]

                output cartpole
                @ [
                    cartpole, "Mismatch", [ "--mismatch"; "0.2" ], [ "Mismatch" ]
                    cartpole, "Disturb", [ "--disturb"; "0.3" ], [ "Disturb" ]
                    cartpole, "Rate", [ "--rate"; "10" ], [ "Every" ]
                    cartpole, "Iterations", [ "--iterations"; "3" ], [ "Iterations" ]
                    cartpole, "Deadline", [ "--deadline"; "5" ], [ "Deadline" ]
                    cartpole, "Duration", [ "--duration"; "1" ], [ "Steps" ]
                    cartpole, "Horizon", [ "--horizon"; "50" ], [ "Horizon" ]
                    cartpole, "Dt", [ "--dt"; "0.01" ], [ "TimeStep"; "Steps" ]
                    cartpole @ [ "--disturb"; "0.3" ], "Seed", [ "--seed"; "5" ], [ "Seed" ]
                    cartpole, "Limits", [ "--limits"; "-5,6" ], [ "Limits" ]
                ]
                |> holds mpc typeof<MpcArguments> [ "Problem" ]
            }

            test "every option of learn changes what it says" {
                let pendulum = [ "--scenario"; "pendulum" ]

                let option name words field =
                    pendulum, name, words, [ $"Start.Options.{field}" ]

                output pendulum
                @ [
                    option "Seed" [ "--seed"; "5" ] "Seed"
                    option "Trials" [ "--trials"; "3" ] "Trials"
                    option "Policy" [ "--policy"; "linear" ] "Policy"
                    option "Basis" [ "--basis"; "7" ] "Policy"
                    option "Random_Rollouts" [ "--random-rollouts"; "4" ] "RandomRollouts"
                    option "Line_Searches" [ "--line-searches"; "6" ] "LineSearches"
                    option "Exploration" [ "--exploration"; "-0.5" ] "Exploration"
                    option "Confirmations" [ "--confirmations"; "2" ] "Confirmations"
                    option "All_Trials" [ "--all-trials" ] "StopsWhenSolved"
                ]
                |> holds learn typeof<PilcoArguments> [ "Scenario"; "Resume" ]
            }

            test "masses are lighter as often as heavier, within the share" {
                let options =
                    Expect.wantOk
                        (LoopOptions.parse (arguments [ "cartpole"; "--mismatch"; "0.2" ]) "")
                        "it makes sense"

                let factors =
                    [|
                        for seed in 1..200 do
                            yield! LoopOptions.massFactors options (Rng.OfSeed seed)
                    |]

                Expect.all factors (fun factor -> 0.8 <= factor && factor <= 1.2) "within"
                // even numbers on [0.8, 1.2] have this mean and standard deviation; 400 of them, to 4 standard deviations of either
                let mean = Array.average factors

                let deviation =
                    sqrt (factors |> Array.averageBy (fun factor -> (factor - mean) ** 2.0))

                Expect.isLessThan (abs (mean - 1.0)) (4.0 * 0.1155 / 20.0) "mean"
                Expect.isLessThan (abs (deviation - 0.1155)) 0.01 "spread"
            }

            test "what makes no sense is refused" {
                let pilco words =
                    learnt ([ "--scenario"; "pendulum" ] @ words)

                for value in [ "NaN"; "nan"; "Infinity"; "1e400" ] do
                    isRefused (pilco [ "--exploration"; value ]) [ "--exploration"; "finite" ]

                isRefused (pilco [ "--basis"; "2147483647" ]) [ "--basis 2147483647"; "1000 or fewer" ]
                isRefused (pilco [ "--trials"; "0" ]) [ "--trials 0"; "1 or more" ]
                isRefused (pilco [ "--seed"; "-1" ]) [ "--seed -1"; "0 or more" ]
                let solve words = SolveOptions.parse (arguments words) ""
                let mpc words = LoopOptions.parse (arguments words) ""
                isRefused (solve [ "car"; "--seed"; "-1" ]) [ "--seed -1"; "0 or more" ]
                isRefused (solve [ "cartpole"; "--seed"; "1" ]) [ "--seed 1"; "nothing is random" ]
                isRefused (mpc [ "cartpole"; "--disturb"; "1"; "--seed"; "-1" ]) [ "--seed -1"; "0 or more" ]
                isRefused (mpc [ "cartpole"; "--seed"; "1" ]) [ "--seed 1"; "nothing is random" ]
                isRefused (mpc [ "cartpole"; "--mismatch"; "1" ]) [ "--mismatch 1"; "below 1" ]
                isRefused (solve [ "quadrotor"; "--limits"; "0,3"; "0,2.5" ]) [ "2 pairs"; "each control" ]
            }

            test "a learner goes on from the checkpoint of most trials, and no earlier" {
                inFolder (fun folder ->
                    let options = Pilco.defaults Scenarios.pendulum

                    let write (name: string) (content: byte[]) =
                        File.WriteAllBytes(Path.Combine(folder, $"checkpoint-{name}.json"), content)

                    let resumed words = learnt ([ "--resume"; folder ] @ words)

                    let trials words =
                        (Expect.wantOk (resumed words) "it goes on").Start.Trials.Length

                    write "999" (fallen 999 options)
                    write "1000" (fallen 1000 options)
                    write "old" [||]
                    Expect.equal (trials []) 1000 "numbers, not letters"
                    write "1001" (fallen 1000 options)

                    isRefused
                        (resumed [])
                        [
                            "checkpoint-1001.json"
                            "holds 1000 rollouts"
                            "go on from checkpoint-1000.json"
                        ]

                    File.WriteAllText(Path.Combine(folder, "checkpoint-1001.json"), "{\"form_version\":3}")

                    isRefused
                        (resumed [])
                        [
                            folder
                            "checkpoint-1001.json"
                            "no member learner"
                            "Remove it to go on from checkpoint-1000.json"
                        ]

                    for name in [ "999"; "1000" ] do
                        File.Delete(Path.Combine(folder, $"checkpoint-{name}.json"))

                    isRefused (resumed []) [ "no earlier one" ]
                    isRefused (resumed [ "--trials"; "0" ]) [ "checkpoint-1001" ])
            }

            test "a command is recorded as it works where it was typed" {
                inFolder (fun folder ->
                    let library =
                        Path.Combine(folder, "src", "My.Cli", "bin", "Debug", "net10.0", "My.Cli.dll")

                    let published = Path.Combine(folder, "tool", "My.Cli.dll")

                    Expect.equal
                        (CommandLine.program "/usr/bin/dotnet" published folder)
                        [ "/usr/bin/dotnet"; published ]
                        "a library"

                    Expect.equal (CommandLine.program "/opt/My.Cli" published folder) [ "/opt/My.Cli" ] "a program"

                    Expect.equal
                        (CommandLine.program "/opt/My.Cli" library folder)
                        [ "/opt/My.Cli" ]
                        "no project there"

                    Directory.CreateDirectory(Path.Combine(folder, "src", "My.Cli")) |> ignore
                    File.WriteAllText(Path.Combine(folder, "src", "My.Cli", "My.Cli.fsproj"), "")

                    Expect.equal
                        (CommandLine.program "/opt/My.Cli" library folder)
                        [
                            "dotnet"
                            "run"
                            "-c"
                            "Debug"
                            "--project"
                            Path.Combine("src", "My.Cli")
                            "--"
                        ]
                        "where its project built it")
            }
        ]
