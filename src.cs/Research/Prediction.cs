namespace Research.ModelBased;

/// <summary>What a Gaussian process predicts at one input, for every output.</summary>
/// <param name="Mean">[e]</param>
/// <param name="Epistemic">Variance of the function: what more data would lessen, [e].</param>
/// <param name="Aleatoric">Variance of the noise, [e].</param>
public sealed record Prediction(double[] Mean, double[] Epistemic, double[] Aleatoric)
{
    internal Prediction(Models.Prediction engine)
        : this(engine.Mean, engine.Epistemic, engine.Aleatoric)
    {
    }
}

/// <summary>Moments of y = f(x) for normal x.</summary>
/// <param name="Mean">Of y, [e].</param>
/// <param name="Covariance">Of y, [e, e].</param>
/// <param name="Cross">Σ⁻¹ cov(x, y) with Σ the covariance of x, [d, e]: it stays finite where Σ is singular.</param>
public sealed record OutputMoments(double[] Mean, double[,] Covariance, double[,] Cross)
{
    internal OutputMoments(Models.Moments engine)
        : this(engine.Mean, engine.Covariance, engine.Cross)
    {
    }
}
