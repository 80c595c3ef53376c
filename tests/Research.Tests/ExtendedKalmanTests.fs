module Research.Tests.ExtendedKalmanTests

open System
open Expecto
open Research
open Research.Control
open Research.Tests.Generators
open Research.Tests.LinearGaussian

/// A pendulum of which the height of the bob is measured from two sides.
let pendulum =
    NoisySystem.create
        (Dynamics.ofTraced 2 1 (Integrator.rk4 (Real.constant 0.05) (fun x u -> [| x[1]; u[0] - 9.81 * sin x[0] |])))
        (fun x -> [| sin x[0]; cos x[0] |])
        (array2D [ [ 1e-5; 0.0 ]; [ 0.0; 1e-3 ] ])
        (array2D [ [ 0.01; 0.0 ]; [ 0.0; 0.01 ] ])

let pendulumPrior =
    {
        Mean = [| 0.5; 0.0 |]
        Covariance = array2D [ [ 0.04; 0.0 ]; [ 0.0; 0.04 ] ]
    }

/// A record of the pendulum, its start drawn from the prior: states, controls and measurements.
let pendulumRecord seed horizon =
    let rng = Rng.OfSeed seed
    let start = pendulumPrior.Mean |> Array.map (fun mean -> mean + 0.2 * rng.Normal())
    let controls = Array2D.init horizon 1 (fun t _ -> sin (0.3 * float t))
    let states, measurements = NoisySystem.simulate rng pendulum start controls
    states, controls, measurements

/// Root of the mean squared error of estimates.
let rootMeanSquare (states: float[,]) (estimates: Estimate[]) =
    estimates
    |> Array.mapi (fun t estimate ->
        Array.map2 (fun a b -> (a - b) * (a - b)) states[t, *] estimate.Mean
        |> Array.sum)
    |> Array.average
    |> sqrt

[<Tests>]
let tests =
    testList
        "ExtendedKalman"
        [
            testProperty "on a linear system it is the Kalman filter" (fun (seed: int) ->
                let random = Random seed
                let n, m, p = random.Whole(1, 4), random.Whole(1, 2), random.Whole(1, 3)
                let model = randomModel random n m p (random.Whole(0, n - 1))
                let prior, controls, measurements = randomRecord random model 10 0.2
                let exact = StateEstimator.run (Kalman.create model prior) controls measurements

                let ours =
                    StateEstimator.run (ExtendedKalman.create (asSystem model) prior) controls measurements

                for a, b in Array.zip exact ours do
                    Expect.isLessThan (apart a.Filtered b.Filtered) 1e-9 "belief"
                    Expect.isLessThan (distance (flat a.Cross) (flat b.Cross)) 1e-9 "covariance with the state before"

                let likelihood, other =
                    StateEstimator.logLikelihood exact, StateEstimator.logLikelihood ours

                Expect.isLessThan (abs (likelihood - other) / (1.0 + abs likelihood)) 1e-9 "likelihood")

            test "errors are as large as the filter says, over seeds" {
                let errors, innovations =
                    Array.init 200 (fun seed ->
                        let states, controls, measurements = pendulumRecord seed 40

                        let steps =
                            StateEstimator.run (ExtendedKalman.create pendulum pendulumPrior) controls measurements

                        squaredDistance steps[40].Filtered states[40, *],
                        steps[1..] |> Array.map _.Innovation.SquaredDistance)
                    |> Array.unzip

                Expect.isLessThan
                    (abs (chiSquareDeviation 2 errors))
                    3.0
                    "errors: χ² of 2, within three standard deviations"

                Expect.isLessThan (abs (chiSquareDeviation 2 (Array.concat innovations))) 3.0 "innovations"
            }

            test "dynamics that are only known in batches give the same, but for their differences" {
                let _, controls, measurements = pendulumRecord 3 30

                let blind =
                    Dynamics.ofBatch 2 1 1e-5 (fun points results count ->
                        pendulum.Dynamics.Step(ReadOnlySpan points, Span results, count))

                let run system =
                    StateEstimator.run (ExtendedKalman.create system pendulumPrior) controls measurements

                for a, b in Array.zip (run pendulum) (run { pendulum with Dynamics = blind }) do
                    Expect.isLessThan (apart a.Filtered b.Filtered) 1e-8 "belief"
            }

            test "a tick allocates little" {
                let filter = ExtendedKalman.create pendulum pendulumPrior
                let u, y = [| 0.1 |], [| 0.4; 0.9 |]

                let tick count =
                    for _ in 1..count do
                        filter.Update(ReadOnlySpan y) |> ignore
                        filter.Predict(ReadOnlySpan u)

                tick 100
                let before = GC.GetAllocatedBytesForCurrentThread()
                tick 100
                Expect.isLessThan (float (GC.GetAllocatedBytesForCurrentThread() - before) / 100.0) 100.0 "bytes a tick"
            }

            test "what is wrong is named" {
                let says (part: string) act =
                    Expect.throwsC act (fun error -> Expect.stringContains error.Message part "message")

                let one = array2D [ [ 1.0 ] ]

                says "W is 1×1; it must be 2×2" (fun () ->
                    NoisySystem.create pendulum.Dynamics pendulum.Measure one pendulum.V |> ignore)

                says "V is 1×1; it must be 2×2" (fun () ->
                    NoisySystem.create pendulum.Dynamics pendulum.Measure pendulum.W one |> ignore)

                says "has no numbers" (fun () ->
                    NoisySystem.create pendulum.Dynamics (fun _ -> [||]) pendulum.W one |> ignore)

                says "a start of 1 numbers and controls of 2" (fun () ->
                    NoisySystem.simulate (Rng.OfSeed 1) pendulum [| 0.0 |] (Array2D.zeroCreate 1 2)
                    |> ignore)

                says "the prior mean has 1 numbers; the system has 2 states" (fun () ->
                    ExtendedKalman.create pendulum { pendulumPrior with Mean = [| 0.0 |] } |> ignore)
            }
        ]
