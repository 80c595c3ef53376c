using Microsoft.FSharp.Core;
using Research.ModelBased.Internal;
using Engine = Research.Environments.Environment;

namespace Research.ModelBased;

/// <summary>A named number of a state or control.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Unit">In what it is measured.</param>
public sealed record Quantity(string Name, string Unit);

/// <summary>A system that comes with the library: a differentiable model and the task that goes with it. See <see cref="Environments"/>.</summary>
public sealed class ControlEnvironment
{
    private readonly Engine _engine;

    internal ControlEnvironment(Engine engine) => _engine = engine;

    /// <summary>Its name.</summary>
    public string Name => _engine.Name;

    /// <summary>The task in a line.</summary>
    public string Summary => _engine.Summary;

    /// <summary>Where the equations and constants are from.</summary>
    public string Source => _engine.Source;

    /// <summary>The numbers of a state.</summary>
    public IReadOnlyList<Quantity> States => Quantities(_engine.States);

    /// <summary>The numbers of a control.</summary>
    public IReadOnlyList<Quantity> Controls => Quantities(_engine.Controls);

    /// <summary>Time of a step, s.</summary>
    public double TimeStep => _engine.TimeStep;

    /// <summary>Steps of the task.</summary>
    public int Horizon => _engine.Horizon;

    /// <summary>The state [n] in which the task should end; empty where there is no one such state.</summary>
    public ReadOnlySpan<double> Goal => _engine.Goal is { Value: var goal } ? goal : [];

    /// <summary>Mean of the first state, [n].</summary>
    public ReadOnlySpan<double> Start => _engine.Start;

    /// <summary>Standard deviation of each number of the first state of an episode, [n].</summary>
    public ReadOnlySpan<double> StartSpread => _engine.StartSpread;

    /// <summary>Lower limits of the controls [m]; infinite where there is none.</summary>
    public ReadOnlySpan<double> LowerLimits => _engine.Limits.Item1;

    /// <summary>Upper limits of the controls [m]; infinite where there is none.</summary>
    public ReadOnlySpan<double> UpperLimits => _engine.Limits.Item2;

    /// <summary>The next state f(x, u) for a time step of its own, as a lambda over reals: to build other problems of.</summary>
    public RealVector Next(RealVector x, RealVector u)
    {
        Require.Size(x.Length, _engine.States.Length, "the state", nameof(x));
        Require.Size(u.Length, _engine.Controls.Length, "the control", nameof(u));
        return new(FSharpFunc<Research.Real, Research.Real[]>.InvokeFast(_engine.Step, Research.Real.Constant(TimeStep), x.Items, u.Items));
    }

    /// <summary>The dynamics at a time step in seconds.</summary>
    public Dynamics Dynamics(double timeStep)
    {
        CheckTimeStep(timeStep);
        return new(_engine.Dynamics(timeStep));
    }

    /// <summary>The cost at a time step in seconds.</summary>
    public Cost Cost(double timeStep)
    {
        CheckTimeStep(timeStep);
        return new(_engine.Cost(timeStep));
    }

    /// <summary>The task as a problem of optimal control.</summary>
    public ControlProblem Problem() => new(_engine.Problem);

    /// <summary>The task as a problem of optimal control, at a time step in seconds and over a number of steps.</summary>
    public ControlProblem Problem(double timeStep, int horizon)
    {
        CheckTimeStep(timeStep);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(horizon);
        return new(_engine.ProblemOver(timeStep, horizon));
    }

    /// <summary>Episodes of the task, a batch at a time.</summary>
    public Episodes Episodes(int batch)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batch);
        return new(new(_engine, batch), batch, _engine.Controls.Length);
    }

    /// <summary>Name and summary.</summary>
    public override string ToString() => $"{Name}: {Summary}";

    internal static Quantity[] Quantities(Research.Environments.Quantity[] quantities) =>
        Array.ConvertAll(quantities, quantity => new Quantity(quantity.Name, quantity.Unit));

    private static void CheckTimeStep(double timeStep)
    {
        if (!(timeStep > 0 && double.IsFinite(timeStep)))
            throw new ArgumentOutOfRangeException(nameof(timeStep), timeStep, "a time step is a positive number of seconds");
    }
}
