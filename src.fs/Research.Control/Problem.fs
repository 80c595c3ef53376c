namespace Research.Control

open System
open Research

/// A finite-horizon problem of optimal control: minimise Σₜ stage(xₜ, uₜ) + terminal(x_T) over u₀ … u_{T−1}, with xₜ₊₁ = f(xₜ, uₜ) and
/// x₀ given.
type Problem =
    {
        Dynamics: Dynamics
        Cost: Cost
        /// T, the number of controls
        Horizon: int
        /// x₀ [n]
        Start: float[]
        /// lower and upper limits of the controls, [m] each; infinite where there is none
        Limits: (float[] * float[]) option
        /// what the cost reads besides state and control, one row a step and one for the end: [T+1, signals]
        Signals: float[,]
        /// constraints beside the dynamics and the limits: for `Constrained`
        Constraints: Constraint list
    }

/// Why a solver stopped.
type Status =
    /// the feed-forward terms are all but zero: a stationary point
    | ConvergedByGradient
    /// the last step, hardly regularised, changed the cost by less than the tolerance, and a whole one promised no more
    | ConvergedByCost
    | IterationLimit
    /// no regularisation up to its limit gave a step that lowers the cost
    | RegularisationLimit
    /// steps hardly change the cost any more, and yet the solution is not near: what was reached
    | Stalled of reason: string
    /// the model gave NaN or infinity where the solver had to start
    | Diverged of reason: string
    /// constraints are still violated though their penalties reached the limit: which, where, and by how much
    | Infeasible of reason: string
    /// stopped by the caller; the trajectory is the best found so far
    | Cancelled

    /// True of both ways to converge.
    member status.IsConverged =
        match status with
        | ConvergedByGradient
        | ConvergedByCost -> true
        | _ -> false

/// What one iteration of a solver did.
[<Struct>]
type Iteration =
    {
        Number: int
        /// cost after the iteration
        Cost: float
        /// largest gap |f(x, u) − x'| that is left in the trajectory
        Gap: float
        /// mean over the steps of max |k|/(|u|+1)
        Gradient: float
        /// μ used in the backward pass
        Regularisation: float
        /// α of the accepted step; 0 when none was accepted
        Step: float
        /// change of cost as a share of what the quadratic model promised
        Ratio: float
        /// time of the whole iteration, in seconds
        Seconds: float
    }

/// A solution, or the best found before the solver stopped.
type Solution =
    {
        Status: Status
        Cost: float
        /// largest gap |f(x, u) − x'|: 0 unless a guess of states was given and its gaps could not be closed
        Gap: float
        /// states [T+1, n]
        X: float[,]
        /// controls [T, m]
        U: float[,]
        /// feedback gains [T][m, n] of u = ū + K (x − x̄)
        Gains: float[,][]
        /// gradient and Hessian of the value function at the start, [n] and [n, n]
        ValueGradient: float[]
        ValueHessian: float[,]
        Iterations: Iteration[]
        /// time to trace, derive and compile, in seconds
        CompileSeconds: float
        /// time to solve, in seconds
        SolveSeconds: float
    }

    /// The feedback law about the solution: u = ū + K (x − x̄).
    member solution.Policy: Policy = Policy.feedback solution.X solution.U solution.Gains

/// Statements of problems, and what is wrong with them.
[<RequireQualifiedAccess>]
module Problem =

    /// More steps are taken for a mistake: their numbers would fill any memory.
    let mostSteps = 10_000_000

    /// A problem without limits, signals or constraints. An exception where the horizon is below 1 or above `mostSteps`, or
    /// the cost reads a state, control or signal that is not there.
    let create (dynamics: Dynamics) (cost: Cost) (horizon: int) (start: float[]) : Problem =
        if horizon < 1 || horizon > mostSteps then
            invalidArg (nameof horizon) $"the horizon is {horizon}; it must be 1 to {mostSteps} steps"

        let n, m = dynamics.StateSize, dynamics.ControlSize

        let atStage, atEnd =
            [ "s", cost.Signals; "x", n; "u", m ], [ "s", cost.Signals; "x", n ]

        Signature.trace "the stage cost" atStage (fun given -> [| cost.AtStage given[0] given[1] given[2] |])
        |> ignore

        Signature.trace "the terminal cost" atEnd (fun given -> [| cost.AtEnd given[0] given[1] |])
        |> ignore

        {
            Dynamics = dynamics
            Cost = cost
            Horizon = horizon
            Start = start
            Limits = None
            Signals = Array2D.zeroCreate (horizon + 1) 0
            Constraints = []
        }

    /// The problem with limits on its controls.
    let withLimits (lower: float[]) (upper: float[]) (problem: Problem) : Problem =
        { problem with
            Limits = Some(lower, upper)
        }

    /// The problem with more constraints. An exception where one reads a state, control or signal that is not there.
    let withConstraints (constraints: Constraint list) (problem: Problem) : Problem =
        let n, m, own =
            problem.Dynamics.StateSize, problem.Dynamics.ControlSize, problem.Cost.Signals

        for given in constraints do
            let what = $"the constraint '{given.Name}'"

            Signature.trace what [ "s", own; "x", n; "u", m ] (fun v -> given.Stage v[0] v[1] v[2])
            |> ignore

            Signature.trace what [ "s", own; "x", n ] (fun v -> given.Terminal v[0] v[1])
            |> ignore

        { problem with
            Constraints = problem.Constraints @ constraints
        }

    let internal refuseConstraints (solver: string) (problem: Problem) =
        if not problem.Constraints.IsEmpty then
            let names = problem.Constraints |> List.map _.Name |> String.concat ", "

            invalidArg
                (nameof problem)
                $"{solver} knows limits of controls, and this problem has other constraints ({names}): use Constrained, or add a penalty on them to the cost"

    /// What is wrong with a problem and with initial controls [T, m] for it, in words; empty when nothing is.
    let faults (problem: Problem) (controls: float[,]) : string list =
        let n, m = problem.Dynamics.StateSize, problem.Dynamics.ControlSize

        let isFinite (numbers: Collections.IEnumerable) =
            numbers |> Seq.cast<float> |> Seq.forall Double.IsFinite

        [
            if problem.Horizon < 1 then
                $"the horizon is {problem.Horizon}; it must be 1 step or more"
            if problem.Start.Length <> n then
                $"the start has {problem.Start.Length} numbers; the dynamics have {n} states"
            if not (isFinite problem.Start) then
                "the start holds a number that is not finite"
            if Array2D.length1 controls <> problem.Horizon || Array2D.length2 controls <> m then
                $"the initial controls are {Array2D.length1 controls}×{Array2D.length2 controls}; {problem.Horizon} steps of {m} controls are needed"
            if not (isFinite controls) then
                "the initial controls hold a number that is not finite"
            if
                Array2D.length1 problem.Signals <> problem.Horizon + 1
                || Array2D.length2 problem.Signals <> problem.Cost.Signals
            then
                $"the signals are {Array2D.length1 problem.Signals}×{Array2D.length2 problem.Signals}; the cost reads {problem.Cost.Signals} at each of {problem.Horizon + 1} times"
            match problem.Limits with
            | None -> ()
            | Some(lower, upper) when lower.Length <> m || upper.Length <> m ->
                $"the limits have {lower.Length} and {upper.Length} numbers; the dynamics have {m} controls"
            | Some(lower, upper) ->
                for i in 0 .. m - 1 do
                    if not (lower[i] <= upper[i]) then
                        $"the limits of control {i} are crossed: {lower[i]} to {upper[i]}"
                    elif Double.IsPositiveInfinity lower[i] || Double.IsNegativeInfinity upper[i] then
                        $"the limits of control {i} leave no number: {lower[i]} to {upper[i]}"
        ]

    /// What is wrong with a guess of states [T+1, n], in words; empty when nothing is.
    let stateFaults (problem: Problem) (states: float[,]) : string list =
        let rows, columns = Array2D.length1 states, Array2D.length2 states
        let n = problem.Dynamics.StateSize

        [
            if rows <> problem.Horizon + 1 || columns <> n then
                $"the guessed states are {rows}×{columns}; {problem.Horizon + 1} times of {n} states are needed"
            if not (states |> Seq.cast<float> |> Seq.forall Double.IsFinite) then
                "the guessed states hold a number that is not finite"
        ]

    let internal check (faults: string list) =
        if not faults.IsEmpty then
            invalidArg "problem" ("the problem cannot be solved: " + String.concat "; " faults)
