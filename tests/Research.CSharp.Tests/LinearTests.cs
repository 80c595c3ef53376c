using Expecto;
using Expecto.CSharp;
using Research.ModelBased;
using Control = Research.Control;

namespace FacadeTests;

/// <summary>Regulators of linear systems.</summary>
public static class LinearTests
{
    private static readonly double[,] A = { { 1, 0.1 }, { 0, 1 } }, B = { { 0.005 }, { 0.1 } }, Q = { { 1, 0 }, { 0, 0.1 } }, R = { { 0.5 } };

    [Tests]
    public static Test All { get; } = Runner.TestList("Linear",
    [
        Runner.TestCase("finite horizon", () =>
        {
            var step = new LqrStep(A, B, Q, R) { C = [0.01, 0], N = new[,] { { 0.1 }, { 0 } }, RLinear = [0.2] };
            var problem = LqrProblem.Repeat(30, step, Q) with { TerminalLinear = [1, 0] };
            var solution = Lqr.Solve(problem);
            var engineStep = new Control.LqrStep(A, B, [0.01, 0], Q, R, new[,] { { 0.1 }, { 0 } }, [0, 0], [0.2]);
            var engineProblem = new Control.LqrProblem([.. Enumerable.Repeat(engineStep, 30)], Q, [1, 0]);
            var engine = Control.Lqr.solve(engineProblem).ResultValue;
            Expected.SameBits(solution.K, engine.K, "gains");
            Expected.SameBits(solution.Feedforward, engine.Feedforward, "feed-forward");
            Expected.SameBits(solution.Values.Select(v => v.P).ToArray(), engine.Values.Select(v => v.P).ToArray(), "values");

            // what the value function promises is what the trajectory costs
            var (trajectory, cost) = solution.Rollout(1, -1);
            Expected.Near(solution.Values[0].Evaluate(1, -1), cost, 1e-12, "cost");
            Expected.Equal(trajectory.Steps, 30, "steps");
            var noise = Enumerable.Repeat(new double[,] { { 0.01, 0 }, { 0, 0.01 } }, 30).ToArray();
            Expected.True(solution.ExpectedCost([1, -1], new double[2, 2], noise) > cost, "noise costs");
        }),

        Runner.TestCase("infinite horizon", () =>
        {
            var solution = Dare.Solve(A, B, Q, R);
            var engine = Control.Dare.solve(A, B, Q, R).ResultValue;
            Expected.SameBits(solution.P, engine.P, "P");
            Expected.SameBits(solution.K, engine.K, "K");
            Expected.True(solution.SpectralRadius < 1 && solution.Residual < 1e-12, $"{solution}");
            // the gain of a long horizon, with the other sign
            var first = Lqr.Solve(LqrProblem.Repeat(400, new(A, B, Q, R), Q)).K[0];
            for (var j = 0; j < 2; j++) Expected.Near(first[0, j], -solution.K[0, j], 1e-9, "gain");
        }),

        Runner.TestCase("a linear model of a system goes straight into the equation", () =>
        {
            var dynamics = Dynamics.Continuous(4, 1, Models.TimeStep, Models.CartPole);
            var (a, b) = dynamics.Linearise(Models.Upright, [0]);
            var k = Dare.Solve(a, b, RowsOf(4, 1), RowsOf(1, 0.1)).K;
            var policy = Policy.Create(4, 1, (_, x) =>
                [-Enumerable.Range(0, 4).Sum(j => k[0, j] * (x[j] - Models.Upright[j]))]);
            var end = dynamics.Simulate(policy, 500, [1.1, Math.PI + 0.1, 0, 0]).State(500);
            for (var i = 0; i < 4; i++) Expected.Near(end[i], Models.Upright[i], 1e-3, $"state {i}");
        }),

        Runner.TestCase("failures that can be expected", () =>
        {
            Expected.True(!Dare.TrySolve(new double[,] { { 2 } }, new double[,] { { 0 } }, R, R, out var none, out var fault), "uncontrollable");
            Expected.Equal((none, fault), (null, DareFault.NotStabilisable), "fault");
            Dare.TrySolve(A, B, Q, new double[,] { { -1 } }, out _, out fault);
            Expected.Equal(fault, DareFault.RNotPositiveDefinite, "fault");
            Dare.TrySolve(new double[,] { { 2 } }, new double[,] { { 1 } }, new double[,] { { 0 } }, R, out _, out fault);
            Expected.Throws<NoSolutionException>(() => Dare.Solve(A, B, Q, new double[,] { { -1 } }), "exception");

            var concave = LqrProblem.Repeat(3, new(A, B, Q, new double[,] { { -5 } }), Q);
            Expected.True(!Lqr.TrySolve(concave, out _, out var step) && step == 2, $"step {step}");
            Expected.Throws<NoSolutionException>(() => Lqr.Solve(concave), "exception");
        }),
    ]);

    private static double[,] RowsOf(int n, double value)
    {
        var matrix = new double[n, n];
        for (var i = 0; i < n; i++) matrix[i, i] = value;
        return matrix;
    }
}
