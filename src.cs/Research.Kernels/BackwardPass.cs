using System;

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
    public double Gradient { get; private set; }

    /// <summary>Gradient of the value function at the first step.</summary>
    public ReadOnlySpan<double> Vx => vx;

    /// <summary>Hessian of the value function at the first step, row-major.</summary>
    public ReadOnlySpan<double> Vxx => vxx;

    /// <summary>
    /// Runs the pass. Returns −1, or the step at which Quu was not positive definite.
    /// </summary>
    /// <param name="model">The records of all steps.</param>
    /// <param name="modelRow">Distance of the records of two steps, <see cref="RecordSize"/> or more.</param>
    /// <param name="terminalGradient">lx at the end, [n].</param>
    /// <param name="terminalHessian">lxx at the end, [n,n].</param>
    /// <param name="policy">The laws of all steps: ū is read, k (also the start of the search for limited controls) and K are written.</param>
    /// <param name="policyRow">Distance of the laws of two steps, <see cref="PolicySize"/> or more.</param>
    /// <param name="steps">Number of steps.</param>
    /// <param name="stateRegularisation">μ of V'xx + μI in the terms that the gains come from.</param>
    /// <param name="controlRegularisation">μ of Quu + μI.</param>
    /// <param name="lower">Lower limits of the controls, [m], or empty.</param>
    /// <param name="upper">Upper limits of the controls, [m], or empty.</param>
    /// <param name="curvature">Second derivatives of the dynamics: given for DDP, null for iLQR.</param>
    /// <param name="values">Where the value function of every step goes, Vx [n] then Vxx [n,n] each; or empty.</param>
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
        Span<double> values = default)
    {
        if (modelRow < RecordSize || model.Length < (steps - 1) * modelRow + RecordSize || policyRow < PolicySize || policy.Length < (steps - 1) * policyRow + PolicySize)
            throw new ArgumentException(
                $"A backward pass of {steps} steps needs {(steps - 1) * modelRow + RecordSize} and {(steps - 1) * policyRow + PolicySize} numbers of model and policy, and got {model.Length} and {policy.Length} at a distance of {policyRow}.");
        if (terminalGradient.Length != n || terminalHessian.Length != n * n || lower.Length != upper.Length || (lower.Length != 0 && lower.Length != m))
            throw new ArgumentException(
                $"A backward pass of {n} states and {m} controls got a terminal gradient of {terminalGradient.Length}, a Hessian of {terminalHessian.Length} and limits of {lower.Length} and {upper.Length} numbers.");

        terminalGradient.CopyTo(vx);
        terminalHessian.CopyTo(vxx);
        Linear = Quadratic = Gradient = 0;
        fixed (double* v = vx, vv = vxx, records = model, laws = policy, low = lower, high = upper, store = values)
        fixed (double* room = scratch, second = hessian)
        {
            for (var t = steps - 1; t >= 0; t--)
            {
                if (curvature is not null)
                {
                    Array.Clear(hessian);
                    curvature(t, vx, hessian);
                }

                if (!Step(records + t * modelRow, laws + t * policyRow, v, vv, room, curvature is null ? null : second, stateRegularisation, controlRegularisation, low, high))
                    return t;
                if (store is not null)
                {
                    vx.CopyTo(values[(t * (n + n * n))..]);
                    vxx.CopyTo(values[(t * (n + n * n) + n)..]);
                }
            }
        }

        if (steps > 0) Gradient /= steps;
        return -1;
    }

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

        Gradient += largest;

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

    private static void Copy(double* from, double* to, int count) => new ReadOnlySpan<double>(from, count).CopyTo(new Span<double>(to, count));

    private static void Clear(double* at, int count) => new Span<double>(at, count).Clear();
}
