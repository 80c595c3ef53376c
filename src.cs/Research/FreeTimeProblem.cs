using Microsoft.FSharp.Core;
using Research.ModelBased.Internal;
using Graph = Research.Real;

namespace Research.ModelBased;

/// <summary>
/// A problem that chooses how long it takes: all T steps last the same time h, and the first control chooses it.
/// <see cref="Problem"/> is an ordinary problem, with two more states and one more control than the model, for any solver.
/// </summary>
public sealed class FreeTimeProblem
{
    private readonly int _states;
    private readonly int _controls;

    private FreeTimeProblem(int states, int controls, ControlProblem problem)
    {
        _states = states;
        _controls = controls;
        Problem = problem;
    }

    /// <summary>A problem of n states and m controls whose steps last from <paramref name="shortest"/> to <paramref name="longest"/> seconds.</summary>
    /// <param name="states">n.</param>
    /// <param name="controls">m.</param>
    /// <param name="next">step(h, x, u): the next state after a time h.</param>
    /// <param name="stage">stage(h, x, u): the cost of that time; h itself makes it a problem of least time.</param>
    /// <param name="terminal">terminal(h, x): the cost at the end.</param>
    /// <param name="horizon">T, the number of steps.</param>
    /// <param name="start">x₀ [n].</param>
    /// <param name="shortest">Least time of a step, s.</param>
    /// <param name="longest">Longest time of a step, s.</param>
    /// <param name="limits">Lower and upper limits of the controls, [m] each, if any.</param>
    public static FreeTimeProblem Create(
        int states, int controls, Func<Real, RealVector, RealVector, RealVector> next, Func<Real, RealVector, RealVector, Real> stage,
        Func<Real, RealVector, Real> terminal, int horizon, double[] start, double shortest, double longest,
        (double[] Lower, double[] Upper)? limits = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(states);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(controls);
        ArgumentNullException.ThrowIfNull(next);
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(terminal);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(horizon);
        Require.Vector(start, states, "the start", nameof(start));
        if (!(shortest > 0)) throw new ArgumentOutOfRangeException(nameof(shortest), shortest, "a step lasts a positive time");
        if (!(longest >= shortest)) throw new ArgumentOutOfRangeException(nameof(longest), longest, $"a step cannot last from {shortest} to {longest}");
        if (limits is var (lower, upper)) Require.Limits(lower, upper, controls, "the controls");
        return new(states, controls, new(Control.FreeTime.problem(
            states, controls,
            FuncConvert.FromFunc<Graph, Graph[], Graph[], Graph[]>((h, x, u) => next(new(h), new(x), new(u)).Items),
            FuncConvert.FromFunc<Graph, Graph[], Graph[], Graph>((h, x, u) => stage(new(h), new(x), new(u)).Node),
            FuncConvert.FromFunc<Graph, Graph[], Graph>((h, x) => terminal(new(h), new(x)).Node),
            horizon, start, shortest, longest, Bridge.Limits(limits?.Lower, limits?.Upper))));
    }

    /// <summary>The problem for a solver.</summary>
    public ControlProblem Problem { get; }

    /// <summary>The problem with more constraints, which are stated for the n states and m controls of the model.</summary>
    public FreeTimeProblem WithConstraints(params Constraint[] constraints)
    {
        ArgumentNullException.ThrowIfNull(constraints);
        foreach (var constraint in constraints) ArgumentNullException.ThrowIfNull(constraint, nameof(constraints));
        return new(_states, _controls, Problem.WithConstraints(
            [.. constraints.Select(constraint => new Constraint(Control.FreeTime.constrain(_states, _controls, constraint.Engine)))]));
    }

    /// <summary>First controls for a solver, from those of the model [T, m] and a guess of the time of a step.</summary>
    public double[,] Controls(double[,] controls, double stepTime)
    {
        Require.Matrix(controls, Problem.Horizon, _controls, "the matrix of controls", nameof(controls));
        return Control.FreeTime.controls(controls, stepTime);
    }

    /// <summary>How long each step of a solution lasts, s.</summary>
    public double StepTime(Solution solution)
    {
        ArgumentNullException.ThrowIfNull(solution);
        if (solution.States.GetLength(1) != _states + 2)
            throw new ArgumentException("this is no solution of a problem with free time", nameof(solution));
        return Control.FreeTime.stepOf(solution.Engine);
    }
}
