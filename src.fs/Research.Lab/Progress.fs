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

    let private cells (iteration: IterationRecord) =
        [|
            string iteration.Number
            Show.number 8 iteration.Cost
            Show.number 3 iteration.Gradient
            Show.number 3 iteration.Regularisation
            Show.number 3 iteration.Step
        |]

    let private headings = [| "iteration"; "cost"; "gradient"; "μ"; "α" |]

    /// The newest row, every two seconds.
    let private plain (headings: string[]) (seen: ConcurrentQueue<string[]>) (work: Task<'a>) =
        while not (work.Wait 2000) do
            let mutable newest = ValueNone
            let mutable row = [||]

            while seen.TryDequeue &row do
                newest <- ValueSome row

            newest
            |> ValueOption.iter (fun row ->
                Array.map2 (fun heading cell -> $"{heading} {cell}") headings row
                |> String.concat "  "
                |> Console.Error.WriteLine)

    let private live (headings: string[]) (seen: ConcurrentQueue<string[]>) (work: Task<'a>) =
        let output = AnsiConsoleOutput Console.Error
        let console = AnsiConsole.Create(AnsiConsoleSettings(Out = output))
        let table = Table().RoundedBorder().BorderColor(Color.Grey)

        for heading in headings do
            table.AddColumn(TableColumn(heading).RightAligned()) |> ignore

        let refresh () =
            let mutable row = [||]

            while seen.TryDequeue &row do
                table.AddRow row |> ignore

                if table.Rows.Count > window then
                    table.RemoveRow 0 |> ignore

        console
            .Live(table)
            .AutoClear(true)
            .Start(fun context ->
                while not (work.Wait 80) do
                    refresh ()
                    context.Refresh())

    /// Runs work that reports rows of text under the given headings, and shows them as they come if it lasts. Exceptions of the work come out
    /// as they are.
    let rows (style: ProgressStyle) (headings: string[]) (work: (string[] -> unit) -> 'a) : 'a =
        match style with
        | Silent -> work ignore
        | Shown ->
            let seen = ConcurrentQueue<string[]>()
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

    /// Runs work that reports its iterations, and shows them.
    let run (style: ProgressStyle) (work: (IterationRecord -> unit) -> 'a) : 'a =
        rows style headings (fun report -> work (cells >> report))
