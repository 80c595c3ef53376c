namespace Research.Benchmarks

open System
open System.Threading
open Research
open Research.Cli.Bench
open Research.Control
open Research.Environments

/// An iteration on one thread and on two, by turns, so that both see the same machine: the least and the median time, and where two begin to
/// pay. On a machine that does other work the second thread seldom gets a core, and the median says more about the others than about us.
[<RequireQualifiedAccess>]
module ThreadsBenchmark =

    let private measure (environment: Research.Environments.Environment) horizon (bar: float option) =
        let length = environment.TimeStep * float environment.Horizon

        let problem =
            { environment.ProblemOver(length / float horizon, horizon) with
                Constraints = []
            }

        let controls = Array2D.zeroCreate horizon problem.Dynamics.ControlSize

        let solver threads =
            Ilqr.create
                { Ilqr.defaults with
                    CostTolerance = 0.0
                    GradientTolerance = 0.0
                    MaxIterations = 16
                    Threads = threads
                }
                problem

        let one, two = solver 1, solver 2

        /// The time of each iteration of a solution; the first waits for the helper to wake.
        let times (solver: TrajectoryOptimiser) =
            (solver.Solve controls).Iterations
            |> Array.skip 1
            |> Array.map (fun iteration -> 1e6 * iteration.Seconds)

        for _ in 1..60 do
            times one |> ignore
            times two |> ignore

        Thread.Sleep 200
        let pairs = Array.init 150 (fun _ -> times one, times two)
        // the same iteration does the same work in every repetition
        let least (all: float[][]) =
            Array.init all[0].Length (fun i -> all |> Array.map (fun times -> times[i]) |> Array.min)
            |> Array.average

        let ones, twos = Array.map fst pairs, Array.map snd pairs

        let median all =
            Timing.median (Array.concat (all: float[][]))

        let verdict =
            match bar with
            | Some bar when least ones / least twos >= bar -> $"(bar {bar}: met)"
            | Some bar -> $"(bar {bar}: MISSED)"
            | None -> ""

        printfn
            "| %-12s | %4d | %8.1f | %8.1f | %.2f | %8.1f | %8.1f | %.2f | %s"
            environment.Name
            horizon
            (least ones)
            (least twos)
            (least ones / least twos)
            (median ones)
            (median twos)
            (median ones / median twos)
            verdict

    let run () =
        printfn "an iteration of iLQR on one thread and on two, µs"

        printfn
            "| system       |    T | one, least | two | ratio | one, median | two | ratio |\n|---|---|---|---|---|---|---|---|"

        for horizon in [ 50; 100; 150; 200; 400; 800 ] do
            measure CartPole.environment horizon None

        measure CartPole.environment 1600 (Some 1.6)

        for horizon in [ 5; 10; 20; 50; 100 ] do
            measure Manipulator.environment horizon None

        for horizon in [ 10; 20; 50; 100 ] do
            measure Quadrotor.environment horizon None
