/// Folders of tests, gone when they end.
module Research.Tests.TemporaryFolder

open System
open System.IO

/// With a path at which there is nothing yet.
let atPath (action: string -> unit) =
    let folder = Path.Combine(Path.GetTempPath(), $"research-tests-{Guid.NewGuid():N}")

    try
        action folder
    finally
        if Directory.Exists folder then
            Directory.Delete(folder, recursive = true)

/// With an empty folder.
let inFolder (action: string -> unit) =
    atPath (fun folder ->
        Directory.CreateDirectory folder |> ignore
        action folder)
