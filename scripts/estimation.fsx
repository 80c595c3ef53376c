// A cart-pole that is seen through noise: balanced by LQG, then followed through large swings by four estimators.
//   dotnet build -c Release src.fs/Research.Cli && dotnet fsi scripts/estimation.fsx [--smoke]
#load "load.fsx"

open System
open System.Diagnostics
open Research
open Research.Control
open Research.Environments
open Research.Lab

let diagonal (values: float list) =
    Array2D.init values.Length values.Length (fun i j -> if i = j then values[i] else 0.0)

let ok result =
    match result with
    | Ok value -> value
    | Error fault -> failwith $"{fault}"

// 1. The system: position and angle are measured at 50 Hz, with errors of 2 cm and 6°; pushes act on both velocities.
let h = 0.02
let pushes = diagonal [ 1e-6; 1e-6; 0.01; 0.02 ]
let seen = diagonal [ 0.02 ** 2.0; 0.1 ** 2.0 ]
let measure (x: Vec) = x[..1]

// 2. LQG. The model about the upright pole, its steps held exactly, and what a step costs.
let upright = Vec.ofFloats [ 0.0; Math.PI; 0.0; 0.0; 0.0 ]

let jacobian =
    Diff.jacobian (fun z -> CartPole.ode z[..3] z[4..]) upright
    |> Array2D.map Trace.number

let a, b = jacobian[*, ..3], jacobian[*, 4..]
let rates = Lqr.step a b (diagonal [ 4.0; 4.0; 0.1; 0.1 ]) (diagonal [ 0.05 ])
let step = ZeroOrderHold.step h rates

let model: LinearModel =
    {
        A = step.A
        B = step.B
        C = Array2D.init 2 4 (fun i j -> if i = j then 1.0 else 0.0)
        W = ZeroOrderHold.noise h a pushes
        V = seen
    }

let design = ok (Lqg.designWithCross model step.Q step.R step.N)

printfn
    "LQG: regulator %.3f, filter %.3f (spectral radii), expected cost %.5f a step"
    design.Regulator.SpectralRadius
    design.Filter.SpectralRadius
    design.ExpectedCost

// The true cart-pole, with noise, under the controller, which sees measurements only.
let noisy =
    NoisySystem.create (CartPole.environment.Dynamics h) measure model.W model.V

/// lᵀ w r
let form (w: float[,]) (l: float[]) (r: float[]) =
    w |> Array2D.mapi (fun i j v -> l[i] * v * r[j]) |> Seq.cast<float> |> Seq.sum

let balance seed steps =
    let rng = Rng.OfSeed seed
    let controller = Lqg.create design
    let control = Array.zeroCreate 1
    let mutable x = [| 0.0; Math.PI; 0.0; 0.0 |]
    let mutable cost, farthest = 0.0, 0.0

    for _ in 1..steps do
        // one step of the noisy system at a time; what is measured now decides the control that acts
        let measured = NoisySystem.simulate rng noisy x (Array2D.zeroCreate 0 1) |> snd
        let y = [| measured[0, 0]; measured[0, 1] - Math.PI |]
        controller.Act(ReadOnlySpan y, Span control)
        let d = Array.mapi (fun i v -> if i = 1 then v - Math.PI else v) x

        cost <-
            cost
            + 0.5 * form step.Q d d
            + form step.N d control
            + 0.5 * form step.R control control

        farthest <- max farthest (abs d[1])
        x <- (NoisySystem.simulate rng noisy x (array2D [ [ control[0] ] ]) |> fst)[1, *]

    cost / float steps, farthest

let runs = [ for seed in 1 .. (if isSmoke then 4 else 20) -> balance seed 1000 ]
let meanCost, farthest = List.averageBy fst runs, runs |> List.map snd |> List.max

printfn
    "     %d runs of 20 s on the true cart-pole: cost %.5f a step, pole at most %.1f° off"
    runs.Length
    meanCost
    (farthest * 180.0 / Math.PI)

// 3. Large swings. The estimators know the force, and believe at first that the pole hangs: it does not.
let horizon = 200

let prior =
    {
        Mean = [| 0.0; 0.0; 0.0; 0.0 |]
        Covariance = diagonal [ 0.01; 2.0; 0.1; 4.0 ]
    }

let force = Array2D.init horizon 1 (fun t _ -> 4.0 * sin (5.0 * h * float t))

/// height of the bob and its position along the track, as a camera sees them
let camera (x: Vec) =
    [|
        x[0]
        x[0] + CartPole.poleLength * sin x[1]
        -CartPole.poleLength * cos x[1]
    |]

let swinging =
    NoisySystem.create (CartPole.environment.Dynamics h) camera model.W (diagonal [ 4e-4; 0.01; 0.01 ])

let estimators: (string * (unit -> StateEstimator)) list =
    [
        "extended Kalman", (fun () -> ExtendedKalman.create swinging prior)
        "unscented Kalman", (fun () -> UnscentedKalman.create UnscentedKalman.defaults swinging prior)
        "moving horizon",
        (fun () ->
            MovingHorizon.create
                { MovingHorizon.defaults with
                    Window = 15
                }
                swinging
                prior)
    ]

let record seed =
    let rng = Rng.OfSeed seed
    let start = [| 0.0; 1.5 + 0.3 * rng.Normal(); 0.0; 2.0 * rng.Normal() |]
    NoisySystem.simulate rng swinging start force

let angleError (states: float[,]) (estimates: Estimate[]) =
    estimates |> Array.mapi (fun t estimate -> estimate.Mean[1] - states[t, 1])

let rootMeanSquare (errors: float[]) =
    sqrt (Array.averageBy (fun e -> e * e) errors)

let seeds = [ 1 .. (if isSmoke then 5 else 40) ]
let records = seeds |> List.map record

let follow (create: unit -> StateEstimator) (states: float[,], measurements) =
    let steps = StateEstimator.run (create ()) force measurements

    steps |> Array.map _.Filtered |> angleError states,
    RauchTungStriebel.smooth steps |> Array.map _.Estimate |> angleError states

let tick (create: unit -> StateEstimator) =
    let _, measurements = List.head records

    let once () =
        let estimator = create ()
        let begun = Stopwatch.GetTimestamp()

        for t in 0 .. horizon - 1 do
            estimator.Update(ReadOnlySpan measurements[t, *]) |> ignore
            estimator.Predict(ReadOnlySpan force[t, *])

        1e6 * Stopwatch.GetElapsedTime(begun).TotalSeconds / float horizon

    Seq.init 5 (fun _ -> once ()) |> Seq.min

printfn "%-20s %16s %16s %12s" "angle over 4 s" "error, rad" "error after 1 s" "tick, µs"

let results =
    [
        for name, create in estimators do
            let errors = records |> List.map (follow create >> fst)

            let whole, late =
                errors |> List.averageBy rootMeanSquare, errors |> List.averageBy (fun e -> rootMeanSquare e[50..])

            printfn "%-20s %16.4f %16.4f %12.1f" name whole late (tick create)
            (name, errors, whole, late)
    ]

let smoothed = records |> List.map (follow (snd estimators[0]) >> snd)
let smoothedError = smoothed |> List.averageBy rootMeanSquare

printfn
    "%-20s %16.4f %16.4f"
    "extended smoother"
    smoothedError
    (smoothed |> List.averageBy (fun e -> rootMeanSquare e[50..]))

// 4. A report of the first record, with its motion and the errors over time.
let states, measurements = List.head records
let errors = [| for _, errors, _, _ in results -> List.head errors |]

let likelihood =
    StateEstimator.run (ExtendedKalman.create swinging prior) force measurements
    |> StateEstimator.logLikelihood

let run =
    { Run.ofTrajectory
          "estimation"
          h
          [
              for state in CartPole.environment.States -> (state.Name, state.Unit)
              for name, _, _, _ in results -> ($"angle, error of {name}", "rad")
          ]
          (Array2D.init (horizon + 1) 7 (fun t i -> if i < 4 then states[t, i] else errors[i - 4].[t]))
          [ ("force", "N") ]
          force with
        Summary = "a cart-pole followed through noise; the cost is −ln p of its measurements under the extended filter"
        Solver = "extended, unscented, moving horizon"
        Status = "followed"
        Converged = true
        Cost = -likelihood
        Scene = CartPole.environment.Scene
    }

RunFolder.create "." "estimation" run.Started None "dotnet fsi scripts/estimation.fsx"
|> Result.iter (fun folder ->
    RunFolder.writeText folder "report.html" (Report.toHtml run)
    printfn "%s" folder)

// 5. What must hold.
let errorOf name =
    results
    |> List.pick (fun (other, _, whole, late) -> if other = name then Some(whole, late) else None)

let checks =
    [
        "the pole stays up", farthest < 0.5
        "the cost is what LQG expects", abs (meanCost / design.ExpectedCost - 1.0) < 0.2
        "all find the pole", results |> List.forall (fun (_, _, _, late) -> late < 0.06)
        "the moving horizon finds it sooner", fst (errorOf "moving horizon") < fst (errorOf "extended Kalman")
        "the smoother errs less", smoothedError < snd (errorOf "extended Kalman")
    ]

for name, holds in checks do
    printfn "%s: %s" name (if holds then "yes" else "NO")

exit (if List.forall snd checks then 0 else 1)
