namespace Research.Benchmarks

open System
open System.Diagnostics
open System.IO
open Research
open Research.Cli.Bench
open Research.Models

/// Values and gradients of policies under Gaussian processes, on one core and on all.
[<RequireQualifiedAccess>]
module PilcoBenchmark =

    /// A chain of the cart-pole's shape: e states of which the last is an angle, one control, n points, centres, steps. The model is smooth
    /// random data; time does not depend on what the numbers are.
    let private chain (n: int) (centres: int) (e: int) (horizon: int) =
        let rng = Rng.OfSeed 1
        let seen = [| yield! [| 0 .. e - 2 |]; e; e + 1 |]
        let d = seen.Length + 1
        let inputs = Array2D.init n d (fun _ _ -> rng.Normal())

        let targets =
            Array2D.init n e (fun i a -> 0.1 * sin (inputs[i, a % d] + inputs[i, d - 1]))

        let hyper =
            {
                Lengthscales = Array.create d 2.0
                Signal = 0.3
                Noise = 0.01
            }

        let gp =
            match GaussianProcess.condition (Array.create e hyper) inputs targets with
            | Ok gp -> gp
            | Error fault -> failwith $"{fault}"

        let identity = Array2D.init e e (fun i j -> if i = j then 1.0 else 0.0)

        let task =
            {
                Angles = [| e - 1 |]
                PolicyInputs = seen
                ModelInputs = seen
                Model = GaussianProcess.moments gp
                Cost = BeliefCost.saturating identity (Array.zeroCreate e)
                Exploration = 0.0
                Horizon = horizon
            }

        let policy =
            {
                Centres = Array2D.init centres (d - 1) (fun _ _ -> rng.Normal())
                Targets = Array2D.init centres 1 (fun _ _ -> 0.1 * rng.Normal())
                Lengthscales = Array2D.create 1 (d - 1) 1.0
            }

        let family =
            MomentFamily.compose (RbfPolicy.family centres (d - 1) 1) (Trigonometric.squash [| 10.0 |])

        let start = Gaussian.independent (Array.zeroCreate e) (Array.create e 0.1)
        fun () -> PolicyValue.gradient task family (RbfPolicy.pack policy) start |> ignore

    /// A search of a policy takes minutes, so that the JIT has settled long before its end: two seconds of calls go before those that count.
    let private milliseconds n centres e horizon =
        let run = chain n centres e horizon
        let clock = Stopwatch.StartNew()

        while clock.ElapsedMilliseconds < 2000L do
            run ()

        Timing.nanoseconds run / 1e6

    let private table () =
        printfn
            "Value and gradient of a policy: e states, n points, 50 basis functions; cores: %d"
            Environment.ProcessorCount

        printfn
            "(recorded: PILCO 0.9 in Octave 7.3 on one core of another machine, not measured here; bars are for one core)"

        // the cart-pole: four states, forty steps
        for n, centres, bar, recorded in
            [
                40, 10, None, "440"
                40, 50, Some 5.0, "530"
                80, 50, None, "630"
                200, 50, Some 45.0, "870"
            ] do
            let ours = milliseconds n centres 4 40

            let verdict =
                match bar with
                | Some bar when ours <= bar -> $"bar {bar:F0} ms: met"
                | Some bar -> $"bar {bar:F0} ms: MISSED"
                | None -> ""

            printfn
                "  cart-pole, H = 40, n = %3d, %2d functions   %7.2f ms   recorded %s ms   %s"
                n
                centres
                ours
                recorded
                verdict

        for n, e, horizon in
            [
                100, 4, 40
                200, 4, 40
                400, 4, 40
                200, 2, 40
                200, 6, 40
                200, 10, 40
                200, 4, 20
                200, 4, 80
            ] do
            printfn "  n = %3d, E = %2d, H = %2d   %7.2f ms" n e horizon (milliseconds n 50 e horizon)

    let private cores = "DOTNET_PROCESSOR_COUNT"

    /// The table by a process that sees one core, and by this one.
    let run () =
        if Environment.ProcessorCount > 1 then
            let start = ProcessStartInfo(nonNull Environment.ProcessPath)

            if Path.GetFileNameWithoutExtension start.FileName = "dotnet" then
                start.ArgumentList.Add(Environment.GetCommandLineArgs()[0])

            start.ArgumentList.Add "pilco"
            start.Environment[cores] <- "1"
            use child = nonNull (Process.Start start)
            child.WaitForExit()

        table ()
