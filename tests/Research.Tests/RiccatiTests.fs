/// Regulators of both Riccati equations in units of all sizes, against closed forms.
module Research.Tests.RiccatiTests

open System
open Expecto
open Research.Control
open Research.Tests.Generators

let private m (x: float) = array2D [ [ x ] ]

let private eye n (s: float) =
    Array2D.init n n (fun i j -> if i = j then s else 0.0)

let private p (result: Result<DareSolution, DareFault>) =
    match result with
    | Ok solution -> solution
    | Error fault -> failtest $"{fault}"

let private near tolerance (expected: float) (actual: float) message =
    Expect.isTrue (abs (actual - expected) <= tolerance * abs expected) $"{message}: {actual} instead of {expected}"

/// P of x' = ax + bu at the cost qx² + ru², from b²p² + (r − a²r − b²q)p − qr = 0; of the two roots the greater stabilises.
let private scalarDare (a: float) b q r =
    let c = r - a * a * r - b * b * q
    let root = sqrt (c * c + 4.0 * b * b * q * r)

    if c < 0.0 then
        (root - c) / (2.0 * b * b)
    else
        2.0 * q * r / (root + c)

/// P of ẋ = ax + bu: (b²/r)p² − 2ap − q = 0.
let private scalarCare (a: float) b q r =
    let root = sqrt (a * a + b * b * q / r)

    if a > 0.0 then (a + root) * r / (b * b) else q / (root - a)

[<Tests>]
let tests =
    testList
        "Riccati"
        [
            test "a space station in newton metres" {
                // 10⁸ kg m², 0.1 s; the gain is that of units of 10⁸ N m, from SciPy
                let a = array2D [ [ 1.0; 0.1 ]; [ 0.0; 1.0 ] ]

                for unit in [ 1e8; 1e2; 1.0; 1e-4 ] do
                    let b = array2D [ [ 0.005 * unit / 1e8 ]; [ 0.1 * unit / 1e8 ] ]
                    let found = p (Dare.solve a b (eye 2 1.0) (m ((unit / 1e8) ** 2.0)))
                    near 1e-9 0.9170745631 (found.K[0, 0] * unit / 1e8) $"{unit}"
                    near 1e-9 1.635596185 (found.K[0, 1] * unit / 1e8) $"{unit}"
            }

            test "a double integrator in nanometres" {
                let inMetres =
                    p (
                        Dare.solve
                            (array2D [ [ 1.0; 0.1 ]; [ 0.0; 1.0 ] ])
                            (array2D [ [ 0.005 ]; [ 0.1 ] ])
                            (eye 2 1.0)
                            (m 1.0)
                    )

                for unit in [ 1e-9; 1e9 ] do
                    let found =
                        p (
                            Dare.solve
                                (array2D [ [ 1.0; 0.1 / unit ]; [ 0.0; 1.0 ] ])
                                (array2D [ [ 0.005 / unit ]; [ 0.1 ] ])
                                (array2D [ [ unit * unit; 0.0 ]; [ 0.0; 1.0 ] ])
                                (m 1.0)
                        )

                    near 1e-12 inMetres.P[0, 0] (found.P[0, 0] / unit / unit) "P"
                    near 1e-12 inMetres.K[0, 1] found.K[0, 1] "K"
            }

            test "states in units of 2^±15" {
                let t = [| 2.0 ** -15.0; 1.0; 2.0 ** 15.0 |]
                let a = array2D [ [ 0.9; 0.2; 0.0 ]; [ -0.3; 1.1; 0.4 ]; [ 0.1; 0.0; 0.95 ] ]
                let b = array2D [ [ 0.1 ]; [ 0.5 ]; [ 0.2 ] ]
                let plain = p (Dare.solve a b (eye 3 1.0) (m 1.0))

                let found =
                    p (
                        Dare.solve
                            (Array2D.mapi (fun i j v -> v * t[i] / t[j]) a)
                            (Array2D.mapi (fun i _ v -> v * t[i]) b)
                            (Array2D.init 3 3 (fun i j -> if i = j then 1.0 / (t[i] * t[i]) else 0.0))
                            (m 1.0)
                    )

                for i in 0..2 do
                    near 1e-12 plain.K[0, i] (found.K[0, i] * t[i]) $"gain {i}"
            }

            test "scalars of all sizes have their closed forms" {
                for a in [ -1e10; -2.0; 0.0; 0.5; 1.0; 1.2; 1e4; 1e10 ] do
                    for b in [ 1e-10; 1e-3; 1.0; 1e6 ] do
                        for q in [ 1e-10; 1.0; 1e10 ] do
                            for r in [ 1e-12; 1.0; 1e8 ] do
                                let text = $"a = {a}, b = {b}, q = {q}, r = {r}"
                                // what is stable by a hair is ill-conditioned
                                let isClear = abs a <> 1.0 || b * b * q / r > 1e-12

                                match Dare.solve (m a) (m b) (m q) (m r) with
                                | Ok found when isClear -> near 1e-9 (scalarDare a b q r) found.P[0, 0] text
                                | Error fault when isClear -> failtest $"{text}: {fault}"
                                | _ -> ()

                                match Care.solve (m a) (m b) (m q) (m r) with
                                | Ok found -> near 1e-9 (scalarCare a b q r) found.P[0, 0] text
                                | Error fault -> failtest $"{text}: {fault}"
            }

            test "modes that cost nothing are stabilised where they are unstable" {
                near 1e-12 3.0 (p (Dare.solve (m 2.0) (m 1.0) (m 0.0) (m 1.0))).P[0, 0] "a = 2"
                near 1e-12 1.25 (p (Dare.solve (m 1.5) (m 1.0) (m 0.0) (m 1.0))).P[0, 0] "a = 1.5"

                match Care.solve (m 1.0) (m 1.0) (m 0.0) (m 1.0) with
                | Ok found -> near 1e-12 2.0 found.P[0, 0] "in continuous time"
                | Error fault -> failtest $"{fault}"

                Expect.equal (Dare.solve (m 1.0) (m 1.0) (m 0.0) (m 1.0)) (Error NotDetectable) "on the circle"

                // an unstable mode that costs nothing, and a stable one that does
                let a = array2D [ [ 1.5; 0.0 ]; [ 0.0; 0.5 ] ]
                let b = array2D [ [ 1.0; 0.0 ]; [ 0.0; 1.0 ] ]
                let found = p (Dare.solve a b (array2D [ [ 0.0; 0.0 ]; [ 0.0; 1.0 ] ]) (eye 2 1.0))
                near 1e-12 1.25 found.P[0, 0] "unstable"
                near 1e-12 (scalarDare 0.5 1.0 1.0 1.0) found.P[1, 1] "stable"
            }

            test "QuantEcon's problem with a cross term" {
                // QuantEcon.py, issue 356; P by SciPy
                let g = sqrt 0.9

                let found =
                    p (
                        Dare.solveWithCross
                            (array2D [ [ g; 0.0 ]; [ 0.225 * g; 0.0 ] ])
                            (array2D [ [ 0.0 ]; [ 1.11111 * g ] ])
                            (array2D [ [ 2.89634; -4.0404 ]; [ -4.0404; 8.16243 ] ])
                            (m 8.16243)
                            (array2D [ [ 4.0404 ]; [ -8.16243 ] ])
                    )

                near 1e-5 15.9469 found.P[0, 0] "P"
                near 1e-4 -2.3875 found.P[0, 1] "P"
                near 1e-4 0.8162 found.P[1, 1] "P"
                near 1e-4 0.9487 found.SpectralRadius "radius"
            }

            test "a filter in other units, and one without noise of an unstable mode" {
                let steady c =
                    Kalman.steady
                        {
                            A = m 1.0
                            B = m 0.0
                            C = m c
                            W = m 1.0
                            V = m (c * c)
                        }

                match steady 1.0, steady 1e-10 with
                | Ok one, Ok other -> near 1e-12 one.Predicted[0, 0] other.Predicted[0, 0] "covariance"
                | other -> failtest $"{other}"

                let model =
                    {
                        A = m 2.0
                        B = m 0.0
                        C = m 1.0
                        W = m 0.0
                        V = m 1.0
                    }

                // what the filter itself comes to
                let filter =
                    Kalman.create
                        model
                        {
                            Mean = [| 0.0 |]
                            Covariance = m 1e-6
                        }

                for _ in 1..60 do
                    filter.Update(ReadOnlySpan [| 0.0 |]) |> ignore
                    filter.Predict(ReadOnlySpan [| 0.0 |])

                match Kalman.steady model with
                | Ok found ->
                    near 1e-12 3.0 found.Predicted[0, 0] "settled"
                    near 1e-9 found.Predicted[0, 0] filter.Covariance[0] "the filter"
                | Error fault -> failtest $"{fault}"
            }

            test "CARE where its modes span many decades" {
                let cart =
                    array2D
                        [
                            [ 0.0; 1.0; 0.0; 0.0 ]
                            [ 0.0; -0.1; 3.0; 0.0 ]
                            [ 0.0; 0.0; 0.0; 1.0 ]
                            [ 0.0; -0.5; 30.0; 0.0 ]
                        ]

                let force = array2D [ [ 0.0 ]; [ 2.0 ]; [ 0.0 ]; [ 5.0 ] ]
                let third = Array2D.init 3 3 (fun i j -> float ((7 * i + 3 * j) % 5) - 2.0)
                let fifth = Array2D.init 5 5 (fun i j -> float ((7 * i + 3 * j) % 5) - 2.0)

                let ramp n (s: float) =
                    Array2D.init n 1 (fun i _ -> s * float (i + 1))

                for a, b, r in
                    [
                        cart, force, 1e-8
                        cart, force, 1e-12
                        third, ramp 3 1e4, 1.0
                        third, ramp 3 1e6, 1.0
                        third, ramp 3 1e8, 1.0
                        fifth, ramp 5 1e8, 1.0
                    ] do
                    let n = Array2D.length1 a

                    match Care.solve a b (eye n 1.0) (m r) with
                    | Ok found ->
                        Expect.isLessThan found.SpectralAbscissa 0.0 "stable"

                        // u scaled so that R is 1: the same P
                        match Care.solve a (scaled (1.0 / sqrt r) b) (eye n 1.0) (m 1.0) with
                        | Ok other ->
                            let size = flat found.P |> Seq.map abs |> Seq.max
                            Expect.isLessThan (distance (flat found.P) (flat other.P) / size) 1e-7 "P"
                        | Error fault -> failtest $"{fault}"
                    | Error fault -> failtest $"{fault}"
            }

            test "numbers near the end of the range end in a result, and soon" {
                for size in [ 1e160; -1e160; 1e200; 1e300; 1e-300 ] do
                    for n in [ 1; 2; 5 ] do
                        let a = Array2D.init n n (fun i j -> size * (if i = j then 1.0 else 0.1))

                        match Care.solve a (eye n 1.0) (eye n 1.0) (eye n 1.0) with
                        | Ok found ->
                            Expect.isTrue (Seq.forall Double.IsFinite (flat found.P)) "P"
                            Expect.isLessThan found.SpectralAbscissa 0.0 "stable"
                        | Error _ -> ()

                        match Dare.solve a (eye n 1.0) (eye n 1.0) (eye n 1.0) with
                        | Ok found -> Expect.isLessThan found.SpectralRadius 1.0 "stable"
                        | Error _ -> ()

                for r in [ 1e300; 1e-300 ] do
                    match Care.solve (m 1.0) (m 1.0) (m 1.0) (m r) with
                    | Ok found ->
                        Expect.isTrue (Double.IsFinite found.Residual) "residual"
                        Expect.isLessThan found.SpectralAbscissa 0.0 "stable"
                    | Error _ -> ()

                match Care.solve (m 1.0) (m 1e150) (m 1.0) (m 1.0) with
                | Ok found -> near 1e-9 1e-150 found.P[0, 0] "P"
                | Error fault -> failtest $"{fault}"
            }

            test "a Q that is not positive semidefinite gives a solution or none" {
                for seed in 1..200 do
                    let random = Random seed
                    let n = random.Whole(1, 5)
                    let half = random.Matrix(n, n)
                    let q = map2 (+) half (transposed half)
                    let a, b = random.Matrix(n, n), random.Matrix(n, 2)

                    match Care.solve a b q (eye 2 1.0) with
                    | Ok found -> Expect.isLessThan found.Residual 1e-6 $"{seed}"
                    | Error _ -> ()

                    match Dare.solve (scaled 0.6 a) b q (eye 2 1.0) with
                    | Ok found -> Expect.isLessThan found.Residual 1e-6 $"{seed}"
                    | Error _ -> ()
            }

            test "fuzz: scalars turned into each other, in units of all sizes" {
                for case in 1 .. Fuzz.cases 150 do
                    let random = Random(1000 * Fuzz.seed + case)
                    let n = random.Whole(1, 5)

                    let signed low high =
                        (if random.Whole(0, 1) = 0 then 1.0 else -1.0) * random.Rng.Uniform(low, high)

                    let a = Array.init n (fun _ -> signed 0.0 2.5)
                    let b = Array.init n (fun _ -> signed 0.3 3.0)

                    let q =
                        Array.init n (fun i ->
                            if abs a[i] > 1.2 && random.Whole(0, 2) = 0 then
                                0.0
                            else
                                random.Rng.Uniform(0.1, 3.0))

                    let r = Array.init n (fun _ -> random.Rng.Uniform(0.1, 3.0))
                    let unit low high = 10.0 ** random.Rng.Uniform(low, high)

                    let t, d, c =
                        Array.init n (fun _ -> unit -6.0 6.0), Array.init n (fun _ -> unit -4.0 4.0), unit -6.0 6.0
                    // an orthogonal matrix: Householder's
                    let v = random.Vector n
                    let length = Array.sumBy (fun x -> x * x) v

                    let h =
                        Array2D.init n n (fun i j -> (if i = j then 1.0 else 0.0) - 2.0 * v[i] * v[j] / length)

                    let diagonal (x: float[]) =
                        Array2D.init n n (fun i j -> if i = j then x[i] else 0.0)

                    let turned (x: float[]) =
                        times h (times (diagonal x) (transposed h))

                    let states up (x: float[,]) =
                        Array2D.mapi (fun i j value -> if up then value * t[i] / t[j] else value / t[i] / t[j]) x

                    let a', q' = states true (turned a), scaled c (states false (turned q))
                    let b' = times h (diagonal b) |> Array2D.mapi (fun i j value -> value * t[i] / d[j])
                    let r' = diagonal (Array.init n (fun i -> c * r[i] / d[i] / d[i]))

                    let check (found: float[,]) (expected: float[]) =
                        let own = scaled c (states false (turned expected))

                        for i in 0 .. n - 1 do
                            for j in 0 .. n - 1 do
                                Expect.isLessThan
                                    (abs (found[i, j] - own[i, j]))
                                    (1e-7 * sqrt (own[i, i] * own[j, j]) + 1e-300)
                                    $"case {case}"

                    let isClear = Array.forall2 (fun a q -> q > 0.0 || abs a > 1.2) a q

                    if isClear then
                        match Dare.solve a' b' q' r' with
                        | Ok found -> check found.P (Array.init n (fun i -> scalarDare a[i] b[i] q[i] r[i]))
                        | Error fault -> failtest $"case {case}: {fault}"

                        // in continuous time a mode left of the axis needs nothing
                        match Care.solve a' b' q' r' with
                        | Ok found ->
                            let expected =
                                Array.init n (fun i ->
                                    if q[i] = 0.0 && a[i] < 0.0 then
                                        0.0
                                    else
                                        scalarCare a[i] b[i] q[i] r[i])

                            if Array.forall (fun x -> x > 0.0) expected then
                                check found.P expected
                        | Error fault -> failtest $"case {case}, continuous: {fault}"
            }
        ]
