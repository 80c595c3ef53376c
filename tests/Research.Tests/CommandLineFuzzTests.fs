module Research.Tests.CommandLineFuzzTests

open System
open Argu
open Expecto
open Research.Cli
open Research.Environments

let private pick (random: Random) (items: 'a list) = items[random.Next items.Length]

let private numbers =
    [
        "0"
        "1"
        "-1"
        "2"
        "20"
        "0.01"
        "0.05"
        "0.5"
        "-0.0"
        "1e-300"
        "1e300"
        "1e400"
        "NaN"
        "Infinity"
        "-Infinity"
        "2147483647"
        "-2147483648"
        "2147483648"
        "100000000"
        "999999999999"
        "x"
        ""
        "1,2"
        "-5,5"
        "5,-5"
        "nan,5"
        "-1e400,1e400"
        "none"
        "ilqr"
        "multiple"
        "∞"
        "ä"
    ]

let private options =
    [
        "--solver"
        "--shooting"
        "--horizon"
        "--dt"
        "--free-time"
        "--time-weight"
        "--seed"
        "--max-iterations"
        "--limits"
        "--mismatch"
        "--disturb"
        "--rate"
        "--iterations"
        "--deadline"
        "--duration"
        "--json"
        "--no-report"
        "--horizn"
        "--"
        "-"
    ]

let private words (random: Random) =
    let command = pick random [ "solve"; "solve"; "mpc"; "mpc"; "solv"; "" ]

    let problem =
        if random.Next 8 = 0 then
            pick random numbers
        else
            (pick random Environments.all).Name

    [
        command
        problem
        for _ in 1 .. random.Next 4 do
            pick random options

            if random.Next 6 > 0 then
                pick random numbers
    ]

let private parser =
    ArgumentParser.Create<Arguments>(programName = "research", checkStructure = false)

/// What a command line is taken for: its horizon, time step and limits, or the exit code and message of a refusal.
let private taken (line: string list) =
    try
        match parser.ParseCommandLine(List.toArray line, raiseOnUsage = true).TryGetSubCommand() with
        | Some(Solve arguments) ->
            SolveOptions.parse arguments ""
            |> Result.map (fun options -> Some(options.Horizon, options.TimeStep, options.Limits))
        | Some(Mpc arguments) ->
            LoopOptions.parse arguments ""
            |> Result.map (fun options ->
                Expect.isTrue (1 <= options.Steps && options.Steps <= Sizes.mostSteps) "steps of the loop"
                Expect.isTrue (1 <= options.Every && options.Every <= options.Horizon) "a plan lasts until the next"
                Some(options.Horizon, options.TimeStep, options.Limits))
        | _ -> Ok None
    with :? ArguParseException as failure ->
        Fault.usage (failure.Message + Help.guess parser line failure.Message)

[<Tests>]
let tests =
    test "any command line of solve and mpc is taken whole or refused in words" {
        let random = Random Fuzz.seed
        let mutable accepted = 0

        for _ in 1 .. Fuzz.cases 4000 do
            let line = words random
            let shown = String.concat " " line

            match taken line with
            | Error fault ->
                Expect.equal fault.Code Exit.usage shown
                Expect.isGreaterThan fault.Message.Length 10 shown
                Expect.isFalse (fault.Message.Contains "Exception" || fault.Message.Contains "(Parameter") fault.Message
            | Ok None -> ()
            | Ok(Some(horizon, timeStep, limits)) ->
                accepted <- accepted + 1
                Expect.isTrue (1 <= horizon && horizon <= Sizes.mostSteps) shown
                Expect.isTrue (timeStep > 0.0 && Double.IsFinite timeStep) shown

                for lower, upper in Option.toList limits do
                    Expect.isTrue (Array.forall2 (<) lower upper) shown

        Expect.isGreaterThan accepted 400 "some make sense"
    }
