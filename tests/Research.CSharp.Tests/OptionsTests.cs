using System.Collections;
using System.Reflection;
using Expecto;
using Expecto.CSharp;
using Microsoft.FSharp.Core;
using Microsoft.FSharp.Reflection;
using Research.ModelBased;
using Control = Research.Control;

namespace FacadeTests;

/// <summary>Options of the facade are those of the engine, field by field, and reach it.</summary>
public static class OptionsTests
{
    private const BindingFlags Inside = BindingFlags.Instance | BindingFlags.NonPublic;

    /// <summary>Records of options, found as what the facade shows and turns into options of the engine.</summary>
    private static readonly Type[] Kinds =
    [
        .. typeof(Ilqr).Assembly.GetExportedTypes()
            .Where(type => type.GetMethod("ToEngine", Inside) is not null && (type.Name.EndsWith("Options") || type.Name.EndsWith("Curb"))),
    ];

    private static readonly Control.Problem Engine = Control.ProblemModule.withLimits([-2], [2], Models.SliderOfEngine);
    private static readonly ControlProblem Problem = Models.Slider.WithLimits([-2], [2]);

    private static object Defaults(Type kind) =>
        kind == typeof(PilcoOptions) ? new PilcoOptions(Scenarios.Find("pendulum")) : Activator.CreateInstance(kind)!;

    private static object ToEngine(object options)
    {
        var method = options.GetType().GetMethod("ToEngine", Inside)!;
        return method.Invoke(options, [.. method.GetParameters().Select(Argument)])!;

        static object? Argument(ParameterInfo parameter) =>
            parameter.ParameterType == typeof(string) ? "options"
            : parameter.ParameterType == typeof(int) ? 2
            : Activator.CreateInstance(parameter.ParameterType);
    }

    private static IEnumerable<PropertyInfo> Properties(Type kind) =>
        kind.GetProperties().Where(property => property.CanWrite);

    /// <summary>Values that are not the one given, of the same type; null where the type is a record of options itself.</summary>
    private static object[]? Others(PropertyInfo property, object? value) => value switch
    {
        int number => [number + 1],
        double number => [number == 0 ? 0.25 : 0.75 * number + 0.3],
        bool flag => [!flag],
        TimeSpan => [TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(4)],
        PolicyKind => [PolicyKind.Linear, PolicyKind.Rbf(7)],
        Enum => [.. Enum.GetValues(property.PropertyType).Cast<object>().Where(other => !other.Equals(value))],
        IReadOnlyList<double> list => [list.Select(item => 0.5 * item).ToArray()],
        null when property.PropertyType == typeof(IReadOnlyList<double>) => [new[] { 0.5, 0.25 }],
        null when property.PropertyType == typeof((double[], double[])?) => [(new[] { -1.0, -2.0 }, new[] { 3.0, 4.0 })],
        not null when Kinds.Contains(property.PropertyType) => null,
        _ => throw new AssertException($"no other value is known for {property.DeclaringType!.Name}.{property.Name}"),
    };

    /// <summary>Copies of options with one property changed each, by its path.</summary>
    private static IEnumerable<(string Path, object Options, object Value)> Changed(object options)
    {
        foreach (var property in Properties(options.GetType()))
        {
            var value = property.GetValue(options);
            var changes = Others(property, value) is { } others
                ? others.Select(other => (property.Name, Value: other, Leaf: other))
                : Changed(value!).Select(inner => ($"{property.Name}.{inner.Path}", Value: inner.Options, Leaf: inner.Value));
            foreach (var (path, other, leaf) in changes)
            {
                var copy = options.GetType().GetMethod("<Clone>$")!.Invoke(options, null)!;
                property.SetValue(copy, other);
                yield return (path, copy, leaf);
            }
        }
    }

    /// <summary>The fields of a record of the engine by their paths.</summary>
    private static IEnumerable<(string Path, object? Value)> Fields(object record)
    {
        foreach (var field in FSharpType.GetRecordFields(record.GetType(), null))
        {
            var value = field.GetValue(record);
            if (value is not null && FSharpType.IsRecord(value.GetType(), null))
                foreach (var (path, inner) in Fields(value)) yield return ($"{field.Name}.{path}", inner);
            else
                yield return (field.Name, value);
        }
    }

    private static bool AreSame(object? a, object? b) => StructuralComparisons.StructuralEqualityComparer.Equals(a, b);

    private static double[,] Plan(SamplingPlanner planner)
    {
        for (var t = 0; t < 3; t++) planner.Replan([1, 0], t == 0 ? 0 : 1);
        return planner.Plan;
    }

    private static double[,] Plan(Control.SamplingPlanner planner)
    {
        for (var t = 0; t < 3; t++) planner.Replan([1, 0], t == 0 ? 0 : 1);
        return planner.Plan;
    }

    private static readonly Objective Objective = Objective.FromProblem(Problem);
    private static readonly Control.Objective EngineObjective = Control.ObjectiveModule.ofProblem(Engine);
    private static readonly FSharpOption<double[]> Deviation = FSharpOption<double[]>.Some([0.4]);

    private static Research.Rng Rng => Research.Rng.OfSeed(5);

    [Tests]
    public static Test All { get; } = Runner.TestList("Options",
    [
        Runner.TestCase("are found", () => Expected.True(Kinds.Length >= 13, string.Join(", ", Kinds.Select(kind => kind.Name)))),

        Runner.TestList("every property changes its field of the engine's options, and no other", Kinds.Select(kind => Runner.TestCase(kind.Name, () =>
        {
            var defaults = Defaults(kind);
            var before = Fields(ToEngine(defaults)).ToArray();
            var seen = new HashSet<string>();
            foreach (var (path, options, value) in Changed(defaults))
            {
                var after = Fields(ToEngine(options)).ToArray();
                var changed = after.Where(field => !AreSame(field.Value, before.Single(b => b.Path == field.Path).Value)).ToArray();
                Expected.True(changed.Length == 1 && changed[0].Path == path,
                    $"{kind.Name}.{path} changes {string.Join(", ", changed.Select(field => field.Path))}");
                if (value is int or double or bool or TimeSpan) Expected.Equal(changed[0].Value, value, $"{kind.Name}.{path}");
                seen.Add(path);
            }

            // what the facade does not show is what no option is: what stops a training
            var hidden = before.Select(field => field.Path).Where(path => !seen.Contains(path) && path != "Cancellation").ToArray();
            Expected.True(hidden.Length == 0, $"no option sets {string.Join(", ", hidden)}");
        }))),

        Runner.TestList("that are not the defaults give what they give in F#",
        [
            Runner.TestCase("iLQR, DDP and constraints", () =>
            {
                var options = new SolverOptions { MaxIterations = 2, FirstRegularisation = 0.5, Steps = [0.5], CostTolerance = 0, GradientTolerance = 0 };
                var d = Control.Ilqr.defaults;
                var engine = new Control.Options(
                    2, 0, 0, d.Regularisation, 0.5, d.RegularisationFactor, d.MinRegularisation, d.MaxRegularisation, [0.5], d.AcceptRatio, d.Threads);
                var start = new double[20, 1];
                Expected.SameBits(Ilqr.Solve(Problem, options: options).Controls, Control.Ilqr.solve(engine, Engine, start).U, "iLQR");
                Expected.SameBits(Ddp.Solve(Problem, options: options).Controls, Control.Ddp.solve(engine, Engine, start).U, "DDP");
                var c = Control.Constrained.defaults;
                var constrained = Constrained.Solve(Models.RailProblem, options: new() { Inner = options, MaxRounds = 2 });
                var expected = Control.Constrained.solve(
                    new(engine, 2, c.FeasibilityTolerance, c.OptimalityTolerance, c.FirstPenalty, c.PenaltyFactor, c.MaxPenalty),
                    Research.Environments.CartPole.railed.Problem, new double[100, 1]);
                Expected.SameBits(constrained.Solution.Controls, expected.Solution.U, "constraints");
            }),

            Runner.TestCase("unscented filter", () =>
            {
                NoisySystem system = new(Dynamics.Discrete(1, 1, (x, u) => [Real.Sin(x[0]) + u[0]]), x => [x[0] * x[0]], new[,] { { 0.1 } }, new[,] { { 0.2 } });
                var engine = Control.NoisySystemModule.create(
                    Research.DynamicsModule.ofTraced(1, 1, FuncConvert.FromFunc<Research.Real[], Research.Real[], Research.Real[]>(
                        (x, u) => [Research.Real.Sin(x[0]) + u[0]])),
                    FuncConvert.FromFunc<Research.Real[], Research.Real[]>(x => [x[0] * x[0]]), new[,] { { 0.1 } }, new[,] { { 0.2 } });
                var filter = StateEstimator.UnscentedKalman(system, new([0.5], new[,] { { 1.0 } }), new() { Alpha = 0.9, Beta = 1, Kappa = 0.5 });
                var expected = Control.UnscentedKalman.create(new(0.9, 1, 0.5), engine, new([0.5], new[,] { { 1.0 } }));
                filter.Update(0.3);
                expected.Update([0.3]);
                Expected.SameBits(filter.Estimate.Mean, expected.Estimate.Mean, "mean");
                Expected.SameBits(filter.Estimate.Covariance, expected.Estimate.Covariance, "covariance");
            }),

            Runner.TestCase("sampling planners", () =>
            {
                Expected.SameBits(
                    Plan(SamplingPlanner.RandomShooting(Objective, new(5), new() { Samples = 20 })), Plan(Control.RandomShooting.create(new(20), EngineObjective, Rng)),
                    "random shooting");
                Expected.SameBits(
                    Plan(SamplingPlanner.Cem(Objective, new(5), new() { Samples = 30, Elites = 4, Iterations = 2, Smoothing = 0.3, Tolerance = 0.01, Deviation = [0.4] })),
                    Plan(Control.Cem.create(new(30, 4, 2, 0.3, 0.01, Deviation), EngineObjective, Rng)), "CEM");
                Expected.SameBits(
                    Plan(SamplingPlanner.ICem(
                        Objective, new(5), new() { Samples = 30, Elites = 4, Iterations = 2, Decay = 1.5, Colour = 1, Kept = 0.5, Smoothing = 0.3, Deviation = [0.4] })),
                    Plan(Control.ICem.create(new(30, 4, 2, 1.5, 1, 0.5, 0.3, Deviation), EngineObjective, Rng)), "iCEM");
                Expected.SameBits(
                    Plan(SamplingPlanner.Mppi(
                        Objective, new(5), new() { Samples = 30, Iterations = 2, Temperature = 0.3, Correction = 0.5, Deviation = [0.4], Smoothing = 2 })),
                    Plan(Control.Mppi.create(new(30, 2, 0.3, 0.5, Deviation, 2), EngineObjective, Rng)), "MPPI");
                Expected.SameBits(
                    Plan(SamplingPlanner.PredictiveSampling(Objective, new(5), new() { Samples = 20, Knots = 5, Spline = Spline.Linear, Deviation = [0.4] })),
                    Plan(Control.PredictiveSampling.create(new(20, 5, Control.Spline.Linear, Deviation), EngineObjective, Rng)), "predictive sampling");
            }),

            Runner.TestCase("model-predictive control, with constraints", () =>
            {
                var controller = new MpcController(Models.RailProblem, new() { Iterations = 2, Penalty = 7 });
                var d = Control.Mpc.defaults;
                var expected = Control.Mpc.create(new(d.Solver, 2, d.Deadline, 7), Research.Environments.CartPole.railed.Problem);
                controller.Start([0, 0, 0, 0]);
                expected.Start([0, 0, 0, 0], new double[100, 1]);
                var (replan, wanted) = (controller.Replan([0.01, 0, 0, 0], 0), expected.Replan([0.01, 0, 0, 0], 0));
                Expected.SameBits(replan.Cost, wanted.Cost, "cost");
                Expected.SameBits(controller.Plan.Controls, expected.Plan.U, "plan");
            }),

            Runner.TestCase("moving horizon", () =>
            {
                double[,] one = { { 1.0 } };
                NoisySystem system = new(Dynamics.Discrete(1, 1, (x, u) => [0.9 * x[0] + u[0]]), x => [x[0]], one, one);
                var engine = Control.NoisySystemModule.create(
                    Research.DynamicsModule.ofTraced(1, 1, FuncConvert.FromFunc<Research.Real[], Research.Real[], Research.Real[]>((x, u) => [0.9 * x[0] + u[0]])),
                    FuncConvert.FromFunc<Research.Real[], Research.Real[]>(x => [x[0]]), one, one);
                var estimator = StateEstimator.MovingHorizon(system, new([0], one), new() { Window = 3, StateBounds = ([0], [9]), NoiseBounds = ([-0.5], [0.5]) });
                var bounds = FSharpOption<Tuple<double[], double[]>>.Some(Tuple.Create<double[], double[]>([0], [9]));
                var noise = FSharpOption<Tuple<double[], double[]>>.Some(Tuple.Create<double[], double[]>([-0.5], [0.5]));
                var expected = Control.MovingHorizon.create(new(3, bounds, noise, Control.MovingHorizon.defaults.Solver), engine, new([0], one));
                foreach (var y in new[] { -1, 2, 0.5, 3, 1 })
                {
                    estimator.Update(y);
                    expected.Update([y]);
                    Expected.SameBits(estimator.Estimate.Mean, expected.Estimate.Mean, "mean");
                    estimator.Predict(0.1);
                    expected.Predict([0.1]);
                }
            }),
        ]),
    ]);
}
