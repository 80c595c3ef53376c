/// Covariances of the three filters where variances are far apart, sensors exact and processes without noise.
module Research.Tests.SquareRootFilterTests

open System
open Expecto
open MathNet.Numerics.LinearAlgebra
open Research
open Research.Control
open Research.Tests.Generators

let private eye (s: float) = array2D [ [ s; 0.0 ]; [ 0.0; s ] ]

let private asSystem (a: float[,]) (c: float[,]) w v : NoisySystem =
    let n = Array2D.length1 a

    NoisySystem.create
        (Dynamics.ofTraced n 1 (fun x u ->
            Mat.mulVec (Mat.ofFloats a) x
            |> Array.mapi (fun i e -> if i = n - 1 then e + 0.1 * u[0] else e)))
        (fun x -> Mat.mulVec (Mat.ofFloats c) x)
        w
        v

/// the three filters of one linear system
let private filters (a: float[,]) (c: float[,]) w v (prior: Estimate) : (string * StateEstimator) list =
    let n = Array2D.length1 a
    let b = Array2D.init n 1 (fun i _ -> if i = n - 1 then 0.1 else 0.0)
    let system = asSystem a c w v

    [
        "Kalman", Kalman.create { A = a; B = b; C = c; W = w; V = v } prior
        "extended", ExtendedKalman.create system prior
        "unscented", UnscentedKalman.create UnscentedKalman.defaults system prior
    ]

let private least (p: float[,]) =
    (Matrix<float>.Build.DenseOfArray p).Evd(Symmetricity.Symmetric).EigenValues
    |> Seq.map _.Real
    |> Seq.min

let private slow = array2D [ [ 1.0; 0.1 ]; [ 0.0; 1.0 ] ]

/// A position is measured three times. Prior variance, noise of the sensor, and the covariance after each measurement, of position, of both, of
/// velocity: the Kalman filter at 60 digits, by mpmath (Johansson).
let private published =
    [
        1e10,
        1e-10,
        [
            1e-10, 0.0, 1e10
            1e-10, 1e-9, 2.000101e-8
            8.3333891648e-11, 5.00000083331e-10, 5.0005125e-9
        ]
        1e8,
        1e-8,
        [
            1e-8, 0.0, 1e8
            1e-8, 1e-7, 2.00000101e-6
            8.33333389167e-9, 5.00000000833e-8, 5.000005125e-7
        ]
        10.0, 0.0, [ 0.0, 0.0, 10.0; 0.0, 0.0, 1.01e-12; 0.0, 0.0, 5.12487562189e-13 ]
    ]

[<Tests>]
let tests =
    testList
        "SquareRootFilter"
        [
            for prior, noise, expected in published do
                test $"a prior of {prior} and a sensor of {noise}" {
                    let belief =
                        {
                            Mean = [| 0.0; 0.0 |]
                            Covariance = eye prior
                        }

                    for name, filter in
                        filters slow (array2D [ [ 1.0; 0.0 ] ]) (eye 1e-14) (array2D [ [ noise ] ]) belief do
                        let steps =
                            StateEstimator.run filter (Array2D.zeroCreate 2 1) (array2D [ [ 0.0 ]; [ 0.03 ]; [ 0.06 ] ])

                        for step, (position, both, velocity) in Seq.zip steps expected do
                            let p = step.Filtered.Covariance

                            let near (actual: float) (expected: float) what =
                                Expect.isLessThanOrEqual
                                    (abs (actual - expected))
                                    (1e-6 * abs expected + 1e-25)
                                    $"{name}: {what} {actual} instead of {expected}"

                            near p[0, 0] position "position"
                            near p[0, 1] both "both"
                            near p[1, 1] velocity "velocity"
                            Expect.isFalse step.Innovation.IsLost "not lost"
                }

            test "an exact sensor that measures again what is known tells nothing, and spoils nothing" {
                let belief =
                    {
                        Mean = [| 0.0; 0.0 |]
                        Covariance = eye 1.0
                    }

                for name, filter in filters slow (array2D [ [ 1.0; 0.0 ] ]) (eye 0.0) (array2D [ [ 0.0 ] ]) belief do
                    Expect.isFalse (filter.Update(ReadOnlySpan [| 2.0 |])).IsLost name
                    let known = filter.Estimate
                    Expect.floatClose Accuracy.veryHigh known.Mean[0] 2.0 name
                    Expect.isLessThan (abs known.Covariance[0, 0]) 1e-30 name
                    Expect.isTrue (filter.Update(ReadOnlySpan [| 2.0 |])).IsLost name
                    Expect.equal filter.Estimate known name
            }

            test "units of states and sensors change nothing but units" {
                let a = array2D [ [ 1.0; 0.1; 0.0 ]; [ -0.2; 0.9; 0.3 ]; [ 0.1; 0.0; 0.7 ] ]
                let c = array2D [ [ 1.0; 0.0; 0.5 ]; [ 0.0; 1.0; 0.0 ] ]

                let run (t: float[]) (s: float[]) =
                    let w = Array2D.init 3 3 (fun i j -> if i = j then 0.1 * t[i] * t[i] else 0.0)
                    let v = Array2D.init 2 2 (fun i j -> if i = j then 0.2 * s[i] * s[i] else 0.0)

                    let belief =
                        {
                            Mean = [| 0.0; 0.0; 0.0 |]
                            Covariance = Array2D.init 3 3 (fun i j -> if i = j then t[i] * t[i] else 0.0)
                        }

                    let measured = Array2D.init 6 2 (fun k i -> s[i] * sin (float (3 * k + i)))
                    let own = Array2D.mapi (fun i j value -> value * t[i] / t[j]) a
                    let seen = Array2D.mapi (fun i j value -> value * s[i] / t[j]) c

                    [
                        for name, filter in filters own seen w v belief ->
                            name, StateEstimator.run filter (Array2D.zeroCreate 5 1) measured
                    ]

                let t, s = [| 1e-9; 1e6; 1e3 |], [| 1e8; 1e-7 |]

                for (name, plain), (_, scaled) in List.zip (run [| 1.0; 1.0; 1.0 |] [| 1.0; 1.0 |]) (run t s) do
                    for one, other in Array.zip plain scaled do
                        for i in 0..2 do
                            for j in 0..2 do
                                Expect.isLessThan
                                    (abs (other.Filtered.Covariance[i, j] / t[i] / t[j] - one.Filtered.Covariance[i, j]))
                                    1e-9
                                    $"{name}: covariance"
            }

            test "fuzz: no covariance turns negative, and the three agree on linear systems" {
                for case in 1 .. Fuzz.cases 150 do
                    let random = Random(77 * Fuzz.seed + case)
                    let n, p = random.Whole(1, 4), random.Whole(1, 3)
                    let a = scaled (1.0 / sqrt (float n)) (random.Matrix(n, n))
                    let c = random.Matrix(p, n)
                    let size low high = 10.0 ** random.Rng.Uniform(low, high)

                    let covariance k low high =
                        let sizes =
                            Array.init k (fun _ -> if random.Whole(0, 4) = 0 then 0.0 else size low high)

                        let root = random.Matrix(k, k)

                        Array2D.init k k (fun i j ->
                            Seq.sum (seq { for l in 0 .. k - 1 -> root[i, l] * sizes[l] * root[j, l] }))

                    let w, v = covariance n -14.0 0.0, covariance p -12.0 2.0

                    let belief =
                        {
                            Mean = random.Vector n
                            Covariance = covariance n -8.0 8.0
                        }

                    let all = filters a c w v belief
                    let mutable isLost = false

                    for step in 1..8 do
                        let measured =
                            Array.init p (fun _ -> if random.Whole(0, 5) = 0 then nan else random.Rng.Normal())

                        let beliefs =
                            all
                            |> List.map (fun (name, filter) ->
                                let innovation = filter.Update(ReadOnlySpan measured)
                                isLost <- isLost || innovation.IsLost
                                let after = filter.Estimate
                                let largest = Seq.cast<float> after.Covariance |> Seq.map abs |> Seq.fold max 0.0
                                Expect.isTrue (Seq.forall Double.IsFinite (Seq.cast<float> after.Covariance)) name

                                Expect.isGreaterThanOrEqual
                                    (least after.Covariance)
                                    (-1e-14 * largest)
                                    $"case {case}, step {step}, {name}"

                                filter.Predict(ReadOnlySpan [| 0.1 |])
                                let ahead = filter.Estimate.Covariance
                                let largest = Seq.cast<float> ahead |> Seq.map abs |> Seq.fold max 0.0

                                Expect.isGreaterThanOrEqual
                                    (least ahead)
                                    (-1e-14 * largest)
                                    $"case {case}, step {step}, {name}, ahead"

                                after)

                        if not isLost then
                            for other in beliefs.Tail do
                                let largest = Seq.cast<float> belief.Covariance |> Seq.map abs |> Seq.fold max 1.0

                                Expect.isLessThan
                                    (distance (flat beliefs.Head.Covariance) (flat other.Covariance))
                                    (1e-8 * largest)
                                    $"case {case}, step {step}: agreement"
            }
        ]
