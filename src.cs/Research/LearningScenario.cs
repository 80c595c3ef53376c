using Microsoft.FSharp.Core;

namespace Research.ModelBased;

/// <summary>
/// A system to learn on: a plant that only the simulation knows, measured through noise, and a task. A learner sees measured states, controls
/// and the loss. See <see cref="Scenarios"/>.
/// </summary>
public sealed class LearningScenario
{
    /// <summary>
    /// A task of one's own. Policies are networks of 50 basis functions, of which up to 15 are learnt after one random rollout, unless the options
    /// of the learner say otherwise.
    /// </summary>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number makes no sense: the message says which.</exception>
    public LearningScenario(LearningTask task)
        : this((task ?? throw new ArgumentNullException(nameof(task))).ToEngine(nameof(task)))
    {
    }

    internal LearningScenario(Agents.Scenario engine) => Engine = engine;

    internal Agents.Scenario Engine { get; }

    /// <summary>Its name.</summary>
    public string Name => Engine.Name;

    /// <summary>The task in a line.</summary>
    public string Summary => Engine.Summary;

    /// <summary>Where the equations and constants are from.</summary>
    public string Source => Engine.Source;

    /// <summary>The numbers of a state as it is measured, n.</summary>
    public IReadOnlyList<Quantity> States => ControlEnvironment.Quantities(Engine.States);

    /// <summary>The numbers of a control, m.</summary>
    public IReadOnlyList<Quantity> Controls => ControlEnvironment.Quantities(Engine.Controls);

    /// <summary>Controls lie between ± these, [m].</summary>
    public ReadOnlySpan<double> Limits => Engine.Limits;

    /// <summary>Time of a step, s.</summary>
    public double TimeStep => Engine.TimeStep;

    /// <summary>Steps of a rollout.</summary>
    public int Horizon => Engine.Horizon;

    /// <summary>Distance from the target within which the tip must stay for the last second, m.</summary>
    public double Reach => Engine.Reach;

    /// <summary>Runs the plant under a policy from a first state drawn at random, until it falls or the horizon ends.</summary>
    /// <param name="policy">From measured states to controls.</param>
    /// <param name="random">Of the first state and of the noise; advanced by use.</param>
    public Rollout Run(Policy policy, RandomSource random)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(random);
        if (policy.States != Engine.StateSize || policy.Controls != Engine.ControlSize)
            throw new ArgumentException(
                $"the scenario has {Engine.StateSize} states and {Engine.ControlSize} controls, the policy {policy.States} and {policy.Controls}",
                nameof(policy));
        var start = Agents.RolloutModule.drawStart(Engine, random.Engine, 0);
        return new(this, Agents.RolloutModule.run(Engine, random.Engine, start, policy.Engine.Act));
    }

    /// <summary>A policy that was learnt on it, by its parameters.</summary>
    internal Policy Policy(Agents.PolicyKind kind, double[] parameters)
    {
        var act = Agents.Controller.act(Engine, kind, parameters);
        return new(new Research.Policy(
            Engine.StateSize, Engine.ControlSize, FuncConvert.FromFunc<int, double[], double[]>((_, state) => act.Invoke(state))));
    }

    /// <summary>Name and summary.</summary>
    public override string ToString() => $"{Name}: {Summary}";
}
