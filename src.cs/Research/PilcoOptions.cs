namespace Research.ModelBased;

/// <summary>What a policy is made of, before it is squashed to the limits: <see cref="Linear"/> or <see cref="Rbf"/>.</summary>
public readonly record struct PolicyKind
{
    private PolicyKind(int basisFunctions) => BasisFunctions = basisFunctions;

    internal PolicyKind(Agents.PolicyKind engine)
        : this(engine is Agents.PolicyKind.Rbf rbf ? rbf.basis : 0)
    {
    }

    /// <summary>u = W x + b.</summary>
    public static PolicyKind Linear => default;

    /// <summary>A network of so many radial basis functions.</summary>
    public static PolicyKind Rbf(int basisFunctions)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(basisFunctions);
        return new(basisFunctions);
    }

    /// <summary>0 for a linear policy.</summary>
    public int BasisFunctions { get; }

    internal Agents.PolicyKind ToEngine() => BasisFunctions == 0 ? Agents.PolicyKind.Linear : Agents.PolicyKind.NewRbf(BasisFunctions);
}

/// <summary>How PILCO learns: <c>new PilcoOptions(scenario) { Seed = 1 }</c>.</summary>
public sealed record PilcoOptions
{
    /// <summary>What the scenario was published with.</summary>
    public PilcoOptions(LearningScenario scenario)
        : this(Agents.Pilco.defaults((scenario ?? throw new ArgumentNullException(nameof(scenario))).Engine))
    {
    }

    internal PilcoOptions(Agents.PilcoOptions engine)
    {
        Seed = engine.Seed;
        Policy = new(engine.Policy);
        Trials = engine.Trials;
        RandomRollouts = engine.RandomRollouts;
        LineSearches = engine.LineSearches;
        Evaluations = engine.Evaluations;
        Exploration = engine.Exploration;
        TrainingIterations = engine.TrainingIterations;
        InducingIterations = engine.InducingIterations;
        Confirmations = engine.Confirmations;
        StopsWhenSolved = engine.StopsWhenSolved;
    }

    /// <summary>Of all random numbers: the same seed gives the same bits.</summary>
    public int Seed { get; init; }

    /// <summary>What the policy is made of.</summary>
    public PolicyKind Policy { get; init; }

    /// <summary>Most policies that are learnt.</summary>
    public int Trials { get; init; }

    /// <summary>Rollouts with random controls before the first policy.</summary>
    public int RandomRollouts { get; init; }

    /// <summary>Most line searches of a policy search.</summary>
    public int LineSearches { get; init; }

    /// <summary>Most evaluations of a line search.</summary>
    public int Evaluations { get; init; }

    /// <summary>κ in the sum of E[loss] + κ·sd[loss]: negative seeks what is uncertain, positive shuns it.</summary>
    public double Exploration { get; init; }

    /// <summary>Most iterations of the training of the model, for one output.</summary>
    public int TrainingIterations { get; init; }

    /// <summary>Most iterations of the search for the inducing inputs of a sparse model.</summary>
    public int InducingIterations { get; init; }

    /// <summary>Rollouts from other starts that a policy must solve too, once it has solved one, before it counts; 0 as published.</summary>
    public int Confirmations { get; init; }

    /// <summary>Whether learning ends when the task is solved.</summary>
    public bool StopsWhenSolved { get; init; }

    internal Agents.PilcoOptions ToEngine(string name)
    {
        AtLeast(1, Trials, nameof(Trials));
        AtLeast(1, RandomRollouts, nameof(RandomRollouts));
        AtLeast(1, LineSearches, nameof(LineSearches));
        AtLeast(1, Evaluations, nameof(Evaluations));
        AtLeast(1, TrainingIterations, nameof(TrainingIterations));
        AtLeast(1, InducingIterations, nameof(InducingIterations));
        AtLeast(0, Confirmations, nameof(Confirmations));
        if (!double.IsFinite(Exploration)) throw new ArgumentException($"{nameof(Exploration)} is {Exploration}; it must be finite", name);
        return new(
            Seed, Policy.ToEngine(), Trials, RandomRollouts, LineSearches, Evaluations, Exploration, TrainingIterations, InducingIterations,
            Confirmations, StopsWhenSolved);

        void AtLeast(int least, int value, string option)
        {
            if (value < least) throw new ArgumentException($"{option} is {value}; it must be {least} or more", name);
        }
    }
}
