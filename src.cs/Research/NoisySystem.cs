using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>A system seen through noise: x' = f(x, u) + w, y = h(x) + v, with w and v normal, independent of all else.</summary>
public sealed class NoisySystem
{
    /// <summary>A system from its dynamics, the measurement as a lambda over reals, and the covariances of the noise.</summary>
    /// <param name="dynamics">f.</param>
    /// <param name="measure">h: Rⁿ → Rᵖ.</param>
    /// <param name="w">Covariance of w, [n, n].</param>
    /// <param name="v">Covariance of v, [p, p].</param>
    /// <exception cref="ArgumentException">A covariance is of the wrong size, or none.</exception>
    public NoisySystem(Dynamics dynamics, Func<RealVector, RealVector> measure, double[,] w, double[,] v)
    {
        ArgumentNullException.ThrowIfNull(dynamics);
        ArgumentNullException.ThrowIfNull(measure);
        Measurements = measure(new(RealModule.variables("x", dynamics.States))).Length;
        if (Measurements == 0) throw new ArgumentException("the measurement has no numbers", nameof(measure));
        Require.Matrix(w, dynamics.States, dynamics.States, "W", nameof(w));
        Require.Matrix(v, Measurements, Measurements, "V", nameof(v));
        Dynamics = dynamics;
        Engine = Control.NoisySystemModule.create(dynamics.Engine, Bridge.Field(measure), (double[,])w.Clone(), (double[,])v.Clone());
    }

    internal Control.NoisySystem Engine { get; }

    /// <summary>f.</summary>
    public Dynamics Dynamics { get; }

    /// <summary>p, the number of numbers measured at a time.</summary>
    public int Measurements { get; }

    /// <summary>A draw: states and controls [T, m] from a start [n], and what is measured of the states, [T+1, p].</summary>
    public (Trajectory Trajectory, double[,] Measurements) Simulate(RandomSource random, double[] start, double[,] controls)
    {
        ArgumentNullException.ThrowIfNull(random);
        ArgumentNullException.ThrowIfNull(controls);
        Require.Vector(start, Dynamics.States, "the start", nameof(start));
        Require.Matrix(controls, controls.GetLength(0), Dynamics.Controls, "the matrix of controls", nameof(controls));
        var (states, measurements) = Control.NoisySystemModule.simulate(random.Engine, Engine, start, controls);
        return (new(states, controls), measurements);
    }
}
