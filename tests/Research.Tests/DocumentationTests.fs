module Research.Tests.DocumentationTests

open System.IO
open System.Text.RegularExpressions
open Expecto
open Research.Tests.ArchitectureTests

let private pages =
    [
        yield Path.Combine(root, "README.md")
        yield Path.Combine(root, "CHANGELOG.md")
        yield! Directory.EnumerateFiles(Path.Combine(root, "docs"), "*.md")
        yield! Directory.EnumerateFiles(Path.Combine(root, "papers"), "*.md", SearchOption.AllDirectories)
    ]

/// Targets of links and pictures that lie in the repository.
let private localLinks (page: string) =
    Regex.Matches(File.ReadAllText page, @"\]\(([^)#]+)")
    |> Seq.map _.Groups[1].Value
    |> Seq.filter (fun target -> not (target.Contains "://"))

/// Names of projects in the first column of the table of rooms.
let private documentedRooms =
    lazy
        (File.ReadLines(Path.Combine(root, "docs", "architecture.md"))
         |> Seq.map (fun line -> Regex.Match(line, @"^\| \[?(Research(?:\.[A-Za-z]+)*)\]?"))
         |> Seq.filter _.Success
         |> Seq.map _.Groups[1].Value
         |> Seq.toList)

[<Tests>]
let tests =
    testList
        "Documentation"
        [
            test "links lead somewhere" {
                for page in pages do
                    let folder = nonNull (Path.GetDirectoryName page)

                    for target in localLinks page do
                        let path = Path.Combine(folder, target)
                        Expect.isTrue (File.Exists path || Directory.Exists path) $"{target} in {page}"
            }

            test "the README names the folder of every paper" {
                let readme = File.ReadAllText(Path.Combine(root, "README.md"))

                for folder in Directory.EnumerateDirectories(Path.Combine(root, "papers")) do
                    Expect.stringContains readme $"papers/{Path.GetFileName folder}/" "in the table of what works"
            }

            test "every paper has its claims and its script" {
                for folder in Directory.EnumerateDirectories(Path.Combine(root, "papers")) do
                    for name in [ "claims.md"; "run.fsx" ] do
                        Expect.isTrue (File.Exists(Path.Combine(folder, name))) $"{name} in {folder}"
            }

            test "the rooms in words are the rooms of the test" {
                Expect.equal documentedRooms.Value (rooms |> List.map _.Name) "docs/architecture.md"
            }
        ]
