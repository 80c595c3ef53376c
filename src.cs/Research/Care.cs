using System.Diagnostics.CodeAnalysis;
using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>What an infinite-horizon regulator in continuous time is.</summary>
/// <param name="P">P of the value function ½xᵀPx, [n, n].</param>
/// <param name="K">Gain of u = −K x, [m, n].</param>
/// <param name="SpectralAbscissa">Largest real part of an eigenvalue of A − BK, 1/s.</param>
/// <param name="Residual">Size of the residual of the balanced equation, relative to the sizes of its terms.</param>
/// <param name="Iterations">Iterations of the sign function.</param>
public sealed record CareSolution(double[,] P, double[,] K, double SpectralAbscissa, double Residual, int Iterations);

/// <summary>
/// The continuous algebraic Riccati equation AᵀP + PA + Q − (PB + N) R⁻¹ (BᵀP + Nᵀ) = 0 of the infinite-horizon regulator u = −K x for
/// ẋ = A x + B u at the cost ∫ ½xᵀQx + xᵀNu + ½uᵀRu dt. Faults are those of <see cref="Dare"/>, with the imaginary axis for the unit circle.
/// </summary>
public static class Care
{
    /// <summary>The regulator. a:[n, n] b:[n, m] q:[n, n] r:[m, m] n:[n, m], 0 where null.</summary>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    /// <exception cref="NoSolutionException">There is none: see <see cref="DareFault"/>.</exception>
    public static CareSolution Solve(double[,] a, double[,] b, double[,] q, double[,] r, double[,]? n = null) =>
        TrySolve(a, b, q, r, n, out var solution, out var fault)
            ? solution
            : throw new NoSolutionException($"there is no regulator in continuous time: {fault}");

    /// <summary>The regulator, if there is one.</summary>
    /// <param name="a">[n, n]</param>
    /// <param name="b">[n, m]</param>
    /// <param name="q">[n, n]</param>
    /// <param name="r">[m, m]</param>
    /// <param name="n">[n, m], 0 where null</param>
    /// <param name="solution">The regulator, or null.</param>
    /// <param name="fault">Why there is none.</param>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    public static bool TrySolve(
        double[,] a, double[,] b, double[,] q, double[,] r, double[,]? n, [NotNullWhen(true)] out CareSolution? solution, out DareFault fault)
    {
        Dare.Check(a, b, q, r, n);
        var result = n is null ? Control.Care.solve(a, b, q, r) : Control.Care.solveWithCross(a, b, q, r, n);
        solution = null;
        fault = DareFault.None;
        if (result.IsOk)
        {
            var found = result.ResultValue;
            solution = new(found.P, found.K, found.SpectralAbscissa, found.Residual, found.Iterations);
            return true;
        }

        fault = result.ErrorValue switch
        {
            { IsRNotPositiveDefinite: true } => DareFault.RNotPositiveDefinite,
            { IsNotStabilisable: true } => DareFault.NotStabilisable,
            { IsNotDetectable: true } => DareFault.NotDetectable,
            { IsInaccurate: true } => DareFault.Inaccurate,
            Control.CareFault.IllPosed ill => throw new ArgumentException(ill.reason, nameof(a)),
            var other => throw new InvalidOperationException($"unknown fault {other}"),
        };
        return false;
    }
}

/// <summary>Exact discretisation of linear models whose control is held over every step of h seconds. Source: Van Loan (1978).</summary>
public static class ZeroOrderHold
{
    /// <summary>A and B of x' = A x + B u, the state after a time h of ẋ = a x + b u. a:[n, n] b:[n, m].</summary>
    public static (double[,] A, double[,] B) Model(double h, double[,] a, double[,] b)
    {
        CheckTime(h);
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        Require.Matrix(a, a.GetLength(0), a.GetLength(0), "A", nameof(a));
        Require.Matrix(b, a.GetLength(0), b.GetLength(1), "B", nameof(b));
        var (discreteA, discreteB) = Control.ZeroOrderHold.model(h, a, b);
        return (discreteA, discreteB);
    }

    /// <summary>
    /// The step of a linear-quadratic problem in continuous time, whose rates and cost a second are given in place of the next state and the cost
    /// of a step.
    /// </summary>
    /// <exception cref="ArgumentException">Sizes do not fit.</exception>
    public static LqrStep Step(double h, LqrStep rates)
    {
        CheckTime(h);
        ArgumentNullException.ThrowIfNull(rates);
        return new(Control.ZeroOrderHold.step(h, rates.ToEngine(nameof(rates))));
    }

    /// <summary>Covariance [n, n] that white noise of intensity w gives the state of ẋ = a x over a time h. a:[n, n] w:[n, n].</summary>
    public static double[,] Noise(double h, double[,] a, double[,] w)
    {
        CheckTime(h);
        ArgumentNullException.ThrowIfNull(a);
        Require.Matrix(a, a.GetLength(0), a.GetLength(0), "A", nameof(a));
        Require.Matrix(w, a.GetLength(0), a.GetLength(0), "W", nameof(w));
        return Control.ZeroOrderHold.noise(h, a, w);
    }

    private static void CheckTime(double h)
    {
        if (!(h > 0 && double.IsFinite(h))) throw new ArgumentOutOfRangeException(nameof(h), h, "a step lasts a positive time");
    }
}
