module Research.Tests.DareTests

open Expecto
open Research.Control
open Research.Tests.Generators

[<Tests>]
let tests =
    testList
        "Dare"
        [
            testProperty "random systems: the residual is rounding and the loop is stable" (fun (seed: int) ->
                let random = Random seed
                let n, m = random.Whole(1, 8), random.Whole(1, 4)
                let a = scaled (random.Rng.Uniform(0.2, 1.5) / sqrt (float n)) (random.Matrix(n, n))
                let b = random.Matrix(n, m)
                let q, r = random.Positive(n, 0.01), random.Positive(m, 0.1)

                match Dare.solve a b q r with
                | Ok solution ->
                    // an unstable mode that is hard to reach makes P large and the equation ill-conditioned
                    let size = flat solution.P |> Seq.map abs |> Seq.max
                    Expect.isLessThan solution.Residual (1e-12 * (1.0 + size)) "residual"
                    Expect.isLessThan solution.SpectralRadius 1.0 "spectral radius"
                | Error fault -> failtest $"{fault}")

            testProperty "½x₀ᵀPx₀ is the cost of the closed loop" (fun (seed: int) ->
                let random = Random seed
                let a, b = scaled 0.4 (random.Matrix(3, 3)), random.Matrix(3, 2)
                let q, r = random.Positive(3, 0.5), random.Positive(2, 0.5)

                match Dare.solve a b q r with
                | Error fault -> failtest $"{fault}"
                | Ok solution ->
                    let start = Array2D.init 3 1 (fun _ _ -> random.Rng.Normal())
                    let mutable x = start
                    let mutable cost = 0.0

                    for _ in 1..2000 do
                        let u = scaled -1.0 (times solution.K x)

                        let form (w: float[,]) (v: float[,]) =
                            (times (transposed v) (times w v))[0, 0]

                        cost <- cost + 0.5 * form q x + 0.5 * form r u
                        x <- map2 (+) (times a x) (times b u)

                    let value = 0.5 * (times (transposed start) (times solution.P start))[0, 0]
                    Expect.isLessThan (abs (cost - value) / (1.0 + value)) 1e-8 "cost")

            testProperty "the gain does not change when Q and R scale together" (fun (seed: int) ->
                let random = Random seed
                let a, b = scaled 0.4 (random.Matrix(4, 4)), random.Matrix(4, 2)
                let q, r = random.Positive(4, 0.1), random.Positive(2, 0.1)

                match Dare.solve a b q r, Dare.solve a b (scaled 100.0 q) (scaled 100.0 r) with
                | Ok one, Ok other -> Expect.isLessThan (distance (flat one.K) (flat other.K)) 1e-8 "gain"
                | other -> failtest $"{other}")

            testProperty "a cross term is a shift of the control" (fun (seed: int) ->
                // with u = v − R⁻¹Nᵀx the cross term disappears: A − BR⁻¹Nᵀ, Q − NR⁻¹Nᵀ
                let random = Random seed
                let a, b = scaled 0.4 (random.Matrix(3, 3)), random.Matrix(3, 1)

                let q, r, n =
                    random.Positive(3, 1.0), array2D [ [ 2.0 ] ], scaled 0.1 (random.Matrix(3, 1))

                let shift = scaled 0.5 (transposed n)

                match
                    Dare.solveWithCross a b q r n,
                    Dare.solve (map2 (-) a (times b shift)) b (map2 (-) q (times n shift)) r
                with
                | Ok crossed, Ok plain ->
                    let scale = flat plain.P |> Seq.map abs |> Seq.max
                    Expect.isLessThan (distance (flat crossed.P) (flat plain.P) / scale) 1e-8 "P"
                    Expect.isLessThan (distance (flat crossed.K) (flat (map2 (+) plain.K shift))) 1e-8 "K"
                | other -> failtest $"{other}")

            test "closed forms" {
                let one = array2D [ [ 1.0 ] ]

                match Dare.solve one one one one with
                | Ok golden ->
                    Expect.floatClose Accuracy.veryHigh golden.P[0, 0] ((1.0 + sqrt 5.0) / 2.0) "P"
                    Expect.floatClose Accuracy.veryHigh golden.K[0, 0] ((sqrt 5.0 - 1.0) / 2.0) "K"
                | Error fault -> failtest $"{fault}"
            }

            test "what cannot be solved says why" {
                let one, zero = array2D [ [ 1.0 ] ], array2D [ [ 0.0 ] ]

                Expect.equal
                    (Dare.solve (array2D [ [ 2.0 ] ]) zero one one)
                    (Error NotStabilisable)
                    "an unstable mode out of reach"

                Expect.equal
                    (Dare.solve (array2D [ [ 1.0 ] ]) one zero one)
                    (Error NotDetectable)
                    "a marginal mode that costs nothing"

                Expect.equal (Dare.solve one one one zero) (Error RNotPositiveDefinite) "no cost of control"

                Expect.equal
                    (Dare.solve one one one (array2D [ [ -1.0 ] ]))
                    (Error RNotPositiveDefinite)
                    "a negative cost of control"

                match
                    Dare.solve one one (array2D [ [ 1.0; 0.0 ] ]) one, Dare.solve (array2D [ [ nan ] ]) one one one
                with
                | Error(DareIllPosed size), Error(DareIllPosed number) ->
                    Expect.stringContains size "Q is 1×2" "size"
                    Expect.stringContains number "not finite" "number"
                | other -> failtest $"{other}"
            }

            test "two unstable modes of which one is out of reach" {
                let a = array2D [ [ 1.2; 0.0 ]; [ 0.0; 1.3 ] ]
                let b = array2D [ [ 1.0 ]; [ 0.0 ] ]
                let identity = array2D [ [ 1.0; 0.0 ]; [ 0.0; 1.0 ] ]
                Expect.equal (Dare.solve a b identity (array2D [ [ 1.0 ] ])) (Error NotStabilisable) "fault"
            }
        ]
