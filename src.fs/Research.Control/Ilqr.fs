namespace Research.Control

/// The iterative linear-quadratic regulator (Li and Todorov 2004; Tassa, Erez, Todorov 2012), with box-constrained controls as of Tassa,
/// Mansard and Todorov (2014). Along the current trajectory the dynamics are linear and the cost quadratic:
///
///     Qx  = lx + fxᵀ V'x            Qxx = lxx + fxᵀ V'xx fx
///     Qu  = lu + fuᵀ V'x            Quu = luu + fuᵀ (V'xx + μI) fu
///     k   = −Quu⁻¹ Qu               K   = −Quu⁻¹ Qux
///
/// and the next trajectory is that of u = ū + αk + K(x − x̄).
[<RequireQualifiedAccess>]
module Ilqr =

    /// Options of the 2014 release of Tassa's package, with regularisation in state space and more iterations: that package stops where a step
    /// changes the cost by little, though it be regularisation that made the step small.
    let defaults: Options =
        {
            MaxIterations = 5000
            CostTolerance = 1e-7
            GradientTolerance = 1e-4
            Regularisation = StateSpace
            FirstRegularisation = 1.0
            RegularisationFactor = 1.6
            MinRegularisation = 1e-6
            MaxRegularisation = 1e10
            Steps = Array.init 11 (fun i -> 10.0 ** (-0.3 * float i))
            AcceptRatio = 0.0
            Threads = 0
        }

    /// A solver that can be used again from other controls. An exception when the problem has constraints beside limits.
    let create (options: Options) (problem: Problem) : TrajectoryOptimiser =
        Problem.refuseConstraints "iLQR" problem
        TrajectoryOptimiser(problem, false, options, true)

    /// Solves a problem from initial controls [T, m].
    let solve (options: Options) (problem: Problem) (controls: float[,]) : Solution =
        (create options problem).Solve controls

    /// Solves from a guess of states [T+1, n], which need not obey the dynamics, and controls [T, m]: multiple shooting.
    let solveFrom (options: Options) (problem: Problem) (states: float[,]) (controls: float[,]) : Solution =
        (create options problem).SolveFrom(states, controls)
