using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Research.Kernels;

/// <summary>
/// Small dense linear algebra on row-major matrices, in SIMD, without allocation. Pointers are trusted: callers check shapes once, outside
/// their loops.
/// </summary>
internal static unsafe class Dense
{
    /// <summary>At once: these loops are hot long before the JIT would notice.</summary>
    internal const MethodImplOptions Optimised = MethodImplOptions.AggressiveOptimization;

    /// <summary>
    /// C ← C + s·A·B. A is [rows, inner] with element (i,k) at a[i·aRow + k·aColumn], so that a transposed A costs nothing; B is
    /// [inner, columns] and C [rows, columns], both row-major with the given row distances.
    /// </summary>
    [MethodImpl(Optimised)]
    public static void AddProduct(
        double* c, int cRow, double* a, int aRow, int aColumn, double* b, int bRow, int rows, int inner, int columns, double s = 1)
    {
        if (columns == 1 && bRow == 1 && cRow == 1 && s == 1)
        {
            AddProduct(c, a, aRow, aColumn, b, rows, inner);
            return;
        }

        var j = 0;
        if (Vector512.IsHardwareAccelerated && Avx512F.IsSupported)
        {
            int width;
            for (; columns - j > 4; j += width > 8 ? 16 : 8)
            {
                // twelve columns are eight and four: no lane is masked
                width = columns - j == 12 ? 8 : columns - j;
                var i = 0;
                if (width >= 16)
                    for (; i + 4 <= rows; i += 4)
                        Block4x16(c + i * cRow + j, cRow, a + i * aRow, aRow, aColumn, b + j, bRow, inner, s);
                else if (width == 8)
                {
                    for (; i + 8 <= rows; i += 8)
                        Block8x8(c + i * cRow + j, cRow, a + i * aRow, aRow, aColumn, b + j, bRow, inner, s);
                    for (; i + 4 <= rows; i += 4)
                        Block4x8(c + i * cRow + j, cRow, a + i * aRow, aRow, aColumn, b + j, bRow, inner, s);
                }

                for (; i < rows; i += 4)
                {
                    if (width > 8) Edge16(c + i * cRow + j, cRow, a + i * aRow, aRow, aColumn, b + j, bRow, inner, s, rows - i, FirstLanes(width - 8));
                    else Edge8(c + i * cRow + j, cRow, a + i * aRow, aRow, aColumn, b + j, bRow, inner, s, rows - i, FirstLanes(width));
                }
            }

            if (j >= columns) return;
        }

        for (; j + 4 <= columns; j += 4)
        {
            var i = 0;
            for (; i + 4 <= rows; i += 4)
                Block4x4(c + i * cRow + j, cRow, a + i * aRow, aRow, aColumn, b + j, bRow, inner, s);
            for (; i < rows; i++) Block1x4(c + i * cRow + j, a + i * aRow, aColumn, b + j, bRow, inner, s);
        }

        for (; j < columns; j++)
        {
            for (var i = 0; i < rows; i++)
            {
                var sum = 0.0;
                for (var k = 0; k < inner; k++) sum = Math.FusedMultiplyAdd(a[i * aRow + k * aColumn], b[k * bRow + j], sum);
                c[i * cRow + j] += s * sum;
            }
        }
    }

    [MethodImpl(Optimised)]
    private static void Block4x16(
        double* c, int cRow, double* a, int aRow, int aColumn, double* b, int bRow, int inner, double s)
    {
        Vector512<double> c00 = default, c01 = default, c10 = default, c11 = default;
        Vector512<double> c20 = default, c21 = default, c30 = default, c31 = default;
        double* a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        for (var k = 0; k < inner; k++)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 8);
            var x = Vector512.Create(*a);
            c00 = Vector512.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(*a1);
            c10 = Vector512.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(*a2);
            c20 = Vector512.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(*a3);
            c30 = Vector512.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(x, b1, c31);
            b += bRow;
            a += aColumn;
            a1 += aColumn;
            a2 += aColumn;
            a3 += aColumn;
        }

        AddRow(c, c00, s);
        AddRow(c + 8, c01, s);
        AddRow(c + cRow, c10, s);
        AddRow(c + cRow + 8, c11, s);
        AddRow(c + 2 * cRow, c20, s);
        AddRow(c + 2 * cRow + 8, c21, s);
        AddRow(c + 3 * cRow, c30, s);
        AddRow(c + 3 * cRow + 8, c31, s);
    }

    /// <summary>Eight sums at once: with fewer, each waits for the last addition.</summary>
    [MethodImpl(Optimised)]
    private static void Block8x8(
        double* c, int cRow, double* a, int aRow, int aColumn, double* b, int bRow, int inner, double s)
    {
        Vector512<double> c0 = default, c1 = default, c2 = default, c3 = default;
        Vector512<double> c4 = default, c5 = default, c6 = default, c7 = default;
        double* a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow, a4 = a3 + aRow, a5 = a4 + aRow, a6 = a5 + aRow, a7 = a6 + aRow;
        for (nint k = 0, at = 0; k < inner; k++, at += aColumn)
        {
            var row = Vector512.Load(b);
            c0 = Vector512.FusedMultiplyAdd(Vector512.Create(a[at]), row, c0);
            c1 = Vector512.FusedMultiplyAdd(Vector512.Create(a1[at]), row, c1);
            c2 = Vector512.FusedMultiplyAdd(Vector512.Create(a2[at]), row, c2);
            c3 = Vector512.FusedMultiplyAdd(Vector512.Create(a3[at]), row, c3);
            c4 = Vector512.FusedMultiplyAdd(Vector512.Create(a4[at]), row, c4);
            c5 = Vector512.FusedMultiplyAdd(Vector512.Create(a5[at]), row, c5);
            c6 = Vector512.FusedMultiplyAdd(Vector512.Create(a6[at]), row, c6);
            c7 = Vector512.FusedMultiplyAdd(Vector512.Create(a7[at]), row, c7);
            b += bRow;
        }

        AddRow(c, c0, s);
        AddRow(c + cRow, c1, s);
        AddRow(c + 2 * cRow, c2, s);
        AddRow(c + 3 * cRow, c3, s);
        AddRow(c + 4 * cRow, c4, s);
        AddRow(c + 5 * cRow, c5, s);
        AddRow(c + 6 * cRow, c6, s);
        AddRow(c + 7 * cRow, c7, s);
    }

    [MethodImpl(Optimised)]
    private static void Block4x8(
        double* c, int cRow, double* a, int aRow, int aColumn, double* b, int bRow, int inner, double s)
    {
        Vector512<double> c0 = default, c1 = default, c2 = default, c3 = default;
        double* a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        for (var k = 0; k < inner; k++)
        {
            var row = Vector512.Load(b);
            c0 = Vector512.FusedMultiplyAdd(Vector512.Create(*a), row, c0);
            c1 = Vector512.FusedMultiplyAdd(Vector512.Create(*a1), row, c1);
            c2 = Vector512.FusedMultiplyAdd(Vector512.Create(*a2), row, c2);
            c3 = Vector512.FusedMultiplyAdd(Vector512.Create(*a3), row, c3);
            b += bRow;
            a += aColumn;
            a1 += aColumn;
            a2 += aColumn;
            a3 += aColumn;
        }

        AddRow(c, c0, s);
        AddRow(c + cRow, c1, s);
        AddRow(c + 2 * cRow, c2, s);
        AddRow(c + 3 * cRow, c3, s);
    }

    /// <summary>All bits set in the first lanes of a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> FirstLanes(int count) =>
        Vector512.LessThan(Vector512.CreateSequence(0L, 1L), Vector512.Create((long)count)).AsDouble();

    /// <summary>At the lower edge: up to four rows; and at the right edge: the lanes of the mask of the second eight columns.</summary>
    [MethodImpl(Optimised)]
    private static void Edge16(
        double* c, int cRow, double* a, int aRow, int aColumn, double* b, int bRow, int inner, double s, int rows, Vector512<double> mask)
    {
        Vector512<double> c00 = default, c01 = default, c10 = default, c11 = default;
        Vector512<double> c20 = default, c21 = default, c30 = default, c31 = default;
        // rows that are not there are done like the first one and dropped
        double* a1 = rows > 1 ? a + aRow : a, a2 = rows > 2 ? a + 2 * aRow : a, a3 = rows > 3 ? a + 3 * aRow : a;
        for (var k = 0; k < inner; k++)
        {
            var b0 = Vector512.Load(b);
            var b1 = Avx512F.MaskLoad(b + 8, mask, Vector512<double>.Zero);
            var x = Vector512.Create(*a);
            c00 = Vector512.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(*a1);
            c10 = Vector512.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(*a2);
            c20 = Vector512.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(*a3);
            c30 = Vector512.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(x, b1, c31);
            b += bRow;
            a += aColumn;
            a1 += aColumn;
            a2 += aColumn;
            a3 += aColumn;
        }

        AddRow(c, c00, s);
        AddRow(c + 8, c01, s, mask);
        if (rows > 1)
        {
            AddRow(c + cRow, c10, s);
            AddRow(c + cRow + 8, c11, s, mask);
        }

        if (rows > 2)
        {
            AddRow(c + 2 * cRow, c20, s);
            AddRow(c + 2 * cRow + 8, c21, s, mask);
        }

        if (rows > 3)
        {
            AddRow(c + 3 * cRow, c30, s);
            AddRow(c + 3 * cRow + 8, c31, s, mask);
        }
    }

    /// <summary>At the lower edge: up to four rows; and at the right edge: the lanes of the mask.</summary>
    [MethodImpl(Optimised)]
    private static void Edge8(
        double* c, int cRow, double* a, int aRow, int aColumn, double* b, int bRow, int inner, double s, int rows, Vector512<double> mask)
    {
        Vector512<double> c0 = default, c1 = default, c2 = default, c3 = default;
        double* a1 = rows > 1 ? a + aRow : a, a2 = rows > 2 ? a + 2 * aRow : a, a3 = rows > 3 ? a + 3 * aRow : a;
        for (var k = 0; k < inner; k++)
        {
            var row = Avx512F.MaskLoad(b, mask, Vector512<double>.Zero);
            c0 = Vector512.FusedMultiplyAdd(Vector512.Create(*a), row, c0);
            c1 = Vector512.FusedMultiplyAdd(Vector512.Create(*a1), row, c1);
            c2 = Vector512.FusedMultiplyAdd(Vector512.Create(*a2), row, c2);
            c3 = Vector512.FusedMultiplyAdd(Vector512.Create(*a3), row, c3);
            b += bRow;
            a += aColumn;
            a1 += aColumn;
            a2 += aColumn;
            a3 += aColumn;
        }

        AddRow(c, c0, s, mask);
        if (rows > 1) AddRow(c + cRow, c1, s, mask);
        if (rows > 2) AddRow(c + 2 * cRow, c2, s, mask);
        if (rows > 3) AddRow(c + 3 * cRow, c3, s, mask);
    }

    [MethodImpl(Optimised)]
    private static void Block4x4(
        double* c, int cRow, double* a, int aRow, int aColumn, double* b, int bRow, int inner, double s)
    {
        Vector256<double> c0 = default, c1 = default, c2 = default, c3 = default;
        double* a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        for (var k = 0; k < inner; k++)
        {
            var row = Vector256.Load(b);
            c0 = Vector256.FusedMultiplyAdd(Vector256.Create(*a), row, c0);
            c1 = Vector256.FusedMultiplyAdd(Vector256.Create(*a1), row, c1);
            c2 = Vector256.FusedMultiplyAdd(Vector256.Create(*a2), row, c2);
            c3 = Vector256.FusedMultiplyAdd(Vector256.Create(*a3), row, c3);
            b += bRow;
            a += aColumn;
            a1 += aColumn;
            a2 += aColumn;
            a3 += aColumn;
        }

        AddRow(c, c0, s);
        AddRow(c + cRow, c1, s);
        AddRow(c + 2 * cRow, c2, s);
        AddRow(c + 3 * cRow, c3, s);
    }

    [MethodImpl(Optimised)]
    private static void Block1x4(double* c, double* a, int aColumn, double* b, int bRow, int inner, double s)
    {
        var sum = Vector256<double>.Zero;
        for (var k = 0; k < inner; k++)
            sum = Vector256.FusedMultiplyAdd(Vector256.Create(a[k * aColumn]), Vector256.Load(b + k * bRow), sum);
        AddRow(c, sum, s);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow(double* c, Vector512<double> sum, double s) =>
        Vector512.Store(Vector512.FusedMultiplyAdd(sum, Vector512.Create(s), Vector512.Load(c)), c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow(double* c, Vector512<double> sum, double s, Vector512<double> mask) =>
        Avx512F.MaskStore(c, mask, Vector512.FusedMultiplyAdd(sum, Vector512.Create(s), Avx512F.MaskLoad(c, mask, Vector512<double>.Zero)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow(double* c, Vector256<double> sum, double s) =>
        Vector256.Store(Vector256.FusedMultiplyAdd(sum, Vector256.Create(s), Vector256.Load(c)), c);

    /// <summary>y ← y + A x, or Aᵀ x with the strides of A exchanged. A:[rows, inner].</summary>
    [MethodImpl(Optimised)]
    public static void AddProduct(double* y, double* a, int aRow, int aColumn, double* x, int rows, int inner)
    {
        if (aRow == 1)
        {
            // columns of A are contiguous: combine them
            for (var k = 0; k < inner; k++) AddScaled(y, a + k * aColumn, x[k], rows);
            return;
        }

        for (var i = 0; i < rows; i++) y[i] += Dot(a + i * aRow, x, inner, aColumn);
    }

    /// <summary>y ← y + s·x.</summary>
    [MethodImpl(Optimised)]
    public static void AddScaled(double* y, double* x, double s, int count)
    {
        var i = 0;
        if (Vector512.IsHardwareAccelerated)
            for (; i + 8 <= count; i += 8)
                Vector512.Store(Vector512.FusedMultiplyAdd(Vector512.Create(s), Vector512.Load(x + i), Vector512.Load(y + i)), y + i);
        if (Avx512F.IsSupported && count - i > 1)
        {
            var mask = FirstLanes(count - i);
            var rest = Vector512.FusedMultiplyAdd(
                Vector512.Create(s), Avx512F.MaskLoad(x + i, mask, Vector512<double>.Zero), Avx512F.MaskLoad(y + i, mask, Vector512<double>.Zero));
            Avx512F.MaskStore(y + i, mask, rest);
            return;
        }

        for (; i + 4 <= count; i += 4)
            Vector256.Store(Vector256.FusedMultiplyAdd(Vector256.Create(s), Vector256.Load(x + i), Vector256.Load(y + i)), y + i);
        for (; i < count; i++) y[i] = Math.FusedMultiplyAdd(s, x[i], y[i]);
    }

    /// <summary>Σ a[i·step]·b[i].</summary>
    [MethodImpl(Optimised)]
    public static double Dot(double* a, double* b, int count, int step = 1)
    {
        var sum = 0.0;
        var i = 0;
        if (step == 1 && count >= 8)
        {
            var sums = Vector256<double>.Zero;
            for (; i + 4 <= count; i += 4)
                sums = Vector256.FusedMultiplyAdd(Vector256.Load(a + i), Vector256.Load(b + i), sums);
            sum = Vector256.Sum(sums);
        }

        for (; i < count; i++) sum = Math.FusedMultiplyAdd(a[i * step], b[i], sum);
        return sum;
    }

    /// <summary>
    /// Replaces the lower triangle of a symmetric matrix by its Cholesky factor, a = L Lᵀ, with the inverses of L's diagonal in
    /// <paramref name="inverse"/>. False where a pivot is not positive; a is then spoilt.
    /// </summary>
    [MethodImpl(Optimised)]
    public static bool Cholesky(double* a, int aRow, double* inverse, int n)
    {
        for (var i = 0; i < n; i++)
        {
            var row = a + i * aRow;
            for (var j = 0; j < i; j++) row[j] = (row[j] - Dot(row, a + j * aRow, j)) * inverse[j];
            var pivot = row[i] - Dot(row, row, i);
            if (!(pivot > 0) || double.IsInfinity(pivot)) return false;
            var root = Math.Sqrt(pivot);
            row[i] = root;
            inverse[i] = 1 / root;
        }

        return true;
    }

    /// <summary>X ← (L Lᵀ)⁻¹ X, of X:[n, columns] row-major; L and the inverses of its diagonal from <see cref="Cholesky"/>.</summary>
    [MethodImpl(Optimised)]
    public static void Solve(double* l, int lRow, double* inverse, double* x, int xRow, int n, int columns)
    {
        for (var i = 0; i < n; i++)
        {
            for (var k = 0; k < i; k++) AddScaled(x + i * xRow, x + k * xRow, -l[i * lRow + k], columns);
            Scale(x + i * xRow, inverse[i], columns);
        }

        for (var i = n - 1; i >= 0; i--)
        {
            for (var k = i + 1; k < n; k++) AddScaled(x + i * xRow, x + k * xRow, -l[k * lRow + i], columns);
            Scale(x + i * xRow, inverse[i], columns);
        }
    }

    /// <summary>x ← s·x.</summary>
    public static void Scale(double* x, double s, int count)
    {
        for (var i = 0; i < count; i++) x[i] *= s;
    }

    /// <summary>a ← (a + aᵀ)/2.</summary>
    [MethodImpl(Optimised)]
    public static void Symmetrise(double* a, int aRow, int n)
    {
        for (var i = 1; i < n; i++)
            for (var j = 0; j < i; j++)
                a[i * aRow + j] = a[j * aRow + i] = 0.5 * (a[i * aRow + j] + a[j * aRow + i]);
    }
}
