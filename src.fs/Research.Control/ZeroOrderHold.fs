namespace Research.Control

open System
open MathNet.Numerics.LinearAlgebra

/// Exact discretisation of linear models whose control is held over every step. Source: Van Loan, Computing integrals involving the matrix
/// exponential (1978).
///
/// Both e^(Mh) and ∫₀ʰ e^(Mᵀs) W e^(Ms) ds are read from the exponential of the block matrix [−Mᵀ W; 0 M]. That is done for a part of the
/// step, so short that e^(−Mᵀs) is harmless, and the part is then doubled: S(2t) = S(t) + e^(Mᵀt) S(t) e^(Mt).
[<RequireQualifiedAccess>]
module ZeroOrderHold =

    let private matrix (a: float[,]) = Matrix<float>.Build.DenseOfArray a

    let private need (h: float) (parts: (string * float[,] * (int * int)) list) =
        if not (h > 0.0 && Double.IsFinite h) then
            invalidArg (nameof h) $"a step must last a positive time, and got {h}"

        for name, value, (rows, columns) in parts do
            if Array2D.length1 value <> rows || Array2D.length2 value <> columns then
                invalidArg
                    name
                    $"{name} is {Array2D.length1 value}×{Array2D.length2 value}; it must be {rows}×{columns}"

            if value |> Seq.cast<float> |> Seq.exists (Double.IsFinite >> not) then
                invalidArg name $"{name} holds a number that is not finite"

    /// e^(Mh) and ∫₀ʰ e^(Mᵀs) W e^(Ms) ds.
    let private integrate (h: float) (m: Matrix<float>) (w: Matrix<float>) =
        let n = m.RowCount
        let norm = h * m.L1Norm()
        let doublings = if norm > 0.5 then int (ceil (Math.Log2(2.0 * norm))) else 0
        let block = Matrix<float>.Build.Dense(2 * n, 2 * n)
        block.SetSubMatrix(0, 0, -m.Transpose())
        block.SetSubMatrix(0, n, w)
        block.SetSubMatrix(n, n, m)
        let part = MatrixExponential.ofMatrix (block * Math.ScaleB(h, -doublings))
        let mutable flow = part.SubMatrix(n, n, n, n)
        let mutable sum = flow.Transpose() * part.SubMatrix(0, n, n, n)

        for _ in 1..doublings do
            sum <- sum + flow.Transpose() * sum * flow
            flow <- flow * flow

        flow, (sum + sum.Transpose()) * 0.5

    /// A and B of x' = A x + B u, the state after a time h of ẋ = a x + b u. a:[n,n] b:[n,m]. An exception where sizes do not agree.
    let model (h: float) (a: float[,]) (b: float[,]) : float[,] * float[,] =
        let n, m = Array2D.length1 a, Array2D.length2 b
        need h [ "a", a, (n, n); "b", b, (n, m) ]
        let rate = Matrix<float>.Build.Dense(n + m, n + m)
        rate.SetSubMatrix(0, 0, matrix a)
        rate.SetSubMatrix(0, n, matrix b)
        let flow = MatrixExponential.ofMatrix (rate * h)

        if not (Riccati.isFinite flow) then
            invalidArg (nameof h) $"within a step of {h} s the state grows beyond all numbers: take a shorter one"

        flow.SubMatrix(0, n, 0, n).ToArray(), flow.SubMatrix(0, n, n, m).ToArray()

    /// The step of a linear-quadratic problem in continuous time, which `rates` gives as ẋ = A x + B u + c at the cost
    /// ½xᵀQx + ½uᵀRu + xᵀNu + qᵀx + rᵀu a second: the next state after a time h, and the integral of the cost along the way, save what c
    /// alone costs, which no law changes. For `Lqr` and `Dare`. An exception where sizes do not agree.
    let step (h: float) (rates: LqrStep) : LqrStep =
        let n, m = rates.C.Length, rates.RLinear.Length

        let column (x: float[]) =
            Array2D.init x.Length 1 (fun i _ -> x[i])

        let c, q, r = column rates.C, column rates.QLinear, column rates.RLinear

        need
            h
            [
                "A", rates.A, (n, n)
                "B", rates.B, (n, m)
                "Q", rates.Q, (n, n)
                "R", rates.R, (m, m)
                "N", rates.N, (n, m)
                "c", c, (n, 1)
                "q", q, (n, 1)
                "r", r, (m, 1)
            ]

        // of [x; u; 1], of which only x moves
        let size = n + m + 1
        let rate = Matrix<float>.Build.Dense(size, size)
        rate.SetSubMatrix(0, 0, matrix rates.A)
        rate.SetSubMatrix(0, n, matrix rates.B)
        rate.SetSubMatrix(0, n + m, matrix c)
        let weight = Matrix<float>.Build.Dense(size, size)
        weight.SetSubMatrix(0, 0, matrix rates.Q)
        weight.SetSubMatrix(n, n, matrix rates.R)
        weight.SetSubMatrix(0, n, matrix rates.N)
        weight.SetSubMatrix(n, 0, (matrix rates.N).Transpose())
        weight.SetSubMatrix(0, n + m, matrix q)
        weight.SetSubMatrix(n + m, 0, (matrix q).Transpose())
        weight.SetSubMatrix(n, n + m, matrix r)
        weight.SetSubMatrix(n + m, n, (matrix r).Transpose())
        let flow, sum = integrate h rate weight

        let part (a: Matrix<float>) i rows j columns =
            a.SubMatrix(i, rows, j, columns).ToArray()

        {
            A = part flow 0 n 0 n
            B = part flow 0 n n m
            C = (flow.Column(n + m, 0, n)).ToArray()
            Q = part sum 0 n 0 n
            R = part sum n m n m
            N = part sum 0 n n m
            QLinear = (sum.Column(n + m, 0, n)).ToArray()
            RLinear = (sum.Column(n + m, n, m)).ToArray()
        }

    /// Covariance ∫₀ʰ e^(as) w e^(aᵀs) ds that white noise of intensity w gives the state of ẋ = a x over a time h. a:[n,n] w:[n,n] → [n,n].
    /// An exception where sizes do not agree.
    let noise (h: float) (a: float[,]) (w: float[,]) : float[,] =
        let n = Array2D.length1 a
        need h [ "a", a, (n, n); "w", w, (n, n) ]
        let _, sum = integrate h ((matrix a).Transpose()) (matrix w)
        sum.ToArray()
