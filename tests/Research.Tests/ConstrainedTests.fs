module Research.Tests.ConstrainedTests

open System
open System.Threading
open Expecto
open Research
open Research.Control
open Research.Environments
open Research.Tests.Generators

let private cartPole =
    let e = CartPole.environment

    { e.Problem with
        Limits = Some([| -20.0 |], [| 20.0 |])
    }

let private goal =
    Constraint.terminalEquality "goal" (fun x -> [| x[0] - 1.0; x[1] - Math.PI; x[2]; x[3] |])

let private still (problem: Problem) =
    Array2D.zeroCreate problem.Horizon problem.Dynamics.ControlSize

/// A linear-quadratic problem, and its cost ½uᵀHu + fᵀu + c and last state in all controls together, from rollouts.
let private dense (random: Random) n m horizon =
    let a, b = scaled (1.0 / sqrt (float n)) (random.Matrix(n, n)), random.Matrix(n, m)

    let q, r, final =
        random.Positive(n, 0.1), random.Positive(m, 0.5), random.Positive(n, 0.1)

    let dynamics =
        Dynamics.ofTraced n m (fun x u -> Vec.add (Mat.mulVec (Mat.ofFloats a) x) (Mat.mulVec (Mat.ofFloats b) u))

    let cost =
        Cost.create (fun x u -> Cost.quadraticForm q x + Cost.quadraticForm r u) (Cost.quadraticForm final)

    let problem = Problem.create dynamics cost horizon (random.Vector n)
    let size = m * horizon

    let half (w: float[,]) (x: float[]) =
        0.5
        * Seq.sum (
            seq {
                for i in 0 .. x.Length - 1 do
                    for j in 0 .. x.Length - 1 -> x[i] * w[i, j] * x[j]
            }
        )

    let rollout (ones: int list) =
        let u =
            Array2D.init horizon m (fun t i -> ones |> Seq.filter ((=) (t * m + i)) |> Seq.length |> float)

        let x, _ = Policy.simulate dynamics (Policy.openLoop n u) horizon problem.Start

        let stages =
            Seq.sum (seq { for t in 0 .. horizon - 1 -> half q x[t, *] + half r u[t, *] })

        stages + half final x[horizon, *], x[horizon, *]

    let c, last = rollout []
    let single = Array.init size (fun i -> rollout [ i ])

    let h =
        Array2D.init size size (fun i j -> fst (rollout [ i; j ]) - fst single[i] - fst single[j] + c)

    let f = Array.init size (fun i -> fst single[i] - c - 0.5 * h[i, i])
    let response = Array2D.init n size (fun k i -> (snd single[i])[k] - last[k])
    problem, h, f, c, response, last

let private times (a: float[,]) (x: float[]) =
    Array.init (Array2D.length1 a) (fun i -> Seq.sum (seq { for j in 0 .. x.Length - 1 -> a[i, j] * x[j] }))

let private dot (a: float[]) (b: float[]) =
    Array.fold2 (fun s x y -> s + x * y) 0.0 a b

[<Tests>]
let tests =
    testList
        "Constrained"
        [
            testProperty
                "with linear terminal equalities a linear-quadratic problem has the solution of its dense KKT system"
                (fun (seed: int) ->
                    let random = Random seed
                    let n, m = random.Whole(1, 4), random.Whole(1, 2)
                    let horizon = n + random.Whole(1, 8)
                    let problem, h, f, c, response, last = dense random n m horizon
                    let rows = random.Whole(1, min n m)
                    let e, target = random.Matrix(rows, n), random.Vector rows

                    let ended =
                        Constraint.terminalEquality "end" (fun x ->
                            Vec.sub (Mat.mulVec (Mat.ofFloats e) x) (Vec.ofFloats target))

                    let solution =
                        Constrained.solve
                            Constrained.defaults
                            (problem |> Problem.withConstraints [ ended ])
                            (still problem)

                    // [H Jᵀ; J 0] [u; λ] = [−f; target − E x_T(0)] with J = E dx_T/du
                    let size = m * horizon
                    let j = Generators.times e response

                    let kkt =
                        Array2D.init (size + rows) (size + rows) (fun i k ->
                            if i < size && k < size then h[i, k]
                            elif i < size then j[k - size, i]
                            elif k < size then j[i - size, k]
                            else 0.0)

                    let right = Array.append (Array.map (~-) f) (Array.map2 (-) target (times e last))

                    let exact = solve kkt right
                    let u = exact[.. size - 1]
                    let cost = 0.5 * dot u (times h u) + dot f u + c
                    let lambda = exact[size..]
                    Expect.isTrue solution.Status.IsConverged $"{solution.Status}"
                    Expect.isLessThan solution.Feasibility 1e-8 "holds"
                    Expect.isLessThan (abs (solution.Solution.Cost - cost) / (1.0 + abs cost)) 1e-7 "cost"

                    Expect.isLessThan
                        (distance solution.TerminalMultipliers lambda
                         / (1.0 + Array.max (Array.map abs lambda)))
                        1e-5
                        "multipliers")

            testProperty
                "with linear inequalities the conditions of Karush, Kuhn and Tucker hold in the dense program"
                (fun (seed: int) ->
                    let random = Random seed
                    let n, m, horizon = random.Whole(1, 3), random.Whole(1, 2), random.Whole(3, 10)
                    let problem, h, f, _, _, _ = dense random n m horizon
                    let free = Ilqr.solve Ilqr.defaults problem (still problem)
                    // a bound on the first control that the free solution breaks at some steps
                    let bound = 0.5 * (free.U[*, 0] |> Array.map abs |> Array.max)

                    let bounded = Constraint.path "bound" (fun _ u -> [| u[0] - bound; -bound - u[0] |])

                    let solution =
                        Constrained.solve
                            Constrained.defaults
                            (problem |> Problem.withConstraints [ bounded ])
                            (still problem)

                    Expect.isTrue solution.Status.IsConverged $"{solution.Status}"
                    Expect.isLessThan solution.Feasibility 1e-8 "holds"

                    let gradient =
                        Array.map2 (+) (times h (solution.Solution.U |> flat |> Seq.toArray)) f

                    let scale = 1.0 + Array.max (Array.map abs gradient)
                    let mutable active = 0

                    for t in 0 .. horizon - 1 do
                        let above, below = solution.Multipliers[t, 0], solution.Multipliers[t, 1]
                        Expect.isGreaterThanOrEqual (min above below) 0.0 "multipliers are not negative"

                        if above > 0.0 || below > 0.0 then
                            active <- active + 1
                            let distance = bound - abs solution.Solution.U[t, 0]
                            Expect.isLessThan (abs distance * max above below / scale) 1e-7 "complementary"

                        for i in 0 .. m - 1 do
                            let force = if i = 0 then above - below else 0.0
                            Expect.isLessThan (abs (gradient[t * m + i] + force) / scale) 1e-6 "stationary"

                    Expect.isGreaterThan active 0 "a bound is active")

            // costs by Ipopt on the transcribed problems: tests/golden/constrained.json
            for name, cost in
                [
                    "cartpole-rail", 9.13376872646834
                    "car-parking", 2.3072141139565314
                    "quadrotor-pillars", 2.3302007527653
                    "manipulator-ball", 0.4530204018104015
                ] do
                test $"{name}: multipliers are those of a minimum, and the cost has nine digits" {
                    let problem =
                        (Environments.all |> List.find (fun environment -> environment.Name = name)).Problem

                    let solution = Constrained.solve Constrained.defaults problem (still problem)
                    Expect.equal solution.Status ConvergedByGradient "status"
                    Expect.isLessThan (abs (solution.Solution.Cost / cost - 1.0)) 1e-8 "cost"

                    let elements =
                        problem.Constraints
                        |> List.collect (fun c ->
                            let x = Vec.ofFloats solution.Solution.X[0, *]
                            let u = Vec.ofFloats solution.Solution.U[0, *]
                            [ for _ in c.Stage (Vec.ofFloats problem.Signals[0, *]) x u -> c.IsEquality ])

                    solution.Multipliers
                    |> Array2D.iteri (fun t i lambda ->
                        if not elements[i] then
                            Expect.isGreaterThanOrEqual lambda 0.0 $"element {i} at step {t} pushes")
                }

            test "the cart-pole swings up to the goal within its rail, which it touches" {
                let rail = Constraint.between "rail" [| -0.02 |] [| 1.01 |] (fun x -> [| x[0] |])

                let ended =
                    Constrained.solve
                        Constrained.defaults
                        (cartPole |> Problem.withConstraints [ goal ])
                        (still cartPole)

                let railed =
                    Constrained.solve
                        Constrained.defaults
                        (cartPole |> Problem.withConstraints [ goal; rail ])
                        ended.Solution.U

                for solution in [ ended; railed ] do
                    Expect.isTrue solution.Status.IsConverged $"{solution.Status}"
                    Expect.isLessThan solution.Feasibility 1e-8 "feasible"
                    Expect.isLessThan solution.Optimality 1e-5 "stationary"

                let positions = railed.Solution.X[*, 0]
                Expect.isLessThan (Array.max positions) (1.01 + 1e-8) "right end"
                Expect.isGreaterThan (Array.min positions) (-0.02 - 1e-8) "left end"

                Expect.isTrue
                    (railed.Multipliers |> Seq.cast<float> |> Seq.exists (fun value -> value > 1e-3))
                    "touched"

                Expect.isGreaterThan railed.Solution.Cost ended.Solution.Cost "more constraints, more cost"
            }

            test "constraints that do not matter change nothing" {
                let far = Constraint.between "far" [| -100.0 |] [| 100.0 |] (fun x -> [| x[0] |])

                let options =
                    { Ilqr.defaults with
                        CostTolerance = 1e-12
                        GradientTolerance = 1e-9
                    }

                let free = Ilqr.solve options cartPole (still cartPole)

                let solution =
                    Constrained.solve
                        Constrained.defaults
                        (cartPole |> Problem.withConstraints [ far ])
                        (still cartPole)

                Expect.isLessThan (abs (solution.Solution.Cost - free.Cost) / free.Cost) 1e-9 "cost"
                Expect.equal solution.Worst None "nothing violated"
            }

            test "a guess with gaps is taken" {
                let guess =
                    Array2D.init (cartPole.Horizon + 1) 4 (fun t i ->
                        [| 1.0; Math.PI; 0.0; 0.0 |][i] * float t / float cartPole.Horizon)

                let problem = cartPole |> Problem.withConstraints [ goal ]

                let solution =
                    Constrained.solveFrom Constrained.defaults problem guess (still cartPole)

                Expect.isTrue solution.Status.IsConverged $"{solution.Status}"
                Expect.isLessThan solution.Feasibility 1e-8 "feasible"
                Expect.equal solution.Solution.Gap 0.0 "closed"
            }

            test "what cannot be satisfied is named" {
                let absurd = Constraint.terminalEquality "the moon" (fun x -> [| x[0] - 1000.0 |])

                let solution =
                    Constrained.solve
                        { Constrained.defaults with
                            MaxRounds = 15
                        }
                        (cartPole |> Problem.withConstraints [ absurd ])
                        (still cartPole)

                match solution.Status with
                | Infeasible reason -> Expect.stringContains reason "'the moon' is still violated" "reason"
                | status -> failtest $"{status}"

                Expect.equal solution.Worst (Some("the moon", cartPole.Horizon)) "where"
                Expect.isGreaterThan solution.Feasibility 1.0 "by how much"
            }

            test "what the start decides is left out" {
                // the start is outside, and the first control cannot change that
                let right = Constraint.state "right" (fun x -> [| 0.001 - x[0] |])

                let solution =
                    Constrained.solve
                        Constrained.defaults
                        (cartPole |> Problem.withConstraints [ right ])
                        (still cartPole)

                Expect.isTrue solution.Status.IsConverged $"{solution.Status}"
                Expect.isLessThan solution.Feasibility 1e-8 "from step 1 on"
                Expect.isGreaterThan (solution.Solution.X[1.., 0] |> Array.min) (0.001 - 1e-8) "holds"
            }

            test "solvers without constraints refuse them by name" {
                for create in [ Ilqr.create; Ddp.create ] do
                    Expect.throwsC
                        (fun () -> create Ilqr.defaults (cartPole |> Problem.withConstraints [ goal ]) |> ignore)
                        (fun error -> Expect.stringContains error.Message "other constraints (goal)" "message")
            }

            test "a cancelled solver says so and keeps what it has" {
                use source = new CancellationTokenSource()

                let solver =
                    Constrained.create Constrained.defaults (cartPole |> Problem.withConstraints [ goal ])

                let solution =
                    solver.Solve(
                        still cartPole,
                        source.Token,
                        (fun round ->
                            if round.Number = 2 then
                                source.Cancel())
                    )

                Expect.equal solution.Status Cancelled "status"
                Expect.isTrue (Double.IsFinite solution.Solution.Cost) "cost"
                let again = solver.Solve(still cartPole)
                Expect.isTrue again.Status.IsConverged "the solver can be used again"
            }

            test "the gradient of the Lagrangian leaves out what limits hold" {
                // full force all the way is best, and the gradient by it is not small
                let line = Dynamics.ofTraced 1 1 (fun x u -> [| x[0] + u[0] |])

                let problem =
                    Problem.create
                        line
                        (Cost.create (fun _ _ -> Real.Zero) (fun x ->
                            Real.constant 5.0 * (x[0] - Real.constant 100.0) * (x[0] - Real.constant 100.0)))
                        5
                        [| 0.0 |]
                    |> Problem.withLimits [| -1.0 |] [| 1.0 |]
                    |> Problem.withConstraints [ Constraint.state "far" (fun x -> [| x[0] - Real.constant 50.0 |]) ]

                let solution =
                    Constrained.solve Constrained.defaults problem (Array2D.zeroCreate 5 1)

                Expect.isTrue solution.Status.IsConverged $"{solution.Status}"
                Expect.isTrue (solution.Solution.U |> Seq.cast<float> |> Seq.forall ((=) 1.0)) "full force"
                Expect.equal solution.Optimality 0.0 "nothing is left"
            }
        ]
