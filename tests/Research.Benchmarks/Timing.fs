namespace Research.Benchmarks

open System
open System.Diagnostics

/// Medians of repeated calls on one thread, and lines that hold them against a baseline measured in the same run.
[<RequireQualifiedAccess>]
module Timing =

    let median (values: float seq) : float =
        let sorted = Seq.sort values |> Seq.toArray
        sorted[sorted.Length / 2]

    /// Median time of a call in nanoseconds: warmed up until the JIT has settled, then timed in groups long enough for the clock.
    let nanoseconds (act: unit -> unit) : float =
        let clock = Stopwatch.StartNew()
        let mutable calls = 0

        while clock.ElapsedMilliseconds < 400L do
            act ()
            calls <- calls + 1

        let single = 4e8 / float calls
        let group = max 1 (int (20_000.0 / single))
        let groups = max 15 (min 2000 (int (8e8 / (single * float group))))

        median (
            Array.init groups (fun _ ->
                let start = Stopwatch.GetTimestamp()

                for _ in 1..group do
                    act ()

                1e9 * Stopwatch.GetElapsedTime(start).TotalSeconds / float group)
        )

    /// Prints ours against a baseline, with the bar where there is one.
    let compare (what: string) (unit: string) (ours: float) (baseline: float) (bar: float option) : unit =
        let ratio = ours / baseline

        let verdict =
            match bar with
            | Some bar when ratio <= bar -> $"bar {bar:F2}: met"
            | Some bar -> $"bar {bar:F2}: MISSED"
            | None -> ""

        printfn "%-58s ours %9.2f %-3s baseline %9.2f %-3s ratio %5.2f  %s" what ours unit baseline unit ratio verdict
