namespace Research.ModelBased;

/// <summary>Where a learner stands.</summary>
public enum LearningStatus
{
    /// <summary>There are trials to come.</summary>
    Learning,

    /// <summary>The last policy solved the task, and all confirmations.</summary>
    Solved,

    /// <summary>All trials are done, and the last did not solve the task.</summary>
    OutOfTrials,

    /// <summary>Cancelled in the middle of a trial, of which nothing remains: it can go on.</summary>
    Cancelled,

    /// <summary>There is no model, or no first value: see <see cref="PilcoLearner.Reason"/>.</summary>
    Failed,
}

/// <summary>What a learner is at.</summary>
public enum PilcoPhase
{
    /// <summary>The model is being trained.</summary>
    Training,

    /// <summary>A line search of the policy search ended.</summary>
    Searching,

    /// <summary>The search hardly improved a policy that was run, and starts again from a drawn one.</summary>
    Restarting,

    /// <summary>The plant is running.</summary>
    Running,
}

/// <summary>What a learner tells while it works on a trial.</summary>
/// <param name="Phase">What it is at.</param>
/// <param name="Points">Data of the training; 0 in other phases.</param>
/// <param name="LineSearch">Number of the line search that ended; 0 in other phases.</param>
/// <param name="Value">Expected sum of losses after it; NaN in other phases.</param>
public readonly record struct PilcoProgress(PilcoPhase Phase, int Points, int LineSearch, double Value)
{
    internal static PilcoProgress Of(Agents.PilcoProgress engine) =>
        engine switch
        {
            Agents.PilcoProgress.Training training => new(PilcoPhase.Training, training.points, 0, double.NaN),
            Agents.PilcoProgress.Searching searching => new(PilcoPhase.Searching, 0, searching.lineSearch, searching.value),
            { IsRestarting: true } => new(PilcoPhase.Restarting, 0, 0, double.NaN),
            _ => new(PilcoPhase.Running, 0, 0, double.NaN),
        };
}
