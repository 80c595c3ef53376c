/// Loads the libraries that `dotnet build -c Release src.fs/Research.Cli` leaves in one folder; every script starts with it.
[<AutoOpen>]
module Load

#r "../src.fs/Research.Cli/bin/Release/net10.0/MathNet.Numerics.dll"
#r "../src.fs/Research.Cli/bin/Release/net10.0/Research.Kernels.dll"
#r "../src.fs/Research.Cli/bin/Release/net10.0/Research.Core.dll"
#r "../src.fs/Research.Cli/bin/Release/net10.0/Research.Control.dll"
#r "../src.fs/Research.Cli/bin/Release/net10.0/Research.Environments.dll"
#r "../src.fs/Research.Cli/bin/Release/net10.0/Research.Models.dll"
#r "../src.fs/Research.Cli/bin/Release/net10.0/Research.Lab.dll"
#r "../src.fs/Research.Cli/bin/Release/net10.0/Research.Agents.dll"

open System.IO
open System.Runtime.InteropServices
open System.Runtime.Loader

// The library that draws plots has a native part, for which F# Interactive does not look in the folders of the build.
do
    let platform = RuntimeInformation.RuntimeIdentifier

    let places name =
        [
            for folder in [ platform; (platform.Split '-')[0] ] do
                for extension in [ "so"; "dylib"; "dll" ] do
                    $"../src.fs/Research.Cli/bin/Release/net10.0/runtimes/{folder}/native/{name}.{extension}"
        ]
        |> List.map (fun place -> Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, place)))

    AssemblyLoadContext.Default.add_ResolvingUnmanagedDll (fun _ name ->
        match places name |> List.tryFind File.Exists with
        | Some place -> NativeLibrary.Load place
        | None -> 0n)

/// True when the script was started with --smoke: the same steps in seconds.
let isSmoke = fsi.CommandLineArgs |> Array.contains "--smoke"
