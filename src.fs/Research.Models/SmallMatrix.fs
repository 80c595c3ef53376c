namespace Research.Models

open System
open System.Runtime.InteropServices
open Research.Kernels

/// Arithmetic of small dense matrices, for the plumbing of moments. Sizes that do not agree are exceptions.
[<RequireQualifiedAccess>]
module internal SmallMatrix =

    /// The numbers of a matrix, row by row, in place.
    let span (a: float[,]) : Span<float> =
        if a.Length = 0 then
            Span<float>()
        else
            MemoryMarshal.CreateSpan(&a[0, 0], a.Length)

    let rows (a: float[,]) = a.GetLength 0
    let columns (a: float[,]) = a.GetLength 1

    /// c ← c + s·a·b, or s·aᵀ·b.
    let addProduct (c: float[,]) (isTransposed: bool) (s: float) (a: float[,]) (b: float[,]) : unit =
        let inner = if isTransposed then rows a else columns a

        if inner <> rows b then
            invalidArg (nameof b) $"a product needs inner sizes that agree, and got {inner} and {rows b}"

        Matrix.AddProduct(
            span c,
            Span.op_Implicit (span a),
            Span.op_Implicit (span b),
            rows c,
            inner,
            columns c,
            isTransposed,
            s
        )

    /// a b.
    let mul (a: float[,]) (b: float[,]) : float[,] =
        let c = Array2D.zeroCreate (rows a) (columns b)
        addProduct c false 1.0 a b
        c

    /// aᵀ b.
    let mulTransposed (a: float[,]) (b: float[,]) : float[,] =
        let c = Array2D.zeroCreate (columns a) (columns b)
        addProduct c true 1.0 a b
        c

    let transpose (a: float[,]) : float[,] =
        Array2D.init (columns a) (rows a) (fun i j -> a[j, i])

    let mulVec (a: float[,]) (x: float[]) : float[] =
        let y = Array.zeroCreate (rows a)

        for i in 0 .. y.Length - 1 do
            let mutable sum = 0.0

            for j in 0 .. x.Length - 1 do
                sum <- sum + a[i, j] * x[j]

            y[i] <- sum

        y

    let dot (a: float[]) (b: float[]) : float =
        let mutable sum = 0.0

        for i in 0 .. a.Length - 1 do
            sum <- sum + a[i] * b[i]

        sum

    /// target ← target + s·source.
    let add (target: float[,]) (s: float) (source: float[,]) : unit =
        let t = span target
        let a = span source

        for i in 0 .. t.Length - 1 do
            t[i] <- t[i] + s * a[i]

    /// target ← target + s·source.
    let addVec (target: float[]) (s: float) (source: float[]) : unit =
        for i in 0 .. target.Length - 1 do
            target[i] <- target[i] + s * source[i]

    /// target ← target + s·a bᵀ.
    let addOuter (target: float[,]) (s: float) (a: float[]) (b: float[]) : unit =
        for i in 0 .. a.Length - 1 do
            for j in 0 .. b.Length - 1 do
                target[i, j] <- target[i, j] + s * a[i] * b[j]

    /// a ← (a + aᵀ)/2.
    let symmetrise (a: float[,]) : unit =
        for i in 1 .. rows a - 1 do
            for j in 0 .. i - 1 do
                let mean = 0.5 * (a[i, j] + a[j, i])
                a[i, j] <- mean
                a[j, i] <- mean

    /// rows and columns scaled: diag(s) a diag(t).
    let scaled (s: float[]) (a: float[,]) (t: float[]) : float[,] =
        let b = Array2D.zeroCreate (rows a) (columns a)

        for i in 0 .. rows a - 1 do
            for j in 0 .. columns a - 1 do
                b[i, j] <- s[i] * a[i, j] * t[j]

        b

    /// a⁻¹ and ln|a| of a symmetric positive definite matrix; NaN throughout where it is not.
    let inverse (a: float[,]) : struct (float[,] * float) =
        let n = rows a
        let l = Array2D.copy a

        if Matrix.Cholesky(span l, n) then
            let mutable logDeterminant = 0.0

            for i in 0 .. n - 1 do
                logDeterminant <- logDeterminant + 2.0 * log l[i, i]

            let result = Array2D.zeroCreate n n
            Matrix.InverseOfFactor(Span.op_Implicit (span l), n).AsSpan().CopyTo(span result)
            struct (result, logDeterminant)
        else
            struct (Array2D.create n n nan, nan)
