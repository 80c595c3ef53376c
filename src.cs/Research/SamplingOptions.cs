namespace Research.ModelBased;

/// <summary>Options of random shooting.</summary>
public sealed record RandomShootingOptions
{
    /// <summary>Sequences a replan.</summary>
    public int Samples { get; init; } = Control.RandomShooting.defaults.Samples;

    internal Control.RandomShootingOptions ToEngine() => new(Samples);
}

/// <summary>Options of the cross-entropy method. The defaults are those of PETS on the cart-pole.</summary>
public sealed record CemOptions
{
    private static readonly Control.CemOptions Defaults = Control.Cem.defaults;

    /// <summary>Sequences an iteration.</summary>
    public int Samples { get; init; } = Defaults.Samples;

    /// <summary>The best of them, which make the next distribution.</summary>
    public int Elites { get; init; } = Defaults.Elites;

    /// <summary>Most iterations a replan.</summary>
    public int Iterations { get; init; } = Defaults.Iterations;

    /// <summary>Share of the old mean and variance in the new.</summary>
    public double Smoothing { get; init; } = Defaults.Smoothing;

    /// <summary>No further iteration when the largest variance is below it.</summary>
    public double Tolerance { get; init; } = Defaults.Tolerance;

    /// <summary>First standard deviation of each control, [m]; a quarter of the range between its limits where null.</summary>
    public IReadOnlyList<double>? Deviation { get; init; }

    internal Control.CemOptions ToEngine() => new(Samples, Elites, Iterations, Smoothing, Tolerance, SamplingPlanner.Deviation(Deviation));
}

/// <summary>Options of the improved cross-entropy method.</summary>
public sealed record ICemOptions
{
    private static readonly Control.ICemOptions Defaults = Control.ICem.defaults;

    /// <summary>Sequences of the first iteration.</summary>
    public int Samples { get; init; } = Defaults.Samples;

    /// <summary>The best, which make the next distribution.</summary>
    public int Elites { get; init; } = Defaults.Elites;

    /// <summary>Iterations a replan.</summary>
    public int Iterations { get; init; } = Defaults.Iterations;

    /// <summary>Factor by which the samples of an iteration are fewer than those of the one before.</summary>
    public double Decay { get; init; } = Defaults.Decay;

    /// <summary>Exponent of the noise: its power at frequency f falls as f^(−colour); 0 is white.</summary>
    public double Colour { get; init; } = Defaults.Colour;

    /// <summary>Share of the elites that is kept for the next iteration and the next replan.</summary>
    public double Kept { get; init; } = Defaults.Kept;

    /// <summary>Share of the old mean and deviation in the new.</summary>
    public double Smoothing { get; init; } = Defaults.Smoothing;

    /// <summary>First standard deviation of each control, [m]; a quarter of the range between its limits where null.</summary>
    public IReadOnlyList<double>? Deviation { get; init; }

    internal Control.ICemOptions ToEngine() =>
        new(Samples, Elites, Iterations, Decay, Colour, Kept, Smoothing, SamplingPlanner.Deviation(Deviation));
}

/// <summary>Options of model-predictive path-integral control.</summary>
public sealed record MppiOptions
{
    private static readonly Control.MppiOptions Defaults = Control.Mppi.defaults;

    /// <summary>Sequences an iteration.</summary>
    public int Samples { get; init; } = Defaults.Samples;

    /// <summary>Iterations a replan.</summary>
    public int Iterations { get; init; } = Defaults.Iterations;

    /// <summary>λ, in units of the cost: differences of cost much smaller than it do not matter.</summary>
    public double Temperature { get; init; } = Defaults.Temperature;

    /// <summary>γ/λ of the term that corrects the weights for sampling about the plan instead of about no control; 0 takes the cost as it is.</summary>
    public double Correction { get; init; } = Defaults.Correction;

    /// <summary>Standard deviation of each control, [m]; a quarter of the range between its limits where null.</summary>
    public IReadOnlyList<double>? Deviation { get; init; }

    /// <summary>Steps to either side over which a parabola is fitted to smooth the plan; 0 leaves it.</summary>
    public int Smoothing { get; init; } = Defaults.Smoothing;

    internal Control.MppiOptions ToEngine() =>
        new(Samples, Iterations, Temperature, Correction, SamplingPlanner.Deviation(Deviation), Smoothing);
}

/// <summary>How the controls between two knots follow from those at the knots.</summary>
public enum Spline
{
    /// <summary>The knot before.</summary>
    Constant,

    /// <summary>The straight line.</summary>
    Linear,

    /// <summary>The cubic with the slopes of the chords between the knots' neighbours.</summary>
    Cubic,
}

/// <summary>Options of predictive sampling.</summary>
public sealed record PredictiveSamplingOptions
{
    /// <summary>Sequences a replan, the plan itself among them.</summary>
    public int Samples { get; init; } = Control.PredictiveSampling.defaults.Samples;

    /// <summary>Knots of the spline.</summary>
    public int Knots { get; init; } = Control.PredictiveSampling.defaults.Knots;

    /// <summary>What is between the knots.</summary>
    public Spline Spline { get; init; } = Spline.Cubic;

    /// <summary>Standard deviation of each control at the knots, [m]; a quarter of the range between its limits where null.</summary>
    public IReadOnlyList<double>? Deviation { get; init; }

    internal Control.PredictiveSamplingOptions ToEngine() =>
        new(
            Samples, Knots,
            Spline switch { Spline.Constant => Control.Spline.Constant, Spline.Linear => Control.Spline.Linear, _ => Control.Spline.Cubic },
            SamplingPlanner.Deviation(Deviation));
}
