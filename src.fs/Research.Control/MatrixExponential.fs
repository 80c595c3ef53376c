namespace Research.Control

open System
open MathNet.Numerics.LinearAlgebra

/// The exponential of a matrix, by the diagonal Padé approximant of degree 13 with scaling and squaring. Source: Higham, The scaling and
/// squaring method for the matrix exponential revisited (2005).
[<RequireQualifiedAccess>]
module MatrixExponential =

    /// numerator of the approximant; the denominator has the same numbers with alternating signs
    let private pade =
        [|
            64764752532480000.0
            32382376266240000.0
            7771770303897600.0
            1187353796428800.0
            129060195264000.0
            10559470521600.0
            670442572800.0
            33522128640.0
            1323241920.0
            40840800.0
            960960.0
            16380.0
            182.0
            1.0
        |]

    /// largest 1-norm at which the approximant is as good as double precision
    let private reach = 5.371920351148152

    let internal ofMatrix (a: Matrix<float>) : Matrix<float> =
        let norm = a.L1Norm()

        let squarings =
            if norm > reach then
                int (ceil (Math.Log2(norm / reach)))
            else
                0

        let a = a * Math.ScaleB(1.0, -squarings)
        let identity = Matrix<float>.Build.DenseIdentity a.RowCount
        let a2 = a * a
        let a4 = a2 * a2
        let a6 = a2 * a4

        // Σ c[first + 2i] a²ⁱ, with three products
        let polynomial first =
            let c i = pade[first + 2 * i]

            a6 * (a6 * c 6 + a4 * c 5 + a2 * c 4)
            + a6 * c 3
            + a4 * c 2
            + a2 * c 1
            + identity * c 0

        let even = polynomial 0
        let odd = a * polynomial 1
        let mutable result = (even - odd).Solve(even + odd)

        for _ in 1..squarings do
            result <- result * result

        result

    /// e^a. a:[n,n] → [n,n]. An exception where a is not square or holds a number that is not finite.
    let compute (a: float[,]) : float[,] =
        if Array2D.length1 a <> Array2D.length2 a || a.Length = 0 then
            invalidArg
                (nameof a)
                $"the exponential needs a square matrix, and got {Array2D.length1 a}×{Array2D.length2 a}"

        if a |> Seq.cast<float> |> Seq.exists (Double.IsFinite >> not) then
            invalidArg (nameof a) "the exponential of a matrix with a number that is not finite was asked for"

        (ofMatrix (Matrix<float>.Build.DenseOfArray a)).ToArray()
