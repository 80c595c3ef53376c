namespace Research.Control

open System
open System.Threading
open Research

/// A problem whose model and cost read parameters θ [p].
type ParametricProblem =
    {
        Parameters: int
        StateSize: int
        ControlSize: int
        /// f θ x u
        Dynamics: Vec -> Vec -> Vec -> Vec
        /// the cost at θ
        Cost: Vec -> Cost
        Horizon: int
        /// lower and upper limits of the controls, if any
        Limits: (float[] * float[]) option
        /// what the cost reads: [T+1, signals]
        Signals: float[,]
    }

/// A solution, and how it changes with the parameters and with the start.
type Sensitivities =
    {
        Solution: Solution
        /// dJ*/dθ and d²J*/dθ², [p] and [p, p]
        CostGradient: float[]
        CostHessian: float[,]
        /// dU/dθ of every step: [T][m, p]
        Controls: float[,][]
        /// dX/dθ of every time: [T+1][n, p]
        States: float[,][]
        /// dU/dx₀ of every step: [T][m, n]
        ControlsByStart: float[,][]
        /// dX/dx₀ of every time: [T+1][n, n]
        StatesByStart: float[,][]
    }

/// Differentiable solutions: θ and x₀ in, optimal trajectory and its derivatives out, again and again without compiling anew. Not
/// thread-safe.
///
/// The parameters are states that stay as they are, [x; θ]' = [f(θ, x, u); θ]. So the gains of the converged DDP recursion say how controls
/// answer to them, u = ū + Kx δx + Kθ δθ, and rolled out along the linear model they give dX/dθ and dU/dθ: the implicit function theorem
/// through the Riccati factors (Amos and others, Differentiable MPC for End-to-end Planning and Control, 2018). The value function of the
/// start holds dJ*/dθ and d²J*/dθ². A limit that holds a control has derivative 0.
[<Sealed>]
type SensitivitySolver internal (problem: ParametricProblem) =
    let n, m, p, horizon =
        problem.StateSize, problem.ControlSize, problem.Parameters, problem.Horizon

    let size = n + p
    let split (x: Vec) = Array.splitAt n x

    let dynamics =
        Dynamics.ofTraced size m (fun x u ->
            let x, theta = split x
            Array.append (problem.Dynamics theta x u) theta)

    let cost exact =
        let at (x: Vec) =
            let x, theta = split x
            problem.Cost theta, x

        let whole (f: Cost -> Vec -> 'a) (x: Vec) : 'a = at x ||> f

        {
            Signals = (problem.Cost(Array.create p Real.Zero)).Signals
            Stage = fun s x u -> whole (fun cost x -> if exact then cost.AtStage s x u else cost.Stage s x u) x
            Terminal = fun s x -> whole (fun cost x -> if exact then cost.AtEnd s x else cost.Terminal s x) x
            StageResiduals =
                fun s x u ->
                    if exact then
                        [||]
                    else
                        whole (fun cost x -> cost.StageResiduals s x u) x
            TerminalResiduals =
                fun s x ->
                    if exact then
                        [||]
                    else
                        whole (fun cost x -> cost.TerminalResiduals s x) x
        }

    let augmented exact =
        {
            Dynamics = dynamics
            Cost = cost exact
            Horizon = horizon
            Start = Array.zeroCreate size
            Limits = problem.Limits
            Signals = problem.Signals
            Constraints = []
        }

    let rough =
        TrajectoryOptimiser(
            augmented false,
            false,
            { Ilqr.defaults with
                CostTolerance = 1e-6
            },
            false
        )

    let exact =
        TrajectoryOptimiser(
            augmented true,
            true,
            { Ilqr.defaults with
                FirstRegularisation = 0.0
                CostTolerance = 0.0
                GradientTolerance = 1e-11
                MaxIterations = 100
                RegularisationFactor = 10.0
                MaxRegularisation = 1e6
            },
            false
        )

    /// Solves at parameters θ [p] from a start [n] and initial controls [T, m]. An error when the solver stopped short of a strict minimum,
    /// and an exception when sizes are wrong.
    member _.Solve
        (theta: float[], start: float[], controls: float[,], cancellation: CancellationToken)
        : Result<Sensitivities, Status> =
        if theta.Length <> p || start.Length <> n then
            invalidArg
                (nameof theta)
                $"the problem has {p} parameters and {n} states, and got {theta.Length} and {start.Length} numbers"

        let together = Array.append start theta

        Problem.check (
            Problem.faults
                { augmented false with
                    Start = together
                }
                controls
        )

        for solver in [ rough; exact ] do
            Array.blit together 0 solver.Workspace.Start 0 size
            solver.Workspace.SetSignals problem.Signals

        rough.Start controls
        let first = rough.Resume(cancellation, ignore)

        if not first.Status.IsConverged then
            Error first.Status
        else
            exact.Start first.U
            let last = exact.Resume(cancellation, ignore)

            match last.Status, exact.SweepUnregularised() with
            | (Cancelled | Diverged _), _ -> Error last.Status
            | _, ValueSome fault -> Error fault
            | _, ValueNone ->
                let workspace = exact.Workspace
                let solution = exact.Current ConvergedByGradient
                let model = workspace.Model

                // δx' = A δx + B δu and δu = K δx, for unit changes of the whole start [x₀; θ]
                let states = Array.zeroCreate<float[,]>(horizon + 1)
                let inputs = Array.zeroCreate<float[,]> horizon
                states[0] <- Array2D.init size size (fun i j -> if i = j then 1.0 else 0.0)

                let product (a: int -> int -> float) rows inner (b: float[,]) =
                    Array2D.init rows size (fun i j ->
                        let mutable sum = 0.0

                        for k in 0 .. inner - 1 do
                            sum <- sum + a i k * b[k, j]

                        sum)

                for t in 0 .. horizon - 1 do
                    let fx = t * workspace.ModelSize
                    let fu = fx + size * size
                    inputs[t] <- product (fun i k -> solution.Gains[t].[i, k]) m size states[t]
                    let ahead = product (fun i k -> model[fx + i * size + k]) size size states[t]
                    let pushed = product (fun i k -> model[fu + i * m + k]) size m inputs[t]
                    states[t + 1] <- Array2D.init size size (fun i j -> ahead[i, j] + pushed[i, j])

                Ok
                    {
                        Solution =
                            { solution with
                                X = solution.X[*, .. n - 1]
                                Gains = solution.Gains |> Array.map (fun gain -> gain[*, .. n - 1])
                                ValueGradient = solution.ValueGradient[.. n - 1]
                                ValueHessian = solution.ValueHessian[.. n - 1, .. n - 1]
                                CompileSeconds = rough.CompileSeconds + exact.CompileSeconds
                                SolveSeconds = first.SolveSeconds + last.SolveSeconds
                            }
                        CostGradient = solution.ValueGradient[n..]
                        CostHessian = solution.ValueHessian[n.., n..]
                        Controls = inputs |> Array.map (fun change -> change[*, n..])
                        States = states |> Array.map (fun change -> change[.. n - 1, n..])
                        ControlsByStart = inputs |> Array.map (fun change -> change[*, .. n - 1])
                        StatesByStart = states |> Array.map (fun change -> change[.. n - 1, .. n - 1])
                    }

    /// Solves at parameters θ [p] from a start [n] and initial controls [T, m].
    member this.Solve(theta: float[], start: float[], controls: float[,]) : Result<Sensitivities, Status> =
        this.Solve(theta, start, controls, CancellationToken.None)

/// Sensitivities of optimal trajectories.
[<RequireQualifiedAccess>]
module Sensitivity =

    /// A problem without limits or signals: dynamics f θ x u of n states, m controls and p parameters, and the cost at θ.
    let problem
        (p: int)
        (n: int)
        (m: int)
        (dynamics: Vec -> Vec -> Vec -> Vec)
        (cost: Vec -> Cost)
        (horizon: int)
        : ParametricProblem =
        {
            Parameters = p
            StateSize = n
            ControlSize = m
            Dynamics = dynamics
            Cost = cost
            Horizon = horizon
            Limits = None
            Signals = Array2D.zeroCreate (horizon + 1) 0
        }

    /// A solver for any parameters and starts.
    let create (problem: ParametricProblem) : SensitivitySolver = SensitivitySolver problem
