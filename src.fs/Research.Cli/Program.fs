module Research.Cli.Program

open System
open Research.Cli.Verify

[<EntryPoint>]
let main arguments =
    let mutable worst = 0

    for path in arguments do
        match Verification.run path with
        | Error message ->
            eprintfn "%s" message
            worst <- 2
        | Ok(kind, results) ->
            printfn "%s (%s)" path kind

            for result in results do
                let passed = Verification.passes None result
                printfn "  %s %s %s" (if passed then "pass" else "FAIL") result.Case (defaultArg result.Failure "")

                for comparison in result.Comparisons do
                    printfn "      %-32s %.1e" comparison.Quantity comparison.Error

                if not passed then
                    worst <- max worst 1

    worst
