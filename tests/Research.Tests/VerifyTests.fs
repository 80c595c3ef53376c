module Research.Tests.VerifyTests

open System.IO
open System.Threading
open Expecto
open Research.Cli.Verify

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

            test "a case that lacks a field fails alone, and says which" {
                let text = """{"kind":"boxqp","cases":[{"id":1,"H":[[1.0]]}]}"""

                withFile text (fun path ->
                    match Verification.run CancellationToken.None path with
                    | Ok(_, [ result ]) ->
                        Expect.stringContains (string result.Failure) "'g'" "the field"
                        Expect.isFalse (Verification.passes None result) "passes"
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
