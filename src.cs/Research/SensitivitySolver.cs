using System.Diagnostics.CodeAnalysis;
using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>A solution, and how it changes with the parameters θ [p] and with the start x₀ [n].</summary>
public sealed class Sensitivities
{
    private readonly Control.Sensitivities _engine;

    internal Sensitivities(Control.Sensitivities engine)
    {
        _engine = engine;
        Solution = new(engine.Solution);
    }

    /// <summary>The optimal trajectory.</summary>
    public Solution Solution { get; }

    /// <summary>dJ*/dθ [p].</summary>
    public double[] CostGradient => _engine.CostGradient;

    /// <summary>d²J*/dθ² [p, p].</summary>
    public double[,] CostHessian => _engine.CostHessian;

    /// <summary>dU/dθ [m, p] of every step.</summary>
    public IReadOnlyList<double[,]> Controls => _engine.Controls;

    /// <summary>dX/dθ [n, p] of every time.</summary>
    public IReadOnlyList<double[,]> States => _engine.States;

    /// <summary>dU/dx₀ [m, n] of every step.</summary>
    public IReadOnlyList<double[,]> ControlsByStart => _engine.ControlsByStart;

    /// <summary>dX/dx₀ [n, n] of every time.</summary>
    public IReadOnlyList<double[,]> StatesByStart => _engine.StatesByStart;
}

/// <summary>
/// Differentiable solutions: θ and x₀ in, optimal trajectory and its derivatives out, again and again without compiling anew. A limit that
/// holds a control has derivative 0. Not thread-safe. Source: Amos and others, Differentiable MPC for End-to-end Planning and Control (2018).
/// </summary>
public sealed class SensitivitySolver
{
    private readonly ParametricProblem _problem;
    private readonly Control.SensitivitySolver _engine;

    /// <summary>A solver for any parameters and starts.</summary>
    public SensitivitySolver(ParametricProblem problem)
    {
        ArgumentNullException.ThrowIfNull(problem);
        _problem = problem;
        _engine = Control.Sensitivity.create(problem.Engine);
    }

    /// <summary>Solves at parameters from a start.</summary>
    /// <param name="theta">θ [p].</param>
    /// <param name="start">x₀ [n].</param>
    /// <param name="controls">First controls [T, m]; zeros where null.</param>
    /// <param name="cancellation">Ends the attempt after the iteration that runs.</param>
    /// <exception cref="NoSolutionException">The solver stopped short of a strict minimum.</exception>
    public Sensitivities Solve(double[] theta, double[] start, double[,]? controls = null, CancellationToken cancellation = default)
    {
        if (TrySolve(theta, start, controls, out var sensitivities, out var status, cancellation)) return sensitivities;
        cancellation.ThrowIfCancellationRequested();
        throw new NoSolutionException($"the solver stopped short of a strict minimum: {status}");
    }

    /// <summary>Solves at parameters from a start, if it gets to a strict minimum.</summary>
    /// <param name="theta">θ [p].</param>
    /// <param name="start">x₀ [n].</param>
    /// <param name="controls">First controls [T, m]; zeros where null.</param>
    /// <param name="sensitivities">The solution and its derivatives, or null.</param>
    /// <param name="status">Why the solver stopped.</param>
    /// <param name="cancellation">Ends the attempt after the iteration that runs.</param>
    public bool TrySolve(
        double[] theta, double[] start, double[,]? controls, [NotNullWhen(true)] out Sensitivities? sensitivities, out SolveStatus status,
        CancellationToken cancellation = default)
    {
        Require.Vector(theta, _problem.Parameters, "the parameter vector", nameof(theta));
        Require.Vector(start, _problem.States, "the start", nameof(start));
        var guess = controls ?? new double[_problem.Horizon, _problem.Controls];
        Require.Matrix(guess, _problem.Horizon, _problem.Controls, "the matrix of controls", nameof(controls));
        var result = _engine.Solve(theta, start, guess, cancellation);
        sensitivities = result.IsOk ? new(result.ResultValue) : null;
        status = sensitivities?.Solution.Status ?? result.ErrorValue.ToPublic().Status;
        return sensitivities is not null;
    }
}
