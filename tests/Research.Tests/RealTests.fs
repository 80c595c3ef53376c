module Research.Tests.RealTests

#nowarn "3391" // numbers stand for constants of a graph

open System
open Expecto
open Research
open Research.Tests.Graphs

let private number (x: Real) = Trace.number x
let private at (f: Vec -> Real) (x: float[]) = number (f (Vec.ofFloats x))

let private one (f: Real -> Real) : Vec -> Real = fun x -> f x[0]
let private two (f: Real -> Real -> Real) : Vec -> Real = fun x -> f x[0] x[1]

/// Every operation, with the box of arguments in which it is smooth.
let private operations: (string * (Vec -> Real) * (float * float) list) list =
    [
        "neg", one (~-), [ -3.0, 3.0 ]
        "abs, left", one abs, [ -3.0, -0.5 ]
        "abs, right", one abs, [ 0.5, 3.0 ]
        "sign", one Real.sign, [ 0.5, 3.0 ]
        "sqrt", one sqrt, [ 0.5, 4.0 ]
        "exp", one exp, [ -3.0, 2.0 ]
        "log", one log, [ 0.5, 4.0 ]
        "log1p", one Real.log1p, [ -0.4, 3.0 ]
        "expm1", one Real.expm1, [ -3.0, 2.0 ]
        "sin", one sin, [ -4.0, 4.0 ]
        "cos", one cos, [ -4.0, 4.0 ]
        "tan", one tan, [ -1.0, 1.0 ]
        "asin", one asin, [ -0.8, 0.8 ]
        "acos", one acos, [ -0.8, 0.8 ]
        "atan", one atan, [ -4.0, 4.0 ]
        "sinh", one sinh, [ -2.0, 2.0 ]
        "cosh", one cosh, [ -2.0, 2.0 ]
        "tanh", one tanh, [ -2.0, 2.0 ]
        "sigmoid", one Real.sigmoid, [ -4.0, 4.0 ]
        "softplus", one Real.softplus, [ -4.0, 4.0 ]
        "erf", one Real.erf, [ -3.0, 3.0 ]
        "smooth abs", one (Real.smoothAbs 0.3), [ -2.0, 2.0 ]
        "clamp, inside", one (Real.clamp -4.0 4.0), [ -3.0, 3.0 ]
        "clamp, outside", one (Real.clamp -4.0 4.0), [ 5.0, 6.0 ]
        "x³ of a negative number", one (fun x -> x ** 3.0), [ -3.0, -0.5 ]
        "x to a constant", one (fun x -> x ** 2.7), [ 0.5, 3.0 ]
        "constant to x", one (fun x -> Real.constant 1.7 ** x), [ -2.0, 2.0 ]
        "add", two (+), [ -2.0, 2.0; -2.0, 2.0 ]
        "sub", two (-), [ -2.0, 2.0; -2.0, 2.0 ]
        "mul", two (*), [ -2.0, 2.0; -2.0, 2.0 ]
        "div", two (/), [ -2.0, 2.0; 0.5, 2.0 ]
        "pow", two (fun x y -> x ** y), [ 0.5, 3.0; -2.0, 2.0 ]
        "atan2, right", two (fun y x -> atan2 y x), [ -2.0, 2.0; 0.5, 2.0 ]
        "atan2, left and up", two (fun y x -> atan2 y x), [ 0.5, 2.0; -2.0, 2.0 ]
        "hypot", two Real.hypot, [ -2.0, 2.0; 0.5, 2.0 ]
        "min", two Real.min, [ -2.0, 0.0; 0.5, 2.0 ]
        "max", two Real.max, [ -2.0, 0.0; 0.5, 2.0 ]
        "where, yes", two (fun x y -> Real.where (x .< y) (x * y) (x + y)), [ -2.0, 0.0; 0.5, 2.0 ]
        "where, no", two (fun x y -> Real.where (x .> y) (x * y) (x + y)), [ -2.0, 0.0; 0.5, 2.0 ]
    ]

/// error of a derivative against differences, relative to max(1, |derivative|)
let private derivativeTolerance = 2e-8

let private close (exact: float) (reference: float) message =
    let size = Math.Max(1.0, abs reference)
    Expect.isLessThan (abs (exact - reference) / size) derivativeTolerance $"{message}: {exact} and {reference}"

let private basis n j =
    Array.init n (fun i -> if i = j then Real.One else Real.Zero)

let private derivatives =
    testList
        "derivatives equal differences"
        [
            for name, f, box in operations do
                test name {
                    let rng = Rng.OfSeed 1
                    let n = box.Length

                    for _ in 1..10 do
                        let x = [| for low, high in box -> rng.Uniform(low, high) |]
                        let point = Vec.ofFloats x

                        let along j h =
                            Array.mapi (fun i v -> if i = j then v + h else v) x

                        let gradient = Diff.grad f point
                        let hessian = Diff.hessian f point

                        for j in 0 .. n - 1 do
                            let struct (slope, _) =
                                Check.differences x[j] (fun h -> [| at f (along j h) |]) |> Array.head

                            close (number gradient[j]) slope $"reverse, argument {j} at %A{x}"
                            close (number (Diff.gradv f point (basis n j))) slope $"forward, argument {j} at %A{x}"

                            let bends =
                                Check.differences x[j] (fun h ->
                                    Diff.grad f (Vec.ofFloats (along j h)) |> Array.map number)

                            for i in 0 .. n - 1 do
                                let struct (bend, _) = bends[i]
                                close (number hessian[i, j]) bend $"second, arguments {i} and {j} at %A{x}"
                }
        ]

let private meaning =
    testList
        "values"
        [
            test "operations are the functions of .NET" {
                let known: (string * (Real -> Real) * (float -> float)) list =
                    [
                        "abs", abs, abs
                        "sqrt", sqrt, sqrt
                        "exp", exp, exp
                        "log", log, log
                        "sin", sin, sin
                        "cos", cos, cos
                        "tan", tan, tan
                        "asin", asin, asin
                        "acos", acos, acos
                        "atan", atan, atan
                        "sinh", sinh, sinh
                        "cosh", cosh, cosh
                        "tanh", tanh, tanh
                    ]

                for name, traced, reference in known do
                    for x in [ 0.1; 0.5; 0.9 ] do
                        Expect.equal (number (traced (Real.constant x))) (reference x) $"{name} {x}"
            }

            test "what .NET lacks is right to the last digits" {
                // Abramowitz and Stegun (1964), table 7.1; series of ln(1+x) and eˣ−1 near 0
                let known: (string * (Real -> Real) * float * float) list =
                    [
                        "erf", Real.erf, 0.5, 0.5204998778130465
                        "erf", Real.erf, 1.0, 0.8427007929497149
                        "erf", Real.erf, -2.0, -0.9953222650189527
                        "erf", Real.erf, 1e-9, 1e-9 * 2.0 / sqrt Math.PI
                        "log1p", Real.log1p, 1e-10, 1e-10 - 0.5e-20
                        "log1p", Real.log1p, -1e-5, -(1e-5 + 0.5e-10 + 1e-15 / 3.0 + 0.25e-20)
                        "expm1", Real.expm1, 1e-10, 1e-10 + 0.5e-20
                        "expm1", Real.expm1, -1e-5, -1e-5 + 0.5e-10 - 1e-15 / 6.0 + 1e-20 / 24.0
                        "sigmoid", Real.sigmoid, 0.0, 0.5
                        "sigmoid", Real.sigmoid, log 3.0, 0.75
                        "sigmoid", Real.sigmoid, -800.0, 0.0
                        "softplus", Real.softplus, 0.0, log 2.0
                        "softplus", Real.softplus, 800.0, 800.0
                        "softplus", Real.softplus, -40.0, exp -40.0
                        "sign", Real.sign, -3.0, -1.0
                        "clamp", Real.clamp -1.0 1.0, -3.0, -1.0
                        "clamp", Real.clamp -1.0 1.0, 3.0, 1.0
                        "smooth abs", Real.smoothAbs 3.0, 4.0, 2.0
                    ]

                for name, traced, x, expected in known do
                    let found = number (traced (Real.constant x))
                    let unit = abs expected * 2.220446049250313e-16
                    Expect.isLessThanOrEqual (abs (found - expected)) (4.0 * unit) $"{name} {x}"
            }

            test "hypot does not overflow" {
                Expect.floatClose Accuracy.veryHigh (number (Real.hypot 3e200 4e200) / 5e200) 1.0 "3, 4, 5"
            }

            test "comparisons and their combinations" {
                let x = Real.variable "x"

                let holds condition value =
                    Trace.evaluate [| x |] [| value |] [| Real.where condition Real.One Real.Zero |] = [| 1.0 |]

                let table =
                    [
                        "<", x .< 1.0, [ true; false; false; false ]
                        "≤", x .<= 1.0, [ true; true; false; false ]
                        ">", x .> 1.0, [ false; false; true; false ]
                        "≥", x .>= 1.0, [ false; true; true; false ]
                        "=", x .= 1.0, [ false; true; false; false ]
                        "and", (x .>= 1.0) &&& (x .<= 1.0), [ false; true; false; false ]
                        "or", (x .< 1.0) ||| (x .> 1.0), [ true; false; true; false ]
                        "not", Condition.op_LogicalNot (x .< 1.0), [ false; true; true; true ]
                    ]

                for name, condition, expected in table do
                    Expect.equal (List.map (holds condition) [ 0.0; 1.0; 2.0; nan ]) expected name
            }
        ]

/// a simplification may round differently by a last place, which later steps enlarge
let private agrees (a: float) (b: float) =
    (Double.IsNaN a && Double.IsNaN b)
    || a = b
    || abs (a - b) <= 1e-9 * Math.Max(abs a, abs b)

/// The sign of a zero is not kept by simplification, and xʸ for a constant y = 2 is x·x, which may differ in the last place; so no graph
/// in which either can be told.
let private isTellTale (case: Case) =
    let values = values case.Graph case.Point

    case.Graph.Steps
    |> Array.exists (fun step ->
        match step with
        | Two(Op.Div, _, b) -> values[b] = 0.0
        | Two(Op.Pow, a, b) -> values[a] = 0.0 || values[b] = 2.0
        | Two(Op.Atan2, a, b) -> values[a] = 0.0 || values[b] = 0.0
        | _ -> false)

let private simplification =
    testList
        "simplification"
        [
            testPropertyWithConfig
                { config with maxTest = 2000 }
                "gives the number that plain evaluation gives, NaN and infinities included"
            <| fun (Wild case) ->
                if not (isTellTale case) then
                    let x = Real.variables "x" case.Graph.Inputs
                    let simplified = Trace.evaluate x case.Point (trace case.Graph x)
                    let folded = trace case.Graph (Vec.ofFloats case.Point) |> Array.map number
                    let plain = raw case.Graph case.Point

                    for i in 0 .. plain.Length - 1 do
                        Expect.isTrue (agrees simplified[i] plain[i]) $"output {i}: {simplified[i]}, plainly {plain[i]}"
                        Expect.isTrue (agrees folded[i] plain[i]) $"output {i}: folded {folded[i]}, plainly {plain[i]}"

            test "never hides NaN or infinity" {
                let x = Real.variable "x"

                let value f =
                    Trace.evaluate [| x |] [| infinity |] [| f |] |> Array.head

                Expect.isTrue (Double.IsNaN(value (0.0 * x))) "0·∞"
                Expect.isTrue (Double.IsNaN(value (x - x))) "∞ − ∞"
                Expect.isTrue (Double.IsNaN(value (x / x))) "∞ / ∞"
                Expect.equal (value (0.0 / x)) 0.0 "0 / ∞"
            }

            test "neutral elements leave nothing behind" {
                let x = Real.variable "x"

                for name, y in
                    [
                        "x + 0", x + 0.0
                        "0 + x", 0.0 + x
                        "x − 0", x - 0.0
                        "1·x", 1.0 * x
                        "x·1", x * 1.0
                        "x/1", x / 1.0
                        "−(−x)", -(-x)
                        "x¹", x ** 1.0
                    ] do
                    Expect.isTrue (Object.ReferenceEquals(x, y)) name
            }
        ]

let private conventions =
    let slope f x = number (Diff.diff f (Real.constant x))

    testList
        "conventions where there is no derivative"
        [
            test "|x| and sign have derivative 0 at 0" {
                Expect.equal (slope abs 0.0) 0.0 "|x|"
                Expect.equal (slope Real.sign 0.0) 0.0 "sign"
            }

            test "min and max take the derivative of their first argument on a tie" {
                let tie f =
                    Diff.grad (two f) (Vec.ofFloats [ 1.5; 1.5 ]) |> Array.map number

                Expect.equal (tie Real.min) [| 1.0; 0.0 |] "min"
                Expect.equal (tie Real.max) [| 1.0; 0.0 |] "max"
            }

            test "clamp has derivative 1 on its closed interval" {
                let slopes = [ -1.1; -1.0; 0.0; 1.0; 1.1 ] |> List.map (slope (Real.clamp -1.0 1.0))
                Expect.equal slopes [ 0.0; 1.0; 1.0; 1.0; 0.0 ] "slopes"
            }

            test "where takes the derivative of the chosen branch" {
                let kinked x =
                    Real.where (x .< 0.0) (2.0 * x) (3.0 * x)

                Expect.equal [ slope kinked -1.0; slope kinked 0.0 ] [ 2.0; 3.0 ] "slopes"
            }

            test "hypot has gradient 0 at the origin" {
                let gradient = Diff.grad (two Real.hypot) (Vec.ofFloats [ 0.0; 0.0 ])
                Expect.equal (Array.map number gradient) [| 0.0; 0.0 |] "gradient"
            }

            test "sqrt has derivative +∞ at 0" { Expect.equal (slope sqrt 0.0) infinity "slope" }

            test "x⁰ has derivative 0, at 0 too" {
                let gradient = Diff.grad (two (fun x y -> x ** y)) (Vec.ofFloats [ 0.0; 0.0 ])
                Expect.equal (number gradient[0]) 0.0 "by the base"
            }

            test "0ʸ has derivative 0 by its exponent" {
                let gradient = Diff.grad (two (fun x y -> x ** y)) (Vec.ofFloats [ 0.0; 2.0 ])
                Expect.equal (Array.map number gradient) [| 0.0; 0.0 |] "gradient"
            }
        ]

[<Tests>]
let tests = testList "Real" [ meaning; derivatives; simplification; conventions ]
