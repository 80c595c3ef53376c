using Research.ModelBased;

/// <summary>
/// A gantry crane: a trolley on a rail, a cable that can be wound, a load that swings. The state is [p, θ, l, ṗ, θ̇, l̇], with θ = 0 for a
/// cable that hangs straight down; the controls are the accelerations [p̈, l̈]. The load hangs at (p + l sin θ, −l cos θ).
/// </summary>
internal sealed record Crane(double Gravity = 9.81, double Drag = 0)
{
    public const double TimeStep = 0.1;

    /// <summary>What the motors can do, m/s².</summary>
    public static readonly double[] Limits = [1.0, 0.8];

    /// <summary>l θ̈ = −p̈ cos θ − g sin θ − 2 l̇ θ̇ − drag·l θ̇.</summary>
    public RealVector Rates(RealVector x, RealVector u)
    {
        var (angle, length, swing, winding) = (x[1], x[2], x[4], x[5]);
        var pull = u[0] * Real.Cos(angle) + Gravity * Real.Sin(angle) + 2 * winding * swing + Drag * length * swing;
        return [x[3], swing, winding, u[0], -pull / length, u[1]];
    }

    public Dynamics Dynamics => Dynamics.Continuous(states: 6, controls: 2, TimeStep, Rates);

    /// <summary>Where the load is, m.</summary>
    public static (Real Across, Real Up) Load(RealVector x) => (x[0] + x[2] * Real.Sin(x[1]), -x[2] * Real.Cos(x[1]));

    /// <summary>The load keeps out of an ellipse about the stack of containers at (4, −6), 1.2 m wide to each side and 2.5 m high.</summary>
    public static Constraint ClearOfTheStack { get; } = Constraint.State("clear of the stack", x =>
    {
        var (across, up) = Load(x);
        return [1 - Real.Square((across - 4) / 1.2) - Real.Square((up + 6) / 2.5)];
    });

    /// <summary>Above 0 where the load is clear of the stack.</summary>
    public static double Clearance(ReadOnlySpan<double> x)
    {
        var (across, up) = (x[0] + x[2] * Math.Sin(x[1]), -x[2] * Math.Cos(x[1]));
        return Math.Sqrt(Math.Pow((across - 4) / 1.2, 2) + Math.Pow((up + 6) / 2.5, 2)) - 1;
    }
}
