using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>
/// A solver of one problem with constraints that can be used again from other guesses. One thread at a time: a call while another is at work is an <see cref="InvalidOperationException"/>. Made by
/// <see cref="Constrained.Create"/>.
/// </summary>
public sealed class ConstrainedOptimiser
{
    private readonly ControlProblem _problem;
    private readonly Control.ConstrainedOptimiser _engine;

    internal ConstrainedOptimiser(ControlProblem problem, Control.ConstrainedOptimiser engine)
    {
        _problem = problem;
        _engine = engine;
    }

    /// <summary>Solves from first controls, held to the limits.</summary>
    /// <param name="controls">[T, m]; zeros where null.</param>
    /// <param name="progress">Sees every round as it ends.</param>
    /// <param name="cancellation">Stops after the iteration that runs: the solution is then the best so far, of status <see cref="SolveStatus.Cancelled"/>.</param>
    public ConstrainedSolution Solve(double[,]? controls = null, IProgress<Round>? progress = null, CancellationToken cancellation = default)
    {
        var guess = _problem.CheckControls(controls, nameof(controls));
        return new(_engine.Solve(guess, cancellation, Bridge.Report<Control.Round, Round>(progress, round => new(round))));
    }

    /// <summary>Solves from a guess of states, which need not obey the dynamics: multiple shooting.</summary>
    /// <param name="states">[T+1, n], of which the first is replaced by the start.</param>
    /// <param name="controls">[T, m]; zeros where null.</param>
    /// <param name="progress">Sees every round as it ends.</param>
    /// <param name="cancellation">Stops after the iteration that runs: the solution is then the best so far, of status <see cref="SolveStatus.Cancelled"/>.</param>
    public ConstrainedSolution SolveFrom(
        double[,] states, double[,]? controls = null, IProgress<Round>? progress = null, CancellationToken cancellation = default)
    {
        _problem.CheckStates(states, nameof(states));
        var guess = _problem.CheckControls(controls, nameof(controls));
        return new(_engine.SolveFrom(states, guess, cancellation, Bridge.Report<Control.Round, Round>(progress, round => new(round))));
    }
}
