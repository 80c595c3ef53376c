module Research.Tests.VerifyFuzzTests

open System
open System.IO
open System.Text.Json.Nodes
open System.Threading
open Expecto
open Research.Cli.Verify

/// Files, and how many cases of each are spoilt: fewer where a case takes long to solve.
let private files =
    [
        "boxqp.json", 450
        "dare.json", 400
        "lqr.json", 250
        "gp-moments.json", 250
        "pilco-parts.json", 100
        "diff.json", 60
        "gp-train.json", 40
        "cartpole.json", 10
        "pilco-value.json", 20
        "ilqg-linear.json", 4
        "constrained.json", 4
        "ilqg-car.json", 3
    ]

let private pick (random: Random) (items: 'a[]) = items[random.Next items.Length]

/// Every array or object below a node, itself among them.
let rec private containers (node: JsonNode) : JsonNode list =
    let below (inner: JsonNode | null) =
        match inner with
        | null -> []
        | inner -> containers inner

    match node with
    | :? JsonObject as members ->
        node
        :: [
            for member' in members do
                yield! below member'.Value
        ]
    | :? JsonArray as items ->
        node
        :: [
            for item in items do
                yield! below item
        ]
    | _ -> []

/// The arrays of cases in a file.
let private caseLists (root: JsonNode) =
    containers root
    |> List.filter (fun node ->
        match node with
        | :? JsonArray as items -> items.GetPath().EndsWith ".cases" && items.Count > 0
        | _ -> false)
    |> List.map (fun node -> node.AsArray())

let private wrongValue (random: Random) : JsonNode | null =
    match random.Next 12 with
    | 0 -> null
    | 1 -> JsonValue.Create "abc"
    | 2 -> JsonValue.Create true
    | 3 -> JsonArray()
    | 4 -> JsonObject()
    | 5 -> JsonValue.Create -1
    | 6 -> JsonValue.Create 0
    | 7 -> JsonValue.Create 1e90
    | 8 -> JsonValue.Create 2147483647
    | 9 -> JsonValue.Create 0.5
    | 10 -> JsonArray(JsonValue.Create 1.0, JsonValue.Create 2.0)
    | _ -> JsonNode.Parse "1e999"

/// Spoils one place of a case: a value replaced, left out or put in.
let private spoil (random: Random) (case: JsonNode) =
    match pick random (List.toArray (containers case)) with
    | :? JsonObject as members when members.Count > 0 ->
        let name = pick random [| for member' in members -> member'.Key |]

        if random.Next 3 = 0 then
            members.Remove name |> ignore
        else
            members[name] <- wrongValue random
    | :? JsonArray as items when items.Count > 0 ->
        let at = random.Next items.Count

        match random.Next 3 with
        | 0 -> items.RemoveAt at
        | 1 -> items.Insert(at, wrongValue random)
        | _ -> items[at] <- wrongValue random
    | _ -> ()

/// How the runtime and the libraries below word what went wrong: no answer to who recorded a file.
let private runtime =
    [
        "outside the bounds"
        "requires an element of type"
        "out of range"
        "different lengths"
        "Parameter '"
        "(Parameter"
        "Object reference"
        "cast"
        "Exception"
        "One or more errors"
        "must be non-negative"
        "memory"
        "overflow"
        "Index"
    ]

let private isInWords (message: string) =
    runtime |> List.forall (fun words -> not (message.Contains words))

[<Tests>]
let tests =
    testList
        "Verify of spoilt files"
        [
            test "each case is verified, or refused in words that name the place" {
                let path = Path.GetTempFileName()
                let mutable refused = 0
                let unclear = Collections.Generic.List<string>()

                try
                    for name, count in files do
                        let text =
                            File.ReadAllText(Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", name))

                        let random = Random(Fuzz.seed + name.Length)

                        // one case of each list alone, the small ones more often
                        let singles =
                            [|
                                let lists = caseLists (nonNull (JsonNode.Parse text)) |> List.length

                                for list in 0 .. lists - 1 do
                                    let all = (caseLists (nonNull (JsonNode.Parse text)))[list]

                                    for kept in 0 .. all.Count - 1 do
                                        let root = nonNull (JsonNode.Parse text)

                                        caseLists root
                                        |> List.iteri (fun other items ->
                                            for at in items.Count - 1 .. -1 .. 0 do
                                                if other <> list || at <> kept then
                                                    items.RemoveAt at)

                                        root.ToJsonString()
                            |]
                            |> Array.sortBy String.length

                        let small = singles[.. max 3 (singles.Length / 2)]

                        for _ in 1 .. Fuzz.cases count do
                            let root = nonNull (JsonNode.Parse(pick random small))
                            let case = caseLists root |> List.exactlyOne
                            spoil random (nonNull case[0])
                            File.WriteAllText(path, root.ToJsonString())

                            let failures =
                                match Verification.run CancellationToken.None path with
                                | Error message -> [ message ]
                                | Ok(_, results) ->
                                    Expect.isNonEmpty results "an answer"
                                    results |> List.choose _.Failure

                            for message in failures do
                                refused <- refused + 1

                                if not (isInWords message) then
                                    unclear.Add $"{name}: {message}"

                finally
                    File.Delete path

                Expect.isEmpty unclear (String.concat "\n" unclear)
                Expect.isGreaterThan refused 500 "most are refused"
            }
        ]
