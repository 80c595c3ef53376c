using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Research.Kernels;

/// <summary>Sums of Gaussian bumps at many points at once.</summary>
public static unsafe class BumpSums
{
    /// <summary>
    /// results[p] += Σᵢ weightsᵢ exp(−½ Σⱼ (x_jp − z_ij)² / ℓⱼ²). Points lie by rows, number j of point p at points[j·count + p]; centres [n, d] row
    /// by row; scales are √½/ℓⱼ. Differences are taken before they are squared, so that no place is too far from 0. Each point has the same
    /// bits in any company.
    /// </summary>
    [MethodImpl(Dense.Optimised)]
    public static void Add(
        ReadOnlySpan<double> points, int count, ReadOnlySpan<double> centres, ReadOnlySpan<double> scales, ReadOnlySpan<double> weights,
        Span<double> results)
    {
        int n = weights.Length, d = scales.Length;
        if (points.Length < d * count || centres.Length < n * d || results.Length < count)
            throw new ArgumentException($"Bumps of {n} centres of {d} numbers at {count} points got {points.Length}, {centres.Length} and {results.Length} numbers.");
        fixed (double* x = points, z = centres, s = scales, w = weights, y = results)
        {
            var p = 0;
            if (Vector512.IsHardwareAccelerated && Avx512F.IsSupported)
            {
                for (; p + 16 <= count; p += 16)
                {
                    Vector512<double> sum = Vector512.Load(y + p), other = Vector512.Load(y + p + 8);
                    for (var i = 0; i < n; i++)
                    {
                        Vector512<double> square = default, second = default;
                        for (var j = 0; j < d; j++)
                        {
                            Vector512<double> centre = Vector512.Create(z[i * d + j]), scale = Vector512.Create(s[j]);
                            var r = (Vector512.Load(x + j * count + p) - centre) * scale;
                            var q = (Vector512.Load(x + j * count + p + 8) - centre) * scale;
                            square = Vector512.FusedMultiplyAdd(r, r, square);
                            second = Vector512.FusedMultiplyAdd(q, q, second);
                        }

                        var weight = Vector512.Create(w[i]);
                        sum = Vector512.FusedMultiplyAdd(weight, Exponential.Of(-square), sum);
                        other = Vector512.FusedMultiplyAdd(weight, Exponential.Of(-second), other);
                    }

                    Vector512.Store(sum, y + p);
                    Vector512.Store(other, y + p + 8);
                }
            }

            for (; p + 4 <= count; p += 4) Vector256.Store(Four(x + p, count, z, s, w, n, d, Vector256.Load(y + p)), y + p);
            if (p == count) return;
            double* rest = stackalloc double[4 * (d + 1)];
            for (var k = 0; k < 4; k++)
            {
                for (var j = 0; j < d; j++) rest[j * 4 + k] = x[j * count + Math.Min(p + k, count - 1)];
                rest[d * 4 + k] = y[Math.Min(p + k, count - 1)];
            }

            var last = Four(rest, 4, z, s, w, n, d, Vector256.Load(rest + d * 4));
            for (var k = 0; p + k < count; k++) y[p + k] = last[k];
        }
    }

    private static Vector256<double> Four(double* x, int row, double* z, double* s, double* w, int n, int d, Vector256<double> sum)
    {
        for (var i = 0; i < n; i++)
        {
            Vector256<double> square = default;
            for (var j = 0; j < d; j++)
            {
                var r = (Vector256.Load(x + j * row) - Vector256.Create(z[i * d + j])) * Vector256.Create(s[j]);
                square = Vector256.FusedMultiplyAdd(r, r, square);
            }

            sum = Vector256.FusedMultiplyAdd(Vector256.Create(w[i]), Exponential.Of(-square), sum);
        }

        return sum;
    }
}
