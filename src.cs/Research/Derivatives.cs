using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>
/// Exact derivatives of lambdas over reals. At a <see cref="RealVector"/> the derivative is traced itself, so that derivatives nest; at a
/// <c>double[]</c> it is a number. To evaluate one at many points, compile it: <see cref="CompiledFunction"/>.
/// </summary>
public static class Derivatives
{
    /// <summary>f'(x) of f: R → R.</summary>
    public static Real Derivative(Func<Real, Real> f, Real x) => Derivative(f, x, 1);

    /// <summary>f'(x) of f: R → R at a number.</summary>
    public static double Derivative(Func<Real, Real> f, double x) => Derivative(f, x, 1);

    /// <summary>The derivative of an order of f: R → R; order 0 is f itself.</summary>
    public static Real Derivative(Func<Real, Real> f, Real x, int order)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentOutOfRangeException.ThrowIfNegative(order);
        return new(Diff.diffn(order, Bridge.Scalar(f), x.Node));
    }

    /// <summary>The derivative of an order of f: R → R at a number.</summary>
    public static double Derivative(Func<Real, Real> f, double x, int order) => (double)Derivative(f, (Real)x, order);

    /// <summary>Gradient [n] of f: Rⁿ → R.</summary>
    public static RealVector Gradient(Func<RealVector, Real> f, RealVector x) => ValueAndGradient(f, x).Gradient;

    /// <summary>Gradient [n] of f: Rⁿ → R at a point.</summary>
    public static double[] Gradient(Func<RealVector, Real> f, double[] x) => ValueAndGradient(f, x).Gradient;

    /// <summary>Value and gradient of f: Rⁿ → R.</summary>
    public static (Real Value, RealVector Gradient) ValueAndGradient(Func<RealVector, Real> f, RealVector x)
    {
        ArgumentNullException.ThrowIfNull(f);
        var (value, gradient) = Diff.fgrad(Bridge.Scalar(f), x.Items);
        return (new(value), new(gradient));
    }

    /// <summary>Value and gradient of f: Rⁿ → R at a point.</summary>
    public static (double Value, double[] Gradient) ValueAndGradient(Func<RealVector, Real> f, double[] x)
    {
        ArgumentNullException.ThrowIfNull(x);
        var (value, gradient) = ValueAndGradient(f, (RealVector)x);
        return ((double)value, Bridge.Numbers(gradient.Items));
    }

    /// <summary>Directional derivative ∇f·v of f: Rⁿ → R.</summary>
    public static Real Directional(Func<RealVector, Real> f, RealVector x, RealVector v)
    {
        ArgumentNullException.ThrowIfNull(f);
        Require.Size(v.Length, x.Length, "the direction", nameof(v));
        return new(Diff.gradv(Bridge.Scalar(f), x.Items, v.Items));
    }

    /// <summary>Directional derivative ∇f·v of f: Rⁿ → R at a point.</summary>
    public static double Directional(Func<RealVector, Real> f, double[] x, double[] v)
    {
        Check(x, v);
        return (double)Directional(f, (RealVector)x, (RealVector)v);
    }

    /// <summary>Jacobian ∂fᵢ/∂xⱼ [m, n] of f: Rⁿ → Rᵐ.</summary>
    public static RealMatrix Jacobian(Func<RealVector, RealVector> f, RealVector x) => ValueAndJacobian(f, x).Jacobian;

    /// <summary>Jacobian ∂fᵢ/∂xⱼ [m, n] of f: Rⁿ → Rᵐ at a point.</summary>
    public static double[,] Jacobian(Func<RealVector, RealVector> f, double[] x) => ValueAndJacobian(f, x).Jacobian;

    /// <summary>Value [m] and Jacobian [m, n] of f: Rⁿ → Rᵐ.</summary>
    public static (RealVector Value, RealMatrix Jacobian) ValueAndJacobian(Func<RealVector, RealVector> f, RealVector x)
    {
        ArgumentNullException.ThrowIfNull(f);
        var (value, jacobian) = Diff.fjacobian(Bridge.Field(f), x.Items);
        return (new(value), new(jacobian));
    }

    /// <summary>Value [m] and Jacobian [m, n] of f: Rⁿ → Rᵐ at a point.</summary>
    public static (double[] Value, double[,] Jacobian) ValueAndJacobian(Func<RealVector, RealVector> f, double[] x)
    {
        ArgumentNullException.ThrowIfNull(x);
        var (value, jacobian) = ValueAndJacobian(f, (RealVector)x);
        return (Bridge.Numbers(value.Items), Bridge.Numbers(jacobian.Items));
    }

    /// <summary>J v [m]: the derivative of f: Rⁿ → Rᵐ along v.</summary>
    public static RealVector JacobianVector(Func<RealVector, RealVector> f, RealVector x, RealVector v)
    {
        ArgumentNullException.ThrowIfNull(f);
        Require.Size(v.Length, x.Length, "the direction", nameof(v));
        return new(Diff.jacobianv(Bridge.Field(f), x.Items, v.Items));
    }

    /// <summary>J v [m] at a point: the derivative of f: Rⁿ → Rᵐ along v.</summary>
    public static double[] JacobianVector(Func<RealVector, RealVector> f, double[] x, double[] v)
    {
        Check(x, v);
        return Bridge.Numbers(JacobianVector(f, (RealVector)x, (RealVector)v).Items);
    }

    /// <summary>Jᵀ w [n] of f: Rⁿ → Rᵐ.</summary>
    /// <exception cref="ArgumentException">There is not one weight an output.</exception>
    public static RealVector JacobianTransposedVector(Func<RealVector, RealVector> f, RealVector x, RealVector w)
    {
        ArgumentNullException.ThrowIfNull(f);
        return new(Diff.jacobianTv(Bridge.Field(f), x.Items, w.Items));
    }

    /// <summary>Jᵀ w [n] of f: Rⁿ → Rᵐ at a point.</summary>
    /// <exception cref="ArgumentException">There is not one weight an output.</exception>
    public static double[] JacobianTransposedVector(Func<RealVector, RealVector> f, double[] x, double[] w)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(w);
        return Bridge.Numbers(JacobianTransposedVector(f, (RealVector)x, (RealVector)w).Items);
    }

    /// <summary>Hessian ∂²f/∂xᵢ∂xⱼ [n, n] of f: Rⁿ → R.</summary>
    public static RealMatrix Hessian(Func<RealVector, Real> f, RealVector x)
    {
        ArgumentNullException.ThrowIfNull(f);
        return new(Diff.hessian(Bridge.Scalar(f), x.Items));
    }

    /// <summary>Hessian ∂²f/∂xᵢ∂xⱼ [n, n] of f: Rⁿ → R at a point.</summary>
    public static double[,] Hessian(Func<RealVector, Real> f, double[] x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return Bridge.Numbers(Hessian(f, (RealVector)x).Items);
    }

    /// <summary>Value, gradient [n] and Hessian [n, n] of f: Rⁿ → R at a point.</summary>
    public static (double Value, double[] Gradient, double[,] Hessian) ValueGradientAndHessian(Func<RealVector, Real> f, double[] x)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentNullException.ThrowIfNull(x);
        var (value, gradient, hessian) = Diff.fgradhessian(Bridge.Scalar(f), ((RealVector)x).Items);
        return (Research.Trace.number(value), Bridge.Numbers(gradient), Bridge.Numbers(hessian));
    }

    /// <summary>H v [n] of f: Rⁿ → R, without the whole Hessian.</summary>
    public static RealVector HessianVector(Func<RealVector, Real> f, RealVector x, RealVector v)
    {
        ArgumentNullException.ThrowIfNull(f);
        Require.Size(v.Length, x.Length, "the direction", nameof(v));
        return new(Diff.hessianv(Bridge.Scalar(f), x.Items, v.Items));
    }

    /// <summary>H v [n] of f: Rⁿ → R at a point, without the whole Hessian.</summary>
    public static double[] HessianVector(Func<RealVector, Real> f, double[] x, double[] v)
    {
        Check(x, v);
        return Bridge.Numbers(HessianVector(f, (RealVector)x, (RealVector)v).Items);
    }

    /// <summary>Laplacian Σ ∂²f/∂xᵢ² of f: Rⁿ → R at a point.</summary>
    public static double Laplacian(Func<RealVector, Real> f, double[] x)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentNullException.ThrowIfNull(x);
        return Research.Trace.number(Diff.laplacian(Bridge.Scalar(f), ((RealVector)x).Items));
    }

    /// <summary>Divergence Σ ∂fᵢ/∂xᵢ of a vector field f: Rⁿ → Rⁿ at a point.</summary>
    public static double Divergence(Func<RealVector, RealVector> f, double[] x)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentNullException.ThrowIfNull(x);
        return Research.Trace.number(Diff.divergence(Bridge.Field(f), ((RealVector)x).Items));
    }

    /// <summary>Curl [3] of a vector field in three dimensions at a point.</summary>
    public static double[] Curl(Func<RealVector, RealVector> f, double[] x)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentNullException.ThrowIfNull(x);
        Require.Size(x.Length, 3, "the point", nameof(x));
        return Bridge.Numbers(Diff.curl(Bridge.Field(f), ((RealVector)x).Items));
    }

    /// <summary>
    /// Compares the Jacobian of f: Rⁿ → Rᵐ at a point with extrapolated differences, and where m = 1 the Hessian too: for a model that is
    /// suspected of a kink or of numbers that are not finite.
    /// </summary>
    public static DerivativeReport Check(Func<RealVector, RealVector> f, double[] x, double tolerance = 1e-7)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentNullException.ThrowIfNull(x);
        return new(Research.Check.derivatives(tolerance, Bridge.Field(f), x));
    }

    private static void Check(double[] x, double[] v)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(v);
    }
}
