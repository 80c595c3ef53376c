namespace Research.Cli

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Threading
open Research.Models
open Research.Agents
open Research.Lab

/// The command `learn pilco`.
[<RequireQualifiedAccess>]
module LearnCommand =

    let private series name unit values bounds : Series =
        {
            Name = name
            Unit = unit
            Values = values
            Bounds = bounds
            Reference = [||]
        }

    let private names (state: PilcoState) : string list =
        state.Trials
        |> List.mapFold
            (fun (random, learnt, again) trial ->
                if trial.IsRandom then
                    $"random {random + 1}", (random + 1, learnt, 0)
                elif trial.IsRepeat then
                    $"again {again + 1}", (random, learnt, again + 1)
                else
                    $"trial {learnt + 1}", (random, learnt + 1, 0))
            (0, 0, 0)
        |> fst

    let private notes (scenario: Scenario) (hyperparameters: Hyperparameters[]) : (string * string) list =
        hyperparameters
        |> Array.mapi (fun i hyper ->
            let lengths = hyper.Lengthscales |> Seq.map (Show.number 3) |> String.concat " "

            [
                $"{scenario.States[i].Name}: lengthscales", lengths
                $"{scenario.States[i].Name}: signal, noise, ratio",
                $"{Show.number 3 hyper.Signal}, {Show.number 3 hyper.Noise}, {Show.number 3 (hyper.Signal / hyper.Noise)}"
            ])
        |> Seq.concat
        |> Seq.toList

    let private record (scenario: Scenario) (name: string) (experience: float) (trial: Trial) : TrialRecord =
        let rollout = trial.Rollout

        {
            Name = name
            States =
                scenario.States
                |> Array.mapi (fun i state -> series state.Name state.Unit rollout.Measured[*, i] None)
            Expected =
                match trial.Forecast with
                | None -> [||]
                | Some forecast ->
                    scenario.States
                    |> Array.mapi (fun i _ ->
                        {
                            Mean = forecast.Mean[*, i]
                            Deviation = forecast.Deviation[*, i]
                        })
            Controls =
                scenario.Controls
                |> Array.mapi (fun j control ->
                    let limit = scenario.Limits[j]
                    series control.Name control.Unit rollout.Controls[*, j] (Some(-limit, limit)))
            Losses = rollout.Losses
            ExpectedLosses =
                trial.Forecast
                |> Option.map (fun forecast ->
                    {
                        Mean = forecast.Loss
                        Deviation = forecast.LossDeviation
                    })
            IsSolved = trial.IsSolved
            Experience = experience
            Search = trial.Search
            Notes = notes scenario trial.Hyperparameters
            Timings = trial.Seconds
            Motion = rollout.Plant
        }

    /// Starts, unknown to the learner, from which the policy that is kept is tried in the end.
    let private freshStarts = 100

    /// How learning ended.
    type private Ending =
        | Finished
        | Interrupted
        | Broken of reason: string

    let private statusText (state: PilcoState) (ending: Ending) =
        match ending with
        | Broken reason -> $"trial {state.Trials.Length + 1} failed: {reason}"
        | Interrupted -> "interrupted"
        | Finished when state.IsSolved ->
            let first = state.Trials |> List.findIndex _.IsSolved

            let until =
                { state with
                    Trials = List.truncate (first + 1) state.Trials
                }

            let confirmed = state.SolvedInARow - 1

            $"first solved after {Show.number 4 until.Experience} s of experience"
            + (if confirmed > 0 then
                   $", and {confirmed} more times in a row by one policy after {Show.number 4 state.Experience} s"
               else
                   "")
        | Finished -> "not solved"

    let private toLearning
        (options: LearnOptions)
        (started: DateTimeOffset)
        (ending: Ending)
        (state: PilcoState)
        : Learning =
        let scenario = state.Scenario

        let experience =
            state.Trials
            |> List.scan (fun sum trial -> sum + scenario.TimeStep * float trial.Rollout.Steps) 0.0
            |> List.tail

        {
            Problem = scenario.Name
            Summary = scenario.Summary
            Source = scenario.Source
            Learner = "PILCO"
            Status = statusText state ending
            IsSolved = state.IsSolved
            Validation =
                state.Best
                |> Option.map (fun best -> Pilco.validate freshStarts state best.Parameters, freshStarts)
            TimeStep = scenario.TimeStep
            Trials = List.map3 (record scenario) (names state) experience state.Trials
            Options = LearnOptions.describe state
            Command = options.Output.Command
            Started = started
            Platform = $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}"
            Scene = scenario.Scene
        }

    let private headings = [| "trial"; "doing"; "expected loss"; "real loss" |]

    /// Shows what a trial is at.
    let private rowOf (state: PilcoState) (progress: PilcoProgress) : Progress.Row =
        let perStep value =
            Show.number 4 (value / float state.Scenario.Horizon)

        let doing, expected =
            match progress with
            | Training points -> $"training on {points} points", ""
            | Searching(lineSearch, value) -> $"line search {lineSearch}", perStep value
            | Restarting -> "again, from a drawn policy", ""
            | Running -> "running", ""

        {
            Key = string state.Trials.Length
            Cells = [| string (state.Trials.Length + 1); doing; expected; "" |]
        }

    let private rowOfTrial (state: PilcoState) : Progress.Row =
        let last = List.last state.Trials

        {
            Key = string (state.Trials.Length - 1)
            Cells =
                [|
                    string state.Trials.Length
                    (if last.IsSolved then "solved" else "done")
                    (match last.Forecast with
                     | Some forecast -> Show.number 4 (Array.average forecast.Loss)
                     | None -> "")
                    Show.number 4 (Array.average last.Rollout.Losses)
                |]
        }

    let private print (learning: Learning) (elapsed: float) =
        let out = Console.Out
        out.WriteLine $"{learning.Problem}: {learning.Summary}"
        out.WriteLine learning.Status

        learning.Validation
        |> Option.iter (fun (solved, starts) ->
            out.WriteLine $"the policy kept solves {solved} of {starts} fresh starts")

        out.WriteLine()

        let row (cells: string list) =
            out.WriteLine(("  " + String.Join("", cells |> List.map _.PadRight(13))).TrimEnd())

        row LearningReport.trialHeadings

        for trial in learning.Trials do
            row (LearningReport.trialCells 3 trial)

        let parts =
            learning.Timings
            |> List.map (fun (name, seconds) -> $"{name} {Show.seconds seconds}")
            |> String.concat ", "

        use self = Process.GetCurrentProcess()
        out.WriteLine()

        out.WriteLine
            $"{parts}; {Show.seconds elapsed} in this process, {Show.seconds self.TotalProcessorTime.TotalSeconds} of processor time"

        out.Flush()

    /// Learns until the state is finished or cancelled, and hands over the state after every trial.
    let private learn
        (start: PilcoState)
        (cancellation: CancellationToken)
        (keep: PilcoState -> unit)
        (report: Progress.Row -> unit)
        : PilcoState * Ending =
        let stopwatch = Stopwatch.StartNew()
        let clock () = stopwatch.Elapsed.TotalSeconds

        let rec go (state: PilcoState) =
            if state.IsFinished then
                state, Finished
            else
                match Pilco.next clock cancellation (rowOf state >> report) state with
                | Stopped -> state, Interrupted
                | Failed reason -> state, Broken reason
                | Advanced next ->
                    report (rowOfTrial next)
                    keep next
                    go next

        go start

    let private folderOf (options: LearnOptions) (started: DateTimeOffset) : Result<string option, Fault> =
        match options.Resumed with
        | None -> RunOutput.folder options.Output options.Start.Scenario.Name started
        | Some folder ->
            match RunFolder.reopen folder with
            | Ok folder -> Ok(Some folder)
            | Error reason -> Fault.output $"--resume {folder}: nothing can be written there: {reason}"

    let private write (options: LearnOptions) (folder: string) (learning: Learning) =
        RunFolder.write folder "result.json" (LearningFile.toJson true learning)

        if options.Output.HasReport && not learning.Trials.IsEmpty then
            RunFolder.writeText folder "report.html" (LearningReport.toHtml learning)
        else
            // one of the part before would tell of fewer trials
            File.Delete(Path.Combine(folder, "report.html"))

    /// Learns, prints and writes. The exit code.
    let run (options: LearnOptions) (cancellation: CancellationToken) (sinceStart: unit -> float) : Result<int, Fault> =
        let started = DateTimeOffset.Now
        let style = if options.Output.IsJson then Silent else Shown

        let work (folder: string option) =
            let keep (state: PilcoState) =
                folder
                |> Option.iter (fun folder ->
                    RunFolder.write folder (LearnOptions.checkpointName state.Trials.Length) (Checkpoint.toJson state))

            let state, ending =
                Progress.rows style headings (learn options.Start cancellation keep)

            let learning = toLearning options started ending state

            if options.Output.IsJson then
                use output = Console.OpenStandardOutput()
                output.Write(ReadOnlySpan(LearningFile.toJson false learning))
                output.WriteByte(byte '\n')
            else
                print learning (sinceStart ())

            match folder with
            | None -> Ok()
            | Some folder -> RunOutput.writeFiles options.Output folder (fun () -> write options folder learning)
            |> Result.bind (fun () ->
                match ending with
                | Interrupted -> Ok Exit.interrupted
                | Broken reason ->
                    Error
                        {
                            Code = Exit.failure
                            Message = $"trial {state.Trials.Length + 1} failed: {reason}"
                        }
                | Finished -> Ok(if state.IsSolved then Exit.success else Exit.failure))

        folderOf options started
        |> Result.bind (fun folder ->
            try
                work folder
            with
            | :? IOException
            | :? UnauthorizedAccessException as failure -> Fault.output $"A file cannot be written: {failure.Message}")
