using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Research.Kernels;

/// <summary>
/// Adds to the (n+m)×(n+m) row-major matrix, of which the rows and columns of x come first, the second derivatives of λᵀf at step t.
/// </summary>
public delegate void AddCurvature(int step, ReadOnlySpan<double> lambda, Span<double> hessian);

/// <summary>
/// The backward pass of LQR, iLQR and DDP: from a quadratic model of the cost and a linear (or quadratic) model of the dynamics along a
/// trajectory to the feedback law u = ū + αk + K(x − x̄) and the value function ½δxᵀVxx δx + Vxᵀδx. Sources: Tassa, Erez, Todorov (2012);
/// Tassa, Mansard, Todorov (2014) for limits. Owns its scratch memory and allocates nothing after construction; not thread-safe.
///
/// Step t of the model is the record at t·modelRow: fx [n,n], fu [n,m], lx [n], lu [m], lxx [n,n], lux [m,n], luu [m,m],
/// all row-major. Step t of the law is the record at t·policyRow of: x̄ [n], ū [m], k [m], K [m,n].
/// </summary>
public sealed unsafe class BackwardPass
{
    private readonly int n;
    private readonly int m;
    private readonly double[] scratch;
    private readonly double[] hessian;
    private readonly double[] vx;
    private readonly double[] vxx;
    private readonly BoxQpSolver box;
    private readonly PaddedStep? padded;
    private int done;
    private double changes;

    /// <summary>A backward pass for n states and m controls.</summary>
    public BackwardPass(int n, int m)
    {
        if (n < 1 || m < 1) throw new ArgumentException($"A backward pass needs one state and one control or more, and got {n} and {m}.");
        this.n = n;
        this.m = m;
        scratch = GC.AllocateArray<double>(2 * n * n + 4 * n * m + 3 * m * m + n + 6 * m, pinned: true);
        hessian = new double[(n + m) * (n + m)];
        vx = new double[n];
        vxx = new double[n * n];
        box = new BoxQpSolver(m);
        padded = PaddedStep.Fits(n, m) ? new PaddedStep(n, m) : null;
        RecordSize = 2 * n * n + 2 * n * m + m * m + n + m;
        PolicySize = n + 2 * m + m * n;
    }

    /// <summary>Numbers in the model of one step.</summary>
    public int RecordSize { get; }

    /// <summary>Numbers in the law of one step.</summary>
    public int PolicySize { get; }

    /// <summary>kᵀQu summed over the steps: the expected change of cost is α·Linear + α²·Quadratic.</summary>
    public double Linear { get; private set; }

    /// <summary>½kᵀQuu k summed over the steps.</summary>
    public double Quadratic { get; private set; }

    /// <summary>Mean over the steps of max |k|/(|u|+1), the measure of convergence of the original.</summary>
    public double Gradient => done > 0 ? changes / done : 0;

    /// <summary>Gradient of the value function at the first step.</summary>
    public ReadOnlySpan<double> Vx => vx;

    /// <summary>Hessian of the value function at the first step, row-major.</summary>
    public ReadOnlySpan<double> Vxx => vxx;

    /// <summary>Runs the pass over all steps: <see cref="Begin"/>, then <see cref="Continue"/>. Parameters as of these.</summary>
    [MethodImpl(Dense.Optimised)]
    public int Run(
        ReadOnlySpan<double> model,
        int modelRow,
        ReadOnlySpan<double> terminalGradient,
        ReadOnlySpan<double> terminalHessian,
        Span<double> policy,
        int policyRow,
        int steps,
        double stateRegularisation = 0,
        double controlRegularisation = 0,
        ReadOnlySpan<double> lower = default,
        ReadOnlySpan<double> upper = default,
        AddCurvature? curvature = null,
        int gap = -1,
        Span<double> values = default)
    {
        Begin(terminalGradient, terminalHessian);
        return Continue(
            model, modelRow, policy, policyRow, 0, steps, stateRegularisation, controlRegularisation, lower, upper, curvature, gap, values);
    }

    /// <summary>Sets the value function to that of the end, and all sums to zero.</summary>
    /// <param name="terminalGradient">lx at the end, [n].</param>
    /// <param name="terminalHessian">lxx at the end, [n,n].</param>
    public void Begin(ReadOnlySpan<double> terminalGradient, ReadOnlySpan<double> terminalHessian)
    {
        if (terminalGradient.Length != n || terminalHessian.Length != n * n)
            throw new ArgumentException(
                $"A backward pass of {n} states got a terminal gradient of {terminalGradient.Length} and a Hessian of {terminalHessian.Length} numbers.");
        terminalGradient.CopyTo(vx);
        terminalHessian.CopyTo(vxx);
        Linear = Quadratic = changes = done = 0;
    }

    /// <summary>
    /// Goes on from the step before which the pass stands, over steps <paramref name="end"/> − 1 down to <paramref name="first"/>. Returns −1,
    /// or the step at which Quu was not positive definite.
    /// </summary>
    /// <param name="model">The records of all steps.</param>
    /// <param name="modelRow">Distance of the records of two steps, <see cref="RecordSize"/> or more.</param>
    /// <param name="policy">The laws of all steps: ū is read, k (also the start of the search for limited controls) and K are written.</param>
    /// <param name="policyRow">Distance of the laws of two steps, <see cref="PolicySize"/> or more.</param>
    /// <param name="first">The last step to do.</param>
    /// <param name="end">The step after the first one to do.</param>
    /// <param name="stateRegularisation">μ of V'xx + μI in the terms that the gains come from.</param>
    /// <param name="controlRegularisation">μ of Quu + μI.</param>
    /// <param name="lower">Lower limits of the controls, [m], or empty.</param>
    /// <param name="upper">Upper limits of the controls, [m], or empty.</param>
    /// <param name="curvature">Second derivatives of the dynamics: given for DDP, null for iLQR.</param>
    /// <param name="gap">Place in a law of the gap f(x̄, ū) − x̄' that the step leaves open, [n]; or −1 where trajectories have none.</param>
    /// <param name="values">Where the value function of every step goes, Vx [n] then Vxx [n,n] each; or empty.</param>
    [MethodImpl(Dense.Optimised)]
    public int Continue(
        ReadOnlySpan<double> model,
        int modelRow,
        Span<double> policy,
        int policyRow,
        int first,
        int end,
        double stateRegularisation = 0,
        double controlRegularisation = 0,
        ReadOnlySpan<double> lower = default,
        ReadOnlySpan<double> upper = default,
        AddCurvature? curvature = null,
        int gap = -1,
        Span<double> values = default)
    {
        if (modelRow < RecordSize || model.Length < (end - 1) * modelRow + RecordSize || policyRow < PolicySize || policy.Length < (end - 1) * policyRow + PolicySize || first < 0)
            throw new ArgumentException(
                $"A backward pass over steps {first} to {end} needs {(end - 1) * modelRow + RecordSize} and {(end - 1) * policyRow + PolicySize} numbers of model and policy, and got {model.Length} and {policy.Length} at a distance of {policyRow}.");
        if (lower.Length != upper.Length || (lower.Length != 0 && lower.Length != m))
            throw new ArgumentException(
                $"A backward pass of {m} controls got limits of {lower.Length} and {upper.Length} numbers.");

        padded?.SetValue(vx, vxx);
        var failed = -1;
        fixed (double* v = vx, vv = vxx, records = model, laws = policy, low = lower, high = upper, store = values)
        fixed (double* room = scratch, second = hessian)
        {
            for (var t = end - 1; t >= first && failed < 0; t--)
            {
                double* record = records + t * modelRow, law = laws + t * policyRow, curves = curvature is null ? null : second;
                if (t > first) Prefetch(record - modelRow);
                if (gap >= 0)
                {
                    if (padded is null) Dense.AddProduct(v, vv, n, 1, law + gap, n, n);
                    else padded.AddGap(law + gap);
                }

                if (curvature is not null)
                {
                    Array.Clear(hessian);
                    curvature(t, padded is null ? vx : padded.Vx, hessian);
                }

                bool isFine;
                if (padded is not null)
                {
                    isFine = padded.Run(record, law, curves, stateRegularisation, controlRegularisation, low, high);
                    Linear += padded.Linear;
                    Quadratic += padded.Quadratic;
                    changes += padded.Change;
                }
                else
                {
                    isFine = n == 4 && m == 1 && Avx.IsSupported
                        ? StepOfFourStates(record, law, v, vv, curves, stateRegularisation, controlRegularisation, low, high)
                        : Step(record, law, v, vv, room, curves, stateRegularisation, controlRegularisation, low, high);
                }

                if (!isFine)
                {
                    failed = t;
                    continue;
                }

                done++;
                if (store is not null)
                {
                    padded?.GetValue(vx, vxx);
                    vx.CopyTo(values[(t * (n + n * n))..]);
                    vxx.CopyTo(values[(t * (n + n * n) + n)..]);
                }
            }
        }

        padded?.GetValue(vx, vxx);
        return failed;
    }

    /// <summary>
    /// What the model of a trajectory with gaps promises: with δx' = fx δx + fu δu + gap and δu = k + K δx, sets <see cref="Linear"/> to the
    /// slope Σ lxᵀδx + luᵀδu of the cost along the step, and <see cref="Quadratic"/> to half its curvature. Parameters as of <see cref="Run"/>.
    /// </summary>
    public void Predict(
        ReadOnlySpan<double> model,
        int modelRow,
        ReadOnlySpan<double> terminalGradient,
        ReadOnlySpan<double> terminalHessian,
        ReadOnlySpan<double> policy,
        int policyRow,
        int steps,
        int gap)
    {
        Linear = Quadratic = 0;
        fixed (double* records = model, laws = policy, gradient = terminalGradient, second = terminalHessian)
        fixed (double* room = scratch)
        {
            double* dx = room, next = dx + n, du = next + n, product = du + m;
            Clear(dx, n);
            for (var t = 0; t < steps; t++)
            {
                double* fx = records + t * modelRow, fu = fx + n * n, lx = fu + n * m, lu = lx + n, lxx = lu + m, lux = lxx + n * n, luu = lux + m * n;
                double* law = laws + t * policyRow, k = law + n + m;
                Copy(k, du, m);
                Dense.AddProduct(du, k + m, n, 1, dx, m, n);
                Linear += Dense.Dot(lx, dx, n) + Dense.Dot(lu, du, m);
                Clear(product, n);
                Dense.AddProduct(product, lxx, n, 1, dx, n, n);
                Quadratic += 0.5 * Dense.Dot(product, dx, n);
                Clear(product, m);
                Dense.AddProduct(product, lux, n, 1, dx, m, n);
                Quadratic += Dense.Dot(product, du, m);
                Clear(product, m);
                Dense.AddProduct(product, luu, m, 1, du, m, m);
                Quadratic += 0.5 * Dense.Dot(product, du, m);
                Copy(law + gap, next, n);
                Dense.AddProduct(next, fx, n, 1, dx, n, n);
                Dense.AddProduct(next, fu, m, 1, du, n, m);
                Copy(next, dx, n);
            }

            Linear += Dense.Dot(gradient, dx, n);
            Clear(product, n);
            Dense.AddProduct(product, second, n, 1, dx, n, n);
            Quadratic += 0.5 * Dense.Dot(product, dx, n);
        }
    }

    [MethodImpl(Dense.Optimised)]
    private bool Step(
        double* record, double* law, double* v, double* vv, double* room, double* second, double mu, double muU, double* low, double* high)
    {
        double* fx = record, fu = fx + n * n, lx = fu + n * m, lu = lx + n, lxx = lu + m, lux = lxx + n * n, luu = lux + m * n;
        double* u = law + n, k = u + m, gain = k + m;
        double* va = room, vb = va + n * n, qxx = vb + n * m, qux = qxx + n * n, quu = qux + m * n;
        double* quxF = quu + m * m, quuF = quxF + m * n, spare = quuF + m * m;
        double* qx = spare + n * m + m * m, qu = qx + n, inverse = qu + m, lo = inverse + m, hi = lo + m, temporary = hi + m;

        Clear(va, n * n + n * m);
        Dense.AddProduct(va, n, vv, n, 1, fx, n, n, n, n);
        Dense.AddProduct(vb, m, vv, 1, n, fu, m, n, n, m); // V is symmetric: by columns it is contiguous
        Copy(lxx, qxx, n * n + m * n + m * m); // lxx, lux and luu lie in this order, and so do Qxx, Qux and Quu
        Dense.AddProduct(qxx, n, fx, 1, n, va, n, n, n, n);
        Dense.AddProduct(qux, n, fu, 1, m, va, n, m, n, n);
        Dense.AddProduct(quu, m, fu, 1, m, vb, m, m, n, m);
        Copy(lx, qx, n + m);
        Dense.AddProduct(qx, fx, 1, n, v, n, n);
        Dense.AddProduct(qu, fu, 1, m, v, m, n);
        if (second is not null)
        {
            var row = n + m;
            for (var i = 0; i < n; i++) Dense.AddScaled(qxx + i * n, second + i * row, 1, n);
            for (var i = 0; i < m; i++)
            {
                Dense.AddScaled(qux + i * n, second + (n + i) * row, 1, n);
                Dense.AddScaled(quu + i * m, second + (n + i) * row + n, 1, m);
            }
        }

        Copy(qux, quxF, m * n);
        Copy(quu, quuF, m * m);
        if (mu != 0)
        {
            Dense.AddProduct(quxF, n, fu, 1, m, fx, n, m, n, n, mu);
            Dense.AddProduct(quuF, m, fu, 1, m, fu, m, m, n, m, mu);
        }

        for (var i = 0; i < m; i++) quuF[i * m + i] += muU;
        var isNewton = mu == 0 && muU == 0;

        if (low is null)
        {
            if (!Dense.Cholesky(quuF, m, inverse, m)) return false;
            for (var i = 0; i < m; i++) k[i] = -qu[i];
            for (var i = 0; i < m * n; i++) gain[i] = -quxF[i];
            Dense.Solve(quuF, m, inverse, k, 1, m, 1);
            Dense.Solve(quuF, m, inverse, gain, n, m, n);
        }
        else
        {
            for (var i = 0; i < m; i++)
            {
                lo[i] = low[i] - u[i];
                hi[i] = high[i] - u[i];
            }

            if (box.Solve(quuF, qu, lo, hi, k) == BoxQpOutcome.NotPositiveDefinite) return false;
            var free = box.Free;
            isNewton &= free.Length == m;
            for (var i = 0; i < free.Length; i++)
                for (var j = 0; j < n; j++)
                    spare[i * n + j] = -quxF[free[i] * n + j];
            box.SolveFree(spare, n, n);
            Clear(gain, m * n);
            for (var i = 0; i < free.Length; i++) Copy(spare + i * n, gain + free[i] * n, n);
        }

        var largest = 0.0;
        for (var i = 0; i < m; i++)
        {
            var curved = Dense.Dot(quu + i * m, k, m);
            Linear += k[i] * qu[i];
            Quadratic += 0.5 * k[i] * curved;
            temporary[i] = curved + qu[i];
            largest = Math.Max(largest, Math.Abs(k[i]) / (Math.Abs(u[i]) + 1));
        }

        changes += largest;

        // Vx = Qx + Kᵀ(Quu k + Qu) + Quxᵀk and Vxx = Qxx + Kᵀ(Quu K + Qux) + QuxᵀK; after a Newton step both brackets are zero
        Copy(qx, v, n);
        Copy(qxx, vv, n * n);
        Dense.AddProduct(v, qux, 1, n, k, n, m);
        Dense.AddProduct(vv, n, qux, 1, n, gain, n, n, m, n);
        if (!isNewton)
        {
            Dense.AddProduct(v, gain, 1, n, temporary, n, m);
            Copy(qux, spare, m * n);
            Dense.AddProduct(spare, n, quu, m, 1, gain, n, m, m, n);
            Dense.AddProduct(vv, n, gain, 1, n, spare, n, n, m, n);
        }

        Dense.Symmetrise(vv, n, n);
        return true;
    }

    /// <summary>The same step for four states and one control, where a row of a matrix is one vector and nothing leaves the registers.</summary>
    [MethodImpl(Dense.Optimised)]
    private bool StepOfFourStates(
        double* record, double* law, double* v, double* vv, double* second, double mu, double muU, double* low, double* high)
    {
        double* fx = record, fu = fx + 16, lx = fu + 4, lxx = lx + 5, lux = lxx + 16, u = law + 4, k = u + 1, gain = k + 1;
        Vector256<double> a0 = Vector256.Load(fx), a1 = Vector256.Load(fx + 4), a2 = Vector256.Load(fx + 8), a3 = Vector256.Load(fx + 12);
        var b = Vector256.Load(fu);
        var gradient = Vector256.Load(v);

        var va0 = Combine(vv, 1, a0, a1, a2, a3);
        var va1 = Combine(vv + 4, 1, a0, a1, a2, a3);
        var va2 = Combine(vv + 8, 1, a0, a1, a2, a3);
        var va3 = Combine(vv + 12, 1, a0, a1, a2, a3);
        var vb = Combine(fu, 1, Vector256.Load(vv), Vector256.Load(vv + 4), Vector256.Load(vv + 8), Vector256.Load(vv + 12));
        var qx = Vector256.Load(lx) + Combine(v, 1, a0, a1, a2, a3);
        var qu = lx[4] + Vector256.Dot(b, gradient);
        var q0 = Vector256.Load(lxx) + Combine(fx, 4, va0, va1, va2, va3);
        var q1 = Vector256.Load(lxx + 4) + Combine(fx + 1, 4, va0, va1, va2, va3);
        var q2 = Vector256.Load(lxx + 8) + Combine(fx + 2, 4, va0, va1, va2, va3);
        var q3 = Vector256.Load(lxx + 12) + Combine(fx + 3, 4, va0, va1, va2, va3);
        var qux = Vector256.Load(lux) + Combine(fu, 1, va0, va1, va2, va3);
        var quu = lux[4] + Vector256.Dot(b, vb);
        if (second is not null)
        {
            q0 += Vector256.Load(second);
            q1 += Vector256.Load(second + 5);
            q2 += Vector256.Load(second + 10);
            q3 += Vector256.Load(second + 15);
            qux += Vector256.Load(second + 20);
            quu += second[24];
        }

        var quuF = quu + muU;
        var quxF = qux;
        if (mu != 0)
        {
            quuF += mu * Vector256.Dot(b, b);
            quxF += Combine(fu, 1, a0, a1, a2, a3) * mu;
        }

        if (!(quuF > 0) || double.IsInfinity(quuF)) return false;
        var inverse = 1 / quuF;
        var forward = -qu * inverse;
        var row = quxF * -inverse;
        if (low is not null)
        {
            double least = *low - *u, most = *high - *u;
            if (forward < least || forward > most)
            {
                forward = Math.Min(Math.Max(forward, least), most);
                row = Vector256<double>.Zero;
            }
        }

        *k = forward;
        Vector256.Store(row, gain);
        var curved = quu * forward;
        Linear += forward * qu;
        Quadratic += 0.5 * forward * curved;
        changes += Math.Abs(forward) / (Math.Abs(*u) + 1);
        Vector256.Store(qx + row * (curved + qu) + qux * forward, v);

        // Qxx + Kᵀ(Quu K + Qux) + QuxᵀK, and its transpose, of which the value is the mean
        var bracket = row * quu + qux;
        double* cross = stackalloc double[4];
        Vector256.Store(qux, cross);
        q0 += bracket * gain[0] + row * cross[0];
        q1 += bracket * gain[1] + row * cross[1];
        q2 += bracket * gain[2] + row * cross[2];
        q3 += bracket * gain[3] + row * cross[3];
        var half = Vector256.Create(0.5);
        Transposed(q0, q1, q2, q3, out var t0, out var t1, out var t2, out var t3);
        Vector256.Store((q0 + t0) * half, vv);
        Vector256.Store((q1 + t1) * half, vv + 4);
        Vector256.Store((q2 + t2) * half, vv + 8);
        Vector256.Store((q3 + t3) * half, vv + 12);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transposed(
        Vector256<double> r0, Vector256<double> r1, Vector256<double> r2, Vector256<double> r3,
        out Vector256<double> c0, out Vector256<double> c1, out Vector256<double> c2, out Vector256<double> c3)
    {
        Vector256<double> even01 = Avx.UnpackLow(r0, r1), odd01 = Avx.UnpackHigh(r0, r1);
        Vector256<double> even23 = Avx.UnpackLow(r2, r3), odd23 = Avx.UnpackHigh(r2, r3);
        c0 = Avx.Permute2x128(even01, even23, 0x20);
        c1 = Avx.Permute2x128(odd01, odd23, 0x20);
        c2 = Avx.Permute2x128(even01, even23, 0x31);
        c3 = Avx.Permute2x128(odd01, odd23, 0x31);
    }

    /// <summary>Σ weights[i·step]·rowᵢ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Combine(
        double* weights, int step, Vector256<double> r0, Vector256<double> r1, Vector256<double> r2, Vector256<double> r3)
    {
        var low = Vector256.FusedMultiplyAdd(Vector256.Create(weights[step]), r1, Vector256.Create(weights[0]) * r0);
        var high = Vector256.FusedMultiplyAdd(Vector256.Create(weights[3 * step]), r3, Vector256.Create(weights[2 * step]) * r2);
        return low + high;
    }

    /// <summary>The next record may lie in the cache of another core.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Prefetch(double* record)
    {
        if (!Sse.IsSupported) return;
        for (var i = 0; i < RecordSize; i += 8) Sse.Prefetch0(record + i);
    }

    private static void Copy(double* from, double* to, int count) => new ReadOnlySpan<double>(from, count).CopyTo(new Span<double>(to, count));

    private static void Clear(double* at, int count) => new Span<double>(at, count).Clear();
}
