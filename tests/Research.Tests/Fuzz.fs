/// How long fuzzers run: RESEARCH_FUZZ multiplies their cases, RESEARCH_FUZZ_SEED draws other ones.
module Research.Tests.Fuzz

open System

let private read (name: string) (standard: int) =
    match Environment.GetEnvironmentVariable name |> Int32.TryParse with
    | true, value when value > 0 -> value
    | _ -> standard

/// n cases, times the factor asked for.
let cases (n: int) = n * read "RESEARCH_FUZZ" 1

/// The seed of every fuzzer's random numbers.
let seed = read "RESEARCH_FUZZ_SEED" 1
