namespace Research.Control

open System
open System.Diagnostics
open System.Threading
open Research
open Research.Kernels

/// The skeleton that iLQR and DDP share: expand, sweep backward, search forward. Keeps its memory and kernels from one solution to the next,
/// so that a warm start costs nothing but the iterations. One thread at a time: a call while another is at work is an exception.
///
/// A guess of states need not obey the dynamics (multiple shooting). The gaps f(x̄, ū) − x̄' that it leaves enter the backward pass as
/// V'x + V'xx gap, and a step of length α closes the share α of each (Mastalli and others, Crocoddyl, 2020). While there are gaps, a step is
/// judged by the cost plus ν Σ|gap|, with ν large enough for the step to promise descent all the way to its end (Nocedal and Wright, Numerical Optimization, 18.3).
[<Sealed>]
type TrajectoryOptimiser internal (problem: Problem, useCurvature: bool, options: Options, mayScale: bool) =
    let started = Stopwatch.GetTimestamp()
    do OptionCheck.refuse (Options.faults options)

    let n, m, horizon =
        problem.Dynamics.StateSize, problem.Dynamics.ControlSize, problem.Horizon

    let backward = BackwardPass(n, m)
    let plant = Plant.create problem
    let workspace = Workspace(problem, backward, plant.Lanes, plant.Constants)
    let passes = Passes(plant, workspace, options.Threads)
    let iterations = Collections.Generic.List<Iteration>()
    let turn = Turn "this solver"
    let point = Array.zeroCreate (n + m)

    let curvature: AddCurvature | null =
        if useCurvature then
            AddCurvature(fun t lambda hessian ->
                for i in 0 .. n + m - 1 do
                    point[i] <- workspace.Points[i * workspace.Row + t]

                problem.Dynamics.AddCurvature(point, lambda, hessian))
        else
            null

    let closedSweep = Sweep.create problem backward plant.Model curvature

    let openSweep = lazy (Sweep.ofGaps problem backward workspace.Gap curvature)

    let stageCost =
        lazy
            (let x, u, s =
                Real.variables "x" n, Real.variables "u" m, Real.variables "s" problem.Cost.Signals

             Compile.graph (Array.concat [ x; u; s ]) [||] [| problem.Cost.AtStage s x u |],
             Compile.graph (Array.append x s) [||] [| problem.Cost.AtEnd s x |])

    let mutable options = options
    let compileSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds

    // the state of the descent
    let mutable cost = nan
    let mutable isNew = true
    let mutable space = options.Regularisation
    let mutable mu = options.FirstRegularisation
    let mutable factor = 1.0
    let mutable gapWeight = 0.0
    // accepted steps in a row that changed the cost by less than the tolerance, with the solution not yet near
    let mutable small = 0

    /// So many of them, and the gradient is worth a look: where Quu alone is not positive definite, μ stays above 0 at a solution.
    let fewSmall = 3

    /// So many of them, and μ has had time to come down from its limit: the descent has stalled.
    let mostSmall = 25

    // regularisation before a preparation
    let mutable kept = struct (options.Regularisation, options.FirstRegularisation, 1.0)

    let sweep () =
        if workspace.HasGaps then openSweep.Value else closedSweep

    let regularise (where: Regularisation) =
        space <- where
        mu <- options.FirstRegularisation
        factor <- 1.0

    let restart () =
        passes.Settle()
        small <- 0
        isNew <- true
        regularise options.Regularisation
        gapWeight <- 0.0

    /// Sets the nominal controls, without feedback, and rolls them out.
    let start (controls: float[,]) =
        restart ()
        workspace.HasGaps <- false

        for t in 0 .. horizon - 1 do
            let law = t * workspace.LawSize
            Array.Clear(workspace.Laws, law, backward.PolicySize)
            Array.Clear(workspace.Laws, law + workspace.Gap, n)

            for i in 0 .. m - 1 do
                workspace.Laws[law + n + i] <- controls[t, i]

        passes.Rollout ReadOnlySpan<float>.Empty
        passes.Accept 0
        cost <- workspace.Costs[0]

    /// Costs of the stages and of the end of the nominal trajectory as it stands, gaps and all.
    let costs () =
        let row = workspace.Row
        let ofStage, ofEnd = stageCost.Value
        let stages = Array.zeroCreate<float> horizon
        ofStage.Run(workspace.Points, row, ReadOnlySpan<float>.Empty, stages, horizon, horizon)

        let last =
            Array.init (n + problem.Cost.Signals) (fun i ->
                workspace.Points[(if i < n then i else i + m) * row + horizon])

        stages, ofEnd.Run(last)[0]

    let measure () =
        let stages, last = costs ()
        cost <- Array.sum stages + last

    /// What is not finite along the nominal trajectory, and where it begins.
    let whereBroken () =
        passes.Settle()

        match Broken.state problem workspace with
        | Some what -> what
        | None -> costs () ||> Broken.cost

    /// Sets the nominal states and controls, and measures gaps and cost.
    let startAt (states: float[,]) (controls: float[,]) =
        restart ()
        workspace.SetNominal(states, controls)
        let row = workspace.Row
        let together = Array.zeroCreate<float>((n + m) * horizon)
        let next = Array.zeroCreate<float>(n * horizon)

        for i in 0 .. n + m - 1 do
            Array.blit workspace.Points (i * row) together (i * horizon) horizon

        problem.Dynamics.Step(together, next, horizon)

        for t in 0 .. horizon - 1 do
            for i in 0 .. n - 1 do
                workspace.Laws[t * workspace.LawSize + workspace.Gap + i] <-
                    next[i * horizon + t] - workspace.Points[i * row + t + 1]

        let struct (sum, _) = workspace.GapNorms
        workspace.HasGaps <- sum <> 0.0
        measure ()

        if not (Double.IsFinite sum) then
            cost <- nan

    /// Sweeps with regularisation μ, and takes derivatives on the way where the trajectory is new.
    let run mu =
        let state, control =
            match space with
            | StateSpace -> mu, 0.0
            | ControlSpace -> 0.0, mu

        if isNew then
            isNew <- false
            passes.ExpandAndSweep(sweep (), state, control)
        else
            sweep().Run(workspace, state, control)

    /// Of the first rollout in which any lane keeps its promise, the lane of least merit: index of its step, or −1, and its ratio of change to
    /// promise. Merit is the cost plus ν times what remains of the gaps.
    let search (linear: float) (quadratic: float) (gaps: float) =
        let merit = cost + gapWeight * gaps
        // a change that rounding decides tells nothing against the full step
        let noise = 1e-13 * abs merit
        let mutable found = -1
        let mutable foundMerit = infinity
        let mutable foundRatio = 0.0
        let mutable first = 0

        while found < 0 && first < options.Steps.Length do
            let count = min workspace.Lanes (options.Steps.Length - first)
            passes.Rollout(ReadOnlySpan(options.Steps, first, count))
            let mutable best = -1

            for lane in 0 .. count - 1 do
                let alpha = options.Steps[first + lane]
                let laneMerit = workspace.Costs[lane] + gapWeight * (1.0 - alpha) * gaps
                let change = merit - laneMerit
                let promised = -alpha * (linear - gapWeight * gaps + alpha * quadratic)

                let ratio =
                    if abs change < noise && promised < noise && alpha = 1.0 then
                        1.0
                    elif promised > 0.0 || not (Double.IsFinite change) then
                        change / promised
                    else
                        float (sign change)

                if Double.IsFinite change && ratio > options.AcceptRatio && laneMerit < foundMerit then
                    best <- lane
                    found <- first + lane
                    foundMerit <- laneMerit
                    foundRatio <- ratio

            if best >= 0 then
                passes.Accept best
                cost <- workspace.Costs[best]

            first <- first + workspace.Lanes

        struct (found, foundRatio)

    let raise' () =
        factor <- max (factor * options.RegularisationFactor) options.RegularisationFactor
        mu <- max (mu * factor) options.MinRegularisation

    let lower' () =
        factor <- min (factor / options.RegularisationFactor) (1.0 / options.RegularisationFactor)

        mu <-
            if mu * factor > options.MinRegularisation then
                mu * factor
            else
                // without any it acts nowhere
                space <- options.Regularisation
                0.0

    /// Regularises controls where regularised states have come to their limit: then K vanishes with growing μ like k, and a step becomes one of
    /// projected gradient descent, whereas with states regularised K stays, and of the controls that it drives against a limit none follows
    /// it, so that even a short step need not lower the cost. False where controls are regularised already.
    let turnToControls () =
        match space with
        | StateSpace ->
            regularise ControlSpace
            true
        | ControlSpace -> false

    /// The gradient of the whole cost by each control, from the costates p = lx + fxᵀp', with what limits hold left out: its largest element,
    /// and the largest sum of sizes |lu| + Σ|fu||p'| that such an element is made of.
    let stationarity () : struct (float * float) =
        passes.Expand()
        isNew <- true
        let p = Array.copy workspace.TerminalGradient
        let next = Array.zeroCreate n
        let model = workspace.Model
        let mutable largest = 0.0
        let mutable size = 0.0

        for t in horizon - 1 .. -1 .. 0 do
            let fx = t * workspace.ModelSize
            let fu, lx = fx + n * n, fx + n * (n + m)
            let lu = lx + n
            let u, lower = fx + backward.RecordSize, fx + backward.RecordSize + m

            for i in 0 .. m - 1 do
                let mutable gradient = model[lu + i]
                let mutable terms = abs gradient

                for k in 0 .. n - 1 do
                    let term = model[fu + k * m + i] * p[k]
                    gradient <- gradient + term
                    terms <- terms + abs term

                let isHeld =
                    (gradient > 0.0 && model[u + i] <= model[lower + i])
                    || (gradient < 0.0 && model[u + i] >= model[lower + m + i])

                if not isHeld then
                    largest <- Math.Max(largest, abs gradient)

                size <- Math.Max(size, terms)

            for j in 0 .. n - 1 do
                next[j] <- model[lx + j]

                for k in 0 .. n - 1 do
                    next[j] <- next[j] + model[fx + k * n + j] * p[k]

            Array.blit next 0 p 0 n

        struct (largest, size)

    /// Whether the gradient by the controls is all rounding, next to what it is made of.
    let isFlat () =
        let struct (gradient, size) = stationarity ()
        gradient <= 1e-3 * options.GradientTolerance * (1.0 + size)

    /// The change of cost that a whole step promises.
    let promise () = -(sweep().Linear + sweep().Quadratic)

    /// A change of cost that is nothing: by the tolerances, or because rounding is more.
    let negligible () =
        Math.Max(
            options.CostTolerance,
            Math.Max(options.GradientTolerance * options.GradientTolerance, 1e-13 * abs cost)
        )

    /// The local model and the laws about the nominal trajectory, with as much regularisation as that takes. Why there are none, if so.
    let rec sweepBack () : Status voption =
        let mutable failed = run mu
        let isBroken = failed >= 0 && not workspace.IsModelFinite

        while failed >= 0 && not isBroken && mu <= options.MaxRegularisation do
            raise' ()
            failed <- run mu

        if isBroken || (failed < 0 && not (Double.IsFinite(sweep().Linear))) then
            ValueSome(Diverged(Broken.derivative problem workspace))
        elif failed < 0 then
            ValueNone
        elif turnToControls () then
            sweepBack ()
        else
            ValueSome RegularisationLimit

    /// One iteration. Why to stop after it, if there is a reason.
    let iterate (progress: Iteration -> unit) : Status voption =
        let begun = Stopwatch.GetTimestamp()
        let fault = sweepBack ()
        let used = mu
        let gradient = sweep().Gradient

        if fault.IsSome then
            fault
        elif
            gradient < options.GradientTolerance
            && mu < 1e-5
            && not workspace.HasGaps
            && promise () <= negligible ()
        then
            ValueSome ConvergedByGradient
        else
            let before, hadGaps = cost, workspace.HasGaps

            let struct (step, ratio) =
                if hadGaps then
                    backward.Predict(
                        workspace.Model,
                        workspace.ModelSize,
                        workspace.TerminalGradient,
                        workspace.TerminalHessian,
                        workspace.Laws,
                        workspace.LawSize,
                        horizon,
                        workspace.Gap
                    )

                    let struct (gaps, _) = workspace.GapNorms

                    let least =
                        max
                            (2.0 * (backward.Linear + max 0.0 backward.Quadratic))
                            (backward.Linear + 2.0 * backward.Quadratic)
                        / gaps

                    if gapWeight < least then
                        gapWeight <- 1.5 * least

                    search backward.Linear backward.Quadratic gaps
                else
                    search closedSweep.Linear closedSweep.Quadratic 0.0

            let alpha = if step >= 0 then options.Steps[step] else 0.0
            let promised = promise ()

            if step >= 0 then
                lower' ()
                isNew <- true

                if hadGaps then
                    workspace.ScaleGaps(1.0 - alpha)
            else
                raise' ()

            let iteration =
                {
                    Number = iterations.Count + 1
                    Cost = cost
                    Gap =
                        (if hadGaps then
                             (let struct (_, largest) = workspace.GapNorms in largest)
                         else
                             0.0)
                    Gradient = gradient
                    Regularisation = used
                    Step = alpha
                    Ratio = ratio
                    Seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds
                }

            iterations.Add iteration
            progress iteration

            if step >= 0 then
                let isSmall = not hadGaps && before - cost < options.CostTolerance
                small <- if isSmall then small + 1 else 0

                // a step that μ or α made small tells nothing of how far the solution is
                if isSmall && used < 1e-5 && promised < options.CostTolerance then
                    ValueSome ConvergedByCost
                elif small = fewSmall && isFlat () then
                    ValueSome ConvergedByGradient
                elif small < mostSmall then
                    ValueNone
                elif turnToControls () then
                    small <- 0
                    ValueNone
                else
                    let struct (gradient, _) = stationarity ()

                    ValueSome(
                        Status.Stalled
                            $"{mostSmall} steps in a row changed the cost by less than {options.CostTolerance:G3}, the last with α = {alpha:G3} and μ = {used:G3}, and the gradient by a control is still {gradient:G3}"
                    )
            elif mu > options.MaxRegularisation && not (turnToControls ()) then
                ValueSome RegularisationLimit
            else
                ValueNone

    let solution status seconds : Solution =
        passes.Settle()
        let points, row = workspace.Points, workspace.Row

        {
            Status = status
            Cost = cost
            Gap = (let struct (_, largest) = workspace.GapNorms in largest)
            X = Array2D.init (horizon + 1) n (fun t i -> points[i * row + t])
            U = Array2D.init horizon m (fun t i -> points[(n + i) * row + t])
            Gains =
                Array.init horizon (fun t ->
                    Array2D.init m n (fun i j -> workspace.Laws[t * workspace.LawSize + n + 2 * m + i * n + j]))
            ValueGradient = sweep().Vx
            ValueHessian = (let vxx = sweep().Vxx in Array2D.init n n (fun i j -> vxx[i * n + j]))
            Iterations = iterations.ToArray()
            CompileSeconds = compileSeconds
            SolveSeconds = seconds
        }

    /// Iterates until there is a reason to stop.
    let descend (begun: int64) (cancellation: CancellationToken) (progress: Iteration -> unit) : Solution =
        let mutable status = ValueNone
        iterations.Clear()

        if not (Double.IsFinite cost) then
            status <- ValueSome(Diverged("the first guess " + whereBroken ()))

        while status.IsNone do
            status <-
                if cancellation.IsCancellationRequested then
                    ValueSome Cancelled
                elif iterations.Count >= options.MaxIterations then
                    ValueSome IterationLimit
                else
                    iterate progress

        solution status.Value (Stopwatch.GetElapsedTime(begun).TotalSeconds)

    /// The solver of the same problem in other units, where its own are not of ordinary size: chosen at the first guess that can be run.
    let mutable inOtherUnits: struct (TrajectoryOptimiser * Units) voption = ValueNone
    let mutable hasChosen = not mayScale

    let solve (begin': unit -> unit) (elsewhere: TrajectoryOptimiser -> Units -> Solution) cancellation progress =
        use _ = turn.Take()
        let begun = Stopwatch.GetTimestamp()

        if inOtherUnits.IsNone then
            workspace.SetSignals problem.Signals
            begin' ()

            if not hasChosen && Double.IsFinite cost then
                hasChosen <- true
                passes.Expand()
                isNew <- true
                let units = Units.ofModel problem workspace (fun _ _ -> struct ([||], [||]))

                if not (Units.isOne units) then
                    let solver =
                        TrajectoryOptimiser(Units.problem units problem, useCurvature, options, false)

                    inOtherUnits <- ValueSome(struct (solver, units))

        match inOtherUnits with
        | ValueSome(struct (solver, units)) -> elsewhere solver units |> Units.solution units
        | ValueNone -> descend begun cancellation progress

    /// Sets the nominal trajectory to the rollout of controls.
    member internal _.Start(controls: float[,]) =
        start controls
        passes.Settle()

    /// Sets the nominal trajectory to a guess that need not obey the dynamics.
    member internal _.StartAt(states: float[,], controls: float[,]) = startAt states controls

    /// Goes on from the nominal trajectory, with what may have changed since: signals, options, the start.
    member internal _.Resume(cancellation: CancellationToken, progress: Iteration -> unit) : Solution =
        let begun = Stopwatch.GetTimestamp()
        passes.Settle()

        if workspace.HasGaps then
            measure ()
        else
            for t in 0 .. horizon - 1 do
                Array.Clear(workspace.Laws, t * workspace.LawSize + n + m, m + m * n)

            passes.Rollout ReadOnlySpan<float>.Empty
            passes.Accept 0
            cost <- workspace.Costs[0]

        isNew <- true
        mu <- min mu options.FirstRegularisation
        factor <- 1.0
        descend begun cancellation progress

    /// One iteration about the nominal trajectory. Why to stop after it, if there is a reason.
    member internal _.Iterate() : Status voption =
        iterations.Clear()
        let status = iterate ignore
        passes.Settle()
        status

    /// Laws about the nominal trajectory as it stands, before it is known where the system will be. Where there are none, the plan is left
    /// without feedback.
    member internal _.Prepare() : Status voption =
        isNew <- true
        kept <- struct (space, mu, factor)
        let fault = sweepBack ()

        if fault.IsSome then
            regularise options.Regularisation

            for t in 0 .. horizon - 1 do
                Array.Clear(workspace.Laws, t * workspace.LawSize + n + m, m + m * n)

        fault

    /// Takes the regularisation back that the last preparation came to.
    member internal _.Forget() =
        let struct (where, size, growth) = kept
        space <- where
        mu <- size
        factor <- growth

    /// Laws and value function about the nominal trajectory without any regularisation. Why there are none, if so.
    member internal _.SweepUnregularised() : Status voption =
        isNew <- true

        if run 0.0 >= 0 then
            ValueSome RegularisationLimit
        elif workspace.IsModelFinite then
            ValueNone
        else
            ValueSome(Diverged(Broken.derivative problem workspace))

    member internal _.CompileSeconds = compileSeconds

    /// Rolls the laws out from the start, with as many of the given steps as there are lanes, and makes the cheapest trajectory the nominal
    /// one, an earlier one where rounding decides. Its step, or NaN where none is finite.
    member internal _.Follow(steps: float[]) : float =
        let lanes = min workspace.Lanes steps.Length
        passes.Rollout(ReadOnlySpan(steps, 0, lanes))
        let mutable best = -1

        for lane in 0 .. lanes - 1 do
            if
                Double.IsFinite workspace.Costs[lane]
                && (best < 0
                    || workspace.Costs[lane] < workspace.Costs[best] - 1e-12 * abs workspace.Costs[best])
            then
                best <- lane

        if best < 0 then
            nan
        else
            passes.Accept best
            passes.Settle()
            cost <- workspace.Costs[best]
            isNew <- true

            if steps[best] > 0.0 then lower' () else raise' ()

            steps[best]

    /// Cost of the nominal trajectory.
    member internal _.Cost = cost

    /// The nominal trajectory as a solution.
    member internal _.Current(status: Status) : Solution = solution status 0.0

    member internal _.Workspace = workspace

    /// Largest gradient of the whole cost by a control that no limit holds, and the largest sum of sizes that one is made of.
    member internal _.Stationarity() = stationarity ()

    /// In force from the next iteration on.
    member internal _.Options
        with get () = options
        and set value = options <- value

    /// Solves from initial controls [T, m], held to the limits; `progress` sees every iteration as it ends. An exception when the sizes of the problem
    /// or of the controls are wrong, or the limits are crossed; everything else is in the status of the solution.
    member _.Solve(controls: float[,], cancellation: CancellationToken, progress: Iteration -> unit) : Solution =
        Problem.check (Problem.faults problem controls)

        solve
            (fun () -> start controls)
            (fun (solver: TrajectoryOptimiser) units ->
                solver.Solve(Units.controls units controls, cancellation, Units.iteration units >> progress))
            cancellation
            progress

    /// Solves from initial controls [T, m].
    member this.Solve(controls: float[,]) : Solution =
        this.Solve(controls, CancellationToken.None, ignore)

    /// Solves from a guess of states [T+1, n], which need not obey the dynamics and of which the first is replaced by the start, and controls
    /// [T, m]: multiple shooting. Exceptions as of `Solve`.
    member _.SolveFrom
        (states: float[,], controls: float[,], cancellation: CancellationToken, progress: Iteration -> unit)
        : Solution =
        Problem.check (Problem.faults problem controls @ Problem.stateFaults problem states)

        solve
            (fun () -> startAt states controls)
            (fun (solver: TrajectoryOptimiser) units ->
                solver.SolveFrom(
                    Units.states units states,
                    Units.controls units controls,
                    cancellation,
                    Units.iteration units >> progress
                ))
            cancellation
            progress

    /// Solves from a guess of states [T+1, n] and controls [T, m].
    member this.SolveFrom(states: float[,], controls: float[,]) : Solution =
        this.SolveFrom(states, controls, CancellationToken.None, ignore)
