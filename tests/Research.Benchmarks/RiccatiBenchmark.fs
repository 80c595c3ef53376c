namespace Research.Benchmarks

open System
open Research
open Research.Cli.Bench
open Research.Kernels

/// Riccati recursions against Eigen.
[<RequireQualifiedAccess>]
module RiccatiBenchmark =

    let private ours n m steps =
        let rng = Rng.OfSeed 1
        let backward = BackwardPass(n, m)

        let identity size =
            Array.init (size * size) (fun k -> if k / size = k % size then 1.0 else 0.0)

        let step _ =
            Array.concat
                [
                    Array.init (n * n) (fun _ -> rng.Normal() / sqrt (float n))
                    Array.init (n * m) (fun _ -> rng.Normal())
                    Array.zeroCreate (n + m)
                    identity n
                    Array.zeroCreate (m * n)
                    identity m
                ]

        let model: float[] = Array.init steps step |> Array.concat
        let policy: float[] = Array.zeroCreate (steps * backward.PolicySize)
        let gradient: float[] = Array.zeroCreate n
        let hessian = identity n

        let run () =
            backward.Run(model, backward.RecordSize, gradient, hessian, policy, backward.PolicySize, steps)
            |> ignore

        Timing.nanoseconds run / 1000.0

    let run () =
        printfn "Riccati recursions with gains and value function"

        for n, m, steps, kind, bar in
            [
                4, 1, 100, "fixed", 1.0
                12, 4, 100, "fixed", 1.0
                40, 10, 100, "dynamic", 1.1
                100, 20, 50, "dynamic", 1.1
            ] do
            let eigen =
                Native.number Native.ilqr.Value [ "riccati"; kind; $"n={n} m={m} " ] "median"

            Comparison.print
                $"n = {n}, m = {m}, T = {steps}, against Eigen {kind}"
                "µs"
                (ours n m steps)
                eigen
                (Some bar)
