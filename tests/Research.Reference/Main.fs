module Research.Reference.Main

open System
open System.IO
open System.Text.Json
open Research
open Research.Control
open Research.Environments

let private compare (environment: Research.Environments.Environment) =
    let problem = environment.Problem
    let controls = Array2D.zeroCreate environment.Horizon environment.Controls.Length

    let states, _ =
        Policy.simulate
            problem.Dynamics
            (Policy.openLoop environment.States.Length controls)
            problem.Horizon
            problem.Start

    let program = Transcription.ofProblem problem
    let first = Transcription.pack states controls
    let gradient, jacobian, hessian = Transcription.faults program (Rng.OfSeed 1) first
    let solver = Constrained.create Constrained.defaults problem
    let ours = solver.Solve controls
    let seconds = (solver.Solve controls).Solution.SolveSeconds
    // Ipopt may end in a point of local infeasibility; then from a straight line, and at last from our solution with noise
    let last = ours.Solution.X[problem.Horizon, *]

    let line =
        states
        |> Array2D.mapi (fun t i _ ->
            let share = float t / float problem.Horizon
            (1.0 - share) * problem.Start[i] + share * last[i])

    let rng = Rng.OfSeed 2

    let noisy =
        Transcription.pack ours.Solution.X ours.Solution.U
        |> Array.map (fun value -> value + 0.02 * rng.Normal())

    let from, answer =
        [
            "the rollout of no control", first
            "a straight line of states", Transcription.pack line controls
            "our solution with noise of 0.02", noisy
        ]
        |> Seq.map (fun (name, guess) -> name, Ipopt.solve program guess)
        |> Seq.find (fun (name, answer) -> answer.Status = 0 || name.StartsWith "our")

    let violation = Transcription.violation program answer.Z
    let share = abs (ours.Solution.Cost - answer.Cost) / abs answer.Cost

    printfn
        $"{environment.Name}: {first.Length} variables, {program.Least.Length} constraints; derivatives against differences: {gradient:E1} {jacobian:E1} {hessian:E1}"

    printfn
        $"  Ipopt  status {answer.Status}  cost {answer.Cost:F12}  violation {violation:E1}  {answer.Iterations} iterations  {1e3 * answer.Seconds:F0} ms, from {from}"

    printfn
        $"  ours   {ours.Status}  cost {ours.Solution.Cost:F12}  violation {ours.Feasibility:E1}  {ours.Rounds |> Array.sumBy _.Iterations} iterations  {1e3 * seconds:F0} ms  difference {share:E1}"

    let x, u = Transcription.unpack problem answer.Z

    let rows (values: float[,]) =
        Array.init (Array2D.length1 values) (fun t -> values[t, *])

    let isMet =
        answer.Status = 0
        && max gradient (max jacobian hessian) < 1e-5
        && ours.Status.IsConverged
        && ours.Feasibility < 1e-8
        && share < 1e-6

    let recorded =
        {|
            problem = environment.Name
            first_guess = from
            cost = answer.Cost
            violation = violation
            iterations = answer.Iterations
            x = rows x
            u = rows u
        |}

    isMet, recorded

/// Solves every task with constraints by Ipopt and by ours; with a path, records Ipopt's solutions there. The exit code is 1 when any two
/// differ.
[<EntryPoint>]
let main arguments =
    let results =
        Environments.all
        |> List.filter (fun environment -> not environment.Constraints.IsEmpty)
        |> List.map compare

    match arguments with
    | [||] -> ()
    | _ ->
        File.WriteAllText(
            arguments[0],
            JsonSerializer.Serialize
                {|
                    kind = "constrained"
                    producer =
                        "Ipopt 3.11.9 with MUMPS on the direct multiple-shooting transcription (tests/Research.Reference), tolerance 1e-11"
                    cases = results |> List.map snd
                |}
        )

    let met = results |> List.filter fst |> List.length
    printfn $"{met} of {results.Length} agree"
    if met = results.Length then 0 else 1
