namespace Research

open System

/// A traced scalar: an immutable node of an expression graph. Arithmetic on reals builds larger reals; nothing is computed until a graph
/// is evaluated or compiled. Constants are folded, and algebra is simplified only where the result is the same number for every argument,
/// NaN and infinities included (the sign of a zero may differ).
///
/// Where a function is not differentiable, derivatives follow one convention: |x| and sign have derivative 0 at 0; min and max take the
/// derivative of their first argument on a tie, so clamp has derivative 1 on its closed interval; `where` takes the derivative of the chosen
/// branch; hypot, atan2 and the norm of a vector have derivatives 0 of every order at the origin, and so has xʸ by its exponent at x = 0.
/// Squares of sizes, |x|² and ‖x‖², are smooth and are differentiated as sums of squares. Elsewhere the one-sided limit stands: sqrt has
/// derivative +∞ at 0.
[<Sealed>]
type Real internal (op: Op, a: Real, b: Real, c: Real, value: float, name: string) =

    do Tracing.step ()

    static let leaf = Unchecked.defaultof<Real>
    static let zero = Real(Op.Constant, leaf, leaf, leaf, 0.0, "")
    static let one = Real(Op.Constant, leaf, leaf, leaf, 1.0, "")

    /// What this node computes.
    member _.Op = op

    member internal _.A = a
    member internal _.B = b
    member internal _.C = c
    member internal _.Value = value

    /// Name of a variable, for listings; empty elsewhere.
    member _.Name = name

    /// True when this is a number, known now.
    member _.IsConstant = (op = Op.Constant)

    /// 0
    static member Zero = zero
    /// 1
    static member One = one

    /// A number as a real.
    static member Constant(value: float) =
        if value = 0.0 && not (Double.IsNegative value) then zero
        elif value = 1.0 then one
        else Real(Op.Constant, leaf, leaf, leaf, value, "")

    /// A fresh variable: equal to no other, whatever its name.
    static member Variable(name: string) =
        Real(Op.Variable, leaf, leaf, leaf, 0.0, name)

    static member op_Implicit(value: float) : Real = Real.Constant value

    // No condition that is known enters a graph: it would be a number there, and a mask in vector registers.

    static member internal Unary(op, a: Real) =
        if a.IsConstant then
            Real.Constant(Operation.evaluate op a.Value 0.0 0.0)
        elif op = Op.Not && a.Op = Op.Not then
            a.A
        else
            Real(op, a, leaf, leaf, 0.0, "")

    static member internal Binary(op, a: Real, b: Real) =
        if a.IsConstant && b.IsConstant then
            Real.Constant(Operation.evaluate op a.Value b.Value 0.0)
        else
            match op with
            | Op.And when a.IsConstant -> if a.Is 0.0 then zero else b
            | Op.And when b.IsConstant -> if b.Is 0.0 then zero else a
            | Op.Or when a.IsConstant -> if a.Is 0.0 then b else one
            | Op.Or when b.IsConstant -> if b.Is 0.0 then a else one
            | _ -> Real(op, a, b, leaf, 0.0, "")

    member private x.Is(number: float) = x.IsConstant && x.Value = number

    static member (~-)(x: Real) =
        if x.Op = Op.Neg then x.A else Real.Unary(Op.Neg, x)

    static member (+)(x: Real, y: Real) : Real =
        if x.Is 0.0 then y
        elif y.Is 0.0 then x
        elif y.Op = Op.Neg then Real.Binary(Op.Sub, x, y.A)
        elif x.Op = Op.Neg then Real.Binary(Op.Sub, y, x.A)
        else Real.Binary(Op.Add, x, y)

    static member (-)(x: Real, y: Real) : Real =
        if y.Is 0.0 then x
        elif x.Is 0.0 then -y
        elif y.Op = Op.Neg then Real.Binary(Op.Add, x, y.A)
        else Real.Binary(Op.Sub, x, y)

    static member (*)(x: Real, y: Real) : Real =
        if x.Is 1.0 then
            y
        elif y.Is 1.0 then
            x
        elif x.Is -1.0 then
            -y
        elif y.Is -1.0 then
            -x
        elif x.Op = Op.Neg && y.Op = Op.Neg then
            Real.Binary(Op.Mul, x.A, y.A)
        else
            Real.Binary(Op.Mul, x, y)

    static member (/)(x: Real, y: Real) : Real =
        if y.Is 1.0 then x
        elif y.Is -1.0 then -x
        elif x.Op = Op.Neg then -(x.A / y)
        elif y.Op = Op.Neg then -(x / y.A)
        else Real.Binary(Op.Div, x, y)

    static member (+)(x: float, y: Real) : Real = Real.Constant x + y
    static member (+)(x: Real, y: float) : Real = x + Real.Constant y
    static member (-)(x: float, y: Real) : Real = Real.Constant x - y
    static member (-)(x: Real, y: float) : Real = x - Real.Constant y
    static member (*)(x: float, y: Real) : Real = Real.Constant x * y
    static member (*)(x: Real, y: float) : Real = x * Real.Constant y
    static member (/)(x: float, y: Real) : Real = Real.Constant x / y
    static member (/)(x: Real, y: float) : Real = x / Real.Constant y

    /// xʸ as IEEE 754 pow: x⁰ = 1 for every x, NaN included.
    static member Pow(x: Real, y: Real) : Real =
        if y.Is 0.0 then one
        elif y.Is 1.0 then x
        elif y.Is 2.0 then x * x
        else Real.Binary(Op.Pow, x, y)

    static member Pow(x: Real, y: float) : Real = Real.Pow(x, Real.Constant y)
    /// |x|
    static member Abs(x: Real) = Real.Unary(Op.Abs, x)
    /// −1, 0 or 1.
    static member Signum(x: Real) = Real.Unary(Op.Sign, x)
    /// √x
    static member Sqrt(x: Real) = Real.Unary(Op.Sqrt, x)
    /// eˣ
    static member Exp(x: Real) = Real.Unary(Op.Exp, x)
    /// Natural logarithm.
    static member Log(x: Real) = Real.Unary(Op.Log, x)
    /// ln(1+x), accurate near 0.
    static member Log1p(x: Real) = Real.Unary(Op.Log1p, x)
    /// eˣ−1, accurate near 0.
    static member Expm1(x: Real) = Real.Unary(Op.Expm1, x)
    /// sin x, x in radians
    static member Sin(x: Real) = Real.Unary(Op.Sin, x)
    /// cos x, x in radians
    static member Cos(x: Real) = Real.Unary(Op.Cos, x)
    /// tan x, x in radians
    static member Tan(x: Real) = Real.Unary(Op.Tan, x)
    /// arcsin x, in radians
    static member Asin(x: Real) = Real.Unary(Op.Asin, x)
    /// arccos x, in radians
    static member Acos(x: Real) = Real.Unary(Op.Acos, x)
    /// arctan x, in radians
    static member Atan(x: Real) = Real.Unary(Op.Atan, x)
    /// sinh x
    static member Sinh(x: Real) = Real.Unary(Op.Sinh, x)
    /// cosh x
    static member Cosh(x: Real) = Real.Unary(Op.Cosh, x)
    /// tanh x
    static member Tanh(x: Real) = Real.Unary(Op.Tanh, x)
    /// 1/(1+e⁻ˣ).
    static member Sigmoid(x: Real) = Real.Unary(Op.Sigmoid, x)
    /// ln(1+eˣ).
    static member Softplus(x: Real) = Real.Unary(Op.Softplus, x)
    /// (2/√π)∫₀ˣ e^(−t²) dt.
    static member Erf(x: Real) = Real.Unary(Op.Erf, x)
    /// Angle of the point (x, y), in [−π, π]; gradient 0 at the origin.
    static member Atan2(y: Real, x: Real) = Real.Binary(Op.Atan2, y, x)
    /// √(x²+y²) without overflow; gradient 0 at the origin.
    static member Hypot(x: Real, y: Real) = Real.Binary(Op.Hypot, x, y)
    /// The lesser; NaN if either is. On a tie the derivative is that of the first.
    static member Min(x: Real, y: Real) = Real.Binary(Op.Min, x, y)
    /// The greater; NaN if either is. On a tie the derivative is that of the first.
    static member Max(x: Real, y: Real) = Real.Binary(Op.Max, x, y)

    /// x held to [low, high]; derivative 1 on the closed interval, 0 outside.
    static member Clamp(x: Real, low: Real, high: Real) = Real.Min(Real.Max(x, low), high)

    /// √(x²+α²) − α: quadratic near 0, |x| far away (Tassa, Erez, Todorov 2012).
    static member SmoothAbs(x: Real, alpha: Real) : Real =
        Real.Sqrt(x * x + alpha * alpha) - alpha

    static member op_LessThan(x: Real, y: Real) = Condition(Real.Binary(Op.Less, x, y))

    static member op_LessThanOrEqual(x: Real, y: Real) =
        Condition(Real.Binary(Op.LessEqual, x, y))

    static member op_GreaterThan(x: Real, y: Real) = Condition(Real.Binary(Op.Less, y, x))

    static member op_GreaterThanOrEqual(x: Real, y: Real) =
        Condition(Real.Binary(Op.LessEqual, y, x))

    /// Holds where x = y.
    static member Same(x: Real, y: Real) = Condition(Real.Binary(Op.Equal, x, y))

    /// `yes` where the condition holds, else `no`; derivatives are those of the chosen branch.
    static member Where(condition: Condition, yes: Real, no: Real) : Real =
        let test: Real = condition.Node

        if test.IsConstant then
            (if test.Value <> 0.0 then yes else no)
        elif Object.ReferenceEquals(yes, no) then
            yes
        elif yes.IsConstant && no.IsConstant && yes.Value.Equals no.Value then
            yes
        else
            Real(Op.Where, test, yes, no, 0.0, "")

    override x.ToString() =
        match op with
        | Op.Constant -> value.ToString("R", Globalization.CultureInfo.InvariantCulture)
        | Op.Variable -> (if name = "" then "variable" else name)
        | _ -> $"{op}(…)"

/// A traced truth value, made by comparing reals and used by `where`.
and [<Sealed>] Condition internal (node: Real) =
    member internal _.Node: Real = node

    /// Holds where both do.
    static member (&&&)(x: Condition, y: Condition) =
        Condition(Real.Binary(Op.And, x.Node, y.Node))

    /// Holds where either does.
    static member (|||)(x: Condition, y: Condition) =
        Condition(Real.Binary(Op.Or, x.Node, y.Node))

    /// Holds where x does not.
    static member op_LogicalNot(x: Condition) = Condition(Real.Unary(Op.Not, x.Node))

/// Functions on traced scalars that F# has no operator for. `sin x`, `exp x`, `sqrt x`, `x ** y` and their kind work on reals as they are.
[<RequireQualifiedAccess>]
module Real =

    /// A number as a real.
    let constant (value: float) = Real.Constant value

    /// A fresh variable.
    let variable name = Real.Variable name

    /// n fresh variables name0, name1, …
    let variables (name: string) n =
        Array.init n (fun i -> Real.Variable $"{name}{i}")

    /// ln(1+x), accurate near 0.
    let log1p x = Real.Log1p x

    /// eˣ−1, accurate near 0.
    let expm1 x = Real.Expm1 x

    /// −1, 0 or 1.
    let sign x = Real.Signum x

    /// 1/(1+e⁻ˣ).
    let sigmoid x = Real.Sigmoid x

    /// ln(1+eˣ).
    let softplus x = Real.Softplus x

    /// (2/√π)∫₀ˣ e^(−t²) dt.
    let erf x = Real.Erf x

    /// √(x²+y²); gradient 0 at the origin.
    let hypot x y = Real.Hypot(x, y)

    /// The lesser of two; the first on a tie.
    let min x y = Real.Min(x, y)

    /// The greater of two; the first on a tie.
    let max x y = Real.Max(x, y)

    /// x held to [low, high].
    let clamp (low: Real) (high: Real) x = Real.Clamp(x, low, high)

    /// √(x²+α²) − α.
    let smoothAbs (alpha: float) x = Real.SmoothAbs(x, Real.Constant alpha)

    /// `yes` where the condition holds, else `no`.
    let where condition yes no = Real.Where(condition, yes, no)

/// Comparisons of reals, which give conditions for `Real.where`.
[<AutoOpen>]
module RealComparisons =

    /// Holds where x < y.
    let (.<) (x: Real) (y: Real) = Real.op_LessThan (x, y)

    /// Holds where x ≤ y.
    let (.<=) (x: Real) (y: Real) = Real.op_LessThanOrEqual (x, y)

    /// Holds where x > y.
    let (.>) (x: Real) (y: Real) = Real.op_GreaterThan (x, y)

    /// Holds where x ≥ y.
    let (.>=) (x: Real) (y: Real) = Real.op_GreaterThanOrEqual (x, y)

    /// Holds where x = y.
    let (.=) (x: Real) (y: Real) = Real.Same(x, y)
