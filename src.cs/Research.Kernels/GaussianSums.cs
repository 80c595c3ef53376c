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
/// Points are held in two layouts: by rows, [n, stride] with ones in column D and zeros behind it, and by columns, [D, padded], where stride
/// is D+1 and padded is n, rounded up to eight. Everything over columns j (v, b, rows of I) is padded: b and I with zeros, v with anything
/// finite.
/// </summary>
public static unsafe class GaussianSums
{
    /// <summary>n rounded up to whole vectors.</summary>
    public static int Padded(int n) => (n + 7) & ~7;

    private const int Block = 8;

    /// <summary>
    /// products:[rows, stride] ← W [y 1], sums:[padded] += Wᵀ 1. g:[D, gWidth] by columns, u, a:[rows]; v, b:[padded]; byRows:[count, stride];
    /// byColumns:[D, padded]; inverse:[rows, padded], or null for zero. When <paramref name="isSymmetric"/> (the same points and numbers on
    /// both sides) only half of W is computed: H with W = H + Hᵀ, and the results are those of H.
    /// </summary>
    [MethodImpl(Dense.Optimised)]
    [SkipLocalsInit]
    internal static void Run(
        double* g, int gWidth, double* u, double* a, int rows, double* v, double* b, int count, double* byRows, double* byColumns,
        double* inverse, bool isSymmetric, int d, double* products, double* sums)
    {
        int padded = Padded(count), stride = Padded(d + 1);
        new Span<double>(products, rows * stride).Clear();
        if (rows == 0 || count == 0) return;
        var room = padded * Block;
        Span<double> work = room <= 4096 ? stackalloc double[room] : new double[room];
        fixed (double* w = work)
        {
            for (var i = 0; i < rows; i += Block)
            {
                var height = Math.Min(Block, rows - i);
                var from = isSymmetric ? i : 0;
                var width = padded - from;
                new Span<double>(w, height * width).Clear();
                if (d > 0) Dense.AddProduct(w, width, g + i, 1, gWidth, byColumns + from, padded, height, d, width);
                for (var k = 0; k < height; k++)
                {
                    var row = i + k;
                    var weights = inverse == null ? null : inverse + row * padded + from;
                    Weigh(w + k * width, u[row], v + from, a[row], b + from, weights, sums + from, width, isSymmetric ? Block : 0);
                }

                Dense.AddProduct(products + i * stride, stride, w, width, 1, byRows + from * stride, stride, height, count - from, stride);
            }
        }
    }

    /// <summary>result:[padded] ← shift + s Σ_k a_k b_k, of a, b:[d, padded].</summary>
    [MethodImpl(Dense.Optimised)]
    internal static void Forms(double* result, double* a, double* b, int d, int padded, double shift, double s)
    {
        for (var j = 0; j < padded; j += 4)
        {
            var sum = Vector256<double>.Zero;
            for (var k = 0; k < d; k++)
                sum = Vector256.FusedMultiplyAdd(Vector256.Load(a + k * padded + j), Vector256.Load(b + k * padded + j), sum);
            Vector256.Store(Vector256.FusedMultiplyAdd(sum, Vector256.Create(s), Vector256.Create(shift)), result + j);
        }
    }

    /// <summary>result:[count, stride] ← row i of rows times scale i.</summary>
    [MethodImpl(Dense.Optimised)]
    internal static void ScaleRows(double* result, double* scales, double* rows, int count, int stride)
    {
        for (var i = 0; i < count; i++, rows += stride, result += stride)
        {
            var scale = Vector256.Create(scales[i]);
            for (var j = 0; j < stride; j += 4) Vector256.Store(scale * Vector256.Load(rows + j), result + j);
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
