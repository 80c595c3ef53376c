using Expecto;
using Expecto.CSharp;
using Microsoft.FSharp.Core;
using Research.ModelBased;
using Control = Research.Control;

namespace FacadeTests;

/// <summary>Model-predictive control.</summary>
public static class MpcTests
{
    private static double[] Push(int t, double[] x) => t == 20 ? [x[0], x[1], x[2] + 0.5, x[3] - 1] : x;

    [Tests]
    public static Test All { get; } = Runner.TestList("Mpc",
    [
        Runner.TestCase("a closed loop with a push is that of F#, and ends upright", () =>
        {
            var problem = Models.CartPoleProblem.WithLimits([-20], [20]);
            var loop = ClosedLoop.Run(new(problem), problem.Dynamics, every: 2, steps: 200, [0, 0, 0, 0], disturb: Push);
            var engineProblem = Control.ProblemModule.withLimits([-20], [20], Research.Environments.CartPole.environment.Problem);
            var expected = Control.ClosedLoopModule.run(
                Control.Mpc.create(Control.Mpc.defaults, engineProblem), engineProblem.Dynamics, FuncConvert.FromFunc<int, double[], double[]>(Push), 2,
                200, [0, 0, 0, 0], new double[100, 1], default);
            Expected.SameBits(loop.Trajectory.States, expected.X, "states");
            Expected.SameBits(loop.Trajectory.Controls, expected.U, "controls");
            Expected.SameBits(loop.Replans.Select(r => r.Cost).ToArray(), expected.Replans.Select(r => r.Cost).ToArray(), "costs");
            Expected.Near(loop.Trajectory.State(200)[1], Math.PI, 0.1, "upright");
        }),

        Runner.TestCase("by hand: start, replan, act", () =>
        {
            var controller = new MpcController(Models.Slider, new() { Iterations = 2 });
            var plan = controller.Start([1, 0]);
            Expected.True(plan.IsConverged, $"{plan}");
            double[] x = [1, 0];
            for (var t = 0; t < 60; t++)
            {
                var replan = controller.Replan(x, t == 0 ? 0 : 1);
                Expected.True(!replan.IsLost && replan.Iterations >= 1, $"{replan}");
                var u = controller.Act(0, x);
                x = Models.Slider.Dynamics.Next(x, u);
            }

            Expected.Near(x[0], 0, 1e-2, "position");
            Expected.Equal(controller.Plan.Controls.GetLength(0), 20, "the plan is as long as the horizon");
        }),

        Runner.TestCase("in two halves, with moving signals and without allocating", () =>
        {
            var cost = Cost.WithSignals(1, (s, x, u) => Real.Square(x[0] - s[0]) + 0.01 * u[0] * u[0], (s, x) => Real.Square(x[0] - s[0]));
            var controller = new MpcController(new(Models.Slider.Dynamics, cost, 20, [0, 0]));
            controller.Start([0, 0]);
            var signals = new double[21, 1];
            for (var t = 0; t <= 20; t++) signals[t, 0] = 0.7;
            controller.Signals = signals;
            double[] x = [0, 0], u = [0];
            for (var t = 0; t < 80; t++)
            {
                controller.Prepare(t == 0 ? 0 : 1);
                controller.Follow(x);
                controller.Act(0, x, u);
                x = Models.Slider.Dynamics.Next(x, u);
            }

            Expected.Near(x[0], 0.7, 1e-2, "follows the signal");
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++)
            {
                controller.Replan(x, 0);
                controller.Act(0, x, u);
            }

            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Expected.True(allocated < 1000, $"{allocated} bytes in 100 replans");
        }),

        Runner.TestCase("a deadline cuts iterations off", () =>
        {
            var controller = new MpcController(
                Models.CartPoleProblem, new() { Iterations = 50, Deadline = TimeSpan.Zero, Solver = new() { CostTolerance = 0, GradientTolerance = 0 } });
            controller.Start([0, 0, 0, 0]);
            var replan = controller.Replan([0.1, 0.1, 0, 0], 0);
            Expected.True(replan.IsLate && replan.Iterations == 1, $"{replan}");
        }),

        Runner.TestCase("far from the plan the control is at its limit; from a state that is not finite, the plan's own", () =>
        {
            var controller = new MpcController(Models.Slider.WithLimits([-1], [1.5]));
            controller.Start([0.1, 0]);
            Expected.Equal(controller.Act(0, [1e3, 0])[0], -1, "far ahead");
            Expected.Equal(controller.Act(0, [-1e3, 0])[0], 1.5, "far behind");
            var planned = controller.Plan.Controls[3, 0];
            foreach (var poison in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity })
            {
                Expected.True(controller.Replan([poison, 0], 0).IsLost, "lost");
                Expected.Equal(controller.Act(3, [poison, 0])[0], planned, $"{poison}");
                Expected.Equal(controller.Act(3, [0, poison])[0], planned, $"{poison}");
            }

            Expected.True(!controller.Replan([0.1, 0], 1).IsLost, "found");
        }),

        Runner.TestCase("a controller without a plan says what to call", () =>
        {
            var controller = new MpcController(Models.Slider);
            foreach (var call in new Action[]
                     {
                         () => controller.Replan([0, 0], 1), () => controller.Act(0, [0, 0]), () => controller.Prepare(1),
                         () => controller.Follow([0, 0]), () => _ = controller.Plan,
                     })
                Expected.True(Expected.Throws<InvalidOperationException>(call, "no plan").Message.Contains("Start"), "says what to call");
        }),
    ]);
}
