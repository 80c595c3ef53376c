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

/// True when the script was started with --smoke: the same steps in seconds.
let isSmoke = fsi.CommandLineArgs |> Array.contains "--smoke"
