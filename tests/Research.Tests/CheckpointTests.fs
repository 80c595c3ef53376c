module Research.Tests.CheckpointTests

open System
open System.Security.Cryptography
open System.Text
open System.Text.Json.Nodes
open System.Threading
open Expecto
open Research
open Research.Agents
open Research.Tests

/// The pendulum in three steps, with inducing inputs: cheap, and every member of a checkpoint is filled.
let private tiny: Scenario =
    { Scenarios.pendulum with
        Horizon = 3
        Inducing = 4
    }

let private options: PilcoOptions =
    { Pilco.defaults tiny with
        Seed = 3
        Policy = Rbf 2
        Trials = 4
        LineSearches = 2
        Evaluations = 3
        TrainingIterations = 5
        InducingIterations = 2
        Exploration = -0.1
        Confirmations = 1
    }

let private find (name: string) =
    if name = tiny.Name then
        Ok tiny
    else
        Error $"there is no {name}"

let private next (state: PilcoState) : PilcoState =
    match Pilco.next (fun () -> 0.0) CancellationToken.None ignore state with
    | Advanced state -> state
    | _ -> failtest "a trial"

/// A pupil after two policies, the second of which ran twice: with a prior, random rollouts none.
let private pupil =
    lazy
        let teacher = Pilco.start tiny options |> next |> next
        let pupil = Pilco.startFrom teacher tiny { options with Seed = 4 } |> next |> next

        // three steps solve nothing, so the record is changed
        let solved =
            { pupil with
                Trials =
                    pupil.Trials
                    |> List.mapi (fun i trial -> if i = 1 then { trial with IsSolved = true } else trial)
            }

        next solved

/// A learner after a random rollout and two policies.
let private learner = lazy (Pilco.start tiny options |> next |> next |> next)

let private text (bytes: byte[]) = Encoding.UTF8.GetString bytes
let private bytes (text: string) = Encoding.UTF8.GetBytes text

/// The file with the checksum that its learner has.
let private signed (file: JsonNode) : byte[] =
    match file with
    | :? JsonObject as members when members.ContainsKey "learner" ->
        let learner =
            match members["learner"] with
            | null -> "null"
            | learner -> learner.ToJsonString()

        members["sha256"] <- JsonValue.Create(Convert.ToHexStringLower(SHA256.HashData(ReadOnlySpan(bytes learner))))
    | _ -> ()

    bytes (file.ToJsonString())

let private parse (file: byte[]) : JsonNode = nonNull (JsonNode.Parse(text file))

/// Every value of a file with the member or place that holds it.
let rec private values (node: JsonNode | null) : JsonNode list =
    match node with
    | :? JsonObject as members ->
        members
        :: [
            for entry in members do
                yield! values entry.Value
        ]
    | :? JsonArray as items ->
        items
        :: [
            for item in items do
                yield! values item
        ]
    | null -> []
    | value -> [ value ]

/// Reads, where any exception is a failure of the test.
let private read (file: byte[]) (what: string) : Result<PilcoState, string> =
    try
        Checkpoint.ofJson find file
    with failure ->
        failtest $"{what}: {failure}"

/// A refusal is in words of its own.
let private isInWords (what: string) (reason: string) =
    Expect.isGreaterThan reason.Length 10 what

    for alien in [ "Exception"; "Object reference"; "System."; "FSharp" ] do
        Expect.isFalse (reason.Contains alien) $"{what}: {reason}"

let private refuses (file: string) (words: string list) =
    let reason = Expect.wantError (read (bytes file) file) "it is refused"

    for word in words do
        Expect.stringContains reason word "why"

/// A change of the value at a path of a file's learner, with the checksum that it then has.
let private changed (path: obj list) (change: JsonNode -> unit) (state: PilcoState) : string =
    let file = parse (Checkpoint.toJson state)

    path
    |> List.fold
        (fun (node: JsonNode) (key: obj) ->
            match key with
            | :? int as index -> nonNull node[index]
            | name -> nonNull node[string name])
        (nonNull file["learner"])
    |> change

    text (signed file)

let private set (name: string) (value: string) (node: JsonNode) = node[name] <- JsonNode.Parse value

let private drop (name: string) (node: JsonNode) = node.AsObject().Remove name |> ignore

[<Tests>]
let tests =
    testList
        "Checkpoint"
        [
            test "a learner that was read writes the same bytes, and goes on with the same ones" {
                for state in [ learner.Value; pupil.Value; Pilco.start tiny options ] do
                    let file = Checkpoint.toJson state
                    let restored = Expect.wantOk (read file "whole") "it is read"
                    Expect.sequenceEqual (Checkpoint.toJson restored) file "the same"
                    Expect.sequenceEqual (Checkpoint.toJson (next restored)) (Checkpoint.toJson (next state)) "and on"
            }

            test "what a rollout measured is kept, finite or not" {
                let trial = learner.Value.Trials[0]
                let measured = Array2D.copy trial.Rollout.Measured
                measured[1, 0] <- nan
                measured[2, 1] <- -infinity

                let spoilt =
                    { learner.Value with
                        Trials =
                            [
                                { trial with
                                    Rollout =
                                        { trial.Rollout with
                                            Measured = measured
                                        }
                                }
                            ]
                    }

                let file = Checkpoint.toJson spoilt
                let restored = Expect.wantOk (read file "spoilt") "it is read"
                Expect.isTrue (Double.IsNaN restored.Trials[0].Rollout.Measured[1, 0]) "not a number"
                Expect.sequenceEqual (Checkpoint.toJson restored) file "the same"
            }

            test "what is missing or wrong is named, with what would be right" {
                let state = learner.Value

                let refusesChange path change words =
                    refuses (changed path change state) words

                let trial (i: int) : obj list = [ "trials"; i ]
                let rollout i = trial i @ [ "rollout" ]
                refusesChange [] (drop "options") [ "learner has no member options" ]
                refusesChange (trial 2) (set "rollout" "null") [ "learner.trials[2].rollout is null" ]
                refusesChange (rollout 0) (set "plant" "[null]") [ "trials[0].rollout.plant is a list of 1"; "of 4" ]
                refusesChange (rollout 1) (drop "controls") [ "trials[1].rollout has no member controls" ]

                refusesChange
                    (rollout 1)
                    (fun rollout -> (nonNull rollout["measured"]).AsArray().RemoveAt 2)
                    [ "trials[1].rollout.measured is a list of 3"; "a list of 4 is needed" ]

                for name in
                    [
                        "parameters"
                        "seconds"
                        "search"
                        "hyperparameters"
                        "forecast"
                        "is_solved"
                    ] do
                    refusesChange (trial 1) (drop name) [ $"trials[1] has no member {name}" ]

                refusesChange (trial 1 @ [ "forecast" ]) (drop "loss") [ "trials[1].forecast has no member loss" ]
                refusesChange (trial 1) (set "forecast" "null") [ "trials[1].forecast is null"; "new policy" ]
                refusesChange (trial 1) (set "search" "[]") [ "trials[1].search"; "no policy to run again" ]
                refusesChange (trial 1) (set "parameters" "[]") [ "trials[1].search"; "random" ]
                refusesChange (trial 1) (set "inducing" "[[1]]") [ "trials[1].inducing is a list of 1"; "of 4" ]

                for value, needed in
                    [
                        "0", "above 0"
                        "1e999", "above 0"
                        "\"NaN\"", "above 0"
                        "\"1\"", "a number"
                    ] do
                    refusesChange
                        (trial 1 @ [ "hyperparameters"; 0; "lengthscales" ])
                        (fun scales -> scales[1] <- JsonNode.Parse value)
                        [ "trials[1].hyperparameters[0].lengthscales[1] is " + value; needed ]

                refusesChange (trial 1 @ [ "hyperparameters"; 1 ]) (set "noise" "-1") [ "noise is -1"; "0 or more" ]

                for name in [ "line_searches"; "evaluations"; "training_iterations" ] do
                    refusesChange [ "options" ] (drop name) [ $"learner.options has no member {name}" ]

                refusesChange [ "options" ] (set "trials" "0") [ "trials is 1 or more" ]
                refusesChange [ "options" ] (set "seed" "1.5") [ "options.seed is 1.5"; "whole" ]
                refusesChange [ "options" ] (set "policy" "2147483647") [ "1000 basis functions at most" ]
                refusesChange [ "options" ] (set "policy" "3") [ "parameters is a list of" ]
                refusesChange [ "options" ] (set "policy" "\"cubic\"") [ "\"linear\" or a number" ]
                refusesChange [] (set "prior" "{}") [ "learner.prior has no member inputs" ]
                refuses (changed (trial 2) (set "parameters" "[1]") pupil.Value) [ "trials[2].parameters" ]
                let other = string (pupil.Value.Trials[2].Parameters[0] + 1.0)

                refuses
                    (changed (trial 2 @ [ "parameters" ]) (fun all -> all[0] <- JsonNode.Parse other) pupil.Value)
                    [ "trials[2].parameters"; "runs again" ]
            }

            test "a file that is none, of another form, or of another task says so" {
                let good = text (Checkpoint.toJson learner.Value)
                refuses "" [ "JSON" ]
                refuses "null" [ "the file is null"; "form_version" ]
                refuses "[1]" [ "the file is a list" ]
                refuses good[.. good.Length / 2] [ "no whole JSON" ]
                refuses (good.Replace("\"form_version\":3", "\"form_version\":9")) [ "version 9"; "newer" ]
                refuses """{"form_version":2,"scenario":"pendulum","trials":[]}""" [ "version 2"; "begin anew" ]
                refuses (good.Replace("\"pendulum\"", "\"other\"")) [ "no other" ]
                refuses (good.Replace("\"pendulum\"", "\"\\ud800\"")) [ "a text in it is none" ]
                refuses (String('[', 1000)) [ "JSON" ]
                let longer = { tiny with Horizon = 2 }

                Expect.stringContains
                    (Expect.wantError (Checkpoint.ofJson (fun _ -> Ok longer) (bytes good)) "another horizon")
                    "a list of 2 at most"
                    "why"
            }

            test "one digit more or less in any number is noticed" {
                let file = Checkpoint.toJson learner.Value
                let first = (text file).IndexOf "\"learner\""

                for place in first .. file.Length - 1 do
                    if Char.IsDigit(char file[place]) && place % 7 = 0 then
                        let spoilt = Array.copy file
                        spoilt[place] <- byte '0' + (spoilt[place] - byte '0' + 1uy) % 10uy
                        isInWords $"at {place}" (Expect.wantError (read spoilt $"at {place}") $"at {place}")
            }

            test "files changed in any way are refused in words, or are the same learner" {
                let rng = Rng.OfSeed Fuzz.seed
                let below n = int (rng.Uniform() * float n)
                let files = [| learner.Value; pupil.Value |] |> Array.map Checkpoint.toJson

                let isSameOrRefused what (original: byte[]) (spoilt: byte[]) =
                    match read spoilt what with
                    | Error reason -> isInWords what reason
                    | Ok state -> Expect.sequenceEqual (Checkpoint.toJson state) original what

                for case in 1 .. Fuzz.cases 400 do
                    let original = files[case % 2]
                    let spoilt = Array.copy original
                    let place = below spoilt.Length
                    spoilt[place] <- spoilt[place] ^^^ (1uy <<< below 8)
                    isSameOrRefused $"case {case}: bit of byte {place}" original spoilt
                    isSameOrRefused $"case {case}: cut at {place}" original original[.. place - 1]

                    // and with members and values as units, with the old checksum and with that of the spoilt
                    let file = parse original
                    let all = values file["learner"] |> List.toArray
                    let node = all[below all.Length]
                    let path = node.GetPath()

                    let holds (names: string list) =
                        names |> List.exists (fun name -> path.EndsWith $".{name}")

                    // what may be shorter: a learner that did less, and records that nothing is computed from
                    let mayShrink = holds [ "trials"; "search"; "seconds" ]

                    let what, mustFail =
                        match node with
                        | :? JsonObject as members ->
                            let name = (Seq.item (below members.Count) members).Key

                            match below 3 with
                            | 0 ->
                                members.Remove name |> ignore
                                $"{name} deleted", true
                            | 1 ->
                                let wasNull = isNull members[name]
                                members[name] <- null
                                $"{name} null", not (wasNull || name = "prior")
                            | _ ->
                                members["extra"] <- JsonValue.Create 1
                                "extra", false
                        | :? JsonArray as items when items.Count > 0 ->
                            match below 3 with
                            | 0 ->
                                items.RemoveAt(items.Count - 1)
                                "popped", not mayShrink
                            | 1 ->
                                items[below items.Count] <- null
                                "null", true
                            | _ ->
                                items.Add(items[0] |> nonNull |> _.DeepClone())
                                "one more", not mayShrink
                        | node ->
                            let other: JsonNode | null =
                                match below 3 with
                                | 0 -> JsonArray()
                                | 1 -> JsonValue.Create "none"
                                | _ -> JsonObject()

                            // an empty list is empty still
                            let isSame = node :? JsonArray && other :? JsonArray
                            let isText = path.EndsWith "item1" && other :? JsonValue
                            node.ReplaceWith<JsonNode | null> other
                            "of another type", not (isSame || isText)

                    let what = $"case {case}: {path}: {what}"
                    isSameOrRefused what original (bytes (file.ToJsonString()))

                    match read (signed file) what with
                    | Error reason -> isInWords what reason
                    | Ok _ -> Expect.isFalse mustFail what
            }
        ]
