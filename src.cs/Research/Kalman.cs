using System.Diagnostics.CodeAnalysis;
using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>A linear system seen through noise: x' = A x + B u + w, y = C x + v, of covariances W of w and V of v.</summary>
/// <param name="A">[n, n]</param>
/// <param name="B">[n, m]</param>
/// <param name="C">[p, n]</param>
/// <param name="W">[n, n]</param>
/// <param name="V">[p, p]</param>
public sealed record LinearModel(double[,] A, double[,] B, double[,] C, double[,] W, double[,] V)
{
    internal Control.LinearModel ToEngine(string name)
    {
        if (A is null || B is null || C is null || W is null || V is null) throw new ArgumentException("a matrix of the model is null", name);
        var (n, m, p) = (A.GetLength(0), B.GetLength(1), C.GetLength(0));
        Require.Matrix(A, n, n, "A", name);
        Require.Matrix(B, n, m, "B", name);
        Require.Matrix(C, p, n, "C", name);
        Require.Matrix(W, n, n, "W", name);
        Require.Matrix(V, p, p, "V", name);
        return new(A, B, C, W, V);
    }
}

/// <summary>What the Kalman filter of a model that does not vary settles to.</summary>
/// <param name="Predicted">Covariance before a measurement, [n, n].</param>
/// <param name="Filtered">Covariance after it, [n, n].</param>
/// <param name="Gain">L of x̂ ← x̂ + L (y − C x̂), [n, p].</param>
/// <param name="SpectralRadius">Largest size of an eigenvalue of A − ALC, which the errors follow.</param>
/// <param name="Residual">Size of the residual of the Riccati equation, relative to the covariance.</param>
public sealed record SteadyKalman(double[,] Predicted, double[,] Filtered, double[,] Gain, double SpectralRadius, double Residual)
{
    internal SteadyKalman(Control.SteadyKalman engine)
        : this(engine.Predicted, engine.Filtered, engine.Gain, engine.SpectralRadius, engine.Residual)
    {
    }
}

/// <summary>Why a filter does not settle.</summary>
public enum KalmanFault
{
    /// <summary>It does.</summary>
    None,

    /// <summary>V is not positive definite.</summary>
    VNotPositiveDefinite,

    /// <summary>A mode of A on or outside the unit circle is not measured.</summary>
    NotDetectable,

    /// <summary>A mode of A on the unit circle has no noise, so that the filter comes to ignore what is measured of it.</summary>
    NotExcited,

    /// <summary>Numbers are so far apart that what was found is no solution.</summary>
    Inaccurate,
}

/// <summary>Steady Kalman filters of linear models that do not vary. At work: <see cref="StateEstimator.Kalman"/>.</summary>
public static class Kalman
{
    /// <summary>What the filter settles to.</summary>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    /// <exception cref="NoSolutionException">It does not settle: see <see cref="KalmanFault"/>.</exception>
    public static SteadyKalman Steady(LinearModel model) =>
        TrySteady(model, out var steady, out var fault)
            ? steady
            : throw new NoSolutionException(fault switch
            {
                KalmanFault.VNotPositiveDefinite => "the filter does not settle: V is not positive definite",
                KalmanFault.NotDetectable => "the filter does not settle: a mode on or outside the unit circle is not measured",
                KalmanFault.NotExcited => "the filter does not settle: a mode on the unit circle has no noise",
                _ => "no filter was found: numbers are too far apart",
            });

    /// <summary>What the filter settles to, if it does.</summary>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    public static bool TrySteady(LinearModel model, [NotNullWhen(true)] out SteadyKalman? steady, out KalmanFault fault)
    {
        ArgumentNullException.ThrowIfNull(model);
        var result = Control.Kalman.steady(model.ToEngine(nameof(model)));
        steady = result.IsOk ? new(result.ResultValue) : null;
        fault = result.IsOk ? KalmanFault.None : ToPublic(result.ErrorValue, nameof(model));
        return result.IsOk;
    }

    internal static KalmanFault ToPublic(Control.KalmanFault fault, string name) =>
        fault switch
        {
            { IsVNotPositiveDefinite: true } => KalmanFault.VNotPositiveDefinite,
            { IsNotDetectable: true } => KalmanFault.NotDetectable,
            { IsNotExcited: true } => KalmanFault.NotExcited,
            { IsInaccurate: true } => KalmanFault.Inaccurate,
            Control.KalmanFault.IllPosed ill => throw new ArgumentException(ill.reason, name),
            _ => throw new InvalidOperationException($"unknown fault {fault}"),
        };
}
