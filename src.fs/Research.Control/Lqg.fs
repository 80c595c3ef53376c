namespace Research.Control

open System
open MathNet.Numerics.LinearAlgebra

/// A regulator and a filter, and the output-feedback controller that they make: with ξ the filter's prediction of the state,
/// u = Cc ξ + Dc y and ξ' = Ac ξ + Bc y.
type LqgDesign =
    {
        /// u = −K x̂
        Regulator: DareSolution
        /// x̂ = ξ + L (y − C ξ)
        Filter: SteadyKalman
        /// (A − BK)(I − LC), [n,n]
        Ac: float[,]
        /// (A − BK) L, [n,p]
        Bc: float[,]
        /// −K (I − LC), [m,n]
        Cc: float[,]
        /// −K L, [m,p]
        Dc: float[,]
        /// the loop without noise, of [x; ξ]: [A + B Dc C, B Cc; Bc C, Ac], [2n,2n]. By the separation principle its eigenvalues are those of
        /// A − BK and of A − ALC.
        ClosedLoop: float[,]
        /// Mean cost of a step once the start is forgotten: ½ tr(P W) + ½ tr((R + BᵀPB) K Σ Kᵀ), Σ the covariance of the estimate.
        ExpectedCost: float
    }

/// Why there is no controller.
[<RequireQualifiedAccess>]
type LqgFault =
    | NoRegulator of DareFault
    | NoFilter of KalmanFault

/// The controller at work: takes a measurement, gives a control, and keeps ξ. Allocates nothing. Not thread-safe.
[<Sealed>]
type LqgController internal (design: LqgDesign) =
    let n, p, m =
        Array2D.length1 design.Ac, Array2D.length2 design.Bc, Array2D.length1 design.Cc

    let xi, next = Array.zeroCreate<float> n, Array.zeroCreate<float> n

    /// ξ, the state predicted for the next measurement, [n]; 0 at first.
    member _.Predicted
        with get () = Array.copy xi
        and set (value: float[]) =
            if value.Length <> n then
                invalidArg (nameof value) $"the model has {n} states, and got {value.Length} numbers"

            Array.blit value 0 xi 0 n

    /// The control [m] for what is measured now, [p].
    member _.Act(measurement: ReadOnlySpan<float>, control: Span<float>) =
        let given, room = measurement.Length, control.Length

        if given <> p || room <> m then
            invalidArg
                (nameof measurement)
                $"the model measures {p} numbers and has {m} controls, and got {given} numbers and room for {room}"

        for i in 0 .. m - 1 do
            control[i] <- 0.0

            for j in 0 .. n - 1 do
                control[i] <- control[i] + design.Cc[i, j] * xi[j]

            for j in 0 .. p - 1 do
                control[i] <- control[i] + design.Dc[i, j] * measurement[j]

        for i in 0 .. n - 1 do
            next[i] <- 0.0

            for j in 0 .. n - 1 do
                next[i] <- next[i] + design.Ac[i, j] * xi[j]

            for j in 0 .. p - 1 do
                next[i] <- next[i] + design.Bc[i, j] * measurement[j]

        Array.blit next 0 xi 0 n

/// Linear-quadratic-Gaussian control: the regulator of the true state, fed with the estimate of the Kalman filter, is optimal among all laws
/// that know the measurements up to now. Source: Anderson and Moore, Optimal Control: Linear Quadratic Methods (1990).
[<RequireQualifiedAccess>]
module Lqg =

    /// The controller of a model for the mean of ½xᵀQx + xᵀNu + ½uᵀRu a step: q:[n,n] r:[m,m] n:[n,m].
    let designWithCross (model: LinearModel) (q: float[,]) (r: float[,]) (n: float[,]) : Result<LqgDesign, LqgFault> =
        match Dare.solveWithCross model.A model.B q r n, Kalman.steady model with
        | Error fault, _ -> Error(LqgFault.NoRegulator fault)
        | _, Error fault -> Error(LqgFault.NoFilter fault)
        | Ok regulator, Ok filter ->
            let matrix (x: float[,]) = Matrix<float>.Build.DenseOfArray x
            let a, b, c = matrix model.A, matrix model.B, matrix model.C
            let k, l, p = matrix regulator.K, matrix filter.Gain, matrix regulator.P
            let states = a.RowCount
            let corrected = Matrix<float>.Build.DenseIdentity states - l * c
            let ac, bc = (a - b * k) * corrected, (a - b * k) * l
            let cc, dc = -k * corrected, -k * l
            let weight = matrix r + b.Transpose() * p * b

            Ok
                {
                    Regulator = regulator
                    Filter = filter
                    Ac = ac.ToArray()
                    Bc = bc.ToArray()
                    Cc = cc.ToArray()
                    Dc = dc.ToArray()
                    ClosedLoop = (a + b * dc * c).Append(b * cc).Stack((bc * c).Append ac).ToArray()
                    ExpectedCost =
                        0.5
                        * ((p * matrix model.W).Trace()
                           + (weight * k * matrix filter.Filtered * k.Transpose()).Trace())
                }

    /// The controller of a model for the mean of ½xᵀQx + ½uᵀRu a step.
    let design (model: LinearModel) (q: float[,]) (r: float[,]) : Result<LqgDesign, LqgFault> =
        designWithCross model q r (Array2D.zeroCreate (Array2D.length1 model.A) (Array2D.length2 model.B))

    /// A controller that expects the state 0.
    let create (design: LqgDesign) : LqgController = LqgController design
