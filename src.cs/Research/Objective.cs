using Microsoft.FSharp.Core;
using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>
/// What a sampling planner minimises: the cost of control sequences from a state. A problem converts to one; so does anything else that can
/// cost many sequences at once. Keeps its memory: not thread-safe.
/// </summary>
public sealed class Objective
{
    private Objective(Control.Objective engine) => Engine = engine;

    internal Control.Objective Engine { get; }

    /// <summary>T, the number of steps.</summary>
    public int Horizon => Engine.Horizon;

    /// <summary>n.</summary>
    public int States => Engine.StateSize;

    /// <summary>m.</summary>
    public int Controls => Engine.ControlSize;

    /// <summary>The objective of a problem, whose start is replaced by the states that come.</summary>
    /// <exception cref="ArgumentException">The problem has constraints beside limits.</exception>
    public static Objective FromProblem(ControlProblem problem)
    {
        ArgumentNullException.ThrowIfNull(problem);
        problem.RefuseConstraints("a sampling planner", nameof(problem));
        return new(Control.ObjectiveModule.ofProblem(problem.Engine));
    }

    /// <summary>An objective from a function that costs populations.</summary>
    /// <param name="horizon">T.</param>
    /// <param name="states">n.</param>
    /// <param name="lower">Lower limits of the controls, [m]; infinite where there is none.</param>
    /// <param name="upper">Upper limits of the controls, [m]; infinite where there is none.</param>
    /// <param name="costs">
    /// costs(state, controls, count, result) writes the costs of a population of sequences from a state [n] to the first <c>count</c> numbers of
    /// the result; control i of step t of sequence p is at (t·m + i)·count + p.
    /// </param>
    public static Objective Create(int horizon, int states, double[] lower, double[] upper, Action<double[], double[], int, double[]> costs)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(horizon);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(states);
        ArgumentNullException.ThrowIfNull(lower);
        Require.Limits(lower, upper, lower.Length, "the controls");
        if (lower.Length == 0) throw new ArgumentException("there must be one control or more", nameof(lower));
        ArgumentNullException.ThrowIfNull(costs);
        return new(Control.ObjectiveModule.create(horizon, states, [.. lower], [.. upper], FuncConvert.FromAction(costs)));
    }

    /// <summary>The cost of one sequence [T, m] from a state [n].</summary>
    public double Cost(double[] state, double[,] controls)
    {
        Require.Vector(state, States, "the state", nameof(state));
        Require.Matrix(controls, Horizon, Controls, "the matrix of controls", nameof(controls));
        return Control.ObjectiveModule.cost(Engine, state, controls);
    }
}
