using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>A policy: from the number of the step and the state [n] to the control [m].</summary>
public sealed class Policy
{
    internal Policy(Research.Policy engine) => Engine = engine;

    internal Research.Policy Engine { get; }

    /// <summary>A policy of one's own, from the number of the step and the state to the control.</summary>
    public static Policy Create(int states, int controls, Func<int, double[], double[]> act)
    {
        ArgumentNullException.ThrowIfNull(act);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(states);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(controls);
        return new(new Research.Policy(states, controls, Microsoft.FSharp.Core.FuncConvert.FromFunc(act)));
    }

    /// <summary>A compiled policy π(θ, x) from a lambda over reals, at parameters θ.</summary>
    /// <exception cref="ArgumentException">The lambda does not return m numbers.</exception>
    public static Policy FromFunction(int states, int controls, Func<RealVector, RealVector, RealVector> policy, double[] parameters)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(states);
        var returned = policy(new(RealModule.variables("p", parameters.Length)), new(RealModule.variables("x", states)));
        if (returned.Length != controls)
            throw new ArgumentException($"the policy has {controls} controls, and the function returned {returned.Length} numbers", nameof(policy));
        return new(PolicyModule.ofTraced(states, controls, Bridge.Field(policy), parameters));
    }

    /// <summary>The controls [T, m] themselves, whatever the state: open loop. The last one is held after the end.</summary>
    public static Policy OpenLoop(int states, double[,] controls)
    {
        ArgumentNullException.ThrowIfNull(controls);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(states);
        return new(PolicyModule.openLoop(states, controls));
    }

    /// <summary>Feedback u = ūₜ + Kₜ (x − x̄ₜ) about a trajectory with a gain [m, n] a step. The last law is held after the end.</summary>
    public static Policy Feedback(Trajectory trajectory, IReadOnlyList<double[,]> gains)
    {
        ArgumentNullException.ThrowIfNull(trajectory);
        ArgumentNullException.ThrowIfNull(gains);
        if (gains.Count != trajectory.Steps || trajectory.States.GetLength(0) != gains.Count + 1)
            throw new ArgumentException($"feedback needs a gain a step, and got {gains.Count} for {trajectory.Steps} steps", nameof(gains));
        for (var t = 0; t < gains.Count; t++)
            Require.Matrix(gains[t], trajectory.Controls.GetLength(1), trajectory.States.GetLength(1), $"the gain of step {t}", nameof(gains));
        return new(PolicyModule.feedback(trajectory.States, trajectory.Controls, [.. gains]));
    }

    /// <summary>n.</summary>
    public int States => Engine.StateSize;

    /// <summary>m.</summary>
    public int Controls => Engine.ControlSize;

    /// <summary>The control [m] of a step for a state [n].</summary>
    public double[] Act(int step, params ReadOnlySpan<double> state)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        Require.Size(state.Length, States, "the state", nameof(state));
        return Microsoft.FSharp.Core.FSharpFunc<int, double[]>.InvokeFast(Engine.Act, step, state.ToArray());
    }

    /// <summary>The policy held to limits [m].</summary>
    public Policy Limited(double[] lower, double[] upper)
    {
        Require.Limits(lower, upper, Controls, "the controls");
        return new(PolicyModule.limited(lower, upper, Engine));
    }
}
