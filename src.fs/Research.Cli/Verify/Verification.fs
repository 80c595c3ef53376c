namespace Research.Cli.Verify

open System
open System.IO
open System.Text.Json

/// Holds recorded cases of other programs against this library.
[<RequireQualifiedAccess>]
module Verification =

    let private kinds: Map<string, JsonElement -> CaseResult list> =
        Map.ofList
            [
                "boxqp", DirectKinds.boxQp >> List.singleton
                "dare", DirectKinds.dare >> List.singleton
                "lqr", DirectKinds.lqr >> List.singleton
                "diff", DirectKinds.diff >> List.singleton
                "ilqr-cartpole", TrajectoryKinds.cartPole
                "ilqg-car", TrajectoryKinds.car
                "ilqg-linear", TrajectoryKinds.linear
                "constrained", TrajectoryKinds.constrained
            ]

    /// True when a case was solved and every quantity is within its tolerance, or within the user's where one is given.
    let passes (tolerance: float option) (result: CaseResult) : bool =
        result.Failure.IsNone
        && not result.Comparisons.IsEmpty
        && result.Comparisons
           |> List.forall (fun comparison ->
               comparison.Error <= (tolerance |> Option.defaultValue comparison.Tolerance))

    /// Solves every case of a file: its kind and the results, or why it cannot be read.
    let run (path: string) : Result<string * CaseResult list, string> =
        try
            use document = JsonDocument.Parse(File.ReadAllText path)
            let root = document.RootElement
            let kind = (Json.get "kind" root).GetString() |> string

            match kinds.TryFind kind with
            | None ->
                let known = kinds.Keys |> String.concat ", "
                Error $"{path}: cases of kind '{kind}' are not known here; known are {known}"
            | Some solve ->
                let solveSafely (index: int) (case: JsonElement) =
                    try
                        solve case
                    with fault ->
                        [
                            {
                                Case = $"case {index}"
                                Comparisons = []
                                Failure = Some fault.Message
                            }
                        ]

                let results =
                    (Json.get "cases" root).EnumerateArray()
                    |> Seq.mapi solveSafely
                    |> Seq.concat
                    |> Seq.toList

                Ok(kind, results)
        with
        | :? IOException
        | :? UnauthorizedAccessException as fault -> Error $"{path}: {fault.Message}"
        | :? JsonException as fault -> Error $"{path}: this is not JSON: {fault.Message}"
        | fault -> Error $"{path}: {fault.Message}"
