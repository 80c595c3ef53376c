module Research.Tests.MpcTests

open System
open System.Threading
open Expecto
open Research
open Research.Control
open Research.Environments
open Research.Tests.Generators

let private h = CartPole.environment.TimeStep

let private cartPole =
    let e = CartPole.environment
    let target = Vec.ofFloats [ 0.0; Math.PI; 0.0; 0.0 ]

    let stage (x: Vec) (u: Vec) =
        let tip = [| x[0] + 0.5 * sin x[1]; 0.5 + 0.5 * cos x[1] |]

        h
        * (Vec.squaredNorm tip * 5.0
           + 0.05 * (x[2] * x[2] + 0.1 * x[3] * x[3])
           + 0.002 * u[0] * u[0])

    { Problem.create (e.Dynamics h) (Cost.create stage (Cost.quadratic [| 10.0; 20.0; 1.0; 1.0 |] target)) 100 e.Start with
        Limits = Some([| -20.0 |], [| 20.0 |])
    }

let private still (problem: Problem) =
    Array2D.zeroCreate problem.Horizon problem.Dynamics.ControlSize

/// two masses to be brought to 0 by forces of unlike limits; how far the third state has moved on costs nothing
let private twoForces =
    let step (x: Vec) (u: Vec) =
        [| x[0] + 0.1 * u[0]; x[1] + 0.1 * u[1]; x[2] + 0.1 |]

    let cost =
        Cost.create (fun x u -> 0.1 * (x[0] * x[0] + x[1] * x[1]) + 0.01 * Vec.squaredNorm u) (fun x ->
            x[0] * x[0] + x[1] * x[1])

    Problem.create (Dynamics.ofTraced 3 2 step) cost 20 [| 0.2; -0.1; 0.0 |]
    |> Problem.withLimits [| -1.0; -2.0 |] [| 1.5; 0.5 |]

let private calm _ (x: float[]) = x

/// the same cart-pole with other masses
let private heavier factor =
    CartPole.environment.Plant(h, [| factor; factor |])

[<Tests>]
let tests =
    testList
        "Mpc"
        [
            testProperty
                "on a linear-quadratic problem every replan gives the first law of LQR, wherever the system is"
                (fun (seed: int) ->
                    let random = Random seed
                    let n, m, horizon = random.Whole(1, 4), random.Whole(1, 2), random.Whole(2, 12)
                    let a, b = scaled (1.0 / sqrt (float n)) (random.Matrix(n, n)), random.Matrix(n, m)

                    let q, r, final =
                        random.Positive(n, 0.1), random.Positive(m, 0.5), random.Positive(n, 0.1)

                    let dynamics =
                        Dynamics.ofTraced n m (fun x u ->
                            Vec.add (Mat.mulVec (Mat.ofFloats a) x) (Mat.mulVec (Mat.ofFloats b) u))

                    let cost =
                        Cost.create
                            (fun x u -> Cost.quadraticForm q x + Cost.quadraticForm r u)
                            (Cost.quadraticForm final)

                    let problem = Problem.create dynamics cost horizon (random.Vector n)
                    let controller = Mpc.create Mpc.defaults problem
                    controller.Start(problem.Start, still problem) |> ignore

                    let law =
                        (Lqr.solve (Lqr.repeat horizon (Lqr.step a b q r) final)
                         |> Result.defaultWith (fun fault -> failtest $"{fault}"))
                            .K[0]

                    let control = Array.zeroCreate m

                    for elapsed in [ 0; 1; 3; horizon + 5 ] do
                        let x = random.Vector n
                        controller.Replan(ReadOnlySpan x, elapsed) |> ignore
                        controller.Act(0, ReadOnlySpan x, Span control)

                        let expected =
                            Array.init m (fun i -> Seq.sum (seq { for k in 0 .. n - 1 -> law[i, k] * x[k] }))

                        Expect.isLessThan (distance control expected) 1e-7 "control")

            test "replanning from where a converged plan starts changes nothing" {
                // a change of cost of 1e-7 leaves controls open by percents, a vanishing gradient does not
                let solver =
                    { Mpc.defaults.Solver with
                        CostTolerance = 0.0
                        GradientTolerance = 1e-8
                    }

                let controller = Mpc.create { Mpc.defaults with Solver = solver } cartPole
                let plan = controller.Start(cartPole.Start, still cartPole)
                // by which of the two is a matter of the last bits, which differ between machines
                Expect.isTrue plan.Status.IsConverged "status"
                Expect.isLessThan (Array.last plan.Iterations).Gradient 1e-6 "gradient"
                let replan = controller.Replan(ReadOnlySpan cartPole.Start, 0)
                Expect.isLessThan (abs (replan.Cost - plan.Cost) / plan.Cost) 1e-12 "cost"
                Expect.isLessThan (distance (flat plan.U) (flat controller.Plan.U)) 1e-5 "controls"
            }

            test "Replan is Prepare and Follow, bit by bit" {
                let first, second =
                    Mpc.create Mpc.defaults cartPole, Mpc.create Mpc.defaults cartPole

                first.Start(cartPole.Start, still cartPole) |> ignore
                second.Start(cartPole.Start, still cartPole) |> ignore
                let x = [| 0.1; 0.3; -0.2; 0.4 |]
                let a = first.Replan(ReadOnlySpan x, 1)
                second.Prepare 1
                let b = second.Follow(ReadOnlySpan x)
                Expect.equal b.Cost a.Cost "cost"
                Expect.equal (Seq.toArray (flat second.Plan.U)) (Seq.toArray (flat first.Plan.U)) "controls"
            }

            test "the cart-pole swings up and stays up under pushes with masses 20 % off, within its limits" {
                let mutable successes = 0

                for seed in 1..10 do
                    let rng = Rng.OfSeed seed

                    let push t (x: float[]) =
                        if t % 20 = 10 then
                            Array.mapi (fun i v -> if i >= 2 then v + 0.3 * rng.Normal() else v) x
                        else
                            x

                    let plant = heavier (if seed % 2 = 0 then 1.2 else 0.8)

                    let loop =
                        ClosedLoop.run
                            (Mpc.create Mpc.defaults cartPole)
                            plant
                            push
                            1
                            300
                            cartPole.Start
                            (still cartPole)
                            CancellationToken.None

                    Expect.isLessThanOrEqual (loop.U |> flat |> Seq.map abs |> Seq.max) 20.0 "limits"

                    if Seq.forall (fun t -> cos loop.X[t, 1] < -0.9) (seq { 200..300 }) then
                        successes <- successes + 1

                Expect.isGreaterThanOrEqual successes 9 "of 10 stay up in the last two seconds"
            }

            test "pushes come as often as their chance says, and the loop knows when" {
                let chance, spread = 0.1, [| 0.0; 0.0; 0.0; 0.05 |]

                let loop =
                    ClosedLoop.run
                        (Mpc.create Mpc.defaults cartPole)
                        cartPole.Dynamics
                        (ClosedLoop.pushes (Rng.OfSeed 1) chance spread)
                        2
                        400
                        cartPole.Start
                        (still cartPole)
                        CancellationToken.None

                // 40 expected with a standard deviation of 6
                Expect.isGreaterThan loop.Disturbed.Length 20 "not too few"
                Expect.isLessThan loop.Disturbed.Length 60 "not too many"
                Expect.equal loop.Replans.Length 200 "a replan every other step"
                let next = Array.zeroCreate 4

                for t in 1..399 do
                    let before = Array.append loop.X[t - 1, *] loop.U[t - 1, *]
                    cartPole.Dynamics.Step(ReadOnlySpan before, Span next, 1)
                    let moved = Array.map2 (-) loop.X[t, *] next
                    Expect.equal (moved[3] <> 0.0) (Array.contains t loop.Disturbed) $"step {t}"
                    Expect.equal moved[..2] [| 0.0; 0.0; 0.0 |] "what has no spread is not pushed"
            }

            test "feedback between replans answers deviations at once" {
                let controller = Mpc.create Mpc.defaults cartPole
                controller.Start(cartPole.Start, still cartPole) |> ignore
                controller.Replan(ReadOnlySpan cartPole.Start, 0) |> ignore
                let plan = controller.Plan
                let u = Array.zeroCreate 1
                let x = Array.mapi (fun i v -> v + 1e-3 * float (i + 1)) plan.X[7, *]
                controller.Act(7, ReadOnlySpan x, Span u)

                let expected =
                    plan.U[7, 0]
                    + Seq.sum (seq { for k in 0..3 -> plan.Gains[7].[0, k] * 1e-3 * float (k + 1) })

                Expect.isLessThan (abs (u[0] - expected)) 1e-12 "law"
            }

            test "far from the plan the control is at its limits, and not beyond them" {
                let controller = Mpc.create Mpc.defaults twoForces
                controller.Start(twoForces.Start, still twoForces) |> ignore
                let lower, upper = twoForces.Limits.Value
                let u = Array.zeroCreate 2

                for step in [ 0; 3; 100 ] do
                    for side in [ -1e3; 1e3 ] do
                        controller.Act(step, ReadOnlySpan [| side; side; 0.0 |], Span u)
                        Expect.equal u (if side > 0.0 then lower else upper) $"{side} m away at step {step}"
            }

            test "a state that is not finite reaches neither control nor plan, and leaves no trace" {
                let rail = Constraint.between "rail" [| -0.35 |] [| 0.35 |] (fun x -> [| x[0] |])

                for problem in [ cartPole; cartPole |> Problem.withConstraints [ rail ]; twoForces ] do
                    let n, m = problem.Dynamics.StateSize, problem.Dynamics.ControlSize

                    let started () =
                        let controller = Mpc.create Mpc.defaults problem
                        controller.Start(problem.Start, still problem) |> ignore
                        controller.Replan(ReadOnlySpan problem.Start, 0) |> ignore
                        controller

                    let controller, untroubled = started (), started ()
                    let u = Array.zeroCreate m

                    for poison in [ nan; Double.PositiveInfinity; Double.NegativeInfinity ] do
                        for k in 0 .. n - 1 do
                            let x = Array.init n (fun i -> if i = k then poison else 0.1)
                            let before = controller.Plan.U
                            let lost = controller.Replan(ReadOnlySpan x, 0)
                            Expect.isTrue lost.IsLost $"{poison} in state {k}"
                            Expect.isTrue (Double.IsNaN lost.Cost) "cost"
                            Expect.equal controller.Plan.U before "the plan"

                            for step in [ 0; 7; 1000 ] do
                                controller.Act(step, ReadOnlySpan x, Span u)

                                Expect.equal
                                    u
                                    before[min step (problem.Horizon - 1), *]
                                    $"{poison} in state {k} at step {step}"

                    let x = Array.create n 0.1

                    let a, b =
                        controller.Replan(ReadOnlySpan x, 1), untroubled.Replan(ReadOnlySpan x, 1)

                    Expect.isFalse a.IsLost "found"
                    Expect.equal a.Cost b.Cost "cost"
                    Expect.equal a.Feasibility b.Feasibility "violation"
                    Expect.equal controller.Plan.U untroubled.Plan.U "the plan"
            }

            test "a deadline that has passed leaves one iteration, and says so" {
                let controller =
                    Mpc.create
                        { Mpc.defaults with
                            Iterations = 50
                            Deadline = TimeSpan.Zero
                        }
                        cartPole

                controller.Start(cartPole.Start, still cartPole) |> ignore
                let replan = controller.Replan(ReadOnlySpan [| 0.2; 0.5; 0.0; 0.0 |], 0)
                Expect.isTrue replan.IsLate "late"
                Expect.equal replan.Iterations 1 "iterations"
                let patient = Mpc.create { Mpc.defaults with Iterations = 50 } cartPole
                patient.Start(cartPole.Start, still cartPole) |> ignore
                let better = patient.Replan(ReadOnlySpan [| 0.2; 0.5; 0.0; 0.0 |], 0)
                Expect.isLessThan better.Cost replan.Cost "more iterations, less cost"
                Expect.isFalse better.IsLate "in time"
            }

            test "a state from which nothing is finite leaves the old plan, and the next replan recovers" {
                let controller = Mpc.create Mpc.defaults cartPole
                controller.Start(cartPole.Start, still cartPole) |> ignore
                let lost = controller.Replan(ReadOnlySpan [| nan; 0.0; 0.0; 0.0 |], 1)
                Expect.isTrue lost.IsLost "lost"
                Expect.isTrue (controller.Plan.U |> flat |> Seq.forall Double.IsFinite) "the old controls"
                let found = controller.Replan(ReadOnlySpan [| 0.0; 0.1; 0.0; 0.0 |], 1)
                Expect.isFalse found.IsLost "found"
                Expect.isTrue (Double.IsFinite found.Cost) "cost"
            }

            test "constraints hold along the plans" {
                let rail = Constraint.between "rail" [| -0.35 |] [| 0.35 |] (fun x -> [| x[0] |])
                let problem = cartPole |> Problem.withConstraints [ rail ]

                let run problem =
                    ClosedLoop.run
                        (Mpc.create { Mpc.defaults with Iterations = 3 } problem)
                        problem.Dynamics
                        calm
                        1
                        200
                        problem.Start
                        (still problem)
                        CancellationToken.None

                let free, railed = run cartPole, run problem

                let reach (loop: ClosedLoop) =
                    loop.X[*, 0] |> Array.map abs |> Array.max

                Expect.isGreaterThan (reach free) 0.4 "without the rail the cart goes farther"

                Expect.isLessThan
                    (reach railed)
                    0.352
                    "with it, it does not, but for what one round of multipliers leaves"

                Expect.isLessThan (cos railed.X[200, 1]) -0.99 "and the pole stands"
            }

            test "a replan allocates nothing" {
                let controller = Mpc.create Mpc.defaults cartPole
                controller.Start(cartPole.Start, still cartPole) |> ignore
                let x = [| 0.1; 0.2; 0.0; 0.0 |]

                for _ in 1..50 do
                    controller.Replan(ReadOnlySpan x, 1) |> ignore

                let before = GC.GetAllocatedBytesForCurrentThread()

                for _ in 1..100 do
                    controller.Replan(ReadOnlySpan x, 1) |> ignore

                let each = float (GC.GetAllocatedBytesForCurrentThread() - before) / 100.0
                Expect.isLessThan each 200.0 "bytes a replan"
            }

            test "a target that moves is read as signals" {
                let dynamics = Dynamics.ofTraced 1 1 (fun x u -> [| x[0] + u[0] |])

                let cost =
                    Cost.withSignals
                        1
                        (fun s x u -> 0.5 * ((x[0] - s[0]) * (x[0] - s[0]) + 1e-6 * u[0] * u[0]))
                        (fun s x -> 0.5 * ((x[0] - s[0]) * (x[0] - s[0])))

                let problem =
                    { Problem.create dynamics cost 5 [| 0.0 |] with
                        Signals = Array2D.zeroCreate 6 1
                    }

                let controller = Mpc.create Mpc.defaults problem
                controller.Start([| 0.0 |], still problem) |> ignore
                controller.Signals <- Array2D.init 6 1 (fun t _ -> float t)
                controller.Replan(ReadOnlySpan [| 0.0 |], 1) |> ignore
                Expect.isLessThan (abs (controller.Plan.X[3, 0] - 3.0)) 1e-4 "follows"

                Expect.throwsC (fun () -> controller.Signals <- Array2D.zeroCreate 2 1) (fun error ->
                    Expect.stringContains error.Message "the signals are 2×1" "message")
            }

            test "what is wrong is named" {
                let controller = Mpc.create Mpc.defaults cartPole

                Expect.throwsC (fun () -> controller.Replan(ReadOnlySpan [| 1.0 |], 0) |> ignore) (fun error ->
                    Expect.stringContains error.Message "4 states, and got 1" "state")

                Expect.throwsC (fun () -> controller.Prepare -1) (fun error ->
                    Expect.stringContains error.Message "has made -1 steps" "elapsed")
            }
        ]
