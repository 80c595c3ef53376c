namespace Research.Benchmarks

open System
open Research
open Research.Control
open Research.Environments

/// Replans of one iteration, from states scattered about the plan's start.
[<RequireQualifiedAccess>]
module MpcBenchmark =

    let private measure (environment: Research.Environments.Environment) horizon bars =
        let problem = environment.ProblemOver(environment.TimeStep, horizon)

        let controller = Mpc.create Mpc.defaults problem

        controller.Start(environment.Start, Array2D.zeroCreate horizon environment.Controls.Length)
        |> ignore

        let rng = Rng.OfSeed 1
        let count = 3000
        let replans = Array.zeroCreate<float> count
        let answers = Array.zeroCreate<float> count

        for i in 0 .. count - 1 do
            let x = environment.Start |> Array.map (fun v -> v + 0.02 * rng.Normal())
            // the plan moves on by a step and back to where it was, as the state does
            let begun = Diagnostics.Stopwatch.GetTimestamp()
            controller.Prepare(if i % 20 = 19 then 1 else 0)
            answers[i] <- 1e6 * controller.Follow(ReadOnlySpan x).Seconds
            replans[i] <- 1e6 * Diagnostics.Stopwatch.GetElapsedTime(begun).TotalSeconds

        let steady = Array.sort replans[count / 3 ..]

        let at share =
            steady[int (share * float (steady.Length - 1))]

        let median, p99 = at 0.5, at 0.99

        let verdict bar value =
            match bar with
            | Some(bar: float) ->
                (if value <= bar then
                     $"(bar {bar:F0}: met)"
                 else
                     $"(bar {bar:F0}: MISSED)")
            | None -> ""

        printfn
            "%-14s T = %3d  replan: median %6.1f µs %s  p99 %6.1f µs %s  worst %7.1f µs;  from state to plan: median %6.1f µs"
            environment.Name
            horizon
            median
            (verdict (fst bars) median)
            p99
            (verdict (snd bars) p99)
            (Array.last steady)
            (Timing.median answers[count / 3 ..])

    let run () =
        measure CartPole.environment 100 (Some 50.0, Some 200.0)
        measure Quadrotor.environment 100 (Some 400.0, None)
        measure Manipulator.environment 50 (Some 1000.0, None)
        measure Acrobot.environment 100 (None, None)
