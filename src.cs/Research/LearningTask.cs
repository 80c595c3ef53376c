using Microsoft.FSharp.Core;

namespace Research.ModelBased;

/// <summary>
/// A task of one's own to learn, for <see cref="LearningScenario(LearningTask)"/>: a system whose whole state x [n] is measured, with controls
/// u [m], and where its state should be. Arrays are copied.
/// </summary>
public sealed record LearningTask
{
    /// <summary>Its name, by which checkpoints know it.</summary>
    public required string Name { get; init; }

    /// <summary>The numbers of the state, n.</summary>
    public required IReadOnlyList<Quantity> States { get; init; }

    /// <summary>The numbers of the control, m.</summary>
    public required IReadOnlyList<Quantity> Controls { get; init; }

    /// <summary>Time of a step, s.</summary>
    public required double TimeStep { get; init; }

    /// <summary>Steps of a rollout.</summary>
    public required int Horizon { get; init; }

    /// <summary>The system itself: its next state from its state and the control, held over a step. The learner does not see into it.</summary>
    public required Func<double[], double[], double[]> Advance { get; init; }

    /// <summary>Mean of the first state, [n].</summary>
    public required double[] Start { get; init; }

    /// <summary>Standard deviations of the first state, [n].</summary>
    public required double[] StartSpread { get; init; }

    /// <summary>Standard deviations of the noise of measured states, [n].</summary>
    public required double[] Noise { get; init; }

    /// <summary>Controls lie between ± these, [m].</summary>
    public required double[] Limits { get; init; }

    /// <summary>Which numbers of the state are angles in radians: learners see their sines and cosines.</summary>
    public int[] Angles { get; init; } = [];

    /// <summary>What the loss compares: C [r, n + 2·angles] over z = [x; sin and cos of each angle].</summary>
    public required double[,] Rows { get; init; }

    /// <summary>Where the state should be, x* [n]: the loss of a step is 1 − exp(−½ |C(z − z*)|²/width²).</summary>
    public required double[] Target { get; init; }

    /// <summary>Width of the loss, in the unit of C z.</summary>
    public required double Width { get; init; }

    /// <summary>A rollout solves the task when |C(z − z*)| stays within this for its last second.</summary>
    public required double Reach { get; init; }

    internal Agents.Scenario ToEngine(string name)
    {
        foreach (object? part in (object?[])[Name, States, Controls, Advance, Start, StartSpread, Noise, Limits, Angles, Rows, Target])
            ArgumentNullException.ThrowIfNull(part, name);
        var (advance, n) = (Advance, States.Count);
        return Agents.ScenarioModule.ofTask(new(
            Name, Engine(States), Engine(Controls), TimeStep, Horizon, FuncConvert.FromFunc<double[], double[], double[]>(Next), [.. Noise],
            [.. Start], [.. StartSpread], [.. Limits], [.. Angles], (double[,])Rows.Clone(), [.. Target], Width, Reach));

        double[] Next(double[] x, double[] u)
        {
            var next = advance([.. x], [.. u]);
            return next?.Length == n ? next : throw new InvalidOperationException($"{Name}: Advance gave {next?.Length ?? 0} numbers; {n} are needed");
        }
    }

    private static global::Research.Environments.Quantity[] Engine(IReadOnlyList<Quantity> list) =>
        [.. list.Select(quantity => new global::Research.Environments.Quantity(quantity.Name, quantity.Unit))];
}
