module Research.Tests.DocumentationTests

open System
open System.IO
open System.Reflection
open System.Runtime.CompilerServices
open System.Text.RegularExpressions
open System.Xml.Linq
open Microsoft.FSharp.Reflection
open Expecto
open Research.Tests.ArchitectureTests

let private pages =
    [
        yield Path.Combine(root, "README.md")
        yield Path.Combine(root, "CHANGELOG.md")
        yield! Directory.EnumerateFiles(Path.Combine(root, "docs"), "*.md")
        yield! Directory.EnumerateFiles(Path.Combine(root, "papers"), "*.md", SearchOption.AllDirectories)
    ]

/// Targets of links and pictures that lie in the repository; the reference is made with the site.
let private localLinks (page: string) =
    Regex.Matches(File.ReadAllText page, @"\]\(([^)#]+)")
    |> Seq.map _.Groups[1].Value
    |> Seq.filter (fun target -> not (target.Contains "://" || target.StartsWith "reference/"))

/// Names of projects in the first column of the table of rooms.
let private documentedRooms =
    lazy
        (File.ReadLines(Path.Combine(root, "docs", "architecture.md"))
         |> Seq.map (fun line -> Regex.Match(line, @"^\| \[?(Research(?:\.[A-Za-z]+)*)\]?"))
         |> Seq.filter _.Success
         |> Seq.map _.Groups[1].Value
         |> Seq.toList)

/// Members of an assembly's public surface that have no comment, by the names that XML documentation gives them. Fields of records and cases
/// of enumerations may rest on the comment of their type.
let private undocumented (name: string) =
    let dll = Path.Combine(AppContext.BaseDirectory, name + ".dll")

    let documented =
        XDocument.Load(nonNull (Path.ChangeExtension(dll, ".xml"))).Descendants "member"
        |> Seq.filter (fun entry -> entry.Value.Trim() <> "")
        |> Seq.map (fun entry -> Regex.Replace((nonNull (entry.Attribute "name")).Value, @"(``\d+)?(\(.*)?$", ""))
        |> set

    // what F# makes for itself, and what only repeats a base type
    let isMade (m: MemberInfo) =
        m.IsDefined(typeof<CompilerGeneratedAttribute>, false)
        || m.Name = "Tags"
        || match m with
           | :? MethodInfo as m -> m.IsSpecialName || m.GetBaseDefinition() <> m
           | :? FieldInfo as f -> f.IsSpecialName
           | :? PropertyInfo as p -> p.GetAccessors() |> Array.exists (fun a -> a.GetBaseDefinition() <> a)
           | :? ConstructorInfo -> true
           | _ -> false

    let kind (m: MemberInfo) =
        match m.MemberType with
        | MemberTypes.Method -> "M"
        | MemberTypes.Property -> "P"
        | _ -> "F"

    [
        for t in Assembly.LoadFrom(dll).GetExportedTypes() do
            let path = t.FullName |> nonNull |> _.Replace('+', '.')

            if not (isMade t) && not (path.Contains ".Tags") then
                $"T:{path}"

                for m in
                    t.GetMembers(
                        BindingFlags.Public
                        ||| BindingFlags.Instance
                        ||| BindingFlags.Static
                        ||| BindingFlags.DeclaredOnly
                    ) do
                    let isField =
                        t.IsEnum
                        || FSharpType.IsRecord t
                           && FSharpType.GetRecordFields t |> Array.exists (fun p -> p.Name = m.Name)

                    if not (isMade m || isField || m :? Type) then
                        $"{kind m}:{path}.{m.Name}"
    ]
    |> List.filter (fun name -> not (documented.Contains name))

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

            for name in
                [
                    "Research.Core"
                    "Research.Control"
                    "Research.Models"
                    "Research.Environments"
                    "Research.Lab"
                    "Research.Agents"
                ] do
                test $"every public member of {name} has a comment" {
                    Expect.equal (String.concat " " (undocumented name)) "" "members without a comment"
                }

            test "the rooms in words are the rooms of the test" {
                Expect.equal documentedRooms.Value (rooms |> List.map _.Name) "docs/architecture.md"
            }
        ]
