namespace Research.Control

open System
open MathNet.Numerics.LinearAlgebra

/// What an infinite-horizon regulator is.
type DareSolution =
    {
        /// P of the value function ½xᵀPx, stabilising, [n,n]
        P: float[,]
        /// gain of u = −K x, [m,n]
        K: float[,]
        /// largest size of an eigenvalue of A − BK
        SpectralRadius: float
        /// size of the residual of the equation, relative to P
        Residual: float
        Iterations: int
    }

/// Why there is no infinite-horizon regulator.
type DareFault =
    /// sizes that do not fit, or numbers that are not finite: what and where
    | DareIllPosed of reason: string
    /// R is not positive definite
    | RNotPositiveDefinite
    /// no feedback makes A − BK stable
    | NotStabilisable
    /// a mode of the system on the unit circle costs nothing, so that no optimal law stabilises it; with a cross term, of A − BR⁻¹Nᵀ
    | NotDetectable
    /// numbers so far apart, or a Q so far from positive semidefinite, that what was found is no solution: its residual, relative to P
    | Inaccurate of residual: float

/// The discrete algebraic Riccati equation P = AᵀPA + Q − (AᵀPB + N)(R + BᵀPB)⁻¹(BᵀPA + Nᵀ), in units in which its numbers are of like size, by
/// the structure-preserving doubling algorithm, which squares the closed loop in every iteration, and Newton's method, which takes off what
/// rounding left. Doubling finds the least solution. Where a mode outside the unit circle costs nothing that does not stabilise: Newton's method
/// then comes down to the greatest, which does, from a regulator to which every state has a cost. Sources: Chu, Fan, Lin, Wang,
/// Structure-preserving algorithms for periodic discrete-time algebraic Riccati equations (2004); Hewer (1971).
[<RequireQualifiedAccess>]
module Dare =

    let private maxDoublings = 60

    let private radius (a: Matrix<float>) =
        match Riccati.eigenvalues a with
        | Some modes -> modes |> Seq.map _.Magnitude |> Seq.max
        | None -> nan

    let private isStable (a: Matrix<float>) = radius a < 1.0

    /// P = FᵀPF + q, P = Σ FᵏᵀqFᵏ, of a stable F.
    let private costOf (f: Matrix<float>) (q: Matrix<float>) =
        let mutable f, sum, count = f, q, 0

        while count < 64 && f.FrobeniusNorm() > 1e-20 do
            sum <- sum + f.Transpose() * sum * f
            f <- f * f
            count <- count + 1

        sum

    let private gainOf (problem: ScaledRegulator) (p: Matrix<float>) =
        let pb = p * problem.B

        let weight =
            problem.B.Transpose() * pb
            + Matrix<float>.Build.DenseIdentity problem.B.ColumnCount

        weight.Solve(pb.Transpose() * problem.A)

    /// The least P ⪰ 0, and the doublings that took.
    let private doubling (problem: ScaledRegulator) =
        let identity = Matrix<float>.Build.DenseIdentity problem.A.RowCount
        let mutable ak = problem.A
        let mutable gk = problem.B * problem.B.Transpose()
        let mutable hk = problem.Q
        let mutable count = 0
        let mutable change = infinity

        while count < maxDoublings
              && change > 1e-16 * hk.FrobeniusNorm()
              && not (Double.IsNaN change) do
            let w = (identity + gk * hk).LU()
            let v1 = w.Solve ak
            let v2 = w.Solve gk
            let g = Riccati.half (gk + ak * v2 * ak.Transpose())
            let h = Riccati.half (hk + v1.Transpose() * hk * ak)
            ak <- ak * v1
            change <- (h - hk).FrobeniusNorm()
            gk <- g
            hk <- h
            count <- count + 1

        hk, count

    /// Size of FᵀPF + Q + KᵀK − P with the gain K of P, relative to P: the residual of the equation without its cancellation.
    let private residualOf (problem: ScaledRegulator) (p: Matrix<float>) (gain: Matrix<float>) =
        let loop = problem.A - problem.B * gain

        (loop.Transpose() * p * loop + problem.Q + gain.Transpose() * gain - p).FrobeniusNorm()
        / Math.Max(1e-300, p.FrobeniusNorm())

    let private equation: RiccatiEquation =
        {
            IsStable = isStable
            CostOf = costOf
            Answer = gainOf
            Error = fun problem p -> residualOf problem p (gainOf problem p)
        }

    let private solveScaled (problem: ScaledRegulator) : Result<DareSolution, DareFault> =
        let first, count = doubling problem

        let found =
            Riccati.solve problem equation first (fun gentle -> fst (doubling gentle))

        match found with
        | Some(p, gain) ->
            let residual = residualOf problem p gain

            if residual < 1e-6 then
                Ok
                    {
                        P = problem.RestoreP p
                        K = problem.RestoreK gain
                        SpectralRadius = radius (problem.A - problem.B * gain)
                        Residual = residual
                        Iterations = count
                    }
            else
                Error(Inaccurate residual)
        | None ->
            let isUnstable (mode: Numerics.Complex) = mode.Magnitude >= 1.0 - 1e-10
            let isMarginal (mode: Numerics.Complex) = abs (mode.Magnitude - 1.0) < 1e-6

            if Riccati.isOutOfReach isUnstable problem.A problem.B then
                Error NotStabilisable
            elif Riccati.isOutOfReach isMarginal (problem.A.Transpose()) problem.Q then
                Error NotDetectable
            else
                let residual =
                    if Riccati.isFinite first then
                        residualOf problem first (gainOf problem first)
                    else
                        nan

                Error(Inaccurate residual)

    /// Solves the equation with cross term N: a:[n,n] b:[n,m] q:[n,n] ⪰ 0, r:[m,m] ≻ 0, n:[n,m] → the stabilising P and the gain of
    /// u = −K x, for the cost Σ ½xᵀQx + xᵀNu + ½uᵀRu.
    let solveWithCross
        (a: float[,])
        (b: float[,])
        (q: float[,])
        (r: float[,])
        (n: float[,])
        : Result<DareSolution, DareFault> =
        match Riccati.fault a b q r n with
        | Some reason -> Error(DareIllPosed reason)
        | None ->
            match Riccati.scale a b q r n with
            | None -> Error RNotPositiveDefinite
            | Some problem when
                Riccati.isFinite problem.A
                && Riccati.isFinite problem.B
                && Riccati.isFinite problem.Q
                ->
                solveScaled problem
            | Some _ -> Error(DareIllPosed "A, B, Q, R and N hold numbers so far apart that their products overflow")

    /// Solves the equation without cross term: the infinite-horizon discrete LQR gain K of u = −K x.
    let solve (a: float[,]) (b: float[,]) (q: float[,]) (r: float[,]) : Result<DareSolution, DareFault> =
        solveWithCross a b q r (Array2D.zeroCreate (Array2D.length1 a) (Array2D.length2 b))
