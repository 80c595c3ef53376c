module Research.Tests.ArchitectureTests

open System
open System.IO
open System.Text.RegularExpressions
open System.Xml.Linq
open Expecto

/// A project of this repository: the projects and packages that its files name.
type Project =
    {
        Name: string
        Projects: string list
        /// by group of Paket
        Packages: (string * string) list
        /// packages named in the project file itself, past Paket
        LoosePackages: string list
    }

/// All that the rules look at: projects, and for each package (group, name) the packages it needs.
type Graph =
    {
        Projects: Project list
        Packages: Map<string * string, string list>
    }

/// A place in the architecture, and the places it may reference; it may also reference what those may.
type Room = { Name: string; May: string list }

let private kernels, core, control, models, environments, lab, agents =
    "Research.Kernels",
    "Research.Core",
    "Research.Control",
    "Research.Models",
    "Research.Environments",
    "Research.Lab",
    "Research.Agents"

let private neural, native, simulators, neuralAgents =
    "Research.Neural", "Research.Native", "Research.Simulators", "Research.Agents.Neural"

/// The package for C#.
let private facade = "Research"

let private light = [ kernels; core; control; models; environments; lab ]

/// From the ground up: a project may reference only projects above it.
let rooms =
    [
        { Name = kernels; May = [] }
        { Name = core; May = [ kernels ] }
        { Name = control; May = [ core ] }
        { Name = models; May = [ core ] }
        {
            Name = environments
            May = [ control ]
        }
        { Name = lab; May = [ core ] }
        { Name = agents; May = light }
        { Name = neural; May = [ models ] }
        { Name = native; May = [ kernels ] }
        {
            Name = simulators
            May = [ environments; native ]
        }
        {
            Name = neuralAgents
            May = agents :: neural :: native :: simulators :: light
        }
        {
            Name = "Research.Cli"
            May = neuralAgents :: agents :: neural :: native :: simulators :: light
        }
        {
            Name = facade
            May = [ control; models; environments; agents ]
        }
    ]

/// Rooms that heavy native code must not reach.
let private aboveHeavyLine = agents :: facade :: light

let private isHeavyPackage (name: string) =
    Regex.IsMatch(name, "^(TorchSharp|libtorch|MuJoCo|Mujoco)", RegexOptions.IgnoreCase)

/// Packages that carry machine code, by the way they are named.
let private isNativePackage (name: string) =
    isHeavyPackage name
    || name.Contains ".NativeAssets."
    || name.StartsWith "runtime."

/// Everything that follows from a start along a relation, the start itself left out.
let private closure (next: 'a -> 'a list) (start: 'a) : 'a list =
    let rec walk seen queue =
        match queue with
        | [] -> List.rev seen
        | head :: rest when List.contains head seen -> walk seen rest
        | head :: rest -> walk (head :: seen) (rest @ next head)

    walk [] (next start) |> List.filter (fun found -> found <> start)

let private mayReference (room: string) =
    closure (fun name -> rooms |> List.filter (fun room -> room.Name = name) |> List.collect _.May) room

/// What breaks the architecture, one line each; empty when nothing does.
let violations (graph: Graph) : string list =
    let project name =
        graph.Projects |> List.tryFind (fun project -> project.Name = name)

    let projectsOf name =
        project name |> Option.map _.Projects |> Option.defaultValue []

    let reachable name = closure projectsOf name

    let packagesOf name =
        let own =
            name :: reachable name
            |> List.choose project
            |> List.collect _.Packages
            |> List.distinct

        let needed (group, package) =
            graph.Packages
            |> Map.tryFind (group, package)
            |> Option.defaultValue []
            |> List.map (fun dependency -> group, dependency)

        own @ List.collect (closure needed) own |> List.map snd |> List.distinct

    let isRoom name =
        rooms |> List.exists (fun room -> room.Name = name)

    [
        for project in graph.Projects do
            for package in project.LoosePackages do
                $"{project.Name} names package {package} in its project file, past Paket"

            if isRoom project.Name then
                let allowed = mayReference project.Name

                for reference in project.Projects do
                    if not (List.contains reference allowed) then
                        $"{project.Name} references {reference}, which is not above it"

                if List.contains project.Name aboveHeavyLine then
                    if List.contains native (reachable project.Name) then
                        $"{project.Name} reaches {native}"

                    for package in packagesOf project.Name |> List.filter isHeavyPackage do
                        $"{project.Name} reaches the native package {package}"

                    // ScottPlot draws with Skia and HarfBuzz: the only machine code above the line, in Lab and what references Lab. The package
                    // for C# carries none.
                    let hasLab =
                        project.Name <> facade
                        && (project.Name = lab || List.contains lab (reachable project.Name))

                    for package in packagesOf project.Name |> List.filter isNativePackage do
                        let isOfPlots =
                            package.StartsWith "SkiaSharp." || package.StartsWith "HarfBuzzSharp."

                        if not (isHeavyPackage package) && not (hasLab && isOfPlots) then
                            $"{project.Name} reaches the native package {package}"
            else
                $"{project.Name} has no room in the architecture"
    ]

/// The folder of Research.sln.
let root =
    let rec up (folder: DirectoryInfo | null) =
        match folder with
        | null -> failwith "no folder above the tests holds Research.sln"
        | folder when File.Exists(Path.Combine(folder.FullName, "Research.sln")) -> folder.FullName
        | folder -> up folder.Parent

    up (DirectoryInfo AppContext.BaseDirectory)

/// Items of a project file.
let private includes (name: string) (document: XDocument) =
    document.Descendants()
    |> Seq.filter (fun element -> element.Name.LocalName = name)
    |> Seq.choose (fun element -> element.Attribute(XName.Get "Include") |> Option.ofObj |> Option.map _.Value)
    |> Seq.toList

/// Names after which a line of Paket's files carries versions and settings.
let private firstWord (line: string) = (line.Trim().Split ' ')[0]

/// Packages (group, name) of a paket.references file.
let parseReferences (lines: string seq) : (string * string) list =
    let step (group, found) (line: string) =
        match line.Trim() with
        | "" -> group, found
        | text when text.StartsWith "group " -> text.Substring(6).Trim(), found
        | text -> group, (group, firstWord text) :: found

    lines |> Seq.fold step ("Main", []) |> snd |> List.rev

/// For each package (group, name) of a paket.lock file, the packages it needs.
let parseLock (lines: string seq) : Map<string * string, string list> =
    let step (group, package, found: Map<string * string, string list>) (line: string) =
        let indent = line.Length - line.TrimStart().Length

        if line.StartsWith "GROUP " then
            line.Substring(6).Trim(), "", found
        elif indent = 4 then
            group, firstWord line, found |> Map.add (group, firstWord line) []
        elif indent = 6 then
            let key = group, package
            group, package, found |> Map.add key (firstWord line :: found[key])
        else
            group, package, found

    let _, _, found = lines |> Seq.fold step ("Main", "", Map.empty)
    found

let private readProject (path: string) =
    let document = XDocument.Load path

    let references =
        Path.Combine(nonNull (Path.GetDirectoryName path), "paket.references")

    {
        Name = string (Path.GetFileNameWithoutExtension path)
        Projects =
            includes "ProjectReference" document
            |> List.map (fun file -> string (Path.GetFileNameWithoutExtension(file.Replace('\\', '/'))))
        Packages =
            if File.Exists references then
                parseReferences (File.ReadLines references)
            else
                []
        LoosePackages = includes "PackageReference" document
    }

let private repository =
    lazy
        {
            Projects =
                [ "src.cs"; "src.fs" ]
                |> Seq.collect (fun folder ->
                    Directory.EnumerateFiles(Path.Combine(root, folder), "*.*proj", SearchOption.AllDirectories))
                |> Seq.map readProject
                |> Seq.toList
            Packages = parseLock (File.ReadLines(Path.Combine(root, "paket.lock")))
        }

let private change name (edit: Project -> Project) (graph: Graph) =
    { graph with
        Projects =
            graph.Projects
            |> List.map (fun project -> if project.Name = name then edit project else project)
    }

let private refer target (project: Project) =
    { project with
        Projects = target :: project.Projects
    }

let private need package (project: Project) =
    { project with
        Packages = ("Main", package) :: project.Packages
    }

let private empty name =
    {
        Name = name
        Projects = []
        Packages = []
        LoosePackages = []
    }

/// The violations of the repository after it was broken on purpose.
let private broken (break': Graph -> Graph) = violations (break' repository.Value)

let private isCaught (words: string list) (found: string list) =
    Expect.exists found (fun line -> words |> List.forall line.Contains) $"expected {words} in {found}"

[<Tests>]
let tests =
    testList
        "Architecture"
        [
            test "the repository keeps to the rooms" {
                Expect.isGreaterThan repository.Value.Projects.Length 4 "the projects are found"
                Expect.isEmpty (violations repository.Value) "no rule is broken"
            }

            test "plots are seen to bring machine code, so that the rules look at something" {
                let packages = repository.Value.Packages
                let isNative (_, name) = isNativePackage name
                Expect.exists (Map.keys packages) isNative "paket.lock names native packages"
            }

            test "a reference downwards is caught" {
                broken (change core (refer control)) |> isCaught [ core; control ]
            }

            test "a reference to a neighbour is caught" {
                broken (change environments (refer models)) |> isCaught [ environments; models ]
            }

            test "a project without a room is caught" {
                broken (fun graph ->
                    { graph with
                        Projects = empty "Research.Attic" :: graph.Projects
                    })
                |> isCaught [ "Research.Attic"; "no room" ]
            }

            test "a network library above the heavy line is caught where it enters and in what is built on it" {
                let found = broken (change core (need "TorchSharp"))
                isCaught [ core; "TorchSharp" ] found
                isCaught [ control; "TorchSharp" ] found
            }

            test "a network library behind another package is caught" {
                broken (fun graph ->
                    let packages =
                        graph.Packages |> Map.add ("Main", "Innocent") [ "libtorch-cpu-linux-x64" ]

                    { graph with Packages = packages } |> change control (need "Innocent"))
                |> isCaught [ control; "libtorch" ]
            }

            test "native bindings behind another project are caught" {
                broken (fun graph ->
                    { graph with
                        Projects = empty native :: graph.Projects
                    }
                    |> change core (refer native))
                |> isCaught [ environments; "reaches"; native ]
            }

            test "plots outside Lab are caught" {
                broken (change control (need "ScottPlot"))
                |> isCaught [ control; "NativeAssets" ]
            }

            test "plots in the package for C# are caught, whatever brings them" {
                broken (change agents (refer lab))
                |> isCaught [ $"{facade} reaches"; "NativeAssets" ]
            }

            test "a package past Paket is caught" {
                broken (
                    change core (fun project ->
                        { project with
                            LoosePackages = [ "Anything" ]
                        })
                )
                |> isCaught [ core; "past Paket" ]
            }

            test "heavy parts may use what is above them" {
                let graph =
                    { repository.Value with
                        Projects =
                            { empty neural with
                                Projects = [ models ]
                                Packages = [ "Torch", "TorchSharp" ]
                            }
                            :: empty models
                            :: repository.Value.Projects
                    }

                Expect.isEmpty (violations graph) "no rule is broken"
            }
        ]
