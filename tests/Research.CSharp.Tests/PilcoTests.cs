using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Expecto;
using Expecto.CSharp;
using Microsoft.FSharp.Core;
using Research.ModelBased;
using Agents = Research.Agents;

namespace FacadeTests;

/// <summary>PILCO: its scenarios, trials, checkpoints and transfer, each held against the F# calls.</summary>
public static class PilcoTests
{
    private static readonly LearningScenario Pendulum = Scenarios.Find("pendulum");

    /// <summary>Cheap: a small network and short searches.</summary>
    private static readonly PilcoOptions Short = new(Pendulum)
    {
        Seed = 2,
        Policy = PolicyKind.Rbf(4),
        Trials = 2,
        LineSearches = 2,
        Evaluations = 4,
        TrainingIterations = 20,
        Exploration = -0.1,
        Confirmations = 1,
    };

    private static readonly Agents.PilcoOptions ShortOfEngine = new(
        2, Agents.PolicyKind.NewRbf(4), 2, 1, 2, 4, -0.1, 20, Agents.Pilco.defaults(Agents.Scenarios.pendulum).InducingIterations, 1, true);

    /// <summary>The pendulum once more, in words of one's own.</summary>
    private static readonly LearningTask Own = new()
    {
        Name = "own",
        States = [new("angle", "rad"), new("rate", "rad/s")],
        Controls = [new("torque", "N m")],
        TimeStep = 0.1,
        Horizon = 40,
        Advance = (x, u) => Agents.Scenarios.pendulum.Advance.Invoke(x).Invoke(u),
        Start = [0, 0],
        StartSpread = [0.1, 0.1],
        Noise = [0.01, 0.1],
        Limits = [2.5],
        Angles = [0],
        Rows = new double[,] { { 0, 0, 1, 0 }, { 0, 0, 0, 1 } },
        Target = [Math.PI, 0],
        Width = 0.5,
        Reach = 0.1,
    };

    /// <summary>The state after a number of trials in F#.</summary>
    private static Agents.PilcoState Engine(int trials, Agents.PilcoState? start = null)
    {
        var state = start ?? Agents.Pilco.start(Agents.Scenarios.pendulum, ShortOfEngine);
        for (var i = 0; i < trials; i++)
        {
            state = ((Agents.PilcoStep.Advanced)Agents.Pilco.next(
                FuncConvert.FromFunc(() => 0.0), default, FuncConvert.FromAction<Agents.PilcoProgress>(_ => { }), state)).Item;
        }

        return state;
    }

    private static PilcoLearner After(int trials)
    {
        var learner = new PilcoLearner(Pendulum, Short);
        for (var i = 0; i < trials; i++) learner.Step();
        return learner;
    }

    private static void Same(PilcoLearner learner, Agents.PilcoState state)
    {
        Expected.Equal(learner.Trials.Count, state.Trials.Length, "trials");
        Expected.SameBits(learner.Experience.TotalSeconds, state.Experience, "experience");
        foreach (var (trial, expected) in learner.Trials.Zip(state.Trials))
        {
            Expected.SameBits(trial.Parameters, expected.Parameters, "parameters");
            Expected.SameBits(trial.Search, expected.Search, "search");
            Expected.SameBits(trial.Inducing, expected.Inducing, "inducing inputs");
            Expected.SameBits(
                trial.Hyperparameters.Select(h => h.Lengthscales.ToArray()).ToArray(), expected.Hyperparameters.Select(h => h.Lengthscales).ToArray(),
                "lengthscales");
            Expected.SameBits(trial.Rollout.Trajectory.States, expected.Rollout.Measured, "measured states");
            Expected.SameBits(trial.Rollout.Trajectory.Controls, expected.Rollout.Controls, "controls");
            Expected.SameBits(trial.Rollout.PlantStates, expected.Rollout.Plant, "states of the plant");
            Expected.SameBits(trial.Rollout.Losses, expected.Rollout.Losses, "losses");
            Expected.SameBits(trial.Rollout.Distances, expected.Rollout.Distances, "distances");
            Expected.SameBits(trial.Loss, expected.Rollout.Losses.Sum(), "loss");
            Expected.Equal((trial.IsRandom, trial.IsSolved, trial.Rollout.IsSolved), (expected.IsRandom, expected.IsSolved, expected.IsSolved), "kind");
            Expected.Equal(trial.Policy is null || trial.Forecast is null, trial.IsRandom, "a policy and a forecast");
            if (trial.Policy is null || trial.Forecast is null) continue;
            var forecast = expected.Forecast!.Value;
            Expected.SameBits(trial.Forecast.Mean, forecast.Mean, "expected states");
            Expected.SameBits(trial.Forecast.Deviation, forecast.Deviation, "their deviations");
            Expected.SameBits(trial.Forecast.Loss, forecast.Loss, "expected losses");
            Expected.SameBits(trial.Forecast.LossDeviation, forecast.LossDeviation, "their deviations");
            Expected.SameBits(trial.ExpectedLoss, forecast.Loss.Sum(), "expected loss");
            Expected.SameBits(trial.Policy.Act(0, trial.Rollout.Trajectory.State(3))[0], expected.Rollout.Controls[3, 0], "the policy that ran");
        }
    }

    /// <summary>The learner of a checkpoint whose trials were changed.</summary>
    private static PilcoLearner Changed(PilcoLearner learner, Action<JsonNode> change)
    {
        var record = JsonNode.Parse(learner.Checkpoint())!;
        change(record["learner"]!["trials"]!);
        return PilcoLearner.Resume(Signed(record));
    }

    /// <summary>A checkpoint with the checksum of what it now holds, unless that is what was changed.</summary>
    private static byte[] Signed(JsonNode record, string changed = "")
    {
        if (changed != "sha256") record["sha256"] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(record["learner"]!.ToJsonString())));
        return Encoding.UTF8.GetBytes(record.ToJsonString());
    }

    /// <summary>All members of objects in a record.</summary>
    private static IEnumerable<(JsonObject Holder, string Name)> Members(JsonNode? node) => node switch
    {
        JsonObject holder => holder.Select(entry => (holder, entry.Key)).Concat(holder.SelectMany(entry => Members(entry.Value))),
        JsonArray items => items.SelectMany(Members),
        _ => [],
    };

    [Tests]
    public static Test All { get; } = Runner.TestList("PILCO",
    [
        Runner.TestCase("scenarios are all there, by name", () =>
        {
            var engine = Agents.Scenarios.all.ToArray();
            Expected.Equal(string.Join(" ", Scenarios.All.Select(s => s.Name)), string.Join(" ", engine.Select(s => s.Name)), "names");
            foreach (var (scenario, expected) in Scenarios.All.Zip(engine))
            {
                Expected.Equal((scenario.States.Count, scenario.Controls.Count), (expected.StateSize, expected.ControlSize), "sizes");
                Expected.Equal((scenario.Horizon, scenario.TimeStep, scenario.Reach), (expected.Horizon, expected.TimeStep, expected.Reach), "figures");
                Expected.SameBits(scenario.Limits.ToArray(), expected.Limits, "limits");
                Expected.True(scenario.Summary.Length > 0 && scenario.Source.Length > 0 && scenario.States.All(s => s.Name.Length > 0), "words");
                var (options, defaults) = (new PilcoOptions(scenario), Agents.Pilco.defaults(expected));
                Expected.Equal(
                    (options.Policy.BasisFunctions, options.Trials, options.RandomRollouts, options.LineSearches, options.Evaluations),
                    (defaults.Policy is Agents.PolicyKind.Rbf rbf ? rbf.basis : 0, defaults.Trials, defaults.RandomRollouts, defaults.LineSearches,
                        defaults.Evaluations),
                    "defaults");
            }

            var failure = Expected.Throws<ArgumentException>(() => Scenarios.Find("cartpol"), "unknown");
            Expected.True(failure.Message.Contains("cartpole") && failure.ParamName == "name", failure.Message);
            Expected.True(!Scenarios.TryFind("cartpol", out _) && Scenarios.TryFind("unicycle", out var found) && found.Name == "unicycle", "try");
        }),

        Runner.TestCase("trials are those of F#", () =>
        {
            var learner = After(0);
            Expected.Equal((learner.Status, learner.IsFinished, learner.Policy is null), (LearningStatus.Learning, false, true), "at first");
            Expected.Equal(learner.Step(), LearningStatus.Learning, "after a random rollout");
            Expected.Equal(learner.Step(), LearningStatus.Learning, "after a policy");
            Expected.Equal(learner.Step(), LearningStatus.OutOfTrials, "after the last");
            Expected.True(learner.IsFinished && !learner.IsSolved && learner.Reason == "", $"{learner}");
            Same(learner, Engine(3));
            Expected.True(learner.Best!.Loss <= learner.Trials.Where(trial => !trial.IsRandom).Min(trial => trial.Loss), "the best trial");
            Expected.SameBits(learner.Policy!.Act(0, 1, 2), learner.Best.Policy!.Act(7, 1, 2), "its policy");
            Expected.True(learner.Trials[^1].Times.Sum(part => part.Time.TotalSeconds) > 0, "it took time");
        }),

        Runner.TestCase("learning to the end hears every trial and every part of it", async () =>
        {
            var (trials, details) = (new List<PilcoTrial>(), new List<PilcoProgress>());
            var learner = new PilcoLearner(Pendulum, Short with { Policy = PolicyKind.Linear, Exploration = 0 });
            var status = await learner.LearnAsync(new AsyncTests.Listener<PilcoTrial>(trials.Add), new AsyncTests.Listener<PilcoProgress>(details.Add));
            Expected.Equal(status, LearningStatus.OutOfTrials, "status");
            Expected.True(trials.SequenceEqual(learner.Trials), "trials");
            var points = details.Where(d => d.Phase == PilcoPhase.Training).Select(d => d.Points);
            Expected.Equal(string.Join(" ", points), "40 80", "data");
            Expected.Equal(details.Count(d => d.Phase == PilcoPhase.Running), 3, "rollouts");
            var values = details.Where(d => d.Phase == PilcoPhase.Searching).Select(d => d.Value).ToArray();
            var last = learner.Trials[^1].Search.Skip(1).ToArray();
            Expected.SameBits(values[^last.Length..], last, "values of the last search");
        }),

        Runner.TestCase("a cancelled trial leaves the learner as it was, and it can go on", () =>
        {
            using var source = new CancellationTokenSource();
            var learner = After(1);
            var stop = new AsyncTests.Listener<PilcoProgress>(progress =>
            {
                if (progress.Phase == PilcoPhase.Searching) source.Cancel();
            });
            Expected.Equal(learner.Learn(details: stop, cancellation: source.Token), LearningStatus.Cancelled, "status");
            Expected.Equal(learner.Trials.Count, 1, "trials");
            Expected.Equal(learner.Learn(), LearningStatus.OutOfTrials, "and on");
            Same(learner, Engine(3));
        }),

        Runner.TestCase("a checkpoint goes on bit for bit", async () =>
        {
            var learner = PilcoLearner.Resume(After(2).Checkpoint());
            Expected.Equal((learner.Status, learner.Scenario.Name), (LearningStatus.Learning, "pendulum"), "where it stands");
            Expected.Equal(learner.Options, Short, "options");
            await learner.StepAsync();
            Same(learner, Engine(3));
            Same(PilcoLearner.Resume(Agents.Checkpoint.toJson(Engine(2))), Engine(2));
            Expected.True(!PilcoLearner.TryResume(Encoding.UTF8.GetBytes("{"), out _, out var reason) && reason.Length > 0, "no checkpoint");
            var failure = Expected.Throws<ArgumentException>(() => PilcoLearner.Resume(Encoding.UTF8.GetBytes("""{"form_version":0}""")), "version");
            Expected.True(failure.ParamName == "checkpoint" && failure.Message.Contains("version 0"), failure.Message);
        }),

        Runner.TestCase("a checkpoint that lacks something or was changed is refused in words", () =>
        {
            Refused(null!, "JSON");
            Refused([], "JSON");
            Refused("""{"form_version":1,"scenario":"pendulum","trials":[]}"""u8.ToArray(), "version 1");
            Refused("""{"form_version":3,"learner":{"scenario":"pendulum","trials":[]}}"""u8.ToArray(), "learner has no member options");

            var whole = After(2).Checkpoint();
            var count = Members(JsonNode.Parse(whole)).Count();
            for (var i = 0; i < count; i++)
            {
                foreach (var isDeleted in (bool[])[true, false])
                {
                    var record = JsonNode.Parse(whole)!;
                    var (holder, name) = Members(record).ElementAt(i);
                    if (!isDeleted && holder[name] is null) continue;
                    if (isDeleted) holder.Remove(name);
                    else holder[name] = null;
                    Refused(record["learner"] is null ? Encoding.UTF8.GetBytes(record.ToJsonString()) : Signed(record, name), name);
                }
            }

            static void Refused(byte[] checkpoint, string word)
            {
                Expected.True(!PilcoLearner.TryResume(checkpoint, out var learner, out var reason) && learner is null, $"{word}: it is refused");
                Expected.True(reason!.Contains(word), $"'{reason}' must say '{word}'");
            }
        }),

        Runner.TestCase("a solved task ends it", () =>
        {
            // the pendulum takes longer than a test may, so the record is changed
            var learner = Changed(After(2), trials => trials[1]!["is_solved"] = true);
            Expected.Equal((learner.Status, learner.SolvedInARow, learner.IsSolved), (LearningStatus.Learning, 1, false), "to be confirmed");
            learner.Step();
            Expected.True(learner.Trials[2].IsRepeat && !learner.Trials[1].IsRepeat, "the same policy again");
            Expected.SameBits(learner.Trials[2].Parameters, learner.Trials[1].Parameters, "its parameters");
            Expected.Equal(learner.SolvedInARow, 0, "it hangs down");

            learner = Changed(learner, trials => trials[2]!["is_solved"] = true);
            Expected.Equal((learner.Status, learner.IsFinished, learner.IsSolved), (LearningStatus.Solved, true, true), "status");
            Expected.Equal(learner.Learn(), LearningStatus.Solved, "nothing to do");
            Expected.Equal((learner.Trials.Count, learner.Validate(5)), (3, 0), "trials, and what the policy is worth");
        }),

        Runner.TestCase("a failure is a value with its reason, and leaves the learner as it was", () =>
        {
            // two measurements whose difference is beyond the numbers
            var learner = Changed(After(1), trials =>
            {
                var measured = trials[0]!["rollout"]!["measured"]!;
                (measured[0]![0], measured[1]![0]) = (1e308, -1e308);
            });
            Expected.Equal(learner.Learn(), LearningStatus.Failed, "status");
            Expected.True(learner.Reason.Contains("not finite") && learner.Trials.Count == 1, learner.Reason);
        }),

        Runner.TestCase("what was learnt carries over", () =>
        {
            var learner = new PilcoLearner(After(2), Pendulum, Short with { Seed = 5 });
            learner.Step();
            var options = new Agents.PilcoOptions(
                5, ShortOfEngine.Policy, 2, 1, 2, 4, -0.1, 20, ShortOfEngine.InducingIterations, 1, true);
            Same(learner, Engine(1, Agents.Pilco.startFrom(Engine(2), Agents.Scenarios.pendulum, options)));
            Expected.True(!learner.Trials[0].IsRandom, "it needs no random rollout");
        }),

        Runner.TestCase("a policy of one's own runs on the plant", () =>
        {
            var rollout = Pendulum.Run(Policy.Create(2, 1, (_, x) => [-x[1]]), new RandomSource(3));
            var random = Research.Rng.OfSeed(3);
            var start = Agents.RolloutModule.drawStart(Agents.Scenarios.pendulum, random, 0);
            var expected = Agents.RolloutModule.run(
                Agents.Scenarios.pendulum, random, start, FuncConvert.FromFunc<int, double[], double[]>((_, x) => [-x[1]]));
            Expected.SameBits(rollout.Trajectory.States, expected.Measured, "measured states");
            Expected.SameBits(rollout.PlantStates, expected.Plant, "states of the plant");
            Expected.Equal((rollout.Trajectory.Steps, rollout.IsSolved), (40, false), "it hangs down");
        }),

        Runner.TestCase("a task of one's own is learnt as the library's is, and resumed", () =>
        {
            var scenario = new LearningScenario(Own);
            Expected.Equal((scenario.Name, scenario.States.Count, scenario.Horizon, scenario.Reach), ("own", 2, 40, 0.1), "figures");
            Expected.Equal((new PilcoOptions(scenario).Policy, new PilcoOptions(scenario).Trials), (PolicyKind.Rbf(50), 15), "defaults");
            var (learner, library) = (new PilcoLearner(scenario, Short), After(2));
            learner.Step();
            learner = PilcoLearner.Resume(learner.Checkpoint(), scenario);
            Expected.Equal(learner.Scenario.Name, "own", "its scenario");
            learner.Step();
            Expected.SameBits(learner.Trials[0].Rollout.Trajectory.States, library.Trials[0].Rollout.Trajectory.States, "random rollout");
            var farthest = learner.Trials[1].Parameters.Zip(library.Trials[1].Parameters, (a, b) => Math.Abs(a - b)).Max();
            Expected.True(farthest < 1e-6, $"policies differ by {farthest}");
            Expected.True(!PilcoLearner.TryResume(After(1).Checkpoint(), scenario, out _, out var reason) && reason.Contains("'pendulum'"), "another");
        }),

        Runner.TestCase("tasks that make no sense are named", () =>
        {
            (string Word, LearningTask Task)[] cases =
            [
                ("the start needs 2 numbers, and got 1", Own with { Start = [0] }),
                ("a row of the loss needs 2 numbers, and got 4", Own with { Angles = [] }),
                ("different numbers of the state", Own with { Angles = [2] }),
                ("width", Own with { Width = 0 }),
                ("one step or more", Own with { Horizon = 0 }),
                ("limits are above 0", Own with { Limits = [-1] }),
                ("needs a state and a control", Own with { Controls = [] }),
                ("the target holds a number that is not finite", Own with { Target = [double.NaN, 0] }),
            ];
            foreach (var (word, task) in cases)
            {
                var failure = Expected.Throws<ArgumentException>(() => _ = new LearningScenario(task), word);
                Expected.True(failure.ParamName == "task" && failure.Message.Contains(word), failure.Message);
            }

            var wrong = new PilcoLearner(new LearningScenario(Own with { Advance = (x, u) => [0] }), Short);
            var thrown = Expected.Throws<InvalidOperationException>(() => wrong.Step(), "a step of one number");
            Expected.True(thrown.Message.Contains("Advance gave 1 numbers; 2 are needed"), thrown.Message);
        }),

        Runner.TestCase("arguments are named", () =>
        {
            (string Name, string Word, Action Call)[] calls =
            [
                ("scenario", "null", () => _ = new PilcoLearner(null!)),
                ("scenario", "null", () => _ = new PilcoOptions((LearningScenario)null!)),
                ("name", "null", () => Scenarios.Find(null!)),
                ("checkpoint", "null", () => PilcoLearner.Resume(null!)),
                ("teacher", "null", () => _ = new PilcoLearner(null!, Pendulum)),
                ("teacher", "no policy", () => _ = new PilcoLearner(After(1), Pendulum)),
                ("scenario", "other sizes", () => _ = new PilcoLearner(After(0), Scenarios.Find("cartpole"))),
                ("options", "Trials", () => _ = new PilcoLearner(Pendulum, Short with { Trials = -1 })),
                ("options", "Confirmations", () => _ = new PilcoLearner(Pendulum, Short with { Confirmations = -1 })),
                ("rollouts", "non-zero", () => After(2).Validate(0)),
                ("options", "LineSearches", () => _ = new PilcoLearner(Pendulum, Short with { LineSearches = 0 })),
                ("options", "Exploration", () => _ = new PilcoLearner(Pendulum, Short with { Exploration = double.NaN })),
                ("basisFunctions", "non-zero", () => PolicyKind.Rbf(0)),
                ("policy", "1 and 1", () => Pendulum.Run(Policy.Create(1, 1, (_, x) => x), new RandomSource(1))),
                ("random", "null", () => Pendulum.Run(Policy.Create(2, 1, (_, x) => [0]), null!)),
            ];
            foreach (var (name, word, call) in calls)
            {
                var failure = Expected.Throws<ArgumentException>(call, $"{name} with '{word}'");
                Expected.Equal(failure.ParamName, name, $"argument of '{failure.Message}'");
                Expected.True(failure.Message.Contains(word), $"'{failure.Message}' must say '{word}'");
            }
        }),
    ]);
}
