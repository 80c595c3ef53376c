using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Research.Kernels;

/// <summary>From one array for each quantity to one record for each point, and back.</summary>
public static unsafe class Transpose
{
    /// <summary>
    /// target[p·targetRow + i] ← source[i·sourceRow + p] for i below <paramref name="rows"/> and p below <paramref name="count"/>.
    /// </summary>
    [MethodImpl(Dense.Optimised)]
    public static void Run(ReadOnlySpan<double> source, int sourceRow, Span<double> target, int targetRow, int rows, int count)
    {
        if (rows == 0 || count == 0) return;
        if (source.Length < (rows - 1) * sourceRow + count || target.Length < (count - 1) * targetRow + rows)
            throw new ArgumentException(
                $"Transpose of {rows}×{count} with distances {sourceRow} and {targetRow} does not fit {source.Length} and {target.Length} numbers.");
        fixed (double* s = source, t = target)
        {
            var i = 0;
            if (Avx.IsSupported)
            {
                for (; i + 4 <= rows; i += 4)
                {
                    var p = 0;
                    for (; p + 4 <= count; p += 4) Block(s + i * sourceRow + p, sourceRow, t + p * targetRow + i, targetRow);
                    for (; p < count; p++)
                        for (var k = i; k < i + 4; k++)
                            t[p * targetRow + k] = s[k * sourceRow + p];
                }
            }

            for (; i < rows; i++)
                for (var p = 0; p < count; p++)
                    t[p * targetRow + i] = s[i * sourceRow + p];
        }
    }

    private static void Block(double* s, int sourceRow, double* t, int targetRow)
    {
        var a = Vector256.Load(s);
        var b = Vector256.Load(s + sourceRow);
        var c = Vector256.Load(s + 2 * sourceRow);
        var d = Vector256.Load(s + 3 * sourceRow);
        var ab0 = Avx.UnpackLow(a, b);
        var ab1 = Avx.UnpackHigh(a, b);
        var cd0 = Avx.UnpackLow(c, d);
        var cd1 = Avx.UnpackHigh(c, d);
        Vector256.Store(Avx.Permute2x128(ab0, cd0, 0x20), t);
        Vector256.Store(Avx.Permute2x128(ab1, cd1, 0x20), t + targetRow);
        Vector256.Store(Avx.Permute2x128(ab0, cd0, 0x31), t + 2 * targetRow);
        Vector256.Store(Avx.Permute2x128(ab1, cd1, 0x31), t + 3 * targetRow);
    }
}
