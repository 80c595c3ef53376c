module Research.Tests.UnscentedKalmanTests

open System
open Expecto
open Research
open Research.Control
open Research.Tests.Generators
open Research.Tests.LinearGaussian
open Research.Tests.ExtendedKalmanTests

[<Tests>]
let tests =
    testList
        "UnscentedKalman"
        [
            testProperty "on a linear system it is the Kalman filter, wherever its points lie" (fun (seed: int) ->
                let random = Random seed
                let n, m, p = random.Whole(1, 4), random.Whole(1, 2), random.Whole(1, 3)
                let model = randomModel random n m p (random.Whole(0, n - 1))
                let prior, controls, measurements = randomRecord random model 10 0.2
                let exact = StateEstimator.run (Kalman.create model prior) controls measurements
                let system = asSystem model

                let scale =
                    exact
                    |> Array.map (fun step -> step.Predicted.Mean |> Array.map abs |> Array.max)
                    |> Array.max

                for options, tolerance in
                    [
                        UnscentedKalman.defaults, 1e-9
                        { Alpha = 0.5; Beta = 0.0; Kappa = 1.0 }, 1e-9
                        // a millionth of the spread leaves fewer digits
                        {
                            Alpha = 1e-3
                            Beta = 2.0
                            Kappa = 0.0
                        },
                        1e-4
                    ] do
                    let ours =
                        StateEstimator.run (UnscentedKalman.create options system prior) controls measurements

                    for a, b in Array.zip exact ours do
                        Expect.isLessThan (apart a.Filtered b.Filtered / (1.0 + scale)) tolerance "belief"

                        Expect.isLessThan
                            (distance (flat a.Cross) (flat b.Cross) / (1.0 + scale))
                            tolerance
                            "covariance with the state before"

                    let likelihood, other =
                        StateEstimator.logLikelihood exact, StateEstimator.logLikelihood ours

                    Expect.isLessThan
                        (abs (likelihood - other) / (1.0 + abs likelihood))
                        (100.0 * tolerance)
                        "likelihood")

            testProperty "the moments of a square are those of a normal number's square" (fun (seed: int) ->
                // x ~ N(μ, s²): x² has the mean μ² + s², the variance 4μ²s² + 2s⁴, and the covariance 2μs² with x
                let random = Random seed
                let mean, s = random.Rng.Normal(), random.Rng.Uniform(0.1, 2.0)

                let system =
                    NoisySystem.create
                        (Dynamics.ofTraced 1 1 (fun x _ -> [| x[0] * x[0] |]))
                        id
                        (array2D [ [ 0.0 ] ])
                        (array2D [ [ 1.0 ] ])

                for alpha in [ 1.0; 0.7; 0.3 ] do
                    let filter =
                        UnscentedKalman.create
                            { UnscentedKalman.defaults with
                                Alpha = alpha
                            }
                            system
                            {
                                Mean = [| mean |]
                                Covariance = array2D [ [ s * s ] ]
                            }

                    filter.Predict(ReadOnlySpan [| 0.0 |])
                    let scale = 1.0 + s ** 4.0
                    Expect.isLessThan (abs (filter.Estimate.Mean[0] - (mean * mean + s * s)) / scale) 1e-12 "mean"
                    let variance = 4.0 * mean * mean * s * s + 2.0 * s ** 4.0
                    Expect.isLessThan (abs (filter.Estimate.Covariance[0, 0] - variance) / scale) 1e-11 "variance")

            test "all points go through the system in one batch" {
                let sizes = ResizeArray<int>()

                let counted =
                    Dynamics.ofBatch 2 1 1e-5 (fun points results count ->
                        sizes.Add count
                        pendulum.Dynamics.Step(ReadOnlySpan points, Span results, count))

                let filter =
                    UnscentedKalman.create UnscentedKalman.defaults { pendulum with Dynamics = counted } pendulumPrior

                filter.Update(ReadOnlySpan [| 0.4; 0.9 |]) |> ignore
                filter.Predict(ReadOnlySpan [| 0.0 |])
                Expect.equal (Seq.toList sizes) [ 5 ] "batches"
            }

            test "errors are as large as the filter says, over seeds" {
                let errors, innovations =
                    Array.init 200 (fun seed ->
                        let states, controls, measurements = pendulumRecord seed 40
                        let filter = UnscentedKalman.create UnscentedKalman.defaults pendulum pendulumPrior
                        let steps = StateEstimator.run filter controls measurements

                        squaredDistance steps[40].Filtered states[40, *],
                        steps[1..] |> Array.map _.Innovation.SquaredDistance)
                    |> Array.unzip

                Expect.isLessThan
                    (abs (chiSquareDeviation 2 errors))
                    3.0
                    "errors: χ² of 2, within three standard deviations"

                Expect.isLessThan (abs (chiSquareDeviation 2 (Array.concat innovations))) 3.0 "innovations"
            }

            test "where the measurement bends, it is less biased than the extended filter" {
                // range and bearing of a point known well along the range and badly across: the mean of the point seen lies within the arc
                let dynamics =
                    Dynamics.ofTraced 2 1 (fun x _ -> [| x[0] * cos x[1]; x[0] * sin x[1] |])

                let zero = Array2D.zeroCreate 2 2

                let system =
                    NoisySystem.create dynamics id zero (array2D [ [ 1.0; 0.0 ]; [ 0.0; 1.0 ] ])

                let prior =
                    {
                        Mean = [| 1.0; 0.0 |]
                        Covariance = array2D [ [ 4e-4; 0.0 ]; [ 0.0; 0.25 ] ]
                    }
                // the mean of r cos θ for independent normal numbers
                let exact = exp -0.125

                let mean (filter: StateEstimator) =
                    filter.Predict(ReadOnlySpan [| 0.0 |])
                    filter.Estimate.Mean[0]

                let extended = abs (mean (ExtendedKalman.create system prior) - exact)

                let unscented =
                    abs (mean (UnscentedKalman.create UnscentedKalman.defaults system prior) - exact)

                Expect.isLessThan unscented (0.05 * extended) "error of the mean"
            }

            test "a tick allocates little" {
                let filter = UnscentedKalman.create UnscentedKalman.defaults pendulum pendulumPrior
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
                for options in
                    [
                        { UnscentedKalman.defaults with
                            Alpha = 0.0
                        }
                        { UnscentedKalman.defaults with
                            Kappa = -2.0
                        }
                    ] do
                    Expect.throwsC
                        (fun () -> UnscentedKalman.create options pendulum pendulumPrior |> ignore)
                        (fun error -> Expect.stringContains error.Message "put the points nowhere" "message")
            }
        ]
