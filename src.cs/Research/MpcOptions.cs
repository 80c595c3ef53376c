namespace Research.ModelBased;

/// <summary>Options of model-predictive control. The defaults are one iteration a replan and no deadline.</summary>
public sealed record MpcOptions
{
    /// <summary>The defaults.</summary>
    public MpcOptions()
    {
        var options = Control.Mpc.defaults;
        Solver = new(options.Solver);
        Iterations = options.Iterations;
        Deadline = options.Deadline;
        Penalty = options.Penalty;
    }

    /// <summary>Options of the solver inside, for the first plan and for every iteration.</summary>
    public SolverOptions Solver { get; init; }

    /// <summary>Most iterations a replan; the first of them follows the old plan's feedback from where the system is.</summary>
    public int Iterations { get; init; }

    /// <summary>Time that a replan may take: no iteration is begun after it.</summary>
    public TimeSpan Deadline { get; init; }

    /// <summary>ρ of the penalties, where the problem has constraints: their multipliers are improved by every replan.</summary>
    public double Penalty { get; init; }

    internal Control.MpcOptions ToEngine(string name)
    {
        ArgumentNullException.ThrowIfNull(Solver, name);
        if (Iterations < 1) throw new ArgumentException($"{nameof(Iterations)} is {Iterations}; it must be 1 or more", name);
        return new(Solver.ToEngine(name), Iterations, Deadline, Penalty);
    }
}
