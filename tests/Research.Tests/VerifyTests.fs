module Research.Tests.VerifyTests

open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open System.Threading
open Expecto
open Research.Cli.Verify
open Research.Models

/// reference data of other programs; each file names its producer
let private golden name =
    Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", name)

let private withFile (text: string) (check: string -> unit) =
    let path = Path.GetTempFileName()

    try
        File.WriteAllText(path, text)
        check path
    finally
        File.Delete path

let private expectError (text: string) (part: string) =
    withFile text (fun path ->
        match Verification.run CancellationToken.None path with
        | Ok _ -> failtest "the file should not have been accepted"
        | Error message -> Expect.stringContains message part "the message")

[<Tests>]
let tests =
    testList
        "Verify"
        [
            for name in
                [
                    "boxqp.json"
                    "dare.json"
                    "lqr.json"
                    "diff.json"
                    "cartpole.json"
                    "ilqg-car.json"
                    "ilqg-linear.json"
                    "constrained.json"
                    "gp-moments.json"
                    "gp-train.json"
                    "pilco-parts.json"
                    "pilco-value.json"
                ] do
                test $"every case of {name} passes" {
                    match Verification.run CancellationToken.None (golden name) with
                    | Error message -> failtest message
                    | Ok(_, results) ->
                        Expect.isNonEmpty results "cases"

                        for result in results do
                            Expect.isTrue (Verification.passes None result) $"{result}"
                }

            test "a case that is wrong fails" {
                let text =
                    File.ReadAllText(golden "boxqp.json").Replace("-0.42634546079157837", "-0.42634556079157837")

                withFile text (fun path ->
                    match Verification.run CancellationToken.None path with
                    | Ok(_, results) ->
                        Expect.isFalse (Verification.passes None results.Head) "the spoilt case"
                        Expect.isTrue (Verification.passes (Some 1e-6) results.Head) "the same at a wider tolerance"
                        Expect.isTrue (results.Tail |> List.forall (Verification.passes None)) "the others"
                    | Error message -> failtest message)
            }

            test "a case of which nothing is compared does not pass" {
                let empty =
                    {
                        Case = "1"
                        Comparisons = []
                        Failure = None
                    }

                for tolerance in [ None; Some infinity ] do
                    Expect.isFalse (Verification.passes tolerance empty) $"{tolerance}"
            }

            test "a case that lacks a field fails alone, and says which" {
                let text = """{"kind":"boxqp","cases":[{"id":1,"H":[[1.0]]}]}"""

                withFile text (fun path ->
                    match Verification.run CancellationToken.None path with
                    | Ok(_, [ result ]) ->
                        Expect.stringContains (string result.Failure) "'cases[0].g'" "the field"
                        Expect.isFalse (Verification.passes None result) "passes"
                    | other -> failtest $"{other}")
            }

            test "recorded states are compared, and a row that is missing is named" {
                let text = File.ReadAllText(golden "cartpole.json")
                let root = nonNull (JsonNode.Parse text)

                let states =
                    (nonNull ((nonNull root["cases"]).AsArray()[0]))["x"] |> nonNull |> _.AsArray()

                let angle = (nonNull states[60]).AsArray()
                angle[1] <- JsonValue.Create((nonNull angle[1]).GetValue<float>() + 1e-6)

                withFile (root.ToJsonString()) (fun path ->
                    match Verification.run CancellationToken.None path with
                    | Ok(_, [ result ]) ->
                        Expect.equal result.Failure None "it is solved"
                        Expect.isFalse (Verification.passes None result) "an angle is off by a millionth"
                    | other -> failtest $"{other}")

                states.RemoveAt 60

                withFile (root.ToJsonString()) (fun path ->
                    match Verification.run CancellationToken.None path with
                    | Ok(_, [ result ]) ->
                        Expect.equal
                            result.Failure
                            (Some "cases[0].x: 101 rows of 4 numbers are needed, and an array of 100 was found")
                            "where, what, and what would be right"
                    | other -> failtest $"{other}")
            }

            test "squashed linear policies are verified" {
                // W picks the numbers that a recorded case squashes, so that the moments and their derivatives by the input are the recorded ones;
                // those by the parameters are differences of moments that are put together here
                let case =
                    (Golden.document "pilco-parts.json"
                     |> Golden.property "parts"
                     |> Golden.property "squash-sat"
                     |> Golden.cases)[1]

                let m, s, e = Golden.vector "m" case, Golden.matrix "s" case, Golden.vector "e" case
                let picked = Golden.vector "i" case |> Array.map (fun i -> int i - 1)
                let d, controls = m.Length, e.Length
                let w = Array2D.init controls d (fun i j -> if picked[i] = j then 1.0 else 0.0)

                let product (a: float[,]) (b: float[,]) =
                    Array2D.init (a.GetLength 0) (b.GetLength 1) (fun i j ->
                        Seq.sum (seq { for k in 0 .. a.GetLength 1 - 1 -> a[i, k] * b[k, j] }))

                let transposed (a: float[,]) =
                    Array2D.init (a.GetLength 1) (a.GetLength 0) (fun i j -> a[j, i])

                let columns (a: float[,]) =
                    transposed a |> Seq.cast<float> |> Seq.toArray

                // parameters: b, then W, columns first
                let at (p: float[]) =
                    let w = Array2D.init controls d (fun i j -> p[controls + j * controls + i])
                    let column = Array2D.init d 1 (fun i _ -> m[i])

                    let moments, _ =
                        (Trigonometric.squash e).Apply
                            {
                                Mean = Array.map2 (+) (columns (product w column)) p[.. controls - 1]
                                Covariance = product (product w s) (transposed w)
                            }

                    [
                        moments.Mean
                        columns moments.Covariance
                        columns (product (transposed w) moments.Cross)
                    ]

                let start = Array.append (Array.zeroCreate controls) (columns w)

                let slopes =
                    [
                        for part in 0..2 ->
                            start
                            |> Array.mapi (fun k _ ->
                                let moved step =
                                    (at (Array.mapi (fun i p -> if i = k then p + step else p) start))[part]

                                Array.map2 (fun up down -> (up - down) / 2e-5) (moved 1e-5) (moved -1e-5))
                            |> Array.transpose
                    ]

                let rows (values: float[][]) = JsonSerializer.Serialize values

                let copied =
                    [ "m"; "s"; "M"; "S"; "C"; "dMdm"; "dSdm"; "dCdm"; "dMds"; "dSds"; "dCds" ]

                let raw name =
                    (Golden.property name case).GetRawText()

                let weights = rows [| for i in 0 .. controls - 1 -> w[i, *] |]
                let offsets = JsonSerializer.Serialize start[.. controls - 1]

                let members =
                    List.map (fun name -> name, raw name) copied
                    @ List.map2 (fun name slope -> name, rows slope) [ "dMdp"; "dSdp"; "dCdp" ] slopes
                    @ [
                        "maxU", raw "e"
                        "con", "\"conlin\""
                        "policy", "{\"w\":" + weights + ",\"b\":" + offsets + "}"
                    ]
                    |> List.map (fun (name, value) -> $"\"{name}\":{value}")
                    |> String.concat ","

                let text =
                    "{\"kind\":\"pilco-parts\",\"parts\":{\"squashed-policy\":{\"cases\":[{"
                    + members
                    + "}]}}}"

                withFile text (fun path ->
                    match Verification.run CancellationToken.None path with
                    | Ok(_, [ result ]) ->
                        Expect.isTrue (Verification.passes (Some 1e-7) result) $"{result}"

                        for comparison in result.Comparisons do
                            if not (comparison.Quantity.EndsWith "dp") then
                                Expect.isLessThan comparison.Error 1e-9 comparison.Quantity
                    | other -> failtest $"{other}")

                withFile (text.Replace("conlin", "conlan")) (fun path ->
                    match Verification.run CancellationToken.None path with
                    | Ok(_, [ result ]) ->
                        Expect.stringContains
                            (string result.Failure)
                            "cases[0].con: a policy, congp or conlin, is needed"
                            "refused"
                    | other -> failtest $"{other}")
            }

            test "once cancelled no case begins" {
                use source = new CancellationTokenSource()
                source.Cancel()
                Expect.equal (Verification.run source.Token (golden "dare.json")) (Ok("dare", [])) "none was solved"
            }

            test "files that cannot be read say why" {
                expectError "{" "not JSON"
                expectError """{"cases":[]}""" "'kind'"
                expectError """{"kind":"chess","cases":[]}""" "kind 'chess'"
                expectError """{"kind":"DAR","cases":[]}""" "Did you mean 'dare'?"
                expectError """{"kind":"dare","cases":[]}""" "no case"
                expectError """{"kind":"gp-train"}""" "no case"
                expectError """{"kind":"pilco-parts","parts":{"gp-fitc":{"cases":[]}}}""" "no case"

                match Verification.run CancellationToken.None "/no/such/file.json" with
                | Error message -> Expect.stringContains message "/no/such/file.json" "the message"
                | Ok _ -> failtest "there is no such file"
            }
        ]
