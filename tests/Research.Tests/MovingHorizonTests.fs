module Research.Tests.MovingHorizonTests

open System
open Expecto
open Research
open Research.Control
open Research.Tests.Generators
open Research.Tests.LinearGaussian
open Research.Tests.ExtendedKalmanTests

let private window steps =
    { MovingHorizon.defaults with
        Window = steps
    }

/// Every case compiles kernels of its own.
let private fewer name property =
    testPropertyWithConfig
        { FsCheckConfig.defaultConfig with
            maxTest = 20
        }
        name
        property

/// A leaking tank fed by chance: inflow w ≥ 0, and the square root of the level flows out. What is measured is the outflow.
let private leak = 0.05

let private tank deviation =
    NoisySystem.create
        (Dynamics.ofTraced 1 1 (fun x u -> [| x[0] + u[0] - leak * sqrt (x[0] * x[0] + 1e-6) |]))
        (fun x -> [| x[0] |])
        (array2D [ [ deviation * deviation ] ])
        (array2D [ [ 0.04 ] ])

[<Tests>]
let tests =
    testList
        "MovingHorizon"
        [
            fewer "on a linear system with a full window it is the smoother" (fun (seed: int) ->
                let random = Random seed

                let n, m, p, horizon =
                    random.Whole(1, 3), random.Whole(1, 2), random.Whole(1, 3), random.Whole(2, 8)

                let model = randomModel random n m p 0
                let prior, controls, measurements = randomRecord random model horizon 0.2

                let estimator =
                    MovingHorizon.create (window (horizon + random.Whole(0, 2))) (asSystem model) prior

                let ours = StateEstimator.run estimator controls measurements
                let exact = StateEstimator.run (Kalman.create model prior) controls measurements
                let smoothed = RauchTungStriebel.smooth exact

                let scale =
                    1.0
                    + (smoothed
                       |> Array.map (fun step -> step.Estimate.Mean |> Array.map abs |> Array.max)
                       |> Array.max)

                Expect.equal (Array2D.length1 estimator.Window) (horizon + 1) "all states"

                for t in 0..horizon do
                    Expect.isLessThan
                        (distance smoothed[t].Estimate.Mean estimator.Window[t, *] / scale)
                        1e-7
                        "smoothed"

                    Expect.isLessThan (distance exact[t].Filtered.Mean ours[t].Filtered.Mean / scale) 1e-7 "filtered"

                    Expect.isLessThan
                        (distance (flat exact[t].Filtered.Covariance) (flat ours[t].Filtered.Covariance))
                        1e-7
                        "covariance")

            fewer
                "with a short window it is the Kalman filter: the arrival cost holds all that is past"
                (fun (seed: int) ->
                    let random = Random seed

                    let n, m, p, horizon =
                        random.Whole(1, 3), random.Whole(1, 2), random.Whole(1, 3), 12

                    let model = randomModel random n m p 0
                    let prior, controls, measurements = randomRecord random model horizon 0.2

                    let ours =
                        StateEstimator.run
                            (MovingHorizon.create (window (random.Whole(1, 4))) (asSystem model) prior)
                            controls
                            measurements

                    let exact = StateEstimator.run (Kalman.create model prior) controls measurements

                    let scale =
                        1.0
                        + (exact
                           |> Array.map (fun step -> step.Filtered.Mean |> Array.map abs |> Array.max)
                           |> Array.max)

                    for t in 0..horizon do
                        Expect.isLessThan
                            (distance exact[t].Filtered.Mean ours[t].Filtered.Mean / scale)
                            1e-7
                            "filtered")

            test "on a pendulum every window is a minimum: Newton's method from elsewhere finds the same" {
                let _, controls, measurements = pendulumRecord 4 30

                let options =
                    { window 40 with
                        Solver =
                            { Constrained.defaults with
                                Inner =
                                    { Constrained.defaults.Inner with
                                        FirstRegularisation = 0.0
                                    }
                            }
                    }

                let estimator = MovingHorizon.create options pendulum pendulumPrior
                StateEstimator.run estimator controls measurements |> ignore
                Expect.isTrue estimator.Status.IsConverged $"{estimator.Status}"
                let found = estimator.Window

                // the cost by its definition
                let flow =
                    Compile.compile 3 (fun z ->
                        (Integrator.rk4 (Real.constant 0.05) (fun x u -> [| x[1]; u[0] - 9.81 * sin x[0] |]))
                            z[..1]
                            z[2..])

                let square (w: float[,]) (e: float[]) =
                    0.5 * Seq.sum (Seq.mapi (fun i e -> e * e / w[i, i]) e)

                let cost (states: float[,]) =
                    square pendulumPrior.Covariance (Array.map2 (-) states[0, *] pendulumPrior.Mean)
                    + Seq.sum (
                        seq {
                            for t in 0..30 do
                                square
                                    pendulum.V
                                    [|
                                        measurements[t, 0] - sin states[t, 0]
                                        measurements[t, 1] - cos states[t, 0]
                                    |]

                                if t < 30 then
                                    square
                                        pendulum.W
                                        (Array.map2
                                            (-)
                                            states[t + 1, *]
                                            (flow.Run(Array.append states[t, *] controls[t, *])))
                        }
                    )

                let least = cost found

                for t in 0..30 do
                    for i in 0..1 do
                        let moved d =
                            found |> Array2D.mapi (fun s j v -> if s = t && i = j then v + d else v)

                        let slope = (cost (moved 1e-5) - cost (moved -1e-5)) / 2e-5
                        let curvature = (cost (moved 1e-5) - 2.0 * least + cost (moved -1e-5)) / 1e-10
                        // how far the minimum along this number still is
                        Expect.isLessThan (abs (slope / curvature)) 1e-6 "stationary"
            }

            test "bounds on states hold and help" {
                // a level that cannot fall below 0, measured badly
                let system = tank 0.1

                let prior =
                    {
                        Mean = [| 0.3 |]
                        Covariance = array2D [ [ 0.1 ] ]
                    }

                let options =
                    { window 10 with
                        StateBounds = Some([| 0.0 |], [| infinity |])
                    }

                let horizon = 60
                let mutable held = 0

                let errors =
                    Array.init 20 (fun seed ->
                        let rng = Rng.OfSeed seed
                        let controls = Array2D.zeroCreate horizon 1
                        let states = Array2D.zeroCreate (horizon + 1) 1
                        let measurements = Array2D.zeroCreate (horizon + 1) 1

                        for t in 0..horizon do
                            measurements[t, 0] <- states[t, 0] + 0.2 * rng.Normal()

                            if t < horizon then
                                let next =
                                    states[t, 0] - leak * sqrt (states[t, 0] ** 2.0 + 1e-6) + 0.1 * rng.Normal()

                                states[t + 1, 0] <- max 0.0 next

                        let bounded = MovingHorizon.create options system prior
                        let steps = StateEstimator.run bounded controls measurements

                        let free =
                            StateEstimator.run (ExtendedKalman.create system prior) controls measurements

                        for step in steps do
                            Expect.isGreaterThanOrEqual step.Filtered.Mean[0] 0.0 "within its bounds"

                            if step.Filtered.Mean[0] = 0.0 then
                                held <- held + 1

                        rootMeanSquare states (steps |> Array.map _.Filtered),
                        rootMeanSquare states (free |> Array.map _.Filtered))

                Expect.isGreaterThan held 20 "and on them"

                Expect.isLessThan
                    (Array.averageBy fst errors)
                    (0.97 * Array.averageBy snd errors)
                    "error against the extended filter"
            }

            test "bounds on noise hold, and beat the extended filter where the noise has them" {
                // inflow comes in rare gusts and never flows back
                let system = tank 0.2

                let prior =
                    {
                        Mean = [| 1.0 |]
                        Covariance = array2D [ [ 0.04 ] ]
                    }

                let options =
                    { window 12 with
                        NoiseBounds = Some([| 0.0 |], [| infinity |])
                    }

                let horizon = 40

                let errors =
                    Array.init 8 (fun seed ->
                        let rng = Rng.OfSeed(100 + seed)
                        let states = Array2D.create (horizon + 1) 1 1.0
                        let measurements = Array2D.zeroCreate (horizon + 1) 1

                        for t in 0..horizon do
                            measurements[t, 0] <- states[t, 0] + 0.2 * rng.Normal()

                            if t < horizon then
                                let gust =
                                    if rng.Uniform() < 0.15 then
                                        0.2 * abs (rng.Normal())
                                    else
                                        0.0

                                states[t + 1, 0] <- states[t, 0] - leak * sqrt (states[t, 0] ** 2.0 + 1e-6) + gust

                        let controls = Array2D.zeroCreate horizon 1
                        let bounded = MovingHorizon.create options system prior
                        let steps = StateEstimator.run bounded controls measurements

                        let free =
                            StateEstimator.run (ExtendedKalman.create system prior) controls measurements

                        Expect.isTrue bounded.Status.IsConverged $"{bounded.Status}"
                        let states' = bounded.Window

                        for t in 0 .. Array2D.length1 states' - 2 do
                            let w =
                                states'[t + 1, 0] - states'[t, 0] + leak * sqrt (states'[t, 0] ** 2.0 + 1e-6)

                            Expect.isGreaterThan w -1e-7 "noise"

                        rootMeanSquare states (steps |> Array.map _.Filtered),
                        rootMeanSquare states (free |> Array.map _.Filtered))

                Expect.isLessThan
                    (Array.averageBy fst errors)
                    (0.9 * Array.averageBy snd errors)
                    "error against the extended filter"
            }

            test "a tick without bounds allocates little" {
                let estimator = MovingHorizon.create (window 10) pendulum pendulumPrior
                let u, y = [| 0.1 |], [| 0.4; 0.9 |]

                let tick count =
                    for _ in 1..count do
                        estimator.Update(ReadOnlySpan y) |> ignore
                        estimator.Predict(ReadOnlySpan u)

                tick 60
                let before = GC.GetAllocatedBytesForCurrentThread()
                tick 60
                Expect.isLessThan (float (GC.GetAllocatedBytesForCurrentThread() - before) / 60.0) 1000.0 "bytes a tick"
            }

            test "what is wrong is named" {
                let says (part: string) options system prior =
                    Expect.throwsC (fun () -> MovingHorizon.create options system prior |> ignore) (fun error ->
                        Expect.stringContains error.Message part "message")

                says "a window of 0 steps has no past" (window 0) pendulum pendulumPrior

                says
                    "the bounds of the noise"
                    { window 5 with
                        NoiseBounds = Some([| 1.0; 0.0 |], [| 2.0; 0.0 |])
                    }
                    pendulum
                    pendulumPrior

                says
                    "the bounds of the states"
                    { window 5 with
                        StateBounds = Some([| 1.0 |], [| 2.0 |])
                    }
                    pendulum
                    pendulumPrior

                says
                    "needs W positive definite"
                    (window 5)
                    { pendulum with
                        W = Array2D.zeroCreate 2 2
                    }
                    pendulumPrior

                says
                    "covariance of its first state"
                    (window 5)
                    pendulum
                    { pendulumPrior with
                        Covariance = Array2D.zeroCreate 2 2
                    }

                let blind = Dynamics.ofBatch 2 1 1e-5 (fun _ _ _ -> ())
                says "dynamics that are traced" (window 5) { pendulum with Dynamics = blind } pendulumPrior
            }
        ]
