using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>
/// A cost Σₜ stage(xₜ, uₜ) + terminal(x_T), to be minimised. A part that is stated by residuals r counts ½‖r‖² and has the Hessian JᵀJ
/// (Gauss–Newton), which is never indefinite; other parts have their exact Hessians. Costs add up and are weighted by operators.
/// </summary>
public sealed class Cost
{
    internal Cost(Research.Cost engine) => Engine = engine;

    internal Research.Cost Engine { get; }

    /// <summary>Numbers a step that the cost reads besides state and control.</summary>
    public int Signals => Engine.Signals;

    /// <summary>A cost from its two lambdas, stage(x, u) and terminal(x).</summary>
    public static Cost Create(Func<RealVector, RealVector, Real> stage, Func<RealVector, Real> terminal)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(terminal);
        return new(CostModule.create(Bridge.Scalar(stage), Bridge.Scalar(terminal)));
    }

    /// <summary>
    /// A cost that also reads numbers given for every step, such as a moving target: stage(s, x, u) and terminal(s, x). The numbers are
    /// <see cref="ControlProblem.Signals"/> of the problem.
    /// </summary>
    public static Cost WithSignals(int signals, Func<RealVector, RealVector, RealVector, Real> stage, Func<RealVector, RealVector, Real> terminal)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(terminal);
        ArgumentOutOfRangeException.ThrowIfNegative(signals);
        return new(CostModule.withSignals(signals, Bridge.Scalar(stage), Bridge.Scalar(terminal)));
    }

    /// <summary>½‖r‖² of residuals r(x, u) on every stage and r(x) at the end.</summary>
    public static Cost LeastSquares(Func<RealVector, RealVector, RealVector> stage, Func<RealVector, RealVector> terminal)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(terminal);
        return new(CostModule.leastSquares(Bridge.Field(stage), Bridge.Field(terminal)));
    }

    /// <summary>½‖r‖² of residuals r(s, x, u) on every stage and r(s, x) at the end, which read signals s.</summary>
    public static Cost LeastSquares(
        int signals, Func<RealVector, RealVector, RealVector, RealVector> stage, Func<RealVector, RealVector, RealVector> terminal)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(terminal);
        ArgumentOutOfRangeException.ThrowIfNegative(signals);
        return new(CostModule.residuals(signals, Bridge.Field(stage), Bridge.Field(terminal)));
    }

    /// <summary>The sum of two costs; signals of the first come first.</summary>
    public static Cost operator +(Cost a, Cost b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        return new(CostModule.add(a.Engine, b.Engine));
    }

    /// <summary>A cost times a positive weight.</summary>
    public static Cost operator *(double weight, Cost cost)
    {
        ArgumentNullException.ThrowIfNull(cost);
        if (!(weight > 0)) throw new ArgumentOutOfRangeException(nameof(weight), weight, "a cost has a positive weight");
        return new(CostModule.weighted(weight, cost.Engine));
    }

    /// <summary>½ Σ wᵢ (xᵢ − zᵢ)². Weights, target and x of one length.</summary>
    public static Real Quadratic(double[] weights, RealVector target, RealVector x)
    {
        ArgumentNullException.ThrowIfNull(weights);
        Require.Size(weights.Length, x.Length, "the weight vector", nameof(weights));
        Require.Size(target.Length, x.Length, "the target", nameof(target));
        return new(CostModule.quadratic(weights, target.Items, x.Items));
    }

    /// <summary>½ xᵀ W x for a full matrix W [n, n].</summary>
    public static Real QuadraticForm(double[,] w, RealVector x)
    {
        ArgumentNullException.ThrowIfNull(w);
        if (w.GetLength(0) != x.Length || w.GetLength(1) != x.Length)
            throw new ArgumentException($"the matrix is {w.GetLength(0)}×{w.GetLength(1)}; it must be {x.Length}×{x.Length}", nameof(w));
        return new(CostModule.quadraticForm(w, x.Items));
    }

    /// <summary>Σ wᵢ (√(xᵢ² + αᵢ²) − αᵢ): quadratic near 0, linear far away.</summary>
    public static Real SmoothAbs(double[] weights, double[] alphas, RealVector x)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(alphas);
        Require.Size(weights.Length, x.Length, "the weight vector", nameof(weights));
        Require.Size(alphas.Length, x.Length, "the vector of widths", nameof(alphas));
        return new(CostModule.smoothAbs(weights, alphas, x.Items));
    }

    /// <summary>Huber's loss of width δ: ½x² up to δ, δ(|x| − δ/2) beyond.</summary>
    public static Real Huber(double delta, Real x) => new(CostModule.huber(delta, x.Node));
}
