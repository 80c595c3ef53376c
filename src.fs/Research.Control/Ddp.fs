namespace Research.Control

/// Differential dynamic programming (Mayne 1966; Jacobson and Mayne 1970): iLQR with the second derivatives of the dynamics,
///
///     Qxx += V'x·fxx    Qux += V'x·fux    Quu += V'x·fuu,
///
/// which makes convergence quadratic near a solution. Far from one Quu may be indefinite, and the regularisation takes over.
[<RequireQualifiedAccess>]
module Ddp =

    /// The defaults of iLQR.
    let defaults = Ilqr.defaults

    /// A solver that can be used again from other controls. An exception when the dynamics have no second derivatives, or the
    /// problem has constraints beside limits.
    let create (options: Options) (problem: Problem) : TrajectoryOptimiser =
        Problem.refuseConstraints "DDP" problem

        if not problem.Dynamics.HasCurvature then
            invalidArg
                (nameof problem)
                "DDP needs the second derivatives of the dynamics, and these have none: use iLQR, or trace them"

        TrajectoryOptimiser(problem, true, options, true)

    /// Solves a problem from initial controls [T, m].
    let solve (options: Options) (problem: Problem) (controls: float[,]) : Solution =
        (create options problem).Solve controls

    /// Solves from a guess of states [T+1, n], which need not obey the dynamics, and controls [T, m]: multiple shooting.
    let solveFrom (options: Options) (problem: Problem) (states: float[,]) (controls: float[,]) : Solution =
        (create options problem).SolveFrom(states, controls)
