namespace Research.Control

open System
open System.Runtime.InteropServices
open Research
open Research.Kernels

/// Numbers that do not move, of which the first begins a cache line: no vector of theirs straddles two lines.
type internal AlignedNumbers(count: int) =
    let line = 64n
    let store = GC.AllocateArray<float>(count + 8, true)
    let address = Marshal.UnsafeAddrOfPinnedArrayElement(store, 0)
    let first = int ((line - address % line) % line) / sizeof<float>

    member _.Array = store

    /// place of the first number in the array
    member _.First = first

    member _.Span = Span(store, first, count)

/// Numbers of a problem in the layout of the kernels.
///
/// `Points`: rows of length T+1, states 0 … n−1, controls n … n+m−1, then the signals. `Laws`: one record a step, `LawSize` apart: x̄, ū, k,
/// K as the backward pass wants them, then lower and upper limits, the signals, and the gap f(x̄ₜ, ūₜ) − x̄ₜ₊₁ that the step leaves open. `Model`: one record a step as the backward pass wants
/// them; the last numbers of a record may be the same at every step, and are written once. `Lanes` candidate rollouts at a time: one record of
/// `CandidateRows` rows of `Width` numbers a step: x, the cost so far, α, and the control that led here. `Width` is `Lanes`, or half of it;
/// then the records of the first half of the lanes come first, those of the second half behind them.
[<Sealed>]
type internal Workspace(problem: Problem, backward: BackwardPass, lanes: int, constants: float[]) =
    let n, m, horizon =
        problem.Dynamics.StateSize, problem.Dynamics.ControlSize, problem.Horizon

    let signals = problem.Cost.Signals
    let gap = backward.PolicySize + 2 * m + signals
    let lawSize = gap + n
    let candidateRows = n + 2 + m
    let laws = Array.zeroCreate<float>(horizon * lawSize)
    let points = Array.zeroCreate<float>((n + m + signals) * (horizon + 1))
    let modelSize = backward.RecordSize + 3 * m
    let model = Array.zeroCreate<float>(modelSize * horizon)
    let mutable width = lanes
    let aligned = AlignedNumbers((horizon + 1) * candidateRows * lanes)
    let candidates = aligned.Array
    let point, nextState = Array.zeroCreate<float>(n + m), Array.zeroCreate<float> n

    do
        let lower, upper =
            match problem.Limits with
            | Some limits -> limits
            | None -> Array.create m Double.NegativeInfinity, Array.create m Double.PositiveInfinity

        for t in 0 .. horizon - 1 do
            let tail = t * lawSize + backward.PolicySize
            Array.blit lower 0 laws tail m
            Array.blit upper 0 laws (tail + m) m
            Array.blit lower 0 model (t * modelSize + backward.RecordSize + m) m
            Array.blit upper 0 model (t * modelSize + backward.RecordSize + 2 * m) m
            Array.blit constants 0 model (t * modelSize + backward.RecordSize - constants.Length) constants.Length

    /// place of a lane's first number, of which the next row is `width` away, and the next record `candidateRows * width`
    let placeOf lane =
        aligned.First
        + lane / width * (horizon + 1) * candidateRows * width
        + lane % width

    /// What the cost reads at each time, [T+1, signals].
    member _.SetSignals(values: float[,]) =
        for i in 0 .. signals - 1 do
            for t in 0..horizon do
                points[(n + m + i) * (horizon + 1) + t] <- values[t, i]

                if t < horizon then
                    laws[t * lawSize + backward.PolicySize + 2 * m + i] <- values[t, i]

    /// x₀, from which rollouts start.
    member val Start = Array.copy problem.Start

    /// place of the gap in a law
    member _.Gap = gap

    /// True while the nominal trajectory is none of the dynamics.
    member val HasGaps = false with get, set

    /// Σ |gap| over all steps and states, and the largest.
    member _.GapNorms: struct (float * float) =
        let mutable sum, largest = 0.0, 0.0

        for t in 0 .. horizon - 1 do
            for i in 0 .. n - 1 do
                let size = abs laws[t * lawSize + gap + i]
                sum <- sum + size
                largest <- max largest size

        struct (sum, largest)

    /// Multiplies all gaps.
    member this.ScaleGaps(factor: float) =
        for t in 0 .. horizon - 1 do
            for i in 0 .. n - 1 do
                let at = t * lawSize + gap + i
                laws[at] <- factor * laws[at]

        this.HasGaps <- this.HasGaps && factor <> 0.0

    member _.Points = points
    member _.Row = horizon + 1
    member _.Laws = laws
    member _.ModelSize = modelSize
    member _.LawSize = lawSize
    member _.Lanes = lanes
    member _.CandidateRows = candidateRows
    member _.Candidates = candidates
    member _.Width = width

    /// Place of the first candidate's first number.
    member _.FirstCandidate = aligned.First

    /// The records of all lanes, or of one half of them.
    member _.Records = aligned.Span

    member _.RecordsOfHalf(half: int) =
        let size = (horizon + 1) * candidateRows * (lanes / 2)
        aligned.Span.Slice(half * size, size)

    /// Place of a lane's number in a row of the last record.
    member _.LastOf(lane: int, row: int) =
        placeOf lane + (horizon * candidateRows + row) * width

    /// total cost of each lane
    member val Costs = Array.zeroCreate<float> lanes

    /// The model of each step, `ModelSize` apart: what the backward pass wants, then ū and the limits.
    member _.Model = model
    member val TerminalGradient = Array.zeroCreate<float> n
    member val TerminalHessian = Array.zeroCreate<float>(n * n)

    /// True when every derivative of the model is a finite number.
    member this.IsModelFinite =
        let mutable isFinite =
            Array.forall Double.IsFinite this.TerminalGradient
            && Array.forall Double.IsFinite this.TerminalHessian

        for t in 0 .. horizon - 1 do
            for i in 0 .. backward.RecordSize - 1 do
                isFinite <- isFinite && Double.IsFinite model[t * modelSize + i]

        isFinite

    /// Sets the width, and the first record of every lane: the start, no cost, and the lane's α.
    member this.Begin(alphas: ReadOnlySpan<float>, isSplit: bool) =
        width <- if isSplit then lanes / 2 else lanes

        for lane in 0 .. lanes - 1 do
            let place = placeOf lane

            for i in 0 .. n - 1 do
                candidates[place + i * width] <- this.Start[i]

            candidates[place + n * width] <- 0.0
            candidates[place + (n + 1) * width] <- if lane < alphas.Length then alphas[lane] else 0.0

    /// Sets a nominal trajectory without feedback, of states [T+1, n], of which the first is the start, and controls [T, m].
    member this.SetNominal(states: float[,], controls: float[,]) =
        let row = horizon + 1

        for t in 0..horizon do
            for i in 0 .. n - 1 do
                points[i * row + t] <- if t = 0 then this.Start[i] else states[t, i]

            if t < horizon then
                let law = t * lawSize
                Array.Clear(laws, law, backward.PolicySize)

                for i in 0 .. n - 1 do
                    laws[law + i] <- points[i * row + t]

                for i in 0 .. m - 1 do
                    let tail = law + backward.PolicySize + i
                    let u = Math.Min(Math.Max(controls[t, i], laws[tail]), laws[tail + m])
                    laws[law + n + i] <- u
                    model[t * modelSize + backward.RecordSize + i] <- u
                    points[(n + i) * row + t] <- u

    /// Moves the nominal trajectory and its laws ahead in time: the first steps go, and at the end the last control is held, with its
    /// feedback. Signals stay.
    member _.Shift(steps: int) =
        let steps = min steps horizon
        let row = horizon + 1
        let own = backward.PolicySize
        let x, next = point, nextState

        for i in 0 .. n + m - 1 do
            let kept = if i < n then row - steps else horizon - steps
            Array.Copy(points, i * row + steps, points, i * row, kept)

        for t in 0 .. horizon - 1 - steps do
            Array.Copy(laws, (t + steps) * lawSize, laws, t * lawSize, own)

        for t in horizon - steps .. horizon - 1 do
            let law = t * lawSize

            if t > 0 then
                Array.Copy(laws, law - lawSize, laws, law, own)

            for i in 0 .. n - 1 do
                laws[law + i] <- points[i * row + t]
                x[i] <- points[i * row + t]

            for i in 0 .. m - 1 do
                let u = laws[law + n + i]
                laws[law + n + m + i] <- 0.0
                points[(n + i) * row + t] <- u
                x[n + i] <- u

            problem.Dynamics.Step(ReadOnlySpan x, Span next, 1)

            for i in 0 .. n - 1 do
                points[i * row + t + 1] <- next[i]

        for t in 0 .. horizon - 1 do
            for i in 0 .. m - 1 do
                model[t * modelSize + backward.RecordSize + i] <- laws[t * lawSize + n + i]

    /// Makes the trajectory of a lane the nominal one, at times from `first` to before `last` of 0 … T.
    member _.Accept(lane: int, first: int, last: int) =
        let record = candidateRows * width
        let row = horizon + 1
        let place = placeOf lane

        for t in first .. last - 1 do
            let from = place + t * record

            for i in 0 .. n - 1 do
                points[i * row + t] <- candidates[from + i * width]

            if t < horizon then
                let law = t * lawSize
                let control = from + record + (n + 2) * width

                for i in 0 .. n - 1 do
                    laws[law + i] <- candidates[from + i * width]

                for i in 0 .. m - 1 do
                    let u = candidates[control + i * width]
                    laws[law + n + i] <- u
                    model[t * modelSize + backward.RecordSize + i] <- u
                    points[(n + i) * row + t] <- u

/// What a solver computes with: rollouts of several candidates at once, and the local model along a trajectory.
[<AbstractClass>]
type internal Plant() =

    /// Lanes of a rollout.
    abstract Lanes: int

    /// Rolls all lanes of the workspace out under its laws, and sets their costs. Where the nominal trajectory has gaps, 1 − α of each stays
    /// open.
    abstract Rollout: Workspace -> unit

    /// True when rollouts can be done in halves of the lanes.
    abstract HasHalves: bool

    /// Half 0 or 1 of `Rollout`, without the costs. False when all lanes must be rolled out together after all.
    abstract RolloutHalf: workspace: Workspace * half: int -> bool

    /// The costs after two halves.
    abstract Sum: Workspace -> unit

    /// Steps that `Expand` does best at a time.
    abstract Chunk: int

    /// Fills the workspace's model from its points, for steps from `first` to before `last`, fewer than two chunks. Two workers, 0 and 1, may
    /// do this at the same time when `IsConcurrent`.
    abstract Expand: workspace: Workspace * first: int * last: int * worker: int -> unit

    abstract IsConcurrent: bool

    /// Fills the workspace's model of the end.
    abstract ExpandEnd: Workspace -> unit

    /// Size of an iteration: instructions of a step's rollout and model, times steps.
    abstract Work: float

    /// The last numbers of every step's model, which are always the same.
    abstract Constants: float[]

    /// The expressions of the model of a step, where they are known: constants among them are the same at every step.
    abstract Model: Real[] option

[<RequireQualifiedAccess>]
module internal Plant =

    let private flatten (a: Mat) = a |> Seq.cast<Real> |> Seq.toArray

    /// Gradient and Hessian of value + ½‖r‖²; the Hessian of the squares is JᵀJ.
    let private expand (z: Vec) (value: Real) (residuals: Vec) : Vec * Mat =
        let gradient, hessian = Derive.gradient z value, Derive.hessian z value

        if residuals.Length = 0 then
            gradient, hessian
        else
            let j = Derive.jacobian z residuals

            Vec.add gradient (Mat.mulVec (Mat.transpose j) residuals),
            Array2D.init z.Length z.Length (fun a b -> hessian[max a b, min a b] + Vec.dot j[*, max a b] j[*, min a b])

    /// Dynamics and cost both traced: one kernel for a step of the rollout with its feedback, limits and cost, and one for all derivatives.
    type private TracedPlant(problem: Problem, f: Vec -> Vec -> Vec) =
        inherit Plant()

        let n, m = problem.Dynamics.StateSize, problem.Dynamics.ControlSize
        let signals = problem.Cost.Signals
        let cost = problem.Cost
        let x, u, s = Real.variables "x" n, Real.variables "u" m, Real.variables "s" signals
        let z = Array.append x u

        let step hasGaps =
            let j, alpha = Real.variable "J", Real.variable "alpha"
            let xBar, uBar = Real.variables "x̄" n, Real.variables "ū" m
            let k, gain = Real.variables "k" m, Real.variables "K" (m * n)
            let lower, upper = Real.variables "lower" m, Real.variables "upper" m
            let gap = if hasGaps then Real.variables "gap" n else [||]
            let deviation = Vec.sub x xBar

            let control =
                Array.init m (fun i ->
                    let open' = uBar[i] + alpha * k[i] + Vec.dot gain[i * n .. i * n + n - 1] deviation

                    if problem.Limits.IsSome then
                        Real.Clamp(open', lower[i], upper[i])
                    else
                        open')

            let next =
                if hasGaps then
                    Array.map2 (fun (next: Real) gap -> next - (1.0 - alpha) * gap) (f x control) gap
                else
                    f x control

            Compile.graph
                (Array.concat [ x; [| j; alpha |] ])
                (Array.concat [ xBar; uBar; k; gain; lower; upper; s; gap ])
                (Array.concat [ next; [| j + cost.AtStage s x control; alpha |]; control ])

        let closed, open' = step false, lazy (step true)

        let modelGraph =
            let jacobian = Derive.jacobian z (f x u)
            let gradient, hessian = expand z (cost.Stage s x u) (cost.StageResiduals s x u)

            Array.concat
                [
                    flatten jacobian[*, .. n - 1]
                    flatten jacobian[*, n..]
                    gradient
                    flatten hessian[.. n - 1, .. n - 1]
                    flatten hessian[n.., .. n - 1]
                    flatten hessian[n.., n..]
                ]

        // most costs have a constant Hessian, and its place is at the end
        let varying = 1 + Array.FindLastIndex(modelGraph, fun entry -> not entry.IsConstant)

        let model = Compile.graph (Array.append z s) [||] modelGraph[.. varying - 1]

        // a chunk's derivatives, one row a quantity, stay in the cache until they are transposed
        let chunk = max 8 (2048 / max 1 varying / 8 * 8)

        let derivatives =
            Array.init 2 (fun _ -> AlignedNumbers(varying * min (problem.Horizon + 7) (2 * chunk)))

        let terminalCost = Compile.graph x s [| cost.AtEnd s x |]

        let terminalModel =
            let gradient, hessian = expand x (cost.Terminal s x) (cost.TerminalResiduals s x)
            Compile.graph x s (Array.append gradient (flatten hessian))

        let finalSignals = Array.zeroCreate<float> signals
        let finalState = Array.zeroCreate<float> n
        let finalModel = Array.zeroCreate<float>(n + n * n)
        let finalCosts = Array.zeroCreate<float> closed.Lanes

        let setFinalSignals (workspace: Workspace) =
            for i in 0 .. signals - 1 do
                finalSignals[i] <- workspace.Points[(n + m + i) * workspace.Row + problem.Horizon]

        let finalStates = Array.zeroCreate<float>(n * closed.Lanes)

        let stepFor (workspace: Workspace) =
            if workspace.HasGaps then open'.Value else closed

        let sum (workspace: Workspace) =
            let lanes = workspace.Lanes
            setFinalSignals workspace

            for lane in 0 .. lanes - 1 do
                for i in 0 .. n - 1 do
                    finalStates[i * lanes + lane] <- workspace.Candidates[workspace.LastOf(lane, i)]

            terminalCost.Run(finalStates, finalSignals, finalCosts, lanes)

            for lane in 0 .. lanes - 1 do
                workspace.Costs[lane] <- workspace.Candidates[workspace.LastOf(lane, n)] + finalCosts[lane]

        override _.Lanes = closed.Lanes
        override _.Model = Some modelGraph

        override _.Rollout workspace =
            (stepFor workspace)
                .Scan(workspace.Records, workspace.CandidateRows, workspace.Laws, workspace.LawSize, problem.Horizon)

            sum workspace

        override _.HasHalves = closed.HasLanes(closed.Lanes / 2)

        override _.RolloutHalf(workspace, half) =
            (stepFor workspace)
                .TryScan(
                    workspace.Width,
                    workspace.RecordsOfHalf half,
                    workspace.CandidateRows,
                    workspace.Laws,
                    workspace.LawSize,
                    problem.Horizon
                )

        override _.Sum workspace = sum workspace
        override _.Chunk = chunk
        override _.IsConcurrent = true

        override _.Work =
            float problem.Horizon * float (closed.Instructions + model.Instructions)

        override _.Constants =
            Array.init (modelGraph.Length - varying) (fun i -> Trace.number modelGraph[varying + i])

        override _.Expand(workspace, first, last, worker) =
            let row, count = workspace.Row, last - first
            let ownRow = (count + 7) / 8 * 8
            let own = derivatives[worker].Span
            let points = ReadOnlySpan(workspace.Points, first, workspace.Points.Length - first)
            model.Run(points, row, ReadOnlySpan<float>.Empty, own, ownRow, count)

            Transpose.Run(
                Span.op_Implicit own,
                ownRow,
                workspace.Model.AsSpan(first * workspace.ModelSize),
                workspace.ModelSize,
                varying,
                count
            )

        override _.ExpandEnd workspace =
            for i in 0 .. n - 1 do
                finalState[i] <- workspace.Points[i * workspace.Row + problem.Horizon]

            setFinalSignals workspace
            terminalModel.Run(finalState, finalSignals, finalModel, 1)
            Array.blit finalModel 0 workspace.TerminalGradient 0 n
            Array.blit finalModel n workspace.TerminalHessian 0 (n * n)

    /// Dynamics that only answer in batches: the same rollouts and models, step by step.
    type private BatchedPlant(problem: Problem) =
        inherit Plant()

        let n, m = problem.Dynamics.StateSize, problem.Dynamics.ControlSize
        let size = n + m
        let signals = problem.Cost.Signals
        let cost = problem.Cost
        let lanes = 8
        let z, s = Real.variables "z" size, Real.variables "s" signals
        let x, u = z[.. n - 1], z[n..]
        let stageCost = Compile.graph z s [| cost.AtStage s x u |]

        let stageModel =
            let gradient, hessian = expand z (cost.Stage s x u) (cost.StageResiduals s x u)

            Compile.graph
                (Array.append z s)
                [||]
                (Array.concat
                    [
                        gradient
                        flatten hessian[.. n - 1, .. n - 1]
                        flatten hessian[n.., .. n - 1]
                        flatten hessian[n.., n..]
                    ])

        let terminal =
            let gradient, hessian = expand x (cost.Terminal s x) (cost.TerminalResiduals s x)
            Compile.graph x s (Array.concat [ [| cost.AtEnd s x |]; gradient; flatten hessian ])

        let rows = n * size + stageModel.Outputs
        let derivatives = Array.zeroCreate<float>(rows * problem.Horizon)
        let points = Array.zeroCreate<float>(size * lanes)
        let next = Array.zeroCreate<float>(n * lanes)
        let costs = Array.zeroCreate<float> lanes

        let signalsOf (workspace: Workspace) t =
            Array.init signals (fun i -> workspace.Points[(n + m + i) * workspace.Row + t])

        override _.Lanes = lanes
        override _.Model = None

        override _.Rollout workspace =
            let rows, candidates, laws =
                workspace.CandidateRows, workspace.Candidates, workspace.Laws

            for t in 0 .. problem.Horizon - 1 do
                let here = workspace.FirstCandidate + t * rows * lanes
                let there = here + rows * lanes
                let law = t * workspace.LawSize
                let limits = law + n + 2 * m + m * n
                Array.blit candidates here points 0 (n * lanes)

                for lane in 0 .. lanes - 1 do
                    let alpha = candidates[here + (n + 1) * lanes + lane]

                    for i in 0 .. m - 1 do
                        let mutable control = laws[law + n + i] + alpha * laws[law + n + m + i]

                        for k in 0 .. n - 1 do
                            control <-
                                control
                                + laws[law + n + 2 * m + i * n + k] * (points[k * lanes + lane] - laws[law + k])

                        let control = Math.Min(Math.Max(control, laws[limits + i]), laws[limits + m + i])
                        points[(n + i) * lanes + lane] <- control
                        candidates[there + (n + 2 + i) * lanes + lane] <- control

                problem.Dynamics.Step(points, next, lanes)

                if workspace.HasGaps then
                    for i in 0 .. n - 1 do
                        for lane in 0 .. lanes - 1 do
                            let left = 1.0 - candidates[here + (n + 1) * lanes + lane]
                            next[i * lanes + lane] <- next[i * lanes + lane] - left * laws[law + workspace.Gap + i]

                stageCost.Run(ReadOnlySpan points, ReadOnlySpan(signalsOf workspace t), Span costs, lanes)
                Array.blit next 0 candidates there (n * lanes)

                for lane in 0 .. lanes - 1 do
                    candidates[there + n * lanes + lane] <- candidates[here + n * lanes + lane] + costs[lane]
                    candidates[there + (n + 1) * lanes + lane] <- candidates[here + (n + 1) * lanes + lane]

            let final = signalsOf workspace problem.Horizon

            for lane in 0 .. lanes - 1 do
                let state = Array.init n (fun i -> candidates[workspace.LastOf(lane, i)])
                workspace.Costs[lane] <- candidates[workspace.LastOf(lane, n)] + terminal.Run(state, final)[0]

        override _.HasHalves = false
        override _.RolloutHalf(_, _) = false
        override _.Sum _ = ()
        override _.Chunk = problem.Horizon
        override _.IsConcurrent = false
        override _.Work = 0.0
        override _.Constants = [||]

        override _.Expand(workspace, _, _, _) =
            let horizon, row = problem.Horizon, workspace.Row
            let dense = Array.zeroCreate<float>(size * horizon)
            let jacobians = Array.zeroCreate<float>(n * size * horizon)

            for i in 0 .. size - 1 do
                Array.blit workspace.Points (i * row) dense (i * horizon) horizon

            problem.Dynamics.Linearise(dense, jacobians, horizon)

            for i in 0 .. n - 1 do
                for j in 0 .. size - 1 do
                    let place = if j < n then i * n + j else n * n + i * m + j - n
                    Array.blit jacobians ((i * size + j) * horizon) derivatives (place * horizon) horizon

            stageModel.Run(
                ReadOnlySpan workspace.Points,
                row,
                ReadOnlySpan<float>.Empty,
                Span(derivatives, n * size * horizon, stageModel.Outputs * horizon),
                horizon,
                horizon
            )

            Transpose.Run(derivatives, horizon, workspace.Model, workspace.ModelSize, rows, horizon)

        override _.ExpandEnd workspace =
            let horizon, row = problem.Horizon, workspace.Row
            let state = Array.init n (fun i -> workspace.Points[i * row + horizon])
            let final = terminal.Run(state, signalsOf workspace horizon)
            Array.blit final 1 workspace.TerminalGradient 0 n
            Array.blit final (1 + n) workspace.TerminalHessian 0 (n * n)

    /// The fastest plant that the problem allows.
    let create (problem: Problem) : Plant =
        match problem.Dynamics.Traced with
        | ValueSome f -> TracedPlant(problem, f)
        | ValueNone -> BatchedPlant problem
