module Research.Tests.IlqrTests

open System
open System.Threading
open Expecto
open Research
open Research.Control
open Research.Environments
open Research.Tests.Generators

let private ofEnvironment (e: Research.Environments.Environment) = e.Problem

let private cartPole = ofEnvironment CartPole.environment

let private zero (problem: Problem) =
    Array2D.zeroCreate problem.Horizon problem.Dynamics.ControlSize

let private plain =
    { Ilqr.defaults with
        FirstRegularisation = 0.0
    }

let private randomLinear (random: Random) n m horizon =
    let a, b = scaled (1.0 / sqrt (float n)) (random.Matrix(n, n)), random.Matrix(n, m)

    let q, r, final =
        random.Positive(n, 0.1), random.Positive(m, 0.5), random.Positive(n, 0.1)

    let dynamics =
        Dynamics.ofTraced n m (fun x u -> Vec.add (Mat.mulVec (Mat.ofFloats a) x) (Mat.mulVec (Mat.ofFloats b) u))

    let cost =
        Cost.create (fun x u -> Cost.quadraticForm q x + Cost.quadraticForm r u) (Cost.quadraticForm final)

    Problem.create dynamics cost horizon (random.Vector n), Lqr.repeat horizon (Lqr.step a b q r) final

/// A problem smooth enough for differences: a pendulum with strong motor.
let private pendulum =
    let goal = Vec.ofFloats [ Math.PI; 0.0 ]
    let h = 0.05
    let dynamics = Dynamics.ofTraced 2 1 (Integrator.rk4 (Real.constant h) Pendulum.ode)

    let stage (x: Vec) (u: Vec) =
        h * (Cost.quadratic [| 1.0; 0.1 |] goal x + 0.05 * u[0] * u[0])

    Problem.create dynamics (Cost.create stage (Cost.quadratic [| 20.0; 2.0 |] goal)) 40 [| 0.5; 0.0 |]

let private tight =
    { Ilqr.defaults with
        CostTolerance = 1e-13
        GradientTolerance = 1e-9
        MaxIterations = 1000
    }

[<Tests>]
let tests =
    testList
        "Ilqr"
        [
            testProperty
                "a linear-quadratic problem takes one accepted step, to the cost and gains of LQR"
                (fun (seed: int) ->
                    let random = Random seed

                    let problem, lqr =
                        randomLinear random (random.Whole(1, 5)) (random.Whole(1, 3)) (random.Whole(1, 20))

                    let controls = random.Matrix(problem.Horizon, problem.Dynamics.ControlSize)
                    let solution = Ilqr.solve { plain with MaxIterations = 1 } problem controls

                    match Lqr.solve lqr with
                    | Error fault -> failtest $"{fault}"
                    | Ok exact ->
                        let cost = Lqr.evaluate exact.Values[0] problem.Start
                        Expect.equal solution.Iterations[0].Step 1.0 "the full step"
                        Expect.isLessThan (abs (solution.Cost - cost) / (1.0 + cost)) 1e-9 "cost"
                        Expect.isLessThan (distance (flat solution.Gains[0]) (flat exact.K[0])) 1e-8 "gain")

            test "the cost never rises, and limits hold and are reached" {
                for problem in [ cartPole; Problem.withLimits [| -10.0 |] [| 10.0 |] cartPole ] do
                    let solution = Ilqr.solve Ilqr.defaults problem (zero problem)
                    Expect.isTrue solution.Status.IsConverged $"{solution.Status}"

                    for before, after in Seq.pairwise solution.Iterations do
                        Expect.isLessThanOrEqual after.Cost before.Cost "cost"

                    let largest = flat solution.U |> Seq.map abs |> Seq.max

                    match problem.Limits with
                    | Some _ -> Expect.equal largest 10.0 "largest control"
                    | None -> Expect.isGreaterThan largest 10.0 "largest control"
            }

            test "wide limits change nothing" {
                let free = Ilqr.solve tight pendulum (zero pendulum)

                let wide =
                    Ilqr.solve tight (Problem.withLimits [| -1e3 |] [| 1e3 |] pendulum) (zero pendulum)

                Expect.isLessThan (distance (flat free.U) (flat wide.U)) 1e-6 "controls"
            }

            test "at a limited solution the cost rises along every admissible change of a control" {
                let problem = Problem.withLimits [| -10.0 |] [| 10.0 |] cartPole
                let solution = Ilqr.solve tight problem (zero problem)

                let costOf u =
                    (Ilqr.solve { tight with MaxIterations = 0 } problem u).Cost

                let mutable held = 0

                for t in 0..7..99 do
                    let slope d =
                        (costOf (Array2D.mapi (fun s _ u -> if s = t then u + d else u) solution.U)
                         - solution.Cost)
                        / d

                    let u = solution.U[t, 0]

                    if u >= 10.0 then
                        held <- held + 1
                        Expect.isLessThan (slope -1e-4) 1e-3 "held above: the slope pushes outwards"
                    elif u <= -10.0 then
                        held <- held + 1
                        Expect.isGreaterThan (slope 1e-4) -1e-3 "held below: the slope pushes outwards"
                    else
                        Expect.isLessThan (abs (slope 1e-5)) 2e-3 "free: no slope"

                Expect.isGreaterThan held 0 "some of the controls are held"
            }

            test "the value gradient is the derivative of the optimal cost by the start" {
                let solution = Ilqr.solve tight pendulum (zero pendulum)

                for i in 0..1 do
                    let costAt d =
                        let start = pendulum.Start |> Array.mapi (fun j x -> if i = j then x + d else x)
                        (Ilqr.solve tight { pendulum with Start = start } solution.U).Cost

                    let difference = (costAt 1e-4 - costAt -1e-4) / 2e-4
                    Expect.isLessThan (abs (difference - solution.ValueGradient[i]) / (1.0 + abs difference)) 1e-5 "Vx"
            }

            test "black-box dynamics with differences reach the same solution" {
                let traced = pendulum.Dynamics

                let box =
                    Dynamics.ofBatch 2 1 1e-6 (fun points results count ->
                        traced.Step(ReadOnlySpan points, Span results, count))

                let one = Ilqr.solve tight pendulum (zero pendulum)
                let other = Ilqr.solve tight { pendulum with Dynamics = box } (zero pendulum)
                Expect.isLessThan (abs (one.Cost - other.Cost) / one.Cost) 1e-7 "cost"
                Expect.isLessThan (distance (flat one.U) (flat other.U)) 1e-3 "controls"
            }

            test "both regularisations and Gauss–Newton Hessians reach the same cost" {
                let goal = Vec.ofFloats [ Math.PI; 0.0 ]
                let h = 0.05
                let root = sqrt >> Real.constant

                let stage (x: Vec) (u: Vec) =
                    [| root h * (x[0] - goal[0]); root (0.1 * h) * x[1]; root (0.1 * h) * u[0] |]

                let terminal (x: Vec) =
                    [| root 20.0 * (x[0] - goal[0]); root 2.0 * x[1] |]

                let squares =
                    { pendulum with
                        Cost = Cost.leastSquares stage terminal
                    }

                let state = Ilqr.solve tight pendulum (zero pendulum)

                let control =
                    Ilqr.solve
                        { tight with
                            Regularisation = ControlSpace
                        }
                        pendulum
                        (zero pendulum)

                let gauss = Ilqr.solve tight squares (zero pendulum)
                Expect.floatClose Accuracy.high control.Cost state.Cost "control space"
                Expect.floatClose Accuracy.high gauss.Cost state.Cost "Gauss–Newton"
            }

            test "where regularised states leave no step, regularised controls do" {
                // motors at their limits, and feedback that drives them against these
                let arm = Arm.environment 6

                let solution =
                    Ilqr.solve Ilqr.defaults arm.Problem (arm.FirstControls(arm.Horizon, 0))

                let largest = solution.Iterations |> Seq.map _.Regularisation |> Seq.max

                Expect.isGreaterThan largest 1e8 "it came to that"
                Expect.isTrue solution.Status.IsConverged $"{solution.Status}"
            }

            test "a moving target is followed" {
                let target t = sin (0.1 * float t)
                let dynamics = Dynamics.ofTraced 2 1 (DoubleIntegrator.step (Real.constant 0.1))

                let cost =
                    Cost.withSignals
                        1
                        (fun s x u -> 50.0 * (x[0] - s[0]) * (x[0] - s[0]) + 1e-4 * u[0] * u[0])
                        (fun s x -> 50.0 * (x[0] - s[0]) * (x[0] - s[0]))

                let problem =
                    { Problem.create dynamics cost 80 [| 0.0; 1.0 |] with
                        Signals = Array2D.init 81 1 (fun t _ -> target t)
                    }

                let solution = Ilqr.solve Ilqr.defaults problem (zero problem)
                let worst = Seq.init 81 (fun t -> abs (solution.X[t, 0] - target t)) |> Seq.max
                Expect.isLessThan worst 0.01 "distance from the target"
            }

            test "a warm start converges at once, and a solver can be used again to the bit" {
                let solver = Ilqr.create Ilqr.defaults cartPole
                let first = solver.Solve(zero cartPole)
                let again = solver.Solve(zero cartPole)
                Expect.equal (Seq.toArray (flat again.U)) (Seq.toArray (flat first.U)) "the same bits"

                let warm =
                    Ilqr.solve
                        { Ilqr.defaults with
                            FirstRegularisation = 0.0
                        }
                        cartPole
                        first.U

                Expect.isLessThan warm.Iterations.Length 3 "iterations from the solution"
            }

            test "statuses: iteration limit, cancelled, diverged" {
                let limited =
                    Ilqr.solve { Ilqr.defaults with MaxIterations = 3 } cartPole (zero cartPole)

                Expect.equal limited.Status IterationLimit "limit"
                Expect.equal limited.Iterations.Length 3 "iterations"

                use source = new CancellationTokenSource()

                let stopAtFive (iteration: Iteration) =
                    if iteration.Number = 5 then
                        source.Cancel()

                let cancelled =
                    (Ilqr.create Ilqr.defaults cartPole).Solve(zero cartPole, source.Token, stopAtFive)

                Expect.equal cancelled.Status Cancelled "cancelled"
                Expect.equal cancelled.Iterations.Length 5 "iterations before"

                Expect.isLessThan
                    cancelled.Cost
                    (Ilqr.solve { Ilqr.defaults with MaxIterations = 0 } cartPole (zero cartPole)).Cost
                    "best so far"

                let explosive = Dynamics.ofTraced 1 1 (fun x u -> [| x[0] * x[0] * x[0] + u[0] |])

                let square =
                    Cost.create (fun x u -> x[0] * x[0] + u[0] * u[0]) (fun x -> x[0] * x[0])

                let diverging = Problem.create explosive square 30 [| 3.0 |]

                match (Ilqr.solve Ilqr.defaults diverging (zero diverging)).Status with
                | Diverged _ -> ()
                | other -> failtest $"{other}"

                let broken = Dynamics.ofTraced 1 1 (fun x u -> [| sqrt (x[0] - 10.0) + u[0] |])
                let problem = Problem.create broken square 5 [| 0.0 |]

                match (Ilqr.solve Ilqr.defaults problem (zero problem)).Status with
                | Diverged _ -> ()
                | other -> failtest $"{other}"
            }

            test "derivatives that are not finite are named, at every size" {
                for n in [ 1; 2; 4; 9 ] do
                    // |x| written so that its derivative at 0 is 0/0
                    let f (x: Vec) (u: Vec) =
                        Array.init n (fun i -> if i = 0 then sqrt (x[0] * x[0]) + u[0] else 0.5 * x[i])

                    let cost = Cost.create (fun x u -> Vec.squaredNorm x + u[0] * u[0]) Vec.squaredNorm
                    let problem = Problem.create (Dynamics.ofTraced n 1 f) cost 5 (Array.zeroCreate n)

                    match (Ilqr.solve Ilqr.defaults problem (zero problem)).Status with
                    | Diverged reason ->
                        Expect.equal
                            reason
                            "the derivative of state 0 of the dynamics by x[0] is NaN at step 0"
                            $"n = {n}"
                    | other -> failtest $"n = {n}: {other}"
            }

            test "an indefinite Quu is regularised away, at every size" {
                // the cost falls with each control before it rises: at the start Quu is negative along it
                for n, m in [ 2, 1; 2, 2; 4, 1; 9, 2 ] do
                    let f (x: Vec) (u: Vec) =
                        Array.init n (fun i -> if i < m then 0.5 * x[i] + 0.1 * u[i] else 0.5 * x[i])

                    let well (u: Real) = u * u * u * u - 0.5 * (u * u)

                    let stage (x: Vec) (u: Vec) =
                        0.01 * Vec.squaredNorm x + Vec.sum (Array.map well u)

                    let dynamics = Dynamics.ofTraced n m f

                    let problem =
                        Problem.create dynamics (Cost.create stage Vec.squaredNorm) 5 (Array.zeroCreate n)

                    let start = Array2D.create 5 m 0.05
                    let solution = Ilqr.solve tight problem start
                    Expect.isTrue solution.Status.IsConverged $"{n}, {m}: {solution.Status}"
                    let smallest = flat solution.U |> Seq.map abs |> Seq.min
                    Expect.isGreaterThan smallest 0.3 "every control has left the hump at 0 for a well near ½"
            }

            test "problems that make no sense are refused with the reason" {
                let refused problem (controls: float[,]) part =
                    let fault =
                        Expect.throwsC (fun () -> Ilqr.solve Ilqr.defaults problem controls |> ignore) id

                    Expect.stringContains fault.Message part "the message"

                refused
                    { cartPole with
                        Horizon = 0
                        Signals = Array2D.zeroCreate 1 0
                    }
                    (Array2D.zeroCreate 0 1)
                    "horizon is 0"

                refused { cartPole with Start = [| 0.0 |] } (zero cartPole) "4 states"

                refused
                    { cartPole with
                        Start = [| nan; 0.0; 0.0; 0.0 |]
                    }
                    (zero cartPole)
                    "not finite"

                refused cartPole (Array2D.zeroCreate 7 1) "7×1"
                refused (Problem.withLimits [| 1.0 |] [| -1.0 |] cartPole) (zero cartPole) "crossed"
                refused (Problem.withLimits [| 1.0; 2.0 |] [| 3.0 |] cartPole) (zero cartPole) "1 controls"
            }
        ]
