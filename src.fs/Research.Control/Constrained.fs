namespace Research.Control

open System
open System.Diagnostics
open System.Threading
open Research

/// Options of the solver with constraints.
type ConstrainedOptions =
    {
        /// of the solver inside; its tolerances are those of the last rounds
        Inner: Options
        /// rounds of new multipliers, each a solution of the problem inside
        MaxRounds: int
        /// largest violation of a constraint at a solution; where its numbers are counted in millions or more, in that unit
        FeasibilityTolerance: float
        /// largest gradient of the Lagrangian at a solution, as a share of 1 + the largest sum of sizes |lu| + Σ|fu||p'| that one is made of: so it
        /// cannot loosen as a cost runs away
        OptimalityTolerance: float
        /// ρ of the first round
        FirstPenalty: float
        /// factor by which ρ grows where a violation does not fall to a quarter
        PenaltyFactor: float
        MaxPenalty: float
    }

[<RequireQualifiedAccess>]
module internal ConstrainedOptions =

    /// What is wrong with options, in words; empty when nothing is.
    let faults (options: ConstrainedOptions) : string list =
        [
            for fault in Options.faults options.Inner do
                $"of the solver inside, {fault}"

            yield! OptionCheck.atLeast 1 "MaxRounds" options.MaxRounds
            yield! OptionCheck.tolerance "FeasibilityTolerance" options.FeasibilityTolerance
            yield! OptionCheck.tolerance "OptimalityTolerance" options.OptimalityTolerance
            yield! OptionCheck.above 0.0 "FirstPenalty" options.FirstPenalty
            yield! OptionCheck.above 1.0 "PenaltyFactor" options.PenaltyFactor

            yield!
                OptionCheck.number
                    "MaxPenalty"
                    "FirstPenalty or more, and finite"
                    (fun x -> x >= options.FirstPenalty && Double.IsFinite x)
                    options.MaxPenalty
        ]

/// One round: a solution with fixed multipliers, then new ones.
[<Struct>]
type Round =
    {
        Number: int
        /// cost without penalties
        Cost: float
        /// largest violation of a constraint
        Feasibility: float
        /// largest element of the gradient of the Lagrangian by the controls, where no limit holds them
        Optimality: float
        /// largest ρ in force
        Penalty: float
        /// iterations of the solver inside
        Iterations: int
        /// true of a round with the active constraints as equalities and exact Hessians
        IsPolish: bool
        Seconds: float
    }

/// A solution of a problem with constraints, or the best found before the solver stopped.
type ConstrainedSolution =
    {
        /// Trajectory, gains and iterations of the last round; its cost is without penalties.
        Solution: Solution
        Status: Status
        /// largest violation of a constraint
        Feasibility: float
        /// which constraint that is, and at what time; none when all hold
        Worst: (string * int) option
        /// largest element of the gradient of the Lagrangian by the controls, where no limit holds them
        Optimality: float
        /// multipliers of the stage constraints, in the order of the problem: [T, elements]
        Multipliers: float[,]
        /// multipliers of the terminal constraints
        TerminalMultipliers: float[]
        Rounds: Round[]
    }

/// Solves problems with constraints again and again, from other starts and guesses. One thread at a time: a call while another is at work is
/// an exception.
[<Sealed>]
type ConstrainedOptimiser internal (problem: Problem, options: ConstrainedOptions, mayScale: bool) =
    let started = Stopwatch.GetTimestamp()
    do OptionCheck.refuse (ConstrainedOptions.faults options)
    let turn = Turn "this solver"
    let horizon = problem.Horizon
    let multipliers = Multipliers problem

    let robust =
        TrajectoryOptimiser(multipliers.Augmented true, false, options.Inner, false)

    let polisher =
        lazy
            (TrajectoryOptimiser(
                multipliers.Augmented false,
                problem.Dynamics.HasCurvature,
                { options.Inner with
                    FirstRegularisation = 0.0
                    CostTolerance = 0.0
                    GradientTolerance = 1e-12
                    RegularisationFactor = 10.0
                    MaxRegularisation = 1e3
                    MaxIterations = 30
                },
                false
            ))

    let signals =
        Array2D.zeroCreate (horizon + 1) (Array2D.length2 (multipliers.Augmented true).Signals)

    let compileSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds

    let send (solver: TrajectoryOptimiser) =
        multipliers.Signals(problem.Signals, signals)
        solver.Workspace.SetSignals signals

    /// New multipliers and penalties after a round of the robust phase, in which `before` held the largest violation of each element.
    let advance (before: float[]) =
        let worst = Array.zeroCreate<float> multipliers.Rows

        for k in 0 .. multipliers.Count - 1 do
            // a multiplier that is too large is a violation too
            let slack = -multipliers.Lambda[k] / multipliers.Rho[k]

            let size =
                if multipliers.IsFixed k then
                    0.0
                elif multipliers.Element(k).IsEquality then
                    abs multipliers.Values[k]
                else
                    abs (Math.Max(multipliers.Values[k], slack))

            let row = multipliers.Row k
            worst[row] <- Math.Max(worst[row], size)

        multipliers.Update()

        for k in 0 .. multipliers.Count - 1 do
            let row = multipliers.Row k

            if worst[row] > options.FeasibilityTolerance && worst[row] > 0.25 * before[row] then
                multipliers.Rho[k] <- Math.Min(options.MaxPenalty, multipliers.Rho[k] * options.PenaltyFactor)

        Array.blit worst 0 before 0 worst.Length

    let largestPenalty () =
        let mutable largest = 0.0

        for rho in multipliers.Rho do
            largest <- Math.Max(largest, rho)

        largest

    let finish
        (solver: TrajectoryOptimiser)
        (last: Solution)
        (status: Status)
        (rounds: Collections.Generic.List<Round>)
        begun
        =
        let cost = multipliers.Evaluate solver.Workspace

        {
            Solution =
                { last with
                    Status = status
                    Cost = cost
                    CompileSeconds = compileSeconds
                    SolveSeconds = Stopwatch.GetElapsedTime(begun).TotalSeconds
                }
            Status = status
            Feasibility = multipliers.LargestViolation
            Worst = multipliers.Named
            Optimality =
                if rounds.Count = 0 then
                    nan
                else
                    rounds[rounds.Count - 1].Optimality
            Multipliers =
                Array2D.init horizon multipliers.Stages (fun t i -> multipliers.Lambda[t * multipliers.Stages + i])
            TerminalMultipliers = multipliers.Lambda[horizon * multipliers.Stages ..]
            Rounds = rounds.ToArray()
        }

    let descend
        (begin': unit -> unit)
        (cancellation: CancellationToken)
        (progress: Round -> unit)
        : ConstrainedSolution =
        let begun = Stopwatch.GetTimestamp()
        Array.Clear multipliers.Lambda
        Array.fill multipliers.Rho 0 multipliers.Count options.FirstPenalty
        send robust
        begin' ()
        let rounds = Collections.Generic.List<Round>()
        let before = Array.create multipliers.Rows infinity

        let record (solver: TrajectoryOptimiser) (solution: Solution) isPolish roundBegun =
            let cost = multipliers.Evaluate solver.Workspace
            let struct (gradient, size) = solver.Stationarity()

            let round =
                {
                    Number = rounds.Count + 1
                    Cost = cost
                    Feasibility = multipliers.LargestViolation
                    Optimality = gradient
                    Penalty = largestPenalty ()
                    Iterations = solution.Iterations.Length
                    IsPolish = isPolish
                    Seconds = Stopwatch.GetElapsedTime(roundBegun: int64).TotalSeconds
                }

            rounds.Add round
            progress round
            struct (round, gradient <= options.OptimalityTolerance * (1.0 + size))

        /// Newton's method on the active constraints as equalities. The solution, if it settles.
        let polish (solution: Solution) =
            let mostTries = 12
            let solver = polisher.Value
            let lambda, rho = Array.copy multipliers.Lambda, Array.copy multipliers.Rho

            let isActive =
                Array.init multipliers.Count (fun k ->
                    not (multipliers.IsFixed k)
                    && (multipliers.Element(k).IsEquality || lambda[k] > 0.0))

            let mutable found = None
            let mutable isStationary = false
            let mutable tries = 0
            let mutable last = infinity
            let first = Math.Max(multipliers.LargestViolation, 1e-6)

            let choose () =
                for k in 0 .. multipliers.Count - 1 do
                    multipliers.Rho[k] <-
                        if isActive[k] then
                            Math.Max(rho[k], multipliers.Rho[k])
                        else
                            0.0

                    if not isActive[k] then
                        multipliers.Lambda[k] <- 0.0

            solver.Options <-
                { solver.Options with
                    CostTolerance = 1e-14 * abs solution.Cost
                }

            choose ()
            send solver
            solver.Start solution.U

            while not isStationary
                  && tries < mostTries
                  && not cancellation.IsCancellationRequested do
                tries <- tries + 1
                let roundBegun = Stopwatch.GetTimestamp()
                let polished = solver.Resume(cancellation, ignore)
                let struct (round, isFlat) = record solver polished true roundBegun
                let mutable isSettled = true
                let mutable distance = round.Feasibility

                for k in 0 .. multipliers.Count - 1 do
                    if isActive[k] then
                        distance <- Math.Max(distance, abs multipliers.Values[k])
                        multipliers.Lambda[k] <- multipliers.Lambda[k] + multipliers.Rho[k] * multipliers.Values[k]

                        if not (multipliers.Element(k).IsEquality) && multipliers.Lambda[k] < 0.0 then
                            isActive[k] <- false
                            isSettled <- isSettled && multipliers.Lambda[k] > -1e-9
                    elif
                        not (multipliers.IsFixed k)
                        && multipliers.Values[k] > 0.1 * options.FeasibilityTolerance
                    then
                        isActive[k] <- true
                        multipliers.Rho[k] <- rho[k]
                        isSettled <- false

                if isSettled && distance <= 0.1 * options.FeasibilityTolerance then
                    isStationary <- isFlat

                    found <-
                        if isFlat then
                            Some(polished, ConvergedByGradient)
                        elif polished.Status.IsConverged then
                            Some(polished, ConvergedByCost)
                        else
                            None
                else
                    found <- None

                if not isStationary then
                    if distance > 0.1 * last && found.IsNone then
                        for k in 0 .. multipliers.Count - 1 do
                            rho[k] <- Math.Min(options.MaxPenalty, 10.0 * rho[k])

                        // Newton's method has left the neighbourhood, or stands still
                        if distance > 10.0 * first || polished.Iterations.Length = 0 then
                            tries <- mostTries

                    last <- distance
                    choose ()
                    send solver

            if found.IsNone then
                Array.blit lambda 0 multipliers.Lambda 0 lambda.Length
                Array.blit rho 0 multipliers.Rho 0 rho.Length

            found

        // penalties can grow no more, and for some rounds violations have not fallen
        let mutable least, waits = infinity, 0

        let mutable answer = None
        let mutable tolerance = 1e-3

        while answer.IsNone do
            let roundBegun = Stopwatch.GetTimestamp()

            robust.Options <-
                { options.Inner with
                    CostTolerance = Math.Max(options.Inner.CostTolerance, tolerance)
                    GradientTolerance = Math.Max(options.Inner.GradientTolerance, tolerance)
                }

            let solution = robust.Resume(cancellation, ignore)
            let struct (round, isFlat) = record robust solution false roundBegun
            tolerance <- 0.1 * tolerance

            let isStuck =
                match solution.Status with
                | Diverged _
                | Cancelled -> true
                | _ -> false

            if isStuck then
                answer <- Some(finish robust solution solution.Status rounds begun)
            else
                advance before

                if round.Feasibility < 0.5 * least then
                    least <- round.Feasibility
                    waits <- 0
                elif largestPenalty () >= options.MaxPenalty then
                    waits <- waits + 1

                if round.Feasibility < 1e-4 && solution.Status.IsConverged then
                    match polish solution with
                    | Some(polished, status) -> answer <- Some(finish polisher.Value polished status rounds begun)
                    | None -> ()

                if answer.IsNone then
                    if cancellation.IsCancellationRequested then
                        answer <- Some(finish robust solution Cancelled rounds begun)
                    elif rounds.Count >= options.MaxRounds || waits >= 5 then
                        let status =
                            if round.Feasibility <= options.FeasibilityTolerance then
                                if isFlat then
                                    ConvergedByGradient
                                elif solution.Status.IsConverged then
                                    ConvergedByCost
                                else
                                    Status.Stalled
                                        $"the constraints hold to {round.Feasibility:G3}, and after {rounds.Count} rounds the gradient of the Lagrangian by a control is still {round.Optimality:G3}"
                            elif largestPenalty () >= options.MaxPenalty then
                                let worst = multipliers.Worst

                                Infeasible
                                    $"'{multipliers.Element(worst).Name}' is still violated by {round.Feasibility:G3} at step {multipliers.Time worst}"
                            else
                                IterationLimit

                        answer <- Some(finish robust solution status rounds begun)
                    else
                        send robust

        answer.Value

    /// The solver of the same problem in other units, where its own are not of ordinary size: chosen at the first guess that can be run.
    let mutable inOtherUnits: struct (ConstrainedOptimiser * Units) voption = ValueNone
    let mutable hasChosen = not mayScale

    /// Units from the guess, with all penalties at 0.
    let choose (begin': unit -> unit) =
        Array.Clear multipliers.Lambda
        Array.Clear multipliers.Rho
        send robust
        begin' ()

        if Double.IsFinite robust.Cost then
            hasChosen <- true
            robust.Stationarity() |> ignore

            let units =
                Units.ofModel problem robust.Workspace (fun here sizes -> multipliers.Changes(here, sizes))

            if not (Units.isOne units) then
                // violations are promised in the units of the problem, where rounding allows it
                let largest = Array.fold max 1.0 (Array.append units.Stage units.End)

                let inUnits =
                    if largest <= 1e3 then
                        { options with
                            FeasibilityTolerance = options.FeasibilityTolerance / largest
                        }
                    else
                        options

                let solver = ConstrainedOptimiser(Units.problem units problem, inUnits, false)
                inOtherUnits <- ValueSome(struct (solver, units))

    let round (units: Units) (found: Round) : Round =
        let sizes = Array.append units.Stage units.End
        let largest = if sizes.Length = 0 then 1.0 else Array.max sizes

        { found with
            Cost = units.Cost * found.Cost
            Feasibility = largest * found.Feasibility
            Optimality = units.Cost / Array.min units.Controls * found.Optimality
        }

    /// A solution in other units as one of the problem as stated; violations are measured anew.
    let restore (units: Units) (found: ConstrainedSolution) : ConstrainedSolution =
        let solution = Units.solution units found.Solution
        robust.Workspace.SetNominal(solution.X, solution.U)
        multipliers.Evaluate robust.Workspace |> ignore

        {
            Solution = solution
            Status = solution.Status
            Feasibility = multipliers.LargestViolation
            Worst = multipliers.Named
            Optimality = units.Cost / Array.min units.Controls * found.Optimality
            Multipliers =
                found.Multipliers
                |> Array2D.mapi (fun _ i value -> value * units.Cost / units.Stage[i])
            TerminalMultipliers =
                Array.map2 (fun value unit -> value * units.Cost / unit) found.TerminalMultipliers units.End
            Rounds = Array.map (round units) found.Rounds
        }

    let solve
        (begin': unit -> unit)
        (elsewhere: ConstrainedOptimiser -> Units -> ConstrainedSolution)
        cancellation
        progress
        =
        use _ = turn.Take()

        if not hasChosen then
            choose begin'

        match inOtherUnits with
        | ValueSome(struct (solver, units)) -> elsewhere solver units |> restore units
        | ValueNone -> descend begin' cancellation progress

    /// Solves from initial controls [T, m]; `progress` sees every round. An exception when sizes are wrong, or limits crossed.
    member _.Solve(controls: float[,], cancellation: CancellationToken, progress: Round -> unit) : ConstrainedSolution =
        Problem.check (Problem.faults problem controls)

        solve
            (fun () -> robust.Start controls)
            (fun (solver: ConstrainedOptimiser) units ->
                solver.Solve(Units.controls units controls, cancellation, round units >> progress))
            cancellation
            progress

    /// Solves from initial controls [T, m].
    member this.Solve(controls: float[,]) : ConstrainedSolution =
        this.Solve(controls, CancellationToken.None, ignore)

    /// Solves from a guess of states [T+1, n], which need not obey the dynamics, and controls [T, m].
    member _.SolveFrom
        (states: float[,], controls: float[,], cancellation: CancellationToken, progress: Round -> unit)
        : ConstrainedSolution =
        Problem.check (Problem.faults problem controls @ Problem.stateFaults problem states)

        solve
            (fun () -> robust.StartAt(states, controls))
            (fun (solver: ConstrainedOptimiser) units ->
                solver.SolveFrom(
                    Units.states units states,
                    Units.controls units controls,
                    cancellation,
                    round units >> progress
                ))
            cancellation
            progress

    /// Solves from a guess of states [T+1, n] and controls [T, m].
    member this.SolveFrom(states: float[,], controls: float[,]) : ConstrainedSolution =
        this.SolveFrom(states, controls, CancellationToken.None, ignore)

/// Problems with constraints on states and controls, by the augmented Lagrangian: rounds of iLQR on the cost with penalties, after each of
/// which λ ← λ + ρg (kept at 0 or above for g ≤ 0), ρ growing where violations fall too slowly; then, to the last digits, rounds of DDP in
/// which the active constraints are equalities and all Hessians exact. Limits of controls stay with the solver inside. Sources: Hestenes
/// (1969); Bertsekas, Constrained Optimization and Lagrange Multiplier Methods (1982); Howell, Jackson, Manchester, ALTRO (2019).
[<RequireQualifiedAccess>]
module Constrained =

    /// What the benchmarks are solved with.
    let defaults: ConstrainedOptions =
        {
            Inner =
                { Ilqr.defaults with
                    CostTolerance = 1e-9
                    GradientTolerance = 1e-7
                    MaxIterations = 300
                }
            MaxRounds = 40
            FeasibilityTolerance = 1e-8
            OptimalityTolerance = 1e-7
            FirstPenalty = 1.0
            PenaltyFactor = 10.0
            MaxPenalty = 1e9
        }

    /// A solver that can be used again from other guesses.
    let create (options: ConstrainedOptions) (problem: Problem) : ConstrainedOptimiser =
        ConstrainedOptimiser(problem, options, true)

    /// Solves from initial controls [T, m].
    let solve (options: ConstrainedOptions) (problem: Problem) (controls: float[,]) : ConstrainedSolution =
        (create options problem).Solve controls

    /// Solves from a guess of states [T+1, n], which need not obey the dynamics, and controls [T, m].
    let solveFrom
        (options: ConstrainedOptions)
        (problem: Problem)
        (states: float[,])
        (controls: float[,])
        : ConstrainedSolution =
        (create options problem).SolveFrom(states, controls)
