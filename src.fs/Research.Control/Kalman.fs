namespace Research.Control

open System

/// A linear system seen through noise: x' = A x + B u + w, y = C x + v, of covariances W of w and V of v.
type LinearModel =
    {
        /// [n,n]
        A: float[,]
        /// [n,m]
        B: float[,]
        /// [p,n]
        C: float[,]
        /// [n,n]
        W: float[,]
        /// [p,p]
        V: float[,]
    }

/// The Kalman filter: exact for linear systems with normal noise, in square-root form. Sources: Kalman (1960); Anderson and Moore, Optimal
/// Filtering (1979).
[<Sealed>]
type KalmanFilter internal (first: LinearModel, prior: Estimate) =
    inherit StateEstimator(Belief(prior, Array2D.length1 first.C), Array2D.length2 first.B, Array2D.length1 first.C)

    let n, m, p = prior.Mean.Length, Array2D.length2 first.B, Array2D.length1 first.C
    let next, foreseen = Array.zeroCreate<float> n, Array.zeroCreate<float> p
    let mutable model = first
    let mutable a, c, w, v = [||], [||], [||], [||]

    let accept (value: LinearModel) =
        let size name rows columns (matrix: float[,]) =
            if Array2D.length1 matrix <> rows || Array2D.length2 matrix <> columns then
                Some $"{name} is {Array2D.length1 matrix}×{Array2D.length2 matrix}; it must be {rows}×{columns}"
            elif matrix |> Seq.cast<float> |> Seq.exists (Double.IsFinite >> not) then
                Some $"{name} holds a number that is not finite"
            else
                None

        Covariance.check
            "a Kalman filter"
            [
                size "A" n n value.A
                size "B" n m value.B
                size "C" p n value.C
                // those that are in force need no second look
                if w.Length = 0 || not (obj.ReferenceEquals(value.W, model.W)) then
                    Covariance.fault "W" n value.W

                if v.Length = 0 || not (obj.ReferenceEquals(value.V, model.V)) then
                    Covariance.fault "V" p value.V
            ]

        model <- value
        a <- Covariance.flat value.A
        c <- Covariance.flat value.C
        w <- Covariance.rootOf value.W
        v <- Covariance.rootOf value.V

    do
        Covariance.check "a Kalman filter" [ Covariance.fault "the prior covariance" n prior.Covariance ]
        accept first

    /// What holds from now on; set it between steps where the system varies in time. An exception where sizes differ from before.
    member _.Model
        with get () = model
        and set value = accept value

    override this.Predict(control) =
        this.CheckControl control
        let mean = this.Belief.Mean

        for i in 0 .. n - 1 do
            let mutable sum = 0.0

            for j in 0 .. n - 1 do
                sum <- sum + a[i * n + j] * mean[j]

            for j in 0 .. m - 1 do
                sum <- sum + model.B[i, j] * control[j]

            next[i] <- sum

        Array.blit next 0 mean 0 n
        this.Belief.Propagate(a, n, w)

    override this.Update(measurement) =
        this.CheckMeasurement measurement
        let mean = this.Belief.Mean

        for i in 0 .. p - 1 do
            foreseen[i] <- 0.0

            for j in 0 .. n - 1 do
                foreseen[i] <- foreseen[i] + c[i * n + j] * mean[j]

        this.Belief.Correct(measurement, foreseen, c, v)

/// What the Kalman filter of a model that does not vary settles to.
type SteadyKalman =
    {
        /// covariance before a measurement, [n,n]
        Predicted: float[,]
        /// covariance after it, [n,n]
        Filtered: float[,]
        /// L of x̂ ← x̂ + L (y − C x̂), [n,p]
        Gain: float[,]
        /// largest size of an eigenvalue of A − ALC, which the errors follow
        SpectralRadius: float
        /// size of the residual of the Riccati equation, relative to the covariance
        Residual: float
    }

/// Why a filter does not settle.
[<RequireQualifiedAccess>]
type KalmanFault =
    /// sizes that do not fit, or numbers that are not finite: what and where
    | IllPosed of reason: string
    /// V is not positive definite
    | VNotPositiveDefinite
    /// a mode of A on or outside the unit circle is not measured
    | NotDetectable
    /// a mode of A on the unit circle has no noise, so that the filter comes to ignore what is measured of it; modes outside are followed
    /// without noise too
    | NotExcited
    /// numbers so far apart that what was found is no solution of the Riccati equation: its residual, relative to the covariance
    | Inaccurate of residual: float

/// Filters of linear models.
[<RequireQualifiedAccess>]
module Kalman =

    /// A filter from a prior belief. An exception where model and prior do not agree.
    let create (model: LinearModel) (prior: Estimate) : KalmanFilter = KalmanFilter(model, prior)

    /// The filter of a model after a long time, by duality: its Riccati equation is that of the regulator of Aᵀ, Cᵀ at the cost W, V.
    let steady (model: LinearModel) : Result<SteadyKalman, KalmanFault> =
        let transpose (a: float[,]) =
            Array2D.init (Array2D.length2 a) (Array2D.length1 a) (fun i j -> a[j, i])

        let n, p = Array2D.length1 model.A, Array2D.length1 model.C

        let wrong =
            [
                "A", model.A, (n, n)
                "C", model.C, (p, n)
                "W", model.W, (n, n)
                "V", model.V, (p, p)
            ]
            |> List.tryPick (fun (name, a, (rows, columns)) ->
                if Array2D.length1 a <> rows || Array2D.length2 a <> columns || a.Length = 0 then
                    Some
                        $"{name} is {Array2D.length1 a}×{Array2D.length2 a}; it must be {rows}×{columns}, and not empty"
                elif a |> Seq.cast<float> |> Seq.exists (Double.IsFinite >> not) then
                    Some $"{name} holds a number that is not finite"
                else
                    None)

        match wrong with
        | Some reason -> Error(KalmanFault.IllPosed reason)
        | None ->
            match Dare.solve (transpose model.A) (transpose model.C) model.W model.V with
            | Error(DareIllPosed reason) -> Error(KalmanFault.IllPosed reason)
            | Error RNotPositiveDefinite -> Error KalmanFault.VNotPositiveDefinite
            | Error NotStabilisable -> Error KalmanFault.NotDetectable
            | Error NotDetectable -> Error KalmanFault.NotExcited
            | Error(Inaccurate residual) -> Error(KalmanFault.Inaccurate residual)
            | Ok dual ->
                let belief =
                    Belief(
                        {
                            Mean = Array.zeroCreate n
                            Covariance = dual.P
                        },
                        p
                    )

                belief.Correct(
                    ReadOnlySpan(Array.zeroCreate<float> p),
                    Array.zeroCreate p,
                    Covariance.flat model.C,
                    Covariance.rootOf model.V
                )
                |> ignore

                let gain = belief.Gain

                Ok
                    {
                        Predicted = dual.P
                        Filtered = Covariance.square n belief.Covariance
                        Gain = Array2D.init n p (fun i k -> gain[k * n + i])
                        SpectralRadius = dual.SpectralRadius
                        Residual = dual.Residual
                    }
