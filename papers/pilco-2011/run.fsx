// PILCO on its scenarios: share of seeds that solve the task, seconds of experience until then, computing time.
//   dotnet build -c Release src.fs/Research.Cli && dotnet fsi papers/pilco-2011/run.fsx [--smoke | --paper] [--only SCENARIO] [--seeds N]
// Each seed's rows go to results.csv as soon as it ends; a run that is started again goes on with the seeds that are missing.
#load "../../scripts/load.fsx"

open System
open System.Diagnostics
open System.IO
open System.Threading
open Research.Agents
open Research.Lab

let isPaper = fsi.CommandLineArgs |> Array.contains "--paper"

let argument (name: string) =
    match Array.tryFindIndex ((=) name) fsi.CommandLineArgs with
    | Some i when i + 1 < fsi.CommandLineArgs.Length -> Some fsi.CommandLineArgs[i + 1]
    | _ -> None

/// The cart-pole with the horizon and the policy of the paper: 2.5 s, and 50 basis functions with 305 parameters.
let ofPaper =
    { Scenarios.cartPole with
        Name = "cartpole-of-paper"
        Horizon = 25
        Policy = Rbf 50
    }

/// Seeds of each scenario; without --paper the slow ones are left out.
let plan =
    [
        Scenarios.pendulum, 10
        Scenarios.cartPole, 10
        ofPaper, 10
        if isPaper then
            Scenarios.doublePendulum, 3
            Scenarios.unicycle, 5
            Scenarios.cartDoublePendulum, 2
            Scenarios.pendubot, 2
    ]
    |> List.filter (fun (scenario, _) -> argument "--only" |> Option.forall ((=) scenario.Name))
    |> List.map (fun (scenario, seeds) -> scenario, argument "--seeds" |> Option.map int |> Option.defaultValue seeds)

let process' = Process.GetCurrentProcess()

/// Processor time of this process so far, s.
let processor () =
    process'.Refresh()
    process'.TotalProcessorTime.TotalSeconds

/// One learner from its first rollout to its last, with the processor time of its parts.
let learn (scenario: Scenario) (seed: int) : PilcoState =
    let options =
        { Pilco.defaults scenario with
            Seed = seed
        }

    let options =
        if isSmoke then
            { options with
                Policy =
                    (match options.Policy with
                     | Rbf _ -> Rbf 4
                     | Linear -> Linear)
                Trials = 1
                LineSearches = 3
                TrainingIterations = 20
            }
        else
            options

    let rec go (state: PilcoState) =
        if state.IsFinished then
            state
        else
            match Pilco.next processor CancellationToken.None ignore state with
            | Advanced next -> go next
            | Failed reason ->
                printfn "%s, seed %d: trial %d failed: %s" scenario.Name seed (state.Trials.Length + 1) reason
                state
            | Stopped -> state

    go (Pilco.start scenario options)

let folder = __SOURCE_DIRECTORY__
let resultsFile = Path.Combine(folder, "results.csv")

let header =
    "scenario,seed,trial,experience [s],real loss,expected loss,line searches,solved,processor time [s]"

let rows (scenario: Scenario) (seed: int) (state: PilcoState) : string list =
    let experience =
        state.Trials
        |> List.scan (fun sum trial -> sum + scenario.TimeStep * float trial.Rollout.Steps) 0.0
        |> List.tail

    List.zip state.Trials experience
    |> List.mapi (fun i (trial, seconds) ->
        let loss = Array.average trial.Rollout.Losses

        let expected =
            match trial.Forecast with
            | Some forecast -> (Array.average forecast.Loss).ToString "F4"
            | None -> ""

        let solved = if trial.IsSolved then 1 else 0
        let time = trial.Seconds |> List.sumBy snd

        FormattableString.Invariant
            $"{scenario.Name},{seed},{i + 1},{seconds:F2},{loss:F4},{expected},{max 0 (trial.Search.Length - 1)},{solved},{time:F2}")

let known =
    if File.Exists resultsFile && not isSmoke then
        File.ReadAllLines resultsFile |> Array.skip 1 |> Array.toList
    else
        []

let field i (row: string) = (row.Split ',').[i]

let isOf (scenario: Scenario) (seed: int) row =
    field 0 row = scenario.Name && int (field 1 row) = seed

/// The last rollout of the first seed that solves a scenario, to look at.
let draw (state: PilcoState) =
    let scenario = state.Scenario
    let file = Path.Combine(folder, "figures", $"{scenario.Name}.svg")

    if state.IsSolved && not isSmoke && not (File.Exists file) then
        let plant = (List.last state.Trials).Rollout.Plant
        let names = [ for _ in 1 .. Array2D.length2 plant -> "", "" ]

        let run =
            { Run.ofTrajectory scenario.Name scenario.TimeStep names plant [] (Array2D.zeroCreate 0 0) with
                Summary = scenario.Summary
                Scene = scenario.Scene
            }

        Directory.CreateDirectory(Path.Combine(folder, "figures")) |> ignore
        File.WriteAllText(file, Motion.toSvg run)

let mutable all = known

for scenario, seeds in plan do
    for seed in 1 .. (if isSmoke then 1 else seeds) do
        if not (List.exists (isOf scenario seed) all) then
            let watch = Stopwatch.StartNew()
            let before = processor ()
            let state = learn scenario seed

            let ending =
                if state.IsSolved then
                    $"solved after {state.Experience:F1} s"
                else
                    "not solved"

            printfn
                "%s, seed %d: %s, %d trials, %.1f s of processor time, %.1f s in all"
                scenario.Name
                seed
                ending
                state.PolicyTrials.Length
                (processor () - before)
                watch.Elapsed.TotalSeconds

            draw state
            all <- all @ rows scenario seed state

            if not isSmoke then
                File.WriteAllLines(resultsFile, header :: all)

/// mean ± standard deviation
let show (values: float list) =
    match values with
    | [] -> "none"
    | [ one ] -> $"{one:F1}"
    | _ ->
        let mean = List.average values

        let sd =
            sqrt (List.sumBy (fun v -> (v - mean) ** 2.0) values / float (values.Length - 1))

        $"{mean:F1} ± {sd:F1}"

printfn ""
printfn "%-22s %8s %22s %26s" "scenario" "solved" "experience [s]" "processor time a run [s]"

for name, rows in all |> List.groupBy (field 0) do
    let runs = rows |> List.groupBy (field 1) |> List.map snd

    let solved =
        runs
        |> List.filter (fun run -> run |> List.exists (fun row -> field 7 row = "1"))

    let experience = solved |> List.map (fun run -> float (field 3 (List.last run)))
    let time = runs |> List.map (List.sumBy (fun row -> float (field 8 row)))
    printfn "%-22s %8s %22s %26s" name $"{solved.Length}/{runs.Length}" (show experience) (show time)

/// Share of the seeds of a scenario that solve it, of those that were run.
let share (scenario: Scenario) =
    let rows = all |> List.filter (fun row -> field 0 row = scenario.Name)
    let runs = rows |> List.groupBy (field 1) |> List.map snd

    if runs.IsEmpty then
        nan
    else
        let solved = runs |> List.filter (List.exists (fun row -> field 7 row = "1"))
        float solved.Length / float runs.Length

// a smoke run shows that all parts work; one trial solves nothing
let met =
    if isSmoke then
        not all.IsEmpty
    else
        [ Scenarios.pendulum; Scenarios.cartPole ]
        |> List.forall (fun scenario -> not (share scenario < 0.8))

exit (if met then 0 else 1)
