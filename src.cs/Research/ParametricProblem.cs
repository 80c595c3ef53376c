using Microsoft.FSharp.Core;
using Research.ModelBased.Internal;
using Graph = Research.Real;

namespace Research.ModelBased;

/// <summary>A problem whose model and cost read parameters θ [p]: for <see cref="SensitivitySolver"/>. Immutable.</summary>
public sealed class ParametricProblem
{
    /// <summary>A problem without limits or signals.</summary>
    /// <param name="parameters">p.</param>
    /// <param name="states">n.</param>
    /// <param name="controls">m.</param>
    /// <param name="next">next(θ, x, u): the next state.</param>
    /// <param name="cost">cost(θ): the cost at parameters.</param>
    /// <param name="horizon">T, the number of controls.</param>
    public ParametricProblem(
        int parameters, int states, int controls, Func<RealVector, RealVector, RealVector, RealVector> next, Func<RealVector, Cost> cost, int horizon)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(parameters);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(states);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(controls);
        ArgumentNullException.ThrowIfNull(next);
        ArgumentNullException.ThrowIfNull(cost);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(horizon);
        var theta = new RealVector(RealModule.variables("p", parameters));
        var returned = next(theta, new(RealModule.variables("x", states)), new(RealModule.variables("u", controls)));
        if (returned.Length != states)
            throw new ArgumentException($"the dynamics have {states} states, and the function returned {returned.Length} numbers", nameof(next));
        Signals = cost(theta)?.Signals ?? throw new ArgumentException("the function returned no cost", nameof(cost));
        var problem = Control.Sensitivity.problem(
            parameters, states, controls, Bridge.Field(next), FuncConvert.FromFunc<Graph[], Research.Cost>(p => cost(new(p)).Engine), horizon);
        Engine = With(problem, signals: new double[horizon + 1, Signals]);
    }

    private ParametricProblem(Control.ParametricProblem engine, int signals)
    {
        Engine = engine;
        Signals = signals;
    }

    internal Control.ParametricProblem Engine { get; }

    /// <summary>p.</summary>
    public int Parameters => Engine.Parameters;

    /// <summary>n.</summary>
    public int States => Engine.StateSize;

    /// <summary>m.</summary>
    public int Controls => Engine.ControlSize;

    /// <summary>T, the number of controls.</summary>
    public int Horizon => Engine.Horizon;

    /// <summary>Numbers a step that the cost reads besides state and control.</summary>
    public int Signals { get; }

    /// <summary>The problem with limits of its controls, [m] each; infinite where there is none.</summary>
    public ParametricProblem WithLimits(double[] lower, double[] upper)
    {
        Require.Limits(lower, upper, Controls, "the controls");
        return new(
            new(Engine.Parameters, Engine.StateSize, Engine.ControlSize, Engine.Dynamics, Engine.Cost, Engine.Horizon,
                Bridge.Limits([.. lower], [.. upper]), Engine.Signals),
            Signals);
    }

    /// <summary>The problem with other signals [T+1, signals]: one row a step and one for the end.</summary>
    public ParametricProblem WithSignals(double[,] signals)
    {
        Require.Matrix(signals, Horizon + 1, Signals, "the signal matrix", nameof(signals));
        return new(With(Engine, (double[,])signals.Clone()), Signals);
    }

    private static Control.ParametricProblem With(Control.ParametricProblem problem, double[,] signals) =>
        new(problem.Parameters, problem.StateSize, problem.ControlSize, problem.Dynamics, problem.Cost, problem.Horizon, problem.Limits, signals);
}
