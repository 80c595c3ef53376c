namespace Research.ModelBased;

/// <summary>One step of a linear-quadratic problem: x' = A x + B u + c at the cost ½xᵀQx + ½uᵀRu + xᵀNu + qᵀx + rᵀu.</summary>
/// <param name="A">[n, n]</param>
/// <param name="B">[n, m]</param>
/// <param name="Q">[n, n]</param>
/// <param name="R">[m, m]</param>
public sealed record LqrStep(double[,] A, double[,] B, double[,] Q, double[,] R)
{
    /// <summary>c [n]; 0 where null.</summary>
    public double[]? C { get; init; }

    /// <summary>N [n, m]; 0 where null.</summary>
    public double[,]? N { get; init; }

    /// <summary>q [n]; 0 where null.</summary>
    public double[]? QLinear { get; init; }

    /// <summary>r [m]; 0 where null.</summary>
    public double[]? RLinear { get; init; }

    internal LqrStep(Control.LqrStep step)
        : this(step.A, step.B, step.Q, step.R)
    {
        C = step.C;
        N = step.N;
        QLinear = step.QLinear;
        RLinear = step.RLinear;
    }

    internal Control.LqrStep ToEngine(string name)
    {
        ArgumentNullException.ThrowIfNull(A, name);
        ArgumentNullException.ThrowIfNull(B, name);
        ArgumentNullException.ThrowIfNull(Q, name);
        ArgumentNullException.ThrowIfNull(R, name);
        var plain = Control.Lqr.step(A, B, Q, R);
        return new(A, B, C ?? plain.C, Q, R, N ?? plain.N, QLinear ?? plain.QLinear, RLinear ?? plain.RLinear);
    }
}

/// <summary>A linear-quadratic problem: its steps, and the terminal cost ½xᵀQx + qᵀx.</summary>
/// <param name="Steps">One a control.</param>
/// <param name="TerminalQ">[n, n]</param>
public sealed record LqrProblem(IReadOnlyList<LqrStep> Steps, double[,] TerminalQ)
{
    /// <summary>q of the terminal cost, [n]; 0 where null.</summary>
    public double[]? TerminalLinear { get; init; }

    /// <summary>The same step at every time of a horizon.</summary>
    public static LqrProblem Repeat(int horizon, LqrStep step, double[,] terminalQ)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(horizon);
        ArgumentNullException.ThrowIfNull(step);
        ArgumentNullException.ThrowIfNull(terminalQ);
        return new([.. Enumerable.Repeat(step, horizon)], terminalQ);
    }

    internal Control.LqrProblem ToEngine()
    {
        ArgumentNullException.ThrowIfNull(Steps);
        ArgumentNullException.ThrowIfNull(TerminalQ);
        foreach (var step in Steps) ArgumentNullException.ThrowIfNull(step, nameof(Steps));
        return new([.. Steps.Select(step => step.ToEngine(nameof(Steps)))], TerminalQ, TerminalLinear ?? new double[TerminalQ.GetLength(0)]);
    }
}
