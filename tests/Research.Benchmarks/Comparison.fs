namespace Research.Benchmarks

/// Lines that hold a time against a baseline measured in the same run.
[<RequireQualifiedAccess>]
module Comparison =

    /// Prints ours against a baseline, with the bar where there is one.
    let print (what: string) (unit: string) (ours: float) (baseline: float) (bar: float option) : unit =
        let ratio = ours / baseline

        let verdict =
            match bar with
            | Some bar when ratio <= bar -> $"bar {bar:F2}: met"
            | Some bar -> $"bar {bar:F2}: MISSED"
            | None -> ""

        printfn "%-58s ours %9.2f %-3s baseline %9.2f %-3s ratio %5.2f  %s" what ours unit baseline unit ratio verdict
