namespace Research.Cli

open System

/// Limits of the controls, as the command line gives them.
[<RequireQualifiedAccess>]
module ControlLimits =

    /// Limits as `--limits` gives them, or what is wrong with them.
    let private parse
        (environment: Research.Environments.Environment)
        (texts: string list)
        : Result<(float[] * float[]) option, Fault> =
        let m = environment.Controls.Length
        let names = environment.Controls |> Array.map _.Name |> String.concat ", "

        let expected =
            $"--limits takes LO,HI for each control of {environment.Name} ({names}), or one pair for all"

        let pair (text: string) =
            match text.Split ',' with
            | [| low; high |] ->
                match Double.TryParse low, Double.TryParse high with
                | (true, low), (true, high) when low < high -> Ok(low, high)
                | (true, low), (true, high) when low >= high ->
                    Fault.usage $"--limits {text}: the lower limit {low} is not below the upper limit {high}."
                | _ -> Fault.usage $"--limits {text}: that is not two numbers. {expected}, for example -5,5."
            | _ -> Fault.usage $"--limits {text}: that is not two numbers with a comma between them. {expected}."

        match texts with
        | [ "none" ] -> Ok None
        | _ when texts.Length <> 1 && texts.Length <> m -> Fault.usage $"--limits has {texts.Length} pairs. {expected}."
        | _ ->
            let pairs = List.map pair texts

            match
                List.tryPick
                    (function
                    | Error failure -> Some failure
                    | Ok _ -> None)
                    pairs
            with
            | Some failure -> Error failure
            | None ->
                let pairs = pairs |> List.choose Result.toOption |> List.toArray
                let all = if pairs.Length = m then pairs else Array.create m pairs[0]
                Ok(Some(Array.map fst all, Array.map snd all))

    let private own (environment: Research.Environments.Environment) =
        let lower, upper = environment.Limits

        if Array.exists Double.IsFinite (Array.append lower upper) then
            Some(lower, upper)
        else
            None

    /// The limits that `--limits` gives, or else those of the problem, or what is wrong with them.
    let choose
        (environment: Research.Environments.Environment)
        (texts: string list option)
        : Result<(float[] * float[]) option, Fault> =
        match texts with
        | Some texts -> parse environment texts
        | None -> Ok(own environment)

    /// The limits as one would type them.
    let describe (limits: (float[] * float[]) option) : string =
        match limits with
        | None -> "none"
        | Some(lower, upper) -> Array.map2 (fun low high -> $"{low},{high}") lower upper |> String.concat " "
