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
    /// a mode of the system on the imaginary axis costs nothing, so that no optimal law stabilises it; with a cross term, of A − BR⁻¹Nᵀ
    | NotDetectable
    /// numbers so far apart, or a Q so far from positive semidefinite, that what was found is no solution: its residual, relative to the sizes of
    /// the terms of the equation
    | Inaccurate of residual: float

/// The continuous algebraic Riccati equation AᵀP + PA + Q − (PB + N) R⁻¹ (BᵀP + Nᵀ) = 0, in units in which its numbers are of like size. P is
/// read from the sign of the Hamiltonian matrix [A −G; −Q −Aᵀ], G = BR⁻¹Bᵀ; then Newton's method takes off what rounding left, and decides.
/// Sources: Roberts, Linear model reduction and solution of the algebraic Riccati equation by use of the sign function (1971, printed 1980);
/// Byers, Solving the algebraic Riccati equation with the matrix sign function (1987); Kleinman (1968).
///
/// The filter of ẋ = Ax + w, y = Cx + v is the dual: solve of Aᵀ, Cᵀ, W, V gives its covariance and, transposed, its gain.
[<RequireQualifiedAccess>]
module Care =

    let private maxIterations = 100
    let private half (a: Matrix<float>) = Riccati.half a

    let private abscissa (a: Matrix<float>) =
        match Riccati.eigenvalues a with
        | Some modes -> modes |> Seq.map _.Real |> Seq.max
        | None -> nan

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

    /// x with aᵀx + xa + q = 0, as a linear system of its n(n+1)/2 numbers: exact to rounding however far apart the modes of a are.
    let private lyapunovDirect (a: Matrix<float>) (q: Matrix<float>) =
        let n = a.RowCount

        let place i j =
            let i, j = max i j, min i j in i * (i + 1) / 2 + j

        let size = n * (n + 1) / 2
        let system = Matrix<float>.Build.Dense(size, size)
        let right = Vector<float>.Build.Dense size

        for i in 0 .. n - 1 do
            for j in 0..i do
                let row = place i j
                right[row] <- -q[i, j]

                for k in 0 .. n - 1 do
                    system[row, place k j] <- system[row, place k j] + a[k, i]
                    system[row, place i k] <- system[row, place i k] + a[k, j]

        let x = system.Solve right
        Matrix<float>.Build.Dense(n, n, (fun i j -> x[place i j]))

    /// x with aᵀx + xa + q = 0 of a stable a: the sign iteration on [a 0; q −aᵀ].
    let private lyapunovBySign (a: Matrix<float>) (q: Matrix<float>) =
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

    /// States up to which the linear system is the faster way.
    let private mostDirect = 12

    let private lyapunov (a: Matrix<float>) (q: Matrix<float>) =
        if a.RowCount <= mostDirect then
            lyapunovDirect a q
        else
            lyapunovBySign a q

    /// Residual of aᵀp + pa + q − pgp = 0, and the sum of the sizes of its terms.
    let private residualOf (a: Matrix<float>) (g: Matrix<float>) (q: Matrix<float>) (p: Matrix<float>) =
        let linear, square = p * a, p * g * p

        linear + linear.Transpose() + q - square,
        2.0 * linear.FrobeniusNorm() + q.FrobeniusNorm() + square.FrobeniusNorm()

    let private squareOf (problem: ScaledRegulator) =
        half (problem.B * problem.B.Transpose())

    /// The least change of A, Q and G of which p is a solution, relative to their sizes.
    let private backwardError (problem: ScaledRegulator) (p: Matrix<float>) =
        let g = squareOf problem
        let residual, _ = residualOf problem.A g problem.Q p
        let size = p.FrobeniusNorm()

        let terms =
            2.0 * size * problem.A.FrobeniusNorm()
            + problem.Q.FrobeniusNorm()
            + size * size * g.FrobeniusNorm()

        residual.FrobeniusNorm() / Math.Max(1e-300, terms)

    let private equation: RiccatiEquation =
        {
            IsStable = fun loop -> abscissa loop < 0.0
            CostOf = lyapunov
            Answer = fun problem p -> problem.B.Transpose() * p
            Error = backwardError
        }

    let private solveScaled (problem: ScaledRegulator) : Result<CareSolution, CareFault> =
        let a, q = problem.A, problem.Q
        let g = squareOf problem
        let first, count = ofSign a g q

        let found =
            Riccati.solve problem equation first (fun gentle -> fst (ofSign gentle.A (squareOf gentle) gentle.Q))

        let relative (p: Matrix<float>) =
            let residual, size = residualOf a g q p
            residual.FrobeniusNorm() / Math.Max(1e-300, size)

        match found with
        | Some(p, gain) when backwardError problem p < 1e-8 ->
            Ok
                {
                    P = problem.RestoreP p
                    K = problem.RestoreK gain
                    SpectralAbscissa = abscissa (a - problem.B * gain)
                    Residual = relative p
                    Iterations = count
                }
        | Some(p, _) -> Error(CareFault.Inaccurate(relative p))
        | None ->
            let size = Math.Max(1e-300, a.FrobeniusNorm())
            let isUnstable (mode: Numerics.Complex) = mode.Real >= -1e-10 * size
            let isMarginal (mode: Numerics.Complex) = abs mode.Real < 1e-6 * size

            if Riccati.isOutOfReach isUnstable a problem.B then
                Error CareFault.NotStabilisable
            elif Riccati.isOutOfReach isMarginal (a.Transpose()) q then
                Error CareFault.NotDetectable
            else
                Error(CareFault.Inaccurate(if Riccati.isFinite first then relative first else nan))

    /// Solves the equation with cross term N: a:[n,n] b:[n,m] q:[n,n] ⪰ 0, r:[m,m] ≻ 0, n:[n,m] → the stabilising P and the gain of
    /// u = −K x, for the cost ∫ ½xᵀQx + xᵀNu + ½uᵀRu dt of ẋ = Ax + Bu.
    let solveWithCross
        (a: float[,])
        (b: float[,])
        (q: float[,])
        (r: float[,])
        (n: float[,])
        : Result<CareSolution, CareFault> =
        match Riccati.fault a b q r n with
        | Some reason -> Error(CareFault.IllPosed reason)
        | None ->
            // time in units of the largest rate, so that no square overflows; P is the same
            let rate (x: float[,]) =
                x |> Seq.cast<float> |> Seq.fold (fun most v -> Math.Max(most, abs v)) 0.0

            let unit =
                let fastest = rate a

                if fastest > 0.0 then
                    Math.ScaleB(1.0, Math.ILogB fastest)
                else
                    1.0

            let slower x = Array2D.map (fun v -> v / unit) x

            match Riccati.scale (slower a) (slower b) (slower q) (slower r) (slower n) with
            | None -> Error CareFault.RNotPositiveDefinite
            | Some problem when
                Riccati.isFinite problem.A
                && Riccati.isFinite problem.B
                && Riccati.isFinite problem.Q
                ->
                solveScaled problem
                |> Result.map (fun solution ->
                    { solution with
                        SpectralAbscissa = solution.SpectralAbscissa * unit
                    })
            | Some _ ->
                Error(CareFault.IllPosed "A, B, Q, R and N hold numbers so far apart that their products overflow")

    /// Solves the equation without cross term: the infinite-horizon continuous LQR gain K of u = −K x.
    let solve (a: float[,]) (b: float[,]) (q: float[,]) (r: float[,]) : Result<CareSolution, CareFault> =
        solveWithCross a b q r (Array2D.zeroCreate (Array2D.length1 a) (Array2D.length2 b))
