using Expecto;
using Expecto.CSharp;
using Research.ModelBased;
using Engine = Research.Models.GaussianProcessModule;
using Learned = Research.Models;

namespace FacadeTests;

/// <summary>Gaussian processes: their fits, predictions and moments, and control on their means.</summary>
public static class GaussianProcessTests
{
    private const double Noise = 1e-3;

    /// <summary>Samples [x u] and x' − x of the slider of <see cref="Models"/>, with noise.</summary>
    private static readonly (double[,] Inputs, double[,] Targets) Data = Samples(40);

    private static readonly Learned.GaussianProcess Expect = Engine.fit(Engine.defaults, Data.Inputs, Data.Targets).ResultValue;
    private static readonly GaussianProcess Process = GaussianProcess.Fit(Data.Inputs, Data.Targets);
    private static readonly double[] Point = [0.3, -0.2, 0.5];
    private static readonly Estimate Belief = new(Point, new[,] { { 0.04, 0.01, 0 }, { 0.01, 0.09, 0 }, { 0, 0, 0.01 } });

    private static (double[,] Inputs, double[,] Targets) Samples(int count)
    {
        var random = new RandomSource(5);
        var (inputs, targets) = (new double[count, 3], new double[count, 2]);
        for (var i = 0; i < count; i++)
        {
            for (var j = 0; j < 3; j++) inputs[i, j] = random.Uniform(-1.5, 1.5);
            targets[i, 0] = 0.1 * inputs[i, 1] + Noise * random.Normal();
            targets[i, 1] = 0.1 * inputs[i, 2] + Noise * random.Normal();
        }

        return (inputs, targets);
    }

    private static void Same(GaussianProcess process, Learned.GaussianProcess engine)
    {
        Expected.Equal((process.Count, process.InputSize, process.OutputSize), (engine.Count, engine.InputSize, engine.OutputSize), "sizes");
        foreach (var (hyper, expected) in process.Hyperparameters.Zip(engine.Hyperparameters))
        {
            Expected.SameBits(hyper.Lengthscales, expected.Lengthscales, "lengthscales");
            Expected.SameBits(new[] { hyper.Signal, hyper.Noise }, new[] { expected.Signal, expected.Noise }, "signal and noise");
        }

        double[,] inputs = { { 0.3, -0.2, 0.5 }, { 3, 3, 3 } };
        var (predictions, predicted) = (process.Predict(inputs), Engine.predict(engine, inputs));
        Expected.SameBits(predictions.Select(p => p.Mean).ToArray(), predicted.Select(p => p.Mean).ToArray(), "mean");
        Expected.SameBits(predictions.Select(p => p.Epistemic).ToArray(), predicted.Select(p => p.Epistemic).ToArray(), "epistemic");
        Expected.SameBits(predictions.Select(p => p.Aleatoric).ToArray(), predicted.Select(p => p.Aleatoric).ToArray(), "aleatoric");
        Expected.SameBits(process.Jitter, engine.Jitter, "jitter");
        Same(process.Moments(Belief), Engine.moments(engine));
    }

    private static void Same(OutputMoments actual, Learned.MomentMap map)
    {
        var expected = Learned.MomentMapModule.apply(map, new(Belief.Mean, Belief.Covariance));
        Expected.SameBits(actual.Mean, expected.Mean, "mean at a belief");
        Expected.SameBits(actual.Covariance, expected.Covariance, "covariance");
        Expected.SameBits(actual.Cross, expected.Cross, "cross");
    }

    private static ControlProblem Problem(Dynamics dynamics) => new(dynamics, Models.Slider.Cost, 20, [1, 0]);

    [Tests]
    public static Test All { get; } = Runner.TestList("Gaussian processes",
    [
        Runner.TestCase("a fit is that of F#", () => Same(Process, Expect)),

        Runner.TestCase("options and a start are those of F#", () =>
        {
            var options = new GaussianProcessOptions { Restarts = 1, MaxIterations = 20, Seed = 3, Curb = new() { SignalToNoise = 200 } };
            var curb = new Learned.Curb(Engine.defaults.Curb.LengthscaleRatio, 200, Engine.defaults.Curb.Power);
            var expected = Engine.fitFrom(new(1, 20, curb, 3, default), Expect.Hyperparameters, Data.Inputs, Data.Targets).ResultValue;
            Same(GaussianProcess.Fit(Data.Inputs, Data.Targets, options, Process.Hyperparameters), expected);
        }),

        Runner.TestCase("conditioned, and grown by one", () =>
        {
            Same(GaussianProcess.Condition(Process.Hyperparameters, Data.Inputs, Data.Targets), Expect);
            Same(Process.Append([0.5, 0.5, 0.5], [0.05, 0.05]), Engine.append([0.5, 0.5, 0.5], [0.05, 0.05], Expect).ResultValue);
            Expected.Equal(Process.Count, 40, "the process itself stays as it was");
        }),

        Runner.TestCase("without data it is the prior", () =>
        {
            var prior = GaussianProcess.Condition([new([1, 2], 3, 0.5)], new double[0, 2], new double[0, 1]).Predict(0, 0);
            Expected.SameBits(new[] { prior.Mean[0], prior.Epistemic[0], prior.Aleatoric[0] }, new[] { 0, 9, 0.25 }, "mean and variances");
        }),

        Runner.TestCase("it knows what it was told, and how far it is from it", () =>
        {
            var (near, far) = (Process.Predict(Point), Process.Predict(50, 50, 50));
            // three standard deviations of the noise
            Expected.Near(near.Mean[0], 0.1 * Point[1], 3 * Noise, "position");
            Expected.Near(near.Mean[1], 0.1 * Point[2], 3 * Noise, "velocity");
            Expected.True(near.Epistemic[0] < 1e-4 * far.Epistemic[0], $"{near.Epistemic[0]} near the data, {far.Epistemic[0]} far from them");
            Expected.SameBits(
                Process.LogLikelihood()[0],
                -Learned.Likelihood.negativeLog(Data.Inputs, [.. Enumerable.Range(0, 40).Select(i => Data.Targets[i, 0])],
                    Learned.Likelihood.pack(Expect.Hyperparameters[0])).Item1,
                "likelihood");
        }),

        Runner.TestCase("a process keeps its own copies", () =>
        {
            var (inputs, targets) = Samples(5);
            var process = GaussianProcess.Condition(Process.Hyperparameters, inputs, targets);
            var before = process.Predict(Point);
            inputs[0, 0] = targets[0, 0] = 9;
            Expected.SameBits(process.Predict(Point).Mean, before.Mean, "mean");
            Expected.True(process.Inputs[0, 0] < 9 && process.Targets[0, 0] < 9, "data");
        }),

        Runner.TestCase("iLQR on the mean is that of F#, and near that on the system", () =>
        {
            var solution = Ilqr.Solve(Problem(Process.Dynamics));
            var expected = Research.Control.Ilqr.solve(
                Research.Control.Ilqr.defaults,
                Research.Control.ProblemModule.create(Engine.dynamics(Expect), Models.SliderOfEngine.Cost, 20, [1, 0]), new double[20, 1]);
            Expected.True(solution.IsConverged, $"{solution}");
            Expected.SameBits(solution.Controls, expected.U, "controls");
            Expected.SameBits(solution.Cost, expected.Cost, "cost");
            var known = Ilqr.Solve(Models.Slider);
            Expected.Near(solution.Cost, known.Cost, 0.02 * known.Cost, "cost, as on the system itself");
        }),

        Runner.TestCase("model-predictive control on the mean", () =>
        {
            var controller = new MpcController(Problem(Process.Dynamics));
            var closed = ClosedLoop.Run(controller, Models.Slider.Dynamics, every: 1, steps: 60, [1, 0]);
            Expected.True(Math.Abs(closed.Trajectory.State(60)[0]) < 0.05, $"ends at {closed.Trajectory.State(60)[0]}");
        }),

        Runner.TestCase("many data speak through inducing inputs", () =>
        {
            var start = new double[10, 3];
            Array.Copy(Data.Inputs, start, start.Length);
            var inducing = SparseGaussianProcess.OptimiseInducing(Process, start, 20);
            var (expected, _) = Learned.SparseGaussianProcess.optimise(default, 20, Expect.Hyperparameters, Data.Inputs, Data.Targets, start);
            Expected.SameBits(inducing, expected, "inducing inputs");
            var sparse = SparseGaussianProcess.Create(Process, inducing);
            var bumps = Learned.SparseGaussianProcess.bumps(Expect.Hyperparameters, Data.Inputs, Data.Targets, [expected, expected]).ResultValue;
            Same(sparse.Moments(Belief), Learned.MomentMatching.ofBumps(bumps));
            Expected.True(
                sparse.LogLikelihood().Sum() > SparseGaussianProcess.Create(Process, start).LogLikelihood().Sum(), "the search makes the data likelier");
        }),

        Runner.TestCase("progress hears every output, on a thread of the pool", async () =>
        {
            var heard = new List<OutputTraining>();
            var process = await GaussianProcess.FitAsync(Data.Inputs, Data.Targets, progress: new AsyncTests.Listener<OutputTraining>(heard.Add));
            Same(process, Expect);
            Expected.Equal(string.Join(" ", heard.Select(h => h.Output)), "0 1", "outputs");
            Expected.SameBits(heard[1].Hyperparameters.Lengthscales, Expect.Hyperparameters[1].Lengthscales, "lengthscales");
        }),

        Runner.TestCase("cancellation leaves no process", async () =>
        {
            using var source = new CancellationTokenSource();
            var heard = 0;
            var stop = new AsyncTests.Listener<OutputTraining>(_ =>
            {
                heard++;
                source.Cancel();
            });
            try
            {
                await GaussianProcess.FitAsync(Data.Inputs, Data.Targets, progress: stop, cancellation: source.Token);
            }
            catch (OperationCanceledException)
            {
                Expected.Equal(heard, 1, "outputs");
                return;
            }

            throw new AssertException("the task was not cancelled");
        }),

        Runner.TestCase("faults are values", () =>
        {
            // whose square is beyond the numbers
            Hyperparameters good = new([1, 1, 1], 1, 0.1), huge = new([1, 1, 1], 1e200, 0.1);
            Expected.True(!GaussianProcess.TryCondition([good, huge], Data.Inputs, Data.Targets, out _, out var output), "singular");
            Expected.Equal(output, 1, "output");
            var failure = Expected.Throws<NoSolutionException>(
                () => GaussianProcess.Condition([huge, good], Data.Inputs, Data.Targets), "singular");
            Expected.True(failure.Message.Contains("output 0"), failure.Message);
        }),

        Runner.TestCase("a point told twice without noise needs jitter, which is on record", () =>
        {
            var process = GaussianProcess.Condition([new([1], 1, 0)], new double[,] { { 0 }, { 0 }, { 1 } }, new double[,] { { 1 }, { 1 }, { 2 } });
            Expected.True(process.Jitter[0] is > 0 and <= 1e-10, $"jitter {process.Jitter[0]}");
            Expected.Near(process.Predict(0).Mean[0], 1, 1e-6, "mean");
            Expected.True(process.TryAppend([1], [2], out var more, out _) && more.Count == 4, "one more");
        }),

        Runner.TestCase("arguments are named", () =>
        {
            double[,] one = { { 1 } }, two = { { 1 }, { 2 } };
            (string Name, string Word, Action Call)[] calls =
            [
                ("inputs", "null", () => GaussianProcess.Fit(null!, one)),
                ("targets", "must be 2×1", () => GaussianProcess.Fit(two, one)),
                ("targets", "must be 2×1", () => GaussianProcess.FitAsync(two, one)),
                ("inputs", "not finite", () => GaussianProcess.Fit(new[,] { { double.NaN } }, one)),
                ("inputs", "one number", () => GaussianProcess.Fit(new double[1, 0], one)),
                ("targets", "one output", () => GaussianProcess.Fit(one, new double[1, 0])),
                ("options", "Restarts", () => GaussianProcess.Fit(one, one, new() { Restarts = -1 })),
                ("options", "Curb", () => GaussianProcess.Fit(one, one, new() { Curb = new() { Power = 0 } })),
                ("start", "2 numbers", () => GaussianProcess.Fit(one, one, start: [new([1], 1, 1), new([1], 1, 1)])),
                ("hyperparameters", "lengthscales of output 0", () => GaussianProcess.Condition([new([1, 1], 1, 1)], one, one)),
                ("hyperparameters", "positive", () => GaussianProcess.Condition([new([0], 1, 1)], one, one)),
                ("input", "2 numbers", () => Process.Predict(1, 2)),
                ("inputs", "must be 1×3", () => Process.Predict(one)),
                ("input", "3 are needed", () => Process.Append([1], [1, 1])),
                ("targets", "2 are needed", () => Process.Append([1, 1, 1], [1])),
                ("input", "must be 3×3", () => Process.Moments(Belief with { Covariance = one })),
                ("inducing", "must be 1×3", () => SparseGaussianProcess.Create(Process, one)),
                ("start", "must be 1×3", () => SparseGaussianProcess.OptimiseInducing(Process, one)),
            ];
            foreach (var (name, word, call) in calls)
            {
                var failure = Expected.Throws<ArgumentException>(call, $"{name} with '{word}'");
                Expected.Equal(failure.ParamName, name, $"argument of '{failure.Message}'");
                Expected.True(failure.Message.Contains(word), $"'{failure.Message}' must say '{word}'");
            }

            Expected.Throws<InvalidOperationException>(() => _ = GaussianProcess.Fit(two, two).Dynamics, "no control");
        }),
    ]);
}
