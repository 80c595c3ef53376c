namespace Research.Control

open System
open Research
open Research.Kernels

/// Numbers of a problem in the layout of the kernels.
///
/// `Points`: rows of length T+1, states 0 … n−1, controls n … n+m−1, then the signals. `Laws`: one record a step, `LawSize` apart: x̄, ū, k,
/// K as the backward pass wants them, then lower and upper limits, the signals, and the gap f(x̄ₜ, ūₜ) − x̄ₜ₊₁ that the step leaves open. `Model`: one record a step as the backward pass wants
/// them. `Lanes` candidate rollouts at a time: one record of `CandidateRows` rows of `Lanes` numbers a step: x, the cost so far, α, and the
/// control that led here.
[<Sealed>]
type internal Workspace(problem: Problem, backward: BackwardPass, lanes: int) =
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
    member val Candidates = Array.zeroCreate<float>((horizon + 1) * candidateRows * lanes)

    /// total cost of each lane
    member val Costs = Array.zeroCreate<float> lanes

    /// derivatives of all steps, one row a quantity
    member val Derivatives = Array.zeroCreate<float>(backward.RecordSize * horizon)

    /// The model of each step, `ModelSize` apart: what the backward pass wants, then ū and the limits.
    member _.Model = model
    member val TerminalGradient = Array.zeroCreate<float> n
    member val TerminalHessian = Array.zeroCreate<float>(n * n)

    /// True when every derivative of the model is a finite number.
    member this.IsModelFinite =
        [ this.Derivatives; this.TerminalGradient; this.TerminalHessian ]
        |> List.forall (Array.forall Double.IsFinite)

    /// Sets the first record of every lane: the start, no cost, and the lane's α.
    member this.Begin(alphas: ReadOnlySpan<float>) =
        for lane in 0 .. lanes - 1 do
            for i in 0 .. n - 1 do
                this.Candidates[i * lanes + lane] <- this.Start[i]

            this.Candidates[n * lanes + lane] <- 0.0
            this.Candidates[(n + 1) * lanes + lane] <- if lane < alphas.Length then alphas[lane] else 0.0

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

    /// Makes the trajectory of a lane the nominal one.
    member this.Accept(lane: int) =
        let candidates = this.Candidates
        let record = candidateRows * lanes
        let row = horizon + 1

        for t in 0..horizon do
            let from = t * record + lane

            for i in 0 .. n - 1 do
                points[i * row + t] <- candidates[from + i * lanes]

            if t < horizon then
                let law = t * lawSize
                let control = from + record + (n + 2) * lanes

                for i in 0 .. n - 1 do
                    laws[law + i] <- candidates[from + i * lanes]

                for i in 0 .. m - 1 do
                    let u = candidates[control + i * lanes]
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

    /// Fills the workspace's model from its points.
    abstract Expand: Workspace -> unit

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

        let model = Compile.graph (Array.append z s) [||] modelGraph

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

        override _.Lanes = closed.Lanes
        override _.Model = Some modelGraph

        override _.Rollout workspace =
            let lanes, rows = workspace.Lanes, workspace.CandidateRows
            let candidates = workspace.Candidates
            let step = if workspace.HasGaps then open'.Value else closed
            setFinalSignals workspace
            step.Scan(candidates, rows, workspace.Laws, workspace.LawSize, problem.Horizon)
            let last = problem.Horizon * rows * lanes
            terminalCost.Run(ReadOnlySpan(candidates, last, n * lanes), finalSignals, finalCosts, lanes)

            for lane in 0 .. lanes - 1 do
                workspace.Costs[lane] <- candidates[last + n * lanes + lane] + finalCosts[lane]

        override _.Expand workspace =
            let horizon, row = problem.Horizon, workspace.Row
            let rows = model.Outputs
            model.Run(workspace.Points, row, ReadOnlySpan<float>.Empty, workspace.Derivatives, horizon, horizon)
            Transpose.Run(workspace.Derivatives, horizon, workspace.Model, workspace.ModelSize, rows, horizon)

            for i in 0 .. n - 1 do
                finalState[i] <- workspace.Points[i * row + horizon]

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
                let here, there = t * rows * lanes, (t + 1) * rows * lanes
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

            let last = problem.Horizon * rows * lanes
            let final = signalsOf workspace problem.Horizon

            for lane in 0 .. lanes - 1 do
                let state = Array.init n (fun i -> candidates[last + i * lanes + lane])
                workspace.Costs[lane] <- candidates[last + n * lanes + lane] + terminal.Run(state, final)[0]

        override _.Expand workspace =
            let horizon, row = problem.Horizon, workspace.Row
            let rows = n * size + stageModel.Outputs
            let derivatives = workspace.Derivatives
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
            let state = Array.init n (fun i -> workspace.Points[i * row + horizon])
            let final = terminal.Run(state, signalsOf workspace horizon)
            Array.blit final 1 workspace.TerminalGradient 0 n
            Array.blit final (1 + n) workspace.TerminalHessian 0 (n * n)

    /// The fastest plant that the problem allows.
    let create (problem: Problem) : Plant =
        match problem.Dynamics.Traced with
        | ValueSome f -> TracedPlant(problem, f)
        | ValueNone -> BatchedPlant problem
