using Expecto;
using Expecto.CSharp;
using Research.ModelBased;

namespace FacadeTests;

/// <summary>Progress and cancellation.</summary>
public static class AsyncTests
{
    internal sealed class Listener<T>(Action<T> hear) : IProgress<T>
    {
        public void Report(T value) => hear(value);
    }

    [Tests]
    public static Test All { get; } = Runner.TestList("Async",
    [
        Runner.TestCase("progress hears every iteration", async () =>
        {
            var heard = new List<Iteration>();
            var solution = await Ilqr.SolveAsync(Models.CartPoleProblem, progress: new Listener<Iteration>(heard.Add));
            Expected.True(heard.SequenceEqual(solution.Iterations), $"{heard.Count} heard of {solution.Iterations.Count}");
            Expected.SameBits(solution.Cost, Ilqr.Solve(Models.CartPoleProblem).Cost, "cost");
        }),

        Runner.TestCase("progress hears every round", async () =>
        {
            var heard = new List<Round>();
            var solution = await Constrained.SolveAsync(Models.RailProblem, progress: new Listener<Round>(heard.Add));
            Expected.True(heard.SequenceEqual(solution.Rounds), "rounds");
        }),

        Runner.TestCase("cancellation gives the best so far", async () =>
        {
            using var source = new CancellationTokenSource();
            var stop = new Listener<Iteration>(iteration =>
            {
                if (iteration.Number == 3) source.Cancel();
            });
            var solution = await Ddp.SolveAsync(Models.CartPoleProblem, progress: stop, cancellation: source.Token);
            Expected.Equal(solution.Status, SolveStatus.Cancelled, "status");
            Expected.Equal(solution.Iterations.Count, 3, "iterations");
            Expected.SameBits(solution.Cost, solution.Iterations[^1].Cost, "cost");
        }),

        Runner.TestCase("a token that is cancelled already gives the first guess", async () =>
        {
            var solution = await Ilqr.SolveAsync(Models.Slider, cancellation: new(true));
            Expected.Equal(solution.Status, SolveStatus.Cancelled, "status");
            Expected.Equal(solution.Iterations.Count, 0, "iterations");
        }),

        Runner.TestCase("what a listener throws reaches the caller", () =>
            Expected.Equal(
                Expected.Throws<InvalidOperationException>(
                    () => Ilqr.Solve(Models.Slider, progress: new Listener<Iteration>(_ => throw new InvalidOperationException("heard enough"))),
                    "progress").Message,
                "heard enough",
                "message")),
    ]);
}
