using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>
/// An iLQR or DDP solver of one problem that can be used again from other guesses: it keeps its memory and machine code, so that only the
/// iterations cost time. One thread at a time: a call while another is at work is an <see cref="InvalidOperationException"/>. Made by <see cref="Ilqr.Create"/> and <see cref="Ddp.Create"/>.
/// </summary>
public sealed class TrajectoryOptimiser
{
    private readonly ControlProblem _problem;
    private readonly Control.TrajectoryOptimiser _engine;

    internal TrajectoryOptimiser(ControlProblem problem, Control.TrajectoryOptimiser engine)
    {
        _problem = problem;
        _engine = engine;
    }

    /// <summary>Solves from first controls, held to the limits.</summary>
    /// <param name="controls">[T, m]; zeros where null.</param>
    /// <param name="progress">Sees every iteration as it ends.</param>
    /// <param name="cancellation">Stops after the iteration that runs: the solution is then the best so far, of status <see cref="SolveStatus.Cancelled"/>.</param>
    public Solution Solve(double[,]? controls = null, IProgress<Iteration>? progress = null, CancellationToken cancellation = default)
    {
        var guess = _problem.CheckControls(controls, nameof(controls));
        return new(_engine.Solve(guess, cancellation, Report(progress)));
    }

    /// <summary>Solves from a guess of states, which need not obey the dynamics: multiple shooting.</summary>
    /// <param name="states">[T+1, n], of which the first is replaced by the start.</param>
    /// <param name="controls">[T, m]; zeros where null.</param>
    /// <param name="progress">Sees every iteration as it ends.</param>
    /// <param name="cancellation">Stops after the iteration that runs: the solution is then the best so far, of status <see cref="SolveStatus.Cancelled"/>.</param>
    public Solution SolveFrom(
        double[,] states, double[,]? controls = null, IProgress<Iteration>? progress = null, CancellationToken cancellation = default)
    {
        _problem.CheckStates(states, nameof(states));
        var guess = _problem.CheckControls(controls, nameof(controls));
        return new(_engine.SolveFrom(states, guess, cancellation, Report(progress)));
    }

    private static Microsoft.FSharp.Core.FSharpFunc<Control.Iteration, Microsoft.FSharp.Core.Unit> Report(IProgress<Iteration>? progress) =>
        Bridge.Report<Control.Iteration, Iteration>(progress, iteration => new(iteration));
}
