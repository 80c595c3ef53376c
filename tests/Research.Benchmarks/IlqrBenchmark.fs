namespace Research.Benchmarks

open System
open Research
open Research.Cli.Bench
open Research.Control
open Research.Environments

/// Whole solvers against a hand-derived C++ iLQR on the same problem from the same start.
[<RequireQualifiedAccess>]
module IlqrBenchmark =

    let private problem (environment: Research.Environments.Environment) (limits: (float[] * float[]) option) =
        let h = environment.TimeStep

        { Problem.create (environment.Dynamics h) (environment.Cost h) environment.Horizon environment.Start with
            Limits = limits
        }

    /// The median iteration and the median solution, in microseconds, and the last solution.
    let private measure (solver: TrajectoryOptimiser) controls count =
        let iterations, whole, last = Measures.solutions solver controls count
        1e6 * Timing.median iterations, 1e6 * Timing.median whole, last

    let run () =
        let cartPole = CartPole.environment
        let start = Array2D.zeroCreate cartPole.Horizon 1

        for limit, mark in [ None, "umax=1e+09"; Some 10.0, "umax=10 " ] do
            let limits = limit |> Option.map (fun u -> [| -u |], [| u |])
            let solver = Ilqr.create Ilqr.defaults (problem cartPole limits)
            let iteration, whole, solution = measure solver start 400
            let output = Native.ilqr.Value

            let baseline before =
                Native.number output [ mark; "jac=dual" ] before

            let name =
                match limit with
                | Some u -> $"cart-pole, |u| ≤ {u}"
                | None -> "cart-pole, free"

            let cost = baseline "J="
            Comparison.print $"{name}: an iteration" "µs" iteration (baseline "iter ") (Some 0.7)
            Comparison.print $"{name}: the whole solution" "µs" whole (baseline "solve") (Some 0.8)

            printfn
                "    cost %.12g, %.1e relative from the baseline's; %d iterations, baseline %.0f"
                solution.Cost
                ((solution.Cost - cost) / cost)
                solution.Iterations.Length
                (baseline "iters")

            // what a solution allocates beyond its result: a longer solution of the same problem allocates the same
            let allocated iterations =
                let short =
                    Ilqr.create
                        { Ilqr.defaults with
                            MaxIterations = iterations
                        }
                        (problem cartPole limits)

                short.Solve start |> ignore
                let before = GC.GetAllocatedBytesForCurrentThread()
                short.Solve start |> ignore
                GC.GetAllocatedBytesForCurrentThread() - before

            let each = float (allocated 40 - allocated 20) / 20.0

            printfn
                "    %.0f bytes allocated an iteration beyond its record in the result"
                (each - float sizeof<Iteration>)

        let car = Car.environment
        let rng = Rng.OfSeed 1

        let controls =
            Array2D.init car.Horizon 2 (fun _ _ -> car.ControlSpread * rng.Normal())

        for name, create in [ "iLQR", Ilqr.create; "DDP", Ddp.create ] do
            let iteration, whole, solution =
                measure (create Ilqr.defaults (problem car (Some car.Limits))) controls 15

            printfn
                "Tassa's car, %s: %.0f µs an iteration (bar 400), %.1f ms for %d iterations; the original in Octave 204000 µs an iteration"
                name
                iteration
                (whole / 1000.0)
                solution.Iterations.Length
