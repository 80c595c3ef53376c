namespace Research.Benchmarks

open System
open Research
open Research.Cli.Bench
open Research.Control
open Research.Environments

/// How time grows with horizon, size and batch.
[<RequireQualifiedAccess>]
module ScalingBenchmark =

    let private iteration (solver: TrajectoryOptimiser) (controls: float[,]) =
        let all = Array.init 30 (fun _ -> solver.Solve controls) |> Array.skip 15

        all
        |> Seq.collect _.Iterations
        |> Seq.map (fun i -> 1e6 * i.Seconds)
        |> Timing.median

    let run () =
        printfn "iLQR on the cart-pole by horizon T, a swing-up of 2 s"

        for horizon in [ 25; 50; 100; 200; 400; 800; 1600 ] do
            let e = CartPole.environment
            let h = 2.0 / float horizon
            let problem = Problem.create (e.Dynamics h) (e.Cost h) horizon e.Start

            let time =
                iteration
                    (Ilqr.create
                        { Ilqr.defaults with
                            MaxIterations = 40
                        }
                        problem)
                    (Array2D.zeroCreate horizon 1)

            printfn "  T = %4d  %8.1f µs an iteration  %.3f µs a step" horizon time (time / float horizon)

        printfn "iLQR by the number of states n: a chain of masses on springs, m = 2, T = 100"

        for n in [ 2; 4; 8; 12; 20; 40 ] do
            let masses = n / 2

            let ode (x: Vec) (u: Vec) =
                let q, v = x[.. masses - 1], x[masses..]

                let force i =
                    let left = if i > 0 then q[i - 1] - q[i] else -q[i]
                    let right = if i < masses - 1 then q[i + 1] - q[i] else -q[i]

                    let push =
                        if i = 0 then u[0]
                        elif i = masses - 1 then u[1]
                        else Real.Zero

                    5.0 * (left + right) + 0.5 * sin q[i] - 0.1 * v[i] + push

                Array.append v (Array.init masses force)

            let dynamics = Dynamics.ofTraced n 2 (Integrator.rk4 (Real.constant 0.05) ode)

            let cost =
                Cost.create (fun x u -> 0.05 * (Vec.squaredNorm x + 0.1 * Vec.squaredNorm u)) (fun x ->
                    10.0 * Vec.squaredNorm x)

            let problem =
                Problem.create dynamics cost 100 (Array.init n (fun i -> if i < masses then 1.0 else 0.0))

            let solver =
                Ilqr.create
                    { Ilqr.defaults with
                        CostTolerance = 0.0
                        GradientTolerance = 0.0
                        MaxIterations = 12
                    }
                    problem

            printfn "  n = %2d  %8.1f µs an iteration" n (iteration solver (Array2D.zeroCreate 100 2))

        printfn "cart-pole RK4 step with its Jacobian by batch"

        let kernel =
            Compile.valueAndJacobian 5 (fun z -> Integrator.rk4 (Real.constant 0.02) CartPole.ode z[..3] z[4..])

        for count in [ 1; 2; 4; 8; 16; 64; 256; 1024 ] do
            let points = Array.init (5 * count) (fun i -> sin (float i))
            let results = Array.zeroCreate (kernel.Outputs * count)

            let run () =
                kernel.Run(ReadOnlySpan points, ReadOnlySpan<float>.Empty, Span results, count)

            printfn "  batch %4d  %8.2f ns a point" count (Timing.nanoseconds run / float count)
