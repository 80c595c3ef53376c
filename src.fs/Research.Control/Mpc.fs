namespace Research.Control

open System
open System.Diagnostics
open System.Threading
open Research

/// Options of model-predictive control.
type MpcOptions =
    {
        /// of the solver inside, for the first plan and for every iteration
        Solver: Options
        /// most iterations a replan; the first of them follows the old plan's feedback from where the system is
        Iterations: int
        /// time that a replan may take: no iteration is begun after it
        Deadline: TimeSpan
        /// ρ of the penalties, where the problem has constraints: their multipliers are improved by every replan
        Penalty: float
    }

/// What one replan did.
[<Struct>]
type Replan =
    {
        /// cost of the plan, without penalties
        Cost: float
        /// largest violation of a constraint along the plan
        Feasibility: float
        /// iterations done; 0 when the old plan was all there was
        Iterations: int
        /// α of the first iteration; 0 when the old plan with its feedback was best
        Step: float
        /// true when the deadline cut iterations off
        IsLate: bool
        /// true when the state was not finite, or no rollout from it was, and the old controls stand
        IsLost: bool
        /// time from the state to the plan, in seconds
        Seconds: float
    }

/// A controller that plans ahead from where the system is, acts on the first part of the plan, and plans again from the rest of it. Keeps
/// its memory: a replan allocates nothing. One thread at a time plans: a call while another is at work is an exception.
///
/// A replan moves the old plan ahead in time, linearises about it and sweeps backward; then the state enters, and all candidates
/// u = ū + αk + K(x − x̄) are rolled out from it at once. So most of the work can be done before the state is known: `Prepare`, then `Follow`.
/// Sources: Tassa, Erez, Todorov (2012); Diehl and others, Real-time optimization and nonlinear model predictive control (2002).
[<Sealed>]
type MpcController internal (problem: Problem, options: MpcOptions) =
    let n, m, horizon =
        problem.Dynamics.StateSize, problem.Dynamics.ControlSize, problem.Horizon

    let multipliers =
        if problem.Constraints.IsEmpty then
            None
        else
            Some(Multipliers problem)

    let solver =
        match multipliers with
        | None -> TrajectoryOptimiser(problem, false, options.Solver, false)
        | Some multipliers -> TrajectoryOptimiser(multipliers.Augmented true, false, options.Solver, false)

    let workspace = solver.Workspace
    let turn = Turn "this controller"

    let augmented =
        multipliers
        |> Option.map (fun multipliers -> (multipliers.Augmented true).Signals)

    let steps = [| 1.0; 0.0; 0.5; 0.25; 0.1; 0.05; 0.01; 0.001 |]
    let mutable signals = problem.Signals
    let mutable isPrepared = false

    let send () =
        match multipliers, augmented with
        | Some multipliers, Some target ->
            multipliers.Signals(signals, target)
            workspace.SetSignals target
        | _ -> workspace.SetSignals signals

    /// Cost and feasibility of the plan.
    let judge () : struct (float * float) =
        match multipliers with
        | None -> struct (solver.Cost, 0.0)
        | Some multipliers ->
            let cost = multipliers.Evaluate workspace
            struct (cost, multipliers.LargestViolation)

    /// Better multipliers, from the last judgement.
    let learn () =
        multipliers |> Option.iter (fun multipliers -> multipliers.Update())

    let check (state: ReadOnlySpan<float>) =
        let given = state.Length

        if given <> n then
            invalidArg (nameof state) $"the model has {n} states, and got {given} numbers"

    let isFinite (state: ReadOnlySpan<float>) =
        let mutable finite = true

        for k in 0 .. state.Length - 1 do
            finite <- finite && Double.IsFinite state[k]

        finite

    /// Plans from scratch: from a state and initial controls [T, m], until convergence. An exception where sizes are wrong.
    member _.Start(state: float[], controls: float[,], cancellation: CancellationToken) : Solution =
        use _ = turn.Take()
        check (ReadOnlySpan state)

        Problem.check (
            Problem.faults
                { problem with
                    Start = state
                    Signals = signals
                }
                controls
        )

        Array.blit state 0 workspace.Start 0 n
        isPrepared <- false

        match multipliers with
        | None ->
            send ()
            solver.Start controls
            solver.Resume(cancellation, ignore)
        | Some multipliers ->
            Array.Clear multipliers.Lambda
            Array.fill multipliers.Rho 0 multipliers.Count options.Penalty
            send ()
            solver.Start controls
            let mutable solution = solver.Resume(cancellation, ignore)
            let mutable round = 1
            judge () |> ignore
            learn ()

            while round < 10 && not cancellation.IsCancellationRequested do
                send ()
                solution <- solver.Resume(cancellation, ignore)
                judge () |> ignore
                learn ()
                round <- round + 1

            { solution with
                Cost = multipliers.Evaluate workspace
            }

    /// Plans from scratch.
    member this.Start(state: float[], controls: float[,]) : Solution =
        this.Start(state, controls, CancellationToken.None)

    /// What the cost reads from now on, [T+1, signals]: row 0 belongs to the next state that comes.
    member _.Signals
        with get () = signals
        and set (value: float[,]) =
            let rows, columns = Array2D.length1 value, Array2D.length2 value

            if rows <> horizon + 1 || columns <> problem.Cost.Signals then
                invalidArg
                    (nameof value)
                    $"the signals are {rows}×{columns}; the cost reads {problem.Cost.Signals} at each of {horizon + 1} times"

            signals <- value

    /// First half of a replan, before the state is known: moves the plan ahead by as many steps as the system has made since, and sweeps.
    member _.Prepare(elapsed: int) =
        use _ = turn.Take()

        if elapsed < 0 then
            invalidArg (nameof elapsed) $"the system has made {elapsed} steps"

        if elapsed > 0 then
            workspace.Shift elapsed
            multipliers |> Option.iter (fun multipliers -> multipliers.Shift elapsed)

        send ()
        solver.Prepare() |> ignore
        isPrepared <- true

    /// Second half of a replan: from the state [n], the new plan.
    member _.Follow(state: ReadOnlySpan<float>) : Replan =
        use _ = turn.Take()
        check state

        if not isPrepared then
            invalidOp
                "a plan must be prepared before it is followed: call Start once, then Prepare and Follow, or Replan"

        let begun = Stopwatch.GetTimestamp()
        isPrepared <- false

        // no rollout from a state that is not finite, since a cost need not see what is wrong with it
        let step =
            if isFinite state then
                state.CopyTo(Span workspace.Start)
                solver.Follow steps
            else
                solver.Forget()
                nan

        let isLost = Double.IsNaN step
        let mutable count = if isLost then 0 else 1
        let mutable isLate, isDone = false, isLost

        while not isDone && count < options.Iterations do
            if Stopwatch.GetElapsedTime begun > options.Deadline then
                isLate <- true
                isDone <- true
            else
                isDone <- solver.Iterate().IsSome
                count <- count + 1

        let struct (cost, violation) = judge ()

        if not isLost then
            learn ()

        {
            Cost = if isLost then nan else cost
            Feasibility = violation
            Iterations = count
            Step = if isLost then 0.0 else step
            IsLate = isLate
            IsLost = isLost
            Seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds
        }

    /// Plans again from a state [n], as many steps after the last plan as `elapsed` says.
    member this.Replan(state: ReadOnlySpan<float>, elapsed: int) : Replan =
        let begun = Stopwatch.GetTimestamp()
        this.Prepare elapsed
        let replan = this.Follow state

        { replan with
            Seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds
        }

    /// The control [m] of the plan at a step 0, 1, … after its start, for the state [n] that the system has there: u = û + K(x − x̂), or û
    /// where that is not finite, held to the limits.
    member _.Act(step: int, state: ReadOnlySpan<float>, control: Span<float>) =
        check state
        let room = control.Length

        if room <> m then
            invalidArg (nameof control) $"the model has {m} controls, and there is room for {room}"

        let law = (min step (horizon - 1)) * workspace.LawSize
        let laws = workspace.Laws
        let limits = law + n + 2 * m + m * n

        for i in 0 .. m - 1 do
            let planned = laws[law + n + i]
            let mutable u = planned

            for k in 0 .. n - 1 do
                u <- u + laws[law + n + 2 * m + i * n + k] * (state[k] - laws[law + k])

            let u = if Double.IsFinite u then u else planned
            control[i] <- Math.Min(Math.Max(u, laws[limits + i]), laws[limits + m + i])

    /// The plan as it stands, with its gains.
    member _.Plan: Solution = solver.Current IterationLimit

/// Model-predictive control with iLQR.
[<RequireQualifiedAccess>]
module Mpc =

    /// One iteration a replan and no deadline, on one thread: a second one, which the system may take away at any moment, would hold a replan
    /// up by milliseconds.
    let defaults: MpcOptions =
        {
            Solver =
                { Ilqr.defaults with
                    FirstRegularisation = 0.0
                    Threads = 1
                }
            Iterations = 1
            Deadline = TimeSpan.MaxValue
            Penalty = 100.0
        }

    /// A controller for a problem, whose start is replaced by the states that come.
    let create (options: MpcOptions) (problem: Problem) : MpcController =
        if options.Iterations < 1 then
            invalidArg (nameof options) $"a replan needs one iteration or more, and got {options.Iterations}"

        MpcController(problem, options)
