namespace Research.ModelBased;

/// <summary>
/// The iterative linear-quadratic regulator, with limits of controls: in every iteration the dynamics are linear and the cost quadratic along
/// the trajectory, and the next trajectory is that of u = ū + αk + K(x − x̄). Sources: Li and Todorov (2004); Tassa, Mansard, Todorov (2014).
/// </summary>
public static class Ilqr
{
    /// <summary>A solver that can be used again from other guesses.</summary>
    /// <exception cref="ArgumentException">The problem has constraints beside limits.</exception>
    public static TrajectoryOptimiser Create(ControlProblem problem, SolverOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(problem);
        problem.RefuseConstraints("iLQR", nameof(problem));
        return new(problem, Control.Ilqr.create((options ?? new()).ToEngine(nameof(options)), problem.Engine));
    }

    /// <summary>Solves a problem from first controls.</summary>
    /// <param name="problem">Without constraints beside limits.</param>
    /// <param name="controls">[T, m]; zeros where null.</param>
    /// <param name="options">The defaults where null.</param>
    /// <param name="progress">Sees every iteration as it ends.</param>
    /// <param name="cancellation">Stops after the iteration that runs: the solution is then the best so far, of status <see cref="SolveStatus.Cancelled"/>.</param>
    public static Solution Solve(
        ControlProblem problem, double[,]? controls = null, SolverOptions? options = null, IProgress<Iteration>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(problem);
        problem.CheckControls(controls, nameof(controls));
        return Create(problem, options).Solve(controls, progress, cancellation);
    }

    /// <summary>Solves a problem from a guess of states, which need not obey the dynamics: multiple shooting.</summary>
    /// <param name="problem">Without constraints beside limits.</param>
    /// <param name="states">[T+1, n], of which the first is replaced by the start.</param>
    /// <param name="controls">[T, m]; zeros where null.</param>
    /// <param name="options">The defaults where null.</param>
    /// <param name="progress">Sees every iteration as it ends.</param>
    /// <param name="cancellation">Stops after the iteration that runs: the solution is then the best so far, of status <see cref="SolveStatus.Cancelled"/>.</param>
    public static Solution SolveFrom(
        ControlProblem problem, double[,] states, double[,]? controls = null, SolverOptions? options = null, IProgress<Iteration>? progress = null,
        CancellationToken cancellation = default)
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
    public static Task<Solution> SolveAsync(
        ControlProblem problem, double[,]? controls = null, SolverOptions? options = null, IProgress<Iteration>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(problem);
        problem.CheckControls(controls, nameof(controls));
        return Task.Run(() => Solve(problem, controls, options, progress, cancellation), CancellationToken.None);
    }
}
