module Research.Tests.KalmanTests

open System
open Expecto
open Research
open Research.Control
open Research.Tests.Generators
open Research.Tests.LinearGaussian

/// Beliefs after every measurement of a system that varies in time.
let private filter (models: LinearModel[]) prior (controls: float[,]) (measurements: float[,]) =
    let filter = Kalman.create models[0] prior
    let mutable logLikelihood = 0.0

    for t in 0 .. models.Length - 1 do
        filter.Model <- models[t]
        logLikelihood <- logLikelihood + filter.Update(ReadOnlySpan measurements[t, *]).LogLikelihood

        if t < models.Length - 1 then
            filter.Predict(ReadOnlySpan controls[t, *])

    filter.Estimate, logLikelihood

[<Tests>]
let tests =
    testList
        "Kalman"
        [
            testProperty
                "the last belief and the likelihood are those of conditioning the joint distribution of all times"
                (fun (seed: int) ->
                    let random = Random seed

                    let n, m, p, horizon =
                        random.Whole(1, 4), random.Whole(1, 2), random.Whole(1, 3), random.Whole(1, 8)
                    // models that vary, some of them with states without noise, and a third of all numbers not measured
                    let models =
                        Array.init (horizon + 1) (fun _ -> randomModel random n m p (random.Whole(0, n - 1)))

                    let prior, controls, measurements = randomRecord random models[0] horizon 0.3
                    let ours, logLikelihood = filter models prior controls measurements
                    let mean, covariance, reference = condition models prior controls measurements
                    let last = n * horizon
                    let scale = 1.0 + (Seq.max (Seq.map abs mean))
                    Expect.isLessThan (distance ours.Mean (mean.SubVector(last, n)) / scale) 1e-9 "mean"

                    Expect.isLessThan
                        (distance (flat ours.Covariance) (flat (covariance.SubMatrix(last, n, last, n).ToArray())))
                        1e-9
                        "covariance"

                    Expect.isLessThan (abs (logLikelihood - reference) / (1.0 + abs reference)) 1e-9 "likelihood")

            testProperty "the filter settles to its steady state, and that by duality" (fun (seed: int) ->
                let random = Random seed
                let n, p = random.Whole(1, 5), random.Whole(1, 3)
                let model = randomModel random n 1 p 0
                let steady = ok (Kalman.steady model)

                let filter =
                    Kalman.create
                        model
                        {
                            Mean = random.Vector n
                            Covariance = random.Positive(n, 1.0)
                        }

                let step = ReadOnlySpan [| 0.0 |]

                for _ in 1..3000 do
                    filter.Update(ReadOnlySpan(Array.zeroCreate<float> p)) |> ignore
                    filter.Predict step

                let scale = flat steady.Predicted |> Seq.map abs |> Seq.max

                Expect.isLessThan
                    (distance (flat filter.Estimate.Covariance) (flat steady.Predicted) / scale)
                    1e-9
                    "predicted"

                filter.Update(ReadOnlySpan(Array.zeroCreate<float> p)) |> ignore

                Expect.isLessThan
                    (distance (flat filter.Estimate.Covariance) (flat steady.Filtered) / scale)
                    1e-9
                    "filtered"
                // A L is the transposed gain of the regulator of Aᵀ, Cᵀ
                let dual = ok (Dare.solve (transposed model.A) (transposed model.C) model.W model.V)
                let predictor = times model.A steady.Gain
                Expect.isLessThan (distance (flat predictor) (flat (transposed dual.K))) 1e-8 "gain"
                Expect.isLessThan steady.SpectralRadius 1.0 "stable")

            test "errors are as large as the filter says, over seeds" {
                let random = Random 5
                let model = randomModel random 3 1 2 0

                let prior =
                    {
                        Mean = random.Vector 3
                        Covariance = random.Positive(3, 0.5)
                    }

                let system = asSystem model
                let root = (matrix prior.Covariance).Cholesky().Factor
                let horizon, runs = 30, 200

                let errors, innovations =
                    Array.init runs (fun seed ->
                        let rng = Rng.OfSeed seed
                        let start = vector prior.Mean + root * vector (Array.init 3 (fun _ -> rng.Normal()))
                        let controls = Array2D.init horizon 1 (fun _ _ -> rng.Normal())

                        let states, measurements =
                            NoisySystem.simulate rng system (start.ToArray()) controls

                        let steps = StateEstimator.run (Kalman.create model prior) controls measurements
                        // errors of one run hang together: one time of each
                        squaredDistance steps[horizon].Filtered states[horizon, *],
                        steps |> Array.map _.Innovation.SquaredDistance)
                    |> Array.unzip

                Expect.isLessThan
                    (abs (chiSquareDeviation 3 errors))
                    3.0
                    "errors: χ² of 3, within three standard deviations"

                Expect.isLessThan (abs (chiSquareDeviation 2 (Array.concat innovations))) 3.0 "innovations: χ² of 2"
            }

            testProperty
                "a covariance stays one, though measurements are all but exact and the prior all but nothing"
                (fun (seed: int) ->
                    let random = Random seed
                    let n = 4

                    let model =
                        { randomModel random n 1 2 2 with
                            V = scaled 1e-14 (random.Positive(2, 0.1))
                        }

                    let filter =
                        Kalman.create
                            model
                            {
                                Mean = Array.zeroCreate n
                                Covariance = scaled 1e8 (random.Positive(n, 0.1))
                            }

                    for _ in 1..50 do
                        filter.Update(ReadOnlySpan(random.Vector 2)) |> ignore
                        let p = matrix filter.Estimate.Covariance

                        let values =
                            p.Evd(MathNet.Numerics.LinearAlgebra.Symmetricity.Symmetric).EigenValues
                            |> Seq.map _.Real

                        Expect.isGreaterThanOrEqual (Seq.min values) (-1e-9 * Seq.max values) "eigenvalues"
                        filter.Predict(ReadOnlySpan [| 0.0 |]))

            test "what is not measured changes nothing" {
                let random = Random 1
                let model = randomModel random 3 1 2 0

                let filter =
                    Kalman.create
                        model
                        {
                            Mean = random.Vector 3
                            Covariance = random.Positive(3, 0.1)
                        }

                let before = filter.Estimate
                let innovation = filter.Update(ReadOnlySpan [| nan; nan |])
                Expect.equal filter.Estimate before "belief"

                Expect.equal
                    (innovation.Count, innovation.LogLikelihood, innovation.IsLost)
                    (0, 0.0, false)
                    "innovation"
            }

            test "what cannot be weighed is lost, and the belief stands" {
                let one, zero = array2D [ [ 1.0 ] ], array2D [ [ 0.0 ] ]

                let model: LinearModel =
                    {
                        A = one
                        B = one
                        C = zero
                        W = one
                        V = zero
                    }

                let filter = Kalman.create model { Mean = [| 2.0 |]; Covariance = one }
                let innovation = filter.Update(ReadOnlySpan [| 1.0 |])
                Expect.isTrue innovation.IsLost "lost"
                Expect.equal filter.Estimate { Mean = [| 2.0 |]; Covariance = one } "belief"
            }

            test "a tick allocates little" {
                let random = Random 3
                let model = randomModel random 6 2 3 0

                let filter =
                    Kalman.create
                        model
                        {
                            Mean = random.Vector 6
                            Covariance = random.Positive(6, 0.1)
                        }

                let u, y = random.Vector 2, random.Vector 3

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
                let random = Random 2
                let model = randomModel random 2 1 1 0

                let prior =
                    {
                        Mean = [| 0.0; 0.0 |]
                        Covariance = random.Positive(2, 0.1)
                    }

                let says (part: string) act =
                    Expect.throwsC act (fun error -> Expect.stringContains error.Message part "message")

                says "W is 1×1; it must be 2×2" (fun () ->
                    Kalman.create { model with W = array2D [ [ 1.0 ] ] } prior |> ignore)

                says "V has a negative eigenvalue" (fun () ->
                    Kalman.create { model with V = array2D [ [ -1.0 ] ] } prior |> ignore)

                says "W is not symmetric" (fun () ->
                    Kalman.create
                        { model with
                            W = array2D [ [ 1.0; 0.1 ]; [ 0.0; 1.0 ] ]
                        }
                        prior
                    |> ignore)

                says "the prior covariance is 1×1" (fun () ->
                    Kalman.create
                        model
                        { prior with
                            Covariance = array2D [ [ 1.0 ] ]
                        }
                    |> ignore)

                let filter = Kalman.create model prior
                says "measures 1 numbers, and got 2" (fun () -> filter.Update(ReadOnlySpan [| 1.0; 2.0 |]) |> ignore)
                says "has 1 controls, and got 0" (fun () -> filter.Predict(ReadOnlySpan<float>.Empty))

                says "3 controls need measurements at 4 times, and got 3" (fun () ->
                    StateEstimator.run filter (Array2D.zeroCreate 3 1) (Array2D.zeroCreate 3 1)
                    |> ignore)
            }

            test "a filter that does not settle says why" {
                let one, zero = array2D [ [ 1.0 ] ], array2D [ [ 0.0 ] ]

                let model: LinearModel =
                    {
                        A = one
                        B = one
                        C = one
                        W = one
                        V = one
                    }

                Expect.isOk (Kalman.steady model) "this one does"
                Expect.equal (Kalman.steady { model with C = zero }) (Error KalmanFault.NotDetectable) "not measured"
                Expect.equal (Kalman.steady { model with W = zero }) (Error KalmanFault.NotExcited) "no noise"
                Expect.equal (Kalman.steady { model with V = zero }) (Error KalmanFault.VNotPositiveDefinite) "exact"

                match
                    Kalman.steady
                        { model with
                            C = array2D [ [ 1.0; 0.0 ] ]
                        }
                with
                | Error(KalmanFault.IllPosed reason) -> Expect.stringContains reason "C is 1×2; it must be 1×1" "size"
                | other -> failtest $"{other}"
            }
        ]
