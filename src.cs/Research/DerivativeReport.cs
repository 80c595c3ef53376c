namespace Research.ModelBased;

/// <summary>One derivative that was compared with differences.</summary>
/// <param name="Of">"Jacobian" or "Hessian".</param>
/// <param name="Row">Output, or first variable.</param>
/// <param name="Column">Variable.</param>
/// <param name="Exact">The value by differentiation.</param>
/// <param name="Difference">The value by differences.</param>
/// <param name="Uncertainty">How far the value by differences may itself be off.</param>
/// <param name="Error">|exact − difference| ÷ max(1, |exact|, |difference|).</param>
public sealed record CheckedDerivative(string Of, int Row, int Column, double Exact, double Difference, double Uncertainty, double Error);

/// <summary>What a comparison of derivatives with differences found.</summary>
public sealed class DerivativeReport
{
    private readonly string _text;

    internal DerivativeReport(Research.DerivativeReport report)
    {
        static CheckedDerivative Convert(Research.CheckedDerivative entry) =>
            new(entry.Of, entry.Row, entry.Column, entry.Exact, entry.Difference, entry.Uncertainty, entry.Error);

        _text = report.ToString();
        Tolerance = report.Tolerance;
        Entries = Array.ConvertAll(report.Entries, Convert);
        Faults = Array.ConvertAll(report.Faults, Convert);
    }

    /// <summary>The largest error that is none.</summary>
    public double Tolerance { get; }

    /// <summary>Every entry, largest error first.</summary>
    public IReadOnlyList<CheckedDerivative> Entries { get; }

    /// <summary>The entries whose error is above the tolerance.</summary>
    public IReadOnlyList<CheckedDerivative> Faults { get; }

    /// <summary>True when every entry is within the tolerance.</summary>
    public bool Agrees => Faults.Count == 0;

    /// <summary>What was found, in words.</summary>
    public override string ToString() => _text;
}
