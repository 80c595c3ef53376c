using System.Diagnostics.CodeAnalysis;
using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>
/// A regulator and a filter, and the output-feedback controller that they make: with ξ the filter's prediction of the state,
/// u = Cc ξ + Dc y and ξ' = Ac ξ + Bc y.
/// </summary>
public sealed class LqgDesign
{
    private readonly Control.LqgDesign _engine;

    internal LqgDesign(Control.LqgDesign engine)
    {
        _engine = engine;
        var regulator = engine.Regulator;
        Regulator = new(regulator.P, regulator.K, regulator.SpectralRadius, regulator.Residual, regulator.Iterations);
        Filter = new(engine.Filter);
    }

    internal Control.LqgDesign Engine => _engine;

    /// <summary>u = −K x̂.</summary>
    public DareSolution Regulator { get; }

    /// <summary>x̂ = ξ + L (y − C ξ).</summary>
    public SteadyKalman Filter { get; }

    /// <summary>(A − BK)(I − LC), [n, n].</summary>
    public double[,] Ac => _engine.Ac;

    /// <summary>(A − BK) L, [n, p].</summary>
    public double[,] Bc => _engine.Bc;

    /// <summary>−K (I − LC), [m, n].</summary>
    public double[,] Cc => _engine.Cc;

    /// <summary>−K L, [m, p].</summary>
    public double[,] Dc => _engine.Dc;

    /// <summary>The loop without noise, of [x; ξ], [2n, 2n].</summary>
    public double[,] ClosedLoop => _engine.ClosedLoop;

    /// <summary>Mean cost of a step once the start is forgotten.</summary>
    public double ExpectedCost => _engine.ExpectedCost;
}

/// <summary>The controller at work: takes a measurement, gives a control, and keeps ξ. Not thread-safe.</summary>
public sealed class LqgController
{
    private readonly Control.LqgController _engine;
    private readonly int _measurements;
    private readonly int _controls;

    /// <summary>A controller that expects the state 0 at first.</summary>
    public LqgController(LqgDesign design)
    {
        ArgumentNullException.ThrowIfNull(design);
        _engine = Control.Lqg.create(design.Engine);
        (_controls, _measurements) = (design.Dc.GetLength(0), design.Dc.GetLength(1));
    }

    /// <summary>The control [m] for what is measured now, [p].</summary>
    public double[] Act(params ReadOnlySpan<double> measurement)
    {
        Require.Size(measurement.Length, _measurements, "the measurement", nameof(measurement));
        var control = new double[_controls];
        _engine.Act(measurement, control);
        return control;
    }

    /// <summary>ξ, the state predicted for the next measurement, [n]: a copy.</summary>
    public double[] Predicted
    {
        get => _engine.Predicted;
        set
        {
            Require.Vector(value, _engine.Predicted.Length, "the state", nameof(value));
            _engine.Predicted = value;
        }
    }
}

/// <summary>
/// Linear-quadratic-Gaussian control: the regulator of the true state, fed with the estimate of the Kalman filter, for the least mean of
/// ½xᵀQx + xᵀNu + ½uᵀRu a step.
/// </summary>
public static class Lqg
{
    /// <summary>The controller of a model. q:[n, n] r:[m, m] n:[n, m], 0 where null.</summary>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    /// <exception cref="NoSolutionException">There is no regulator, or the filter does not settle.</exception>
    public static LqgDesign Design(LinearModel model, double[,] q, double[,] r, double[,]? n = null)
    {
        if (TryDesign(model, q, r, n, out var design, out var regulator, out var filter)) return design;
        throw new NoSolutionException(
            regulator != DareFault.None ? $"there is no regulator: {regulator}" : $"the filter does not settle: {filter}");
    }

    /// <summary>The controller of a model, if there is one.</summary>
    /// <param name="model">The system.</param>
    /// <param name="q">[n, n]</param>
    /// <param name="r">[m, m]</param>
    /// <param name="n">[n, m], 0 where null</param>
    /// <param name="design">The controller, or null.</param>
    /// <param name="regulator">Why there is no regulator.</param>
    /// <param name="filter">Why the filter does not settle.</param>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    public static bool TryDesign(
        LinearModel model, double[,] q, double[,] r, double[,]? n, [NotNullWhen(true)] out LqgDesign? design, out DareFault regulator,
        out KalmanFault filter)
    {
        ArgumentNullException.ThrowIfNull(model);
        var engine = model.ToEngine(nameof(model));
        var (states, controls) = (engine.A.GetLength(0), engine.B.GetLength(1));
        Require.Matrix(q, states, states, "Q", nameof(q));
        Require.Matrix(r, controls, controls, "R", nameof(r));
        if (n is not null) Require.Matrix(n, states, controls, "N", nameof(n));
        var result = n is null ? Control.Lqg.design(engine, q, r) : Control.Lqg.designWithCross(engine, q, r, n);
        design = result.IsOk ? new(result.ResultValue) : null;
        (regulator, filter) = result switch
        {
            { IsOk: true } => (DareFault.None, KalmanFault.None),
            { ErrorValue: Control.LqgFault.NoRegulator fault } => (Dare.ToPublic(fault.Item, nameof(model)), KalmanFault.None),
            { ErrorValue: Control.LqgFault.NoFilter fault } => (DareFault.None, Kalman.ToPublic(fault.Item, nameof(model))),
            _ => throw new InvalidOperationException($"unknown fault {result.ErrorValue}"),
        };
        return result.IsOk;
    }
}
