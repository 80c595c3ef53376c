namespace Research.Benchmarks

open System
open Research
open Research.Cli.Bench
open Research.Control
open Research.Environments
open Research.Lab

/// Replans of one iteration, from states scattered about the plan's start.
[<RequireQualifiedAccess>]
module MpcBenchmark =

    let private measure (environment: Research.Environments.Environment) horizon bars =
        let problem = environment.ProblemOver(environment.TimeStep, horizon)

        let controls = Array2D.zeroCreate horizon environment.Controls.Length
        let replans, answers = Measures.replans problem controls 3000

        let at share =
            1e6 * Measurement.quantile share replans

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
            (at 1.0)
            (1e6 * Timing.median answers)

    let run () =
        measure CartPole.environment 100 (Some 50.0, Some 200.0)
        measure Quadrotor.environment 100 (Some 400.0, None)
        measure Manipulator.environment 50 (Some 1000.0, None)
        measure Acrobot.environment 100 (None, None)
