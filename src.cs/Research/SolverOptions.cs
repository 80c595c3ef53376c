namespace Research.ModelBased;

/// <summary>Where the regularisation μ of the backward pass acts.</summary>
public enum RegularisationKind
{
    /// <summary>V'xx + μI: penalises deviations from the states of the last trajectory.</summary>
    StateSpace,

    /// <summary>Quu + μI: penalises deviations from its controls.</summary>
    ControlSpace,
}

/// <summary>
/// Options of iLQR and DDP: <c>new SolverOptions { MaxIterations = 50 }</c>. The defaults are those of the 2014 release of Tassa's package.
/// </summary>
public sealed record SolverOptions
{
    /// <summary>The defaults of iLQR and DDP.</summary>
    public SolverOptions()
        : this(Control.Ilqr.defaults)
    {
    }

    internal SolverOptions(Control.Options options)
    {
        MaxIterations = options.MaxIterations;
        CostTolerance = options.CostTolerance;
        GradientTolerance = options.GradientTolerance;
        Regularisation = options.Regularisation.IsStateSpace ? RegularisationKind.StateSpace : RegularisationKind.ControlSpace;
        FirstRegularisation = options.FirstRegularisation;
        RegularisationFactor = options.RegularisationFactor;
        MinRegularisation = options.MinRegularisation;
        MaxRegularisation = options.MaxRegularisation;
        Steps = options.Steps;
        AcceptRatio = options.AcceptRatio;
        Threads = options.Threads;
    }

    /// <summary>Most iterations.</summary>
    public int MaxIterations { get; init; }

    /// <summary>Stop when an accepted step changes the cost by less, a whole one promised less, and μ is below 1e−5.</summary>
    public double CostTolerance { get; init; }

    /// <summary>Stop when the mean of max |k|/(|u|+1) is less, a whole step promises no change of cost, and μ is below 1e−5.</summary>
    public double GradientTolerance { get; init; }

    /// <summary>Where μ acts.</summary>
    public RegularisationKind Regularisation { get; init; }

    /// <summary>μ of the first backward pass.</summary>
    public double FirstRegularisation { get; init; }

    /// <summary>Factor by which μ's own factor grows and shrinks.</summary>
    public double RegularisationFactor { get; init; }

    /// <summary>Least μ other than 0.</summary>
    public double MinRegularisation { get; init; }

    /// <summary>μ at which the solver gives up.</summary>
    public double MaxRegularisation { get; init; }

    /// <summary>Steps α of the line search, in order of preference.</summary>
    public IReadOnlyList<double> Steps { get; init; }

    /// <summary>Least share of the promised improvement at which a step is accepted.</summary>
    public double AcceptRatio { get; init; }

    /// <summary>Threads of an iteration, 1 or 2; 0 lets the size of the problem decide. Changes no bit of a result.</summary>
    public int Threads { get; init; }

    internal Control.Options ToEngine(string name)
    {
        if (MaxIterations < 1) throw new ArgumentException($"{nameof(MaxIterations)} is {MaxIterations}; it must be 1 or more", name);
        if (Steps is null || Steps.Count == 0 || Steps.Any(step => !(step > 0)))
            throw new ArgumentException($"{nameof(Steps)} must hold one positive step or more", name);
        if (Threads is < 0 or > 2) throw new ArgumentException($"{nameof(Threads)} is {Threads}; it must be 1 or 2, or 0 for what pays", name);
        return new(
            MaxIterations, CostTolerance, GradientTolerance,
            Regularisation == RegularisationKind.StateSpace ? Control.Regularisation.StateSpace : Control.Regularisation.ControlSpace,
            FirstRegularisation, RegularisationFactor, MinRegularisation, MaxRegularisation, [.. Steps], AcceptRatio, Threads);
    }
}
