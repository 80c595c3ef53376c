using Expecto;
using Expecto.CSharp;
using Microsoft.FSharp.Core;
using Research.ModelBased;
using Control = Research.Control;
using Graph = Research.Real;

namespace FacadeTests;

/// <summary>Solutions by parameters, and problems that choose their time.</summary>
public static class SensitivityTests
{
    private const double H = 0.05;

    private static RealVector Pendulum(RealVector theta, RealVector x, RealVector u) => [x[1], u[0] - 9.81 / theta[1] * Real.Sin(x[0]) - theta[0] * x[1]];

    private static ParametricProblem Problem { get; } = new(
        2, 2, 1,
        (theta, x, u) => Integrator.RungeKutta4(H, (x, u) => Pendulum(theta, x, u))(x, u),
        theta => Cost.Create(
            (x, u) => H * (0.5 * Real.Square(x[0] - Math.PI) + 0.05 * (x[1] * x[1]) + 0.15 * (u[0] * u[0])),
            x => 5 * Real.Square(x[0] - Math.PI) + 0.5 * (x[1] * x[1])),
        30);

    private static Control.ParametricProblem Engine { get; } = Control.Sensitivity.problem(
        2, 2, 1,
        FuncConvert.FromFunc<Graph[], Graph[], Graph[], Graph[]>((theta, x, u) =>
            FSharpFunc<Graph, FSharpFunc<Graph[], FSharpFunc<Graph[], Graph[]>>>.InvokeFast(
                FuncConvert.FromFunc<Graph, FSharpFunc<Graph[], FSharpFunc<Graph[], Graph[]>>, Graph[], Graph[], Graph[]>(Research.Integrator.rk4),
                Graph.Constant(H),
                FuncConvert.FromFunc<Graph[], Graph[], Graph[]>((x, u) => [x[1], u[0] - 9.81 / theta[1] * Graph.Sin(x[0]) - theta[0] * x[1]]),
                x, u)),
        FuncConvert.FromFunc<Graph[], Research.Cost>(theta => Research.CostModule.create(
            FuncConvert.FromFunc<Graph[], Graph[], Graph>((x, u) =>
            {
                var e = x[0] - Math.PI;
                return H * (0.5 * (e * e) + 0.05 * (x[1] * x[1]) + 0.15 * (u[0] * u[0]));
            }),
            FuncConvert.FromFunc<Graph[], Graph>(x =>
            {
                var e = x[0] - Math.PI;
                return 5 * (e * e) + 0.5 * (x[1] * x[1]);
            }))),
        30);

    private static readonly double[] Theta = [0.2, 1.1], Start = [0.4, 0.1];

    [Tests]
    public static Test All { get; } = Runner.TestList("Sensitivity",
    [
        Runner.TestCase("derivatives of a solution are those of F#, and of re-solved problems", () =>
        {
            var solver = new SensitivitySolver(Problem);
            var answer = solver.Solve(Theta, Start);
            var engine = Control.Sensitivity.create(Engine).Solve(Theta, Start, new double[30, 1]).ResultValue;
            Expected.SameBits(answer.CostGradient, engine.CostGradient, "dJ/dθ");
            Expected.SameBits(answer.CostHessian, engine.CostHessian, "d²J/dθ²");
            Expected.SameBits(answer.Controls, engine.Controls, "dU/dθ");
            Expected.SameBits(answer.States, engine.States, "dX/dθ");
            Expected.SameBits(answer.ControlsByStart, engine.ControlsByStart, "dU/dx₀");
            Expected.SameBits(answer.StatesByStart, engine.StatesByStart, "dX/dx₀");
            Expected.SameBits(answer.Solution.States, engine.Solution.X, "states");

            var step = 1e-4;
            double CostAt(double damping) => solver.Solve([damping, 1.1], Start, answer.Solution.Controls).Solution.Cost;
            Expected.Near(answer.CostGradient[0], (CostAt(0.2 + step) - CostAt(0.2 - step)) / (2 * step), 1e-6, "by differences");
        }),

        Runner.TestCase("no strict minimum is an outcome", () =>
        {
            // nothing depends on the control
            var idle = new ParametricProblem(1, 1, 1, (p, x, u) => [p[0] * x[0]], p => Cost.Create((x, u) => x[0] * x[0], x => 0), 3);
            var solver = new SensitivitySolver(idle);
            Expected.True(!solver.TrySolve([0.5], [1], null, out var none, out var status) && none is null, $"{status}");
            Expected.Throws<NoSolutionException>(() => solver.Solve([0.5], [1]), "exception");
            Expected.Throws<OperationCanceledException>(() => new SensitivitySolver(Problem).Solve(Theta, Start, cancellation: new(true)), "cancelled");
        }),

        Runner.TestCase("free time: from rest to rest over a metre with 1 N in 2 s", () =>
        {
            RealVector Slider(RealVector x, RealVector u) => [x[1], u[0]];
            var problem = FreeTimeProblem.Create(
                2, 1, (h, x, u) => Integrator.RungeKutta4(h, Slider)(x, u), (h, x, u) => h * (1 + 0.5 * 1e-4 * (u[0] * u[0])), (h, x) => 0, 40, [0, 0],
                0.01, 0.2, ([-1], [1])).WithConstraints(Constraint.TerminalEquality("there", x => [x[0] - 1, x[1]]));
            var guess = new double[40, 1];
            for (var t = 0; t < 40; t++) guess[t, 0] = 0.1;
            var solution = Constrained.Solve(problem.Problem, problem.Controls(guess, 0.1));
            Expected.True(solution.IsConverged && solution.Feasibility < 1e-8, $"{solution}");
            Expected.Near(40 * problem.StepTime(solution.Solution), 2, 2e-3, "time");
        }),
    ]);
}
