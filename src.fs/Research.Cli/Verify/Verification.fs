namespace Research.Cli.Verify

open System
open System.IO
open System.Text.Json
open System.Threading
open Research.Environments

/// Holds recorded cases of other programs against this library.
[<RequireQualifiedAccess>]
module Verification =

    /// The cases of a file of one kind, each with what solves it.
    let private all (solve: Field -> CaseResult list) (root: Field) =
        Json.items (Json.get "cases" root)
        |> Array.map (fun case -> solve, case)
        |> Array.toList

    /// The cases of a file of several kinds, by the names of its members.
    let private members (solvers: Map<string, Field -> CaseResult list>) (root: Field) =
        let known = solvers.Keys |> String.concat ", "

        [
            for name, field in Json.members root do
                if field.Value.ValueKind = JsonValueKind.Object then
                    match solvers.TryFind name with
                    | Some solve -> yield! all solve field
                    | None -> Json.wrong $"one of {known} is" field
        ]

    let private kinds: Map<string, Field -> ((Field -> CaseResult list) * Field) list> =
        Map.ofList
            [
                "boxqp", all (DirectKinds.boxQp >> List.singleton)
                "dare", all (DirectKinds.dare >> List.singleton)
                "lqr", all (DirectKinds.lqr >> List.singleton)
                "diff", all (DirectKinds.diff >> List.singleton)
                "ilqr-cartpole", all TrajectoryKinds.cartPole
                "ilqg-car", all TrajectoryKinds.car
                "ilqg-linear", all TrajectoryKinds.linear
                "constrained", all TrajectoryKinds.constrained
                "gp-moments", all MomentKinds.gaussianProcess
                "gp-train",
                members (Map.ofList [ "train", LearningKinds.train; "nlml_fixed", LearningKinds.likelihood ])
                "pilco-parts", Json.get "parts" >> members MomentKinds.parts
                "pilco-value", all LearningKinds.policyValue
            ]

    /// True when a case was solved and every quantity is within its tolerance, or within the user's where one is given.
    let passes (tolerance: float option) (result: CaseResult) : bool =
        result.Failure.IsNone
        && not result.Comparisons.IsEmpty
        && result.Comparisons
           |> List.forall (fun comparison ->
               comparison.Error <= (tolerance |> Option.defaultValue comparison.Tolerance))

    let private solveSafely (index: int) (solve: Field -> CaseResult list, case: Field) =
        let failed reason =
            [
                {
                    Case = $"case {index}"
                    Comparisons = []
                    Failure = Some reason
                }
            ]

        try
            match solve case with
            | [] -> failed $"{case.Path}: it holds nothing that could be compared"
            | results -> results
        with
        | MalformedCase reason -> failed reason
        | :? ArgumentException as refusal ->
            let reason = (refusal.Message.Split " (Parameter")[0]
            failed $"{case.Path}: it cannot be solved: {reason}"
        | fault -> failed $"{case.Path}: it cannot be solved: {fault.Message}"

    /// Solves every case of a file: its kind and the results, or why it cannot be read. Once cancelled it begins no further case.
    let run (cancellation: CancellationToken) (path: string) : Result<string * CaseResult list, string> =
        try
            use document = JsonDocument.Parse(File.ReadAllText path)

            let root =
                {
                    Path = ""
                    Value = document.RootElement
                }

            let kind = Json.text (Json.get "kind" root)

            match kinds.TryFind kind with
            | None ->
                let known = kinds.Keys |> String.concat ", "

                Error
                    $"{path}: cases of kind '{kind}' are not known here.{Names.guess kind (List.ofSeq kinds.Keys)} Known: {known}."
            | Some cases ->
                match cases root with
                | [] -> Error $"{path}: it holds no case of '{kind}', so there is nothing to verify"
                | cases ->
                    cases
                    |> Seq.indexed
                    |> Seq.takeWhile (fun _ -> not cancellation.IsCancellationRequested)
                    |> Seq.collect (fun (index, case) -> solveSafely index case)
                    |> Seq.toList
                    |> fun results -> Ok(kind, results)
        with
        | :? IOException
        | :? UnauthorizedAccessException as fault -> Error $"{path}: {fault.Message}"
        | :? JsonException as fault -> Error $"{path}: this is not JSON: {fault.Message}"
        | MalformedCase reason -> Error $"{path}: {reason}"
