using Microsoft.FSharp.Core;
using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>
/// The scaled unscented transform: points at the mean and at a distance of α√(n + κ) standard deviations from it. The defaults put them at √n.
/// </summary>
public sealed record UnscentedOptions
{
    /// <summary>α: how far the points lie from the mean.</summary>
    public double Alpha { get; init; } = Control.UnscentedKalman.defaults.Alpha;

    /// <summary>β: weight of the mean's point in covariances; 2 suits normal beliefs.</summary>
    public double Beta { get; init; } = Control.UnscentedKalman.defaults.Beta;

    /// <summary>κ.</summary>
    public double Kappa { get; init; } = Control.UnscentedKalman.defaults.Kappa;

    internal Control.UnscentedOptions ToEngine() => new(Alpha, Beta, Kappa);
}

/// <summary>Options of moving-horizon estimation.</summary>
public sealed record MovingHorizonOptions
{
    /// <summary>Steps that the window looks back, from the present to its first state.</summary>
    public int Window { get; init; } = Control.MovingHorizon.defaults.Window;

    /// <summary>Lower and upper bounds of the states, [n] each; infinite where there is none.</summary>
    public (double[] Lower, double[] Upper)? StateBounds { get; init; }

    /// <summary>Lower and upper bounds of the noise on the next state, [n] each, with 0 between them; infinite where there is none.</summary>
    public (double[] Lower, double[] Upper)? NoiseBounds { get; init; }

    /// <summary>Options of the solver; where the noise has no bounds, only its <see cref="ConstrainedOptions.Inner"/> counts.</summary>
    public ConstrainedOptions Solver { get; init; } = new(Control.MovingHorizon.defaults.Solver);

    internal Control.MovingHorizonOptions ToEngine(int states, string name)
    {
        ArgumentNullException.ThrowIfNull(Solver, name);
        if (Window < 1) throw new ArgumentException($"{nameof(Window)} is {Window}; it must be 1 or more", name);
        return new(Window, Bounds(StateBounds), Bounds(NoiseBounds), Solver.ToEngine(name));

        FSharpOption<Tuple<double[], double[]>>? Bounds((double[] Lower, double[] Upper)? bounds)
        {
            if (bounds is not var (lower, upper)) return null;
            Require.Limits(lower, upper, states, "the state");
            return Bridge.Limits([.. lower], [.. upper]);
        }
    }
}
