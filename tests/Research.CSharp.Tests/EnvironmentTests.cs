using Expecto;
using Expecto.CSharp;
using Research.ModelBased;

namespace FacadeTests;

/// <summary>Systems that come with the library.</summary>
public static class EnvironmentTests
{
    [Tests]
    public static Test All { get; } = Runner.TestList("Environments",
    [
        Runner.TestCase("are all there, by name", () =>
        {
            var engine = Research.Environments.Environments.all.ToArray();
            Expected.Equal(string.Join(" ", Environments.All.Select(e => e.Name)), string.Join(" ", engine.Select(e => e.Name)), "names");
            foreach (var (environment, expected) in Environments.All.Zip(engine))
            {
                var problem = environment.Problem();
                Expected.Equal(problem.Horizon, expected.Horizon, "horizon");
                Expected.SameBits(problem.Start.ToArray(), expected.Start, "start");
                Expected.Equal(problem.Constraints.Count, expected.Constraints.Length, "constraints");
                Expected.Equal((environment.States.Count, environment.Controls.Count), (problem.Dynamics.States, problem.Dynamics.Controls), "sizes");
                Expected.True(environment.Summary.Length > 0 && environment.Source.Length > 0 && environment.States.All(s => s.Name.Length > 0), "words");
            }
        }),

        Runner.TestCase("a name that is close is offered", () =>
        {
            var failure = Expected.Throws<ArgumentException>(() => Environments.Find("cartpol"), "unknown");
            Expected.True(failure.Message.Contains("Did you mean 'cartpole'?") && failure.ParamName == "name", failure.Message);
            Expected.True(!Environments.TryFind("cartpol", out _) && Environments.TryFind("pendulum", out var found) && found.Goal.Length == 2, "try");
        }),

        Runner.TestCase("solve, simulate and build on", () =>
        {
            var environment = Environments.Find("double-integrator");
            var solution = Ilqr.Solve(environment.Problem());
            Expected.True(solution.IsConverged, $"{solution}");
            var again = Dynamics.Discrete(environment.States.Count, environment.Controls.Count, environment.Next);
            double[] x = environment.Start.ToArray(), u = [.. solution.Control(0)];
            Expected.SameBits(again.Next(x, u), environment.Dynamics(environment.TimeStep).Next(x, u), "next state");
            var finer = environment.Problem(environment.TimeStep / 2, 2 * environment.Horizon);
            Expected.Near(Ilqr.Solve(finer).Cost, solution.Cost, 0.1 * solution.Cost, "a finer step costs about the same");
        }),

        Runner.TestCase("episodes are those of F#", () =>
        {
            var episodes = Environments.Find("pendulum").Episodes(5);
            var engine = new Research.Environments.Episodes(Research.Environments.Pendulum.environment, 5);
            Expected.SameBits(episodes.Reset(3), engine.Reset(3), "first observations");
            var actions = new double[,] { { -1 }, { 0 }, { 1 }, { 2 }, { 99 } };
            for (var t = 0; t < 3; t++)
            {
                var (actual, expected) = (episodes.Step(actions), engine.Step(actions));
                Expected.SameBits(actual.Observations, expected.Observation, "observations");
                Expected.SameBits(actual.Rewards, expected.Reward, "rewards");
                Expected.True(actual.Terminated.SequenceEqual(expected.Terminated) && actual.Truncated.SequenceEqual(expected.Truncated), "ends");
            }
        }),
    ]);
}
