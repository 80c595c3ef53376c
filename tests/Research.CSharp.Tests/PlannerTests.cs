using Expecto;
using Expecto.CSharp;
using Research.ModelBased;
using Control = Research.Control;

namespace FacadeTests;

/// <summary>Sampling planners.</summary>
public static class PlannerTests
{
    private static readonly ControlProblem Problem = Models.Slider.WithLimits([-2], [2]);

    private static readonly (string Name, Func<Objective, RandomSource, SamplingPlanner> Make,
        Func<Control.Objective, Research.Rng, Control.SamplingPlanner> Engine)[] Planners =
    [
        ("random shooting", (o, r) => SamplingPlanner.RandomShooting(o, r, new() { Samples = 50 }),
            (o, r) => Control.RandomShooting.create(new(50), o, r)),
        ("CEM", (o, r) => SamplingPlanner.Cem(o, r), (o, r) => Control.Cem.create(Control.Cem.defaults, o, r)),
        ("iCEM", (o, r) => SamplingPlanner.ICem(o, r), (o, r) => Control.ICem.create(Control.ICem.defaults, o, r)),
        ("MPPI", (o, r) => SamplingPlanner.Mppi(o, r), (o, r) => Control.Mppi.create(Control.Mppi.defaults, o, r)),
        ("predictive sampling", (o, r) => SamplingPlanner.PredictiveSampling(o, r),
            (o, r) => Control.PredictiveSampling.create(Control.PredictiveSampling.defaults, o, r)),
    ];

    [Tests]
    public static Test All { get; } = Runner.TestList("Planners",
    [
        Runner.TestList("plans are those of F#", Planners.Select(planner => Runner.TestCase(planner.Name, () =>
        {
            var engineProblem = Control.ProblemModule.withLimits([-2], [2], Models.SliderOfEngine);
            var actual = planner.Make(Objective.FromProblem(Problem), new(5));
            var expected = planner.Engine(Control.ObjectiveModule.ofProblem(engineProblem), Research.Rng.OfSeed(5));
            double[] x = [1, 0];
            for (var t = 0; t < 3; t++)
            {
                var (a, e) = (actual.Replan(x, t == 0 ? 0 : 1), expected.Replan(x, t == 0 ? 0 : 1));
                Expected.SameBits(a.Best, e.Best, "best");
                Expected.Equal((a.Evaluations, a.Iterations, a.IsLost), (e.Evaluations, e.Iterations, e.IsLost), "counts");
                Expected.SameBits(actual.Plan, expected.Plan, "plan");
                x = Problem.Dynamics.Next(x, actual.Act(0));
            }
        }))),

        Runner.TestCase("a planner as a policy brings the mass to rest", () =>
        {
            var planner = SamplingPlanner.Cem(Objective.FromProblem(Problem), new(1));
            var end = Problem.Dynamics.Simulate(planner.Policy(every: 2), 60, [1, 0]).State(60);
            Expected.Near(end[0], 0, 0.05, "position");
        }),

        Runner.TestCase("from a state that is not finite the old plan stands", () =>
        {
            foreach (var (_, make, _) in Planners)
            {
                var planner = make(Objective.FromProblem(Problem), new(3));
                planner.Replan([1, 0], 0);
                var plan = planner.Plan;
                Expected.True(planner.Replan([1, double.NaN], 0).IsLost, "lost");
                Expected.SameBits(planner.Plan, plan, "plan");
                Expected.True(!planner.Replan([1, 0], 1).IsLost, "found");
            }
        }),

        Runner.TestCase("an objective of one's own", () =>
        {
            // the nearer the sum of three controls to 1, the better
            var objective = Objective.Create(3, 1, [-1], [1], (state, controls, count, costs) =>
            {
                for (var p = 0; p < count; p++)
                    costs[p] = Math.Pow(controls[p] + controls[count + p] + controls[2 * count + p] - state[0], 2);
            });
            var planner = SamplingPlanner.ICem(objective, new(2));
            for (var t = 0; t < 5; t++) planner.Replan([1], 0);
            Expected.Near(objective.Cost([1], planner.Plan), 0, 1e-4, "cost");
        }),

        Runner.TestCase("arguments are named", () =>
        {
            var objective = Objective.FromProblem(Problem);
            (string Name, Action Call)[] calls =
            [
                ("problem", () => Objective.FromProblem(Models.RailProblem)),
                ("objective", () => SamplingPlanner.Cem(null!, new(1))),
                ("random", () => SamplingPlanner.Cem(objective, null!)),
                ("options", () => SamplingPlanner.Cem(objective, new(1), new() { Samples = 0 })),
                ("options", () => SamplingPlanner.Mppi(Objective.FromProblem(Models.Slider), new(1))),
                ("state", () => SamplingPlanner.Cem(objective, new(1)).Replan([1], 0)),
                ("value", () => SamplingPlanner.Cem(objective, new(1)).Plan = new double[1, 1]),
                ("every", () => SamplingPlanner.Cem(objective, new(1)).Policy(0)),
            ];
            foreach (var (name, call) in calls) Expected.Equal(Expected.Throws<ArgumentException>(call, name).ParamName, name, "argument");
        }),

        Runner.TestCase("random numbers are those of F#", () =>
        {
            var (random, engine) = (new RandomSource(9), Research.Rng.OfSeed(9));
            for (var i = 0; i < 5; i++) Expected.SameBits(random.Normal(), engine.Normal(), "normal");
            Expected.SameBits(random.Split().Uniform(2, 3), engine.Split().Uniform(2, 3), "uniform");
        }),
    ]);
}
