using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>
/// What a step of a batch of episodes gives. Terminated and truncated mean what they mean in Gymnasium: the task itself ended, or the time ran out.
/// </summary>
/// <param name="Observations">[batch, n]</param>
/// <param name="Rewards">Minus the cost of the step, [batch].</param>
/// <param name="Terminated">[batch]</param>
/// <param name="Truncated">[batch]</param>
public sealed record Outcome(double[,] Observations, double[] Rewards, bool[] Terminated, bool[] Truncated);

/// <summary>
/// Episodes of an environment, a batch at a time. The same seed gives the same episodes. Made by <see cref="ControlEnvironment.Episodes"/>.
/// </summary>
public sealed class Episodes
{
    private readonly Research.Environments.Episodes _engine;
    private readonly int _batch;
    private readonly int _controls;

    internal Episodes(Research.Environments.Episodes engine, int batch, int controls)
    {
        _engine = engine;
        _batch = batch;
        _controls = controls;
    }

    /// <summary>Starts all episodes anew. The first observations [batch, n].</summary>
    public double[,] Reset(int seed) => _engine.Reset(seed);

    /// <summary>Takes a step with actions [batch, m], held to the limits.</summary>
    public Outcome Step(double[,] actions)
    {
        Require.Matrix(actions, _batch, _controls, "the matrix of actions", nameof(actions));
        var outcome = _engine.Step(actions);
        return new(outcome.Observation, outcome.Reward, outcome.Terminated, outcome.Truncated);
    }
}
