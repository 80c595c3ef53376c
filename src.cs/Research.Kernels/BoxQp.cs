using System;
using System.Runtime.CompilerServices;

namespace Research.Kernels;

/// <summary>How a box-constrained quadratic program ended.</summary>
public enum BoxQpOutcome
{
    /// <summary>The gradient vanishes on every coordinate that is not held by a bound.</summary>
    Converged,

    /// <summary>No step lowered the cost, though its slope is not small: numbers too large or too far apart.</summary>
    NoImprovement,

    /// <summary>The iteration limit was reached.</summary>
    IterationLimit,

    /// <summary>H is not positive definite on the free coordinates.</summary>
    NotPositiveDefinite,
}

/// <summary>
/// min ½xᵀHx + gᵀx over lower ≤ x ≤ upper by projected Newton steps on the coordinates that no bound holds. Source: Tassa, Mansard,
/// Todorov, Control-Limited Differential Dynamic Programming (2014), appendix. Reused from call to call; not thread-safe.
/// </summary>
public sealed unsafe class BoxQpSolver
{
    private const int MaxIterations = 100;
    private const double Armijo = 0.1;
    private const double StepFactor = 0.6;
    private const double SmallestStep = 1e-22;

    private readonly int n;
    private readonly double[] gradient;
    private readonly double[] step;
    private readonly double[] candidate;
    private readonly double[] factor;
    private readonly double[] inverse;
    private readonly int[] free;

    /// <summary>A solver for n unknowns.</summary>
    public BoxQpSolver(int n)
    {
        this.n = n;
        gradient = new double[n];
        step = new double[n];
        candidate = new double[n];
        factor = new double[n * n];
        inverse = new double[n];
        free = new int[n];
    }

    /// <summary>Coordinates that no bound holds at the solution, in order.</summary>
    public ReadOnlySpan<int> Free => free.AsSpan(0, FreeCount);

    /// <summary>Number of coordinates that no bound holds.</summary>
    public int FreeCount { get; private set; }

    /// <summary>Newton steps taken.</summary>
    public int Iterations { get; private set; }

    /// <summary>
    /// Solves from the start in <paramref name="x"/>, which receives the solution. h:[n,n] row-major symmetric; g, lower, upper and x:[n];
    /// bounds may be infinite.
    /// </summary>
    public BoxQpOutcome Solve(
        ReadOnlySpan<double> h, ReadOnlySpan<double> g, ReadOnlySpan<double> lower, ReadOnlySpan<double> upper, Span<double> x)
    {
        if (h.Length != n * n || g.Length != n || lower.Length != n || upper.Length != n || x.Length != n)
            throw new ArgumentException(
                $"BoxQpSolver({n}) needs H of {n * n} and g, bounds and x of {n} numbers, and got {h.Length}, {g.Length}, {lower.Length}, {upper.Length} and {x.Length}.");
        fixed (double* ph = h, pg = g, pl = lower, pu = upper, px = x) return Solve(ph, pg, pl, pu, px);
    }

    [MethodImpl(Dense.Optimised)]
    internal BoxQpOutcome Solve(double* h, double* g, double* lower, double* upper, double* x)
    {
        fixed (double* grad = gradient, direction = step, next = candidate, l = factor, inv = inverse)
        {
            var scale = 0.0;
            for (var i = 0; i < n; i++)
            {
                x[i] = Math.Min(Math.Max(x[i], lower[i]), upper[i]);
                scale = Math.Max(scale, Math.Abs(g[i]));
            }

            var value = Value(h, g, x, grad);
            for (Iterations = 0; Iterations < MaxIterations; Iterations++)
            {
                FreeCount = 0;
                var largest = 0.0;
                for (var i = 0; i < n; i++)
                {
                    if ((x[i] <= lower[i] && grad[i] > 0) || (x[i] >= upper[i] && grad[i] < 0)) continue;
                    free[FreeCount++] = i;
                    largest = Math.Max(largest, Math.Abs(grad[i]));
                }

                if (!Factorise(h, l, inv)) return BoxQpOutcome.NotPositiveDefinite;
                if (largest <= 1e-14 * scale || FreeCount == 0) return BoxQpOutcome.Converged;

                for (var i = 0; i < FreeCount; i++) direction[i] = -grad[free[i]];
                Dense.Solve(l, n, inv, direction, 1, FreeCount, 1);
                var slope = 0.0;
                for (var i = 0; i < FreeCount; i++) slope += direction[i] * grad[free[i]];
                if (!(slope < 0)) return BoxQpOutcome.NoImprovement;

                var length = 1.0;
                while (true)
                {
                    for (var i = 0; i < n; i++) next[i] = x[i];
                    for (var i = 0; i < FreeCount; i++)
                    {
                        var j = free[i];
                        next[j] = Math.Min(Math.Max(x[j] + length * direction[i], lower[j]), upper[j]);
                    }

                    var nextValue = Value(h, g, next, grad);
                    if (nextValue - value <= Armijo * length * slope)
                    {
                        value = nextValue;
                        break;
                    }

                    length *= StepFactor;
                    if (length < SmallestStep || value - nextValue == 0)
                    {
                        // as low as rounding lets it be, unless the slope says otherwise
                        Value(h, g, x, grad);
                        for (var i = 0; i < n; i++) scale = Math.Max(scale, Math.Abs(grad[i] - g[i]));
                        return largest <= 1e-7 * scale ? BoxQpOutcome.Converged : BoxQpOutcome.NoImprovement;
                    }
                }

                for (var i = 0; i < n; i++) x[i] = next[i];
            }

            return BoxQpOutcome.IterationLimit;
        }
    }

    /// <summary>Replaces b:[free, columns] by H_free⁻¹ b, with the factor of the last solution.</summary>
    internal void SolveFree(double* b, int bRow, int columns)
    {
        fixed (double* l = factor, inv = inverse) Dense.Solve(l, n, inv, b, bRow, FreeCount, columns);
    }

    private bool Factorise(double* h, double* l, double* inv)
    {
        for (var i = 0; i < FreeCount; i++)
            for (var j = 0; j <= i; j++)
                l[i * n + j] = h[free[i] * n + free[j]];
        return Dense.Cholesky(l, n, inv, FreeCount);
    }

    [MethodImpl(Dense.Optimised)]
    private double Value(double* h, double* g, double* x, double* grad)
    {
        var value = 0.0;
        for (var i = 0; i < n; i++)
        {
            var product = Dense.Dot(h + i * n, x, n);
            grad[i] = g[i] + product;
            value += x[i] * (g[i] + 0.5 * product);
        }

        return value;
    }
}
