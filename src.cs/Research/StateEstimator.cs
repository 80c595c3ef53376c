using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>A normal belief, about a state or about an input of a learned model.</summary>
/// <param name="Mean">[n]</param>
/// <param name="Covariance">[n, n]</param>
public sealed record Estimate(double[] Mean, double[,] Covariance)
{
    internal Estimate(Control.Estimate engine)
        : this(engine.Mean, engine.Covariance)
    {
    }

    internal Control.Estimate ToEngine(int states, string name)
    {
        Check(states, name);
        return new(Mean, Covariance);
    }

    internal Models.Gaussian ToGaussian(int numbers, string name)
    {
        Check(numbers, name);
        return new(Mean, Covariance);
    }

    private void Check(int numbers, string name)
    {
        if (Mean is null || Covariance is null) throw new ArgumentException("a belief needs a mean and a covariance", name);
        Require.Vector(Mean, numbers, "the mean", name);
        Require.Matrix(Covariance, numbers, numbers, "the covariance", name);
    }
}

/// <summary>What a measurement told about the belief it came to.</summary>
/// <param name="LogLikelihood">ln p(y) under the belief, of the numbers that were measured.</param>
/// <param name="SquaredDistance">eᵀS⁻¹e of what was not foreseen: χ² with <paramref name="Count"/> degrees of freedom where model and noise are right.</param>
/// <param name="Count">Numbers that were measured.</param>
/// <param name="IsLost">True when the belief could not use it and was left as it stood.</param>
public readonly record struct Innovation(double LogLikelihood, double SquaredDistance, int Count, bool IsLost)
{
    internal Innovation(Control.Innovation engine)
        : this(engine.LogLikelihood, engine.SquaredDistance, engine.Count, engine.IsLost)
    {
    }
}

/// <summary>What an estimator believed at one time.</summary>
public sealed class FilterStep
{
    internal FilterStep(Control.FilterStep engine)
    {
        Engine = engine;
        Predicted = new(engine.Predicted);
        Filtered = new(engine.Filtered);
        Innovation = new(engine.Innovation);
    }

    internal Control.FilterStep Engine { get; }

    /// <summary>Before the measurement.</summary>
    public Estimate Predicted { get; }

    /// <summary>After it.</summary>
    public Estimate Filtered { get; }

    /// <summary>Covariance of the state a step earlier with this one, given all measured until then, [n, n]; of no meaning at the first time.</summary>
    public double[,] Cross => Engine.Cross;

    /// <summary>What the measurement told.</summary>
    public Innovation Innovation { get; }
}

/// <summary>
/// Estimates the state of a system as time goes on: <see cref="Update"/> takes in what is measured now, <see cref="Predict"/> goes one step
/// ahead under the control that acts. Not thread-safe.
/// </summary>
public class StateEstimator
{
    private readonly Control.StateEstimator _engine;

    private protected StateEstimator(Control.StateEstimator engine) => _engine = engine;

    /// <summary>The Kalman filter of a linear model, from a prior belief: exact for normal noise.</summary>
    public static KalmanFilter Kalman(LinearModel model, Estimate prior)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(prior);
        var engine = model.ToEngine(nameof(model));
        return new(model, Control.Kalman.create(engine, prior.ToEngine(engine.A.GetLength(0), nameof(prior))));
    }

    /// <summary>The extended Kalman filter: linearised about its own estimates, with exact Jacobians.</summary>
    public static StateEstimator ExtendedKalman(NoisySystem system, Estimate prior)
    {
        ArgumentNullException.ThrowIfNull(system);
        ArgumentNullException.ThrowIfNull(prior);
        return new(Control.ExtendedKalman.create(system.Engine, prior.ToEngine(system.Dynamics.States, nameof(prior))));
    }

    /// <summary>The unscented Kalman filter: moments of points sent through the system, without derivatives.</summary>
    public static StateEstimator UnscentedKalman(NoisySystem system, Estimate prior, UnscentedOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(system);
        ArgumentNullException.ThrowIfNull(prior);
        return new(Control.UnscentedKalman.create(
            (options ?? new()).ToEngine(), system.Engine, prior.ToEngine(system.Dynamics.States, nameof(prior))));
    }

    /// <summary>
    /// Moving-horizon estimation: at every measurement, the most probable states of the last steps, with bounds on states and noise. The dynamics
    /// must be a lambda over reals, and all covariances positive definite. Source: Rao, Rawlings, Mayne (2003).
    /// </summary>
    public static MovingHorizonEstimator MovingHorizon(NoisySystem system, Estimate prior, MovingHorizonOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(system);
        ArgumentNullException.ThrowIfNull(prior);
        var n = system.Dynamics.States;
        return new(Control.MovingHorizon.create((options ?? new()).ToEngine(n, nameof(options)), system.Engine, prior.ToEngine(n, nameof(prior))));
    }

    /// <summary>n.</summary>
    public int States => _engine.StateSize;

    /// <summary>m.</summary>
    public int Controls => _engine.ControlSize;

    /// <summary>p.</summary>
    public int Measurements => _engine.MeasurementSize;

    /// <summary>Mean of the belief, [n]: a view of what the next call changes.</summary>
    public ReadOnlySpan<double> Mean => _engine.Mean;

    /// <summary>The belief as it stands: a copy.</summary>
    public Estimate Estimate => new(_engine.Estimate);

    /// <summary>The belief about the next state, when the control [m] acts on this one.</summary>
    public void Predict(params ReadOnlySpan<double> control)
    {
        Require.Size(control.Length, Controls, "the control", nameof(control));
        _engine.Predict(control);
    }

    /// <summary>Takes in what is measured of the present state, [p]; numbers that are NaN were not measured.</summary>
    public Innovation Update(params ReadOnlySpan<double> measurement)
    {
        Require.Size(measurement.Length, Measurements, "the measurement", nameof(measurement));
        return new(_engine.Update(measurement));
    }

    /// <summary>All beliefs along controls [T, m] and measurements [T+1, p], numbers not measured being NaN. The estimator is left at the end.</summary>
    public IReadOnlyList<FilterStep> Run(double[,] controls, double[,] measurements)
    {
        ArgumentNullException.ThrowIfNull(controls);
        ArgumentNullException.ThrowIfNull(measurements);
        Require.Matrix(controls, controls.GetLength(0), Controls, "the matrix of controls", nameof(controls));
        var times = controls.GetLength(0) + 1;
        if (measurements.GetLength(0) != times || measurements.GetLength(1) != Measurements)
            throw new ArgumentException(
                $"the measurements are {measurements.GetLength(0)}×{measurements.GetLength(1)}; they must be {times}×{Measurements}", nameof(measurements));
        return Array.ConvertAll(Control.StateEstimatorModule.run(_engine, controls, measurements), step => new FilterStep(step));
    }
}

/// <summary>A Kalman filter, whose model may vary in time. Made by <see cref="StateEstimator.Kalman"/>.</summary>
public sealed class KalmanFilter : StateEstimator
{
    private readonly Control.KalmanFilter _engine;
    private LinearModel _model;

    internal KalmanFilter(LinearModel model, Control.KalmanFilter engine)
        : base(engine)
    {
        _model = model;
        _engine = engine;
    }

    /// <summary>What holds from now on: set it between steps where the system varies in time.</summary>
    /// <exception cref="ArgumentException">Sizes differ from before.</exception>
    public LinearModel Model
    {
        get => _model;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            var model = value.ToEngine(nameof(value));
            if ((model.A.GetLength(0), model.B.GetLength(1), model.C.GetLength(0)) != (States, Controls, Measurements))
                throw new ArgumentException(
                    $"the filter is of {States} states, {Controls} controls and {Measurements} measurements, and the model is not", nameof(value));
            _engine.Model = model;
            _model = value;
        }
    }
}

/// <summary>A moving-horizon estimator. Made by <see cref="StateEstimator.MovingHorizon"/>.</summary>
public sealed class MovingHorizonEstimator : StateEstimator
{
    private readonly Control.MovingHorizonEstimator _engine;

    internal MovingHorizonEstimator(Control.MovingHorizonEstimator engine)
        : base(engine) => _engine = engine;

    /// <summary>Why the solver stopped over the last window.</summary>
    public SolveStatus Status => _engine.Status.ToPublic().Status;

    /// <summary>Estimates of the states of the window, the newest last: [N+1, n], fewer at first.</summary>
    public double[,] Window => _engine.Window;
}

/// <summary>What all measurements, earlier and later ones, tell about the state at one time.</summary>
/// <param name="Estimate">The belief.</param>
/// <param name="LagOne">Covariance of the next state with this one, given all measurements, [n, n]; zeros at the last time.</param>
public sealed record SmoothedStep(Estimate Estimate, double[,] LagOne);

/// <summary>Readings of what an estimator believed over time.</summary>
public static class FilterStepExtensions
{
    /// <summary>What the whole of a record tells about each of its times: the smoother of Rauch, Tung and Striebel (1965).</summary>
    public static IReadOnlyList<SmoothedStep> Smooth(this IReadOnlyList<FilterStep> steps) =>
        Array.ConvertAll(
            Control.RauchTungStriebel.smooth(Engines(steps)), step => new SmoothedStep(new(step.Estimate), step.LagOne));

    /// <summary>ln p of all that was measured, under the model.</summary>
    public static double LogLikelihood(this IReadOnlyList<FilterStep> steps) => Control.StateEstimatorModule.logLikelihood(Engines(steps));

    private static Control.FilterStep[] Engines(IReadOnlyList<FilterStep> steps)
    {
        ArgumentNullException.ThrowIfNull(steps);
        return [.. steps.Select(step => step.Engine)];
    }
}
