module Research.Tests.CareTests

open Expecto
open MathNet.Numerics.LinearAlgebra
open Research.Control
open Research.Tests.Generators
open Research.Tests.LinearGaussian

let private identity n =
    Array2D.init n n (fun i j -> if i = j then 1.0 else 0.0)

/// Residual of the equation by its definition, as a share of its terms.
let private residual (a: float[,]) (b: float[,]) (q: float[,]) (r: float[,]) (n: float[,]) (p: float[,]) =
    let a, b, q, r, n, p = matrix a, matrix b, matrix q, matrix r, matrix n, matrix p
    let linear, right = p * a, p * b + n
    let square = right * r.Solve(right.Transpose())

    (linear + linear.Transpose() + q - square).FrobeniusNorm()
    / (linear.FrobeniusNorm() + q.FrobeniusNorm() + square.FrobeniusNorm())

let private none n m : float[,] = Array2D.zeroCreate n m

let private randomProblem (random: Random) =
    let n, m = random.Whole(1, 8), random.Whole(1, 3)

    scaled (1.0 / sqrt (float n)) (random.Matrix(n, n)),
    random.Matrix(n, m),
    random.Positive(n, 0.01),
    random.Positive(m, 0.1)

/// Largest number of a solution: an unstable mode that is hard to reach makes it large and the equation ill-conditioned.
let private largest (p: float[,]) = flat p |> Seq.map abs |> Seq.max

let private tolerance (p: float[,]) = 1e-11 * (1.0 + 1e-2 * largest p)

[<Tests>]
let tests =
    testList
        "Care"
        [
            testProperty
                "random systems: the residual is rounding, and the loop has the stable half of the Hamiltonian's spectrum"
                (fun (seed: int) ->
                    let a, b, q, r = randomProblem (Random seed)
                    let n = Array2D.length1 a
                    let solution = ok (Care.solve a b q r)
                    Expect.isLessThan solution.Residual (tolerance solution.P) "residual, as reported"

                    Expect.isLessThan
                        (residual a b q r (none n (Array2D.length2 b)) solution.P)
                        (tolerance solution.P)
                        "residual"

                    let g = matrix b * (matrix r).Solve((matrix b).Transpose())

                    let hamiltonian =
                        ((matrix a).Append -g).Stack((-(matrix q)).Append(-(matrix a).Transpose()))

                    let stable =
                        hamiltonian.Evd().EigenValues
                        |> Seq.filter (fun value -> value.Real < 0.0)
                        |> Seq.toArray

                    Expect.hasLength stable n "half of them"
                    let loop = (matrix a - matrix b * matrix solution.K).Evd().EigenValues

                    for value in loop do
                        let nearest = stable |> Seq.map (fun other -> (value - other).Magnitude) |> Seq.min
                        Expect.isLessThan (nearest / (1.0 + value.Magnitude)) 1e-6 "eigenvalue"

                    let largest = loop |> Seq.map _.Real |> Seq.max
                    Expect.isLessThan (abs (largest - solution.SpectralAbscissa)) 1e-6 "abscissa")

            testProperty
                "badly scaled states, controls and costs change the solution by their scales only"
                (fun (seed: int) ->
                    let random = Random seed
                    let a, b, q, r = randomProblem random
                    let n, m = Array2D.length1 a, Array2D.length2 b
                    let t = Array.init n (fun _ -> 10.0 ** random.Rng.Uniform(-5.0, 5.0))
                    let s = Array.init m (fun _ -> 10.0 ** random.Rng.Uniform(-3.0, 3.0))
                    let cost = 10.0 ** random.Rng.Uniform(-6.0, 6.0)
                    let a' = Array2D.mapi (fun i j v -> v * t[i] / t[j]) a
                    let b' = Array2D.mapi (fun i j v -> v * t[i] * s[j]) b
                    let q' = Array2D.mapi (fun i j v -> v * cost / (t[i] * t[j])) q
                    let r' = Array2D.mapi (fun i j v -> v * cost * s[i] * s[j]) r
                    let plain, bad = ok (Care.solve a b q r), ok (Care.solve a' b' q' r')
                    Expect.isLessThan (residual a' b' q' r' (none n m) bad.P) (10.0 * tolerance plain.P) "residual"
                    Expect.isLessThan bad.Residual (10.0 * tolerance plain.P) "residual, as reported"
                    let back = Array2D.mapi (fun i j v -> v * t[i] * t[j] / cost) bad.P
                    let size = flat plain.P |> Seq.map abs |> Seq.max
                    Expect.isLessThan (distance (flat back) (flat plain.P) / size) (1e3 * tolerance plain.P) "P")

            testProperty "a cross term is a shift of the control" (fun (seed: int) ->
                let random = Random seed
                let a, b = random.Matrix(3, 3), random.Matrix(3, 1)

                let q, r, n =
                    random.Positive(3, 1.0), array2D [ [ 2.0 ] ], scaled 0.1 (random.Matrix(3, 1))

                let shift = scaled 0.5 (transposed n)
                let crossed = ok (Care.solveWithCross a b q r n)

                let plain =
                    ok (Care.solve (map2 (-) a (times b shift)) b (map2 (-) q (times n shift)) r)

                let scale = flat plain.P |> Seq.map abs |> Seq.max
                Expect.isLessThan (residual a b q r n crossed.P) (tolerance crossed.P) "residual"
                Expect.isLessThan (distance (flat crossed.P) (flat plain.P) / scale) 1e-9 "P"
                Expect.isLessThan (distance (flat crossed.K) (flat (map2 (+) plain.K shift)) / scale) 1e-9 "K")

            testProperty
                "the regulator of short held steps tends to it, with the square of the step"
                (fun (seed: int) ->
                    let random = Random seed
                    let a, b = random.Matrix(3, 3), random.Matrix(3, 2)
                    let q, r = random.Positive(3, 0.5), random.Positive(2, 0.5)
                    let continuous = ok (Care.solve a b q r)

                    let error h =
                        let step = ZeroOrderHold.step h (Lqr.step a b q r)
                        let held = ok (Dare.solveWithCross step.A step.B step.Q step.R step.N)
                        let size = flat continuous.P |> Seq.map abs |> Seq.max
                        distance (flat held.P) (flat continuous.P) / size

                    let scale = -0.02 / continuous.SpectralAbscissa |> min 0.02
                    let coarse, fine = error scale, error (scale / 4.0)
                    Expect.isLessThan coarse 0.1 "near"
                    Expect.isLessThan (fine / coarse) 0.08 "and nearer: a sixteenth, of a quarter of the step")

            testProperty "duality: it is the filter of continuous measurements" (fun (seed: int) ->
                let random = Random seed
                let n, p = random.Whole(1, 4), random.Whole(1, 2)
                let a, c = random.Matrix(n, n), random.Matrix(p, n)
                let w, v = random.Positive(n, 0.5), random.Positive(p, 0.5)
                let dual = ok (Care.solve (transposed a) (transposed c) w v)

                // measured at every step of h, a white noise of intensity V has the variance V/h
                let filter h =
                    ok (
                        Kalman.steady
                            {
                                A = MatrixExponential.compute (scaled h a)
                                B = none n 1
                                C = c
                                W = ZeroOrderHold.noise h a w
                                V = scaled (1.0 / h) v
                            }
                    )

                let size = 1.0 + (flat dual.P |> Seq.map abs |> Seq.max)
                let fine = filter 1e-5
                // the means of before and after a measurement err with the square of the step
                let middle = map2 (fun x y -> 0.5 * (x + y)) fine.Predicted fine.Filtered
                Expect.isLessThan (distance (flat middle) (flat dual.P) / size) 1e-4 "covariance"
                let gain = scaled 1e5 fine.Gain
                let largest = 1.0 + (flat dual.K |> Seq.map abs |> Seq.max)
                Expect.isLessThan (distance (flat gain) (flat (transposed dual.K)) / largest) 1e-2 "gain")

            test "closed forms" {
                let one = array2D [ [ 1.0 ] ]
                let scalar = ok (Care.solve one one one one)
                Expect.floatClose Accuracy.veryHigh scalar.P[0, 0] (1.0 + sqrt 2.0) "P"
                Expect.floatClose Accuracy.veryHigh scalar.SpectralAbscissa -(sqrt 2.0) "abscissa"

                let chain =
                    ok (
                        Care.solve
                            (array2D [ [ 0.0; 1.0 ]; [ 0.0; 0.0 ] ])
                            (array2D [ [ 0.0 ]; [ 1.0 ] ])
                            (array2D [ [ 1.0; 0.0 ]; [ 0.0; 0.0 ] ])
                            one
                    )

                Expect.isLessThan (distance (flat chain.P) [ sqrt 2.0; 1.0; 1.0; sqrt 2.0 ]) 1e-13 "double integrator"
                Expect.isLessThan (distance (flat chain.K) [ 1.0; sqrt 2.0 ]) 1e-13 "its gain"
                // nothing costs, and nothing needs to be done
                let idle = ok (Care.solve (array2D [ [ -1.0 ] ]) one (array2D [ [ 0.0 ] ]) one)
                Expect.isLessThan (abs idle.P[0, 0]) 1e-14 "idle"
                // nothing costs but control, and the mode must be mirrored
                let mirror = ok (Care.solve (array2D [ [ 3.0 ] ]) one (array2D [ [ 0.0 ] ]) one)
                Expect.isLessThan (abs (mirror.P[0, 0] - 6.0)) 1e-12 "mirrored"
                Expect.isLessThan (abs (mirror.SpectralAbscissa + 3.0)) 1e-12 "its mode"
            }

            test "what cannot be solved says why" {
                let one, zero = array2D [ [ 1.0 ] ], array2D [ [ 0.0 ] ]

                Expect.equal
                    (Care.solve one zero one one)
                    (Error CareFault.NotStabilisable)
                    "an unstable mode out of reach"

                Expect.equal
                    (Care.solve zero one zero one)
                    (Error CareFault.NotDetectable)
                    "a marginal mode that costs nothing"

                Expect.equal
                    (Care.solve (array2D [ [ 0.0; 1.0 ]; [ -1.0; 0.0 ] ]) (array2D [ [ 0.0 ]; [ 1.0 ] ]) (none 2 2) one)
                    (Error CareFault.NotDetectable)
                    "an oscillation that costs nothing"

                Expect.equal (Care.solve one one one zero) (Error CareFault.RNotPositiveDefinite) "no cost of control"

                Expect.equal
                    (Care.solve (array2D [ [ 1.0; 0.0 ]; [ 0.0; 2.0 ] ]) (array2D [ [ 1.0 ]; [ 0.0 ] ]) (identity 2) one)
                    (Error CareFault.NotStabilisable)
                    "two unstable modes of which one is out of reach"

                match
                    Care.solve one one (array2D [ [ 1.0; 0.0 ] ]) one, Care.solve (array2D [ [ nan ] ]) one one one
                with
                | Error(CareFault.IllPosed size), Error(CareFault.IllPosed number) ->
                    Expect.stringContains size "Q is 1×2" "size"
                    Expect.stringContains number "A holds a number that is not finite" "number"
                | other -> failtest $"{other}"
            }
        ]
