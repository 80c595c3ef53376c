namespace Research.Cli

open System
open System.IO

/// What to type to get a run again.
[<RequireQualifiedAccess>]
module CommandLine =

    /// An argument as a shell takes it.
    let private quoted (argument: string) : string =
        let isPlain c =
            Char.IsLetterOrDigit c || "-_,./=+:".Contains(c: char)

        if argument <> "" && Seq.forall isPlain argument then
            argument
        else
            "'" + argument.Replace("'", "'\\''") + "'"

    /// How a program is started from a folder: by `dotnet run` where it lies in the build output of its project,
    /// project/bin/CONFIGURATION/FRAMEWORK; else by its path, with `dotnet` before that of a library.
    let program (executable: string) (library: string) (from: string) : string list =
        let above (path: string) : string = string (Path.GetDirectoryName path)
        let configuration = above (above library)
        let bin = above configuration
        let project = above bin
        let name = string (Path.GetFileNameWithoutExtension library)

        if
            Path.GetFileName bin = "bin"
            && File.Exists(Path.Combine(project, name + ".fsproj"))
        then
            let configuration = string (Path.GetFileName configuration)

            [
                "dotnet"
                "run"
                "-c"
                configuration
                "--project"
                Path.GetRelativePath(from, project)
                "--"
            ]
        elif Path.GetFileNameWithoutExtension executable = "dotnet" then
            [ executable; library ]
        else
            [ executable ]

    /// The command with which this process was started, to be typed in the folder where it was.
    let ofArguments (arguments: string[]) : string =
        let library = Path.GetFullPath(Environment.GetCommandLineArgs()[0])
        let executable = Option.ofObj Environment.ProcessPath |> Option.defaultValue library

        program executable library (Directory.GetCurrentDirectory())
        @ List.ofArray arguments
        |> List.map quoted
        |> String.concat " "
