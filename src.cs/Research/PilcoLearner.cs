using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Microsoft.FSharp.Core;
using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>
/// PILCO: learns a policy from few rollouts, by a Gaussian process of the dynamics, exact moments of its predictions along the horizon, and a
/// policy search on the analytic gradient of the expected sum of losses. Trial by trial with <see cref="Step"/>, or to the end with
/// <see cref="Learn"/>. The same seed gives the same trials, bit for bit, whether or not a checkpoint lies between. Not thread-safe.
/// </summary>
/// <remarks>Source: Deisenroth and Rasmussen, PILCO: A Model-Based and Data-Efficient Approach to Policy Search (2011).</remarks>
public sealed class PilcoLearner
{
    private readonly List<PilcoTrial> _trials;
    private Agents.PilcoState _state;

    /// <summary>A learner that has seen nothing.</summary>
    /// <param name="scenario">What to learn on.</param>
    /// <param name="options">Those of the scenario where null.</param>
    public PilcoLearner(LearningScenario scenario, PilcoOptions? options = null)
        : this(Agents.Pilco.start(Engine(scenario), ToEngine(scenario, options)))
    {
    }

    /// <summary>A learner that starts from what another learnt on a related task of the same sizes: its best policy, and all of its data.</summary>
    /// <param name="teacher">With a last trial that had a policy, of the kind that is to be learnt.</param>
    /// <param name="scenario">What to learn on.</param>
    /// <param name="options">Those of the scenario where null.</param>
    public PilcoLearner(PilcoLearner teacher, LearningScenario scenario, PilcoOptions? options = null)
        : this(Agents.Pilco.startFrom(Check(teacher, scenario, options)._state, Engine(scenario), ToEngine(scenario, options)))
    {
    }

    private PilcoLearner(Agents.PilcoState state)
    {
        _state = state;
        Scenario = new(state.Scenario);
        Options = new(state.Options);
        _trials = [.. state.Trials.Select(Wrap)];
        Status = StatusOf(state);
    }

    /// <summary>The learner of a checkpoint, which goes on as the one that made it would have.</summary>
    /// <param name="checkpoint">What <see cref="Checkpoint"/> gave.</param>
    /// <param name="scenario">The task of one's own that it learns; null for one of <see cref="Scenarios"/>.</param>
    /// <exception cref="ArgumentException">The bytes are no checkpoint, or one that was changed: the message says where and how.</exception>
    public static PilcoLearner Resume(byte[] checkpoint, LearningScenario? scenario = null)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        return TryResume(checkpoint, scenario, out var learner, out var reason)
            ? learner
            : throw new ArgumentException(reason, nameof(checkpoint));
    }

    /// <summary>The learner of a checkpoint on one of <see cref="Scenarios"/>, if it can be read.</summary>
    /// <param name="checkpoint">What <see cref="Checkpoint"/> gave.</param>
    /// <param name="learner">The learner, or null.</param>
    /// <param name="reason">Why there is none.</param>
    public static bool TryResume(byte[] checkpoint, [NotNullWhen(true)] out PilcoLearner? learner, [NotNullWhen(false)] out string? reason) =>
        TryResume(checkpoint, null, out learner, out reason);

    /// <summary>The learner of a checkpoint, if it can be read.</summary>
    /// <param name="checkpoint">What <see cref="Checkpoint"/> gave.</param>
    /// <param name="scenario">The task of one's own that it learns; null for one of <see cref="Scenarios"/>.</param>
    /// <param name="learner">The learner, or null.</param>
    /// <param name="reason">Why there is none.</param>
    public static bool TryResume(
        byte[] checkpoint, LearningScenario? scenario, [NotNullWhen(true)] out PilcoLearner? learner, [NotNullWhen(false)] out string? reason)
    {
        var result = Agents.Checkpoint.ofJson(FuncConvert.FromFunc<string, FSharpResult<Agents.Scenario, string>>(Find), checkpoint ?? []);
        learner = result.IsOk ? new(result.ResultValue) : null;
        reason = result.IsOk ? null : result.ErrorValue;
        return result.IsOk;

        FSharpResult<Agents.Scenario, string> Find(string name) =>
            scenario is null ? Agents.Scenarios.find(name)
            : scenario.Name == name ? FSharpResult<Agents.Scenario, string>.NewOk(scenario.Engine)
            : FSharpResult<Agents.Scenario, string>.NewError($"it learns '{name}', and not '{scenario.Name}'");
    }

    /// <summary>Everything that the next trial depends on, as bytes to keep.</summary>
    public byte[] Checkpoint() => Agents.Checkpoint.toJson(_state);

    /// <summary>What it learns on.</summary>
    public LearningScenario Scenario { get; }

    /// <summary>How it learns.</summary>
    public PilcoOptions Options { get; }

    /// <summary>Where it stands.</summary>
    public LearningStatus Status { get; private set; }

    /// <summary>Why the last trial failed; empty when none did.</summary>
    public string Reason { get; private set; } = "";

    /// <summary>All trials so far, the random ones first.</summary>
    public IReadOnlyList<PilcoTrial> Trials => _trials;

    /// <summary>The trial whose policy is worth keeping: the one that solved the most rollouts, or that of least loss; null while there is none.</summary>
    public PilcoTrial? Best =>
        _state.Best is { } best ? _trials[_state.Trials.ToList().FindIndex(trial => ReferenceEquals(trial, best.Value))] : null;

    /// <summary>The policy of the best trial; null while there is none.</summary>
    public Policy? Policy => Best?.Policy;

    /// <summary>From how many of so many fresh starts the policy kept solves the task, in rollouts that are no experience of the learner.</summary>
    /// <exception cref="InvalidOperationException">No policy was learnt yet.</exception>
    public int Validate(int rollouts = 100)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rollouts);
        var best = Best ?? throw new InvalidOperationException("no policy was learnt yet");
        return Agents.Pilco.validate(rollouts, _state, [.. best.Parameters]);
    }

    /// <summary>Rollouts in a row that the last policy solved; 0 once it failed.</summary>
    public int SolvedInARow => _state.SolvedInARow;

    /// <summary>True when the last policy solved the task, and all confirmations.</summary>
    public bool IsSolved => _state.IsSolved;

    /// <summary>True when there is nothing more to do: solved, or all trials done.</summary>
    public bool IsFinished => _state.IsFinished;

    /// <summary>Time that the plant has run so far.</summary>
    public TimeSpan Experience => TimeSpan.FromSeconds(_state.Experience);

    /// <summary>
    /// One trial more: a random rollout while there are too few; a rollout more of a policy that is to be confirmed; else a model from all data, a
    /// policy from the model, and its rollout. Where it is cancelled or fails, the learner stays as it was.
    /// </summary>
    /// <param name="progress">Sees what it is at.</param>
    /// <param name="cancellation">Stops after the line search that runs, and drops the trial.</param>
    public LearningStatus Step(IProgress<PilcoProgress>? progress = null, CancellationToken cancellation = default)
    {
        var began = Stopwatch.GetTimestamp();
        var step = Agents.Pilco.next(
            FuncConvert.FromFunc(() => Stopwatch.GetElapsedTime(began).TotalSeconds), cancellation,
            Bridge.Report<Agents.PilcoProgress, PilcoProgress>(progress, PilcoProgress.Of), _state);
        if (step is Agents.PilcoStep.Advanced advanced)
        {
            _state = advanced.Item;
            _trials.Add(Wrap(_state.Trials.Last()));
        }

        Reason = step is Agents.PilcoStep.Failed failed ? failed.reason : "";
        Status = step.IsFailed ? LearningStatus.Failed : step.IsStopped ? LearningStatus.Cancelled : StatusOf(_state);
        return Status;
    }

    /// <summary>Trials until it <see cref="IsFinished"/>, is cancelled or fails.</summary>
    /// <param name="progress">Sees every trial as it ends.</param>
    /// <param name="details">Sees what it is at.</param>
    /// <param name="cancellation">Stops after the line search that runs, and drops that trial.</param>
    public LearningStatus Learn(
        IProgress<PilcoTrial>? progress = null, IProgress<PilcoProgress>? details = null, CancellationToken cancellation = default)
    {
        while (!IsFinished)
        {
            if (Step(details, cancellation) is LearningStatus.Cancelled or LearningStatus.Failed) return Status;
            progress?.Report(_trials[^1]);
        }

        return Status;
    }

    /// <summary>
    /// <see cref="Step"/> on a thread of the pool. Cancellation does not make the task fail: its status is then
    /// <see cref="LearningStatus.Cancelled"/>.
    /// </summary>
    /// <inheritdoc cref="Step"/>
    public Task<LearningStatus> StepAsync(IProgress<PilcoProgress>? progress = null, CancellationToken cancellation = default) =>
        Task.Run(() => Step(progress, cancellation), CancellationToken.None);

    /// <summary>
    /// <see cref="Learn"/> on a thread of the pool. Cancellation does not make the task fail: its status is then
    /// <see cref="LearningStatus.Cancelled"/>.
    /// </summary>
    /// <inheritdoc cref="Learn"/>
    public Task<LearningStatus> LearnAsync(
        IProgress<PilcoTrial>? progress = null, IProgress<PilcoProgress>? details = null, CancellationToken cancellation = default) =>
        Task.Run(() => Learn(progress, details, cancellation), CancellationToken.None);

    /// <summary>The status, the trials and the experience.</summary>
    public override string ToString() => $"{Status} after {_trials.Count} rollouts, {_state.Experience:G4} s of experience";

    private PilcoTrial Wrap(Agents.Trial trial) => new(Scenario, _state.Options.Policy, trial);

    private static LearningStatus StatusOf(Agents.PilcoState state) =>
        !state.IsFinished ? LearningStatus.Learning : state.IsSolved ? LearningStatus.Solved : LearningStatus.OutOfTrials;

    private static Agents.Scenario Engine(LearningScenario scenario)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        return scenario.Engine;
    }

    private static Agents.PilcoOptions ToEngine(LearningScenario scenario, PilcoOptions? options) =>
        (options ?? new(scenario)).ToEngine(nameof(options));

    private static PilcoLearner Check(PilcoLearner teacher, LearningScenario scenario, PilcoOptions? options)
    {
        ArgumentNullException.ThrowIfNull(teacher);
        ArgumentNullException.ThrowIfNull(scenario);
        var (taught, asked) = (teacher._state.Scenario, scenario.Engine);
        if ((taught.StateSize, taught.ControlSize) != (asked.StateSize, asked.ControlSize)
            || taught.DynamicsInputs.Length != asked.DynamicsInputs.Length || taught.PolicyInputs.Length != asked.PolicyInputs.Length)
            throw new ArgumentException($"what was learnt on {taught.Name} is of other sizes than {asked.Name}", nameof(scenario));
        if (teacher.Trials.Count == 0 || teacher.Trials[^1].IsRandom)
            throw new ArgumentException("the teacher has learnt no policy yet", nameof(teacher));
        if (teacher.Options.Policy != (options ?? new(scenario)).Policy)
            throw new ArgumentException("the policy must be of the kind that the teacher learnt", nameof(options));
        return teacher;
    }
}
