namespace Research.Cli

open System
open Argu
open Research.Environments

/// What `--help` shows below the options of a command, and what a word that is no option was perhaps meant to be.
[<RequireQualifiedAccess>]
module Help =

    /// Commands, each with examples and what exit codes 0 and 1 mean of it.
    let private commands: (string * (string list * string * string option)) list =
        [
            "solve",
            ([
                "solve cartpole"
                "solve car --seed 3 --output parked"
                "solve pendulum --limits -2,2 --horizon 200"
                "solve cartpole --solver ddp --json"
             ],
             "solved to the tolerances",
             Some "the solver stopped short of its tolerances")
            "mpc",
            ([
                "mpc cartpole --mismatch 0.2 --disturb 0.3"
                "mpc quadrotor --rate 10 --deadline 5"
             ],
             "at the goal",
             Some "not at the goal")
            "bench", ([ "bench"; "bench cartpole arm2 --json" ], "measured", None)
            "learn",
            ([
                "learn pilco --scenario cartpole --seed 1"
                "learn pilco --resume runs/cartpole --trials 20"
             ],
             "the task was learnt",
             Some "the task was not learnt")
            "list", ([ "list"; "list --scenarios --json" ], "listed", None)
            "verify",
            ([
                "verify tests/golden/*.json"
                "verify tests/golden/dare.json --tolerance 1e-6"
             ],
             "every case passed",
             Some "a case failed")
        ]

    /// Examples and exit codes of the command that the words of a command line name, or of all.
    let below (program: string) (words: string list) : string =
        let shown =
            match commands |> List.filter (fun (name, _) -> List.tryHead words = Some name) with
            | [] -> commands
            | one -> one

        let lines =
            [
                ""
                "EXAMPLES:"
                ""
                for _, (examples, _, _) in shown do
                    for example in (if shown.Length = 1 then examples else [ examples.Head ]) do
                        $"    {program} {example}"
                ""
                "EXIT CODES:"
                ""
                let means choose =
                    shown |> List.choose (snd >> choose) |> String.concat "; "

                "    0     " + means (fun (_, success, _) -> Some success)

                match means (fun (_, _, failure) -> failure) with
                | "" -> ()
                | failures -> "    1     " + failures

                "    2     wrong command line, or a file that cannot be read or holds no case"
                "    3     a file or the output could not be written"
                "    4     an error of this program itself"
                "    130   interrupted by Ctrl-C or SIGTERM; what was found so far is written"
                ""
                "Results go to standard output, progress and messages to standard error. The same command gives the same numbers, bit by bit, on one machine."
            ]

        String.Join("\n", lines)

    /// The parser that the first words of a command line lead to.
    let rec private reached (parser: ArgumentParser) (words: string list) : ArgumentParser =
        let commands =
            parser.GetArgumentCases()
            |> List.filter (fun case -> case.ArgumentType = ArgumentType.SubCommand)

        let inner =
            List.zip commands (parser.GetSubCommandParsers())
            |> List.tryFind (fun (case, _) ->
                List.contains (defaultArg (List.tryHead words) "") case.CommandLineNames.Value)

        match inner with
        | Some(_, inner) -> reached inner words.Tail
        | None -> parser

    /// Of a message about a word in quotes: the command or option that was perhaps meant, as a question.
    let guess (parser: ArgumentParser) (words: string list) (message: string) : string =
        match message.Split '\'' with
        | [| start; word; _ |] when start.Contains "unrecognized" ->
            let names =
                [
                    for case in (reached parser words).GetArgumentCases() do
                        yield! case.CommandLineNames.Value
                ]

            let option = (word.Split '=')[0]
            Names.guess option names
        | _ -> ""
