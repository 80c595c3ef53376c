// LQR as Levine's lectures teach it, against closed forms and against iLQR.
//   dotnet build -c Release src.fs/Research.Cli && dotnet fsi papers/levine-lqr/run.fsx [--smoke]
#load "../../scripts/load.fsx"

open System
open System.IO
open Research
open Research.Control

let results = Path.Combine(__SOURCE_DIRECTORY__, "results.csv")
let rows = Collections.Generic.List<string * float * float * float>()

/// Records a claim, with the relative difference at which it counts as met.
let report (tolerance: float) (claim: string) (expected: float) (ours: float) =
    rows.Add(claim, expected, ours, tolerance)
    printfn "%-62s expected %.12g  ours %.12g  difference %.1e" claim expected ours (abs (ours - expected))

let exact = report 1e-12
/// known to ten digits
let rounded = report 1e-9

let get result =
    match result with
    | Ok value -> value
    | Error fault -> failwithf "%A" fault

// The infinite horizon, against numbers known in closed form
let scalar =
    get (Dare.solve (array2D [ [ 1.0 ] ]) (array2D [ [ 1.0 ] ]) (array2D [ [ 1.0 ] ]) (array2D [ [ 1.0 ] ]))

exact "scalar A = B = Q = R = 1: P is the golden ratio" ((1.0 + sqrt 5.0) / 2.0) scalar.P[0, 0]
exact "scalar A = B = Q = R = 1: K is its inverse" ((sqrt 5.0 - 1.0) / 2.0) scalar.K[0, 0]

let a, b = array2D [ [ 1.0; 0.1 ]; [ 0.0; 1.0 ] ], array2D [ [ 0.005 ]; [ 0.1 ] ]
let q, r = array2D [ [ 1.0; 0.0 ]; [ 0.0; 1.0 ] ], array2D [ [ 1.0 ] ]
let regulator = get (Dare.solve a b q r)
rounded "double integrator: P[0,0]" 17.834931322 regulator.P[0, 0]
rounded "double integrator: P[0,1]" 10.012492197 regulator.P[0, 1]
rounded "double integrator: P[1,1]" 17.856586460 regulator.P[1, 1]
rounded "double integrator: K[0]" 0.9170745631 regulator.K[0, 0]
rounded "double integrator: K[1]" 1.6355961850 regulator.K[0, 1]

// The finite horizon tends to the infinite one
for horizon, tolerance in [ 50, 1e-3; 200, 1e-12 ] do
    let solution = get (Lqr.solve (Lqr.repeat horizon (Lqr.step a b q r) q))

    report
        tolerance
        $"finite horizon of {horizon}: first gain tends to the infinite one"
        -regulator.K[0, 1]
        solution.K[0].[0, 1]

// The value function is the cost of the optimal rollout
let problem = Lqr.repeat 40 (Lqr.step a b q r) q
let solution = get (Lqr.solve problem)
let start = [| 1.0; -0.5 |]
let _, _, cost = Lqr.rollout problem solution start
exact "V(x0) is the cost of the rollout from x0" (Lqr.evaluate solution.Values[0] start) cost

// Certainty equivalence: noise leaves the gain alone and costs ½ Σ tr(P W)
let noise = Array.create 40 (array2D [ [ 1e-3; 0.0 ]; [ 0.0; 1e-2 ] ])
let expected = Lqr.expectedCost solution start (Array2D.zeroCreate 2 2) noise
let count = if isSmoke then 2_000 else 200_000
let rng = Rng.OfSeed 1

let sampled =
    Array.init count (fun _ ->
        let mutable x = start
        let mutable total = 0.0

        for t in 0..39 do
            let u = solution.K[t].[0, 0] * x[0] + solution.K[t].[0, 1] * x[1]
            total <- total + 0.5 * (x[0] * x[0] + x[1] * x[1] + u * u)
            let position = x[0] + 0.1 * x[1] + 0.005 * u + sqrt 1e-3 * rng.Normal()
            x <- [| position; x[1] + 0.1 * u + sqrt 1e-2 * rng.Normal() |]

        total + 0.5 * (x[0] * x[0] + x[1] * x[1]))

report
    // four standard errors; a rollout has a standard deviation of 2.2
    (4.0 * 2.2 / sqrt (float count) / expected)
    $"expected cost under noise, mean of {count} rollouts"
    expected
    (Array.average sampled)

// iLQR solves a linear-quadratic problem in one step
let dynamics =
    Dynamics.ofTraced 2 1 (fun x u -> [| x[0] + 0.1 * x[1] + 0.005 * u[0]; x[1] + 0.1 * u[0] |])

let stage (x: Vec) (u: Vec) =
    0.5 * (Vec.squaredNorm x + Vec.squaredNorm u)

let terminal (x: Vec) = 0.5 * Vec.squaredNorm x

let unregularised =
    { Ilqr.defaults with
        FirstRegularisation = 0.0
    }

let ilqr =
    Ilqr.solve unregularised (Problem.create dynamics (Cost.create stage terminal) 40 start) (Array2D.zeroCreate 40 1)

exact
    "iLQR on the same problem: accepted steps"
    1.0
    (float (ilqr.Iterations |> Array.filter (fun i -> i.Step > 0.0) |> Array.length))

exact "iLQR on the same problem: cost" cost ilqr.Cost

if not isSmoke then
    File.WriteAllLines(
        results,
        Seq.append
            [ "claim,expected,ours" ]
            (rows
             |> Seq.map (fun (claim, expected, ours, _) ->
                 FormattableString.Invariant $"\"{claim}\",{expected:R},{ours:R}"))
    )

let missed =
    rows
    |> Seq.filter (fun (_, expected, ours, tolerance) -> abs (ours - expected) > tolerance * abs expected)
    |> Seq.toList

for claim, _, _, _ in missed do
    printfn "MISSED: %s" claim

printfn "%d of %d claims met" (rows.Count - missed.Length) rows.Count
exit (if missed.IsEmpty then 0 else 1)
