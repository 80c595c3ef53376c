namespace Research.ModelBased;

/// <summary>One round of the solver with constraints: a solution with fixed multipliers, then new ones.</summary>
/// <param name="Number">1, 2, …</param>
/// <param name="Cost">Cost without penalties.</param>
/// <param name="Feasibility">Largest violation of a constraint.</param>
/// <param name="Optimality">Largest element of the gradient of the Lagrangian by the controls, where no limit holds them.</param>
/// <param name="Penalty">Largest ρ in force.</param>
/// <param name="Iterations">Iterations of the solver inside.</param>
/// <param name="IsPolish">True of a round with the active constraints as equalities and exact Hessians.</param>
/// <param name="Time">Time of the round.</param>
public readonly record struct Round(
    int Number, double Cost, double Feasibility, double Optimality, double Penalty, int Iterations, bool IsPolish, TimeSpan Time)
{
    internal Round(Control.Round round)
        : this(
            round.Number, round.Cost, round.Feasibility, round.Optimality, round.Penalty, round.Iterations, round.IsPolish,
            TimeSpan.FromSeconds(round.Seconds))
    {
    }
}

/// <summary>The constraint that is violated most.</summary>
/// <param name="Constraint">Its name.</param>
/// <param name="Time">0 … T.</param>
public sealed record WorstViolation(string Constraint, int Time);

/// <summary>A solution of a problem with constraints, or the best found before the solver stopped.</summary>
public sealed class ConstrainedSolution
{
    internal ConstrainedSolution(Control.ConstrainedSolution engine)
    {
        Engine = engine;
        Solution = new(engine.Solution);
        Rounds = Array.ConvertAll(engine.Rounds, round => new Round(round));
    }

    internal Control.ConstrainedSolution Engine { get; }

    /// <summary>Trajectory, gains and iterations of the last round; its cost is without penalties.</summary>
    public Solution Solution { get; }

    /// <summary>Why the solver stopped.</summary>
    public SolveStatus Status => Solution.Status;

    /// <summary>What the status alone does not say: what diverged, or which constraint is violated; otherwise empty.</summary>
    public string Reason => Solution.Reason;

    /// <summary>True when the constraints hold and the cost cannot be lowered, both to the tolerances.</summary>
    public bool IsConverged => Solution.IsConverged;

    /// <summary>The cost, without penalties.</summary>
    public double Cost => Solution.Cost;

    /// <summary>States [T+1, n].</summary>
    public double[,] States => Solution.States;

    /// <summary>Controls [T, m].</summary>
    public double[,] Controls => Solution.Controls;

    /// <summary>Largest violation of a constraint.</summary>
    public double Feasibility => Engine.Feasibility;

    /// <summary>Which constraint that is, and when; null when all hold.</summary>
    public WorstViolation? Worst => Engine.Worst is { Value: var worst } ? new(worst.Item1, worst.Item2) : null;

    /// <summary>Largest element of the gradient of the Lagrangian by the controls, where no limit holds them.</summary>
    public double Optimality => Engine.Optimality;

    /// <summary>Multipliers of the stage constraints, in the order of the problem: [T, elements].</summary>
    public double[,] Multipliers => Engine.Multipliers;

    /// <summary>Multipliers of the terminal constraints.</summary>
    public double[] TerminalMultipliers => Engine.TerminalMultipliers;

    /// <summary>What every round did.</summary>
    public IReadOnlyList<Round> Rounds { get; }

    /// <summary>Status, cost, number of rounds and violation.</summary>
    public override string ToString() =>
        $"{Status}{(Reason.Length > 0 ? $" ({Reason})" : "")}, cost {Cost:G6} after {Rounds.Count} rounds, largest violation {Feasibility:G3}";
}
