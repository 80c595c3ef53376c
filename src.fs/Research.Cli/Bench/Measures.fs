namespace Research.Cli.Bench

open System
open System.Diagnostics
open Research
open Research.Control
open Research.Environments

/// Times of the same thing again and again, in seconds, and what of: `bench` prints them, and the benchmarks hold them against others.
[<RequireQualifiedAccess>]
module Measures =

    /// Times of the dynamics' Jacobian, a point, in batches as long as the horizon.
    let jacobians (seconds: float) (problem: Problem) : float[] =
        let dynamics, count = problem.Dynamics, problem.Horizon
        let size = dynamics.StateSize + dynamics.ControlSize
        let rng = Rng.OfSeed 1

        let points =
            Array.init (size * count) (fun i ->
                let row = i / count
                let middle = if row < dynamics.StateSize then problem.Start[row] else 0.0
                middle + 0.1 * rng.Normal())

        let results = Array.zeroCreate (dynamics.StateSize * size * count)

        Timing.samples seconds (fun () -> dynamics.Linearise(ReadOnlySpan points, Span results, count))
        |> Array.map (fun nanoseconds -> 1e-9 * nanoseconds / float count)

    /// Times of the iterations and of the whole solutions of a solver that solves again and again from the same controls, the first half
    /// of the solutions not counted, and the last solution.
    let solutions (solver: TrajectoryOptimiser) (controls: float[,]) (count: int) : float[] * float[] * Solution =
        let all =
            Array.init (2 * count) (fun _ -> solver.Solve controls) |> Array.skip count

        all |> Array.collect _.Iterations |> Array.map _.Seconds, all |> Array.map _.SolveSeconds, Array.last all

    /// Times of replans of one iteration from states scattered about the start, and of their second halves, from the state to the plan; the
    /// first third not counted.
    let replans (problem: Problem) (controls: float[,]) (count: int) : float[] * float[] =
        let controller = Mpc.create Mpc.defaults problem
        controller.Start(problem.Start, controls) |> ignore
        let rng = Rng.OfSeed 1
        let whole, answers = Array.zeroCreate<float> count, Array.zeroCreate<float> count

        for i in 0 .. count - 1 do
            let x = problem.Start |> Array.map (fun v -> v + 0.02 * rng.Normal())
            let begun = Stopwatch.GetTimestamp()
            // now and then the plan moves on by a step
            controller.Prepare(if i % 20 = 19 then 1 else 0)
            answers[i] <- controller.Follow(ReadOnlySpan x).Seconds
            whole[i] <- Stopwatch.GetElapsedTime(begun).TotalSeconds

        whole[count / 3 ..], answers[count / 3 ..]
