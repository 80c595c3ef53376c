namespace Research.Lab

open System
open System.IO

/// A folder that holds all files of a run. Files appear whole or not at all.
[<RequireQualifiedAccess>]
module RunFolder =

    let private note (folder: string) (command: string) =
        File.WriteAllText(Path.Combine(folder, "command.txt"), command + "\n")

    /// Creates runs/NAME-TIME under a root, with a number behind it when that is taken, or exactly the folder given, with the command that
    /// led to it in command.txt. Its full path, or why there is none.
    let create
        (root: string)
        (name: string)
        (started: DateTimeOffset)
        (given: string option)
        (command: string)
        : Result<string, string> =
        // CreateDirectory takes an existing folder for success. Moving a fresh one onto the name does not, for neither is empty.
        let claim (folder: string) (name: string) =
            let path = Path.Combine(folder, name)
            let fresh = Path.Combine(folder, $".{Guid.NewGuid():N}")
            Directory.CreateDirectory fresh |> ignore
            note fresh command

            try
                Directory.Move(fresh, path)
                Some path
            with :? IOException when Directory.Exists path || File.Exists path ->
                Directory.Delete(fresh, recursive = true)
                None

        try
            match given with
            | Some path ->
                let folder = (Directory.CreateDirectory path).FullName
                note folder command
                Ok folder
            | None ->
                let runs = (Directory.CreateDirectory(Path.Combine(root, "runs"))).FullName
                let stem = $"{name}-{started:yyyyMMdd'T'HHmmss}"

                Seq.initInfinite (fun i -> if i = 0 then stem else $"{stem}-{i + 1}")
                |> Seq.pick (claim runs)
                |> Ok
        with
        | :? IOException
        | :? UnauthorizedAccessException as failure -> Error failure.Message

    /// Writes a file of a run folder, or replaces it, in one piece: readers see the old content or the new.
    let write (folder: string) (name: string) (content: byte[]) : unit =
        let path = Path.Combine(folder, name)
        let temporary = Path.Combine(folder, $".{name}.{Guid.NewGuid():N}")

        try
            File.WriteAllBytes(temporary, content)
            File.Move(temporary, path, overwrite = true)
        finally
            File.Delete temporary

    /// Writes a text file of a run folder as UTF-8, in one piece.
    let writeText (folder: string) (name: string) (content: string) : unit =
        write folder name (Text.UTF8Encoding(false).GetBytes content)
