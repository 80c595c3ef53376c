namespace Research.ModelBased;

/// <summary>
/// What happened when a scenario was run once: T steps, fewer than its horizon when it fell. Its arrays are its own: copy one before you change
/// it.
/// </summary>
public sealed class Rollout
{
    private readonly Agents.Rollout _engine;

    internal Rollout(LearningScenario scenario, Agents.Rollout engine)
    {
        _engine = engine;
        Trajectory = new(engine.Measured, engine.Controls);
        IsSolved = Agents.RolloutModule.isSolved(scenario.Engine, engine);
    }

    /// <summary>States as they were measured, and controls.</summary>
    public Trajectory Trajectory { get; }

    /// <summary>States of the plant itself, [T+1, N], which no learner sees.</summary>
    public double[,] PlantStates => _engine.Plant;

    /// <summary>Losses of the true states 1 … T, [T].</summary>
    public IReadOnlyList<double> Losses => _engine.Losses;

    /// <summary>Distances of the tip from its target at the states 0 … T, m, [T+1].</summary>
    public IReadOnlyList<double> Distances => _engine.Distances;

    /// <summary>True when the tip stayed within reach of its target for the last second of a rollout that ran to its end.</summary>
    public bool IsSolved { get; }
}
