namespace Research.Lab

open System

/// The report of a learner: one page that needs nothing but itself, with the motion of every trial, what was expected of it and what
/// happened, the learning curve, hyperparameters, timings and options.
[<RequireQualifiedAccess>]
module LearningReport =

    let private chart title unit xLabel isHeld colour bounds hasDots : Chart.Options =
        {
            Caption =
                {
                    Title = title
                    Unit = unit
                    Note = ""
                    XLabel = xLabel
                    Colour = colour
                }
            IsHeld = isHeld
            IsLog = false
            HasDots = hasDots
            Bounds = bounds
            Reference = [||]
            Marks = []
        }

    let private times timeStep first count =
        Array.init count (fun i -> float (first + i) * timeStep)

    /// What was expected, with a band of two standard deviations.
    let private layer timeStep first (expected: Band) : Chart.Layer =
        {
            Xs = times timeStep first expected.Mean.Length
            Ys = expected.Mean
            Spread = expected.Deviation |> Array.map (fun sd -> 2.0 * sd)
        }

    let private trialCharts (timeStep: float) (trial: TrialRecord) =
        String.concat
            "\n"
            [
                for i, state in Array.indexed trial.States do
                    let expected =
                        Array.tryItem i trial.Expected |> Option.map (layer timeStep 0) |> Option.toList

                    Chart.drawOver
                        expected
                        (chart state.Name state.Unit "time [s]" false "body" state.Bounds false)
                        (times timeStep 0 state.Values.Length)
                        state.Values

                for control in trial.Controls do
                    Chart.draw
                        (chart control.Name control.Unit "time [s]" true "limb" control.Bounds false)
                        (times timeStep 0 (control.Values.Length + 1))
                        control.Values

                Chart.drawOver
                    (trial.ExpectedLosses |> Option.map (layer timeStep 1) |> Option.toList)
                    (chart "loss" "" "time [s]" false "goal" None false)
                    (times timeStep 0 (trial.Losses.Length + 1))
                    (Array.append [| nan |] trial.Losses)

                if trial.Search.Length > 1 then
                    Chart.draw
                        (chart "policy search" "expected sum of losses" "line search" false "third" None false)
                        (Array.init trial.Search.Length float)
                        trial.Search
            ]

    let private curve (learning: Learning) =
        let trials = learning.Trials |> List.toArray

        let expected =
            trials |> Array.filter (fun trial -> Double.IsFinite trial.ExpectedLoss)

        let behind: Chart.Layer =
            {
                Xs = expected |> Array.map _.Experience
                Ys = expected |> Array.map _.ExpectedLoss
                Spread = [||]
            }

        let loss =
            Chart.drawOver
                [ behind ]
                (chart "mean loss of a step" "dashed: as expected beforehand" "experience [s]" false "body" None true)
                (trials |> Array.map _.Experience)
                (trials |> Array.map _.Loss)

        let seconds (trial: TrialRecord) = trial.Timings |> List.sumBy snd

        let time =
            Chart.draw
                (chart "time of a trial" "s" "experience [s]" false "third" None true)
                (trials |> Array.map _.Experience)
                (trials |> Array.map seconds)

        Page.section "Learning curve" "<div class=\"charts\">" (loss + time) "</div>"

    let private facts (learning: Learning) =
        let last = List.last learning.Trials
        let seconds = learning.Timings |> List.sumBy snd

        String.concat
            ""
            [
                Page.fact (Show.number 3 last.Loss) "mean loss of the last trial"
                Page.fact (Show.number 3 last.ExpectedLoss) "as expected"
                match learning.Validation with
                | Some(solved, starts) -> Page.fact $"{solved} of {starts}" "fresh starts that the policy kept solves"
                | None -> ()

                Page.fact (string learning.Trials.Length) "rollouts"
                Page.fact $"{Show.number 4 last.Experience} s" "experience"
                Page.fact (Show.seconds seconds) "computing"
                Page.fact learning.Learner "learner"
            ]

    /// What a row of a table of trials says.
    let trialHeadings =
        [ "trial"; "experience"; "real loss"; "expected"; "searches"; "solved"; "time" ]

    /// The row of a trial, losses with so many digits.
    let trialCells (digits: int) (trial: TrialRecord) : string list =
        [
            trial.Name
            $"{Show.number 4 trial.Experience} s"
            Show.number digits trial.Loss
            (if Double.IsFinite trial.ExpectedLoss then
                 Show.number digits trial.ExpectedLoss
             else
                 "")
            (if trial.Search.Length > 0 then
                 string (trial.Search.Length - 1)
             else
                 "")
            (if trial.IsSolved then "yes" else "no")
            trial.Timings |> List.sumBy snd |> Show.seconds
        ]

    let private records (learning: Learning) =
        Page.scrollingTable "Trials" (Page.numberRows trialHeadings (learning.Trials |> Seq.map (trialCells 4)))

    let private origin (learning: Learning) =
        let last = List.last learning.Trials

        let tables =
            Page.table "Time, all trials" (Page.timingRows learning.Timings)
            + Page.table $"Model of {last.Name}" (Page.optionRows last.Notes)
            + Page.table "Options" (Page.optionRows learning.Options)

        Page.section "How it was made" "<div class=\"tables\">" tables "</div>"

    let private motion (learning: Learning) (trial: TrialRecord) : Run =
        let names = [ for _ in 1 .. Array2D.length2 trial.Motion -> "", "" ]

        { Run.ofTrajectory learning.Problem learning.TimeStep names trial.Motion [] (Array2D.zeroCreate 0 0) with
            Scene = learning.Scene
        }

    /// The page, as HTML that can be opened from disk without a network. The last trial is shown first.
    let toHtml (learning: Learning) : string =
        if learning.Trials.IsEmpty then
            invalidArg (nameof learning) "a report of a learner needs one trial or more"

        let tabs =
            learning.Trials
            |> List.map (fun trial -> $"<button>{Page.encode trial.Name}</button>")
            |> String.concat ""

        let groups =
            learning.Trials
            |> List.map (fun trial -> $"<div class=\"charts\">{trialCharts learning.TimeStep trial}</div>")
            |> String.concat "\n"

        let values (trial: TrialRecord) : Page.Values list =
            [
                for state in trial.States do
                    { Values = state.Values; Times = [||] }

                for control in trial.Controls do
                    {
                        Values = control.Values
                        Times = [||]
                    }

                {
                    Values = Array.append [| nan |] trial.Losses
                    Times = [||]
                }

                // not over time
                if trial.Search.Length > 1 then
                    { Values = [||]; Times = [||] }
            ]

        Page.fill
            [
                "title", Page.encode $"{learning.Problem}, {learning.Learner}"
                "problem", Page.encode learning.Problem
                "pill", Page.pill learning.IsSolved learning.Status
                "summary", Page.encode $"{Page.sentence learning.Summary} {Page.sentence learning.Source}"
                "facts", facts learning
                "tabs", tabs
                "measurements", ""
                "legend", ""
                "heading", "Trials: what was expected (dashed, with two standard deviations) and what happened"
                "trajectories", groups
                "progress", curve learning
                "origin", origin learning
                "records", records learning
                "command", Page.command learning.Command
                "footer", Page.encode $"{learning.Started:``yyyy-MM-dd HH:mm:ss zzz``}, {learning.Platform}"
                "motions",
                learning.Trials
                |> List.map (motion learning >> Motion.toJson)
                |> String.concat ","
                |> sprintf "[%s]"
                "series", learning.Trials |> List.map values |> Page.seriesJson
            ]
