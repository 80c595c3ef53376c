using System;
using System.Runtime.CompilerServices;

namespace Research.Kernels;

/// <summary>Small symmetric positive definite matrices.</summary>
internal static unsafe class Symmetric
{
    /// <summary>a ← a⁻¹, and ln|a|; NaN throughout where a is not positive definite.</summary>
    [MethodImpl(Dense.Optimised)]
    [SkipLocalsInit]
    public static double Invert(double* a, int n)
    {
        Span<double> room = n <= 16 ? stackalloc double[n * n + n] : new double[n * n + n];
        fixed (double* l = room)
        {
            var inverse = l + n * n;
            new Span<double>(a, n * n).CopyTo(room);
            if (!Dense.Cholesky(l, n, inverse, n))
            {
                new Span<double>(a, n * n).Fill(double.NaN);
                return double.NaN;
            }

            var product = 1.0;
            var logDeterminant = 0.0;
            new Span<double>(a, n * n).Clear();
            for (var i = 0; i < n; i++)
            {
                a[i * n + i] = 1;
                product *= inverse[i];
                // before the product leaves the range of numbers
                if (product is > 1e100 or < 1e-100)
                {
                    logDeterminant -= 2 * Math.Log(product);
                    product = 1;
                }
            }

            Dense.Solve(l, n, inverse, a, n, n, n);
            Dense.Symmetrise(a, n, n);
            return logDeterminant - 2 * Math.Log(product);
        }
    }
}
