namespace Research.ModelBased;

/// <summary>Options of the solver with constraints.</summary>
public sealed record ConstrainedOptions
{
    /// <summary>The defaults.</summary>
    public ConstrainedOptions()
        : this(Control.Constrained.defaults)
    {
    }

    internal ConstrainedOptions(Control.ConstrainedOptions options)
    {
        Inner = new(options.Inner);
        MaxRounds = options.MaxRounds;
        FeasibilityTolerance = options.FeasibilityTolerance;
        OptimalityTolerance = options.OptimalityTolerance;
        FirstPenalty = options.FirstPenalty;
        PenaltyFactor = options.PenaltyFactor;
        MaxPenalty = options.MaxPenalty;
    }

    /// <summary>Options of the solver inside; its tolerances are those of the last rounds.</summary>
    public SolverOptions Inner { get; init; }

    /// <summary>Most rounds of new multipliers, each a solution of the problem inside.</summary>
    public int MaxRounds { get; init; }

    /// <summary>Largest violation of a constraint at a solution; where its numbers are counted in millions or more, in that unit.</summary>
    public double FeasibilityTolerance { get; init; }

    /// <summary>Largest gradient of the Lagrangian at a solution, as a share of 1 + |cost|.</summary>
    public double OptimalityTolerance { get; init; }

    /// <summary>Penalty ρ of the first round.</summary>
    public double FirstPenalty { get; init; }

    /// <summary>Factor by which ρ grows where a violation does not fall to a quarter.</summary>
    public double PenaltyFactor { get; init; }

    /// <summary>Largest ρ.</summary>
    public double MaxPenalty { get; init; }

    internal Control.ConstrainedOptions ToEngine(string name)
    {
        ArgumentNullException.ThrowIfNull(Inner, name);
        if (MaxRounds < 1) throw new ArgumentException($"{nameof(MaxRounds)} is {MaxRounds}; it must be 1 or more", name);
        return new(
            Inner.ToEngine(name), MaxRounds, FeasibilityTolerance, OptimalityTolerance, FirstPenalty, PenaltyFactor, MaxPenalty);
    }
}
