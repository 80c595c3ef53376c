using System.Diagnostics.CodeAnalysis;
using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>
/// A Gaussian process whose data speak through a few inducing inputs, for many data: the fully independent training conditional. It keeps the
/// hyperparameters of the process that it is made of.
/// </summary>
/// <remarks>Source: Snelson and Ghahramani, Sparse Gaussian Processes using Pseudo-inputs (2006).</remarks>
public sealed class SparseGaussianProcess
{
    private readonly Models.MomentMap _moments;

    private SparseGaussianProcess(GaussianProcess process, double[,] inducing, Models.Bumps[] bumps)
    {
        Process = process;
        Inducing = inducing;
        _moments = Models.MomentMatching.ofBumps(bumps);
    }

    /// <summary>The data of a process through inducing inputs [k, d].</summary>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    /// <exception cref="NoSolutionException">A covariance has no Cholesky factor: inducing inputs may coincide.</exception>
    public static SparseGaussianProcess Create(GaussianProcess process, double[,] inducing) =>
        TryCreate(process, inducing, out var sparse, out var singular) ? sparse : throw GaussianProcess.Singular(singular);

    /// <summary>The data of a process through inducing inputs, if its covariances have Cholesky factors.</summary>
    /// <param name="process">The process with all data.</param>
    /// <param name="inducing">[k, d]</param>
    /// <param name="sparse">The sparse process, or null.</param>
    /// <param name="singularOutput">The output of which a covariance has no factor, or null.</param>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    public static bool TryCreate(
        GaussianProcess process, double[,] inducing, [NotNullWhen(true)] out SparseGaussianProcess? sparse,
        [NotNullWhen(false)] out int? singularOutput)
    {
        Check(process, inducing);
        var (engine, own) = (process.Engine, GaussianProcess.Copy(inducing));
        var result = Models.SparseGaussianProcess.bumps(
            engine.Hyperparameters, engine.Inputs, engine.Targets, Array.ConvertAll(engine.Hyperparameters, _ => own));
        sparse = result.IsOk ? new(process, own, result.ResultValue) : null;
        singularOutput = result.IsOk ? null : GaussianProcess.ToPublic(result.ErrorValue, nameof(inducing));
        return result.IsOk;
    }

    /// <summary>Inducing inputs [k, d] of greatest marginal likelihood, shared by all outputs.</summary>
    /// <param name="process">The process with all data.</param>
    /// <param name="start">Where the search begins, such as some of its inputs, [k, d].</param>
    /// <param name="maxIterations">Most iterations.</param>
    /// <param name="cancellation">Ends the search after the iteration that runs.</param>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static double[,] OptimiseInducing(
        GaussianProcess process, double[,] start, int maxIterations = 50, CancellationToken cancellation = default)
    {
        Check(process, start);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxIterations);
        var engine = process.Engine;
        var (found, _) = Models.SparseGaussianProcess.optimise(
            cancellation, maxIterations, engine.Hyperparameters, engine.Inputs, engine.Targets, start);
        cancellation.ThrowIfCancellationRequested();
        return found;
    }

    /// <summary>The process with all data.</summary>
    public GaussianProcess Process { get; }

    /// <summary>[k, d]; its own: copy it before you change it.</summary>
    public double[,] Inducing { get; }

    /// <summary>ln p(y | X) of every output, [e].</summary>
    public double[] LogLikelihood() =>
    [
        .. Process.Engine.Hyperparameters.Select((hyper, output) =>
            -Models.SparseGaussianProcess.negativeLog(
                hyper, Process.Inputs, GaussianProcess.Column(Process.Targets, output), Inducing).Item1),
    ];

    /// <summary>
    /// Exact moments of the outputs at an input of which only a normal belief is known; a covariance of zeros makes it a prediction. The
    /// covariance holds what is not known of the function, but no noise.
    /// </summary>
    public OutputMoments Moments(Estimate input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new(Models.MomentMapModule.apply(_moments, input.ToGaussian(Process.InputSize, nameof(input))));
    }

    private static void Check(
        [NotNull] GaussianProcess? process, [NotNull] double[,]? inducing,
        [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(inducing))] string name = "")
    {
        ArgumentNullException.ThrowIfNull(process);
        ArgumentNullException.ThrowIfNull(inducing, name);
        if (inducing.GetLength(0) == 0) throw new ArgumentException("there is one inducing input or more", name);
        Require.Matrix(inducing, inducing.GetLength(0), process.InputSize, "the matrix of inducing inputs", name);
    }
}
