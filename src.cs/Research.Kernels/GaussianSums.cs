using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Research.Kernels;

/// <summary>
/// The sums over pairs of data points of which the moments of Gaussian processes at Gaussian inputs are made. With
///
///     Lᵢⱼ = exp(uᵢ + vⱼ + gᵢᵀ yⱼ)        Wᵢⱼ = (aᵢ bⱼ − Iᵢⱼ) Lᵢⱼ
///
/// for rows i of x and columns j of y, a call gives W·[y 1] and the sums of the columns of W. Derivatives of all moments are linear in
/// these, so that each exponential is taken once, and none in reverse.
///
/// Points are held in two layouts: by rows, [n, D+1] with a last column of ones, and by columns, [D, padded], where padded is n rounded up
/// to eight. Everything over columns j (v, b, rows of I) is padded: b and I with zeros, v with anything finite.
/// </summary>
public static unsafe class GaussianSums
{
    /// <summary>n rounded up to whole vectors.</summary>
    public static int Padded(int n) => (n + 7) & ~7;

    private const int Block = 8;

    /// <summary>
    /// products:[rows, D+1] ← W [y 1], columns:[padded] ← Wᵀ 1. g:[rows, D], u, a:[rows]; v, b:[padded]; byRows:[count, D+1];
    /// byColumns:[D, padded]; inverse:[rows, padded], or empty for zero. When <paramref name="isSymmetric"/> (the same points and numbers on
    /// both sides) only half of W is computed: H with W = H + Hᵀ, and the results are those of H.
    /// </summary>
    [MethodImpl(Dense.Optimised)]
    public static void Run(
        ReadOnlySpan<double> g, ReadOnlySpan<double> u, ReadOnlySpan<double> a, ReadOnlySpan<double> v, ReadOnlySpan<double> b,
        ReadOnlySpan<double> byRows, ReadOnlySpan<double> byColumns, ReadOnlySpan<double> inverse, bool isSymmetric, int d,
        Span<double> products, Span<double> columns)
    {
        int rows = u.Length, padded = v.Length, count = byRows.Length / (d + 1);
        if (padded != Padded(count) || b.Length != padded || byColumns.Length != d * padded || g.Length != rows * d || a.Length != rows
            || (inverse.Length != 0 && inverse.Length != rows * padded) || products.Length != rows * (d + 1) || columns.Length != padded
            || (isSymmetric && rows != count))
            throw new ArgumentException($"sums over {rows} rows and {count} columns of {d} numbers got arrays of other sizes");
        products.Clear();
        columns.Clear();
        if (rows == 0 || count == 0) return;
        var room = Padded(padded * Block);
        Span<double> work = room <= 4096 ? stackalloc double[room] : new double[room];
        fixed (double* pg = g, pu = u, pa = a, pv = v, pb = b, pr = byRows, pc = byColumns, pi = inverse, po = products, ps = columns, w = work)
        {
            for (var i = 0; i < rows; i += Block)
            {
                var height = Math.Min(Block, rows - i);
                var from = isSymmetric ? i : 0;
                var width = padded - from;
                new Span<double>(w, height * width).Clear();
                if (d > 0) Dense.AddProduct(w, width, pg + i * d, d, 1, pc + from, padded, height, d, width);
                for (var k = 0; k < height; k++)
                {
                    var row = i + k;
                    var weights = pi == null ? null : pi + row * padded + from;
                    Weigh(w + k * width, pu[row], pv + from, pa[row], pb + from, weights, ps + from, width, isSymmetric ? Block : 0);
                }

                Dense.AddProduct(po + i * (d + 1), d + 1, w, width, 1, pr + from * (d + 1), d + 1, height, count - from, d + 1);
            }
        }
    }

    /// <summary>One row of W over its arguments; the first <paramref name="halved"/> numbers are halved.</summary>
    [MethodImpl(Dense.Optimised)]
    private static void Weigh(
        double* row, double u, double* v, double a, double* b, double* inverse, double* columns, int count, int halved)
    {
        var j = 0;
        if (Vector512.IsHardwareAccelerated && Avx512F.IsSupported)
        {
            var shift = Vector512.Create(u);
            var factor = Vector512.Create(a);
            for (; j < count; j += 8)
            {
                var weight = factor * Vector512.Load(b + j);
                if (inverse != null) weight -= Vector512.Load(inverse + j);
                if (j < halved) weight *= 0.5;
                var value = weight * Exponential.Of(Vector512.Load(row + j) + (shift + Vector512.Load(v + j)));
                Vector512.Store(value, row + j);
                Vector512.Store(value + Vector512.Load(columns + j), columns + j);
            }

            return;
        }

        for (; j < count; j += 4)
        {
            var weight = a * Vector256.Load(b + j);
            if (inverse != null) weight -= Vector256.Load(inverse + j);
            if (j < halved) weight *= 0.5;
            var value = weight * Exponential.Of(Vector256.Load(row + j) + (Vector256.Create(u) + Vector256.Load(v + j)));
            Vector256.Store(value, row + j);
            Vector256.Store(value + Vector256.Load(columns + j), columns + j);
        }
    }

    /// <summary>values ← eᵛᵃˡᵘᵉ, element by element.</summary>
    [MethodImpl(Dense.Optimised)]
    public static void Exponentiate(Span<double> values)
    {
        fixed (double* p = values)
        {
            var j = 0;
            if (Vector512.IsHardwareAccelerated && Avx512F.IsSupported)
                for (; j + 8 <= values.Length; j += 8)
                    Vector512.Store(Exponential.Of(Vector512.Load(p + j)), p + j);
            for (; j + 4 <= values.Length; j += 4) Vector256.Store(Exponential.Of(Vector256.Load(p + j)), p + j);
            for (; j < values.Length; j++) p[j] = Exponential.Of(Vector256.Create(p[j]))[0];
        }
    }
}
