using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>The value function V(x) = ½xᵀPx + pᵀx + s of what is still to come.</summary>
/// <param name="P">[n, n]</param>
/// <param name="Linear">p [n]</param>
/// <param name="Constant">s</param>
public sealed record LqrValue(double[,] P, double[] Linear, double Constant)
{
    /// <summary>V(x) at a state [n].</summary>
    public double Evaluate(params double[] x)
    {
        ArgumentNullException.ThrowIfNull(x);
        Require.Size(x.Length, Linear.Length, "the state", nameof(x));
        return Control.Lqr.evaluate(new(P, Linear, Constant), x);
    }
}

/// <summary>The optimal law u = K x + k of every step, and the value function before every step and at the end.</summary>
public sealed class LqrSolution
{
    private readonly Control.LqrProblem _problem;
    private readonly Control.LqrSolution _engine;

    internal LqrSolution(Control.LqrProblem problem, Control.LqrSolution engine)
    {
        _problem = problem;
        _engine = engine;
        Values = Array.ConvertAll(engine.Values, value => new LqrValue(value.P, value.Linear, value.Constant));
    }

    /// <summary>Gains K [m, n] of u = K x + k, one a step.</summary>
    public IReadOnlyList<double[,]> K => _engine.K;

    /// <summary>k [m], one a step.</summary>
    public IReadOnlyList<double[]> Feedforward => _engine.Feedforward;

    /// <summary>Value functions: one before every step, and one at the end.</summary>
    public IReadOnlyList<LqrValue> Values { get; }

    /// <summary>The trajectory of the optimal law from a start [n], and its cost.</summary>
    public (Trajectory Trajectory, double Cost) Rollout(params double[] start)
    {
        Require.Vector(start, _problem.TerminalLinear.Length, "the start", nameof(start));
        var (states, controls, cost) = Control.Lqr.rollout(_problem, _engine, start);
        return (new(Rows(states), Rows(controls)), cost);
    }

    /// <summary>
    /// Expected cost from a start of a mean [n] and a covariance [n, n], when noise of covariance Wₜ [n, n] is added to every next state: the
    /// law is the same, and the noise costs ½ tr(Pₜ₊₁ Wₜ) a step.
    /// </summary>
    public double ExpectedCost(double[] mean, double[,] covariance, IReadOnlyList<double[,]> noise)
    {
        var n = _problem.TerminalLinear.Length;
        Require.Vector(mean, n, "the mean", nameof(mean));
        Require.Matrix(covariance, n, n, "the covariance", nameof(covariance));
        ArgumentNullException.ThrowIfNull(noise);
        Require.Size(noise.Count, K.Count, "the list of covariances of noise", nameof(noise));
        foreach (var w in noise) Require.Matrix(w, n, n, "the covariance of noise", nameof(noise));
        return Control.Lqr.expectedCost(_engine, mean, covariance, [.. noise]);
    }

    private static double[,] Rows(double[][] rows)
    {
        var matrix = new double[rows.Length, rows[0].Length];
        for (var i = 0; i < rows.Length; i++)
            for (var j = 0; j < rows[i].Length; j++)
                matrix[i, j] = rows[i][j];
        return matrix;
    }
}
