namespace Research.Control

open System
open Research

/// Sizes of the numbers of a problem: what a solver counts its states, controls, cost and constraints in. The regularisation and the tolerances
/// of solvers mean something in numbers of ordinary size only, and a problem in nanometres or gigawatts is the same problem. Powers of 10⁹, so
/// that problems of ordinary numbers are solved as they are stated, to the bit; of 10³ for constraints, which penalties must reach.
type internal Units =
    {
        States: float[]
        Controls: float[]
        Cost: float
        /// of the elements of the constraints, in the order of the problem: at stages, at the end
        Stage: float[]
        End: float[]
    }

[<RequireQualifiedAccess>]
module internal Units =

    /// The unit of numbers of a size: 1 where the size is within `plain` decades of 10^middle, else the power of 10^step that brings it nearest to
    /// that; 1 of what is no size.
    let private unit (step: float) (middle: float) (plain: float) (size: float) =
        let decades = log10 size - middle

        if size > 0.0 && Double.IsFinite size && abs decades > plain then
            10.0 ** (step * Math.Round(decades / step))
        else
            1.0

    let isOne (units: Units) =
        let areOne = Array.forall ((=) 1.0)

        areOne units.States
        && areOne units.Controls
        && units.Cost = 1.0
        && areOne units.Stage
        && areOne units.End

    /// Units from the local model at the start. The cost is counted in what it costs to stay there, a state in what changes that much, or in
    /// what moves another state by its unit in one step, a control likewise, and a constraint in what such a change makes of it. So
    /// they change with the units of the problem as they should. `changes z sizes` is what such changes make of the elements of the constraints at a
    /// point z = [x; u], at stages and at the end.
    let ofModel
        (problem: Problem)
        (workspace: Workspace)
        (changes: float[] -> float[] -> struct (float[] * float[]))
        : Units =
        let n, m = problem.Dynamics.StateSize, problem.Dynamics.ControlSize
        let model = workspace.Model
        let row i = Vec.ofFloats problem.Signals[i, *]
        let x0 = Vec.ofFloats problem.Start

        let u0 =
            Vec.ofFloats (Array.init m (fun i -> workspace.Points[(n + i) * workspace.Row]))

        let cost =
            float problem.Horizon * Trace.number (problem.Cost.AtStage (row 0) x0 u0)
            + Trace.number (problem.Cost.AtEnd (row problem.Horizon) x0)
            |> abs

        let fu, lx = n * n, n * (n + m)
        let lxx = lx + n + m
        let luu = lxx + n * n + m * n
        let fromCurvature (curvature: float) = sqrt (cost / abs curvature)

        let states =
            Array.init n (fun i ->
                fromCurvature (Math.Max(abs model[lxx + i * n + i], abs workspace.TerminalHessian[i * n + i])))

        for _ in 1..n do
            for i in 0 .. n - 1 do
                for k in 0 .. n - 1 do
                    if k <> i then
                        let through = states[k] / abs model[k * n + i]

                        if through < states[i] then
                            states[i] <- through

        let controls =
            Array.init m (fun j ->
                Seq.fold
                    (fun least i -> Math.Min(least, states[i] / abs model[fu + i * m + j]))
                    (fromCurvature model[luu + j * m + j])
                    (seq { 0 .. n - 1 }))

        let isKnown = cost > 0.0 && Double.IsFinite cost

        // what matters by rounding alone, as an angle of a symmetric body, has no size
        let sized = Array.map (fun size -> if isKnown && size < 1e15 then size else 1.0)
        let states, controls = sized states, sized controls
        let here = Array.append problem.Start (Array.map Trace.number u0)
        let struct (stage, atEnd) = changes here (Array.append states controls)

        {
            States = Array.map (unit 9.0 0.0 6.0) states
            Controls = Array.map (unit 9.0 0.0 6.0) controls
            // costs are rather large than small, and a unit that is too large makes tolerances loose
            Cost = unit 9.0 1.0 6.0 cost
            Stage = Array.map (unit 3.0 0.0 3.0) stage
            End = Array.map (unit 3.0 0.0 3.0) atEnd
        }

    let private times (units: float[]) (x: Vec) : Vec =
        Array.map2 (fun (unit: float) (value: Real) -> unit * value) units x

    let private over (units: float[]) (x: Vec) : Vec =
        Array.map2 (fun (unit: float) (value: Real) -> value / unit) units x

    let private dynamics (units: Units) (given: Dynamics) : Dynamics =
        let n, m = given.StateSize, given.ControlSize

        match given.Traced with
        | ValueSome f ->
            Dynamics.ofTraced n m (fun x u -> over units.States (f (times units.States x) (times units.Controls u)))
        | ValueNone ->
            let all = Array.append units.States units.Controls

            let own (points: float[]) count =
                let scaled = Array.zeroCreate<float>((n + m) * count)

                for i in 0 .. n + m - 1 do
                    for p in 0 .. count - 1 do
                        scaled[i * count + p] <- all[i] * points[i * count + p]

                scaled

            { new Dynamics(n, m) with
                member _.Step(points, results, count) =
                    given.Step(own (points.ToArray()) count, results, count)

                    for i in 0 .. n - 1 do
                        for p in 0 .. count - 1 do
                            results[i * count + p] <- results[i * count + p] / units.States[i]

                member _.Linearise(points, results, count) =
                    given.Linearise(own (points.ToArray()) count, results, count)

                    for i in 0 .. n - 1 do
                        for j in 0 .. n + m - 1 do
                            for p in 0 .. count - 1 do
                                let at = (i * (n + m) + j) * count + p
                                results[at] <- results[at] * all[j] / units.States[i]

                member _.HasCurvature = given.HasCurvature

                member _.AddCurvature(point, lambda, hessian) =
                    let second = Array.zeroCreate<float>((n + m) * (n + m))
                    let weights = Array.map2 (/) (lambda.ToArray()) units.States
                    given.AddCurvature(own (point.ToArray()) 1, weights, second)

                    for i in 0 .. n + m - 1 do
                        for j in 0 .. n + m - 1 do
                            let at = i * (n + m) + j
                            hessian[at] <- hessian[at] + second[at] * all[i] * all[j]

                member _.Traced = ValueNone
            }

    /// The problem in these units.
    let problem (units: Units) (given: Problem) : Problem =
        let x, u = times units.States, times units.Controls

        let constraints =
            let mutable stage, atEnd = 0, 0

            [
                for c in given.Constraints do
                    let signals = Vec.ofFloats given.Signals[0, *]
                    let still = Vec.ofFloats given.Start

                    let stages =
                        (c.Stage signals still (Vec.ofFloats (Array.zeroCreate given.Dynamics.ControlSize))).Length

                    let ends = (c.Terminal signals still).Length
                    let ofStage = Array.sub units.Stage stage stages
                    let ofEnd = Array.sub units.End atEnd ends
                    stage <- stage + stages
                    atEnd <- atEnd + ends

                    { c with
                        Stage = fun s state control -> over ofStage (c.Stage s (x state) (u control))
                        Terminal = fun s state -> over ofEnd (c.Terminal s (x state))
                    }
            ]

        let cost = given.Cost
        let root = Real.constant (1.0 / sqrt units.Cost)

        { given with
            Dynamics = dynamics units given.Dynamics
            Cost =
                {
                    Signals = cost.Signals
                    Stage = fun s state control -> cost.Stage s (x state) (u control) / units.Cost
                    Terminal = fun s state -> cost.Terminal s (x state) / units.Cost
                    StageResiduals = fun s state control -> Vec.scale root (cost.StageResiduals s (x state) (u control))
                    TerminalResiduals = fun s state -> Vec.scale root (cost.TerminalResiduals s (x state))
                }
            Start = Array.map2 (/) given.Start units.States
            Limits =
                given.Limits
                |> Option.map (fun (lower, upper) ->
                    Array.map2 (/) lower units.Controls, Array.map2 (/) upper units.Controls)
            Constraints = constraints
        }

    let private columns (operation: float -> float -> float) (units: float[]) (values: float[,]) =
        values |> Array2D.mapi (fun _ i value -> operation value units[i])

    /// Controls [T, m] of the problem as stated, in these units.
    let controls (units: Units) (given: float[,]) = columns (/) units.Controls given

    /// States [T+1, n] of the problem as stated, in these units.
    let states (units: Units) (given: float[,]) = columns (/) units.States given

    /// An iteration in these units as one of the problem as stated. What it says of μ, and of the size of the change of the controls, has none.
    let iteration (units: Units) (found: Iteration) : Iteration =
        { found with
            Cost = units.Cost * found.Cost
            Gap = Array.max units.States * found.Gap
        }

    let status (units: Units) (found: Status) : Status =
        match found with
        | Status.Stalled reason ->
            let sizes (values: float[]) =
                values |> Array.map string |> String.concat ", "

            Status.Stalled
                $"{reason} (in the units of the solver: states {sizes units.States}, controls {sizes units.Controls}, cost {units.Cost})"
        | other -> other

    /// A solution in these units as one of the problem as stated.
    let solution (units: Units) (found: Solution) : Solution =
        let x, u, cost = units.States, units.Controls, units.Cost

        { found with
            Status = status units found.Status
            Cost = cost * found.Cost
            Gap = Array.max x * found.Gap
            X = columns (*) x found.X
            U = columns (*) u found.U
            Gains = found.Gains |> Array.map (Array2D.mapi (fun i j gain -> gain * u[i] / x[j]))
            ValueGradient = Array.map2 (fun value unit -> cost * value / unit) found.ValueGradient x
            ValueHessian = found.ValueHessian |> Array2D.mapi (fun i j value -> cost * value / x[i] / x[j])
            Iterations = Array.map (iteration units) found.Iterations
        }
