namespace Research.Lab

open System
open Research

/// What was expected of a series: means and standard deviations.
type Band = { Mean: float[]; Deviation: float[] }

/// One rollout of a learner: what happened, and what it had expected, where it had expected anything.
type TrialRecord =
    {
        /// "random 1", "trial 3"
        Name: string
        /// T+1 values each, as measured
        States: Series[]
        /// one a state, T+1 values each; empty where nothing was expected
        Expected: Band[]
        /// T values each, held over their step
        Controls: Series[]
        /// losses of the steps 1 … T
        Losses: float[]
        ExpectedLosses: Band option
        IsSolved: bool
        /// seconds of interaction up to the end of this trial
        Experience: float
        /// what the search for the policy went through, line search by line search
        Search: float[]
        /// facts about the trial by name, such as hyperparameters
        Notes: (string * string) list
        /// named parts of the time that the trial took, s
        Timings: (string * float) list
        /// states of the true system for the scene, [T+1, N]
        Motion: float[,]
    }

    /// Mean loss of a step.
    member this.Loss =
        if this.Losses.Length = 0 then
            nan
        else
            Array.average this.Losses

    /// Mean expected loss of a step; NaN where nothing was expected.
    member this.ExpectedLoss =
        match this.ExpectedLosses with
        | Some expected when expected.Mean.Length > 0 -> Array.average expected.Mean
        | _ -> nan

/// A run of a learner, as plain data: all that its files and its report are made of.
type Learning =
    {
        Problem: string
        /// the problem in one line
        Summary: string
        Source: string
        Learner: string
        /// why the learner stopped, in words
        Status: string
        IsSolved: bool
        /// of the policy kept: fresh starts that it solved, and how many there were; none where no policy was learnt
        Validation: (int * int) option
        /// time of a step, s
        TimeStep: float
        Trials: TrialRecord list
        Options: (string * string) list
        Command: string
        Started: DateTimeOffset
        Platform: string
        Scene: Scene
    }

    /// Named parts of the time of all trials.
    member this.Timings: (string * float) list =
        this.Trials
        |> List.collect _.Timings
        |> List.groupBy fst
        |> List.map (fun (name, parts) -> name, List.sumBy snd parts)
