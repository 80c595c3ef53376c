namespace Research.Control

open System
open Research

/// The extended Kalman filter: the Kalman filter of the system linearised about its own estimates, with exact Jacobians where the dynamics
/// are traced, in square-root form. Source: Anderson and Moore, Optimal Filtering (1979), chapter 8.
[<Sealed>]
type ExtendedKalmanFilter internal (system: NoisySystem, prior: Estimate) =
    inherit
        StateEstimator(Belief(prior, Array2D.length1 system.V), system.Dynamics.ControlSize, Array2D.length1 system.V)

    let n, m, p =
        system.Dynamics.StateSize, system.Dynamics.ControlSize, Array2D.length1 system.V

    let measure = Compile.valueAndJacobian n system.Measure
    let w, v = Covariance.rootOf system.W, Covariance.rootOf system.V

    let point, jacobian =
        Array.zeroCreate<float>(n + m), Array.zeroCreate<float>(n * (n + m))

    let measured, foreseen, slope =
        Array.zeroCreate<float>(p + p * n), Array.zeroCreate<float> p, Array.zeroCreate<float>(p * n)

    do
        Covariance.check
            "a filter"
            [
                if prior.Mean.Length <> n then
                    Some $"the prior mean has {prior.Mean.Length} numbers; the system has {n} states"

                Covariance.fault "the prior covariance" n prior.Covariance
            ]

    override this.Predict(control) =
        this.CheckControl control
        let mean = this.Belief.Mean
        Array.blit mean 0 point 0 n

        for i in 0 .. m - 1 do
            point[n + i] <- control[i]

        system.Dynamics.Linearise(ReadOnlySpan point, Span jacobian, 1)
        system.Dynamics.Step(ReadOnlySpan point, Span mean, 1)
        this.Belief.Propagate(jacobian, n + m, w)

    override this.Update(measurement) =
        this.CheckMeasurement measurement
        measure.Run(ReadOnlySpan this.Belief.Mean, ReadOnlySpan<float>.Empty, Span measured, 1)
        Array.Copy(measured, foreseen, p)
        Array.Copy(measured, p, slope, 0, p * n)
        this.Belief.Correct(measurement, foreseen, slope, v)

/// Extended Kalman filters.
[<RequireQualifiedAccess>]
module ExtendedKalman =

    /// A filter from a prior belief. An exception where system and prior do not agree.
    let create (system: NoisySystem) (prior: Estimate) : ExtendedKalmanFilter = ExtendedKalmanFilter(system, prior)
