namespace Research.Control

open System
open System.Diagnostics
open Research

/// What one replan of a sampling planner did.
[<Struct>]
type Sampling =
    {
        /// lowest cost of a sampled sequence; the plan itself need not be that sample
        Best: float
        /// populations sampled
        Iterations: int
        /// sequences costed
        Evaluations: int
        /// true when the state was not finite, or no sampled sequence had a finite cost, and the old plan stands
        IsLost: bool
        /// time from the state to the plan, in seconds
        Seconds: float
    }

/// Sampled sequences, with their costs and their order. Row r = t·m + i holds control i of step t of all sequences.
[<Sealed>]
type internal Population(objective: Objective, capacity: int) =
    let m = objective.ControlSize
    let rows = objective.Horizon * m
    let controls = Array.zeroCreate<float>(rows * capacity)
    let costs, keys = Array.zeroCreate<float> capacity, Array.zeroCreate<float> capacity
    let order = Array.zeroCreate<int> capacity

    /// sequences of this round, not more than the capacity
    member val Count = capacity with get, set

    member _.Rows = rows
    member _.Costs = costs

    /// All numbers of this round.
    member this.Values = controls.AsSpan(0, rows * this.Count)

    member this.Item
        with get (row: int, sequence: int) = controls[row * this.Count + sequence]
        and set (row: int, sequence: int) (value: float) = controls[row * this.Count + sequence] <- value

    member _.Held(row: int, value: float) =
        let i = row % m
        Math.Min(Math.Max(value, objective.Lower[i]), objective.Upper[i])

    /// The numbers of a row.
    member this.Row(row: int) : Span<float> =
        controls.AsSpan(row * this.Count, this.Count)

    /// Controls of a row's first sequences from noise z: centre + scale·z, held to the limits. The noise may be the row itself.
    member this.Spread(row: int, centre: float, scale: float, noise: ReadOnlySpan<float>) =
        let values = controls.AsSpan(row * this.Count, noise.Length)
        let low, high = objective.Lower[row % m], objective.Upper[row % m]

        for p in 0 .. values.Length - 1 do
            values[p] <- Math.Min(Math.Max(centre + scale * noise[p], low), high)

    /// sequences from best to worst
    member _.Order = order

    /// sequences with a finite cost: the first of the order
    member val Finite = 0 with get, private set

    /// Costs and orders all sequences; those without a finite cost come last.
    member this.Evaluate(state: float[]) =
        let count = this.Count
        objective.Costs state controls count costs
        this.Finite <- 0

        for p in 0 .. count - 1 do
            order[p] <- p

            if Double.IsFinite costs[p] then
                this.Finite <- this.Finite + 1
            else
                costs[p] <- Double.PositiveInfinity

            keys[p] <- costs[p]

        Array.Sort(keys, order, 0, count)

    /// lowest cost
    member _.Best = keys[0]

    /// Mean and variance of a row over the best sequences.
    member this.Moments(row: int, elites: int) : struct (float * float) =
        let mutable sum, squares = 0.0, 0.0

        for e in 0 .. elites - 1 do
            sum <- sum + this[row, order[e]]

        let mean = sum / float elites

        for e in 0 .. elites - 1 do
            let deviation = this[row, order[e]] - mean
            squares <- squares + deviation * deviation

        struct (mean, squares / float elites)

    /// Copies a sequence out.
    member this.CopyTo(sequence: int, target: float[]) =
        for row in 0 .. rows - 1 do
            target[row] <- this[row, sequence]

/// What is left of an old plan when time has moved on.
[<RequireQualifiedAccess>]
type internal Tail =
    /// the last control is held
    | Hold
    /// the middle between the limits; where there are none, no control
    | Rest

/// Places of a sampling planner: `Mean`, row after row [T·m], about which it samples and which the warm start moves ahead in time, and
/// `Plan`, which is acted on.
type internal Plans = { Mean: float[]; Plan: float[] }

/// What a planner does with its plans, already moved ahead in time, from a state: told how many steps have come into view since its last
/// call, all of them where the plans are new.
type internal Improve = Plans -> int -> float[] -> Sampling

/// A controller that samples control sequences, costs them from where the system is, and acts on what it makes of the best, until it plans
/// again. It is made by `RandomShooting`, `Cem`, `ICem`, `Mppi` or `PredictiveSampling`; they differ in how they sample and in what they make
/// of the costs. The same source of random numbers and the same states give the same plans, bit for bit. One thread at a time plans: a call while
/// another is at work is an exception.
[<Sealed>]
type SamplingPlanner internal (objective: Objective, tail: Tail, improve: Improve) =
    let m, horizon = objective.ControlSize, objective.Horizon
    let turn = Turn "this planner"

    let rest i =
        let low, high = objective.Lower[i], objective.Upper[i]

        if Double.IsFinite low && Double.IsFinite high then
            0.5 * low + 0.5 * high
        else
            Math.Min(Math.Max(0.0, low), high)

    let plans =
        let still = Array.init (horizon * m) (fun row -> rest (row % m))

        {
            Mean = still
            Plan = Array.copy still
        }

    /// steps that have come into view since the last improvement: all, where the plan was given
    let mutable unseen = horizon

    let shift (steps: int) (values: float[]) =
        let kept = horizon - min steps horizon
        Array.Copy(values, values.Length - kept * m, values, 0, kept * m)

        for row in kept * m .. values.Length - 1 do
            values[row] <-
                match tail with
                | Tail.Hold when kept > 0 -> values[row - m]
                | Tail.Hold -> values[values.Length - m + row % m]
                | Tail.Rest -> rest (row % m)

    /// Plans from a state [n], as many steps after the last plan as `elapsed` says; the old plan, moved ahead in time, is the start. An
    /// exception where sizes are wrong.
    member _.Replan(state: ReadOnlySpan<float>, elapsed: int) : Sampling =
        use _ = turn.Take()
        let given = state.Length

        if given <> objective.StateSize then
            invalidArg (nameof state) $"the objective has {objective.StateSize} states, and got {given} numbers"

        if elapsed < 0 then
            invalidArg (nameof elapsed) $"the system has made {elapsed} steps"

        let begun = Stopwatch.GetTimestamp()

        if elapsed > 0 then
            shift elapsed plans.Mean
            shift elapsed plans.Plan

        unseen <- min horizon (unseen + min horizon elapsed)
        let state = state.ToArray()

        let sampling =
            // a cost need not see what is wrong with a state that is not finite
            if Array.forall Double.IsFinite state then
                let sampling = improve plans unseen state
                unseen <- 0
                sampling
            else
                {
                    Best = Double.PositiveInfinity
                    Iterations = 0
                    Evaluations = 0
                    IsLost = true
                    Seconds = 0.0
                }

        { sampling with
            Seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds
        }

    /// The control [m] of the plan at a step 0, 1, … after its start; the last one is held after the end.
    member _.Act(step: int, control: Span<float>) =
        let room = control.Length

        if step < 0 || room <> m then
            invalidArg
                (nameof control)
                $"a plan gives {m} controls at steps from 0 on, and was asked for {room} at step {step}"

        plans.Plan.AsSpan(min step (horizon - 1) * m, m).CopyTo control

    /// The plan, [T, m]. Setting it forgets all that the planner knows and gives it a new start, held to the limits.
    member _.Plan
        with get () = Array2D.init horizon m (fun t i -> plans.Plan[t * m + i])
        and set (value: float[,]) =
            let rows, columns = Array2D.length1 value, Array2D.length2 value

            if rows <> horizon || columns <> m then
                invalidArg (nameof value) $"a plan has {horizon} steps of {m} controls, and got {rows}×{columns}"

            for row in 0 .. plans.Plan.Length - 1 do
                let i = row % m

                let u =
                    Math.Min(Math.Max(value[row / m, i], objective.Lower[i]), objective.Upper[i])

                plans.Plan[row] <- u
                plans.Mean[row] <- u

            unseen <- horizon

    /// The planner as a policy that replans every so many steps, and whose steps must be asked for in order from 0 on: the closed loop of
    /// a system and the planner is `Policy.simulate` of the two.
    member this.Policy(every: int) : Policy =
        if every < 1 then
            invalidArg (nameof every) $"a policy cannot replan every {every} steps"

        {
            StateSize = objective.StateSize
            ControlSize = m
            Act =
                fun t x ->
                    if t % every = 0 then
                        this.Replan(ReadOnlySpan x, (if t = 0 then 0 else every)) |> ignore

                    let control = Array.zeroCreate m
                    this.Act(t % every, Span control)
                    control
        }

/// What the planners' options have in common.
[<RequireQualifiedAccess>]
module internal Sampling =

    /// The first standard deviation of each control, [m]: a quarter of the range between its limits where none is given.
    let deviation (given: float[] option) (objective: Objective) : float[] =
        match given with
        | None ->
            let quarter =
                Array.map2 (fun low high -> 0.25 * (high - low)) objective.Lower objective.Upper

            if not (Array.forall Double.IsFinite quarter) then
                invalidArg
                    "options"
                    "where a control has no limits, a sampling planner needs to be told the deviation of its samples"

            quarter
        | Some deviation when
            deviation.Length = objective.ControlSize
            && Array.forall (fun d -> d >= 0.0 && Double.IsFinite d) deviation
            ->
            deviation
        | Some deviation ->
            invalidArg
                "options"
                $"the deviations of samples are {objective.ControlSize} numbers of 0 or more, and got %A{deviation}"

    /// An exception in the name of a planner unless an option is right.
    let require (isRight: bool) (planner: string) (what: string) =
        if not isRight then
            invalidArg "options" $"{planner} needs {what}"
