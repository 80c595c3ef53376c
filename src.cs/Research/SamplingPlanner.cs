using Microsoft.FSharp.Core;
using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>What one replan of a sampling planner did.</summary>
/// <param name="Best">Lowest cost of a sampled sequence; the plan itself need not be that sample.</param>
/// <param name="Iterations">Populations sampled.</param>
/// <param name="Evaluations">Sequences costed.</param>
/// <param name="IsLost">True when the state was not finite, or no sampled sequence had a finite cost, and the old plan stands.</param>
/// <param name="Time">Time from the state to the plan.</param>
public readonly record struct Sampling(double Best, int Iterations, int Evaluations, bool IsLost, TimeSpan Time);

/// <summary>
/// A controller that samples control sequences, costs them from where the system is, and acts on what it makes of the best, until it plans
/// again. The same source of random numbers and the same states give the same plans, bit for bit. One thread at a time: a call while another is at work is an <see cref="InvalidOperationException"/>.
/// </summary>
public sealed class SamplingPlanner
{
    private readonly Control.SamplingPlanner _engine;

    private SamplingPlanner(Objective objective, Control.SamplingPlanner engine)
    {
        Objective = objective;
        _engine = engine;
    }

    /// <summary>What it minimises.</summary>
    public Objective Objective { get; }

    /// <summary>Random shooting: controls uniform between their limits, and the best sequence is the plan.</summary>
    /// <param name="objective">With limits on all controls.</param>
    /// <param name="random">Advanced by use.</param>
    /// <param name="options">The defaults where null.</param>
    public static SamplingPlanner RandomShooting(Objective objective, RandomSource random, RandomShootingOptions? options = null)
    {
        Check(objective, random);
        return new(objective, Control.RandomShooting.create((options ?? new()).ToEngine(), objective.Engine, random.Engine));
    }

    /// <summary>
    /// The cross-entropy method as PETS has it: samples about a mean, of which the best make the next mean and variance; the plan is the mean.
    /// Source: Chua and others (2018).
    /// </summary>
    /// <param name="objective">What it minimises.</param>
    /// <param name="random">Advanced by use.</param>
    /// <param name="options">The defaults where null.</param>
    public static SamplingPlanner Cem(Objective objective, RandomSource random, CemOptions? options = null)
    {
        Check(objective, random);
        return new(objective, Control.Cem.create((options ?? new()).ToEngine(), objective.Engine, random.Engine));
    }

    /// <summary>The improved cross-entropy method, with coloured noise and elites that are kept. Source: Pinneri and others (2020).</summary>
    /// <param name="objective">What it minimises.</param>
    /// <param name="random">Advanced by use.</param>
    /// <param name="options">The defaults where null.</param>
    public static SamplingPlanner ICem(Objective objective, RandomSource random, ICemOptions? options = null)
    {
        Check(objective, random);
        return new(objective, Control.ICem.create((options ?? new()).ToEngine(), objective.Engine, random.Engine));
    }

    /// <summary>
    /// Model-predictive path-integral control: the plan is the mean of all samples under weights that fall exponentially with the cost.
    /// Source: Williams and others (2018).
    /// </summary>
    /// <param name="objective">What it minimises.</param>
    /// <param name="random">Advanced by use.</param>
    /// <param name="options">The defaults where null.</param>
    public static SamplingPlanner Mppi(Objective objective, RandomSource random, MppiOptions? options = null)
    {
        Check(objective, random);
        return new(objective, Control.Mppi.create((options ?? new()).ToEngine(), objective.Engine, random.Engine));
    }

    /// <summary>
    /// Predictive sampling: the plan is a spline of a few knots, and the best of its noisy copies and itself is the next.
    /// Source: Howell and others (2022).
    /// </summary>
    /// <param name="objective">What it minimises.</param>
    /// <param name="random">Advanced by use.</param>
    /// <param name="options">The defaults where null.</param>
    public static SamplingPlanner PredictiveSampling(Objective objective, RandomSource random, PredictiveSamplingOptions? options = null)
    {
        Check(objective, random);
        return new(objective, Control.PredictiveSampling.create((options ?? new()).ToEngine(), objective.Engine, random.Engine));
    }

    /// <summary>Plans from a state; the old plan, moved ahead in time, is the start.</summary>
    /// <param name="state">Where the system is, [n].</param>
    /// <param name="elapsed">Steps that the system has made since the last plan began.</param>
    public Sampling Replan(ReadOnlySpan<double> state, int elapsed)
    {
        Require.Size(state.Length, Objective.States, "the state", nameof(state));
        ArgumentOutOfRangeException.ThrowIfNegative(elapsed);
        var sampling = _engine.Replan(state, elapsed);
        return new(sampling.Best, sampling.Iterations, sampling.Evaluations, sampling.IsLost, TimeSpan.FromSeconds(sampling.Seconds));
    }

    /// <summary>The control [m] of the plan at a step 0, 1, … after its start; the last one is held after the end.</summary>
    public double[] Act(int step)
    {
        var control = new double[Objective.Controls];
        Act(step, control);
        return control;
    }

    /// <summary>The control [m] of the plan at a step, without allocating.</summary>
    /// <param name="step">0, 1, … after the start of the plan.</param>
    /// <param name="control">Receives the control, [m].</param>
    public void Act(int step, Span<double> control)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        Require.Size(control.Length, Objective.Controls, "the room for the control", nameof(control));
        _engine.Act(step, control);
    }

    /// <summary>The plan [T, m], a copy. Setting it forgets all that the planner knows and gives it a new start, held to the limits.</summary>
    public double[,] Plan
    {
        get => _engine.Plan;
        set
        {
            Require.Matrix(value, Objective.Horizon, Objective.Controls, "the plan", nameof(value));
            _engine.Plan = value;
        }
    }

    /// <summary>
    /// The planner as a policy that replans every so many steps, whose steps must be asked for in order from 0 on: for
    /// <see cref="Dynamics.Simulate"/>.
    /// </summary>
    public Policy Policy(int every = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(every);
        return new(_engine.Policy(every));
    }

    private static void Check(Objective objective, RandomSource random)
    {
        ArgumentNullException.ThrowIfNull(objective);
        ArgumentNullException.ThrowIfNull(random);
    }

    /// <summary>Deviations as the engine has them.</summary>
    internal static FSharpOption<double[]>? Deviation(IReadOnlyList<double>? deviation) =>
        deviation is null ? null : FSharpOption<double[]>.Some([.. deviation]);
}
