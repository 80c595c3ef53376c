// What a solved rollout is worth: fresh starts that PILCO's policy solves, of 100; when one rollout is enough, and when 20 more must be solved.
//   dotnet build -c Release src.fs/Research.Cli && dotnet fsi papers/pilco-2011/fresh-starts.fsx [--smoke]
#load "../../scripts/load.fsx"

open System
open System.IO
open System.Threading
open Research.Agents

/// A learner until its first solved rollout, or until that is confirmed.
let rec learn (isDone: PilcoState -> bool) (state: PilcoState) : PilcoState =
    if state.IsFinished || isDone state then
        state
    else
        match Pilco.next (fun () -> 0.0) CancellationToken.None ignore state with
        | Advanced next -> learn isDone next
        | Failed reason -> failwith reason
        | Stopped -> state

let fresh (state: PilcoState) =
    Pilco.validate 100 state state.Best.Value.Parameters

let row (scenario: Scenario) (seed: int) =
    let options =
        { Pilco.defaults scenario with
            Seed = seed
            Confirmations = 20
            Trials = if isSmoke then 1 else scenario.Trials
            LineSearches = if isSmoke then 3 else scenario.LineSearches
        }

    let first =
        Pilco.start scenario options |> learn (fun state -> state.SolvedInARow > 0)

    let kept = first |> learn (fun _ -> false)
    let confirmed = Convert.ToInt32 kept.IsSolved

    FormattableString.Invariant
        $"{scenario.Name},{seed},{first.Learnt.Length},{first.Experience:F1},{fresh first},{kept.Learnt.Length},{kept.Experience:F1},{confirmed},{fresh kept}"

let header =
    "scenario,seed,policies at the first solved rollout,experience then [s],fresh starts solved of 100,policies when confirmed by 20 more,experience then [s],confirmed,fresh starts solved of 100 by the policy kept"

let rows =
    [
        for scenario in [ Scenarios.pendulum; Scenarios.cartPole ] do
            for seed in 1 .. (if isSmoke then 1 else 10) do
                let row = row scenario seed
                printfn "%s" row
                row
    ]

if not isSmoke then
    File.WriteAllLines(Path.Combine(__SOURCE_DIRECTORY__, "fresh-starts.csv"), header :: rows)
