using System.Diagnostics.CodeAnalysis;

namespace Research.ModelBased;

/// <summary>What an infinite-horizon regulator is.</summary>
/// <param name="P">P of the value function ½xᵀPx, [n, n].</param>
/// <param name="K">Gain of u = −K x, [m, n].</param>
/// <param name="SpectralRadius">Largest size of an eigenvalue of A − BK.</param>
/// <param name="Residual">Size of the residual of the equation, relative to P.</param>
/// <param name="Iterations">Doublings.</param>
public sealed record DareSolution(double[,] P, double[,] K, double SpectralRadius, double Residual, int Iterations);

/// <summary>Why there is no infinite-horizon regulator.</summary>
public enum DareFault
{
    /// <summary>There is one.</summary>
    None,

    /// <summary>R is not positive definite.</summary>
    RNotPositiveDefinite,

    /// <summary>No feedback makes A − BK stable.</summary>
    NotStabilisable,

    /// <summary>A mode on the edge of stability costs nothing, so that no optimal law stabilises it.</summary>
    NotDetectable,

    /// <summary>Numbers are so far apart, or Q so far from positive semidefinite, that what was found is no solution.</summary>
    Inaccurate,
}

/// <summary>
/// The discrete algebraic Riccati equation P = AᵀPA + Q − (AᵀPB + N)(R + BᵀPB)⁻¹(BᵀPA + Nᵀ) of the infinite-horizon regulator u = −K x for
/// x' = A x + B u at the cost Σ ½xᵀQx + xᵀNu + ½uᵀRu.
/// </summary>
public static class Dare
{
    /// <summary>The regulator. a:[n, n] b:[n, m] q:[n, n] r:[m, m] n:[n, m], 0 where null.</summary>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    /// <exception cref="NoSolutionException">There is none: see <see cref="DareFault"/>.</exception>
    public static DareSolution Solve(double[,] a, double[,] b, double[,] q, double[,] r, double[,]? n = null) =>
        TrySolve(a, b, q, r, n, out var solution, out var fault)
            ? solution
            : throw new NoSolutionException(fault switch
            {
                DareFault.RNotPositiveDefinite => "there is no regulator: R is not positive definite",
                DareFault.NotStabilisable => "there is no regulator: no feedback makes A − BK stable",
                DareFault.NotDetectable => "there is no regulator: a mode on the unit circle costs nothing",
                _ => "no regulator was found: numbers are too far apart, or Q is not positive semidefinite",
            });

    /// <summary>The regulator without cross term, if there is one.</summary>
    /// <inheritdoc cref="TrySolve(double[,], double[,], double[,], double[,], double[,], out DareSolution, out DareFault)"/>
    public static bool TrySolve(
        double[,] a, double[,] b, double[,] q, double[,] r, [NotNullWhen(true)] out DareSolution? solution, out DareFault fault) =>
        TrySolve(a, b, q, r, null, out solution, out fault);

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
        double[,] a, double[,] b, double[,] q, double[,] r, double[,]? n, [NotNullWhen(true)] out DareSolution? solution, out DareFault fault)
    {
        Check(a, b, q, r, n);
        var result = n is null ? Control.Dare.solve(a, b, q, r) : Control.Dare.solveWithCross(a, b, q, r, n);
        if (result.IsOk)
        {
            var found = result.ResultValue;
            solution = new(found.P, found.K, found.SpectralRadius, found.Residual, found.Iterations);
            fault = DareFault.None;
            return true;
        }

        solution = null;
        fault = ToPublic(result.ErrorValue, nameof(a));
        return false;
    }

    internal static DareFault ToPublic(Control.DareFault fault, string name) =>
        fault switch
        {
            { IsRNotPositiveDefinite: true } => DareFault.RNotPositiveDefinite,
            { IsNotStabilisable: true } => DareFault.NotStabilisable,
            { IsNotDetectable: true } => DareFault.NotDetectable,
            { IsInaccurate: true } => DareFault.Inaccurate,
            Control.DareFault.DareIllPosed ill => throw new ArgumentException(ill.reason, name),
            _ => throw new InvalidOperationException($"unknown fault {fault}"),
        };

    internal static void Check(double[,] a, double[,] b, double[,] q, double[,] r, double[,]? n)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        ArgumentNullException.ThrowIfNull(q);
        ArgumentNullException.ThrowIfNull(r);
        var (states, controls) = (a.GetLength(0), b.GetLength(1));
        Check(a, states, states, "A", nameof(a));
        Check(b, states, controls, "B", nameof(b));
        Check(q, states, states, "Q", nameof(q));
        Check(r, controls, controls, "R", nameof(r));
        if (n is not null) Check(n, states, controls, "N", nameof(n));
    }

    private static void Check(double[,] matrix, int rows, int columns, string what, string name)
    {
        if (rows == 0 || columns == 0) throw new ArgumentException("there must be one state and one control or more", name);
        Internal.Require.Matrix(matrix, rows, columns, what, name);
    }
}
