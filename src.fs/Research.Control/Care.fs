namespace Research.Control

open System
open MathNet.Numerics.LinearAlgebra

/// What an infinite-horizon regulator in continuous time is.
type CareSolution =
    {
        /// P of the value function ½xᵀPx, stabilising, [n,n]
        P: float[,]
        /// gain of u = −K x, [m,n]
        K: float[,]
        /// largest real part of an eigenvalue of A − BK, 1/s
        SpectralAbscissa: float
        /// size of the residual of the balanced equation, relative to the sizes of its terms
        Residual: float
        Iterations: int
    }

/// Why there is no infinite-horizon regulator in continuous time.
[<RequireQualifiedAccess>]
type CareFault =
    /// sizes that do not fit, or numbers that are not finite: what and where
    | IllPosed of reason: string
    /// R is not positive definite
    | RNotPositiveDefinite
    /// no feedback makes A − BK stable
    | NotStabilisable
    /// a mode of A on or right of the imaginary axis costs nothing, so that the optimal law does not stabilise it
    | NotDetectable

/// The continuous algebraic Riccati equation AᵀP + PA + Q − (PB + N) R⁻¹ (BᵀP + Nᵀ) = 0. P is read from the sign of the balanced
/// Hamiltonian matrix [A −G; −Q −Aᵀ], G = BR⁻¹Bᵀ; then Newton's method, whose Lyapunov equations have the same iteration, takes off what
/// rounding left. Sources: Roberts, Linear model reduction and solution of the algebraic Riccati equation by use of the sign function (1971,
/// printed 1980); Byers, Solving the algebraic Riccati equation with the matrix sign function (1987); Kleinman (1968).
///
/// The filter of ẋ = Ax + w, y = Cx + v is the dual: solve of Aᵀ, Cᵀ, W, V gives its covariance and, transposed, its gain.
[<RequireQualifiedAccess>]
module Care =

    let private maxIterations = 100
    let private maxRefinements = 20

    let private matrix (a: float[,]) = Matrix<float>.Build.DenseOfArray a

    let private half (a: Matrix<float>) = (a + a.Transpose()) * 0.5

    let private finite (a: Matrix<float>) =
        a.Enumerate() |> Seq.forall Double.IsFinite

    let private abscissa (a: Matrix<float>) =
        a.Evd().EigenValues |> Seq.map _.Real |> Seq.max

    /// Where convergence is quadratic: no scaling from here on.
    let private near = 1e-2

    /// True until rounding, and nothing else, stands in the way of going on.
    let private isUnderWay (before: float) (distance: float) =
        distance > 1e-6 || distance < 0.5 * before

    /// c that brings the eigenvalues of c z about the unit circle: |det z|^(−1/n).
    let private scaling (z: Factorization.LU<float>) (n: int) =
        let logDeterminant = z.U.Diagonal() |> Seq.sumBy (abs >> log)
        let c = exp (-logDeterminant / float n)
        if Double.IsFinite c && c > 0.0 then c else 1.0

    /// x with aᵀx + xa + q = 0 of a stable a: the sign iteration on [a 0; q −aᵀ].
    let private lyapunov (a: Matrix<float>) (q: Matrix<float>) =
        let n = a.RowCount
        let identity = Matrix<float>.Build.DenseIdentity n
        let mutable a = a
        let mutable x = q
        let mutable before, distance = infinity, (a + identity).FrobeniusNorm()
        let mutable count = 0

        while count < maxIterations && isUnderWay before distance do
            let factor = a.LU()
            let c = if distance > near then scaling factor n else 1.0
            let inverse = factor.Inverse()
            x <- half ((x * c + inverse.Transpose() * x * inverse * (1.0 / c)) * 0.5)
            a <- (a * c + inverse * (1.0 / c)) * 0.5
            before <- distance
            distance <- (a + identity).FrobeniusNorm()
            count <- count + 1

        x * 0.5

    /// P of the Hamiltonian matrix [a −g; −q −aᵀ], and the iterations that took.
    let private ofSign (a: Matrix<float>) (g: Matrix<float>) (q: Matrix<float>) =
        let n = a.RowCount
        let mutable z = Matrix<float>.Build.Dense(2 * n, 2 * n)
        z.SetSubMatrix(0, 0, a)
        z.SetSubMatrix(0, n, -g)
        z.SetSubMatrix(n, 0, -q)
        z.SetSubMatrix(n, n, -a.Transpose())
        let mutable before, change = infinity, infinity
        let mutable count = 0

        while count < maxIterations && isUnderWay before change do
            let factor = z.LU()
            let c = if change > near then scaling factor (2 * n) else 1.0
            let next = (z * c + factor.Inverse() * (1.0 / c)) * 0.5
            before <- change
            change <- (next - z).FrobeniusNorm() / next.FrobeniusNorm()
            z <- next
            count <- count + 1

        // sign(H) [I; P] = −[I; P]
        let identity = Matrix<float>.Build.DenseIdentity n
        let left = z.SubMatrix(0, n, n, n).Stack(z.SubMatrix(n, n, n, n) + identity)
        let right = (z.SubMatrix(0, n, 0, n) + identity).Stack(z.SubMatrix(n, n, 0, n))
        half (left.QR().Solve(-right)), count

    /// Scales of the states and of the cost, powers of 2, that bring the rows and columns of the Hamiltonian matrix to like sizes.
    let private balance (a: Matrix<float>) (g: Matrix<float>) (q: Matrix<float>) =
        let n = a.RowCount

        let power x =
            Math.ScaleB(1.0, int (round (Math.Log2 x)))

        let cost =
            let ratio = q.FrobeniusNorm() / g.FrobeniusNorm()

            if ratio > 0.0 && Double.IsFinite ratio then
                power (sqrt ratio)
            else
                1.0

        let t = Array.create n 1.0

        for _ in 1..10 do
            for i in 0 .. n - 1 do
                let mutable row, column =
                    abs g[i, i] * cost / (t[i] * t[i]), abs q[i, i] / cost * t[i] * t[i]

                for k in 0 .. n - 1 do
                    if k <> i then
                        row <- row + abs a[i, k] * t[k] / t[i] + abs g[i, k] * cost / (t[i] * t[k])
                        column <- column + abs a[k, i] * t[i] / t[k] + abs q[k, i] / cost * t[i] * t[k]

                let ratio = row / column

                if ratio > 0.0 && Double.IsFinite ratio then
                    t[i] <- t[i] * power (sqrt ratio)

        t, cost

    /// True when some mode of a that is not stable is not reached through b: Hautus' test, with columns of b as large as a.
    let private hasUnreachable (a: Matrix<float>) (b: Matrix<float>) =
        let n = a.RowCount
        let size = a.FrobeniusNorm()
        let scale = if size > 0.0 then size else 1.0

        let columns =
            [|
                for j in 0 .. b.ColumnCount - 1 do
                    let norm = b.Column(j).L2Norm()

                    if norm > 0.0 then
                        b.Column j * (scale / norm)
                    else
                        b.Column j
            |]

        a.Evd().EigenValues
        |> Seq.exists (fun eigenvalue ->
            eigenvalue.Real >= -1e-10 * scale
            && (let pencil =
                    Matrix<Numerics.Complex>
                        .Build.Dense(
                            n,
                            n + b.ColumnCount,
                            fun i j ->
                                if j < n then
                                    Numerics.Complex(a[i, j], 0.0)
                                    - (if i = j then eigenvalue else Numerics.Complex.Zero)
                                else
                                    Numerics.Complex(columns[j - n][i], 0.0)
                        )

                let smallest = pencil.Svd(false).S |> Seq.map _.Magnitude |> Seq.min
                smallest < 1e-9 * scale))

    /// Residual of aᵀp + pa + q − pgp = 0, and the sum of the sizes of its terms.
    let private residualOf (a: Matrix<float>) (g: Matrix<float>) (q: Matrix<float>) (p: Matrix<float>) =
        let linear, square = p * a, p * g * p

        linear + linear.Transpose() + q - square,
        2.0 * linear.FrobeniusNorm() + q.FrobeniusNorm() + square.FrobeniusNorm()

    let private solveChecked
        (a: Matrix<float>)
        (b: Matrix<float>)
        (q: Matrix<float>)
        (r: Matrix<float>)
        (n: Matrix<float>)
        =
        // cross terms are absorbed by the feedback u = v − R⁻¹Nᵀx
        let shift = r.Solve(n.Transpose())
        let a' = a - b * shift
        let q' = half (q - n * shift)
        let g = half (b * r.Solve(b.Transpose()))
        let t, cost = balance a' g q'

        let scaled rows columns factor (x: Matrix<float>) =
            x.MapIndexed(fun i j v -> v * rows i * columns j * factor)

        let up, down = (fun i -> t[i]), (fun i -> 1.0 / t[i])

        let a', g, q' =
            scaled down up 1.0 a', scaled down down cost g, scaled up up (1.0 / cost) q'

        if hasUnreachable a' (scaled down (fun _ -> 1.0) 1.0 b) then
            Error CareFault.NotStabilisable
        else
            let isStable (p: Matrix<float>) = finite p && abscissa (a' - g * p) < 0.0

            /// Newton's method as long as it makes the residual smaller.
            let rec refine steps (p: Matrix<float>) =
                if steps = 0 || not (isStable p) then
                    p
                else
                    let residual, _ = residualOf a' g q' p
                    let next = half (p + lyapunov (a' - g * p) (half residual))

                    if
                        isStable next
                        && (fst (residualOf a' g q' next)).FrobeniusNorm() < 0.5 * residual.FrobeniusNorm()
                    then
                        refine (steps - 1) next
                    else
                        p

            let first, count = ofSign a' g q'
            let balanced = refine maxRefinements first

            if not (isStable balanced) then
                Error CareFault.NotDetectable
            else
                let p = scaled down down cost balanced
                let gain = r.Solve(b.Transpose() * p + n.Transpose())
                let residual, size = residualOf a' g q' balanced

                Ok
                    {
                        P = p.ToArray()
                        K = gain.ToArray()
                        SpectralAbscissa = abscissa (a' - g * balanced)
                        Residual = residual.FrobeniusNorm() / max 1e-300 size
                        Iterations = count
                    }

    /// Solves the equation with cross term N: a:[n,n] b:[n,m] q:[n,n] ⪰ 0, r:[m,m] ≻ 0, n:[n,m] → the stabilising P and the gain of
    /// u = −K x, for the cost ∫ ½xᵀQx + xᵀNu + ½uᵀRu dt of ẋ = Ax + Bu.
    let solveWithCross
        (a: float[,])
        (b: float[,])
        (q: float[,])
        (r: float[,])
        (n: float[,])
        : Result<CareSolution, CareFault> =
        let states, controls = Array2D.length1 a, Array2D.length2 b

        let wrong =
            [
                "A", a, (states, states)
                "B", b, (states, controls)
                "Q", q, (states, states)
                "R", r, (controls, controls)
                "N", n, (states, controls)
            ]
            |> List.tryPick (fun (name, value, (rows, columns)) ->
                if
                    Array2D.length1 value <> rows
                    || Array2D.length2 value <> columns
                    || states = 0
                    || controls = 0
                then
                    Some
                        $"{name} is {Array2D.length1 value}×{Array2D.length2 value}; it must be {rows}×{columns}, with one state and one control or more"
                elif value |> Seq.cast<float> |> Seq.exists (Double.IsFinite >> not) then
                    Some $"{name} holds a number that is not finite"
                else
                    None)

        match wrong with
        | Some reason -> Error(CareFault.IllPosed reason)
        | None ->
            let r = half (matrix r)

            if
                (r.Evd Symmetricity.Symmetric).EigenValues
                |> Seq.exists (fun eigenvalue -> eigenvalue.Real <= 0.0)
            then
                Error CareFault.RNotPositiveDefinite
            else
                solveChecked (matrix a) (matrix b) (half (matrix q)) r (matrix n)

    /// Solves the equation without cross term: the infinite-horizon continuous LQR gain K of u = −K x.
    let solve (a: float[,]) (b: float[,]) (q: float[,]) (r: float[,]) : Result<CareSolution, CareFault> =
        solveWithCross a b q r (Array2D.zeroCreate (Array2D.length1 a) (Array2D.length2 b))
