namespace Research.Lab

open System
open System.Collections.Concurrent
open System.Threading.Tasks
open Spectre.Console

/// How progress is shown.
type ProgressStyle =
    /// a live table on a terminal, plain lines otherwise
    | Shown
    /// nothing at all
    | Silent

/// Live progress of long work on standard error, so that standard output holds results only.
[<RequireQualifiedAccess>]
module Progress =

    /// Work shorter than this, in seconds, shows no table: it would flicker and cost more than the work.
    let private patience = 0.25

    /// Rows that the live table shows.
    let private window = 12

    /// A row of the table: one with the key of the row before it takes its place.
    type Row = { Key: string; Cells: string[] }

    /// The newest row, every two seconds.
    let private plain (headings: string[]) (seen: ConcurrentQueue<Row>) (work: Task<'a>) =
        while not (work.Wait 2000) do
            let mutable newest = ValueNone
            let mutable row = Unchecked.defaultof<Row>

            while seen.TryDequeue &row do
                newest <- ValueSome row

            newest
            |> ValueOption.iter (fun row ->
                Array.zip headings row.Cells
                |> Array.filter (fun (_, cell) -> cell <> "")
                |> Array.map (fun (heading, cell) -> $"{heading} {cell}")
                |> String.concat "  "
                |> Console.Error.WriteLine)

    let private live (headings: string[]) (seen: ConcurrentQueue<Row>) (work: Task<'a>) =
        let output = AnsiConsoleOutput Console.Error
        let console = AnsiConsole.Create(AnsiConsoleSettings(Out = output))
        let table = Table().RoundedBorder().BorderColor(Color.Grey)
        let mutable last = ""

        for heading in headings do
            table.AddColumn(TableColumn(heading).RightAligned()) |> ignore

        let refresh () =
            let mutable row = Unchecked.defaultof<Row>

            while seen.TryDequeue &row do
                if row.Key = last && table.Rows.Count > 0 then
                    table.RemoveRow(table.Rows.Count - 1) |> ignore

                last <- row.Key
                table.AddRow row.Cells |> ignore

                if table.Rows.Count > window then
                    table.RemoveRow 0 |> ignore

        console
            .Live(table)
            .AutoClear(true)
            .Start(fun context ->
                while not (work.Wait 80) do
                    refresh ()
                    context.Refresh())

    /// Runs work that reports rows under headings, and shows them as they come if it lasts. Exceptions of the work come out as they are.
    let rows (style: ProgressStyle) (headings: string[]) (work: (Row -> unit) -> 'a) : 'a =
        match style with
        | Silent -> work ignore
        | Shown ->
            let seen = ConcurrentQueue<Row>()
            let task = Task.Run(fun () -> work seen.Enqueue)

            try
                if not (task.Wait(TimeSpan.FromSeconds patience)) then
                    if Console.IsErrorRedirected then
                        plain headings seen task
                    else
                        live headings seen task
            with :? AggregateException ->
                ()

            task.GetAwaiter().GetResult()

    /// Runs work that reports its iterations, and shows them as they come if it lasts. Exceptions of the work come out as they are.
    let run (style: ProgressStyle) (work: (IterationRecord -> unit) -> 'a) : 'a =
        let row (iteration: IterationRecord) =
            {
                Key = string iteration.Number
                Cells =
                    [|
                        string iteration.Number
                        Show.number 8 iteration.Cost
                        Show.number 3 iteration.Gradient
                        Show.number 3 iteration.Regularisation
                        Show.number 3 iteration.Step
                    |]
            }

        rows style [| "iteration"; "cost"; "gradient"; "μ"; "α" |] (fun report -> work (row >> report))
