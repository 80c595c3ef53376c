module Research.Tests.RunFolderTests

open System
open System.IO
open System.Threading.Tasks
open Expecto
open Research.Lab
open Research.Tests.SampleRun
open Research.Tests.TemporaryFolder

[<Tests>]
let tests =
    testList
        "RunFolder"
        [
            test "runs that start at the same moment get folders of their own" {
                inFolder (fun root ->
                    let create _ =
                        RunFolder.create root "made" ordinary.Started None "the command"

                    let folders =
                        Array.Parallel.init 24 create
                        |> Array.map (fun made -> Expect.wantOk made "a folder is made")

                    Expect.hasLength (Array.distinct folders) 24 "all differ"

                    for folder in folders do
                        Expect.equal (File.ReadAllText(Path.Combine(folder, "command.txt"))) "the command\n" folder

                    Expect.hasLength
                        (Directory.GetFileSystemEntries(Path.Combine(root, "runs")))
                        24
                        "nothing else stays")
            }

            test "a folder that cannot be is a fault and no exception" {
                inFolder (fun root ->
                    let file = Path.Combine(root, "file")
                    File.WriteAllText(file, "")

                    for given in [ file; Path.Combine(file, "below"); "" ] do
                        Expect.isError (RunFolder.create root "made" ordinary.Started (Some given) "") given

                    Expect.isError (RunFolder.reopen file) "no folder")
            }

            test "a folder given is for one run" {
                inFolder (fun root ->
                    let folder = Path.Combine(root, "given")
                    Directory.CreateDirectory folder |> ignore
                    File.WriteAllText(Path.Combine(folder, "notes.md"), "of its owner")

                    let made =
                        Array.Parallel.init 24 (fun i ->
                            RunFolder.create root "made" ordinary.Started (Some folder) (string i))

                    let winners = made |> Array.indexed |> Array.filter (snd >> Result.isOk)
                    Expect.hasLength winners 1 "one of those that start at once"

                    Expect.equal
                        (File.ReadAllText(Path.Combine(folder, "command.txt")))
                        $"{fst winners[0]}\n"
                        "its command"

                    Expect.stringContains
                        (Expect.wantError made[(fst winners[0] + 1) % 24] "the others")
                        "another run"
                        "why"

                    RunFolder.writeText folder "result.json" "{}"
                    File.Delete(Path.Combine(folder, "command.txt"))
                    Expect.isError (RunFolder.create root "made" ordinary.Started (Some folder) "") "still one")
            }

            test "what a killed process left half written goes when its run goes on, and nothing else" {
                inFolder (fun folder ->
                    let left = $".checkpoint-003.json.{Guid.NewGuid():N}"

                    for name in [ left; ".hidden"; "checkpoint-002.json"; ".notes.md.bak" ] do
                        File.WriteAllText(Path.Combine(folder, name), "")

                    let opened = Expect.wantOk (RunFolder.reopen folder) "it goes on"
                    Expect.equal opened folder "its path"

                    Expect.equal
                        (Directory.GetFiles folder |> Array.map Path.GetFileName |> Set.ofArray)
                        (set [ ".hidden"; "checkpoint-002.json"; ".notes.md.bak" ])
                        "what stays")
            }

            test "a reader of a file that is replaced sees one whole content or another" {
                inFolder (fun folder ->
                    let content i = Array.create 200_000 (byte (i % 2))

                    RunFolder.write folder "data" (content 0)

                    let writer =
                        Task.Run(fun () ->
                            for i in 1..200 do
                                RunFolder.write folder "data" (content i))

                    while not writer.IsCompleted do
                        let seen = File.ReadAllBytes(Path.Combine(folder, "data"))
                        Expect.hasLength seen 200_000 "whole"
                        Expect.isTrue (Array.forall (fun b -> b = seen[0]) seen) "of one writing"

                    writer.Wait()
                    Expect.hasLength (Directory.GetFiles folder) 1 "no temporary file stays")
            }
        ]
