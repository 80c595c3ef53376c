using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>What one replan did.</summary>
/// <param name="Cost">Cost of the plan, without penalties.</param>
/// <param name="Feasibility">Largest violation of a constraint along the plan.</param>
/// <param name="Iterations">Iterations done; 0 when the old plan was all there was.</param>
/// <param name="Step">Length α of the first iteration; 0 when the old plan with its feedback was best.</param>
/// <param name="IsLate">True when the deadline cut iterations off.</param>
/// <param name="IsLost">True when the state was not finite, or no rollout from it was, and the old controls stand.</param>
/// <param name="Time">Time from the state to the plan.</param>
public readonly record struct Replan(double Cost, double Feasibility, int Iterations, double Step, bool IsLate, bool IsLost, TimeSpan Time)
{
    internal Replan(Control.Replan replan)
        : this(
            replan.Cost, replan.Feasibility, replan.Iterations, replan.Step, replan.IsLate, replan.IsLost, TimeSpan.FromSeconds(replan.Seconds))
    {
    }
}

/// <summary>
/// A model-predictive controller: it plans ahead from where the system is, acts on the first part of the plan, and plans again from the rest
/// of it. Call <see cref="Start"/> once; then, as the system goes on, <see cref="Replan"/> when there is time for it and
/// <see cref="Act(int, ReadOnlySpan{double})"/> for every control. A replan allocates nothing. One thread at a time: a call while another is at work is an <see cref="InvalidOperationException"/>.
/// </summary>
/// <remarks>
/// Most of the work of a replan can be done before the state is known: <see cref="Prepare"/>, then <see cref="Follow"/>.
/// Sources: Tassa, Erez, Todorov (2012); Diehl and others, Real-time optimization and nonlinear model predictive control (2002).
/// </remarks>
public sealed class MpcController
{
    private bool _isStarted;

    /// <summary>A controller for a problem, whose start is replaced by the states that come.</summary>
    public MpcController(ControlProblem problem, MpcOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(problem);
        Problem = problem;
        Engine = Control.Mpc.create((options ?? new()).ToEngine(nameof(options)), problem.Engine);
    }

    internal Control.MpcController Engine { get; }

    /// <summary>The problem that it solves from every state.</summary>
    public ControlProblem Problem { get; }

    /// <summary>Plans from scratch, until convergence.</summary>
    /// <param name="state">Where the system is, [n].</param>
    /// <param name="controls">First controls [T, m]; zeros where null.</param>
    /// <param name="cancellation">Stops after the iteration that runs; the plan is then the best so far.</param>
    public Solution Start(double[] state, double[,]? controls = null, CancellationToken cancellation = default)
    {
        Require.Vector(state, Problem.Dynamics.States, "the state", nameof(state));
        var guess = Problem.CheckControls(controls, nameof(controls));
        var solution = new Solution(Engine.Start(state, guess, cancellation));
        _isStarted = true;
        return solution;
    }

    /// <summary>
    /// What the cost reads from now on, [T+1, signals]: row 0 belongs to the next state that comes. The array itself is read at every replan.
    /// </summary>
    public double[,] Signals
    {
        get => Engine.Signals;
        set
        {
            Require.Matrix(value, Problem.Horizon + 1, Problem.Cost.Signals, "the signal matrix", nameof(value));
            Engine.Signals = value;
        }
    }

    /// <summary>First half of a replan, before the state is known.</summary>
    /// <param name="elapsed">Steps that the system has made since the last plan began.</param>
    public void Prepare(int elapsed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(elapsed);
        RequireStarted();
        Engine.Prepare(elapsed);
    }

    /// <summary>Second half of a replan: the new plan from the state [n].</summary>
    /// <exception cref="InvalidOperationException">The plan was not prepared.</exception>
    public Replan Follow(ReadOnlySpan<double> state)
    {
        Require.Size(state.Length, Problem.Dynamics.States, "the state", nameof(state));
        return new(Engine.Follow(state));
    }

    /// <summary>Plans again from a state.</summary>
    /// <param name="state">Where the system is, [n].</param>
    /// <param name="elapsed">Steps that the system has made since the last plan began.</param>
    /// <exception cref="InvalidOperationException">There is no first plan: call <see cref="Start"/>.</exception>
    public Replan Replan(ReadOnlySpan<double> state, int elapsed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(elapsed);
        Require.Size(state.Length, Problem.Dynamics.States, "the state", nameof(state));
        RequireStarted();
        return new(Engine.Replan(state, elapsed));
    }

    /// <summary>The control [m] for a state [n]: u = û + K(x − x̂), or û where that is not finite, held to the limits.</summary>
    /// <param name="step">Steps 0, 1, … since the plan began.</param>
    /// <param name="state">Where the system is then, [n].</param>
    public double[] Act(int step, ReadOnlySpan<double> state)
    {
        var control = new double[Problem.Dynamics.Controls];
        Act(step, state, control);
        return control;
    }

    /// <summary>The control [m] for a state [n], without allocating.</summary>
    /// <param name="step">Steps 0, 1, … since the plan began.</param>
    /// <param name="state">Where the system is then, [n].</param>
    /// <param name="control">Receives the control, [m].</param>
    public void Act(int step, ReadOnlySpan<double> state, Span<double> control)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        Require.Size(state.Length, Problem.Dynamics.States, "the state", nameof(state));
        Require.Size(control.Length, Problem.Dynamics.Controls, "the room for the control", nameof(control));
        RequireStarted();
        Engine.Act(step, state, control);
    }

    /// <summary>The plan as it stands, with its gains: a copy. Its status is <see cref="SolveStatus.IterationLimit"/>.</summary>
    public Solution Plan
    {
        get
        {
            RequireStarted();
            return new(Engine.Plan);
        }
    }

    private void RequireStarted()
    {
        if (!_isStarted) throw new InvalidOperationException($"there is no plan yet: call {nameof(Start)} first");
    }

    internal void MarkStarted() => _isStarted = true;
}
