namespace Research.Cli

open System

/// A duration that the solver chooses.
type FreeDuration =
    {
        /// s
        Shortest: float
        /// s
        Longest: float
        /// cost of a second
        Weight: float
    }

/// Durations as `--free-time` and `--time-weight` give them.
[<RequireQualifiedAccess>]
module FreeDuration =

    let private parse (text: string) (weight: float) : Result<FreeDuration option, Fault> =
        let expected =
            "--free-time takes the shortest and the longest duration in seconds, for example 1,4"

        match text.Split ',' with
        | [| low; high |] ->
            match Double.TryParse low, Double.TryParse high with
            | (true, low), (true, high) when 0.0 < low && low < high && Double.IsFinite high ->
                Ok(
                    Some
                        {
                            Shortest = low
                            Longest = high
                            Weight = weight
                        }
                )
            | (true, low), (true, high) when low >= high ->
                Fault.usage $"--free-time {text}: the shortest duration {low} is not below the longest {high}."
            | (true, _), (true, _) -> Fault.usage $"--free-time {text}: durations are positive numbers of seconds."
            | _ -> Fault.usage $"--free-time {text}: that is not two numbers. {expected}."
        | _ -> Fault.usage $"--free-time {text}: that is not two numbers with a comma between them. {expected}."

    /// The duration that the two options ask for, none without `--free-time`, or what is wrong with them.
    let choose (text: string option) (weight: float option) : Result<FreeDuration option, Fault> =
        match text, weight with
        | _, Some weight when not (weight >= 0.0 && Double.IsFinite weight) ->
            Fault.usage $"--time-weight {weight}: what a second costs is 0 or a positive number."
        | None, Some weight -> Fault.usage $"--time-weight {weight}: only with --free-time is there time to choose."
        | None, None -> Ok None
        | Some text, weight -> parse text (defaultArg weight 0.0)
