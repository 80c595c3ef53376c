using Expecto;
using Expecto.CSharp;
using Research.ModelBased;
using Control = Research.Control;

namespace FacadeTests;

/// <summary>Solutions of models written in C# have the bits of those of the same models in F#.</summary>
public static class SolverTests
{
    private static readonly Control.Problem Engine = Research.Environments.CartPole.environment.Problem;

    private static double[,] Line(double[] from, double[] to, int steps)
    {
        var states = new double[steps + 1, from.Length];
        for (var t = 0; t <= steps; t++)
            for (var i = 0; i < from.Length; i++)
                states[t, i] = from[i] + (to[i] - from[i]) * t / steps;
        return states;
    }

    private static void Same(Solution actual, Control.Solution expected)
    {
        Expected.Equal(actual.Status.ToString(), expected.Status.ToString().Split(' ')[0], "status");
        Expected.SameBits(actual.Cost, expected.Cost, "cost");
        Expected.SameBits(actual.Gap, expected.Gap, "gap");
        Expected.SameBits(actual.States, expected.X, "states");
        Expected.SameBits(actual.Controls, expected.U, "controls");
        Expected.SameBits(actual.Gains, expected.Gains, "gains");
        Expected.SameBits(actual.ValueGradient, expected.ValueGradient, "gradient of the value");
        Expected.SameBits(actual.ValueHessian, expected.ValueHessian, "Hessian of the value");
        Expected.Equal(actual.Iterations.Count, expected.Iterations.Length, "iterations");
        foreach (var (a, e) in actual.Iterations.Zip(expected.Iterations))
        {
            Expected.Equal(a.Number, e.Number, "number");
            Expected.SameBits(
                new[] { a.Cost, a.Gap, a.Gradient, a.Regularisation, a.Step, a.Ratio },
                new[] { e.Cost, e.Gap, e.Gradient, e.Regularisation, e.Step, e.Ratio },
                "iteration");
        }
    }

    [Tests]
    public static Test All { get; } = Runner.TestList("Solvers",
    [
        Runner.TestCase("iLQR", () =>
        {
            var solution = Ilqr.Solve(Models.CartPoleProblem);
            Expected.True(solution.IsConverged, $"{solution}");
            Expected.Near(solution.State(100)[1], Math.PI, 0.02, "the pole ends upright");
            Same(solution, Control.Ilqr.solve(Control.Ilqr.defaults, Engine, new double[100, 1]));
        }),

        Runner.TestCase("iLQR with limits and options", () =>
        {
            var solution = Ilqr.Solve(
                Models.CartPoleProblem.WithLimits([-8], [8]), options: new() { MaxIterations = 7, Regularisation = RegularisationKind.ControlSpace });
            var engine = Control.ProblemModule.withLimits([-8], [8], Engine);
            var d = Control.Ilqr.defaults;
            var options = new Control.Options(
                7, d.CostTolerance, d.GradientTolerance, Control.Regularisation.ControlSpace, d.FirstRegularisation, d.RegularisationFactor,
                d.MinRegularisation, d.MaxRegularisation, d.Steps, d.AcceptRatio, d.Threads);
            Same(solution, Control.Ilqr.solve(options, engine, new double[100, 1]));
            Expected.Equal(solution.Status, SolveStatus.IterationLimit, "status");
            Expected.True(solution.Controls.Cast<double>().All(u => Math.Abs(u) <= 8), "limits hold");
        }),

        Runner.TestCase("DDP, and a solver used twice", () =>
        {
            var solver = Ddp.Create(Models.CartPoleProblem);
            var first = solver.Solve(Models.CartPoleProblem.ConstantControls(0.1));
            var engine = Control.Ilqr.defaults;
            Same(first, Control.Ddp.solve(engine, Engine, Models.CartPoleProblem.ConstantControls(0.1)));
            Same(solver.Solve(), Control.Ddp.solve(engine, Engine, new double[100, 1]));
        }),

        Runner.TestCase("multiple shooting", () =>
        {
            var states = Line([0, 0, 0, 0], Models.Upright, 100);
            var solution = Ilqr.SolveFrom(Models.CartPoleProblem, states);
            Expected.True(solution.IsConverged && solution.Gap == 0, $"{solution}");
            Same(solution, Control.Ilqr.solveFrom(Control.Ilqr.defaults, Engine, states, new double[100, 1]));
        }),

        Runner.TestCase("constraints", () =>
        {
            var solution = Constrained.Solve(Models.RailProblem);
            var expected = Control.Constrained.solve(
                Control.Constrained.defaults, Research.Environments.CartPole.railed.Problem, new double[100, 1]);
            Expected.True(solution.IsConverged && solution.Feasibility < 1e-8, $"{solution}");
            Same(solution.Solution, expected.Solution);
            Expected.SameBits(solution.Feasibility, expected.Feasibility, "feasibility");
            Expected.SameBits(solution.Optimality, expected.Optimality, "optimality");
            Expected.SameBits(solution.Multipliers, expected.Multipliers, "multipliers");
            Expected.SameBits(solution.TerminalMultipliers, expected.TerminalMultipliers, "multipliers at the end");
            Expected.SameBits(solution.Rounds.Select(round => round.Cost).ToArray(), expected.Rounds.Select(round => round.Cost).ToArray(), "rounds");
            Expected.Equal(solution.Worst?.Constraint, expected.Worst?.Value.Item1, "worst");
        }),

        Runner.TestCase("constraints that cannot hold are named", () =>
        {
            var problem = Models.Slider.WithLimits([-0.1], [0.1]).WithConstraints(Constraint.TerminalEquality("at rest", x => x));
            var solution = Constrained.Solve(problem);
            Expected.Equal(solution.Status, SolveStatus.Infeasible, "status");
            Expected.True(solution.Reason.Contains("at rest"), solution.Reason);
            Expected.Equal(solution.Worst?.Constraint, "at rest", "worst");
        }),

        Runner.TestCase("a model that overflows is a status with a reason", () =>
        {
            var dynamics = Dynamics.Discrete(1, 1, (x, u) => [Real.Log(x[0]) + u[0]]);
            var solution = Ilqr.Solve(new(dynamics, Cost.Create((x, u) => u.SquaredNorm(), x => x.SquaredNorm()), 3, [-1]));
            Expected.Equal(solution.Status, SolveStatus.Diverged, "status");
            Expected.True(solution.Reason.Length > 0 && !solution.IsConverged, "reason");
        }),

        Runner.TestCase("least squares, sums, weights and signals of costs", () =>
        {
            // two ways to state one cost of following a signal
            var plain = Cost.WithSignals(1, (s, x, u) => 1.5 * Real.Square(x[0] - s[0]) + 0.05 * u[0] * u[0], (s, x) => 1.5 * Real.Square(x[0] - s[0]));
            var parts = 3 * Cost.LeastSquares(1, (s, x, u) => [x[0] - s[0]], (s, x) => [x[0] - s[0]])
                + Cost.Create((x, u) => 0.05 * u[0] * u[0], x => 0);
            var signals = new double[21, 1];
            for (var t = 0; t <= 20; t++) signals[t, 0] = Math.Sin(0.3 * t);
            var solutions = new[] { plain, parts }.Select(cost =>
                Ilqr.Solve(new ControlProblem(Models.Slider.Dynamics, cost, 20, [1, 0]).WithSignals(signals), options: new() { CostTolerance = 1e-14, GradientTolerance = 1e-10 })).ToArray();
            Expected.Near(solutions[0].Cost, solutions[1].Cost, 1e-9, "cost");
        }),

        Runner.TestCase("a simulator known by its answers alone", () =>
        {
            var dynamics = Dynamics.FromSimulator(2, 1, (x, u) => [x[0] + 0.1 * x[1], x[1] + 0.1 * u[0]]);
            Expected.True(!dynamics.HasSecondDerivatives, "no second derivatives");
            var exact = Ilqr.Solve(Models.Slider);
            var differences = Ilqr.Solve(new(dynamics, Models.Slider.Cost, 20, [1, 0]));
            Expected.Near(differences.Cost, exact.Cost, 1e-8, "cost");
            var (a, b) = dynamics.Linearise([1, 2], [3]);
            Expected.Near(a[0, 1], 0.1, 1e-9, "A");
            Expected.Near(b[1, 0], 0.1, 1e-9, "B");
        }),

        Runner.TestCase("the policy of a solution leads a system along it", () =>
        {
            var solution = Ilqr.Solve(Models.Slider);
            var trajectory = Models.Slider.Dynamics.Simulate(solution.Policy, 20, [1, 0]);
            for (var t = 0; t <= 20; t++) Expected.Near(trajectory.State(t)[0], solution.State(t)[0], 1e-12, $"position at {t}");
            var held = solution.Policy.Limited([-0.5], [0.5]);
            Expected.True(Math.Abs(held.Act(0, 5, 0)[0]) == 0.5, "a policy held to limits");
            Expected.SameBits(Policy.OpenLoop(2, solution.Controls).Act(3, 0, 0), solution.Control(3).ToArray(), "open loop");
        }),
    ]);
}
