namespace Research.ModelBased;

/// <summary>What was expected of a rollout of H steps.</summary>
/// <param name="Mean">Of the states 0 … H, [H+1, n].</param>
/// <param name="Deviation">Their standard deviations, [H+1, n].</param>
/// <param name="Loss">Expected losses of the states 1 … H, [H].</param>
/// <param name="LossDeviation">Their standard deviations, [H].</param>
public sealed record Forecast(double[,] Mean, double[,] Deviation, double[] Loss, double[] LossDeviation);

/// <summary>
/// A rollout and how it came about. The random ones have no policy, no model and no forecast; those that run a policy again have no forecast and
/// no search.
/// </summary>
public sealed class PilcoTrial
{
    private readonly Agents.Trial _engine;

    internal PilcoTrial(LearningScenario scenario, Agents.PolicyKind kind, Agents.Trial engine)
    {
        _engine = engine;
        Rollout = new(scenario, engine.Rollout);
        Policy = engine.IsRandom ? null : scenario.Policy(kind, engine.Parameters);
        Hyperparameters = Array.ConvertAll(engine.Hyperparameters, hyper => new Hyperparameters(hyper));
        if (engine.Forecast is { Value: var forecast }) Forecast = new(forecast.Mean, forecast.Deviation, forecast.Loss, forecast.LossDeviation);
        Times = [.. engine.Seconds.Select(part => (part.Item1, TimeSpan.FromSeconds(part.Item2)))];
    }

    /// <summary>What happened.</summary>
    public Rollout Rollout { get; }

    /// <summary>True when the rollout solved the task.</summary>
    public bool IsSolved => _engine.IsSolved;

    /// <summary>True of a rollout with random controls.</summary>
    public bool IsRandom => _engine.IsRandom;

    /// <summary>True of a rollout that runs the policy of the one before again, from another start.</summary>
    public bool IsRepeat => _engine.IsRepeat;

    /// <summary>The policy, from measured states to controls; null of a random rollout.</summary>
    public Policy? Policy { get; }

    /// <summary>Parameters θ of the policy; empty of a random rollout.</summary>
    public IReadOnlyList<double> Parameters => _engine.Parameters;

    /// <summary>What the model expected of the rollout; null of a random one, and where a policy runs again.</summary>
    public Forecast? Forecast { get; }

    /// <summary>Sum of the losses.</summary>
    public double Loss => _engine.Rollout.Losses.Sum();

    /// <summary>Sum of the losses as the model expected it; NaN where there is no forecast.</summary>
    public double ExpectedLoss => Forecast is null ? double.NaN : Forecast.Loss.Sum();

    /// <summary>Expected sum of losses before the policy search and after each of its line searches.</summary>
    public IReadOnlyList<double> Search => _engine.Search;

    /// <summary>Of the model that the policy was found with, one a number of the state.</summary>
    public IReadOnlyList<Hyperparameters> Hyperparameters { get; }

    /// <summary>Inducing inputs of that model, [k, d]; none where all data spoke.</summary>
    public double[,] Inducing => _engine.Inducing;

    /// <summary>Named parts of the time it took.</summary>
    public IReadOnlyList<(string Name, TimeSpan Time)> Times { get; }
}
