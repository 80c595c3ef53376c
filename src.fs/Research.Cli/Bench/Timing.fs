namespace Research.Cli.Bench

open System.Diagnostics
open Research.Lab

/// Times of repeated calls on one thread.
[<RequireQualifiedAccess>]
module Timing =

    let median (values: float seq) : float = Measurement.quantile 0.5 values

    /// Times of a call in nanoseconds: warmed up until the JIT has settled, then taken in groups long enough for the clock, for as long as
    /// the given number of seconds.
    let samples (seconds: float) (act: unit -> unit) : float[] =
        let clock = Stopwatch.StartNew()
        let mutable calls = 0

        while clock.Elapsed.TotalSeconds < 0.5 * seconds do
            act ()
            calls <- calls + 1

        let single = 0.5e9 * seconds / float calls
        let group = max 1 (int (20_000.0 / single))
        let groups = max 15 (min 2000 (int (1e9 * seconds / (single * float group))))

        Array.init groups (fun _ ->
            let start = Stopwatch.GetTimestamp()

            for _ in 1..group do
                act ()

            1e9 * Stopwatch.GetElapsedTime(start).TotalSeconds / float group)

    /// Median time of a call in nanoseconds.
    let nanoseconds (act: unit -> unit) : float = median (samples 0.8 act)
