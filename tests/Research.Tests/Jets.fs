/// Taylor series to the third order along a line, in numbers of 31 digits, with a bound of the error that plain precision makes of each
/// coefficient: an evaluation of values and derivatives that is independent of graphs, rules and compiled code.
namespace Research.Tests

open System

/// f(x + t d) = Σₖ Coefficients[k] tᵏ. `Errors[k]` bounds, to first order, what rounding makes of a coefficient, in units of the rounding of one
/// operation. `IsExact`: plain precision has the value without error; `IsExactSingle`: so has single precision.
type Jet =
    {
        Coefficients: DoubleDouble[]
        Errors: float[]
        IsExact: bool
        IsExactSingle: bool
    }

    member jet.Value = jet.Coefficients[0]
    member jet.Number = jet.Coefficients[0].High

[<RequireQualifiedAccess>]
module Jet =

    let orders = 4
    let private size (x: DoubleDouble) = Math.Abs x.High

    /// Marks a value as exact that is made of exact ones and that needs no rounding.
    let private exactness (arguments: Jet list) (value: DoubleDouble) =
        let isPlain = value.IsPlain && not (Double.IsNaN value.High)

        struct (isPlain && List.forall _.IsExact arguments,
                isPlain
                && float (float32 value.High) = value.High
                && List.forall _.IsExactSingle arguments)

    let private create arguments coefficients errors =
        let struct (isExact, isExactSingle) = exactness arguments (Array.head coefficients)

        {
            Coefficients = coefficients
            Errors = errors
            IsExact = isExact
            IsExactSingle = isExactSingle
        }

    let constant (value: float) =
        create
            []
            (Array.init orders (fun k ->
                if k = 0 then
                    DoubleDouble.ofFloat value
                else
                    DoubleDouble.zero))
            (Array.zeroCreate orders)

    let private constantOf (value: DoubleDouble) =
        { constant value.High with
            Coefficients = Array.init orders (fun k -> if k = 0 then value else DoubleDouble.zero)
            Errors = Array.init orders (fun k -> if k = 0 && not value.IsPlain then size value else 0.0)
        }

    /// The point x on a line of direction d.
    let variable (x: float) (d: float) =
        let jet = constant x
        jet.Coefficients[1] <- DoubleDouble.ofFloat d
        jet

    let neg (a: Jet) =
        { a with
            Coefficients = Array.map (~-) a.Coefficients
        }

    let add (a: Jet) (b: Jet) =
        let sum = Array.map2 (+) a.Coefficients b.Coefficients
        let jet = create [ a; b ] sum (Array.map2 (+) a.Errors b.Errors)

        for k in 0 .. orders - 1 do
            if k > 0 || not jet.IsExact then
                jet.Errors[k] <- jet.Errors[k] + size a.Coefficients[k] + size b.Coefficients[k]

        jet

    let sub a b = add a (neg b)

    let mul (a: Jet) (b: Jet) =
        let values, errors = Array.create orders DoubleDouble.zero, Array.zeroCreate orders

        for k in 0 .. orders - 1 do
            for i in 0..k do
                let x, y = a.Coefficients[i], b.Coefficients[k - i]
                values[k] <- values[k] + x * y

                errors[k] <-
                    errors[k]
                    + a.Errors[i] * size y
                    + b.Errors[k - i] * size x
                    + (if k = 0 && x.IsPlain && y.IsPlain && (x * y).IsPlain then
                           0.0
                       else
                           size (x * y))

        create [ a; b ] values errors

    let div (a: Jet) (b: Jet) =
        let values, errors = Array.create orders DoubleDouble.zero, Array.zeroCreate orders
        let first = b.Coefficients[0]

        for k in 0 .. orders - 1 do
            let mutable rest = a.Coefficients[k]
            let mutable error = a.Errors[k] + size rest

            for i in 1..k do
                let x, y = values[k - i], b.Coefficients[i]
                rest <- rest - x * y
                error <- error + 2.0 * size (x * y) + errors[k - i] * size y + b.Errors[i] * size x

            values[k] <- rest / first
            errors[k] <- (error + size values[k] * b.Errors[0]) / size first + size values[k]

        create [ a; b ] values errors

    /// A function of value and derivative, c' = d a', where the derivative is known as a series.
    let private along (value: DoubleDouble) (d: Jet) (a: Jet) =
        let values, errors = Array.create orders DoubleDouble.zero, Array.zeroCreate orders
        values[0] <- value
        errors[0] <- size d.Coefficients[0] * a.Errors[0] + 4.0 * size value

        for k in 1 .. orders - 1 do
            for j in 1..k do
                let share = float j / float k
                let x, y = a.Coefficients[j], d.Coefficients[k - j]
                values[k] <- values[k] + x * y * DoubleDouble.ofFloat share

                errors[k] <-
                    errors[k]
                    + share * (4.0 * size (x * y) + a.Errors[j] * size y + d.Errors[k - j] * size x)

        struct (values, errors)

    let private compose (value: DoubleDouble) (d: Jet) (a: Jet) =
        let struct (values, errors) = along value d a
        create [ a ] values errors

    /// A pair of functions that are each other's derivative, but for a sign: y' = z a', z' = sign y a'.
    let private pair (sign: float) (y: DoubleDouble) (z: DoubleDouble) (a: Jet) =
        let make (value: DoubleDouble) =
            create
                [ a ]
                (Array.init orders (fun k -> if k = 0 then value else DoubleDouble.zero))
                (Array.zeroCreate orders)

        let first, second = make y, make z
        first.Errors[0] <- 4.0 * size y + size z * a.Errors[0]
        second.Errors[0] <- 4.0 * size z + size y * a.Errors[0]

        for k in 1 .. orders - 1 do
            for j in 1..k do
                let share = float j / float k

                let grow (target: Jet) (source: Jet) (sign: float) =
                    let x, w = a.Coefficients[j], source.Coefficients[k - j]
                    target.Coefficients[k] <- target.Coefficients[k] + x * w * DoubleDouble.ofFloat (share * sign)

                    target.Errors[k] <-
                        target.Errors[k]
                        + share
                          * (4.0 * size (x * w) + a.Errors[j] * size w + source.Errors[k - j] * size x)

                grow first second 1.0
                grow second first sign

        struct (first, second)

    let one = constant 1.0
    let private times (factor: float) (a: Jet) = mul (constant factor) a
    let private square a = mul a a

    let sinCos (a: Jet) =
        let struct (s, c) = DoubleDouble.sinCos a.Value
        pair -1.0 s c a

    let exp (a: Jet) =
        let value = DoubleDouble.exp a.Value
        let struct (e, _) = pair 1.0 value value a
        e

    let expm1 (a: Jet) =
        compose (DoubleDouble.expm1 a.Value) (exp a) a

    let sinhCosh (a: Jet) =
        pair 1.0 (DoubleDouble.sinh a.Value) (DoubleDouble.cosh a.Value) a

    let sqrt (a: Jet) =
        // y² = a, coefficient by coefficient
        let value = DoubleDouble.sqrt a.Value
        let values, errors = Array.create orders DoubleDouble.zero, Array.zeroCreate orders
        values[0] <- value
        let twice = value * 2.0

        errors[0] <-
            (if a.IsExact && value.IsPlain && (value * value).Equals a.Value then
                 0.0
             else
                 size value + a.Errors[0] / size twice)

        for k in 1 .. orders - 1 do
            let mutable rest = a.Coefficients[k]
            let mutable error = a.Errors[k] + size rest

            for i in 1 .. k - 1 do
                rest <- rest - values[i] * values[k - i]

                error <-
                    error
                    + 2.0 * size (values[i] * values[k - i])
                    + 2.0 * errors[i] * size values[k - i]

            values[k] <- rest / twice
            errors[k] <- (error + 2.0 * size values[k] * errors[0]) / size twice + 2.0 * size values[k]

        create [ a ] values errors

    let private hyperbolicRatio (a: Jet) =
        let struct (s, c) = sinhCosh a
        div s c

    /// 1/(1 + e⁻ᵃ), with all its derivatives from the side where nothing cancels.
    let private sigmoidAndDensity (a: Jet) =
        let e = exp (if a.Number >= 0.0 then neg a else a)
        let down = add one e
        let sigmoid = div (if a.Number >= 0.0 then one else e) down
        struct (sigmoid, div e (square down))

    /// What an operation makes of one argument.
    let unary (op: Research.Op) (a: Jet) : Jet =
        match op with
        | Research.Op.Neg -> neg a
        | Research.Op.Abs ->
            if Double.IsNaN a.Number then a
            elif a.Number > 0.0 then a
            elif a.Number < 0.0 then neg a
            else constant 0.0
        | Research.Op.Sign ->
            constant (
                if Double.IsNaN a.Number then
                    nan
                else
                    float (Math.Sign a.Number)
            )
        | Research.Op.Sqrt -> sqrt a
        | Research.Op.Exp -> exp a
        | Research.Op.Log -> compose (DoubleDouble.log a.Value) (div one a) a
        | Research.Op.Log1p -> compose (DoubleDouble.log1p a.Value) (div one (add one a)) a
        | Research.Op.Expm1 -> expm1 a
        | Research.Op.Sin ->
            let struct (s, _) = sinCos a
            s
        | Research.Op.Cos ->
            let struct (_, c) = sinCos a
            c
        | Research.Op.Tan ->
            let struct (s, c) = sinCos a
            let value = div s c
            // by the series of the derivative, 1/cos²
            compose value.Value (div one (square c)) a
        | Research.Op.Asin -> compose (DoubleDouble.asin a.Value) (div one (sqrt (sub one (square a)))) a
        | Research.Op.Acos -> compose (DoubleDouble.acos a.Value) (div (constant -1.0) (sqrt (sub one (square a)))) a
        | Research.Op.Atan -> compose (DoubleDouble.atan a.Value) (div one (add one (square a))) a
        | Research.Op.Sinh ->
            let struct (s, _) = sinhCosh a
            s
        | Research.Op.Cosh ->
            let struct (_, c) = sinhCosh a
            c
        | Research.Op.Tanh ->
            let struct (_, density) = sigmoidAndDensity (times 2.0 a)
            compose (DoubleDouble.tanh a.Value) (times 4.0 density) a
        | Research.Op.Sigmoid ->
            let struct (sigmoid, density) = sigmoidAndDensity a
            compose sigmoid.Value density a
        | Research.Op.Softplus ->
            let struct (sigmoid, density) = sigmoidAndDensity a
            let e = DoubleDouble.exp (-(DoubleDouble.abs a.Value))
            let value = DoubleDouble.log1p e
            let value = if a.Number > 0.0 then a.Value + value else value
            compose value (compose sigmoid.Value density a) a
        | Research.Op.Erf ->
            let slope = exp (neg (square a))
            let factor = DoubleDouble.ofFloat 2.0 / DoubleDouble.sqrt DoubleDouble.pi
            compose (DoubleDouble.erf a.Value) (mul (constantOf factor) slope) a
        | _ -> failwith $"{op} takes no single argument"

    /// aᵇ by the exponent of a product; the base above 0.
    let private powerOfPositive (a: Jet) (b: Jet) = exp (mul b (unary Research.Op.Log a))

    /// aᵇ where the exponent is a number that does not change, for whatever base.
    let private powerOfConstant (a: Jet) (b: float) =
        let value (exponent: float) =
            if exponent = 0.0 then
                DoubleDouble.one
            elif exponent = Math.Round exponent && Math.Abs exponent <= 64.0 then
                let mutable product = DoubleDouble.one

                for _ in 1 .. int (Math.Abs exponent) do
                    product <- product * a.Value

                if exponent > 0.0 then
                    product
                else
                    DoubleDouble.one / product
            elif a.Number > 0.0 then
                DoubleDouble.exp (DoubleDouble.ofFloat exponent * DoubleDouble.log a.Value)
            else
                DoubleDouble.ofFloat (Math.Pow(a.Number, exponent))

        // f, f', f'', f''' and f'''' at the value of the base
        let derivatives = Array.create 5 DoubleDouble.zero
        let mutable factor = DoubleDouble.one

        for k in 0..4 do
            derivatives[k] <-
                if factor.High = 0.0 then
                    DoubleDouble.zero
                else
                    factor * value (b - float k)

            factor <- factor * DoubleDouble.ofFloat (b - float k)

        let delta =
            { a with
                Coefficients = Array.mapi (fun k c -> if k = 0 then DoubleDouble.zero else c) a.Coefficients
            }

        let delta =
            { delta with
                Errors = Array.mapi (fun k e -> if k = 0 then 0.0 else e) a.Errors
            }

        let coefficient k =
            let scale = [| 1.0; 1.0; 2.0; 6.0 |]
            let value = derivatives[k] / DoubleDouble.ofFloat scale[k]
            let error = 8.0 * size value + a.Errors[0] * size derivatives[k + 1] / scale[k]
            let jet = constantOf value

            jet.Errors[0] <-
                (if b = Math.Round b && a.IsExact && value.IsPlain then
                     0.0
                 else
                     error)

            jet

        let series =
            Seq.foldBack (fun k sum -> add (coefficient k) (mul sum delta)) (seq { 0..2 }) (coefficient 3)

        create [ a ] series.Coefficients series.Errors
        |> fun jet ->
            { jet with
                IsExact = jet.IsExact && b = Math.Round b
                IsExactSingle = jet.IsExactSingle && b = Math.Round b
            }

    let private nothing = constant nan

    /// aᵇ by the convention of the library, where the exponent may change or not; derivatives are NaN where only the value has a meaning.
    let pow (a: Jet) (b: Jet) (mayChange: bool) =
        if not mayChange && b.IsExact && not (Double.IsNaN a.Number) then
            powerOfConstant a b.Number
        elif a.Number > 0.0 && not (Double.IsNaN b.Number) then
            powerOfPositive a b
        elif a.Number = 0.0 && b.Number > 3.5 then
            constant 0.0
        else
            let jet =
                { constant (Math.Pow(a.Number, b.Number)) with
                    IsExact = false
                    IsExactSingle = false
                }

            jet.Errors[0] <- infinity
            Array.fill jet.Coefficients 1 (orders - 1) (DoubleDouble.ofFloat nan)
            jet

    /// The length of a vector: 0 with all its derivatives at the origin.
    let norm (parts: Jet list) =
        if parts |> List.forall (fun part -> part.Number = 0.0) then
            constant 0.0
        else
            { sqrt (parts |> List.map square |> List.reduce add) with
                IsExact = false
                IsExactSingle = false
            }

    let atan2 (y: Jet) (x: Jet) =
        if y.Number = 0.0 && x.Number = 0.0 then
            constant (Math.Atan2(y.Number, x.Number))
        else
            let squares = add (square x) (square y)

            let struct (byY, errorsByY) =
                along (DoubleDouble.atan2 y.Value x.Value) (div x squares) y

            let struct (byX, errorsByX) = along DoubleDouble.zero (neg (div y squares)) x
            create [ y; x ] (Array.map2 (+) byY byX) (Array.map2 (+) errorsByY errorsByX)
