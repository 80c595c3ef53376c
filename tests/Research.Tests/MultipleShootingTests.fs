module Research.Tests.MultipleShootingTests

open System
open Expecto
open Research
open Research.Control
open Research.Environments
open Research.Tests.Generators

let private ofEnvironment (e: Research.Environments.Environment) =
    { e.Problem with
        Limits = Some e.Limits
    }

/// a straight line from the start to a goal
let private line (problem: Problem) (goal: float[]) =
    Array2D.init (problem.Horizon + 1) goal.Length (fun t i ->
        problem.Start[i]
        + float t / float problem.Horizon * (goal[i] - problem.Start[i]))

let private isTrajectory (problem: Problem) (solution: Solution) =
    let states, _ =
        Policy.simulate
            problem.Dynamics
            (Policy.openLoop problem.Dynamics.StateSize solution.U)
            problem.Horizon
            problem.Start

    distance (flat states) (flat solution.X)

let private tight =
    { Ilqr.defaults with
        CostTolerance = 1e-12
        GradientTolerance = 1e-8
        FirstRegularisation = 0.0
    }

[<Tests>]
let tests =
    testList
        "MultipleShooting"
        [
            testProperty "a linear-quadratic problem is solved by one step from any guess of states" (fun (seed: int) ->
                let random = Random seed
                let n, m, horizon = random.Whole(1, 5), random.Whole(1, 3), random.Whole(1, 15)
                let a, b = random.Matrix(n, n), random.Matrix(n, m)

                let q, r, final =
                    random.Positive(n, 0.1), random.Positive(m, 0.5), random.Positive(n, 0.1)

                let dynamics =
                    Dynamics.ofTraced n m (fun x u ->
                        Vec.add (Mat.mulVec (Mat.ofFloats a) x) (Mat.mulVec (Mat.ofFloats b) u))

                let cost =
                    Cost.create (fun x u -> Cost.quadraticForm q x + Cost.quadraticForm r u) (Cost.quadraticForm final)

                let problem = Problem.create dynamics cost horizon (random.Vector n)

                let solution =
                    Ilqr.solveFrom
                        { tight with MaxIterations = 1 }
                        problem
                        (random.Matrix(horizon + 1, n))
                        (random.Matrix(horizon, m))

                let exact =
                    Lqr.solve (Lqr.repeat horizon (Lqr.step a b q r) final)
                    |> Result.defaultWith (fun fault -> failtest $"{fault}")

                let least = Lqr.evaluate exact.Values[0] problem.Start
                Expect.equal solution.Iterations[0].Step 1.0 "the full step"
                Expect.equal solution.Gap 0.0 "closed"
                Expect.isLessThan (abs (solution.Cost - least) / (1.0 + abs least)) 1e-8 "cost")

            for name, solve, environment, goal in
                [
                    "iLQR", Ilqr.solveFrom, CartPole.environment, [| 1.0; Math.PI; 0.0; 0.0 |]
                    "DDP", Ddp.solveFrom, Pendulum.environment, [| Math.PI; 0.0 |]
                ] do
                testProperty
                    $"{name} from a guess with gaps the solution obeys the dynamics and is stationary"
                    (fun (seed: int) ->
                        let random = Random seed
                        let problem = ofEnvironment environment
                        let guess = line problem goal

                        let states =
                            Array2D.mapi (fun t _ x -> if t = 0 then x else x + 0.3 * random.Vector(1)[0]) guess

                        let solution =
                            solve
                                { tight with FirstRegularisation = 1.0 }
                                problem
                                states
                                (Array2D.zeroCreate problem.Horizon 1)

                        Expect.isTrue solution.Status.IsConverged $"{solution.Status}"
                        Expect.equal solution.Gap 0.0 "closed"
                        Expect.isLessThan (isTrajectory problem solution) 1e-8 "obeys the dynamics"
                        // from its own controls there is nothing left to gain
                        let again = Ilqr.solve tight problem solution.U
                        Expect.isLessThan (abs (again.Cost - solution.Cost)) 1e-6 "stationary")

            test "states that are a trajectory already change nothing" {
                let problem = ofEnvironment Pendulum.environment
                let controls = Array2D.create problem.Horizon 1 0.3

                let states, _ =
                    Policy.simulate problem.Dynamics (Policy.openLoop 2 controls) problem.Horizon problem.Start

                let single, multiple =
                    Ilqr.solve tight problem controls, Ilqr.solveFrom tight problem states controls

                Expect.isLessThan (abs (single.Cost - multiple.Cost) / single.Cost) 1e-9 "cost"
            }

            test "dynamics in batches close their gaps too" {
                let problem = ofEnvironment Pendulum.environment
                let traced = problem.Dynamics

                let batched =
                    Dynamics.ofBatch 2 1 1e-6 (fun points results count ->
                        traced.Step(ReadOnlySpan points, Span results, count))

                let guess = line problem [| Math.PI; 0.0 |]
                let controls = Array2D.zeroCreate problem.Horizon 1
                let known = Ilqr.solveFrom tight problem guess controls

                let unknown =
                    Ilqr.solveFrom tight { problem with Dynamics = batched } guess controls

                Expect.equal unknown.Gap 0.0 "closed"
                Expect.isLessThan (abs (unknown.Cost - known.Cost) / known.Cost) 1e-5 "cost"
            }

            test "a guess of the wrong size is named" {
                let problem = ofEnvironment Pendulum.environment

                Expect.throwsC
                    (fun () ->
                        Ilqr.solveFrom tight problem (Array2D.zeroCreate 3 2) (Array2D.zeroCreate problem.Horizon 1)
                        |> ignore)
                    (fun error -> Expect.stringContains error.Message "the guessed states are 3×2" "message")
            }

            testProperty
                "of a linear-quadratic problem with a cross term, a whole step from any guess keeps what it promised"
                (fun (seed: int) ->
                    let random = Random seed
                    let n, m, horizon = random.Whole(1, 4), random.Whole(1, 2), random.Whole(2, 9)
                    let a, b = scaled (1.0 / sqrt (float n)) (random.Matrix(n, n)), random.Matrix(n, m)

                    let q, r, final =
                        random.Positive(n, 1.0), random.Positive(m, 1.0), random.Positive(n, 0.1)

                    let cross = scaled 0.2 (random.Matrix(n, m))

                    let dynamics =
                        Dynamics.ofTraced n m (fun x u ->
                            Vec.add (Mat.mulVec (Mat.ofFloats a) x) (Mat.mulVec (Mat.ofFloats b) u))

                    let cost =
                        Cost.create
                            (fun x u ->
                                Cost.quadraticForm q x
                                + Cost.quadraticForm r u
                                + Vec.dot x (Mat.mulVec (Mat.ofFloats cross) u))
                            (Cost.quadraticForm final)

                    let problem = Problem.create dynamics cost horizon (random.Vector n)

                    let solution =
                        Ilqr.solveFrom
                            { Ilqr.defaults with
                                FirstRegularisation = 0.0
                            }
                            problem
                            (random.Matrix(horizon + 1, n))
                            (random.Matrix(horizon, m))

                    Expect.equal solution.Iterations[0].Step 1.0 "whole"
                    Expect.isLessThan (abs (solution.Iterations[0].Ratio - 1.0)) 1e-8 "kept")
        ]
