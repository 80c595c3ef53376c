namespace Research.ModelBased;

/// <summary>Why a solver stopped.</summary>
public enum SolveStatus
{
    /// <summary>The feed-forward terms are all but zero: a stationary point.</summary>
    ConvergedByGradient,

    /// <summary>The last step, hardly regularised, changed the cost by less than the tolerance, and a whole one promised no more.</summary>
    ConvergedByCost,

    /// <summary>The limit of iterations or rounds was reached.</summary>
    IterationLimit,

    /// <summary>No regularisation up to its limit gave a step that lowers the cost.</summary>
    RegularisationLimit,

    /// <summary>Steps hardly change the cost any more, and yet the solution is not near; the reason says what was reached.</summary>
    Stalled,

    /// <summary>The model gave NaN or infinity where the solver had to start.</summary>
    Diverged,

    /// <summary>Constraints are still violated though their penalties reached the limit.</summary>
    Infeasible,

    /// <summary>Stopped by the caller; the trajectory is the best found so far.</summary>
    Cancelled,
}

/// <summary>Questions about a status.</summary>
public static class SolveStatusExtensions
{
    /// <summary>True of both ways to converge.</summary>
    public static bool IsConverged(this SolveStatus status) => status is SolveStatus.ConvergedByGradient or SolveStatus.ConvergedByCost;

    /// <summary>The status of the engine, and what it says of the reason.</summary>
    internal static (SolveStatus Status, string Reason) ToPublic(this Control.Status status) =>
        status switch
        {
            { IsConvergedByGradient: true } => (SolveStatus.ConvergedByGradient, ""),
            { IsConvergedByCost: true } => (SolveStatus.ConvergedByCost, ""),
            { IsIterationLimit: true } => (SolveStatus.IterationLimit, ""),
            { IsRegularisationLimit: true } => (SolveStatus.RegularisationLimit, ""),
            { IsCancelled: true } => (SolveStatus.Cancelled, ""),
            Control.Status.Stalled stalled => (SolveStatus.Stalled, stalled.reason),
            Control.Status.Diverged diverged => (SolveStatus.Diverged, diverged.reason),
            Control.Status.Infeasible infeasible => (SolveStatus.Infeasible, infeasible.reason),
            _ => throw new InvalidOperationException($"unknown status {status}"),
        };
}
