using Expecto;
using Expecto.CSharp;
using Research.ModelBased;

namespace FacadeTests;

/// <summary>Wrong arguments are named, with the sizes that would be right.</summary>
public static class ArgumentTests
{
    private static readonly Dynamics Slider = Models.Slider.Dynamics;
    private static readonly Cost Cost = Models.Slider.Cost;
    private static readonly Func<RealVector, RealVector, RealVector> Field = (x, u) => x;
    private static readonly double[,] One = { { 1 } }, Two = { { 1, 0 }, { 0, 1 } };
    private static readonly MpcController Controller = Started();

    private static MpcController Started()
    {
        var controller = new MpcController(Models.Slider);
        controller.Start([1, 0]);
        return controller;
    }

    /// <summary>Calls with null, and the argument that must be named.</summary>
    private static readonly (string Name, Action Call)[] Nulls =
    [
        ("next", () => Dynamics.Discrete(1, 1, null!)),
        ("rates", () => Dynamics.Continuous(1, 1, 0.1, null!)),
        ("step", () => Dynamics.FromSimulator(1, 1, (Action<double[], double[], int>)null!)),
        ("next", () => Dynamics.FromSimulator(1, 1, (Func<double[], double[], double[]>)null!)),
        ("policy", () => Slider.Simulate(null!, 3, [0, 0])),
        ("start", () => Slider.Simulate(Policy.OpenLoop(2, new double[3, 1]), 3, null!)),
        ("stage", () => Cost.Create(null!, x => 0)),
        ("terminal", () => Cost.Create((x, u) => 0, null!)),
        ("stage", () => Cost.WithSignals(1, null!, (s, x) => 0)),
        ("terminal", () => Cost.LeastSquares((x, u) => x, null!)),
        ("a", () => _ = null! + Cost),
        ("b", () => _ = Cost + null!),
        ("cost", () => _ = 2 * (Cost)null!),
        ("weights", () => Cost.Quadratic(null!, new double[1], new double[1])),
        ("name", () => Constraint.State(null!, x => x)),
        ("g", () => Constraint.State("s", null!)),
        ("lower", () => Constraint.Between("b", null!, [1], x => x)),
        ("dynamics", () => _ = new ControlProblem(null!, Cost, 3, [0, 0])),
        ("cost", () => _ = new ControlProblem(Slider, null!, 3, [0, 0])),
        ("start", () => _ = new ControlProblem(Slider, Cost, 3, null!)),
        ("lower", () => Models.Slider.WithLimits(null!, [1])),
        ("upper", () => Models.Slider.WithLimits([1], null!)),
        ("constraints", () => Models.Slider.WithConstraints(null!)),
        ("constraints", () => Models.Slider.WithConstraints([null!])),
        ("signals", () => Models.Slider.WithSignals(null!)),
        ("problem", () => Ilqr.Solve(null!)),
        ("problem", () => Ilqr.SolveAsync(null!)),
        ("problem", () => Ddp.Create(null!)),
        ("problem", () => Constrained.Solve(null!)),
        ("states", () => Ilqr.SolveFrom(Models.Slider, null!)),
        ("states", () => Constrained.SolveFrom(Models.Slider, null!)),
        ("problem", () => _ = new MpcController(null!)),
        ("state", () => Controller.Start(null!)),
        ("value", () => Controller.Signals = null!),
        ("controller", () => ClosedLoop.Run(null!, Slider, 1, 1, [0, 0])),
        ("plant", () => ClosedLoop.Run(Controller, null!, 1, 1, [0, 0])),
        ("problem", () => Lqr.Solve(null!)),
        ("Steps", () => Lqr.Solve(new(null!, One))),
        ("a", () => Dare.Solve(null!, One, One, One)),
        ("r", () => Dare.Solve(One, One, One, null!)),
        ("problem", () => _ = new SensitivitySolver(null!)),
        ("cost", () => _ = new ParametricProblem(1, 1, 1, (p, x, u) => x, null!, 3)),
        ("f", () => Derivatives.Gradient(null!, [1.0])),
        ("x", () => Derivatives.Gradient(x => x[0], (double[])null!)),
        ("f", () => CompiledFunction.Compile(1, null!)),
        ("points", () => CompiledFunction.Compile(1, x => x).EvaluateBatch(null!)),
        ("f", () => Integrator.RungeKutta4(0.1, null!)),
        ("name", () => Environments.Find(null!)),
        ("act", () => Policy.Create(1, 1, null!)),
        ("gains", () => Policy.Feedback(new(new double[2, 1], new double[1, 1]), null!)),
    ];

    /// <summary>Calls with sizes or numbers that are wrong, the argument that must be named, and a word that the message must hold.</summary>
    private static readonly (string Name, string Word, Action Call)[] Wrong =
    [
        ("next", "2 states", () => Dynamics.Discrete(2, 1, (x, u) => [x[0]])),
        ("rates", "returned 1", () => Dynamics.Continuous(2, 1, 0.1, (x, u) => [x[0]])),
        ("states", "non-zero", () => Dynamics.Discrete(0, 1, Field)),
        ("timeStep", "positive", () => Dynamics.Continuous(1, 1, 0, Field)),
        ("i", "no element 2", () => Dynamics.Discrete(2, 1, (x, u) => [x[2], x[0]])),
        ("state", "3 numbers", () => Slider.Next([0, 0, 0], [0])),
        ("control", "2 numbers", () => Slider.Linearise([0, 0], [0, 0])),
        ("policy", "1 and 1", () => Slider.Simulate(Policy.OpenLoop(1, new double[1, 1]), 3, [0, 0])),
        ("weight", "positive", () => _ = -1 * Cost),
        ("weights", "3 numbers", () => Cost.Quadratic([1, 1, 1], new double[2], new double[2])),
        ("target", "1 numbers", () => Cost.Quadratic([1, 1], new double[1], new double[2])),
        ("b", "2 and 3", () => _ = (RealVector)new double[2] + new double[3]),
        ("start", "3 numbers", () => _ = new ControlProblem(Slider, Cost, 3, [0, 0, 0])),
        ("start", "not finite", () => _ = new ControlProblem(Slider, Cost, 3, [0, double.NaN])),
        ("horizon", "non-zero", () => _ = new ControlProblem(Slider, Cost, 0, [0, 0])),
        ("lower", "crossed", () => Models.Slider.WithLimits([1], [-1])),
        ("upper", "2 numbers", () => Models.Slider.WithLimits([1], [1, 2])),
        ("signals", "must be 21×0", () => Models.Slider.WithSignals(new double[3, 1])),
        ("controls", "must be 20×1", () => Ilqr.Solve(Models.Slider, new double[3, 1])),
        ("controls", "must be 20×1", () => Ilqr.SolveAsync(Models.Slider, new double[3, 1])),
        ("controls", "not finite", () => Ilqr.Solve(Models.Slider, Models.Slider.ConstantControls(double.NaN))),
        ("states", "must be 21×2", () => Ddp.SolveFrom(Models.Slider, new double[20, 2])),
        ("controls", "must be 20×1", () => Constrained.Solve(Models.Slider, new double[3, 1])),
        ("options", "MaxIterations", () => Ilqr.Solve(Models.Slider, options: new() { MaxIterations = 0 })),
        ("options", "Steps", () => Ilqr.Solve(Models.Slider, options: new() { Steps = [] })),
        ("options", "MaxRounds", () => Constrained.Solve(Models.Slider, options: new() { MaxRounds = 0 })),
        ("options", "Iterations", () => _ = new MpcController(Models.Slider, new() { Iterations = 0 })),
        ("problem", "rail", () => Ilqr.Solve(Models.RailProblem)),
        ("problem", "second derivatives", () => Ddp.Create(new(Dynamics.FromSimulator(2, 1, (x, u) => x), Cost, 3, [0, 0]))),
        ("state", "3 numbers", () => Controller.Start([0, 0, 0])),
        ("state", "3 numbers", () => Controller.Replan([0, 0, 0], 1)),
        ("elapsed", "negative", () => Controller.Replan([0, 0], -1)),
        ("control", "2 numbers", () => Controller.Act(0, [0, 0], new double[2])),
        ("plant", "1 states", () => ClosedLoop.Run(Controller, Dynamics.Discrete(1, 1, Field), 1, 1, [0])),
        ("problem", "B of step 0", () => Lqr.Solve(LqrProblem.Repeat(3, new(Two, One, Two, One), Two))),
        ("q", "must be 1×1", () => Dare.Solve(One, One, Two, One)),
        ("n", "must be 1×1", () => Dare.Solve(One, One, One, One, Two)),
        ("theta", "1 numbers", () => new SensitivitySolver(new(2, 1, 1, (p, x, u) => x, p => Cost.Create((x, u) => 0, x => 0), 2)).Solve([1], [0])),
        ("v", "1 numbers", () => Derivatives.JacobianVector(x => x, [1.0, 2.0], [1.0])),
        ("point", "1 numbers", () => CompiledFunction.Compile(2, x => x).Evaluate(1)),
        ("points", "3×1", () => CompiledFunction.Compile(2, x => x).EvaluateBatch(new double[3, 1])),
        ("results", "5 numbers", () => CompiledFunction.Compile(2, x => x).EvaluateColumns(new double[4], [], new double[5], 2)),
        ("longest", "cannot last", () => FreeTimeProblem.Create(1, 1, (h, x, u) => x, (h, x, u) => h, (h, x) => 0, 3, [0], 0.2, 0.1)),
        ("actions", "must be 2×1", () => Environments.Find("pendulum").Episodes(2).Step(new double[3, 1])),
        ("batch", "non-zero", () => Environments.Find("pendulum").Episodes(0)),
        ("time", "0 to 20", () => Ilqr.Solve(Models.Slider).State(21)),
    ];

    [Tests]
    public static Test All { get; } = Runner.TestList("Arguments",
    [
        Runner.TestCase("nothing may be null", () =>
        {
            foreach (var (name, call) in Nulls)
                Expected.Equal(Expected.Throws<ArgumentNullException>(call, $"null for {name}").ParamName, name, "argument");
        }),

        Runner.TestCase("sizes and numbers are checked", () =>
        {
            foreach (var (name, word, call) in Wrong)
            {
                var failure = Expected.Throws<ArgumentException>(call, $"{name} with '{word}'");
                Expected.Equal(failure.ParamName, name, $"argument of '{failure.Message}'");
                Expected.True(failure.Message.Contains(word), $"'{failure.Message}' must say '{word}'");
            }
        }),

        Runner.TestCase("a problem keeps its own copies", () =>
        {
            double[] start = [1, 0], lower = [-1], upper = [1];
            var problem = new ControlProblem(Slider, Cost, 5, start).WithLimits(lower, upper);
            (start[0], lower[0], upper[0]) = (9, 9, 9);
            Expected.SameBits(problem.Start.ToArray(), new double[] { 1, 0 }, "start");
            Expected.SameBits(problem.LowerLimits.ToArray(), new double[] { -1 }, "lower limit");
            Expected.SameBits(problem.UpperLimits.ToArray(), new double[] { 1 }, "upper limit");
            Expected.Equal(problem.WithStart(2, 0).Start[0], 2, "another start");
            Expected.Equal(problem.Start[0], 1, "the problem itself stays as it was");
        }),
    ]);
}
