namespace Research.Benchmarks

open System
open System.Diagnostics
open Research
open Research.Cli.Bench
open Research.Environments

/// Compiled derivatives against hand-written C++.
[<RequireQualifiedAccess>]
module DiffBenchmark =

    let private step (z: Vec) =
        Integrator.rk4 (Real.constant 0.02) CartPole.ode z[..3] z[4..]

    /// Time of a batch of Jacobians, in nanoseconds a point.
    let private batch (kernel: Kernel<float>) count =
        let points = Array.init (5 * count) (fun i -> 2.0 * sin (float i))
        let results = Array.zeroCreate (kernel.Outputs * count)

        let run () =
            kernel.Run(ReadOnlySpan points, ReadOnlySpan<float>.Empty, Span results, count)

        Timing.nanoseconds run / float count

    /// A chain of n pendulums coupled by springs: a graph as large as one likes, with trigonometry and long dependencies.
    let private chain links steps (z: Vec) =
        let ode (x: Vec) (u: Vec) =
            let q, w = x[.. links - 1], x[links..]

            let acceleration i =
                let left = if i > 0 then sin (q[i - 1] - q[i]) else -(sin q[i])
                let right = if i < links - 1 then sin (q[i + 1] - q[i]) else u[0]
                10.0 * (left + right) - 0.1 * w[i] - 9.81 * sin q[i] * cos (0.5 * w[i])

            Array.append w (Array.init links acceleration)

        let mutable x = z[.. 2 * links - 1]

        for _ in 1..steps do
            x <- Integrator.rk4 (Real.constant 0.01) ode x z[2 * links ..]

        x

    let private large links steps =
        GC.Collect()
        let n = 2 * links + 1
        let clock = Stopwatch.StartNew()
        let kernel = Compile.valueAndJacobian n (chain links steps)
        let built = clock.Elapsed.TotalMilliseconds
        let count = 1024
        let points = Array.init (n * count) (fun i -> sin (float i))
        let results = Array.zeroCreate (kernel.Outputs * count)

        let run () =
            kernel.Run(ReadOnlySpan points, ReadOnlySpan<float>.Empty, Span results, count)

        clock.Restart()
        run ()
        let compiled = clock.Elapsed.TotalMilliseconds
        let each = Timing.nanoseconds run / float count
        let nodes = float kernel.Instructions

        printfn
            "%3d links, %d steps: %6d instructions  trace, derive and lower %6.0f ms  compile and first run %6.0f ms  %8.1f ns a point  %.4f ns an instruction and point"
            links
            steps
            kernel.Instructions
            built
            compiled
            each
            (each / nodes)

    let run () =
        let kernel = Compile.valueAndJacobian 5 step
        printfn "cart-pole RK4 step with its 4×5 Jacobian: %d instructions" kernel.Instructions
        let vectors = batch kernel 104
        let scalar = batch kernel 1
        let simd = Native.number Native.simd.Value [ "SIMD" ] "median" * 1000.0 / 104.0

        let dual =
            Native.number Native.ilqr.Value [ "umax=1e+09"; "jac=dual" ] "derivs" * 1000.0
            / 100.0

        Comparison.print "batch of 104, against vectors by hand" "ns" vectors simd (Some 1.5)
        Comparison.print "batch of 104, against scalar dual numbers" "ns" vectors dual (Some(1.0 / 8.0))
        Comparison.print "one point, against scalar dual numbers" "ns" scalar dual (Some 1.2)
        printfn "large graphs, batches of 1024"

        for links, steps in [ 2, 1; 7, 1; 7, 4; 12, 4; 20, 4 ] do
            large links steps
