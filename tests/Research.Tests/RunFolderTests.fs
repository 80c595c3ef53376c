module Research.Tests.RunFolderTests

open System
open System.IO
open System.Threading.Tasks
open Expecto
open Research.Lab
open Research.Tests.SampleRun

let private inFolder (action: string -> unit) =
    let folder = Path.Combine(Path.GetTempPath(), $"research-tests-{Guid.NewGuid():N}")

    Directory.CreateDirectory folder |> ignore

    try
        action folder
    finally
        Directory.Delete(folder, recursive = true)

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
                    let made = RunFolder.create root "made" ordinary.Started (Some file) ""
                    Expect.isError made "a file is in the way")
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
