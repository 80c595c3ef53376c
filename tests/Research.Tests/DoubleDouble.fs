/// Numbers of about 31 digits, as unevaluated sums of two (Dekker 1971; Hida, Li, Bailey 2001), and elementary functions of them: a reference
/// that shares no formula with the library.
namespace Research.Tests

open System

[<Struct; CustomEquality; NoComparison>]
type DoubleDouble(high: float, low: float) =

    member _.High = high
    member _.Low = low

    /// The nearest number of plain precision.
    member _.Float = high

    /// Whether plain precision holds it.
    member _.IsPlain = (low = 0.0)

    static member inline private Quick(a: float, b: float) =
        let s = a + b

        if Double.IsFinite s then
            DoubleDouble(s, b - (s - a))
        else
            DoubleDouble(s, 0.0)

    static member inline private Sum(a: float, b: float) =
        let s = a + b
        let v = s - a
        struct (s, (a - (s - v)) + (b - v))

    static member (+)(x: DoubleDouble, y: DoubleDouble) =
        let struct (s, e) = DoubleDouble.Sum(x.High, y.High)

        if Double.IsFinite s then
            let struct (t, f) = DoubleDouble.Sum(x.Low, y.Low)
            let r = DoubleDouble.Quick(s, e + t)
            DoubleDouble.Quick(r.High, r.Low + f)
        else
            DoubleDouble(s, 0.0)

    static member (~-)(x: DoubleDouble) = DoubleDouble(-x.High, -x.Low)
    static member (-)(x: DoubleDouble, y: DoubleDouble) = x + (-y)

    static member (*)(x: DoubleDouble, y: DoubleDouble) =
        let p = x.High * y.High

        if Double.IsFinite p then
            DoubleDouble.Quick(p, Math.FusedMultiplyAdd(x.High, y.High, -p) + (x.High * y.Low + x.Low * y.High))
        else
            DoubleDouble(p, 0.0)

    static member (*)(x: DoubleDouble, y: float) = x * DoubleDouble(y, 0.0)

    static member (/)(x: DoubleDouble, y: DoubleDouble) =
        let q1 = x.High / y.High

        if Double.IsFinite q1 && Double.IsFinite y.High then
            let r1 = x - y * q1
            let q2 = r1.High / y.High
            let r2 = r1 - y * q2
            let q3 = r2.High / y.High
            DoubleDouble.Quick(q1, q2) + DoubleDouble(q3, 0.0)
        else
            DoubleDouble(q1, 0.0)

    override x.Equals(other: obj) =
        match other with
        | :? DoubleDouble as y -> x.High = y.High && x.Low = y.Low
        | _ -> false

    override x.GetHashCode() = hash struct (x.High, x.Low)
    override x.ToString() = $"{x.High:R} + {x.Low:R}"

[<RequireQualifiedAccess>]
module DoubleDouble =

    let ofFloat (x: float) = DoubleDouble(x, 0.0)
    let zero = ofFloat 0.0
    let one = ofFloat 1.0
    let half = ofFloat 0.5
    let pi = DoubleDouble(Math.PI, 1.2246467991473532e-16)
    let private halfPi = DoubleDouble(Math.PI / 2.0, 6.123233995736766e-17)
    /// ln 2
    let private log2 = DoubleDouble(0.6931471805599453, 2.3190468138462996e-17)

    let isLess (x: DoubleDouble) (y: DoubleDouble) =
        x.High < y.High || x.High = y.High && x.Low < y.Low

    let abs (x: DoubleDouble) = if x.High < 0.0 then -x else x

    let private scale (x: DoubleDouble) (power: int) =
        DoubleDouble(Math.ScaleB(x.High, power), Math.ScaleB(x.Low, power))

    let sqrt (x: DoubleDouble) =
        let y = Math.Sqrt x.High

        if y = 0.0 || not (Double.IsFinite y) then
            ofFloat y
        else
            let y = ofFloat y
            y + (x - y * y) / (y * 2.0)

    /// 1/k!
    let private inverseFactorials =
        let mutable factorial = one

        Array.init 28 (fun k ->
            if k > 0 then
                factorial <- factorial * float k

            one / factorial)

    /// eˣ − 1 where |x| is small, by its series.
    let private smallExpm1 (x: DoubleDouble) terms =
        let mutable sum = inverseFactorials[terms]

        for k in terms - 1 .. -1 .. 1 do
            sum <- sum * x + inverseFactorials[k]

        sum * x

    let expm1 (x: DoubleDouble) =
        if not (Math.Abs x.High <= 700.0) then
            ofFloat (Math.Exp x.High - 1.0)
        else
            let k = Math.Round(x.High / log2.High)
            let r = x - log2 * k
            // |r| <= ln 2 / 2, an eighth of that after halving thrice
            let mutable e = smallExpm1 (scale r -3) 16

            for _ in 1..3 do
                e <- e * e + e * 2.0

            if k = 0.0 then
                e
            else
                scale e (int k) + ofFloat (Math.ScaleB(1.0, int k)) - one

    let exp (x: DoubleDouble) =
        if not (Math.Abs x.High <= 700.0) then
            ofFloat (Math.Exp x.High)
        else
            let k = Math.Round(x.High / log2.High)
            let mutable e = smallExpm1 (scale (x - log2 * k) -3) 16

            for _ in 1..3 do
                e <- e * e + e * 2.0

            scale (e + one) (int k)

    let log (x: DoubleDouble) =
        if not (x.High > 0.0) || Double.IsInfinity x.High then
            ofFloat (Math.Log x.High)
        else
            let y = ofFloat (Math.Log x.High)
            let y = y + (x * exp (-y) - one)
            y + (x * exp (-y) - one)

    let log1p (x: DoubleDouble) =
        if not (x.High > -1.0) || Math.Abs x.High > 0.1 then
            log (one + x)
        else
            let better (y: DoubleDouble) = y - (expm1 y - x) / exp y
            let u = 1.0 + x.High

            let first =
                if u = 1.0 then
                    x.High
                else
                    Math.Log u * (x.High / (u - 1.0))

            better (better (ofFloat first))

    /// sin and cos where |x| <= π/4.
    let private smallSinCos (x: DoubleDouble) =
        let square = x * x
        let mutable s = inverseFactorials[27]
        let mutable c = inverseFactorials[26]

        for k in 12..-1..0 do
            s <- inverseFactorials[2 * k + 1] - s * square
            c <- inverseFactorials[2 * k] - c * square

        struct (s * x, c)

    let sinCos (x: DoubleDouble) : struct (DoubleDouble * DoubleDouble) =
        if not (Math.Abs x.High < 1e9) then
            struct (ofFloat nan, ofFloat nan)
        else
            let k = Math.Round(x.High / halfPi.High)
            // the third part of π/2
            let r = x - halfPi * k + ofFloat (1.4973849048591833e-33 * k)
            let struct (s, c) = smallSinCos r

            match int64 k &&& 3L with
            | 0L -> struct (s, c)
            | 1L -> struct (c, -s)
            | 2L -> struct (-s, -c)
            | _ -> struct (-c, s)

    /// The angle of (x, y), not both 0.
    let atan2 (y: DoubleDouble) (x: DoubleDouble) =
        let angle = Math.Atan2(y.High, x.High)

        if
            not (Double.IsFinite angle)
            || Double.IsInfinity x.High
            || Double.IsInfinity y.High
        then
            ofFloat angle
        else
            // one step of Newton in the frame turned by the angle of plain precision
            let struct (s, c) = sinCos (ofFloat angle)
            let across, along = y * c - x * s, x * c + y * s
            let small = across / along
            ofFloat angle + small - small * small * small * (one / ofFloat 3.0)

    let atan x = atan2 x one

    let asin (x: DoubleDouble) =
        if Math.Abs x.High > 1.0 then
            ofFloat nan
        else
            atan2 x (sqrt ((one - x) * (one + x)))

    let acos (x: DoubleDouble) =
        if Math.Abs x.High > 1.0 then
            ofFloat nan
        else
            atan2 (sqrt ((one - x) * (one + x))) x

    let sinh (x: DoubleDouble) =
        if Math.Abs x.High > 1.0 then
            (exp x - exp (-x)) * half
        else
            let e = expm1 x
            (e + e / (e + one)) * half

    let cosh (x: DoubleDouble) = (exp x + exp (-x)) * half

    let tanh (x: DoubleDouble) =
        if Math.Abs x.High > 40.0 then
            ofFloat (float (Math.Sign x.High))
        else
            let e = expm1 (x * 2.0)
            e / (e + ofFloat 2.0)

    let private oneOverRootPi = one / sqrt pi

    let erf (x: DoubleDouble) =
        if Double.IsNaN x.High then
            x
        elif Math.Abs x.High > 9.0 then
            ofFloat (float (Math.Sign x.High))
        elif Math.Abs x.High < 3.5 then
            // 2/√π e^(−x²) Σ 2ᵏ x^(2k+1) / (2k+1)!!: all terms of one sign
            let square = x * x
            let mutable term = x
            let mutable sum = x
            let mutable k = 1

            while Math.Abs term.High > 1e-33 * Math.Abs sum.High do
                term <- term * square * 2.0 / ofFloat (float (2 * k + 1))
                sum <- sum + term
                k <- k + 1

            sum * exp (-square) * oneOverRootPi * 2.0
        else
            // the continued fraction of erfc
            let a = abs x
            let mutable f = a

            for k in 120..-1..1 do
                f <- a + ofFloat (float k / 2.0) / f

            let tail = exp (-(a * a)) * oneOverRootPi / f
            let value = one - tail
            if x.High < 0.0 then -value else value
