using Microsoft.FSharp.Core;
using Research.ModelBased;
using Control = Research.Control;
using Graph = Research.Real;

namespace FacadeTests;

/// <summary>Models written in C# that the library also has in F#, with the same operations in the same order.</summary>
internal static class Models
{
    public const double TimeStep = 0.02;

    public static readonly double[] Upright = [1, Math.PI, 0, 0];

    /// <summary>Kelly's cart-pole.</summary>
    public static RealVector CartPole(RealVector x, RealVector u)
    {
        const double cart = 1, pole = 0.3, length = 0.5, gravity = 9.81;
        var (s, c) = (Real.Sin(x[1]), Real.Cos(x[1]));
        var rate = x[3] * x[3];
        var d = cart + pole * (s * s);
        var push = length * pole * s * rate;
        return
        [
            x[2],
            x[3],
            (push + u[0] + pole * gravity * (c * s)) / d,
            -((push * c + u[0] * c + (cart + pole) * gravity * s) / (length * d)),
        ];
    }

    public static Cost SwingUp { get; } = Cost.Create(
        (x, u) => TimeStep * (Cost.Quadratic([1, 1, 0.1, 0.1], Upright, x) + 0.025 * u[0] * u[0]),
        x => Cost.Quadratic([100, 100, 10, 10], Upright, x));

    /// <summary>The environment cartpole.</summary>
    public static ControlProblem CartPoleProblem { get; } =
        new(Dynamics.Continuous(4, 1, TimeStep, CartPole), SwingUp, 100, [0, 0, 0, 0]);

    /// <summary>The environment cartpole-rail.</summary>
    public static ControlProblem RailProblem { get; } = CartPoleProblem
        .WithLimits([-10], [10])
        .WithConstraints(
            Constraint.TerminalEquality("upright at the goal", x => x - Upright),
            Constraint.Between("rail", [-0.1], [1.02], x => x[..1]));

    /// <summary>A quick problem: a mass on a line.</summary>
    public static ControlProblem Slider { get; } = new(
        Dynamics.Discrete(2, 1, (x, u) => [x[0] + 0.1 * x[1], x[1] + 0.1 * u[0]]),
        Cost.Create((x, u) => 0.5 * (x.SquaredNorm() + 0.1 * u[0] * u[0]), x => 5 * x.SquaredNorm()),
        20,
        [1, 0]);

    /// <summary>The same in F#'s terms.</summary>
    public static Control.Problem SliderOfEngine { get; } = Control.ProblemModule.create(
        Research.DynamicsModule.ofTraced(2, 1, FuncConvert.FromFunc<Graph[], Graph[], Graph[]>((x, u) => [x[0] + 0.1 * x[1], x[1] + 0.1 * u[0]])),
        Research.CostModule.create(
            FuncConvert.FromFunc<Graph[], Graph[], Graph>((x, u) => 0.5 * (Research.VecModule.squaredNorm(x) + 0.1 * u[0] * u[0])),
            FuncConvert.FromFunc<Graph[], Graph>(x => 5 * Research.VecModule.squaredNorm(x))),
        20,
        [1, 0]);
}
