namespace Research.Control

open System
open Research

/// Options of moving-horizon estimation.
type MovingHorizonOptions =
    {
        /// N: steps that the window looks back, from the present to its first state
        Window: int
        /// lower and upper bounds of the states, [n] each; infinite where there is none
        StateBounds: (float[] * float[]) option
        /// lower and upper bounds of the noise w on the next state, [n] each, with 0 between them; infinite where there is none
        NoiseBounds: (float[] * float[]) option
        /// of the solver; where the noise has no bounds, only its `Inner` counts
        Solver: ConstrainedOptions
    }

/// Moving-horizon estimation: at every measurement, the most probable states of the last N steps given all that was measured in them and
/// what an extended Kalman filter foresaw of the first of them (the arrival cost),
///
///     minimise ½|x₀ − x̄₀|²_P̄⁻¹ + Σ ½|xₖ₊₁ − f(xₖ, uₖ)|²_W⁻¹ + Σ ½|yₖ − h(xₖ)|²_V⁻¹
///
/// with bounds on states and noise. It is a problem of optimal control: the control of a step is the next state, x' = u, so that the free
/// first state is a control like the others, bounds of states are limits of controls, and f is part of a cost that reads what is known of its
/// step, inputs and measurements, as signals. An iteration is then one of Gauss and Newton, a Riccati sweep over the window; without bounds,
/// that is the iterated Kalman smoother. Windows start from the last one's states, a step on. The filter goes on from the newest estimate.
/// Sources: Rao, Rawlings, Mayne, Constrained state estimation for nonlinear discrete-time systems (2003); Bell, The iterated Kalman smoother
/// as a Gauss–Newton method (1994).
[<Sealed>]
type MovingHorizonEstimator internal (options: MovingHorizonOptions, system: NoisySystem, filter: ExtendedKalmanFilter)
    =
    inherit StateEstimator(filter.Belief, filter.ControlSize, filter.MeasurementSize)
    let n, m, p = filter.StateSize, filter.ControlSize, filter.MeasurementSize

    do
        let bounds name (bounds: (float[] * float[]) option) (isRight: float -> float -> bool) wanted =
            match bounds with
            | Some(lower, upper) when
                lower.Length <> n
                || upper.Length <> n
                || not (Array.forall2 isRight lower upper)
                ->
                Some $"the bounds of the {name} must be {n} lower and {n} upper ones with {wanted}"
            | _ -> None

        Covariance.check
            "moving-horizon estimation"
            [
                if options.Window < 1 then
                    Some $"a window of {options.Window} steps has no past"

                bounds "states" options.StateBounds (<=) "lower ≤ upper"
                bounds "noise" options.NoiseBounds (fun low high -> low <= 0.0 && 0.0 <= high) "0 between them"
            ]

    // Controls 0 … N are the states of the window. Before a window is full, steps ahead of its first state hold each state to a number of its
    // own, which costs nothing and decides nothing.
    let horizon = options.Window + 1

    let f =
        match system.Dynamics.Traced with
        | ValueSome f -> f
        | ValueNone ->
            invalidArg (nameof system) "moving-horizon estimation needs dynamics that are traced, and these are not"

    let triangle k = k * (k + 1) / 2

    // what a step reads: its input, its measurement, the mean it is held to, 1 where that is f instead, and the whitening of both deviations
    let ofInput, ofMeasurement, ofMean = 0, m, m + p
    let ofFlag = ofMean + n
    let ofState = ofFlag + 1
    let ofNoise = ofState + triangle n
    let width = ofNoise + triangle p

    /// L⁻¹ e, of the rows of L⁻¹ up to its diagonal.
    let whiten (root: Vec) (e: Vec) : Vec =
        Array.init e.Length (fun i -> Vec.dot root[triangle i .. triangle i + i] e[..i])

    let ofModel (s: Vec) (x: Vec) : Vec = f x s[ofInput .. ofInput + m - 1]

    let foreseen (s: Vec) (x: Vec) : Vec =
        Array.map2 (fun (mean: Real) next -> mean + s[ofFlag] * (next - mean)) s[ofMean .. ofMean + n - 1] (ofModel s x)

    let unexplained (s: Vec) (x: Vec) : Vec =
        whiten s[ofNoise..] (Vec.sub s[ofMeasurement .. ofMeasurement + p - 1] (system.Measure x))

    let problem =
        let cost =
            Cost.residuals
                width
                (fun s x next ->
                    Array.append (whiten s[ofState .. ofNoise - 1] (Vec.sub next (foreseen s x))) (unexplained s x))
                unexplained

        let bounded =
            match options.NoiseBounds with
            | None -> []
            | Some(lower, upper) ->
                [
                    { Constraint.path "noise" (fun _ _ -> [||]) with
                        Stage =
                            fun s x next ->
                                [|
                                    for i, w in Array.indexed (Vec.sub next (ofModel s x)) do
                                        if Double.IsFinite lower[i] then
                                            lower[i] - s[ofFlag] * w

                                        if Double.IsFinite upper[i] then
                                            s[ofFlag] * w - upper[i]
                                |]
                    }
                ]

        { Problem.create (Dynamics.ofTraced n n (fun _ next -> next)) cost horizon (filter.Mean.ToArray()) with
            Limits = options.StateBounds
            Signals = Array2D.zeroCreate (horizon + 1) width
            Constraints = bounded
        }

    let signals = problem.Signals

    let optimiser =
        if problem.Constraints.IsEmpty then
            Choice1Of2(TrajectoryOptimiser(problem, false, options.Solver.Inner, false))
        else
            Choice2Of2(Constrained.create options.Solver problem)

    // states of the window, and what was foreseen of each: mean and whitening
    let states = Array2D.zeroCreate horizon n

    let means, roots =
        Array2D.zeroCreate horizon n, Array2D.zeroCreate horizon (triangle n)

    let mutable known = 1
    let mutable status = ConvergedByGradient

    /// Rows of a table moved up by one.
    let shift (table: float[,]) =
        let row = Array2D.length2 table
        Array.Copy(table, row, table, 0, table.Length - row)

    let factor, inverse = Array.zeroCreate<float>(n * n), Array.zeroCreate<float>(n * n)

    /// Whitening of a covariance that never changes.
    let rootOf (name: string) (a: float[,]) =
        let k = Array2D.length1 a
        let result = Array.zeroCreate (k * k)
        Covariance.whitening (Covariance.flat a) k (Array.zeroCreate (k * k)) result

        if Array.exists Double.IsNaN result then
            invalidArg name $"moving-horizon estimation needs {name} positive definite"

        [|
            for i in 0 .. k - 1 do
                for j in 0..i -> result[i * k + j]
        |]

    let ofW = rootOf "W" system.W
    let ofAllV = rootOf "V" system.V

    let isMeasured = Array.zeroCreate<bool> p

    /// Whitening of those numbers that were measured; rows and columns of the others are 0.
    let rootOfMeasured () =
        let present = Array.filter (fun i -> isMeasured[i]) [| 0 .. p - 1 |]

        let root =
            rootOf "V" (Array2D.init present.Length present.Length (fun i j -> system.V[present[i], present[j]]))

        let all = Array.zeroCreate (triangle p)

        for i in 0 .. present.Length - 1 do
            for j in 0..i do
                all[triangle present[i] + present[j]] <- root[triangle i + j]

        all

    do
        for t in 0 .. horizon - 1 do
            for i in 0 .. n - 1 do
                states[t, i] <- filter.Belief.Mean[i]
                signals[t, ofMean + i] <- filter.Belief.Mean[i]
                signals[t, ofState + triangle i + i] <- 1.0

    /// Notes what the filter foresees of the newest state.
    let foresee () =
        Covariance.whitening filter.Belief.Covariance n factor inverse

        for i in 0 .. n - 1 do
            states[horizon - 1, i] <- filter.Belief.Mean[i]
            means[horizon - 1, i] <- filter.Belief.Mean[i]

            for j in 0..i do
                roots[horizon - 1, triangle i + j] <- inverse[i * n + j]

    /// Makes a step hold its state to what was foreseen of it.
    let arrive step =
        signals[step, ofFlag] <- 0.0

        for i in 0 .. n - 1 do
            signals[step, ofMean + i] <- means[step, i]

        for i in 0 .. triangle n - 1 do
            signals[step, ofState + i] <- roots[step, i]

    do
        foresee ()

        if Double.IsNaN inverse[0] then
            invalidArg "prior" "moving-horizon estimation needs a positive definite covariance of its first state"

        arrive (horizon - 1)

    let solve () =
        match optimiser with
        | Choice1Of2 optimiser ->
            let workspace = optimiser.Workspace
            workspace.SetSignals signals
            optimiser.Start states
            let mutable verdict = ValueNone
            let mutable count = 0

            while verdict.IsNone do
                verdict <-
                    if not (Double.IsFinite optimiser.Cost) then
                        ValueSome(Diverged "the window has a cost that is not finite")
                    elif count = options.Solver.Inner.MaxIterations then
                        ValueSome IterationLimit
                    else
                        optimiser.Iterate()

                count <- count + 1

            status <- verdict.Value

            if Double.IsFinite optimiser.Cost then
                for t in 0 .. horizon - 1 do
                    for i in 0 .. n - 1 do
                        states[t, i] <- workspace.Points[i * workspace.Row + t + 1]
        | Choice2Of2 optimiser ->
            let solution = optimiser.Solve states
            status <- solution.Status

            if Double.IsFinite solution.Solution.Cost then
                for t in 0 .. horizon - 1 do
                    for i in 0 .. n - 1 do
                        states[t, i] <- solution.Solution.X[t + 1, i]

    /// Why the solver stopped over the last window. Where it diverged, the estimate is the filter's.
    member _.Status = status

    /// Estimates of the states of the window, the newest last: [N+1, n], fewer at first.
    member _.Window: float[,] = states[horizon - known .., *]

    /// Goes a step on; the belief is that of the filter.
    override this.Predict(control) =
        filter.Predict control
        known <- min horizon (known + 1)
        List.iter shift [ states; means; roots; signals ]
        let step = horizon - 1
        foresee ()

        for i in 0 .. m - 1 do
            signals[step, ofInput + i] <- control[i]

        for i in 0 .. n - 1 do
            signals[step, ofMean + i] <- 0.0

        signals[step, ofFlag] <- 1.0

        for i in 0 .. triangle n - 1 do
            signals[step, ofState + i] <- ofW[i]

        for i in ofMeasurement .. ofMeasurement + p - 1 do
            signals[horizon, i] <- 0.0

        for i in ofNoise .. width - 1 do
            signals[horizon, i] <- 0.0
            // what was measured before the window begins
            signals[0, i] <- 0.0

        if signals[0, ofFlag] = 1.0 then
            arrive 0

    /// Takes in a measurement and estimates the window anew. The mean is that of the newest state, the covariance that of the filter about it;
    /// the innovation is the filter's.
    override this.Update(measurement) =
        let innovation = filter.Update measurement
        let mutable isWhole = true

        for i in 0 .. p - 1 do
            let isMissing = Double.IsNaN measurement[i]
            isWhole <- isWhole && not isMissing
            isMeasured[i] <- not isMissing
            signals[horizon, ofMeasurement + i] <- if isMissing then 0.0 else measurement[i]

        let root = if isWhole then ofAllV else rootOfMeasured ()

        for i in 0 .. triangle p - 1 do
            signals[horizon, ofNoise + i] <- root[i]

        for i in 0 .. n - 1 do
            states[horizon - 1, i] <- filter.Belief.Mean[i]

        solve ()

        for i in 0 .. n - 1 do
            filter.Belief.Mean[i] <- states[horizon - 1, i]

        innovation

/// Moving-horizon estimators.
[<RequireQualifiedAccess>]
module MovingHorizon =

    /// Twenty steps without bounds; iterations end where they change the cost, a logarithm of probability, by less than a millionth.
    let defaults: MovingHorizonOptions =
        {
            Window = 20
            StateBounds = None
            NoiseBounds = None
            Solver =
                { Constrained.defaults with
                    Inner =
                        { Constrained.defaults.Inner with
                            FirstRegularisation = 0.0
                            CostTolerance = 1e-6
                            GradientTolerance = 1e-6
                            MaxIterations = 50
                        }
                }
        }

    /// An estimator from a prior belief of positive definite covariance; W and V must be positive definite and the dynamics traced. An
    /// exception where system, prior and bounds do not agree.
    let create (options: MovingHorizonOptions) (system: NoisySystem) (prior: Estimate) : MovingHorizonEstimator =
        MovingHorizonEstimator(options, system, ExtendedKalman.create system prior)
