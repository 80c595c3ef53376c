namespace Research.ModelBased;

/// <summary>
/// Problems with constraints on states and controls, by an augmented Lagrangian: rounds of iLQR on the cost with penalties, then, to the last
/// digits, rounds of DDP in which the active constraints are equalities. Sources: Bertsekas (1982); Howell, Jackson, Manchester, ALTRO (2019).
/// </summary>
public static class Constrained
{
    /// <summary>A solver that can be used again from other guesses.</summary>
    public static ConstrainedOptimiser Create(ControlProblem problem, ConstrainedOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(problem);
        return new(problem, Control.Constrained.create((options ?? new()).ToEngine(nameof(options)), problem.Engine));
    }

    /// <summary>Solves a problem from first controls.</summary>
    /// <param name="problem">With constraints or without.</param>
    /// <param name="controls">[T, m]; zeros where null.</param>
    /// <param name="options">The defaults where null.</param>
    /// <param name="progress">Sees every round as it ends.</param>
    /// <param name="cancellation">Stops after the iteration that runs: the solution is then the best so far, of status <see cref="SolveStatus.Cancelled"/>.</param>
    public static ConstrainedSolution Solve(
        ControlProblem problem, double[,]? controls = null, ConstrainedOptions? options = null, IProgress<Round>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(problem);
        problem.CheckControls(controls, nameof(controls));
        return Create(problem, options).Solve(controls, progress, cancellation);
    }

    /// <summary>Solves a problem from a guess of states, which need not obey the dynamics: multiple shooting.</summary>
    /// <param name="problem">With constraints or without.</param>
    /// <param name="states">[T+1, n], of which the first is replaced by the start.</param>
    /// <param name="controls">[T, m]; zeros where null.</param>
    /// <param name="options">The defaults where null.</param>
    /// <param name="progress">Sees every round as it ends.</param>
    /// <param name="cancellation">Stops after the iteration that runs: the solution is then the best so far, of status <see cref="SolveStatus.Cancelled"/>.</param>
    public static ConstrainedSolution SolveFrom(
        ControlProblem problem, double[,] states, double[,]? controls = null, ConstrainedOptions? options = null,
        IProgress<Round>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(problem);
        problem.CheckStates(states, nameof(states));
        problem.CheckControls(controls, nameof(controls));
        return Create(problem, options).SolveFrom(states, controls, progress, cancellation);
    }

    /// <summary>
    /// <see cref="Solve"/> on a thread of the pool, compiling included. Cancellation does not make the task fail: its solution is then the best
    /// so far, of status <see cref="SolveStatus.Cancelled"/>.
    /// </summary>
    /// <inheritdoc cref="Solve"/>
    public static Task<ConstrainedSolution> SolveAsync(
        ControlProblem problem, double[,]? controls = null, ConstrainedOptions? options = null, IProgress<Round>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(problem);
        problem.CheckControls(controls, nameof(controls));
        return Task.Run(() => Solve(problem, controls, options, progress, cancellation), CancellationToken.None);
    }
}
