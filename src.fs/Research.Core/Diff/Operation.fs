namespace Research

open System
open Research.Kernels

/// What a node of a traced graph computes. Conditions are nodes too: 1 where they hold, 0 where not.
type Op =
    // leaves
    | Constant = 0uy
    | Variable = 1uy
    // one argument
    | Neg = 10uy
    | Abs = 11uy
    | Sign = 12uy
    | Sqrt = 13uy
    | Exp = 14uy
    | Log = 15uy
    | Log1p = 16uy
    | Expm1 = 17uy
    | Sin = 18uy
    | Cos = 19uy
    | Tan = 20uy
    | Asin = 21uy
    | Acos = 22uy
    | Atan = 23uy
    | Sinh = 24uy
    | Cosh = 25uy
    | Tanh = 26uy
    | Sigmoid = 27uy
    | Softplus = 28uy
    | Erf = 29uy
    | Not = 30uy
    | LogisticDensity = 31uy
    // two arguments
    | Add = 40uy
    | Sub = 41uy
    | Mul = 42uy
    | Div = 43uy
    | Pow = 44uy
    | Atan2 = 45uy
    | Hypot = 46uy
    | Min = 47uy
    | Max = 48uy
    | Less = 49uy
    | LessEqual = 50uy
    | Equal = 51uy
    | And = 52uy
    | Or = 53uy
    // three arguments
    | Where = 60uy
    // introduced by the compiler only: see Lane for their meaning
    | Odd = 70uy
    | PowerOfTwo = 71uy
    | Exponent = 72uy
    | Mantissa = 73uy
    | FlipByHalfTurn = 75uy
    | FusedMultiplyAdd = 76uy
    | FusedNegateMultiplyAdd = 77uy
    | FusedMultiplySubtract = 78uy

/// The meaning of each operation on numbers: the reference that compiled code is held against.
[<RequireQualifiedAccess>]
module Operation =

    /// Number of arguments.
    let arity (op: Op) =
        match op with
        | Op.Constant
        | Op.Variable -> 0
        | _ when op < Op.Add -> 1
        | _ when op < Op.Where -> 2
        | Op.FlipByHalfTurn -> 2
        | _ when op >= Op.Odd && op <= Op.Mantissa -> 1
        | _ -> 3

    /// True of a comparison or a combination of comparisons.
    let isCondition (op: Op) =
        match op with
        | Op.Less
        | Op.LessEqual
        | Op.Equal
        | Op.And
        | Op.Or
        | Op.Not
        | Op.Odd -> true
        | _ -> false

    /// True where the order of two arguments does not matter, to the bit.
    let isCommutative (op: Op) =
        match op with
        | Op.Add
        | Op.Mul
        | Op.Hypot
        | Op.Equal
        | Op.And
        | Op.Or -> true
        | _ -> false

    /// ln(1+x), accurate near 0 (Kahan's correction of the rounding of 1+x).
    let log1p x =
        let u = 1.0 + x

        if abs x > 0.5 then log u
        elif u = 1.0 then x
        else log u * (x / (u - 1.0))

    /// eˣ−1, accurate near 0 (Kahan's correction of the rounding of eˣ).
    let expm1 x =
        let u = exp x

        if abs x > 0.5 then u - 1.0
        elif u = 1.0 then x
        else (u - 1.0) * (x / log u)

    /// 1/(1+e⁻ˣ) without overflow.
    let sigmoid x =
        let e = exp (-(abs x))
        (if x >= 0.0 then 1.0 else e) / (1.0 + e)

    /// ln(1+eˣ) without overflow.
    let softplus (x: float) =
        Math.Max(x, 0.0) + log1p (exp (-(abs x)))

    /// The density of the logistic distribution, e⁻ˣ/(1+e⁻ˣ)²: the derivative of `sigmoid`, without its cancellation in the tails.
    let logisticDensity x =
        let e = exp (-(abs x))
        e / ((1.0 + e) * (1.0 + e))

    /// sign of x: −1, 0, 1; NaN of NaN.
    let sign (x: float) =
        if x > 0.0 then 1.0
        elif x < 0.0 then -1.0
        else x

    let private truth b = if b then 1.0 else 0.0

    /// The value of an operation on numbers; arguments beyond its arity are ignored.
    let evaluate (op: Op) (a: float) (b: float) (c: float) : float =
        match op with
        | Op.Neg -> -a
        | Op.Abs -> abs a
        | Op.Sign -> sign a
        | Op.Sqrt -> sqrt a
        | Op.Exp -> exp a
        | Op.Log -> log a
        | Op.Log1p -> log1p a
        | Op.Expm1 -> expm1 a
        | Op.Sin -> sin a
        | Op.Cos -> cos a
        | Op.Tan -> tan a
        | Op.Asin -> asin a
        | Op.Acos -> acos a
        | Op.Atan -> atan a
        | Op.Sinh -> sinh a
        | Op.Cosh -> cosh a
        | Op.Tanh -> tanh a
        | Op.Sigmoid -> sigmoid a
        | Op.Softplus -> softplus a
        | Op.LogisticDensity -> logisticDensity a
        | Op.Erf -> Lane.ErrorFunction a
        | Op.Not -> 1.0 - a
        | Op.Add -> a + b
        | Op.Sub -> a - b
        | Op.Mul -> a * b
        | Op.Div -> a / b
        | Op.Pow -> Math.Pow(a, b)
        | Op.Atan2 -> Math.Atan2(a, b)
        | Op.Hypot -> Double.Hypot(a, b)
        | Op.Min -> Math.Min(a, b)
        | Op.Max -> Math.Max(a, b)
        | Op.Less -> truth (a < b)
        | Op.LessEqual -> truth (a <= b)
        | Op.Equal -> truth (a = b)
        | Op.And -> a * b
        | Op.Or -> Math.Max(a, b)
        | Op.Where -> if a <> 0.0 then b else c
        | _ -> invalidArg (nameof op) $"{op} has no value of its own: it is a leaf, or a step of compiled code"
