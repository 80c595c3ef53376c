// A low-cost arm learns to stack blocks by PILCO: trials until the block is put down right, with knowledge from the block before and
// without it; collisions with places to avoid in the loss and without them.
//   dotnet build -c Release src.fs/Research.Cli && dotnet fsi papers/pilco-manipulator-2011/run.fsx [--smoke | --paper]
#load "../../scripts/load.fsx"

open System
open System.Diagnostics
open System.IO
open System.Threading
open Research.Agents

let isPaper = fsi.CommandLineArgs |> Array.contains "--paper"

let seeds =
    if isSmoke then 1
    elif isPaper then 10
    else 4

let levels = if isSmoke then [ 0; 1 ] else [ 0..5 ]
let trials = if isSmoke then 1 else 10

let process' = Process.GetCurrentProcess()

let processor () =
    process'.Refresh()
    process'.TotalProcessorTime.TotalSeconds

let rec finish (state: PilcoState) =
    if state.IsFinished then
        state
    else
        match Pilco.next processor CancellationToken.None ignore state with
        | Advanced next -> finish next
        | Failed reason ->
            printfn "%s failed: %s" state.Scenario.Name reason
            state
        | Stopped -> state

let options (scenario: Scenario) seed =
    { Pilco.defaults scenario with
        Seed = seed
        Trials = trials
        LineSearches = if isSmoke then 5 else scenario.LineSearches
    }

/// One block: from nothing, or from what was learnt on the block before.
let learn avoids (before: PilcoState option) level seed =
    let scenario = BlockStacking.scenario level avoids

    finish (
        match before with
        | None -> Pilco.start scenario (options scenario seed)
        | Some teacher -> Pilco.startFrom teacher scenario (options scenario seed)
    )

type Row =
    {
        Mode: string
        Avoids: bool
        Seed: int
        Level: int
        State: PilcoState
    }

    /// steps with a collision over the rollouts that had a policy, and those steps
    member this.Collisions =
        let rollouts = this.State.PolicyTrials |> List.map _.Rollout
        rollouts |> List.sumBy (BlockStacking.collisions this.Level), rollouts |> List.sumBy _.Steps

let rows =
    [
        for avoids in [ true; false ] do
            for seed in 1..seeds do
                for level in levels do
                    {
                        Mode = "alone"
                        Avoids = avoids
                        Seed = seed
                        Level = level
                        State = learn avoids None level (100 * seed + level)
                    }

                let mutable teacher = None

                for level in levels do
                    let state = learn avoids teacher level (100 * seed + level)
                    teacher <- Some state

                    {
                        Mode = "in turn"
                        Avoids = avoids
                        Seed = seed
                        Level = level
                        State = state
                    }
    ]

let header =
    "mode,avoids,seed,level,trials,solved,experience [s],last distance [m],steps with collision,steps,processor time [s]"

let line (row: Row) =
    let state = row.State
    let collisions, steps = row.Collisions
    let distance = Array.last (List.last state.Trials).Rollout.Distances
    let time = state.Trials |> List.collect _.Seconds |> List.sumBy snd
    let avoids, solved = Convert.ToInt32 row.Avoids, Convert.ToInt32 state.IsSolved

    FormattableString.Invariant
        $"{row.Mode},{avoids},{row.Seed},{row.Level},{state.PolicyTrials.Length},{solved},{state.Experience:F1},{distance:F4},{collisions},{steps},{time:F2}"

if not isSmoke then
    File.WriteAllLines(Path.Combine(__SOURCE_DIRECTORY__, "results.csv"), header :: List.map line rows)

let mean (values: float list) =
    if values.IsEmpty then nan else List.average values

printfn ""
printfn "%-8s %-7s %8s %16s %18s %20s" "mode" "avoids" "solved" "trials, solved" "experience [s]" "steps colliding"

for (mode, avoids), group in rows |> List.groupBy (fun row -> row.Mode, row.Avoids) do
    let solved = group |> List.filter _.State.IsSolved
    let collisions, steps = group |> List.map _.Collisions |> List.unzip

    printfn
        "%-8s %-7b %8s %16.1f %18.1f %19.1f%%"
        mode
        avoids
        $"{solved.Length}/{group.Length}"
        (solved |> List.map (fun row -> float row.State.PolicyTrials.Length) |> mean)
        (solved |> List.map _.State.Experience |> mean)
        (100.0 * float (List.sum collisions) / float (List.sum steps))

let trialsOf mode =
    rows
    |> List.filter (fun row -> row.Mode = mode && row.Level > 0)
    |> List.averageBy (fun row -> float row.State.PolicyTrials.Length)

// a smoke run shows that all parts work; one trial learns nothing
let met =
    isSmoke
    || rows |> List.forall _.State.IsSolved && trialsOf "in turn" < trialsOf "alone"

exit (if met then 0 else 1)
