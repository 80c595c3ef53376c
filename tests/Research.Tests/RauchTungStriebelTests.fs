module Research.Tests.RauchTungStriebelTests

open Expecto
open Research.Control
open Research.Tests.Generators
open Research.Tests.LinearGaussian
open Research.Tests.ExtendedKalmanTests

/// Means, covariances and lag-one covariances against those of all times at once.
let private agree (smoothed: SmoothedStep[]) (mean: float seq) (covariance: float[,]) =
    let mean = Seq.toArray mean
    let n = smoothed[0].Estimate.Mean.Length
    let scale = 1.0 + (mean |> Array.map abs |> Array.max)

    let block t s =
        covariance[t * n .. t * n + n - 1, s * n .. s * n + n - 1]

    for t in 0 .. smoothed.Length - 1 do
        let estimate = smoothed[t].Estimate
        Expect.isLessThan (distance estimate.Mean mean[t * n .. t * n + n - 1] / scale) 1e-8 "mean"
        Expect.isLessThan (distance (flat estimate.Covariance) (flat (block t t))) 1e-8 "covariance"

        if t < smoothed.Length - 1 then
            Expect.isLessThan (distance (flat smoothed[t].LagOne) (flat (block (t + 1) t))) 1e-8 "with the next state"

[<Tests>]
let tests =
    testList
        "RauchTungStriebel"
        [
            testProperty "it is the least-squares solution over all times" (fun (seed: int) ->
                let random = Random seed

                let n, m, p, horizon =
                    random.Whole(1, 4), random.Whole(1, 2), random.Whole(1, 3), random.Whole(1, 8)

                let model = randomModel random n m p 0
                let prior, controls, measurements = randomRecord random model horizon 0.3
                let steps = StateEstimator.run (Kalman.create model prior) controls measurements

                let mean, covariance =
                    leastSquares (Array.create (horizon + 1) model) prior controls measurements

                agree (RauchTungStriebel.smooth steps) mean (covariance.ToArray()))

            testProperty "also where states have no noise and the start is known" (fun (seed: int) ->
                let random = Random seed

                let n, m, p, horizon =
                    random.Whole(2, 4), random.Whole(1, 2), random.Whole(1, 3), random.Whole(1, 8)

                let model = randomModel random n m p (random.Whole(1, n - 1))
                let prior, controls, measurements = randomRecord random model horizon 0.3

                let prior =
                    { prior with
                        Covariance = Array2D.zeroCreate n n
                    }

                let steps = StateEstimator.run (Kalman.create model prior) controls measurements

                let mean, covariance, _ =
                    condition (Array.create (horizon + 1) model) prior controls measurements

                agree (RauchTungStriebel.smooth steps) mean (covariance.ToArray()))

            test "on a pendulum it is nearer to the truth than the filters, and says how near" {
                let horizon = 40

                for create in
                    [
                        (fun () -> ExtendedKalman.create pendulum pendulumPrior :> StateEstimator)
                        (fun () -> UnscentedKalman.create UnscentedKalman.defaults pendulum pendulumPrior)
                    ] do
                    let filtered, smoothed, errors =
                        Array.init 100 (fun seed ->
                            let states, controls, measurements = pendulumRecord seed horizon
                            let steps = StateEstimator.run (create ()) controls measurements
                            let smoothed = RauchTungStriebel.smooth steps |> Array.map _.Estimate

                            rootMeanSquare states (steps |> Array.map _.Filtered),
                            rootMeanSquare states smoothed,
                            squaredDistance smoothed[15] states[15, *])
                        |> Array.unzip3

                    Expect.isLessThan (Array.average smoothed) (0.8 * Array.average filtered) "error"

                    Expect.isLessThan
                        (abs (chiSquareDeviation 2 errors))
                        3.0
                        "χ² of 2, within three standard deviations"
            }
        ]
