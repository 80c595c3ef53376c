using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Research.Kernels;

/// <summary>
/// A step of the backward pass for 8 to 16 states and up to 8 controls. The blocks of the model lie side by side in rows that are padded to
/// whole vectors, F = [fx fu], so that [Qxx ·; Qux Quu] = L + Fᵀ(V F) are two products without edges, and the gains come from one elimination
/// on the rows [Qux Quu]. Lanes behind the last column hold any numbers and are never read.
/// </summary>
internal sealed unsafe class PaddedStep
{
    private const int Lanes = 8;

    private readonly int n;
    private readonly int m;
    private readonly int row; // numbers in a row: 16 or 24
    private readonly double[] store;
    private readonly double* vxx; // [n,n], and rows to the next multiple of 8
    private readonly double* vx;
    private readonly double* f; // [n, n+m]
    private readonly double* vf; // V F
    private readonly double* l; // second derivatives, and rows to the next multiple of 4
    private readonly double* q;
    private readonly double* g; // Qx, then Qu
    private readonly double* regular; // the rows of controls with regularisation: [Qux Quu]
    private readonly double* eliminated;
    private readonly double* gain; // K, rows of 16
    private readonly double* bracket; // Quu K + 2 Qux, rows of 16
    private readonly double* curved; // Quu k, then scratch of m
    private readonly double* inverse;
    private readonly double* small;
    private readonly BoxQpSolver box;

    /// <summary>A step for n states and m controls, which <see cref="Fits"/> allows.</summary>
    public PaddedStep(int n, int m)
    {
        this.n = n;
        this.m = m;
        row = (n + m + Lanes - 1) / Lanes * Lanes;
        box = new BoxQpSolver(m);
        int matrix = 24 * row, controls = 8 * row;
        store = GC.AllocateArray<double>(5 * matrix + 4 * controls + 8 * 64 + Lanes, pinned: true);
        var address = (nint)Unsafe.AsPointer(ref store[0]);
        var at = (double*)((address + 63) & ~(nint)63);
        vxx = Take(matrix);
        f = Take(matrix);
        vf = Take(matrix);
        l = Take(matrix);
        q = Take(matrix);
        regular = Take(controls);
        eliminated = Take(controls);
        gain = Take(controls);
        bracket = Take(controls);
        vx = Take(64);
        g = Take(64);
        curved = Take(64);
        inverse = Take(64);
        small = Take(256);

        double* Take(int count)
        {
            var first = at;
            at += count;
            return first;
        }
    }

    /// <summary>True for the sizes that this step is made for, on processors that have the vectors.</summary>
    public static bool Fits(int n, int m) => Vector512.IsHardwareAccelerated && Avx512F.IsSupported && n >= 8 && n <= 16 && m <= 8;

    /// <summary>kᵀQu of the last step.</summary>
    public double Linear { get; private set; }

    /// <summary>½kᵀQuu k of the last step.</summary>
    public double Quadratic { get; private set; }

    /// <summary>max |k|/(|u|+1) of the last step.</summary>
    public double Change { get; private set; }

    /// <summary>Sets the value function.</summary>
    public void SetValue(ReadOnlySpan<double> gradient, ReadOnlySpan<double> hessian)
    {
        gradient.CopyTo(new Span<double>(vx, n));
        for (var i = 0; i < n; i++) hessian.Slice(i * n, n).CopyTo(new Span<double>(vxx + i * row, n));
    }

    /// <summary>Gives the value function.</summary>
    public void GetValue(Span<double> gradient, Span<double> hessian)
    {
        new ReadOnlySpan<double>(vx, n).CopyTo(gradient);
        for (var i = 0; i < n; i++) new ReadOnlySpan<double>(vxx + i * row, n).CopyTo(hessian.Slice(i * n, n));
    }

    /// <summary>Vx ← Vx + Vxx gap.</summary>
    public void AddGap(double* gap) => Dense.AddProduct(vx, vxx, row, 1, gap, n, n);

    /// <summary>Vx, [n].</summary>
    public ReadOnlySpan<double> Vx => new(vx, n);

    /// <summary>One step back in time; parameters as of <see cref="BackwardPass"/>. False when Quu is not positive definite.</summary>
    [MethodImpl(Dense.Optimised)]
    public bool Run(double* record, double* law, double* second, double mu, double muU, double* low, double* high)
    {
        double* fx = record, fu = fx + n * n, lx = fu + n * m, lxx = lx + n + m, lux = lxx + n * n, luu = lux + m * n;
        double* u = law + n, k = u + m, qu = g + n;

        Load(record, second);
        Product(vf, null, vxx, row, 1, f, n, n, row);
        var ofStates = n / 4 * 4;
        Product(q, l, f, 1, row, vf, ofStates, n, 16);
        Product(q + ofStates * row, l + ofStates * row, f + ofStates, 1, row, vf, n + m - ofStates, n, row);
        AddRows(g, lx, vx, f);

        double* rows = q + n * row;
        if (mu != 0)
        {
            // Quu and Qux with V + μI instead of V
            for (var i = 0; i < n * row; i += Lanes)
                Vector512.Store(Vector512.FusedMultiplyAdd(Vector512.Create(mu), Vector512.Load(f + i), Vector512.Load(vf + i)), vf + i);
            Product(regular, l + n * row, f + n, 1, row, vf, m, n, row);
            rows = regular;
        }

        var isFree = Eliminate(rows, muU, small);
        if (low is null)
        {
            if (!isFree) return false;
        }
        else
        {
            for (var i = 0; isFree && i < m; i++) isFree = small[i] >= low[i] - u[i] && small[i] <= high[i] - u[i];
        }

        if (isFree)
        {
            for (var i = 0; i < m; i++) k[i] = small[i];
            Substitute();
        }
        else if (!Limited(rows, muU, u, k, low, high))
        {
            return false;
        }

        SetGains(k + m);
        SetSums(u, k, qu);
        SetValue(k, qu, isFree && mu == 0 && muU == 0);
        return true;
    }

    /// <summary>Brings the model into rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Load(double* record, double* second)
    {
        double* fx = record, fu = fx + n * n, lxx = fu + n * m + n + m, lux = lxx + n * n, luu = lux + m * n;
        // the second vector of a row begins with states and goes on with controls: those are read so that they are in place
        var states = FirstLanes(n - Lanes);
        var controls = FirstLanes(n + m - 2 * Lanes);
        var middle = FirstLanes(n + m - Lanes);
        for (var i = 0; i < n; i++)
        {
            double* x = fx + i * n, w = fu + i * m - n, to = f + i * row;
            Vector512.Store(Vector512.Load(x), to);
            Vector512.Store(Vector512.ConditionalSelect(states, Vector512.Load(x + Lanes), Vector512.Load(w + Lanes)), to + Lanes);
            if (row > 16) Vector512.Store(Vector512.Load(w + 16), to + 16);
            x = lxx + i * n;
            to = l + i * row;
            Vector512.Store(Vector512.Load(x), to);
            Vector512.Store(Vector512.Load(x + Lanes), to + Lanes);
        }

        for (var i = 0; i < m; i++)
        {
            double* x = lux + i * n, w = luu + i * m - n, to = l + (n + i) * row;
            Vector512.Store(Vector512.Load(x), to);
            var own = Avx512F.MaskLoad(w + Lanes, Vector512.AndNot(middle, states), Vector512<double>.Zero);
            Vector512.Store(own | Avx512F.MaskLoad(x + Lanes, states, Vector512<double>.Zero), to + Lanes);
            if (row > 16) Vector512.Store(Avx512F.MaskLoad(w + 16, controls, Vector512<double>.Zero), to + 16);
        }

        if (second is null) return;
        for (var i = 0; i < n + m; i++) Dense.AddScaled(l + i * row, second + i * (n + m), 1, n + m);
    }

    /// <summary>C ← L + A B, or A B: four rows at a time, in 16 or 24 columns. Element (i,k) of A is at a[i·aRow + k·aColumn].</summary>
    [MethodImpl(Dense.Optimised)]
    private void Product(double* c, double* start, double* a, int aRow, int aColumn, double* b, int rows, int inner, int columns)
    {
        for (var i = 0; i < rows; i += 4)
        {
            var from = start is null ? null : start + i * row;
            if (columns == 16) Block4x16(c + i * row, from, a + i * aRow, aRow, aColumn, b, row, row, inner);
            else Block4x24(c + i * row, from, a + i * aRow, aRow, aColumn, b, inner);
        }
    }

    [MethodImpl(Dense.Optimised)]
    private static void Block4x16(double* c, double* start, double* a, int aRow, int aColumn, double* b, int bRow, int cRow, int inner)
    {
        Vector512<double> c00 = default, c01 = default, c10 = default, c11 = default;
        Vector512<double> c20 = default, c21 = default, c30 = default, c31 = default;
        if (start is not null)
        {
            c00 = Vector512.Load(start);
            c01 = Vector512.Load(start + 8);
            c10 = Vector512.Load(start + cRow);
            c11 = Vector512.Load(start + cRow + 8);
            c20 = Vector512.Load(start + 2 * cRow);
            c21 = Vector512.Load(start + 2 * cRow + 8);
            c30 = Vector512.Load(start + 3 * cRow);
            c31 = Vector512.Load(start + 3 * cRow + 8);
        }

        double* a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        for (nint k = 0, at = 0; k < inner; k++, at += aColumn, b += bRow)
        {
            Vector512<double> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 8);
            var x = Vector512.Create(a[at]);
            c00 = Vector512.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a1[at]);
            c10 = Vector512.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a2[at]);
            c20 = Vector512.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a3[at]);
            c30 = Vector512.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(x, b1, c31);
        }

        Vector512.Store(c00, c);
        Vector512.Store(c01, c + 8);
        Vector512.Store(c10, c + cRow);
        Vector512.Store(c11, c + cRow + 8);
        Vector512.Store(c20, c + 2 * cRow);
        Vector512.Store(c21, c + 2 * cRow + 8);
        Vector512.Store(c30, c + 3 * cRow);
        Vector512.Store(c31, c + 3 * cRow + 8);
    }

    [MethodImpl(Dense.Optimised)]
    private static void Block4x24(double* c, double* start, double* a, int aRow, int aColumn, double* b, int inner)
    {
        const int row = 24;
        Vector512<double> c00 = default, c01 = default, c02 = default, c10 = default, c11 = default, c12 = default;
        Vector512<double> c20 = default, c21 = default, c22 = default, c30 = default, c31 = default, c32 = default;
        if (start is not null)
        {
            c00 = Vector512.Load(start);
            c01 = Vector512.Load(start + 8);
            c02 = Vector512.Load(start + 16);
            c10 = Vector512.Load(start + row);
            c11 = Vector512.Load(start + row + 8);
            c12 = Vector512.Load(start + row + 16);
            c20 = Vector512.Load(start + 2 * row);
            c21 = Vector512.Load(start + 2 * row + 8);
            c22 = Vector512.Load(start + 2 * row + 16);
            c30 = Vector512.Load(start + 3 * row);
            c31 = Vector512.Load(start + 3 * row + 8);
            c32 = Vector512.Load(start + 3 * row + 16);
        }

        double* a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        for (nint k = 0, at = 0; k < inner; k++, at += aColumn, b += row)
        {
            Vector512<double> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 8), b2 = Vector512.Load(b + 16);
            var x = Vector512.Create(a[at]);
            c00 = Vector512.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(x, b1, c01);
            c02 = Vector512.FusedMultiplyAdd(x, b2, c02);
            x = Vector512.Create(a1[at]);
            c10 = Vector512.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(x, b1, c11);
            c12 = Vector512.FusedMultiplyAdd(x, b2, c12);
            x = Vector512.Create(a2[at]);
            c20 = Vector512.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(x, b1, c21);
            c22 = Vector512.FusedMultiplyAdd(x, b2, c22);
            x = Vector512.Create(a3[at]);
            c30 = Vector512.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(x, b1, c31);
            c32 = Vector512.FusedMultiplyAdd(x, b2, c32);
        }

        Vector512.Store(c00, c);
        Vector512.Store(c01, c + 8);
        Vector512.Store(c02, c + 16);
        Vector512.Store(c10, c + row);
        Vector512.Store(c11, c + row + 8);
        Vector512.Store(c12, c + row + 16);
        Vector512.Store(c20, c + 2 * row);
        Vector512.Store(c21, c + 2 * row + 8);
        Vector512.Store(c22, c + 2 * row + 16);
        Vector512.Store(c30, c + 3 * row);
        Vector512.Store(c31, c + 3 * row + 8);
        Vector512.Store(c32, c + 3 * row + 16);
    }

    /// <summary>to ← from + Σ weights[i]·rowᵢ over the rows of F.</summary>
    [MethodImpl(Dense.Optimised)]
    private void AddRows(double* to, double* from, double* weights, double* rows)
    {
        for (var j = 0; j < row; j += Lanes)
        {
            var even = Avx512F.MaskLoad(from + j, FirstLanes(n + m - j), Vector512<double>.Zero);
            var odd = Vector512<double>.Zero;
            var i = 0;
            for (; i + 2 <= n; i += 2)
            {
                even = Vector512.FusedMultiplyAdd(Vector512.Create(weights[i]), Vector512.Load(rows + i * row + j), even);
                odd = Vector512.FusedMultiplyAdd(Vector512.Create(weights[i + 1]), Vector512.Load(rows + (i + 1) * row + j), odd);
            }

            if (i < n) even = Vector512.FusedMultiplyAdd(Vector512.Create(weights[i]), Vector512.Load(rows + i * row + j), even);
            Vector512.Store(even + odd, to + j);
        }
    }

    /// <summary>
    /// Eliminates [Qux Quu] to an upper triangle by Quu = LDLᵀ, and solves for k = −Quu⁻¹Qu. False where a pivot is not positive.
    /// </summary>
    [MethodImpl(Dense.Optimised)]
    private bool Eliminate(double* rows, double muU, double* k)
    {
        for (var i = 0; i < m * row; i += Lanes) Vector512.Store(Vector512.Load(rows + i), eliminated + i);
        for (var i = 0; i < m; i++)
        {
            eliminated[i * row + n + i] += muU;
            k[i] = -g[n + i];
        }

        for (var j = 0; j < m; j++)
        {
            var own = eliminated + j * row;
            var pivot = own[n + j];
            if (!(pivot > 0) || double.IsInfinity(pivot)) return false;
            inverse[j] = 1 / pivot;
            Vector512<double> own0 = Vector512.Load(own), own1 = Vector512.Load(own + 8), own2 = row > 16 ? Vector512.Load(own + 16) : default;
            for (var i = j + 1; i < m; i++)
            {
                var other = eliminated + i * row;
                var share = -own[n + i] * inverse[j];
                var shares = Vector512.Create(share);
                Vector512.Store(Vector512.FusedMultiplyAdd(shares, own0, Vector512.Load(other)), other);
                Vector512.Store(Vector512.FusedMultiplyAdd(shares, own1, Vector512.Load(other + 8)), other + 8);
                if (row > 16) Vector512.Store(Vector512.FusedMultiplyAdd(shares, own2, Vector512.Load(other + 16)), other + 16);
                k[i] = Math.FusedMultiplyAdd(share, k[j], k[i]);
            }
        }

        for (var j = m - 1; j >= 0; j--)
        {
            var sum = k[j];
            for (var i = m - 1; i > j; i--) sum = Math.FusedMultiplyAdd(-eliminated[j * row + n + i], k[i], sum);
            k[j] = sum * inverse[j];
        }

        return true;
    }

    /// <summary>K = −Quu⁻¹Qux from the triangle.</summary>
    [MethodImpl(Dense.Optimised)]
    private void Substitute()
    {
        for (var j = m - 1; j >= 0; j--)
        {
            var own = eliminated + j * row;
            Vector512<double> sum0 = -Vector512.Load(own), sum1 = -Vector512.Load(own + 8);
            for (var i = m - 1; i > j; i--)
            {
                var share = Vector512.Create(-own[n + i]);
                sum0 = Vector512.FusedMultiplyAdd(share, Vector512.Load(gain + i * 16), sum0);
                sum1 = Vector512.FusedMultiplyAdd(share, Vector512.Load(gain + i * 16 + 8), sum1);
            }

            var scale = Vector512.Create(inverse[j]);
            Vector512.Store(sum0 * scale, gain + j * 16);
            Vector512.Store(sum1 * scale, gain + j * 16 + 8);
        }
    }

    /// <summary>k and K where a limit holds a control, or Quu is positive definite only for the controls that none holds.</summary>
    private bool Limited(double* rows, double muU, double* u, double* k, double* low, double* high)
    {
        double* hessian = small, lo = hessian + m * m, hi = lo + m, packed = hi + m;
        for (var i = 0; i < m; i++)
        {
            for (var j = 0; j < m; j++) hessian[i * m + j] = rows[i * row + n + j];
            hessian[i * m + i] += muU;
            lo[i] = low[i] - u[i];
            hi[i] = high[i] - u[i];
        }

        if (box.Solve(hessian, g + n, lo, hi, k) == BoxQpOutcome.NotPositiveDefinite) return false;
        var free = box.Free;
        for (var i = 0; i < free.Length; i++)
            for (var j = 0; j < n; j++)
                packed[i * n + j] = -rows[free[i] * row + j];
        box.SolveFree(packed, n, n);
        new Span<double>(gain, m * 16).Clear();
        for (var i = 0; i < free.Length; i++)
            new ReadOnlySpan<double>(packed + i * n, n).CopyTo(new Span<double>(gain + free[i] * 16, n));
        return true;
    }

    /// <summary>Writes K to the law. A row's last vector reaches into the next row, which is written after it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SetGains(double* to)
    {
        for (var i = 0; i < m; i++)
        {
            Vector512.Store(Vector512.Load(gain + i * 16), to + i * n);
            var rest = Vector512.Load(gain + i * 16 + 8);
            if (i + 1 < m) Vector512.Store(rest, to + i * n + 8);
            else Avx512F.MaskStore(to + i * n + 8, FirstLanes(n - Lanes), rest);
        }
    }

    /// <summary>Quu k, and what the step adds to the sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SetSums(double* u, double* k, double* qu)
    {
        var sum = Vector512<double>.Zero;
        for (var i = 0; i < m; i++) sum = Vector512.FusedMultiplyAdd(Vector512.Create(k[i]), Vector512.Load(q + (n + i) * row + n), sum);
        Vector512.Store(sum, curved);
        double linear = 0, quadratic = 0, largest = 0;
        for (var i = 0; i < m; i++)
        {
            linear += k[i] * qu[i];
            quadratic += k[i] * curved[i];
            largest = Math.Max(largest, Math.Abs(k[i]) / (Math.Abs(u[i]) + 1));
        }

        Linear = linear;
        Quadratic = 0.5 * quadratic;
        Change = largest;
    }

    /// <summary>
    /// Vx = Qx + Kᵀ(Quu k + Qu) + Quxᵀk, and Vxx = Qxx + KᵀQuu K + KᵀQux + QuxᵀK, the symmetric part of Qxx + Kᵀ(Quu K + 2Qux). After a Newton
    /// step Quu K + Qux is zero.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SetValue(double* k, double* qu, bool isNewton)
    {
        Vector512<double> v0 = Vector512.Load(g), v1 = Vector512.Load(g + 8);
        Vector512<double> w0 = default, w1 = default;
        for (var i = 0; i < m; i++)
        {
            var cross = q + (n + i) * row;
            Vector512<double> forward = Vector512.Create(k[i]), back = Vector512.Create(curved[i] + qu[i]);
            v0 = Vector512.FusedMultiplyAdd(forward, Vector512.Load(cross), v0);
            v1 = Vector512.FusedMultiplyAdd(forward, Vector512.Load(cross + 8), v1);
            w0 = Vector512.FusedMultiplyAdd(back, Vector512.Load(gain + i * 16), w0);
            w1 = Vector512.FusedMultiplyAdd(back, Vector512.Load(gain + i * 16 + 8), w1);
        }

        Vector512.Store(v0 + w0, vx);
        Vector512.Store(v1 + w1, vx + 8);

        for (var i = 0; i < m; i++)
        {
            var cross = q + (n + i) * row;
            Vector512<double> a0 = Vector512.Load(cross), a1 = Vector512.Load(cross + 8);
            if (!isNewton)
            {
                a0 += a0;
                a1 += a1;
                for (var j = 0; j < m; j++)
                {
                    var weight = Vector512.Create(cross[n + j]);
                    a0 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(gain + j * 16), a0);
                    a1 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(gain + j * 16 + 8), a1);
                }
            }

            Vector512.Store(a0, bracket + i * 16);
            Vector512.Store(a1, bracket + i * 16 + 8);
        }

        for (var i = 0; i < n; i += 4) Block4x16(vxx + i * row, q + i * row, gain + i, 1, 16, bracket, 16, row, m);
        Symmetrise();
    }

    /// <summary>Vxx ← (Vxx + Vxxᵀ)/2, by blocks of 8×8.</summary>
    [MethodImpl(Dense.Optimised)]
    private void Symmetrise()
    {
        for (var i = 0; i < n; i += Lanes)
            for (var j = 0; j <= i; j += Lanes)
            {
                double* upper = vxx + j * row + i, lower = vxx + i * row + j;
                Transposed(lower, row, small, Lanes);
                for (var k = 0; k < Lanes; k++)
                {
                    var mean = (Vector512.Load(upper + k * row) + Vector512.Load(small + k * Lanes)) * Vector512.Create(0.5);
                    Vector512.Store(mean, upper + k * row);
                }

                if (i != j) Transposed(upper, row, lower, row);
            }
    }

    [MethodImpl(Dense.Optimised)]
    private static void Transposed(double* from, int fromRow, double* to, int toRow)
    {
        Vector512<double> r0 = Vector512.Load(from), r1 = Vector512.Load(from + fromRow);
        Vector512<double> r2 = Vector512.Load(from + 2 * fromRow), r3 = Vector512.Load(from + 3 * fromRow);
        Vector512<double> r4 = Vector512.Load(from + 4 * fromRow), r5 = Vector512.Load(from + 5 * fromRow);
        Vector512<double> r6 = Vector512.Load(from + 6 * fromRow), r7 = Vector512.Load(from + 7 * fromRow);
        Columns(Avx512F.UnpackLow(r0, r1), Avx512F.UnpackLow(r2, r3), Avx512F.UnpackLow(r4, r5), Avx512F.UnpackLow(r6, r7), to, 2 * toRow);
        Columns(
            Avx512F.UnpackHigh(r0, r1), Avx512F.UnpackHigh(r2, r3), Avx512F.UnpackHigh(r4, r5), Avx512F.UnpackHigh(r6, r7), to + toRow, 2 * toRow);
    }

    /// <summary>The transpose of a 4×4 block of pairs of numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Columns(
        Vector512<double> r0, Vector512<double> r1, Vector512<double> r2, Vector512<double> r3, double* to, int toRow)
    {
        Vector512<double> even01 = Avx512F.Shuffle4x128(r0, r1, 0x88), odd01 = Avx512F.Shuffle4x128(r0, r1, 0xdd);
        Vector512<double> even23 = Avx512F.Shuffle4x128(r2, r3, 0x88), odd23 = Avx512F.Shuffle4x128(r2, r3, 0xdd);
        Vector512.Store(Avx512F.Shuffle4x128(even01, even23, 0x88), to);
        Vector512.Store(Avx512F.Shuffle4x128(odd01, odd23, 0x88), to + toRow);
        Vector512.Store(Avx512F.Shuffle4x128(even01, even23, 0xdd), to + 2 * toRow);
        Vector512.Store(Avx512F.Shuffle4x128(odd01, odd23, 0xdd), to + 3 * toRow);
    }

    /// <summary>All bits set in the first lanes of a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> FirstLanes(int count) =>
        Vector512.LessThan(Vector512.CreateSequence(0L, 1L), Vector512.Create((long)count)).AsDouble();
}
