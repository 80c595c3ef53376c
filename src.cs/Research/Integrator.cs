using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>
/// Integrators: from continuous dynamics ẋ = f(x, u), with the control held over a step of h seconds, to the next state x' = F(x, u). h may be a
/// number, or a real where the time of a step is itself chosen or a parameter.
/// </summary>
public static class Integrator
{
    /// <summary>x' = x + h f(x, u). Order 1.</summary>
    public static Func<RealVector, RealVector, RealVector> Euler(Real h, Func<RealVector, RealVector, RealVector> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        return (x, u) => new(Research.Integrator.euler(h.Node, Bridge.Field(f), x.Items, u.Items));
    }

    /// <summary>Semi-implicit Euler for states [q; v] of equal halves: v' = v + h v̇(q, v, u), q' = q + h v'. Order 1, symplectic.</summary>
    public static Func<RealVector, RealVector, RealVector> SemiImplicit(Real h, Func<RealVector, RealVector, RealVector> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        return (x, u) => new(Research.Integrator.semiImplicit(h.Node, Bridge.Field(f), x.Items, u.Items));
    }

    /// <summary>x' = x + h f(x + h/2 f(x, u), u). Order 2.</summary>
    public static Func<RealVector, RealVector, RealVector> Midpoint(Real h, Func<RealVector, RealVector, RealVector> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        return (x, u) => new(Research.Integrator.midpoint(h.Node, Bridge.Field(f), x.Items, u.Items));
    }

    /// <summary>The classical method of Runge and Kutta. Order 4.</summary>
    public static Func<RealVector, RealVector, RealVector> RungeKutta4(Real h, Func<RealVector, RealVector, RealVector> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        return (x, u) => new(Research.Integrator.rk4(h.Node, Bridge.Field(f), x.Items, u.Items));
    }

    /// <summary>x' = x + h f((x + x')/2, u) by a fixed number of Newton iterations. Order 2, symplectic, stable for stiff systems.</summary>
    public static Func<RealVector, RealVector, RealVector> ImplicitMidpoint(Real h, Func<RealVector, RealVector, RealVector> f, int iterations = 3)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(iterations);
        return (x, u) => new(Research.Integrator.implicitMidpoint(iterations, h.Node, Bridge.Field(f), x.Items, u.Items));
    }
}
