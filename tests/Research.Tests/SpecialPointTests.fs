/// Derivatives where a rule that is right nearly everywhere goes wrong: on guards, in saturated tails, where squares overflow or vanish.
module Research.Tests.SpecialPointTests

#nowarn "3391" // numbers stand for constants of a graph

open System
open Expecto
open Research

let private square (x: Real) = x * x

/// Values of a function with its derivatives at a point, node by node, in scalars and in the widest registers.
let private ways (f: Vec -> Real[]) (x: float[]) =
    let n = x.Length
    let variables = Real.variables "x" n
    let kernel = Compile.compile n f
    let count = 8
    let results = Array.zeroCreate (kernel.Outputs * count)
    let rows = Array.init (n * count) (fun k -> x[k / count])
    kernel.Run(ReadOnlySpan rows, count, ReadOnlySpan<float>.Empty, Span results, count, count)

    [
        "as a graph", Trace.evaluate variables x (f variables)
        "folded", f (Vec.ofFloats x) |> Array.map Trace.number
        "compiled", kernel.Run x
        "in a batch", Array.init kernel.Outputs (fun i -> results[i * count + 3])
    ]

let private near (tolerance: float) (expected: float[]) (actual: float[]) message =
    for i in 0 .. expected.Length - 1 do
        let error = abs (actual[i] - expected[i])

        Expect.isTrue
            (actual[i].Equals expected[i] || error <= tolerance * abs expected[i])
            $"{message}, entry {i}: {actual[i]:R} instead of {expected[i]:R}"

let private holds name tolerance (f: Vec -> Real[]) (x: float list) (expected: float list) =
    test name {
        for way, values in ways f (List.toArray x) do
            near tolerance (List.toArray expected) values way
    }

let private gradient (f: Vec -> Real) (x: Vec) : Real[] = Diff.grad f x

let private hessian (f: Vec -> Real) (x: Vec) : Real[] =
    Diff.hessian f x |> Seq.cast<Real> |> Seq.toArray

/// The Hessian by rows, each the gradient of a partial derivative: nothing is copied from one triangle to the other.
let private rows (f: Vec -> Real) (x: Vec) : Real[] =
    [| 0 .. x.Length - 1 |]
    |> Array.collect (fun i -> Diff.grad (fun y -> (Diff.grad f y)[i]) x)

let private exact = 1e-15
let private rounding = 1e-14
let private power (v: Vec) = Real.Pow(v[0], v[1])
let private reversed (v: Vec) = Real.Pow(v[1], v[0])
let private angle (v: Vec) = atan2 v[0] v[1]
let private pair f (v: Vec) : Real = f v[0] v[1]

let private third (f: Real -> Real) (x: Vec) : Real[] =
    [| Diff.diff (Diff.diff (Diff.diff f)) x[0] |]

/// Name, first and second derivative at a point, from mpmath (Johansson) at 40 digits.
let private saturated: (string * (Real -> Real) * (float * float * float) list) list =
    [
        "tanh",
        tanh,
        [
            1.0e-8, 0.9999999999999999, -1.99999999999999978e-8
            0.3, 0.915136961826629209, -0.533181878201454333
            5.0, 0.000181583230943806684, -0.000363133487920905565
            14.0, 2.76576004277225649e-12, -5.53152008553686355e-12
            19.0, 1.25565311681921177e-16, -2.51130623363842339e-16
            20.0, 1.69934170211663558e-17, -3.39868340423327114e-17
            -20.0, 1.69934170211663558e-17, 3.39868340423327114e-17
            300.0, 1.06015862120172433e-260, -2.12031724240344865e-260
        ]
        "sigmoid",
        Real.sigmoid,
        [
            1.0e-8, 0.249999999999999994, -1.24999999999999998e-9
            0.5, 0.235003712201594489, -0.0575567948523207406
            20.0, 2.06115361394184934e-9, -2.06115360544514089e-9
            30.0, 9.3576229688384233e-14, -9.357622968836672e-14
            37.0, 8.53304762574406434e-17, -8.53304762574406288e-17
            40.0, 4.24835425529158896e-18, -4.24835425529158892e-18
            -37.0, 8.53304762574406434e-17, 8.53304762574406288e-17
            -700.0, 9.85967654375977086e-305, 9.85967654375977086e-305
        ]
        "expm1",
        Real.expm1,
        [
            1.0e-10, 1.0000000001, 1.0000000001
            -1.0, 0.367879441171442322, 0.367879441171442322
            -30.0, 9.3576229688401746e-14, 9.3576229688401746e-14
            -37.0, 8.53304762574406579e-17, 8.53304762574406579e-17
            -40.0, 4.248354255291589e-18, 4.248354255291589e-18
            -700.0, 9.85967654375977086e-305, 9.85967654375977086e-305
        ]
        "softplus",
        Real.softplus,
        [
            1.0e-8, 0.5000000025, 0.249999999999999994
            -30.0, 9.35762296883929895e-14, 9.3576229688384233e-14
            30.0, 0.999999999999906424, 9.3576229688384233e-14
            37.429947750237048, 0.999999999999999944, 5.55111512312577548e-17
            700.0, 1.0, 9.85967654375977086e-305
        ]
    ]

[<Tests>]
let tests =
    testList
        "Special points"
        [
            testList
                "a guard hides nothing beside its point"
                [
                    holds
                        "xʸ at (23, 0)"
                        rounding
                        (rows power)
                        [ 23.0; 0.0 ]
                        [ 0.0; 1.0 / 23.0; 1.0 / 23.0; log 23.0 ** 2.0 ]
                    holds
                        "yˣ at (0, 23)"
                        rounding
                        (rows reversed)
                        [ 0.0; 23.0 ]
                        [ log 23.0 ** 2.0; 1.0 / 23.0; 1.0 / 23.0; 0.0 ]
                    holds
                        "yˣ at (0, 3)"
                        rounding
                        (hessian reversed)
                        [ 0.0; 3.0 ]
                        [ log 3.0 ** 2.0; 1.0 / 3.0; 1.0 / 3.0; 0.0 ]
                    holds
                        "x^(log x) at 1"
                        rounding
                        (fun x -> [| Diff.diff2 (fun x -> Real.Pow(x, log x)) x[0] |])
                        [ 1.0 ]
                        [ 2.0 ]
                    holds
                        "third derivative of x^(x−1) at 1"
                        rounding
                        (third (fun x -> Real.Pow(x, x - 1.0)))
                        [ 1.0 ]
                        // of exp((x−1) log x), whose logarithm is e² − e³/2 + …, e = x−1
                        [ -3.0 ]
                    holds "x⁰ at 0 has gradient 0" exact (gradient power) [ 0.0; 0.0 ] [ 0.0; 0.0 ]
                    holds
                        "x² by its base, where the exponent is a variable"
                        exact
                        (rows power)
                        [ 0.0; 2.0 ]
                        [ 2.0; 0.0; 0.0; 0.0 ]
                ]

            testList
                "norms at and beside the origin"
                [
                    for name, norm in
                        [
                            "norm", Vec.norm
                            "hypot", pair Real.hypot
                            "norm from nested hypots", (fun v -> Real.hypot (Real.hypot v[0] 0.0) v[1])
                        ] do
                        holds
                            $"{name}: 0 to every order at the origin"
                            exact
                            (fun v -> Array.append (gradient norm v) (rows norm v))
                            [ 0.0; 0.0 ]
                            [ 0.0; 0.0; 0.0; 0.0; 0.0; 0.0 ]

                        holds $"{name}²" exact (rows (norm >> square)) [ 0.0; 0.0 ] [ 2.0; 0.0; 0.0; 2.0 ]

                        holds
                            $"{name} by {name}"
                            exact
                            (rows (fun v -> norm v * norm v))
                            [ 0.0; 0.0 ]
                            [ 2.0; 0.0; 0.0; 2.0 ]

                        holds $"{name} ** 2" exact (rows (fun v -> norm v ** 2.0)) [ 0.0; 0.0 ] [ 2.0; 0.0; 0.0; 2.0 ]

                    holds "|x|²" exact (rows (fun v -> square (abs v[0]))) [ 0.0 ] [ 2.0 ]
                    holds
                        "a norm is smooth on its axes"
                        rounding
                        (rows Vec.norm)
                        [ 0.0; 0.0; 2.0 ]
                        [ 0.5; 0.0; 0.0; 0.0; 0.5; 0.0; 0.0; 0.0; 0.0 ]
                    holds
                        "gradient of a norm of three"
                        rounding
                        (gradient Vec.norm)
                        [ 1.0; -2.0; 2.0 ]
                        [ 1.0 / 3.0; -2.0 / 3.0; 2.0 / 3.0 ]
                ]

            testList
                "squares that overflow or vanish"
                [
                    holds "atan2′ at 1e200" exact (gradient angle) [ 1e200; 1e200 ] [ 5e-201; -5e-201 ]
                    holds "atan2′ at 1e154" exact (gradient angle) [ 1e154; 1e154 ] [ 5e-155; -5e-155 ]
                    holds "atan2′ at 1e-162" exact (gradient angle) [ 1e-162; 1e-162 ] [ 5e161; -5e161 ]
                    holds "atan2′ at 1e-170" exact (gradient angle) [ 1e-170; 1e-170 ] [ 5e169; -5e169 ]
                    holds "atan2′ at 5e-160" rounding (gradient angle) [ 3e-160; 4e-160 ] [ 1.6e159; -1.2e159 ]
                    holds
                        "atan2′ at the origin"
                        exact
                        (fun v -> Array.append (gradient angle v) (rows angle v))
                        [ 0.0; 0.0 ]
                        [ 0.0; 0.0; 0.0; 0.0; 0.0; 0.0 ]
                    holds
                        "norm at 1e200"
                        exact
                        (fun v -> Array.append [| Vec.norm v |] (gradient Vec.norm v))
                        [ 1e200; 1.0; 1.0 ]
                        [ 1e200; 1.0; 1e-200; 1e-200 ]
                    holds
                        "norm at 5e-170"
                        rounding
                        (fun v -> Array.append [| Vec.norm v |] (gradient Vec.norm v))
                        [ 3e-170; 4e-170 ]
                        [ 5e-170; 0.6; 0.8 ]
                    holds
                        "norm of the least numbers"
                        rounding
                        (fun v -> [| Vec.norm v |])
                        [ 3.0 * 4.9406564584124654e-324; 4.0 * 4.9406564584124654e-324 ]
                        [ 5.0 * 4.9406564584124654e-324 ]
                    holds
                        "hypot of the greatest"
                        rounding
                        (fun v -> [| pair Real.hypot v |])
                        [ 1e308; 1e308 ]
                        [ 1.4142135623730951e308 ]
                ]

            testList
                "derivatives in saturated tails"
                [
                    for name, f, table in saturated do
                        for x, first, second in table do
                            holds
                                $"{name} at {x}"
                                rounding
                                (fun v -> [| Diff.diff f v[0]; Diff.diff2 f v[0] |])
                                [ x ]
                                [ first; second ]

                    test "to single precision in 32 bits" {
                        for name, f, table in saturated do
                            for x, _, _ in table do
                                let kernel =
                                    Compile.compile32 1 (fun v -> [| Diff.diff f v[0]; Diff.diff2 f v[0] |])

                                let wide = Compile.compile 1 (fun v -> [| Diff.diff f v[0]; Diff.diff2 f v[0] |])
                                let expected = wide.Run [| float (float32 x) |]
                                let actual = kernel.Run [| float32 x |]

                                for i in 0..1 do
                                    if abs expected[i] > 1.2e-38 then
                                        Expect.isLessThan
                                            (abs (float actual[i] - expected[i]))
                                            (2e-6 * abs expected[i])
                                            $"{name} at {x}, derivative {i + 1}"
                    }

                    test "a derivative of a saturated function is never NaN" {
                        for name, f, _ in saturated do
                            for x in
                                [
                                    -infinity
                                    -1e308
                                    -1e4
                                    -800.0
                                    -709.0
                                    0.0
                                    709.0
                                    800.0
                                    1e4
                                    1e308
                                    infinity
                                ] do
                                let hasLimit = name <> "expm1" || x < 709.5

                                if hasLimit then
                                    for way, values in ways (fun v -> [| Diff.diff f v[0]; Diff.diff2 f v[0] |]) [| x |] do
                                        for value in values do
                                            Expect.isTrue (Double.IsFinite value) $"{name} at {x}, {way}: {value}"
                    }
                ]

            testList
                "an infinite derivative in a branch not taken is not multiplied by 0"
                [
                    // f with an infinite value or derivative at the point; both branches that use it are off there
                    let singular: (string * (Real -> Real) * float) list =
                        [
                            "sqrt", sqrt, 0.0
                            "exp", exp, 1000.0
                            "log", log, 0.0
                            "log1p", Real.log1p, -1.0
                            "expm1", Real.expm1, 1000.0
                            "asin", asin, 1.0
                            "acos", acos, 1.0
                            "sinh", sinh, 1000.0
                            "cosh", cosh, 1000.0
                            "1/x", (fun x -> 1.0 / x), 0.0
                            "x^−1.5", (fun x -> Real.Pow(x, -1.5)), 0.0
                            "x^1/2", (fun x -> Real.Pow(x, 0.5)), 0.0
                            "atan2", (fun x -> atan2 x x), 5e-324
                        ]

                    for name, f, point in singular do
                        test name {
                            // two conditions that do not hold at the point, and the function used under both
                            let g (x: Vec) =
                                let y = f x[0]

                                Real.where (x[0] .> Real.constant (2.0 * point + 3.0)) y (2.0 * x[0])
                                + Real.where (x[0] .< Real.constant (point - 4.0)) y x[0]

                            for way, values in ways (gradient g) [| point |] do
                                Expect.equal values [| 3.0 |] way

                            for way, values in ways (fun x -> [| Diff.diff (fun z -> g [| z |]) x[0] |]) [| point |] do
                                Expect.equal values [| 3.0 |] $"forward, {way}"
                        }
                ]
        ]
