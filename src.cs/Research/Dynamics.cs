using Microsoft.FSharp.Core;
using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>Discrete dynamics x' = f(x, u) of n states and m controls: all that solvers know of a system.</summary>
public sealed class Dynamics
{
    internal Dynamics(Research.Dynamics engine) => Engine = engine;

    internal Research.Dynamics Engine { get; }

    /// <summary>
    /// Dynamics from the next state f(x, u) as a lambda over reals; all derivatives are exact. The lambda runs once here, to find out
    /// whether it fits, and again where it is compiled.
    /// </summary>
    /// <exception cref="ArgumentException">The lambda does not return n numbers.</exception>
    public static Dynamics Discrete(int states, int controls, Func<RealVector, RealVector, RealVector> next)
    {
        ArgumentNullException.ThrowIfNull(next);
        Sizes(states, controls);
        var returned = next(new(RealModule.variables("x", states)), new(RealModule.variables("u", controls)));
        if (returned.Length != states)
            throw new ArgumentException($"the dynamics have {states} states, and the function returned {returned.Length} numbers", nameof(next));
        return new(DynamicsModule.ofTraced(states, controls, Bridge.Field(next)));
    }

    /// <summary>
    /// Dynamics from the rates ẋ = f(x, u) as a lambda over reals, by the method of Runge and Kutta with the control held over a time step in
    /// seconds. Other methods: <see cref="Integrator"/> and <see cref="Discrete"/>.
    /// </summary>
    /// <exception cref="ArgumentException">The lambda does not return n numbers.</exception>
    public static Dynamics Continuous(int states, int controls, double timeStep, Func<RealVector, RealVector, RealVector> rates)
    {
        ArgumentNullException.ThrowIfNull(rates);
        Sizes(states, controls);
        if (!(timeStep > 0 && double.IsFinite(timeStep)))
            throw new ArgumentOutOfRangeException(nameof(timeStep), timeStep, "a time step is a positive number of seconds");
        var returned = rates(new(RealModule.variables("x", states)), new(RealModule.variables("u", controls)));
        if (returned.Length != states)
            throw new ArgumentException($"the dynamics have {states} states, and the function returned {returned.Length} rates", nameof(rates));
        return Discrete(states, controls, Integrator.RungeKutta4(timeStep, rates));
    }

    /// <summary>
    /// Dynamics from a simulator that answers for a batch of points at once: <paramref name="step"/>(points, results, count), with number i of
    /// point p at i·count + p; a point is its state, then its control. Jacobians are central differences with the given relative step, all of
    /// whose points are asked for in one batch.
    /// </summary>
    public static Dynamics FromSimulator(int states, int controls, Action<double[], double[], int> step, double differenceStep = 1e-6)
    {
        ArgumentNullException.ThrowIfNull(step);
        Sizes(states, controls);
        if (!(differenceStep > 0)) throw new ArgumentOutOfRangeException(nameof(differenceStep), differenceStep, "a difference needs a positive step");
        return new(DynamicsModule.ofBatch(states, controls, differenceStep, FuncConvert.FromAction(step)));
    }

    /// <summary>Dynamics from a simulator that answers for one state and control at a time; Jacobians are central differences.</summary>
    public static Dynamics FromSimulator(int states, int controls, Func<double[], double[], double[]> next, double differenceStep = 1e-6)
    {
        ArgumentNullException.ThrowIfNull(next);
        return FromSimulator(states, controls, Each, differenceStep);

        void Each(double[] points, double[] results, int count)
        {
            for (var p = 0; p < count; p++)
            {
                var x = new double[states];
                var u = new double[controls];
                for (var i = 0; i < states; i++) x[i] = points[i * count + p];
                for (var i = 0; i < controls; i++) u[i] = points[(states + i) * count + p];
                var answer = next(x, u);
                if (answer.Length != states)
                    throw new InvalidOperationException($"the system has {states} states, and the simulator returned {answer.Length} numbers");
                for (var i = 0; i < states; i++) results[i * count + p] = answer[i];
            }
        }
    }

    /// <summary>n.</summary>
    public int States => Engine.StateSize;

    /// <summary>m.</summary>
    public int Controls => Engine.ControlSize;

    /// <summary>True when second derivatives are known, which <see cref="Ddp"/> needs.</summary>
    public bool HasSecondDerivatives => Engine.HasCurvature;

    /// <summary>The next state [n] after a state [n] and a control [m].</summary>
    public double[] Next(ReadOnlySpan<double> state, ReadOnlySpan<double> control)
    {
        var next = new double[States];
        Engine.Step(Point(state, control), next, 1);
        return next;
    }

    /// <summary>The linear model x' ≈ A x + B u + … about a state [n] and a control [m]: A = ∂f/∂x [n, n] and B = ∂f/∂u [n, m].</summary>
    public (double[,] A, double[,] B) Linearise(ReadOnlySpan<double> state, ReadOnlySpan<double> control)
    {
        var (n, m) = (States, Controls);
        var rows = new double[n * (n + m)];
        Engine.Linearise(Point(state, control), rows, 1);
        var (a, b) = (new double[n, n], new double[n, m]);
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++) a[i, j] = rows[i * (n + m) + j];
            for (var j = 0; j < m; j++) b[i, j] = rows[i * (n + m) + n + j];
        }

        return (a, b);
    }

    /// <summary>The system under a policy for a number of steps from a start [n].</summary>
    public Trajectory Simulate(Policy policy, int steps, double[] start)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentOutOfRangeException.ThrowIfNegative(steps);
        Require.Vector(start, States, "the start", nameof(start));
        if (policy.States != States || policy.Controls != Controls)
            throw new ArgumentException(
                $"the system has {States} states and {Controls} controls, the policy {policy.States} and {policy.Controls}", nameof(policy));
        var (states, controls) = PolicyModule.simulate(Engine, policy.Engine, steps, start);
        return new(states, controls);
    }

    private double[] Point(ReadOnlySpan<double> state, ReadOnlySpan<double> control)
    {
        Require.Size(state.Length, States, "the state", nameof(state));
        Require.Size(control.Length, Controls, "the control", nameof(control));
        return [.. state, .. control];
    }

    private static void Sizes(int states, int controls)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(states);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(controls);
    }
}
