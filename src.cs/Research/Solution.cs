namespace Research.ModelBased;

/// <summary>A solution, or the best found before the solver stopped. Its arrays are its own: copy one before you change it.</summary>
public sealed class Solution
{
    internal Solution(Control.Solution engine)
    {
        Engine = engine;
        (Status, Reason) = engine.Status.ToPublic();
        Trajectory = new(engine.X, engine.U);
        Iterations = Array.ConvertAll(engine.Iterations, iteration => new Iteration(iteration));
    }

    internal Control.Solution Engine { get; }

    /// <summary>Why the solver stopped.</summary>
    public SolveStatus Status { get; }

    /// <summary>What the status alone does not say: what diverged, or which constraint is violated; otherwise empty.</summary>
    public string Reason { get; }

    /// <summary>True of both ways to converge.</summary>
    public bool IsConverged => Status.IsConverged();

    /// <summary>The cost.</summary>
    public double Cost => Engine.Cost;

    /// <summary>Largest gap |f(x, u) − x'|: 0 unless states were guessed and their gaps could not be closed.</summary>
    public double Gap => Engine.Gap;

    /// <summary>States and controls.</summary>
    public Trajectory Trajectory { get; }

    /// <summary>States [T+1, n].</summary>
    public double[,] States => Trajectory.States;

    /// <summary>Controls [T, m].</summary>
    public double[,] Controls => Trajectory.Controls;

    /// <summary>The state [n] at a time 0 … T.</summary>
    public ReadOnlySpan<double> State(int time) => Trajectory.State(time);

    /// <summary>The control [m] of a step 0 … T−1.</summary>
    public ReadOnlySpan<double> Control(int step) => Trajectory.Control(step);

    /// <summary>Feedback gains K [m, n] of every step, of u = ū + K (x − x̄).</summary>
    public IReadOnlyList<double[,]> Gains => Engine.Gains;

    /// <summary>Gradient [n] of the value function at the start.</summary>
    public double[] ValueGradient => Engine.ValueGradient;

    /// <summary>Hessian [n, n] of the value function at the start.</summary>
    public double[,] ValueHessian => Engine.ValueHessian;

    /// <summary>What every iteration did.</summary>
    public IReadOnlyList<Iteration> Iterations { get; }

    /// <summary>Time to trace, derive and compile.</summary>
    public TimeSpan CompileTime => TimeSpan.FromSeconds(Engine.CompileSeconds);

    /// <summary>Time to solve.</summary>
    public TimeSpan SolveTime => TimeSpan.FromSeconds(Engine.SolveSeconds);

    /// <summary>The feedback law about the solution: u = ū + K (x − x̄).</summary>
    public Policy Policy => new(Engine.Policy);

    /// <summary>Status, cost and number of iterations.</summary>
    public override string ToString() =>
        $"{Status}{(Reason.Length > 0 ? $" ({Reason})" : "")}, cost {Cost:G6} after {Iterations.Count} iterations";
}
