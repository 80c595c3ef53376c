namespace Research.Control

open System
open Research

/// What a sampling planner minimises: the cost of control sequences from a state. A planner knows nothing else of a problem, so the costs
/// may come from compiled dynamics, from a simulator or from an ensemble of learned models.
///
/// A population of `count` sequences is one flat array: control i of step t of sequence p at (t·m + i)·count + p. The controls of a step
/// are thus m rows of `count` numbers, as `Dynamics.Step` wants them. An array may be longer than its population.
type Objective =
    {
        /// T, the number of steps
        Horizon: int
        /// n
        StateSize: int
        /// lower limits of the controls, [m]; infinite where there is none
        Lower: float[]
        /// upper limits of the controls, [m]; infinite where there is none
        Upper: float[]
        /// `Costs state controls count costs` writes the costs of a population from a state [n] to the first `count` numbers of `costs`
        Costs: float[] -> float[] -> int -> float[] -> unit
    }

    /// m.
    member objective.ControlSize = objective.Lower.Length

/// Objectives of sampling planners.
[<RequireQualifiedAccess>]
module Objective =

    /// An objective from a function that costs populations: `costs state controls count costs` as in `Objective.Costs`.
    let create
        (horizon: int)
        (stateSize: int)
        (lower: float[])
        (upper: float[])
        (costs: float[] -> float[] -> int -> float[] -> unit)
        : Objective =
        if horizon < 1 || stateSize < 1 || lower.Length < 1 then
            invalidArg
                (nameof horizon)
                $"an objective needs one step, state and control or more, and got {horizon}, {stateSize} and {lower.Length}"

        if lower.Length <> upper.Length || not (Array.forall2 (<=) lower upper) then
            let text (limits: float[]) =
                limits |> Array.map string |> String.concat ", "

            invalidArg
                (nameof lower)
                $"the limits of an objective are missing, crossed or not numbers: [{text lower}] to [{text upper}]"

        {
            Horizon = horizon
            StateSize = stateSize
            Lower = lower
            Upper = upper
            Costs = costs
        }

    /// Dynamics and cost both traced: one kernel for a step with its cost, scanned over the horizon with a sequence in each lane. A record
    /// of a scan is x, the cost so far, and the controls that the next step reads.
    let private traced (problem: Problem) (f: Vec -> Vec -> Vec) =
        let n, m, horizon =
            problem.Dynamics.StateSize, problem.Dynamics.ControlSize, problem.Horizon

        let x, u = Real.variables "x" n, Real.variables "u" m
        let s, j = Real.variables "s" problem.Cost.Signals, Real.variable "J"

        let step =
            Compile.graph (Array.concat [ x; [| j |]; u ]) s (Array.append (f x u) [| j + problem.Cost.AtStage s x u |])

        let terminal = Compile.graph x s [| problem.Cost.AtEnd s x |]
        let signals = problem.Signals[.. horizon - 1, *] |> Seq.cast<float> |> Seq.toArray
        let finalSignals = problem.Signals[horizon, *]
        let lanes = step.Lanes
        let record = (n + 1 + m) * lanes
        let records = Array.zeroCreate<float>((horizon + 1) * record)
        let finalCosts = Array.zeroCreate<float> lanes
        let last = horizon * record

        fun (state: float[]) (controls: float[]) (count: int) (costs: float[]) ->
            for i in 0..n do
                Array.fill records (i * lanes) lanes (if i < n then state[i] else 0.0)

            for first in 0..lanes .. count - 1 do
                let width = min lanes (count - first)

                for t in 0 .. horizon - 1 do
                    for i in 0 .. m - 1 do
                        let from, into = (t * m + i) * count + first, t * record + (n + 1 + i) * lanes
                        controls.AsSpan(from, width).CopyTo(records.AsSpan into)

                        // lanes without a sequence repeat the block's first
                        if width < lanes then
                            records.AsSpan(into + width, lanes - width).Fill controls[from]

                step.Scan(Span records, n + 1 + m, ReadOnlySpan signals, problem.Cost.Signals, horizon)

                terminal.Run(ReadOnlySpan(records, last, n * lanes), ReadOnlySpan finalSignals, Span finalCosts, lanes)

                for lane in 0 .. width - 1 do
                    costs[first + lane] <- records[last + n * lanes + lane] + finalCosts[lane]

    /// Dynamics that only answer in batches: the whole population takes a step at a time.
    let private batched (problem: Problem) =
        let n, m = problem.Dynamics.StateSize, problem.Dynamics.ControlSize
        let z, s = Real.variables "z" (n + m), Real.variables "s" problem.Cost.Signals
        let x, u = z[.. n - 1], z[n..]
        let stage = Compile.graph z s [| problem.Cost.AtStage s x u |]
        let terminal = Compile.graph x s [| problem.Cost.AtEnd s x |]

        let signals = Array.init (problem.Horizon + 1) (fun t -> problem.Signals[t, *])

        let memory =
            ref
                {|
                    Points = [||]
                    Next = [||]
                    Parts = [||]
                |}

        fun (state: float[]) (controls: float[]) (count: int) (costs: float[]) ->
            if memory.Value.Parts.Length < count then
                memory.Value <-
                    {|
                        Points = Array.zeroCreate ((n + m) * count)
                        Next = Array.zeroCreate (n * count)
                        Parts = Array.zeroCreate count
                    |}

            let points, next, parts = memory.Value.Points, memory.Value.Next, memory.Value.Parts

            let add () =
                for p in 0 .. count - 1 do
                    costs[p] <- costs[p] + parts[p]

            Array.Clear(costs, 0, count)

            for i in 0 .. n - 1 do
                Array.fill points (i * count) count state[i]

            for t in 0 .. problem.Horizon - 1 do
                Array.blit controls (t * m * count) points (n * count) (m * count)
                let batch = ReadOnlySpan(points, 0, (n + m) * count)
                stage.Run(batch, ReadOnlySpan signals[t], Span parts, count)
                add ()
                problem.Dynamics.Step(batch, Span(next, 0, n * count), count)
                Array.blit next 0 points 0 (n * count)

            terminal.Run(ReadOnlySpan(points, 0, n * count), ReadOnlySpan signals[problem.Horizon], Span parts, count)

            add ()

    /// The objective of a problem, whose start is replaced by the states that come. Where dynamics and cost are traced, a rollout runs in
    /// every SIMD lane; other dynamics are asked for a step of the whole population at a time. Keeps its memory: not thread-safe. An
    /// exception when the problem is faulty or has constraints beside limits.
    let ofProblem (problem: Problem) : Objective =
        Problem.refuseConstraints "a sampling planner" problem
        let m = problem.Dynamics.ControlSize
        Problem.check (Problem.faults problem (Array2D.zeroCreate (max 0 problem.Horizon) m))

        let lower, upper =
            problem.Limits
            |> Option.defaultValue (Array.create m Double.NegativeInfinity, Array.create m Double.PositiveInfinity)

        create
            problem.Horizon
            problem.Dynamics.StateSize
            lower
            upper
            (match problem.Dynamics.Traced with
             | ValueSome f -> traced problem f
             | ValueNone -> batched problem)

    /// The cost of one sequence [T, m] from a state.
    let cost (objective: Objective) (state: float[]) (controls: float[,]) : float =
        if
            Array2D.length1 controls <> objective.Horizon
            || Array2D.length2 controls <> objective.ControlSize
        then
            invalidArg
                (nameof controls)
                $"the objective has {objective.Horizon} steps of {objective.ControlSize} controls, and got {Array2D.length1 controls}×{Array2D.length2 controls}"

        let costs = [| nan |]
        objective.Costs state (controls |> Seq.cast<float> |> Seq.toArray) 1 costs
        costs[0]
