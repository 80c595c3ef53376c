using System;
using System.Runtime.CompilerServices;

namespace Research.Kernels;

/// <summary>Operations on whole row-major matrices in arrays, with their sizes checked.</summary>
public static unsafe class Matrix
{
    private const int Block = 32;

    private static void Need(int length, int rows, int columns, string name)
    {
        if (length != rows * columns) throw new ArgumentException($"{name} of {rows}×{columns} does not fit {length} numbers");
    }

    /// <summary>c ← c + s·a·b, or s·aᵀ·b. a:[rows, inner] (transposed: [inner, rows]) b:[inner, columns] c:[rows, columns].</summary>
    public static void AddProduct(
        Span<double> c, ReadOnlySpan<double> a, ReadOnlySpan<double> b, int rows, int inner, int columns, bool isTransposed = false, double s = 1)
    {
        Need(c.Length, rows, columns, "the sum");
        Need(a.Length, rows, inner, "the first factor");
        Need(b.Length, inner, columns, "the second factor");
        if (rows == 0 || inner == 0 || columns == 0) return;
        fixed (double* pc = c, pa = a, pb = b)
            Dense.AddProduct(pc, columns, pa, isTransposed ? 1 : inner, isTransposed ? rows : 1, pb, columns, rows, inner, columns, s);
    }

    /// <summary>
    /// Replaces the lower triangle of a symmetric matrix by its Cholesky factor L, a = L Lᵀ, a block of columns at a time; above the
    /// diagonal it is left as it was. False where a pivot is not positive; a is then spoilt.
    /// </summary>
    [MethodImpl(Dense.Optimised)]
    public static bool Cholesky(Span<double> a, int n)
    {
        Need(a.Length, n, n, "the matrix");
        Span<double> inverse = stackalloc double[Block];
        Span<double> across = stackalloc double[Block * Block];
        fixed (double* p = a, pi = inverse, pt = across)
        {
            for (var k = 0; k < n; k += Block)
            {
                var width = Math.Min(Block, n - k);
                // what the columns before take away, then the block on the diagonal, then the rows below it
                for (var i = k; i < n; i += Block)
                {
                    var height = Math.Min(Block, n - i);
                    for (var inner = 0; inner < k; inner += Block)
                    {
                        for (var r = 0; r < width; r++)
                            for (var c = 0; c < Block; c++)
                                pt[c * width + r] = p[(k + r) * n + inner + c];
                        Dense.AddProduct(p + i * n + k, n, p + i * n + inner, n, 1, pt, width, height, Block, width, -1);
                    }

                    if (i == k)
                    {
                        if (!Dense.Cholesky(p + k * n + k, n, pi, width)) return false;
                    }
                    else
                    {
                        for (var r = i; r < i + height; r++)
                        {
                            var row = p + r * n + k;
                            for (var c = 0; c < width; c++) row[c] = (row[c] - Dense.Dot(row, p + (k + c) * n + k, c)) * pi[c];
                        }
                    }
                }
            }
        }

        return true;
    }

    /// <summary>
    /// Turns an array of rows and columns, column by column, into the lower triangle L of the same A Aᵀ = L Lᵀ by rotations of columns in pairs,
    /// which keep the digits of columns that are of very different sizes. Its diagonal is 0 or positive; the columns behind it are cleared.
    /// </summary>
    public static void LowerTriangle(Span<double> a, int rows, int columns)
    {
        for (int i = 0; i < Math.Min(rows, columns); i++)
        {
            var first = a.Slice(i * rows, rows);
            for (int j = i + 1; j < columns; j++)
            {
                var second = a.Slice(j * rows, rows);
                if (second[i] == 0) continue;
                double length = double.Hypot(first[i], second[i]), c = first[i] / length, s = second[i] / length;
                for (int r = i; r < rows; r++)
                {
                    double x = first[r], y = second[r];
                    first[r] = c * x + s * y;
                    second[r] = c * y - s * x;
                }

                first[i] = length;
                second[i] = 0;
            }

            if (first[i] < 0)
                for (int r = i; r < rows; r++) first[r] = -first[r];
        }
    }

    /// <summary>a⁻¹ of a = L Lᵀ, all of it, from the factor of <see cref="Cholesky"/>.</summary>
    [MethodImpl(Dense.Optimised)]
    public static double[] InverseOfFactor(ReadOnlySpan<double> l, int n)
    {
        Need(l.Length, n, n, "the factor");
        // the rows of L⁻¹, and then (L⁻¹)ᵀ L⁻¹
        var rows = new double[n * n];
        var result = new double[n * n];
        fixed (double* pl = l, px = rows, pr = result)
        {
            for (var i = 0; i < n; i += Block)
            {
                var height = Math.Min(Block, n - i);
                // -L[i.., ..i] L⁻¹[..i, ..i], then the block on the diagonal solved
                if (i > 0) Dense.AddProduct(px + i * n, n, pl + i * n, n, 1, px, n, height, i, i, -1);
                for (var r = i; r < i + height; r++)
                {
                    px[r * n + r] = 1;
                    for (var k = i; k < r; k++) Dense.AddScaled(px + r * n, px + k * n, -pl[r * n + k], k + 1);
                    Dense.Scale(px + r * n, 1 / pl[r * n + r], r + 1);
                }
            }

            for (var i = 0; i < n; i += Block)
            {
                var height = Math.Min(Block, n - i);
                // columns up to i + height of rows from i on
                Dense.AddProduct(pr + i * n, n, px + i * n + i, 1, n, px + i * n, n, height, n - i, i + height);
            }

            for (var i = 0; i < n; i++)
                for (var j = 0; j < i; j++)
                    pr[j * n + i] = pr[i * n + j];
        }

        return result;
    }

    /// <summary>x ← (L Lᵀ)⁻¹ x, of x:[n, columns], with the factor of <see cref="Cholesky"/>.</summary>
    public static void Solve(ReadOnlySpan<double> l, Span<double> x, int n, int columns)
    {
        Need(l.Length, n, n, "the factor");
        Need(x.Length, n, columns, "the right side");
        if (n == 0 || columns == 0) return;
        var inverse = new double[n];
        for (var i = 0; i < n; i++) inverse[i] = 1 / l[i * n + i];
        fixed (double* pl = l, px = x, pi = inverse) Dense.Solve(pl, n, pi, px, columns, n, columns);
    }

    /// <summary>x ← L⁻¹ x, of x:[n, columns], with the factor of <see cref="Cholesky"/>.</summary>
    [MethodImpl(Dense.Optimised)]
    public static void SolveLower(ReadOnlySpan<double> l, Span<double> x, int n, int columns)
    {
        Need(l.Length, n, n, "the factor");
        Need(x.Length, n, columns, "the right side");
        if (n == 0 || columns == 0) return;
        fixed (double* pl = l, px = x)
        {
            for (var i = 0; i < n; i++)
            {
                for (var k = 0; k < i; k++) Dense.AddScaled(px + i * columns, px + k * columns, -pl[i * n + k], columns);
                Dense.Scale(px + i * columns, 1 / pl[i * n + i], columns);
            }
        }
    }
}
