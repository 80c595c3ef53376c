namespace Research.Benchmarks

open System
open System.Diagnostics
open Research
open Research.Cli.Bench
open Research.Environments
open Research.Benchmarks.Duals

/// Dynamics with their Jacobians: what each model's graph costs, and the seven-joint arm against the same algorithm by hand over dual numbers.
[<RequireQualifiedAccess>]
module ArmBenchmark =

    /// the same arm for the hand-written version
    let private arm =
        let joints = Manipulator.chain.Joints
        let flat (a: float[,]) = a |> Seq.cast<float> |> Seq.toArray

        let about (joint: Joint) =
            let c, i = joint.Centre, joint.Inertia

            let centre =
                array2D [ [ i[0]; i[3]; i[4] ]; [ i[3]; i[1]; i[5] ]; [ i[4]; i[5]; i[2] ] ]

            let square = c |> Array.sumBy (fun v -> v * v)

            centre
            |> Array2D.mapi (fun a b v -> v + joint.Mass * ((if a = b then square else 0.0) - c[a] * c[b]))

        Arm(
            joints |> Array.map (ArticulatedBody.placement >> flat),
            joints |> Array.map _.Offset,
            joints |> Array.map _.Mass,
            joints |> Array.map _.Centre,
            joints |> Array.map (about >> flat),
            joints |> Array.map _.Armature,
            joints |> Array.map _.Damping,
            9.81
        )

    /// Kernel of a model's step with its Jacobian, and the times to build and to compile it, in milliseconds.
    let private build (environment: Research.Environments.Environment) =
        let n, m = environment.States.Length, environment.Controls.Length
        let clock = Stopwatch.StartNew()

        let kernel =
            Compile.valueAndJacobian (n + m) (fun z ->
                environment.Step (Real.constant environment.TimeStep) z[.. n - 1] z[n..])

        let built = clock.Elapsed.TotalMilliseconds
        let points = Array.init ((n + m) * 104) (fun i -> 0.3 * sin (float i))
        let results = Array.zeroCreate (kernel.Outputs * 104)

        let run () =
            kernel.Run(ReadOnlySpan points, ReadOnlySpan<float>.Empty, Span results, 104)

        clock.Restart()
        run ()
        kernel, built, clock.Elapsed.TotalMilliseconds, points, results, run

    let run () =
        printfn "step with its Jacobian, batches of 104"

        printfn
            "| model | states, controls | nodes of the step | instructions with Jacobian | trace, derive, lower | compile, first run | a point |"

        printfn "|---|---|---|---|---|---|---|"

        for environment in Environments.all do
            let n, m = environment.States.Length, environment.Controls.Length
            let z = Real.variables "z" (n + m)

            let nodes =
                (Trace.order (environment.Step (Real.constant environment.TimeStep) z[.. n - 1] z[n..])).Length

            let kernel, built, compiled, _, _, run = build environment
            let each = Timing.nanoseconds run / 104.0

            printfn
                "| %s | %d, %d | %d | %d | %.0f ms | %.0f ms | %.0f ns |"
                environment.Name
                n
                m
                nodes
                kernel.Instructions
                built
                compiled
                each

        let kernel, built, compiled, points, results, run = build Manipulator.environment
        let dual = DualArm arm

        let point, next, jacobian =
            Array.zeroCreate 21, Array.zeroCreate 14, Array.zeroCreate (14 * 21)

        let mutable worst = 0.0

        for p in 0..103 do
            for i in 0..20 do
                point[i] <- points[i * 104 + p]

            dual.Step(ReadOnlySpan point, 0.02, Span next, Span jacobian)

            for k in 0 .. kernel.Outputs - 1 do
                let theirs = if k < 14 then next[k] else jacobian[k - 14]
                worst <- Math.Max(worst, abs (results[k * 104 + p] - theirs) / (1.0 + abs theirs))

        if not (worst < 1e-9) then
            failwith $"the two versions of the arm differ by {worst}"

        let ours = Timing.nanoseconds run / 104.0

        let theirs =
            Timing.nanoseconds (fun () -> dual.Step(ReadOnlySpan point, 0.02, Span next, Span jacobian))

        printfn
            "seven-joint arm: %d instructions, built and compiled in %.0f ms (bar 1500); the two versions agree to %.0e"
            kernel.Instructions
            (built + compiled)
            worst

        Comparison.print "seven-joint arm with Jacobian, against scalar dual numbers" "ns" ours theirs (Some 0.1)
