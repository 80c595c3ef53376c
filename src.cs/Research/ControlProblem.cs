using Microsoft.FSharp.Collections;
using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>
/// A problem of optimal control over a finite horizon: minimise Σₜ stage(xₜ, uₜ) + terminal(x_T) over u₀ … u_{T−1}, with xₜ₊₁ = f(xₜ, uₜ) and
/// x₀ given. Immutable: the methods that begin with With give a changed copy.
/// </summary>
public sealed class ControlProblem
{
    /// <summary>A problem without limits, signals or constraints.</summary>
    /// <param name="dynamics">The system.</param>
    /// <param name="cost">What is minimised.</param>
    /// <param name="horizon">T, the number of controls.</param>
    /// <param name="start">x₀ [n].</param>
    public ControlProblem(Dynamics dynamics, Cost cost, int horizon, double[] start)
    {
        ArgumentNullException.ThrowIfNull(dynamics);
        ArgumentNullException.ThrowIfNull(cost);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(horizon);
        Require.Vector(start, dynamics.States, "the start", nameof(start));
        Dynamics = dynamics;
        Cost = cost;
        var problem = Control.ProblemModule.create(dynamics.Engine, cost.Engine, horizon, [.. start]);
        Engine = With(problem, signals: new double[horizon + 1, cost.Signals]);
    }

    internal ControlProblem(Control.Problem engine)
    {
        Engine = engine;
        Dynamics = new(engine.Dynamics);
        Cost = new(engine.Cost);
    }

    internal Control.Problem Engine { get; }

    /// <summary>The system.</summary>
    public Dynamics Dynamics { get; }

    /// <summary>What is minimised.</summary>
    public Cost Cost { get; }

    /// <summary>T, the number of controls.</summary>
    public int Horizon => Engine.Horizon;

    /// <summary>x₀ [n].</summary>
    public ReadOnlySpan<double> Start => Engine.Start;

    /// <summary>Lower limits of the controls [m]; empty where there are no limits.</summary>
    public ReadOnlySpan<double> LowerLimits => Engine.Limits is { } limits ? limits.Value.Item1 : [];

    /// <summary>Upper limits of the controls [m]; empty where there are no limits.</summary>
    public ReadOnlySpan<double> UpperLimits => Engine.Limits is { } limits ? limits.Value.Item2 : [];

    /// <summary>What the cost and the constraints read besides state and control: a copy, [T+1, signals].</summary>
    public double[,] Signals => (double[,])Engine.Signals.Clone();

    /// <summary>Constraints beside the dynamics and the limits.</summary>
    public IReadOnlyList<Constraint> Constraints => [.. Engine.Constraints.Select(constraint => new Constraint(constraint))];

    /// <summary>The problem from another start [n].</summary>
    public ControlProblem WithStart(params double[] start)
    {
        Require.Vector(start, Dynamics.States, "the start", nameof(start));
        return new(With(Engine, start: [.. start]));
    }

    /// <summary>The problem with limits of its controls, [m] each; infinite where there is none.</summary>
    public ControlProblem WithLimits(double[] lower, double[] upper)
    {
        Require.Limits(lower, upper, Dynamics.Controls, "the controls");
        return new(Control.ProblemModule.withLimits([.. lower], [.. upper], Engine));
    }

    /// <summary>The problem with more constraints.</summary>
    public ControlProblem WithConstraints(params Constraint[] constraints)
    {
        ArgumentNullException.ThrowIfNull(constraints);
        foreach (var constraint in constraints) ArgumentNullException.ThrowIfNull(constraint, nameof(constraints));
        return new(Control.ProblemModule.withConstraints(Bridge.List(constraints.Select(constraint => constraint.Engine)), Engine));
    }

    /// <summary>The problem with other signals [T+1, signals]: one row a step and one for the end.</summary>
    public ControlProblem WithSignals(double[,] signals)
    {
        Require.Matrix(signals, Horizon + 1, Cost.Signals, "the signal matrix", nameof(signals));
        return new(With(Engine, signals: (double[,])signals.Clone()));
    }

    /// <summary>Controls [T, m] that are all the same number: the usual first guess of a solver.</summary>
    public double[,] ConstantControls(double value = 0)
    {
        var controls = new double[Horizon, Dynamics.Controls];
        if (value != 0)
            for (var t = 0; t < Horizon; t++)
                for (var i = 0; i < Dynamics.Controls; i++)
                    controls[t, i] = value;
        return controls;
    }

    internal double[,] CheckControls(double[,]? controls, string name)
    {
        if (controls is null) return ConstantControls();
        Require.Matrix(controls, Horizon, Dynamics.Controls, "the matrix of controls", name);
        return controls;
    }

    internal void CheckStates(double[,]? states, string name) =>
        Require.Matrix(states, Horizon + 1, Dynamics.States, "the matrix of states", name);

    internal void RefuseConstraints(string solver, string name)
    {
        if (!Engine.Constraints.IsEmpty)
            throw new ArgumentException(
                $"{solver} knows limits of controls, and this problem has other constraints ({string.Join(", ", Engine.Constraints.Select(c => c.Name))}): use {nameof(Constrained)}",
                name);
    }

    private static Control.Problem With(Control.Problem problem, double[]? start = null, double[,]? signals = null) =>
        new(problem.Dynamics, problem.Cost, problem.Horizon, start ?? problem.Start, problem.Limits, signals ?? problem.Signals, problem.Constraints);
}
