using System.Diagnostics.CodeAnalysis;
using Microsoft.FSharp.Core;
using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>How the training of one output ended.</summary>
/// <param name="Output">0, 1, …</param>
/// <param name="Hyperparameters">The best that were found.</param>
/// <param name="Value">−ln p(y | X) and the penalty of the curb.</param>
public sealed record OutputTraining(int Output, Hyperparameters Hyperparameters, double Value);

/// <summary>
/// A Gaussian process for every output, conditioned on data, with mean zero before any. It does not change: more data make another. Its arrays
/// are its own: copy one before you change it.
/// </summary>
/// <remarks>Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006).</remarks>
public sealed class GaussianProcess
{
    private readonly Lazy<Models.MomentMap> _moments;
    private readonly Lazy<Dynamics> _dynamics;

    private GaussianProcess(Models.GaussianProcess engine)
    {
        Engine = engine;
        Hyperparameters = Array.ConvertAll(engine.Hyperparameters, hyper => new Hyperparameters(hyper));
        _moments = new(() => Models.GaussianProcessModule.moments(engine));
        _dynamics = new(() => new(Models.GaussianProcessModule.dynamics(engine)));
    }

    internal Models.GaussianProcess Engine { get; }

    /// <summary>Finds the hyperparameters of greatest marginal likelihood under the curb for every output, and conditions on the data.</summary>
    /// <param name="inputs">[n, d]</param>
    /// <param name="targets">[n, e]</param>
    /// <param name="options">The defaults where null.</param>
    /// <param name="start">Where the search begins, one an output, such as those of an earlier fit; the scales of the data where null.</param>
    /// <param name="progress">Sees every output as it ends.</param>
    /// <param name="cancellation">Stops after the output that is trained.</param>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    /// <exception cref="NoSolutionException">The covariance of the data has no Cholesky factor with any jitter that is tried.</exception>
    /// <exception cref="OperationCanceledException">Cancelled: there is no half-trained process.</exception>
    public static GaussianProcess Fit(
        double[,] inputs, double[,] targets, GaussianProcessOptions? options = null, IReadOnlyList<Hyperparameters>? start = null,
        IProgress<OutputTraining>? progress = null, CancellationToken cancellation = default) =>
        TryFit(inputs, targets, options, start, out var process, out var singular, progress, cancellation) ? process : throw Singular(singular);

    /// <summary><see cref="Fit"/> on a thread of the pool.</summary>
    /// <inheritdoc cref="Fit"/>
    public static Task<GaussianProcess> FitAsync(
        double[,] inputs, double[,] targets, GaussianProcessOptions? options = null, IReadOnlyList<Hyperparameters>? start = null,
        IProgress<OutputTraining>? progress = null, CancellationToken cancellation = default)
    {
        CheckData(inputs, targets);
        options?.ToEngine(nameof(options));
        CheckStart(start, inputs, targets);
        return Task.Run(() => Fit(inputs, targets, options, start, progress, cancellation), cancellation);
    }

    /// <summary>The process with the hyperparameters of greatest marginal likelihood, if its covariance has a Cholesky factor.</summary>
    /// <param name="inputs">[n, d]</param>
    /// <param name="targets">[n, e]</param>
    /// <param name="options">The defaults where null.</param>
    /// <param name="start">Where the search begins, one an output, such as those of an earlier fit; the scales of the data where null.</param>
    /// <param name="process">The process, or null.</param>
    /// <param name="singularOutput">The output whose covariance has no factor, or null.</param>
    /// <param name="progress">Sees every output as it ends.</param>
    /// <param name="cancellation">Stops after the output that is trained.</param>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    /// <exception cref="OperationCanceledException">Cancelled: there is no half-trained process.</exception>
    public static bool TryFit(
        double[,] inputs, double[,] targets, GaussianProcessOptions? options, IReadOnlyList<Hyperparameters>? start,
        [NotNullWhen(true)] out GaussianProcess? process, [NotNullWhen(false)] out int? singularOutput, IProgress<OutputTraining>? progress = null,
        CancellationToken cancellation = default)
    {
        CheckData(inputs, targets);
        var training = (options ?? new()).ToEngine(nameof(options), cancellation);
        var found = CheckStart(start, inputs, targets) ?? new Models.Hyperparameters[targets.GetLength(1)];
        for (var a = 0; a < found.Length; a++)
        {
            cancellation.ThrowIfCancellationRequested();
            var column = Column(targets, a);
            if (start is null) found[a] = Models.GaussianProcessModule.initial(inputs, column);
            if (column.Length == 0) continue;
            (found[a], var value) = Models.GaussianProcessModule.train(training, inputs, column, found[a]);
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(new(a, new(found[a]), value));
        }

        return TryWrap(Models.GaussianProcessModule.condition(found, Copy(inputs), Copy(targets)), nameof(inputs), out process, out singularOutput);
    }

    /// <summary>The posterior with given hyperparameters; without data it is the prior.</summary>
    /// <param name="hyperparameters">One an output.</param>
    /// <param name="inputs">[n, d]</param>
    /// <param name="targets">[n, e]</param>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    /// <exception cref="NoSolutionException">The covariance of the data has no Cholesky factor with any jitter that is tried.</exception>
    public static GaussianProcess Condition(IReadOnlyList<Hyperparameters> hyperparameters, double[,] inputs, double[,] targets) =>
        TryCondition(hyperparameters, inputs, targets, out var process, out var singular) ? process : throw Singular(singular);

    /// <summary>The posterior with given hyperparameters, if its covariance has a Cholesky factor; without data it is the prior.</summary>
    /// <param name="hyperparameters">One an output.</param>
    /// <param name="inputs">[n, d]</param>
    /// <param name="targets">[n, e]</param>
    /// <param name="process">The process, or null.</param>
    /// <param name="singularOutput">The output whose covariance has no factor, or null.</param>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    public static bool TryCondition(
        IReadOnlyList<Hyperparameters> hyperparameters, double[,] inputs, double[,] targets, [NotNullWhen(true)] out GaussianProcess? process,
        [NotNullWhen(false)] out int? singularOutput)
    {
        CheckData(inputs, targets);
        var engine = ModelBased.Hyperparameters.ToEngine(hyperparameters, inputs.GetLength(1), targets.GetLength(1), nameof(hyperparameters));
        return TryWrap(Models.GaussianProcessModule.condition(engine, Copy(inputs), Copy(targets)), nameof(inputs), out process, out singularOutput);
    }

    /// <summary>The process after one more input [d] with its targets [e], with the same hyperparameters, in n² operations.</summary>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    /// <exception cref="NoSolutionException">The covariance of the data has no Cholesky factor with any jitter that is tried.</exception>
    public GaussianProcess Append(double[] input, double[] targets) =>
        TryAppend(input, targets, out var process, out var singular) ? process : throw Singular(singular);

    /// <summary>The process after one more input with its targets, if its covariance has a Cholesky factor.</summary>
    /// <param name="input">[d]</param>
    /// <param name="targets">[e]</param>
    /// <param name="process">The process, or null.</param>
    /// <param name="singularOutput">The output whose covariance has no factor, or null.</param>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    public bool TryAppend(
        double[] input, double[] targets, [NotNullWhen(true)] out GaussianProcess? process, [NotNullWhen(false)] out int? singularOutput)
    {
        Require.Vector(input, InputSize, "the input", nameof(input));
        Require.Vector(targets, OutputSize, "the list of targets", nameof(targets));
        return TryWrap(Models.GaussianProcessModule.append(input, targets, Engine), nameof(input), out process, out singularOutput);
    }

    /// <summary>Number of data, n.</summary>
    public int Count => Engine.Count;

    /// <summary>d.</summary>
    public int InputSize => Engine.InputSize;

    /// <summary>e.</summary>
    public int OutputSize => Engine.OutputSize;

    /// <summary>Inputs of the data, [n, d].</summary>
    public double[,] Inputs => Engine.Inputs;

    /// <summary>Targets of the data, [n, e].</summary>
    public double[,] Targets => Engine.Targets;

    /// <summary>One an output.</summary>
    public IReadOnlyList<Hyperparameters> Hyperparameters { get; }

    /// <summary>What had to be added to the diagonal of the covariance of each output before it had a Cholesky factor; mostly 0.</summary>
    public IReadOnlyList<double> Jitter => Engine.Jitter;

    /// <summary>ln p(y | X) of every output, [e].</summary>
    public double[] LogLikelihood() =>
    [
        .. Engine.Hyperparameters.Select((hyper, output) =>
            -Models.Likelihood.negativeLog(Engine.Inputs, Column(Engine.Targets, output), Models.Likelihood.pack(hyper)).Item1),
    ];

    /// <summary>Means and variances at an input [d].</summary>
    public Prediction Predict(params ReadOnlySpan<double> input)
    {
        Require.Size(input.Length, InputSize, "the input", nameof(input));
        var row = new double[1, InputSize];
        for (var j = 0; j < InputSize; j++) row[0, j] = input[j];
        return Predict(row)[0];
    }

    /// <summary>Means and variances at inputs [k, d], one prediction an input.</summary>
    public IReadOnlyList<Prediction> Predict(double[,] inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        Require.Matrix(inputs, inputs.GetLength(0), InputSize, "the matrix of inputs", nameof(inputs));
        return Array.ConvertAll(Models.GaussianProcessModule.predict(Engine, inputs), prediction => new Prediction(prediction));
    }

    /// <summary>
    /// Exact moments of the outputs at an input of which only a normal belief is known. The covariance holds what is not known of the function,
    /// but no noise. Source: Deisenroth and Rasmussen, PILCO (2011).
    /// </summary>
    public OutputMoments Moments(Estimate input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new(Models.MomentMapModule.apply(_moments.Value, input.ToGaussian(InputSize, nameof(input))));
    }

    /// <summary>
    /// The mean as dynamics x' = x + f(x, u), for a process from [x u] to differences of x, with exact Jacobians: what <see cref="Ilqr"/> and
    /// <see cref="MpcController"/> take.
    /// </summary>
    /// <exception cref="InvalidOperationException">There are no more inputs than outputs, so that none is a control.</exception>
    public Dynamics Dynamics => InputSize > OutputSize
        ? _dynamics.Value
        : throw new InvalidOperationException(
            $"dynamics have inputs [x u] and as many outputs as x: {InputSize} inputs and {OutputSize} outputs leave no control");

    internal static double[] Column(double[,] matrix, int column)
    {
        var values = new double[matrix.GetLength(0)];
        for (var i = 0; i < values.Length; i++) values[i] = matrix[i, column];
        return values;
    }

    internal static double[,] Copy(double[,] matrix) => (double[,])matrix.Clone();

    internal static NoSolutionException Singular(int? output) =>
        new($"there is no process: the covariance of the data of output {output} has no Cholesky factor, whatever is added to its diagonal");

    private static void CheckData(double[,] inputs, double[,] targets)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(targets);
        if (inputs.GetLength(1) == 0) throw new ArgumentException("an input has one number or more", nameof(inputs));
        if (targets.GetLength(1) == 0) throw new ArgumentException("there is one output or more", nameof(targets));
        Require.Matrix(inputs, inputs.GetLength(0), inputs.GetLength(1), "the matrix of inputs", nameof(inputs));
        Require.Matrix(targets, inputs.GetLength(0), targets.GetLength(1), "the matrix of targets", nameof(targets));
    }

    private static Models.Hyperparameters[]? CheckStart(IReadOnlyList<Hyperparameters>? start, double[,] inputs, double[,] targets) =>
        start is null ? null : ModelBased.Hyperparameters.ToEngine(start, inputs.GetLength(1), targets.GetLength(1), nameof(start));

    private static bool TryWrap(
        FSharpResult<Models.GaussianProcess, Models.GaussianProcessFault> result, string name, [NotNullWhen(true)] out GaussianProcess? process,
        [NotNullWhen(false)] out int? singularOutput)
    {
        process = result.IsOk ? new(result.ResultValue) : null;
        singularOutput = result.IsOk ? null : ToPublic(result.ErrorValue, name);
        return result.IsOk;
    }

    internal static int ToPublic(Models.GaussianProcessFault fault, string name) =>
        fault switch
        {
            Models.GaussianProcessFault.Singular singular => singular.output,
            Models.GaussianProcessFault.BadData bad => throw new ArgumentException(bad.Item, name),
            _ => throw new InvalidOperationException($"unknown fault {fault}"),
        };
}
