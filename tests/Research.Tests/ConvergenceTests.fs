/// A status is a promise: what it says holds when it is computed anew.
module Research.Tests.ConvergenceTests

#nowarn "3391" // numbers stand for constants of a graph

open System
open System.Threading.Tasks
open Expecto
open Research
open Research.Control
open Research.Environments
open Research.Tests.Generators

let private still (problem: Problem) =
    Array2D.zeroCreate problem.Horizon problem.Dynamics.ControlSize

let private square (x: Real) = x * x

/// Cost of controls, and its gradient by them, from a rollout and its costates of one's own; and the sizes that the gradient is made of.
let private recompute (problem: Problem) (u: float[,]) =
    let n, m, horizon =
        problem.Dynamics.StateSize, problem.Dynamics.ControlSize, problem.Horizon

    let x, _ =
        Policy.simulate problem.Dynamics (Policy.openLoop n u) horizon problem.Start

    let signals t = Vec.ofFloats problem.Signals[t, *]
    let last = Vec.ofFloats x[horizon, *]
    let mutable cost = Trace.number (problem.Cost.AtEnd (signals horizon) last)

    let mutable p =
        Diff.grad (problem.Cost.AtEnd(signals horizon)) last |> Array.map Trace.number

    let gradient, sizes = Array2D.zeroCreate horizon m, Array2D.zeroCreate horizon m

    for t in horizon - 1 .. -1 .. 0 do
        let z = Array.append x[t, *] u[t, *]

        let stage (z: Vec) =
            problem.Cost.AtStage (signals t) z[.. n - 1] z[n..]

        cost <- cost + Trace.number (stage (Vec.ofFloats z))
        let l = Diff.grad stage (Vec.ofFloats z) |> Array.map Trace.number
        let jacobian = Array.zeroCreate (n * (n + m))
        problem.Dynamics.Linearise(ReadOnlySpan z, Span jacobian, 1)

        let through j =
            Seq.init n (fun i -> jacobian[i * (n + m) + j] * p[i])

        for j in 0 .. m - 1 do
            gradient[t, j] <- l[n + j] + Seq.sum (through (n + j))
            sizes[t, j] <- abs l[n + j] + Seq.sumBy abs (through (n + j))

        p <- Array.init n (fun j -> l[j] + Seq.sum (through j))

    cost, gradient, sizes

/// How far the cost falls along its negative gradient, by steps of up to 3 % of the controls, held to the limits: next to nothing at a solution, whatever the
/// units and the curvature.
let private descent (problem: Problem) (u: float[,]) =
    let cost, gradient, _ = recompute problem u

    let held (steps: float) =
        u
        |> Array2D.mapi (fun t j value ->
            let moved = value - steps * gradient[t, j]

            match problem.Limits with
            | Some(lower, upper) -> Math.Clamp(moved, lower[j], upper[j])
            | None -> moved)

    let size = gradient |> Seq.cast<float> |> Seq.sumBy (fun g -> g * g) |> sqrt
    let length = u |> Seq.cast<float> |> Seq.sumBy (fun v -> v * v) |> sqrt

    if size = 0.0 then
        0.0
    else
        Seq.init 40 (fun k ->
            let other, _, _ = recompute problem (held (length / size * 2.0 ** float (-5 - k)))
            cost - other)
        |> Seq.filter Double.IsFinite
        |> Seq.fold max 0.0

let private ramp (scale: float) =
    let dynamics = Dynamics.ofTraced 1 1 (fun x u -> [| x[0] + scale * u[0] |])

    let cost =
        Cost.create (fun x u -> 0.1 * square u[0] + square (x[0] / scale)) (fun x -> square (x[0] / scale))

    Problem.create dynamics cost 10 [| 5.0 * scale |]

/// A problem in other units: states, controls and cost times factors.
let private inUnits (x: float) (u: float) (c: float) (problem: Problem) : Problem =
    let f = problem.Dynamics.Traced.Value
    let n, m = problem.Dynamics.StateSize, problem.Dynamics.ControlSize
    let own (unit: float) (v: Vec) = Array.map (fun (e: Real) -> e / unit) v

    { problem with
        Dynamics = Dynamics.ofTraced n m (fun s v -> f (own x s) (own u v) |> Array.map (fun e -> e * x))
        Cost =
            Cost.withSignals
                problem.Cost.Signals
                (fun signals s v -> c * problem.Cost.AtStage signals (own x s) (own u v))
                (fun signals s -> c * problem.Cost.AtEnd signals (own x s))
        Start = Array.map ((*) x) problem.Start
        Limits =
            problem.Limits
            |> Option.map (fun (lower, upper) -> Array.map ((*) u) lower, Array.map ((*) u) upper)
        Constraints =
            problem.Constraints
            |> List.map (fun given ->
                { given with
                    Stage = fun signals s v -> given.Stage signals (own x s) (own u v)
                    Terminal = fun signals s -> given.Terminal signals (own x s)
                })
    }

let private timesConstraints (factor: float) (problem: Problem) : Problem =
    { problem with
        Constraints =
            problem.Constraints
            |> List.map (fun given ->
                { given with
                    Stage = fun s x u -> given.Stage s x u |> Vec.scale factor
                    Terminal = fun s x -> given.Terminal s x |> Vec.scale factor
                })
    }

let private integrator =
    Dynamics.ofTraced 2 1 (DoubleIntegrator.step (Real.constant 0.1))

/// to x = 1 from rest, past a wall at 0.5; cost 12.5175864 by SLSQP of SciPy 1.10
let private wall =
    Problem.create
        integrator
        (Cost.create (fun _ u -> 0.05 * square u[0]) (fun x -> 50.0 * square (x[0] - 1.0) + square x[1]))
        40
        [| 0.0; 0.0 |]
    |> Problem.withConstraints [ Constraint.state "wall" (fun x -> [| x[0] - 0.5 |]) ]

let private pendulum =
    let goal = Vec.ofFloats [ Math.PI; 0.0 ]

    let dynamics =
        Dynamics.ofTraced 2 1 (Integrator.rk4 (Real.constant 0.05) Pendulum.ode)

    let stage (x: Vec) (u: Vec) =
        0.05 * (Cost.quadratic [| 1.0; 0.1 |] goal x + 0.05 * square u[0])

    Problem.create dynamics (Cost.create stage (Cost.quadratic [| 20.0; 2.0 |] goal)) 40 [| 0.5; 0.0 |]
    |> Problem.withLimits [| -6.0 |] [| 6.0 |]

let private solvers: (string * (Problem -> float[,] -> Solution)) list =
    [ "iLQR", Ilqr.solve Ilqr.defaults; "DDP", Ddp.solve Ddp.defaults ]

[<Tests>]
let tests =
    testList
        "Convergence"
        [
            for name, solve in solvers do
                test $"{name}: a damped step that changes little is no convergence" {
                    let optimum = (solve (ramp 1.0) (still (ramp 1.0))).Cost

                    for scale in [ 1.0; 1e3; 1e6; 1e9; 1e-6; 1e-9 ] do
                        let problem = ramp scale
                        let solution = solve problem (still problem)
                        Expect.isTrue solution.Status.IsConverged $"{scale}: {solution.Status}"
                        Expect.floatClose Accuracy.high solution.Cost optimum $"{scale}"

                    // the golden value of the same quadratic programme
                    Expect.floatClose Accuracy.medium optimum 27.2902 "optimum"
                }

                test $"{name}: a problem in other units takes the same iterations" {
                    let isSame (a: Solution) (b: Solution) x u c message =
                        Expect.equal b.Iterations.Length a.Iterations.Length $"{message}: iterations"
                        Expect.equal b.Status a.Status $"{message}: status"
                        Expect.floatClose Accuracy.high (b.Cost / c) a.Cost $"{message}: cost"

                        for t in 0 .. Array2D.length1 a.U - 1 do
                            for i in 0 .. Array2D.length2 a.U - 1 do
                                Expect.floatClose Accuracy.medium (b.U[t, i] / u) a.U[t, i] $"{message}: control {t}"

                            for i in 0 .. Array2D.length2 a.X - 1 do
                                Expect.floatClose Accuracy.medium (b.X[t, i] / x) a.X[t, i] $"{message}: state {t}"

                    for problem in [ ramp 1.0; pendulum; CartPole.environment.Problem ] do
                        let first = still problem
                        let plain = solve problem first

                        for factor in [ 1e-9; 1e9 ] do
                            for x, u, c in
                                [
                                    factor, 1.0, 1.0
                                    1.0, factor, 1.0
                                    1.0, 1.0, factor
                                    factor, 1.0 / factor, factor
                                ] do
                                let scaled = inUnits x u c problem
                                let solution = solve scaled (Array2D.map ((*) u) first)
                                isSame plain solution x u c $"states {x}, controls {u}, cost {c}"
                }

                test $"{name}: at the edge of its domain the cost stalls, and says so" {
                    let dynamics = Dynamics.ofTraced 2 1 (DoubleIntegrator.step (Real.constant 0.1))

                    let cost =
                        Cost.create (fun x u -> 0.0 * log (1.0 - x[0]) + square u[0]) (fun x ->
                            100.0 * square (x[0] - 2.0))

                    let problem = Problem.create dynamics cost 20 [| 0.0; 0.0 |]
                    let solution = solve problem (still problem)

                    Expect.isFalse solution.Status.IsConverged $"{solution.Status}"
                }

            test "a first regularisation without end is refused" {
                let options =
                    { Ilqr.defaults with
                        FirstRegularisation = infinity
                    }

                Expect.throwsT<ArgumentException> (fun () -> Ilqr.create options (ramp 1.0) |> ignore) "options"
            }

            test "options without meaning are refused by name" {
                let d = Ilqr.defaults

                for name, options in
                    [
                        "Steps", { d with Steps = [||] }
                        "Steps", { d with Steps = [| 0.0 |] }
                        "Steps", { d with Steps = [| 1.0; -1.0 |] }
                        "Steps", { d with Steps = [| nan |] }
                        "AcceptRatio", { d with AcceptRatio = nan }
                        "AcceptRatio", { d with AcceptRatio = 2.0 }
                        "FirstRegularisation", { d with FirstRegularisation = nan }
                        "RegularisationFactor", { d with RegularisationFactor = 0.5 }
                        "MaxIterations", { d with MaxIterations = -1 }
                        "CostTolerance", { d with CostTolerance = nan }
                        "GradientTolerance", { d with GradientTolerance = -1.0 }
                    ] do
                    let fault = Expect.throwsC (fun () -> Ilqr.create options pendulum |> ignore) id

                    Expect.stringContains fault.Message name "which"

                    let fault =
                        Expect.throwsC
                            (fun () ->
                                Constrained.create
                                    { Constrained.defaults with
                                        Inner = options
                                    }
                                    wall
                                |> ignore)
                            id

                    Expect.stringContains fault.Message name "which, inside"

                let c = Constrained.defaults

                for name, options in
                    [
                        "FirstPenalty", { c with FirstPenalty = nan }
                        "FirstPenalty", { c with FirstPenalty = -1.0 }
                        "MaxRounds", { c with MaxRounds = -1 }
                        "PenaltyFactor", { c with PenaltyFactor = 1.0 }
                        "FeasibilityTolerance", { c with FeasibilityTolerance = nan }
                    ] do
                    let fault = Expect.throwsC (fun () -> Constrained.create options wall |> ignore) id
                    Expect.stringContains fault.Message name "which"
            }

            test "horizons and limits without meaning are refused where they are stated" {
                for horizon in [ -5; 0; Int32.MaxValue ] do
                    let fault =
                        Expect.throwsC
                            (fun () -> Problem.create integrator wall.Cost horizon [| 0.0; 0.0 |] |> ignore)
                            id

                    Expect.stringContains fault.Message $"the horizon is {horizon}" "message"

                let fault =
                    Expect.throwsC
                        (fun () ->
                            let problem = pendulum |> Problem.withLimits [| infinity |] [| infinity |]
                            Ilqr.solve Ilqr.defaults problem (still problem) |> ignore)
                        id

                Expect.stringContains fault.Message "control 0" "limits"
            }

            test "as many iterations as there are numbers take no memory at first" {
                let options =
                    { Ilqr.defaults with
                        MaxIterations = Int32.MaxValue
                    }

                Expect.isTrue (Ilqr.solve options pendulum (still pendulum)).Status.IsConverged "status"
            }

            test "what diverged, and where" {
                let reason dynamics cost start =
                    let problem = Problem.create dynamics cost 10 start

                    match (Ilqr.solve Ilqr.defaults problem (Array2D.create 10 1 0.1)).Status with
                    | Diverged reason -> reason
                    | other -> failtest $"{other}"

                let stage (x: Vec) (u: Vec) = square x[0] + square u[0]
                let line = Dynamics.ofTraced 1 1 (fun x u -> [| x[0] + u[0] |])

                let at =
                    [
                        reason
                            (Dynamics.ofTraced 1 1 (fun x u -> [| sqrt (0.25 - x[0]) + u[0] |]))
                            (Cost.create stage (fun x -> square x[0]))
                            [| 0.0 |],
                        "x[0] = NaN after step 1"
                        reason
                            line
                            (Cost.create (fun x u -> stage x u + log (0.45 - x[0])) (fun _ -> Real.Zero))
                            [| 0.0 |],
                        "stage cost of NaN at step 5"
                        reason line (Cost.create stage (fun x -> log (0.5 - x[0]))) [| 0.0 |], "terminal cost of NaN"
                        reason
                            line
                            (Cost.create (fun x u -> stage x u + sqrt (abs (x[0] - 0.1))) (fun _ -> Real.Zero))
                            [| 0.0 |],
                        "the derivative of the stage cost by x[0] is NaN at step 1"
                    ]

                for reason, expected in at do
                    Expect.stringContains reason expected "reason"
            }

            test "a solver at work in one thread refuses another" {
                let solver = Ilqr.create Ilqr.defaults pendulum
                let expected = solver.Solve(still pendulum)
                let mutable refused = 0

                let solution =
                    solver.Solve(
                        still pendulum,
                        Threading.CancellationToken.None,
                        fun _ ->
                            Task
                                .Run(fun () ->
                                    try
                                        solver.Solve(still pendulum) |> ignore
                                    with :? InvalidOperationException ->
                                        refused <- refused + 1)
                                .Wait()
                    )

                Expect.equal refused solution.Iterations.Length "every call in between"
                Expect.equal solution.U expected.U "the solution is not disturbed"
                Expect.equal (solver.Solve(still pendulum)).U expected.U "and the solver can be used again"
            }

            test "constraints in other units have the same solution" {
                let plain = Constrained.solve Constrained.defaults wall (still wall)
                Expect.isTrue plain.Status.IsConverged $"{plain.Status}"
                Expect.floatClose Accuracy.medium plain.Solution.Cost 12.5175864 "cost"

                for factor in [ 1e-9; 1e-4; 1e4; 1e6; 1e7; 1e9; 1e10 ] do
                    let problem = timesConstraints factor wall
                    let solution = Constrained.solve Constrained.defaults problem (still problem)
                    Expect.isTrue solution.Status.IsConverged $"{factor}: {solution.Status}"
                    Expect.isLessThan (abs (solution.Solution.Cost - plain.Solution.Cost)) 1e-5 $"{factor}: cost"

                    if factor = 1e-9 || factor = 1e9 then
                        Expect.equal solution.Rounds.Length plain.Rounds.Length $"{factor}: rounds"

                for x, u, c in
                    [
                        1e9, 1.0, 1.0
                        1e-9, 1.0, 1.0
                        1.0, 1e9, 1.0
                        1.0, 1e-9, 1.0
                        1.0, 1.0, 1e9
                        1.0, 1.0, 1e-9
                    ] do
                    let problem = inUnits x u c wall
                    let solution = Constrained.solve Constrained.defaults problem (still problem)
                    let what = $"states {x}, controls {u}, cost {c}"
                    Expect.equal solution.Status plain.Status what
                    Expect.equal solution.Rounds.Length plain.Rounds.Length $"{what}: rounds"
                    Expect.floatClose Accuracy.high (solution.Solution.Cost / c) plain.Solution.Cost $"{what}: cost"

                    for t in 0 .. wall.Horizon - 1 do
                        Expect.floatClose
                            Accuracy.medium
                            (solution.Multipliers[t, 0] / c)
                            plain.Multipliers[t, 0]
                            $"{what}: multiplier {t}"
            }

            test "a cost without end is no solution" {
                let dynamics = Dynamics.ofTraced 1 1 (fun x u -> [| x[0] + u[0] |])

                let problem =
                    Problem.create dynamics (Cost.create (fun _ u -> u[0]) (fun _ -> Real.Zero)) 10 [| 0.0 |]

                for constraints in [ []; [ Constraint.state "far" (fun x -> [| x[0] - 1e30 |]) ] ] do
                    let problem = problem |> Problem.withConstraints constraints
                    let solution = Constrained.solve Constrained.defaults problem (still problem)
                    Expect.isFalse solution.Status.IsConverged $"{solution.Status}"
            }

            test "feasibility alone is no solution" {
                let solve stage terminal =
                    let problem =
                        { wall with
                            Cost = Cost.create stage terminal
                        }

                    let solution = Constrained.solve Constrained.defaults problem (still problem)

                    if solution.Status.IsConverged then
                        Expect.isLessThan solution.Optimality 1e-3 $"{solution.Status}"

                solve (fun x u -> abs (x[0] - 0.3) + 0.05 * square u[0]) (fun x -> square x[1])
                solve (fun _ u -> abs u[0]) (fun x -> 50.0 * square (x[0] - 1.0) + square x[1])
                solve (fun _ u -> 0.05 * square u[0]) (fun x -> -(square x[0]) + square (square x[0]))
            }

            testList
                "fuzz"
                [
                    for kind in [ "free"; "limited"; "constrained" ] do
                        test $"what converged is stationary: {kind}" {
                            let random = Random(Fuzz.seed + kind.Length)
                            let mutable converged = 0
                            let count = Fuzz.cases 60

                            for case in 1..count do
                                let n, m = random.Whole(1, 3), random.Whole(1, 2)
                                let a, b = scaled 0.6 (random.Matrix(n, n)), random.Matrix(n, m)
                                let bend = random.Matrix(n, n)
                                let w = random.Positive(n, 0.1)
                                let r = random.Positive(m, 0.1)
                                let unit = 10.0 ** float (random.Whole(-6, 6))
                                let shape = random.Whole(0, 5)

                                let f (x: Vec) (u: Vec) =
                                    let linear = Vec.add (Mat.mulVec (Mat.ofFloats a) x) (Mat.mulVec (Mat.ofFloats b) u)

                                    match shape with
                                    | 0 -> linear
                                    | 1 -> Vec.add linear (Array.map sin (Mat.mulVec (Mat.ofFloats bend) x))
                                    | 2 -> Array.map tanh linear
                                    | _ -> Vec.add linear (Mat.mulVec (Mat.ofFloats bend) (Array.map Real.softplus x))

                                let stage (x: Vec) (u: Vec) =
                                    let plain = Cost.quadraticForm r u + 0.1 * Cost.quadraticForm w x

                                    match shape with
                                    | 3 -> plain + Vec.sum (Array.map abs u)
                                    | 4 -> plain - 0.3 * Vec.squaredNorm u
                                    | 5 -> plain + 0.1 * sqrt (1.0 + x[0])
                                    | _ -> plain

                                let problem =
                                    Problem.create
                                        (Dynamics.ofTraced n m f)
                                        (Cost.create stage (Cost.quadraticForm w))
                                        (random.Whole(2, 12))
                                        (random.Vector n)

                                let problem =
                                    match kind with
                                    | "free" -> problem
                                    | "limited" ->
                                        problem |> Problem.withLimits (Array.create m -0.3) (Array.create m 0.4)
                                    | _ ->
                                        problem
                                        |> Problem.withConstraints
                                            [ Constraint.state "bound" (fun x -> [| x[0] - 0.5; -1.5 - x[0] |]) ]

                                let problem = inUnits unit (1.0 / unit) (random.Rng.Uniform(1.0, 10.0)) problem
                                let first = random.Matrix(problem.Horizon, m) |> scaled (1.0 / unit)

                                if kind = "constrained" then
                                    let solution = Constrained.solve Constrained.defaults problem first

                                    if solution.Status.IsConverged then
                                        converged <- converged + 1
                                        // the Lagrangian as a cost of its own
                                        let signals =
                                            Array2D.init (problem.Horizon + 1) 2 (fun t i ->
                                                if t < problem.Horizon then
                                                    solution.Multipliers[t, i]
                                                else
                                                    solution.TerminalMultipliers[i])

                                        let bound = problem.Constraints.Head

                                        let lagrangian =
                                            { problem with
                                                Constraints = []
                                                Signals = signals
                                                Cost =
                                                    Cost.withSignals
                                                        2
                                                        (fun s x u ->
                                                            problem.Cost.AtStage [||] x u
                                                            + Vec.dot s (bound.Stage [||] x u))
                                                        (fun s x ->
                                                            problem.Cost.AtEnd [||] x
                                                            + Vec.dot s (bound.Terminal [||] x))
                                            }

                                        let u = solution.Solution.U
                                        let _, gradient, sizes = recompute lagrangian u
                                        let largest = Seq.max (Seq.cast<float> sizes)

                                        for value in Seq.cast<float> gradient do
                                            Expect.isLessThan
                                                (abs value)
                                                (1e-3 * (unit + largest))
                                                $"case {case}, shape {shape}, {solution.Status}: Lagrangian"

                                        for value in
                                            Seq.append
                                                (Seq.cast<float> solution.Multipliers)
                                                solution.TerminalMultipliers do
                                            Expect.isGreaterThanOrEqual value 0.0 $"case {case}: multiplier"

                                        Expect.isLessThan solution.Feasibility 1e-7 $"case {case}: feasible"
                                else
                                    let solver =
                                        if shape = 4 then
                                            Ddp.solve Ddp.defaults
                                        else
                                            Ilqr.solve Ilqr.defaults

                                    let solution = solver problem first

                                    if solution.Status.IsConverged then
                                        converged <- converged + 1
                                        let cost, _, _ = recompute problem solution.U
                                        Expect.floatClose Accuracy.high cost solution.Cost $"case {case}: cost"

                                        Expect.isLessThan
                                            (descent problem solution.U)
                                            (1e-5 * (1.0 + abs cost))
                                            $"case {case}, shape {shape}, unit {unit}, {solution.Status}: descent"

                            Expect.isGreaterThan converged (count / 3) "most are solved"
                        }
                ]
        ]
