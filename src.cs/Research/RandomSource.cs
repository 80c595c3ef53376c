namespace Research.ModelBased;

/// <summary>
/// An explicit source of random numbers: the same seed gives the same numbers on every machine. It is advanced by use; not thread-safe.
/// </summary>
public sealed class RandomSource
{
    private RandomSource(Rng engine) => Engine = engine;

    /// <summary>The source of a seed.</summary>
    public RandomSource(int seed)
        : this(Rng.OfSeed(seed))
    {
    }

    internal Rng Engine { get; }

    /// <summary>A source that is independent of what this one goes on to give.</summary>
    public RandomSource Split() => new(Engine.Split());

    /// <summary>A number in [0, 1).</summary>
    public double Uniform() => Engine.Uniform();

    /// <summary>A number in [low, high).</summary>
    public double Uniform(double low, double high) => Engine.Uniform(low, high);

    /// <summary>A standard normal number.</summary>
    public double Normal() => Engine.Normal();
}
