namespace Research.Control

open System
open Research

/// One number that a constraint keeps at 0 or below: what it is called, and whether it must be 0.
[<Struct>]
type internal Element = { Name: string; IsEquality: bool }

/// The constraints of a problem, their multipliers λ and penalties ρ, and the problem in which they are part of the cost: with a = λ/√ρ and
/// b = √ρ as signals, every element g adds ½(a + b g)², or ½max(0, a + b g)² where g ≤ 0 is asked (Hestenes 1969; Powell 1969; Rockafellar
/// 1974). An element with a = b = 0 is left out.
[<Sealed>]
type internal Multipliers(problem: Problem) =
    let n, m, horizon =
        problem.Dynamics.StateSize, problem.Dynamics.ControlSize, problem.Horizon

    let own = problem.Cost.Signals
    let x, u, s = Real.variables "x" n, Real.variables "u" m, Real.variables "s" own

    let stageValues =
        problem.Constraints |> List.map (fun c -> c.Stage s x u) |> Array.concat

    let finalValues =
        problem.Constraints |> List.map (fun c -> c.Terminal s x) |> Array.concat

    let elements (values: Constraint -> Vec) =
        [|
            for c in problem.Constraints do
                for _ in values c do
                    {
                        Name = c.Name
                        IsEquality = c.IsEquality
                    }
        |]

    let stage = elements (fun c -> c.Stage s x u)
    let final = elements (fun c -> c.Terminal s x)
    let stages = stage.Length

    // an element that does not read the control is decided by the start at step 0
    let isFree =
        stageValues
        |> Array.map (fun value ->
            Trace.order [ value ]
            |> Array.exists (fun node -> Array.exists (fun control -> obj.ReferenceEquals(control, node)) u))

    let width = 2 * max stages final.Length

    let stageKernel =
        Compile.graph (Array.concat [ x; u; s ]) [||] (Array.append stageValues [| problem.Cost.AtStage s x u |])

    let finalKernel =
        Compile.graph (Array.append x s) [||] (Array.append finalValues [| problem.Cost.AtEnd s x |])

    let g = Array.zeroCreate<float>((stages + 1) * horizon)

    /// Elements of all times: those of the stages by step, then those of the end.
    member val Count = stages * horizon + final.Length

    /// The element of a place.
    member _.Element(k: int) : Element =
        if k < stages * horizon then
            stage[k % stages]
        else
            final[k - stages * horizon]

    /// The time of a place.
    member _.Time(k: int) : int =
        if k < stages * horizon then k / stages else horizon

    /// A number for the element of a place that is the same at all steps.
    member _.Row(k: int) : int =
        if k < stages * horizon then
            k % stages
        else
            stages + k - stages * horizon

    /// Elements of a stage.
    member _.Stages = stages

    /// Elements at one time, of stage and end.
    member _.Rows = stages + final.Length

    /// True of an element that no control decides.
    member _.IsFixed(k: int) : bool = k < stages && not isFree[k]

    member val Values = Array.zeroCreate<float>(stages * horizon + final.Length)
    member val Lambda = Array.zeroCreate<float>(stages * horizon + final.Length)
    member val Rho = Array.zeroCreate<float>(stages * horizon + final.Length)

    /// Evaluates all elements along a trajectory given as points. The cost without multipliers.
    member this.Evaluate(workspace: Workspace) : float =
        let row = workspace.Row
        stageKernel.Run(ReadOnlySpan workspace.Points, row, ReadOnlySpan<float>.Empty, Span g, horizon, horizon)
        let mutable cost = 0.0

        for t in 0 .. horizon - 1 do
            for i in 0 .. stages - 1 do
                this.Values[t * stages + i] <- g[i * horizon + t]

            cost <- cost + g[stages * horizon + t]

        let last =
            Array.init (n + own) (fun i -> workspace.Points[(if i < n then i else i + m) * row + horizon])

        let atEnd = finalKernel.Run last
        Array.blit atEnd 0 this.Values (stages * horizon) final.Length
        cost + atEnd[final.Length]

    /// Most that each element changes with one number of a point z = [x; u] of the sizes given, by central differences of a ten-thousandth of
    /// these: of the elements of a stage, with the signals of the first, and of the end.
    member _.Changes(point: float[], sizes: float[]) : struct (float[] * float[]) =
        let share = 1e-4
        let count = 2 * point.Length

        // point 2i lies before the given one along number i, point 2i + 1 behind it
        let number j p =
            let side =
                if p / 2 <> j then 0.0
                elif p % 2 = 0 then -share
                else share

            point[j] + side * sizes[j]

        let changes (kernel: Kernel<float>) (numbers: int) (signals: float[]) (elements: int) =
            let points =
                Array.init ((numbers + own) * count) (fun k ->
                    let j, p = k / count, k % count
                    if j < numbers then number j p else signals[j - numbers])

            let values = Array.zeroCreate (kernel.Outputs * count)
            kernel.Run(ReadOnlySpan points, count, ReadOnlySpan<float>.Empty, Span values, count, count)

            Array.init elements (fun k ->
                Seq.init point.Length (fun i ->
                    abs (values[k * count + 2 * i + 1] - values[k * count + 2 * i]) / (2.0 * share))
                |> Seq.filter Double.IsFinite
                |> Seq.fold max 0.0)

        struct (changes stageKernel (n + m) problem.Signals[0, *] stages,
                changes finalKernel n problem.Signals[horizon, *] final.Length)

    /// How far the element of a place is from what is asked of it; 0 where it holds.
    member this.Violation(k: int) : float =
        if this.IsFixed k then 0.0
        elif this.Element(k).IsEquality then abs this.Values[k]
        else Math.Max(0.0, this.Values[k])

    /// The place of the largest violation, or −1.
    member this.Worst: int =
        let mutable worst = -1

        for k in 0 .. this.Count - 1 do
            let size = this.Violation k

            if not (size <= 0.0) && (worst < 0 || not (size <= this.Violation worst)) then
                worst <- k

        worst

    /// The constraint of the largest violation, and its time; none where all hold.
    member this.Named: (string * int) option =
        match this.Worst with
        | -1 -> None
        | worst -> Some(this.Element(worst).Name, this.Time worst)

    member this.LargestViolation: float =
        if this.Worst < 0 then 0.0 else this.Violation this.Worst

    /// λ + ρg, of an inequality at least 0: the multiplier that a round of fixed ones shows to be better.
    member this.Update() =
        for k in 0 .. this.Count - 1 do
            let value = this.Lambda[k] + this.Rho[k] * this.Values[k]

            this.Lambda[k] <-
                if this.IsFixed k then 0.0
                elif this.Element(k).IsEquality then value
                else Math.Max(0.0, value)

    /// Moves the multipliers of the stages ahead in time; the last ones stay.
    member this.Shift(steps: int) =
        let steps = min steps (horizon - 1)
        Array.Copy(this.Lambda, steps * stages, this.Lambda, 0, (horizon - steps) * stages)

    /// Signals of the problem with multipliers, of which the first are the problem's own.
    member this.Signals(given: float[,], target: float[,]) =
        for t in 0..horizon do
            for i in 0 .. own - 1 do
                target[t, i] <- given[t, i]

        for k in 0 .. this.Count - 1 do
            let t = this.Time k
            let i = if t < horizon then k % stages else k - stages * horizon
            let root = sqrt this.Rho[k]
            let isLeftOut = this.IsFixed k || root = 0.0
            target[t, own + 2 * i] <- if isLeftOut then 0.0 else this.Lambda[k] / root
            target[t, own + 2 * i + 1] <- if isLeftOut then 0.0 else root

    /// The problem whose cost holds the constraints. As residuals they have Gauss–Newton Hessians and inequalities are cut off at 0;
    /// otherwise Hessians are exact, and all elements that are not left out are equalities.
    member _.Augmented(asResiduals: bool) : Problem =
        let terms elements (values: Vec) (s: Vec) : Vec =
            Array.mapi2
                (fun i (element: Element) value ->
                    let shifted = s[own + 2 * i] + s[own + 2 * i + 1] * value

                    if asResiduals && not element.IsEquality then
                        Real.max Real.Zero shifted
                    else
                        shifted)
                elements
                values

        let collect (values: Constraint -> Vec) =
            problem.Constraints |> List.map values |> Array.concat

        let ofStage (s: Vec) x u =
            terms stage (collect (fun c -> c.Stage s[.. own - 1] x u)) s

        let ofEnd (s: Vec) x =
            terms final (collect (fun c -> c.Terminal s[.. own - 1] x)) s

        let half (r: Vec) = 0.5 * Vec.squaredNorm r
        let cost = problem.Cost

        let penalised =
            if asResiduals then
                {
                    Signals = own + width
                    Stage = fun s x u -> cost.Stage s[.. own - 1] x u
                    Terminal = fun s x -> cost.Terminal s[.. own - 1] x
                    StageResiduals = fun s x u -> Array.append (cost.StageResiduals s[.. own - 1] x u) (ofStage s x u)
                    TerminalResiduals = fun s x -> Array.append (cost.TerminalResiduals s[.. own - 1] x) (ofEnd s x)
                }
            else
                Cost.withSignals
                    (own + width)
                    (fun s x u -> cost.AtStage s[.. own - 1] x u + half (ofStage s x u))
                    (fun s x -> cost.AtEnd s[.. own - 1] x + half (ofEnd s x))

        { problem with
            Cost = penalised
            Constraints = []
            Signals = Array2D.zeroCreate (horizon + 1) (own + width)
        }
