using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>Hyperparameters of one output of a Gaussian process, k(x, z) = signal² exp(−½ Σ (x_j − z_j)²/ℓ_j²).</summary>
/// <param name="Lengthscales">ℓ, [d]</param>
/// <param name="Signal">Standard deviation of the function.</param>
/// <param name="Noise">Standard deviation of the noise on its values.</param>
public sealed record Hyperparameters(IReadOnlyList<double> Lengthscales, double Signal, double Noise)
{
    internal Hyperparameters(Models.Hyperparameters engine)
        : this(engine.Lengthscales, engine.Signal, engine.Noise)
    {
    }

    /// <summary>Those of every output, checked.</summary>
    internal static Models.Hyperparameters[] ToEngine(IReadOnlyList<Hyperparameters> all, int inputs, int outputs, string name)
    {
        ArgumentNullException.ThrowIfNull(all, name);
        Require.Size(all.Count, outputs, "the list of hyperparameters", name);
        return [.. all.Select((one, output) => (one ?? throw new ArgumentNullException(name)).ToEngine(inputs, output, name))];
    }

    private Models.Hyperparameters ToEngine(int inputs, int output, string name)
    {
        ArgumentNullException.ThrowIfNull(Lengthscales, name);
        Require.Size(Lengthscales.Count, inputs, $"the list of lengthscales of output {output}", name);
        if (!Lengthscales.Append(Signal).All(scale => scale > 0 && double.IsFinite(scale)) || !(Noise >= 0 && double.IsFinite(Noise)))
            throw new ArgumentException($"the lengthscales and the signal of output {output} must be positive, its noise 0 or more", name);
        return new([.. Lengthscales], Signal, Noise);
    }
}

/// <summary>
/// A penalty that keeps hyperparameters where numbers stay sound: next to nothing inside the ratios, a wall outside. The defaults are those of
/// PILCO 0.9.
/// </summary>
public sealed record HyperparameterCurb
{
    /// <summary>Largest ratio, either way, of a lengthscale to the spread of its input.</summary>
    public double LengthscaleRatio { get; init; } = Models.GaussianProcessModule.defaults.Curb.LengthscaleRatio;

    /// <summary>Largest ratio, either way, of signal to noise.</summary>
    public double SignalToNoise { get; init; } = Models.GaussianProcessModule.defaults.Curb.SignalToNoise;

    /// <summary>How steep the wall is: the power of the penalty.</summary>
    public double Power { get; init; } = Models.GaussianProcessModule.defaults.Curb.Power;

    internal Models.Curb ToEngine(string name)
    {
        if (!(LengthscaleRatio > 1 && SignalToNoise > 1 && Power > 1))
            throw new ArgumentException($"ratios and power of the {nameof(GaussianProcessOptions.Curb)} must be above 1", name);
        return new(LengthscaleRatio, SignalToNoise, Power);
    }
}

/// <summary>How the hyperparameters of a Gaussian process are found.</summary>
public sealed record GaussianProcessOptions
{
    /// <summary>Starts from drawn hyperparameters, beside the one from the scales of the data.</summary>
    public int Restarts { get; init; } = Models.GaussianProcessModule.defaults.Restarts;

    /// <summary>Most iterations from each start.</summary>
    public int MaxIterations { get; init; } = Models.GaussianProcessModule.defaults.MaxIterations;

    /// <summary>What keeps them where numbers stay sound.</summary>
    public HyperparameterCurb Curb { get; init; } = new();

    /// <summary>Of the random numbers of restarts: the same seed gives the same bits.</summary>
    public int Seed { get; init; } = Models.GaussianProcessModule.defaults.Seed;

    internal Models.TrainingOptions ToEngine(string name, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(Curb, name);
        if (Restarts < 0) throw new ArgumentException($"{nameof(Restarts)} is {Restarts}; it must be 0 or more", name);
        if (MaxIterations < 1) throw new ArgumentException($"{nameof(MaxIterations)} is {MaxIterations}; it must be 1 or more", name);
        return new(Restarts, MaxIterations, Curb.ToEngine(name), Seed, cancellation);
    }
}
