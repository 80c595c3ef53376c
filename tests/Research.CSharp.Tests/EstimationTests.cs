using Expecto;
using Expecto.CSharp;
using Microsoft.FSharp.Core;
using Research.ModelBased;
using Control = Research.Control;
using Graph = Research.Real;

namespace FacadeTests;

/// <summary>Filters, the smoother and controllers that see through noise.</summary>
public static class EstimationTests
{
    private static readonly double[,] A = { { 1, 0.1 }, { 0, 0.95 } }, B = { { 0 }, { 0.1 } }, C = { { 1, 0 } }, W = { { 1e-4, 0 }, { 0, 1e-3 } },
        V = { { 0.01 } };

    private static readonly LinearModel Model = new(A, B, C, W, V);
    private static readonly Control.LinearModel EngineModel = new(A, B, C, W, V);
    private static readonly Estimate Prior = new([0, 0], new double[,] { { 1, 0 }, { 0, 1 } });
    private static readonly Control.Estimate EnginePrior = new(Prior.Mean, Prior.Covariance);

    private static readonly NoisySystem System = new(
        Dynamics.Discrete(2, 1, (x, u) => [x[0] + 0.1 * x[1], 0.95 * x[1] + 0.1 * u[0]]), x => [x[0]], W, V);

    private static readonly Control.NoisySystem EngineSystem = Control.NoisySystemModule.create(
        Research.DynamicsModule.ofTraced(2, 1, FuncConvert.FromFunc<Graph[], Graph[], Graph[]>((x, u) => [x[0] + 0.1 * x[1], 0.95 * x[1] + 0.1 * u[0]])),
        FuncConvert.FromFunc<Graph[], Graph[]>(x => [x[0]]), W, V);

    private static (double[,] Controls, double[,] Measurements) Data()
    {
        var controls = new double[40, 1];
        for (var t = 0; t < 40; t++) controls[t, 0] = Math.Sin(0.2 * t);
        return (controls, System.Simulate(new(7), [0.5, -0.5], controls).Measurements);
    }

    private static void Same(StateEstimator estimator, Control.StateEstimator engine)
    {
        var (controls, measurements) = Data();
        measurements[5, 0] = double.NaN;
        var steps = estimator.Run(controls, measurements);
        var expected = Control.StateEstimatorModule.run(engine, controls, measurements);
        Expected.SameBits(steps.Select(s => s.Filtered.Mean).ToArray(), expected.Select(s => s.Filtered.Mean).ToArray(), "means");
        Expected.SameBits(steps.Select(s => s.Filtered.Covariance).ToArray(), expected.Select(s => s.Filtered.Covariance).ToArray(), "covariances");
        Expected.SameBits(steps.LogLikelihood(), Control.StateEstimatorModule.logLikelihood(expected), "likelihood");
        Expected.Equal(steps[5].Innovation.Count, 0, "nothing measured");
        Expected.SameBits(estimator.Mean.ToArray(), estimator.Estimate.Mean, "the mean is that of the estimate");
        var (smoothed, smooth) = (steps.Smooth(), Control.RauchTungStriebel.smooth(expected));
        Expected.SameBits(smoothed.Select(s => s.Estimate.Mean).ToArray(), smooth.Select(s => s.Estimate.Mean).ToArray(), "smoothed");
        Expected.SameBits(smoothed.Select(s => s.LagOne).ToArray(), smooth.Select(s => s.LagOne).ToArray(), "neighbours");
    }

    [Tests]
    public static Test All { get; } = Runner.TestList("Estimation",
    [
        Runner.TestCase("data are those of F#", () =>
        {
            var (controls, measurements) = Data();
            var (_, expected) = Control.NoisySystemModule.simulate(Research.Rng.OfSeed(7), EngineSystem, [0.5, -0.5], controls);
            Expected.SameBits(measurements, expected, "measurements");
        }),

        Runner.TestCase("Kalman filter", () => Same(StateEstimator.Kalman(Model, Prior), Control.Kalman.create(EngineModel, EnginePrior))),
        Runner.TestCase("extended", () => Same(StateEstimator.ExtendedKalman(System, Prior), Control.ExtendedKalman.create(EngineSystem, EnginePrior))),
        Runner.TestCase("unscented", () => Same(
            StateEstimator.UnscentedKalman(System, Prior),
            Control.UnscentedKalman.create(Control.UnscentedKalman.defaults, EngineSystem, EnginePrior))),
        Runner.TestCase("moving horizon", () => Same(
            StateEstimator.MovingHorizon(System, Prior), Control.MovingHorizon.create(Control.MovingHorizon.defaults, EngineSystem, EnginePrior))),

        Runner.TestCase("moving horizon keeps to bounds that the filter leaves", () =>
        {
            var estimator = StateEstimator.MovingHorizon(System, Prior, new() { Window = 5, StateBounds = ([0, -9], [9, 9]) });
            estimator.Update(-1);
            Expected.True(estimator.Mean[0] >= 0 && estimator.Status.IsConverged(), $"{estimator.Mean[0]}, {estimator.Status}");
            Expected.Equal(estimator.Window.GetLength(0), 1, "the window begins with one time");
            var filter = StateEstimator.ExtendedKalman(System, Prior);
            filter.Update(-1);
            filter.Predict(0.5);
            Expected.True(filter.Mean[0] < 0, $"{filter.Mean[0]}");
        }),

        Runner.TestCase("a Kalman filter of a model that varies", () =>
        {
            var filter = StateEstimator.Kalman(Model, Prior);
            var engine = Control.Kalman.create(EngineModel, EnginePrior);
            double[,] other = { { 1, 0.2 }, { 0, 0.9 } };
            filter.Model = filter.Model with { A = other };
            engine.Model = new(other, B, C, W, V);
            filter.Predict(1);
            engine.Predict([1]);
            Expected.SameBits(filter.Estimate.Covariance, engine.Estimate.Covariance, "covariance");
            Expected.Equal(Expected.Throws<ArgumentException>(() => filter.Model = Model with { C = A, V = W }, "sizes").ParamName, "value", "argument");
        }),

        Runner.TestCase("LQG", () =>
        {
            double[,] q = { { 1, 0 }, { 0, 0.1 } }, r = { { 0.1 } };
            var design = Lqg.Design(Model, q, r);
            var engine = Control.Lqg.design(EngineModel, q, r).ResultValue;
            Expected.SameBits(new[] { design.Ac, design.Bc, design.Cc, design.Dc }, new[] { engine.Ac, engine.Bc, engine.Cc, engine.Dc }, "controller");
            Expected.SameBits(design.ExpectedCost, engine.ExpectedCost, "cost");
            Expected.SameBits(Kalman.Steady(Model).Gain, design.Filter.Gain, "filter");
            var controller = new LqgController(design);
            Expected.SameBits(controller.Act(1)[0], design.Dc[0, 0], "from the state 0");
            Expected.SameBits(controller.Predicted[0], design.Bc[0, 0], "its next");
            var blind = Model with { C = new double[,] { { 0, 0 } } };
            Expected.True(!Lqg.TryDesign(blind, q, r, null, out _, out var regulator, out var filter), "nothing measured");
            Expected.Equal((regulator, filter), (DareFault.None, KalmanFault.NotDetectable), "fault");
        }),

        Runner.TestCase("continuous time", () =>
        {
            double[,] a = { { 0, 1 }, { 0, 0 } }, b = { { 0 }, { 1 } }, q = { { 1, 0 }, { 0, 0 } }, r = { { 1 } };
            // the double integrator: K = [1, √2]
            var k = Care.Solve(a, b, q, r).K;
            Expected.Near(k[0, 0], 1, 1e-12, "position");
            Expected.Near(k[0, 1], Math.Sqrt(2), 1e-12, "velocity");
            var (discreteA, discreteB) = ZeroOrderHold.Model(0.1, a, b);
            Expected.Near(discreteA[0, 1], 0.1, 1e-15, "A");
            Expected.Near(discreteB[0, 0], 0.005, 1e-15, "B");
            Expected.Near(ZeroOrderHold.Noise(0.1, a, new double[,] { { 0, 0 }, { 0, 1 } })[0, 0], 0.001 / 3, 1e-15, "noise");
            var step = ZeroOrderHold.Step(0.001, new(a, b, q, r));
            var near = Dare.Solve(step.A, step.B, step.Q, step.R, step.N).K;
            Expected.Near(near[0, 1], Math.Sqrt(2), 2e-3, "short steps");
        }),

        Runner.TestCase("arguments are named", () =>
        {
            (string Name, Action Call)[] calls =
            [
                ("model", () => StateEstimator.Kalman(Model with { W = V }, Prior)),
                ("prior", () => StateEstimator.Kalman(Model, new([0], V))),
                ("prior", () => StateEstimator.ExtendedKalman(System, null!)),
                ("w", () => _ = new NoisySystem(System.Dynamics, x => [x[0]], V, V)),
                ("measurement", () => StateEstimator.Kalman(Model, Prior).Update(1, 2)),
                ("control", () => StateEstimator.Kalman(Model, Prior).Predict()),
                ("measurements", () => StateEstimator.Kalman(Model, Prior).Run(new double[3, 1], new double[3, 1])),
                ("options", () => StateEstimator.MovingHorizon(System, Prior, new() { Window = 0 })),
                ("q", () => Lqg.Design(Model, V, V)),
                ("h", () => ZeroOrderHold.Model(0, A, B)),
            ];
            foreach (var (name, call) in calls) Expected.Equal(Expected.Throws<ArgumentException>(call, name).ParamName, name, "argument");
        }),
    ]);
}
