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
    /// a mode of A on or outside the unit circle costs nothing, so that the optimal law does not stabilise it
    | NotDetectable

/// The discrete algebraic Riccati equation P = AᵀPA + Q − (AᵀPB + N)(R + BᵀPB)⁻¹(BᵀPA + Nᵀ), by the structure-preserving doubling
/// algorithm, which squares the closed loop in every iteration. Source: Chu, Fan, Lin, Wang, Structure-preserving algorithms for periodic
/// discrete-time algebraic Riccati equations (2004).
[<RequireQualifiedAccess>]
module Dare =

    let private maxDoublings = 60

    let private matrix (a: float[,]) = Matrix<float>.Build.DenseOfArray a

    let private half (a: Matrix<float>) = (a + a.Transpose()) * 0.5

    let private residualOf
        (a: Matrix<float>)
        (b: Matrix<float>)
        (q: Matrix<float>)
        (r: Matrix<float>)
        (n: Matrix<float>)
        (p: Matrix<float>)
        =
        let cross = b.Transpose() * p * a + n.Transpose()
        let gain = (r + b.Transpose() * p * b).Solve cross
        let next = a.Transpose() * p * a + q - cross.Transpose() * gain
        gain, next - p

    let private spectralRadius (a: Matrix<float>) =
        if a.RowCount = 0 then
            0.0
        else
            a.Evd().EigenValues |> Seq.map _.Magnitude |> Seq.max

    /// True when some mode of a on or outside the unit circle is not reached through b: Hautus' test.
    let private hasUnreachable (a: Matrix<float>) (b: Matrix<float>) =
        let n = a.RowCount
        let scale = 1.0 + a.FrobeniusNorm() + b.FrobeniusNorm()

        a.Evd().EigenValues
        |> Seq.exists (fun eigenvalue ->
            eigenvalue.Magnitude >= 1.0 - 1e-10
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
                                    Numerics.Complex(b[i, j - n], 0.0)
                        )

                let smallest = pencil.Svd(false).S |> Seq.map _.Magnitude |> Seq.min
                smallest < 1e-9 * scale))

    let private solveChecked
        (a: Matrix<float>)
        (b: Matrix<float>)
        (q: Matrix<float>)
        (r: Matrix<float>)
        (n: Matrix<float>)
        =
        let size = a.RowCount
        let identity = Matrix<float>.Build.DenseIdentity size
        // cross terms are absorbed by the feedback u = v − R⁻¹Nᵀx
        let shift = r.Solve(n.Transpose())
        let a' = a - b * shift
        let q' = half (q - n * shift)

        if hasUnreachable a' b then
            Error NotStabilisable
        else
            let mutable ak = a'
            let mutable gk = half (b * r.Solve(b.Transpose()))
            let mutable hk = q'
            let mutable count = 0
            let mutable change = infinity

            while count < maxDoublings
                  && change > 1e-16 * hk.FrobeniusNorm()
                  && not (Double.IsNaN change) do
                let w = (identity + gk * hk).LU()
                let v1 = w.Solve ak
                let v2 = w.Solve gk
                let g = half (gk + ak * v2 * ak.Transpose())
                let h = half (hk + v1.Transpose() * hk * ak)
                ak <- ak * v1
                change <- (h - hk).FrobeniusNorm()
                gk <- g
                hk <- h
                count <- count + 1

            // Newton's method takes off what rounding left: P ← P + Σ Fᵏᵀ (residual) Fᵏ with F the closed loop
            let refine (p: Matrix<float>) =
                let gain, residual = residualOf a b q r n p
                let mutable f = a - b * gain
                let mutable sum = half residual

                for _ in 1..30 do
                    sum <- sum + f.Transpose() * sum * f
                    f <- f * f

                half (p + sum)

            let finite (p: Matrix<float>) =
                p.Enumerate() |> Seq.forall Double.IsFinite

            let first = hk

            let better (p: Matrix<float>) =
                let gain, before = residualOf a b q r n p

                if spectralRadius (a - b * gain) >= 1.0 then
                    p
                else
                    let refined = refine p

                    if
                        finite refined
                        && (snd (residualOf a b q r n refined)).FrobeniusNorm() < before.FrobeniusNorm()
                    then
                        refined
                    else
                        p

            if not (finite first) then
                Error NotDetectable
            else
                let p = first |> better |> better
                let gain, residual = residualOf a b q r n p
                let radius = spectralRadius (a - b * gain)

                if not (radius < 1.0) then
                    Error NotDetectable
                else
                    Ok
                        {
                            P = p.ToArray()
                            K = gain.ToArray()
                            SpectralRadius = radius
                            Residual = residual.FrobeniusNorm() / max 1e-300 (p.FrobeniusNorm())
                            Iterations = count
                        }

    /// Solves the equation with cross term N: a:[n,n] b:[n,m] q:[n,n] ⪰ 0, r:[m,m] ≻ 0, n:[n,m] → the stabilising P and the gain of
    /// u = −K x, for the cost Σ ½xᵀQx + xᵀNu + ½uᵀRu.
    let solveWithCross
        (a: float[,])
        (b: float[,])
        (q: float[,])
        (r: float[,])
        (n: float[,])
        : Result<DareSolution, DareFault> =
        let states, controls = Array2D.length1 a, Array2D.length2 b
        let size (m: float[,]) = Array2D.length1 m, Array2D.length2 m

        let wrong =
            [
                "A", a, (states, states)
                "B", b, (states, controls)
                "Q", q, (states, states)
                "R", r, (controls, controls)
                "N", n, (states, controls)
            ]
            |> List.tryPick (fun (name, value, expected) ->
                let text (rows: int, columns: int) = $"{rows}×{columns}"

                if size value <> expected || states = 0 || controls = 0 then
                    Some
                        $"{name} is {text (size value)}; it must be {text expected}, with one state and one control or more"
                elif value |> Seq.cast<float> |> Seq.exists (Double.IsFinite >> not) then
                    Some $"{name} holds a number that is not finite"
                else
                    None)

        match wrong with
        | Some reason -> Error(DareIllPosed reason)
        | None ->
            let r = half (matrix r)

            if
                (r.Evd Symmetricity.Symmetric).EigenValues
                |> Seq.exists (fun eigenvalue -> eigenvalue.Real <= 0.0)
            then
                Error RNotPositiveDefinite
            else
                solveChecked (matrix a) (matrix b) (half (matrix q)) r (matrix n)

    /// Solves the equation without cross term: the infinite-horizon discrete LQR gain K of u = −K x.
    let solve (a: float[,]) (b: float[,]) (q: float[,]) (r: float[,]) : Result<DareSolution, DareFault> =
        solveWithCross a b q r (Array2D.zeroCreate (Array2D.length1 a) (Array2D.length2 b))
