namespace Research

open System
open System.Collections.Generic

/// Turns a traced graph into a program: common subexpressions once, dead code dropped, elementary functions spelled out in operations that
/// every vector width has (so that all widths give the same bits), multiplications fused into additions.
[<RequireQualifiedAccess>]
module internal Lower =

    /// Constants of the elementary functions in one precision. Sources: Cody and Waite's reduction; the coefficients are those of fdlibm
    /// (Sun Microsystems, 1993), and in single precision of Cephes (Moshier).
    type private Precision =
        {
            /// adding it leaves the rounded integer in the low bits
            Shift: float
            /// π/2 in parts of decreasing size
            QuarterTurn: float list
            TrigLimit: float
            Sine: float list
            Cosine: float list
            Ln2: float list
            ExpRange: float * float
            ExpDegree: int
            LogSeries: float list
            SmallestNormal: float
            /// sizes whose squares lose digits, below the first and above the second, and what brings them between
            Squares: struct (float * float) * struct (float * float)
            TanhSeries: float list * float list
        }

    let private tanhSeries =
        [
            -1.61468768441708447952e3
            -9.92877231001918586564e1
            -9.64399179425052238628e-1
        ],
        [
            4.84406305325125486048e3
            2.23548839060100448583e3
            1.12811678491632931402e2
            1.0
        ]

    let private double =
        {
            Shift = 6755399441055744.0
            QuarterTurn = [ 1.5707963267948966; 6.123233995736766e-17 ]
            TrigLimit = 1e5
            Sine =
                [
                    -1.66666666666666324348e-01
                    8.33333333332248946124e-03
                    -1.98412698298579493134e-04
                    2.75573137070700676789e-06
                    -2.50507602534068634195e-08
                    1.58969099521155010221e-10
                ]
            Cosine =
                [
                    4.16666666666666019037e-02
                    -1.38888888888741095749e-03
                    2.48015872894767294178e-05
                    -2.75573143513906633035e-07
                    2.08757232129817482790e-09
                    -1.13596475577881948265e-11
                ]
            Ln2 = [ 6.93147180369123816490e-01; 1.90821492927058770002e-10 ]
            ExpRange = -746.0, 710.0
            ExpDegree = 13
            LogSeries =
                [
                    6.666666666666735130e-01
                    3.999999999940941908e-01
                    2.857142874366239149e-01
                    2.222219843214978396e-01
                    1.818357216161805012e-01
                    1.531383769920937332e-01
                    1.479819860511658591e-01
                ]
            SmallestNormal = 2.2250738585072014e-308
            Squares = struct (2.0 ** -450.0, 2.0 ** 600.0), struct (2.0 ** 500.0, 2.0 ** -600.0)
            TanhSeries = tanhSeries
        }

    let private single =
        {
            Shift = 12582912.0
            QuarterTurn = [ 1.57079637050628662109375; -4.37113900018624283e-8; -1.71512382015e-15 ]
            TrigLimit = 1e4
            Sine = [ -1.6666654611e-1; 8.3321608736e-3; -1.9515295891e-4 ]
            Cosine = [ 4.166664568298827e-2; -1.388731625493765e-3; 2.443315711809948e-5 ]
            Ln2 = [ 0.693359375; -2.12194440e-4 ]
            ExpRange = -104.0, 89.0
            ExpDegree = 8
            LogSeries = [ 0.66666662693; 0.40000972152; 0.28498786688; 0.24279078841 ]
            SmallestNormal = 1.17549435e-38
            Squares = struct (2.0 ** -50.0, 2.0 ** 100.0), struct (2.0 ** 60.0, 2.0 ** -80.0)
            TanhSeries = tanhSeries
        }

    /// Spells out elementary functions; `fast` ones hold only where every guarded argument is within the limit.
    type private Functions(builder: ProgramBuilder, p: Precision, fast: bool) =
        let guarded = HashSet<int>()
        let constant (value: float) = builder.Constant value

        let reduce parts k x =
            parts
            |> List.fold (fun rest part -> builder.Ternary Op.FusedNegateMultiplyAdd k (constant part) rest) x

        /// Quarter turns (shifted) and the sine and cosine of what remains, |r| ≤ π/4.
        let reduced x =
            guarded.Add x |> ignore
            let turns = builder.Fma x (constant (2.0 / Math.PI)) (constant p.Shift)
            let r = reduce p.QuarterTurn (builder.Sub turns (constant p.Shift)) x
            let z = builder.Mul r r
            let sine = builder.Fma (builder.Mul r z) (builder.Polynomial z p.Sine) r
            let half = builder.Fma z (constant -0.5) (constant 1.0)
            let cosine = builder.Fma (builder.Mul z z) (builder.Polynomial z p.Cosine) half
            turns, builder.Unary Op.Odd turns, sine, cosine

        member _.Guarded = Seq.toArray guarded

        member _.Sin x =
            if not fast then
                builder.Unary Op.Sin x
            else
                let turns, odd, sine, cosine = reduced x
                builder.Binary Op.FlipByHalfTurn (builder.Where odd cosine sine) turns

        member _.Cos x =
            if not fast then
                builder.Unary Op.Cos x
            else
                let turns, odd, sine, cosine = reduced x
                builder.Binary Op.FlipByHalfTurn (builder.Where odd sine cosine) (builder.Add turns (constant 1.0))

        member this.Tan x =
            if not fast then
                builder.Unary Op.Tan x
            else
                builder.Div (this.Sin x) (this.Cos x)

        member _.Exp x =
            let low, high = p.ExpRange

            let x =
                builder.Binary Op.Min (builder.Binary Op.Max x (constant low)) (constant high)

            let shifted = builder.Fma x (constant (1.0 / log 2.0)) (constant p.Shift)
            let k = builder.Sub shifted (constant p.Shift)
            let r = reduce p.Ln2 k x
            let taylor = List.scan (fun term n -> term / float n) 1.0 [ 1 .. p.ExpDegree ]
            let half = builder.Fma k (constant 0.5) (constant p.Shift)

            let rest =
                builder.Add (builder.Sub k (builder.Sub half (constant p.Shift))) (constant p.Shift)

            let power = builder.Unary Op.PowerOfTwo
            builder.Mul (builder.Mul (builder.Polynomial r taylor) (power half)) (power rest)

        member _.Log x =
            let tiny = builder.Binary Op.Less x (constant p.SmallestNormal)
            let scaled = builder.Where tiny (builder.Mul x (constant (2.0 ** 54.0))) x
            let exponent = builder.Unary Op.Exponent scaled
            let k = builder.Where tiny (builder.Sub exponent (constant 54.0)) exponent
            let f = builder.Sub (builder.Unary Op.Mantissa scaled) (constant 1.0)
            let s = builder.Div f (builder.Add f (constant 2.0))
            let z = builder.Mul s s
            let series = builder.Mul z (builder.Polynomial z p.LogSeries)
            let half = builder.Mul (builder.Mul f f) (constant 0.5)
            let ln2 = p.Ln2 |> List.map constant
            // ln(1+f) = f − (f²/2 − s (f²/2 + R)), and k ln 2 in two parts around it
            let tail = builder.Fma s (builder.Add half series) (builder.Mul k ln2[1])
            let value = builder.Fma k ln2[0] (builder.Sub f (builder.Sub half tail))
            let infinity = constant Double.PositiveInfinity
            let finite = builder.Where (builder.Binary Op.Less x infinity) value x

            let positive =
                builder.Where (builder.Binary Op.Less (constant 0.0) x) finite (constant Double.NaN)

            builder.Where (builder.Binary Op.Equal x (constant 0.0)) (constant Double.NegativeInfinity) positive

        member this.Log1p x =
            let u = builder.Add x (constant 1.0)
            let logarithm = this.Log u
            let corrected = builder.Mul logarithm (builder.Div x (builder.Sub u (constant 1.0)))
            let small = builder.Where (builder.Binary Op.Equal u (constant 1.0)) x corrected
            let isLarge = builder.Binary Op.Less (constant 0.5) (builder.Unary Op.Abs x)
            builder.Where isLarge logarithm small

        member this.Expm1 x =
            let u = this.Exp x
            let less = builder.Sub u (constant 1.0)
            let corrected = builder.Mul less (builder.Div x (this.Log u))
            let small = builder.Where (builder.Binary Op.Equal u (constant 1.0)) x corrected
            let isLarge = builder.Binary Op.Less (constant 0.5) (builder.Unary Op.Abs x)
            builder.Where isLarge less small

        /// e^−|x|, which never overflows.
        member private this.Decay x =
            this.Exp(builder.Unary Op.Neg (builder.Unary Op.Abs x))

        member this.Tanh x =
            let size = builder.Unary Op.Abs x
            let e = this.Exp(builder.Add size size)

            let far =
                builder.Sub (constant 1.0) (builder.Div (constant 2.0) (builder.Add e (constant 1.0)))

            let signed = builder.Mul far (this.Sign x)
            let z = builder.Mul x x
            let numerator, denominator = p.TanhSeries

            let ratio =
                builder.Div (builder.Polynomial z numerator) (builder.Polynomial z denominator)

            let near = builder.Fma (builder.Mul x z) ratio x
            builder.Where (builder.Binary Op.Less size (constant 0.625)) near signed

        member this.Sigmoid x =
            let e = this.Decay x
            let nonnegative = builder.Binary Op.LessEqual (constant 0.0) x
            builder.Div (builder.Where nonnegative (constant 1.0) e) (builder.Add e (constant 1.0))

        member this.LogisticDensity x =
            let e = this.Decay x
            let sum = builder.Add e (constant 1.0)
            builder.Div e (builder.Mul sum sum)

        /// √Σx² of numbers scaled by a power of two where their squares would overflow or vanish; ∞ where any is, as IEEE 754 has it.
        member _.Norm(parts: int list) =
            let infinity = constant Double.PositiveInfinity
            let sizes = parts |> List.map (builder.Unary Op.Abs)
            let size = sizes |> List.reduce (builder.Binary Op.Max)
            let struct (small, up), struct (large, down) = p.Squares
            let isSmall = builder.Binary Op.Less size (constant small)
            let isLarge = builder.Binary Op.Less (constant large) size

            let choose ifSmall ifLarge =
                builder.Where isSmall (constant ifSmall) (builder.Where isLarge (constant ifLarge) (constant 1.0))

            let scale = choose up down

            let squares =
                sizes
                |> List.map (fun x ->
                    let scaled = builder.Mul x scale
                    builder.Mul scaled scaled)
                |> List.reduce builder.Add

            let value =
                builder.Mul (builder.Unary Op.Sqrt squares) (choose (1.0 / up) (1.0 / down))

            let isInfinite =
                sizes
                |> List.map (fun x -> builder.Binary Op.Equal x infinity)
                |> List.reduce (builder.Binary Op.Or)

            builder.Where isInfinite infinity value

        member this.Softplus x =
            builder.Add (builder.Binary Op.Max x (constant 0.0)) (this.Log1p(this.Decay x))

        member _.Sign x =
            let zero = constant 0.0
            let negative = builder.Where (builder.Binary Op.Less x zero) (constant -1.0) x
            builder.Where (builder.Binary Op.Less zero x) (constant 1.0) negative

        /// Small whole powers by multiplication, others by the library.
        member _.Pow x y (exponent: float voption) =
            let rec power n =
                if n = 1 then
                    x
                else
                    let half = power (n / 2)
                    let square = builder.Mul half half
                    if n % 2 = 0 then square else builder.Mul square x

            match exponent with
            | ValueSome e when e = Math.Round e && abs e <= 8.0 && e <> 0.0 ->
                let whole = power (int (abs e))
                if e > 0.0 then whole else builder.Div (constant 1.0) whole
            | _ -> builder.Binary Op.Pow x y

    /// The program that computes the outputs of the graph. `isSingle` chooses the constants of 32-bit kernels; without `fast`, sine and
    /// cosine are the library's, which hold for every argument.
    let lower (isSingle: bool) (fast: bool) (inputs: Real[]) (parameters: Real[]) (outputs: Real[]) : Program =
        let precision = if isSingle then single else double
        let builder = ProgramBuilder()
        let functions = Functions(builder, precision, fast)
        let image = Dictionary<Real, int>(HashIdentity.Reference)

        let declare kind =
            Array.iteri (fun i variable -> image[variable] <- builder.Emit(Op.Variable, i, kind, -1, 0.0))

        declare 0 inputs
        declare 1 parameters

        for node in Trace.order outputs do
            if not (image.ContainsKey node) then
                let arity = Operation.arity node.Op
                let a = if arity > 0 then image[node.A] else -1
                let b = if arity > 1 then image[node.B] else -1
                let c = if arity > 2 then image[node.C] else -1

                image[node] <-
                    match node.Op with
                    | Op.Constant -> builder.Constant node.Value
                    | Op.Variable ->
                        invalidArg
                            (nameof outputs)
                            $"the variable '{node}' is neither an input nor a parameter of the function to compile"
                    | Op.Sign -> functions.Sign a
                    | Op.Sin -> functions.Sin a
                    | Op.Cos -> functions.Cos a
                    | Op.Tan -> functions.Tan a
                    | Op.Exp -> functions.Exp a
                    | Op.Log -> functions.Log a
                    | Op.Log1p -> functions.Log1p a
                    | Op.Expm1 -> functions.Expm1 a
                    | Op.Tanh -> functions.Tanh a
                    | Op.Sigmoid -> functions.Sigmoid a
                    | Op.Softplus -> functions.Softplus a
                    | Op.LogisticDensity -> functions.LogisticDensity a
                    | Op.Hypot -> functions.Norm(Trace.components node |> List.map (fun part -> image[part]))
                    | Op.Pow ->
                        functions.Pow
                            a
                            b
                            (if node.B.IsConstant then
                                 ValueSome node.B.Value
                             else
                                 ValueNone)
                    | op -> builder.Emit(op, a, b, c, 0.0)

        builder.Finish(outputs |> Array.map (fun output -> image[output]), functions.Guarded, precision.TrigLimit)
