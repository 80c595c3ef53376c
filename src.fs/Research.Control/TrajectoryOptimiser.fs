namespace Research.Control

open System
open System.Diagnostics
open System.Threading
open Research
open Research.Kernels

/// Where the regularisation μ of the backward pass acts (Tassa, Erez, Todorov 2012, section II-F).
type Regularisation =
    /// V'xx + μI: penalises deviations from the states of the last trajectory
    | StateSpace
    /// Quu + μI: penalises deviations from its controls
    | ControlSpace

/// Options of iLQR and DDP. The defaults are those of the 2014 release of Tassa's package.
type Options =
    {
        MaxIterations: int
        /// stop when an accepted step changes the cost by less
        CostTolerance: float
        /// stop when mean max |k|/(|u|+1) is less, and μ below 1e−5
        GradientTolerance: float
        Regularisation: Regularisation
        /// μ of the first backward pass
        FirstRegularisation: float
        /// factor by which μ's own factor grows and shrinks
        RegularisationFactor: float
        MinRegularisation: float
        MaxRegularisation: float
        /// steps α of the line search, tried as lanes of one rollout, in order of preference
        Steps: float[]
        /// least share of the promised improvement at which a step is accepted
        AcceptRatio: float
    }

/// The skeleton that iLQR and DDP share: expand, sweep backward, search forward. Keeps its memory and kernels from one solution to the next,
/// so that a warm start costs nothing but the iterations; not thread-safe.
[<Sealed>]
type TrajectoryOptimiser internal (problem: Problem, useCurvature: bool, options: Options) =
    let started = Stopwatch.GetTimestamp()

    let n, m, horizon =
        problem.Dynamics.StateSize, problem.Dynamics.ControlSize, problem.Horizon

    let backward = BackwardPass(n, m)
    let plant = Plant.create problem
    let workspace = Workspace(problem, backward, plant.Lanes)
    let iterations: Iteration[] = Array.zeroCreate options.MaxIterations
    let point = Array.zeroCreate (n + m)

    let curvature: AddCurvature | null =
        if useCurvature then
            AddCurvature(fun t lambda hessian ->
                for i in 0 .. n + m - 1 do
                    point[i] <- workspace.Points[i * workspace.Row + t]

                problem.Dynamics.AddCurvature(point, lambda, hessian))
        else
            null

    let sweep = Sweep.create problem backward plant.Model curvature
    let compileSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds

    /// Sets the nominal controls, without feedback, and rolls them out. The cost.
    let start (controls: float[,]) =
        for t in 0 .. horizon - 1 do
            let law = t * workspace.LawSize
            Array.Clear(workspace.Laws, law, backward.PolicySize)

            for i in 0 .. m - 1 do
                workspace.Laws[law + n + i] <- controls[t, i]

        workspace.Begin ReadOnlySpan<float>.Empty
        plant.Rollout workspace
        workspace.Accept 0
        workspace.Costs[0]

    let run mu =
        match options.Regularisation with
        | StateSpace -> sweep.Run(workspace, mu, 0.0)
        | ControlSpace -> sweep.Run(workspace, 0.0, mu)

    /// The step that lowers the cost most among the lanes of the first rollout in which any keeps its promise: its index, its cost and the ratio; index −1 if none.
    let search cost =
        let mutable found = -1
        let mutable foundCost = infinity
        let mutable foundRatio = 0.0
        let mutable first = 0

        while found < 0 && first < options.Steps.Length do
            let count = min workspace.Lanes (options.Steps.Length - first)
            workspace.Begin(ReadOnlySpan(options.Steps, first, count))
            plant.Rollout workspace
            let mutable best = -1

            for lane in 0 .. count - 1 do
                let alpha = options.Steps[first + lane]
                let change = cost - workspace.Costs[lane]
                let promised = -alpha * (sweep.Linear + alpha * sweep.Quadratic)

                let ratio =
                    if promised > 0.0 || not (Double.IsFinite change) then
                        change / promised
                    else
                        float (sign change)

                if
                    Double.IsFinite change
                    && ratio > options.AcceptRatio
                    && workspace.Costs[lane] < foundCost
                then
                    best <- lane
                    found <- first + lane
                    foundCost <- workspace.Costs[lane]
                    foundRatio <- ratio

            if best >= 0 then
                workspace.Accept best

            first <- first + workspace.Lanes

        struct (found, (if found >= 0 then foundCost else cost), foundRatio)

    let solution status cost count seconds : Solution =
        let points, row = workspace.Points, workspace.Row

        {
            Status = status
            Cost = cost
            X = Array2D.init (horizon + 1) n (fun t i -> points[i * row + t])
            U = Array2D.init horizon m (fun t i -> points[(n + i) * row + t])
            Gains =
                Array.init horizon (fun t ->
                    Array2D.init m n (fun i j -> workspace.Laws[t * workspace.LawSize + n + 2 * m + i * n + j]))
            ValueGradient = sweep.Vx
            ValueHessian = (let vxx = sweep.Vxx in Array2D.init n n (fun i j -> vxx[i * n + j]))
            Iterations = Array.sub iterations 0 count
            CompileSeconds = compileSeconds
            SolveSeconds = seconds
        }

    /// Solves from initial controls [T, m], held to the limits; `progress` sees every iteration as it ends. An exception when the sizes of the problem
    /// or of the controls are wrong, or the limits are crossed; everything else is in the status of the solution.
    member _.Solve(controls: float[,], cancellation: CancellationToken, progress: Iteration -> unit) : Solution =
        match Problem.faults problem controls with
        | [] -> ()
        | faults -> invalidArg (nameof controls) ("the problem cannot be solved: " + String.Join("; ", faults))

        let begun = Stopwatch.GetTimestamp()

        let seconds () =
            Stopwatch.GetElapsedTime(begun).TotalSeconds

        let mutable cost = start controls
        let mutable status = ValueNone
        let mutable count = 0
        let mutable mu = options.FirstRegularisation
        let mutable factor = 1.0
        let mutable isNew = true

        let raise' () =
            factor <- max (factor * options.RegularisationFactor) options.RegularisationFactor
            mu <- max (mu * factor) options.MinRegularisation

        let lower' () =
            factor <- min (factor / options.RegularisationFactor) (1.0 / options.RegularisationFactor)

            mu <-
                if mu * factor > options.MinRegularisation then
                    mu * factor
                else
                    0.0

        if not (Double.IsFinite cost) then
            status <- ValueSome(Diverged "the rollout of the initial controls gives a cost that is not finite")

        while status.IsNone do
            let iterationBegun = Stopwatch.GetTimestamp()

            if cancellation.IsCancellationRequested then
                status <- ValueSome Cancelled
            elif count = options.MaxIterations then
                status <- ValueSome IterationLimit
            else
                if isNew then
                    plant.Expand workspace
                    isNew <- false

                let mutable failed = run mu

                let isBroken = failed >= 0 && not workspace.IsModelFinite

                while failed >= 0 && not isBroken && mu <= options.MaxRegularisation do
                    raise' ()
                    failed <- run mu

                let used = mu

                if isBroken || (failed < 0 && not (Double.IsFinite sweep.Linear)) then
                    status <- ValueSome(Diverged "the derivatives along the trajectory are not finite")
                elif failed >= 0 then
                    status <- ValueSome RegularisationLimit
                elif sweep.Gradient < options.GradientTolerance && mu < 1e-5 then
                    status <- ValueSome ConvergedByGradient
                else
                    let struct (step, newCost, ratio) = search cost
                    let change = cost - newCost

                    if step >= 0 then
                        lower' ()
                        cost <- newCost
                        isNew <- true

                        if change < options.CostTolerance then
                            status <- ValueSome ConvergedByCost
                    else
                        raise' ()

                        if mu > options.MaxRegularisation then
                            status <- ValueSome RegularisationLimit

                    iterations[count] <-
                        {
                            Number = count + 1
                            Cost = cost
                            Gradient = sweep.Gradient
                            Regularisation = used
                            Step = if step >= 0 then options.Steps[step] else 0.0
                            Ratio = ratio
                            Seconds = Stopwatch.GetElapsedTime(iterationBegun).TotalSeconds
                        }

                    progress iterations[count]
                    count <- count + 1

        solution status.Value cost count (seconds ())

    /// Solves from initial controls [T, m].
    member this.Solve(controls: float[,]) : Solution =
        this.Solve(controls, CancellationToken.None, ignore)
