// Links of HTML pages below a folder that lead nowhere, and marks that no template filled in: lists them and exits with 1 where there are any.
open System
open System.IO
open System.Net
open System.Text.RegularExpressions

let folder = Path.GetFullPath fsi.CommandLineArgs[1]

let pages =
    Directory.EnumerateFiles(folder, "*.html", SearchOption.AllDirectories)
    |> Seq.map (fun page -> page, File.ReadAllText page)
    |> Map.ofSeq

let matches pattern text =
    Regex.Matches(text, pattern)
    |> Seq.map (fun found -> WebUtility.HtmlDecode found.Groups[1].Value)

let anchors =
    pages
    |> Map.map (fun _ text -> matches "\\b(?:id|name)=\"([^\"]*)\"" text |> set)

let faults =
    [
        for KeyValue(page, text) in pages do
            for mark in matches "(\\{\\{[^}]*\\}\\}|@root@)" text do
                page, mark

            for link in matches "\\b(?:href|src)=\"([^\"]*)\"" text do
                let isElsewhere = Regex.IsMatch(link, "^(https?:|data:|mailto:)")

                let target, anchor =
                    (let parts = link.Split('#', 2) in parts[0], Array.tryItem 1 parts)

                let file =
                    if target = "" then
                        page
                    else
                        Path.GetFullPath(Path.Combine(Path.GetDirectoryName page, Uri.UnescapeDataString target))

                if not isElsewhere then
                    if not (File.Exists file) then
                        page, link
                    else
                        match anchor, Map.tryFind file anchors with
                        | Some anchor, Some known when
                            anchor <> "" && not (known.Contains(Uri.UnescapeDataString anchor))
                            ->
                            page, link
                        | _ -> ()
    ]
    |> List.distinct

for page, link in faults do
    printfn "%s: %s leads nowhere" (Path.GetRelativePath(folder, page)) link

printfn "%d pages, %d links that lead nowhere" pages.Count faults.Length
exit (if faults.IsEmpty then 0 else 1)
