using Microsoft.FSharp.Core;
using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>What became of a system under model-predictive control, which need not be what the controller's model says.</summary>
public sealed class ClosedLoop
{
    private ClosedLoop(Control.ClosedLoop engine)
    {
        Trajectory = new(engine.X, engine.U);
        Replans = Array.ConvertAll(engine.Replans, replan => new Replan(replan));
    }

    /// <summary>States [steps+1, n] and controls [steps, m] of the system.</summary>
    public Trajectory Trajectory { get; }

    /// <summary>All replans.</summary>
    public IReadOnlyList<Replan> Replans { get; }

    /// <summary>A plan from the start, then the system for a number of steps, with replans and feedback between.</summary>
    /// <param name="controller">Plans and acts.</param>
    /// <param name="plant">The system.</param>
    /// <param name="every">Steps from a replan to the next.</param>
    /// <param name="steps">Steps of the system.</param>
    /// <param name="start">First state [n].</param>
    /// <param name="controls">First controls [T, m] of the first plan; zeros where null.</param>
    /// <param name="disturb">
    /// disturb(t, x): what pushes make of the state x before it is that of step t; the controller sees the result. No pushes where null.
    /// </param>
    /// <param name="cancellation">Ends the run after the step that is under way.</param>
    public static ClosedLoop Run(
        MpcController controller, Dynamics plant, int every, int steps, double[] start, double[,]? controls = null,
        Func<int, double[], double[]>? disturb = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(controller);
        ArgumentNullException.ThrowIfNull(plant);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(every);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        Require.Vector(start, plant.States, "the start", nameof(start));
        var problem = controller.Problem;
        if (plant.States != problem.Dynamics.States || plant.Controls != problem.Dynamics.Controls)
            throw new ArgumentException(
                $"the plant has {plant.States} states and {plant.Controls} controls, the controller's model {problem.Dynamics.States} and {problem.Dynamics.Controls}",
                nameof(plant));
        var guess = problem.CheckControls(controls, nameof(controls));
        controller.MarkStarted();
        return new(Control.ClosedLoopModule.run(
            controller.Engine, plant.Engine, FuncConvert.FromFunc(disturb ?? ((_, x) => x)), every, steps, start, guess, cancellation));
    }
}
