namespace Research.Benchmarks

open Research.Cli.Bench
open System
open System.Diagnostics
open System.IO

/// From the start of the process to a printed cart-pole solution, of the published program.
[<RequireQualifiedAccess>]
module StartupBenchmark =

    let private start (program: string) (arguments: string) =
        match Process.Start(ProcessStartInfo(program, arguments, RedirectStandardOutput = true)) with
        | null -> failwith $"{program} did not start"
        | started -> started

    let run () =
        let project =
            Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "src.fs", "Research.Cli")

        let target =
            Path.Combine(Path.GetTempPath(), $"research-startup-{Environment.ProcessId}")

        use publish = start "dotnet" $"publish -c Release {project} -o {target}"
        publish.StandardOutput.ReadToEnd() |> ignore
        publish.WaitForExit()
        let mutable last = ""

        let once _ =
            let clock = Stopwatch.StartNew()
            use proc = start (Path.Combine(target, "Research.Cli")) "solve cartpole --no-report"
            last <- proc.StandardOutput.ReadToEnd()
            proc.WaitForExit()
            clock.Elapsed.TotalMilliseconds

        let times = Array.init 7 once

        printfn
            "from process start to the end of `solve cartpole --no-report`: median %.0f ms of %d (bar 1200)"
            (Timing.median times)
            times.Length

        let split = last.Split '\n' |> Array.tryFind _.Contains("process start")
        printfn "    its own split: %s" (defaultArg split "not printed")
        Directory.Delete(target, true)
