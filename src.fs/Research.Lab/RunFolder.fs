namespace Research.Lab

open System
open System.IO
open System.Text.RegularExpressions

/// A folder that holds all files of one run. Files appear whole or not at all, but for command.txt, by which a run takes its folder.
[<RequireQualifiedAccess>]
module RunFolder =

    let private commandFile = "command.txt"

    /// Names of files that are being written: .NAME.GUID.
    let private temporary =
        Regex(@"^\..+\.[0-9a-f]{32}$", RegexOptions.CultureInvariant)

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

    /// Removes what a process left that was killed while it wrote.
    let private tidy (folder: string) =
        for file in Directory.GetFiles(folder, ".*") do
            if temporary.IsMatch(nonNull (Path.GetFileName file)) then
                File.Delete file

    /// Takes a folder for a run, made where there is none, unless it holds one already. Of runs that start at once one gets it.
    let private claim (folder: string) (command: string) : bool =
        let isTaken () =
            [ commandFile; "result.json" ]
            |> List.exists (fun name -> File.Exists(Path.Combine(folder, name)))

        Directory.CreateDirectory folder |> ignore

        if isTaken () then
            false
        else
            try
                use file = File.Open(Path.Combine(folder, commandFile), FileMode.CreateNew)
                file.Write(ReadOnlySpan(Text.UTF8Encoding(false).GetBytes(command + "\n")))
                tidy folder
                true
            with :? IOException when isTaken () ->
                false

    let private orReason (work: unit -> Result<string, string>) : Result<string, string> =
        try
            work ()
        with
        | :? IOException
        | :? UnauthorizedAccessException
        | :? ArgumentException as failure -> Error failure.Message

    /// Makes runs/NAME-TIME under a root, with a number behind it when that is taken, or takes exactly the folder given, if it holds no other
    /// run; with the command that led to it in command.txt. Its full path, or why there is none.
    let create
        (root: string)
        (name: string)
        (started: DateTimeOffset)
        (given: string option)
        (command: string)
        : Result<string, string> =
        orReason (fun () ->
            match given with
            | Some path ->
                let folder = Path.GetFullPath path

                if claim folder command then
                    Ok folder
                else
                    Error "it holds another run."
            | None ->
                let stem =
                    Path.Combine(Path.GetFullPath root, "runs", $"{name}-{started:yyyyMMdd'T'HHmmss}")

                Seq.initInfinite (fun i -> if i = 0 then stem else $"{stem}-{i + 1}")
                |> Seq.find (fun folder -> not (File.Exists folder) && claim folder command)
                |> Ok)

    /// The folder of a run that goes on, without what a killed process left. Its full path, or why nothing can be written there.
    let reopen (path: string) : Result<string, string> =
        orReason (fun () ->
            let folder = Path.GetFullPath path
            tidy folder
            let probe = Path.Combine(folder, $".probe.{Guid.NewGuid():N}")
            File.WriteAllBytes(probe, [||])
            File.Delete probe
            Ok folder)
