namespace Research.Control

open System

/// Estimates the state of a system as time goes on: `Update` takes in what is measured now, `Predict` goes one step ahead under the control
/// that acts. Keeps its memory: next to nothing is allocated. Not thread-safe.
[<AbstractClass>]
type StateEstimator internal (belief: Belief, controls: int, measurements: int) =

    member internal _.Belief = belief

    member internal _.CheckControl(control: ReadOnlySpan<float>) =
        let given = control.Length

        if given <> controls then
            invalidArg (nameof control) $"the model has {controls} controls, and got {given} numbers"

    member internal _.CheckMeasurement(measurement: ReadOnlySpan<float>) =
        let given = measurement.Length

        if given <> measurements then
            invalidArg (nameof measurement) $"the model measures {measurements} numbers, and got {given}"

    /// n.
    member _.StateSize = belief.Mean.Length

    /// m.
    member _.ControlSize = controls

    /// Numbers measured at a time.
    member _.MeasurementSize = measurements

    /// Mean of the belief, [n]: a view of what the next call changes.
    member _.Mean = ReadOnlySpan<float> belief.Mean

    /// Covariance of the belief, row by row, [n·n]: a view of what the next call changes.
    member _.Covariance = ReadOnlySpan<float> belief.Covariance

    /// The belief as it stands, copied.
    member _.Estimate: Estimate =
        {
            Mean = Array.copy belief.Mean
            Covariance = Covariance.square belief.Mean.Length belief.Covariance
        }

    /// The belief about the next state, when the control [m] acts on this one.
    abstract Predict: control: ReadOnlySpan<float> -> unit

    /// Takes in what is measured of the present state; numbers that are NaN were not measured.
    abstract Update: measurement: ReadOnlySpan<float> -> Innovation

/// What an estimator believed at one time.
type FilterStep =
    {
        /// before the measurement
        Predicted: Estimate
        /// after it
        Filtered: Estimate
        /// covariance of the state a step earlier with this one, given all measured until then, [n,n]; of no meaning at the first time
        Cross: float[,]
        Innovation: Innovation
    }

/// Estimators over recorded data.
[<RequireQualifiedAccess>]
module StateEstimator =

    /// All beliefs along measurements [T+1, p], numbers not measured being NaN, and controls [T, m]. The estimator is left at the end.
    let run (estimator: StateEstimator) (controls: float[,]) (measurements: float[,]) : FilterStep[] =
        let horizon = Array2D.length1 controls

        if Array2D.length1 measurements <> horizon + 1 then
            invalidArg
                (nameof measurements)
                $"{horizon} controls need measurements at {horizon + 1} times, and got {Array2D.length1 measurements}"

        Array.init (horizon + 1) (fun t ->
            if t > 0 then
                estimator.Predict(ReadOnlySpan controls[t - 1, *])

            let predicted = estimator.Estimate
            let cross = Covariance.square estimator.StateSize estimator.Belief.Cross
            let innovation = estimator.Update(ReadOnlySpan measurements[t, *])

            {
                Predicted = predicted
                Filtered = estimator.Estimate
                Cross = cross
                Innovation = innovation
            })

    /// ln p of all that was measured, under the model.
    let logLikelihood (steps: FilterStep[]) : float =
        steps |> Array.sumBy _.Innovation.LogLikelihood
