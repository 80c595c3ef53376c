module Research.Tests.SamplingPlannerTests

open System
open Expecto
open Research
open Research.Control
open Research.Environments
open Research.Tests.Generators

type Make = Objective -> Rng -> SamplingPlanner

/// Every planner, with populations of about the given size.
let planners samples : (string * Make) list =
    [
        "random shooting", RandomShooting.create { Samples = samples }
        "CEM",
        Cem.create
            { Cem.defaults with
                Samples = samples
                Elites = samples / 10
            }
        "iCEM",
        ICem.create
            { ICem.defaults with
                Samples = samples
                Elites = samples / 10
            }
        "MPPI",
        Mppi.create
            { Mppi.defaults with
                Samples = samples
                Iterations = 3
                Temperature = 0.1
            }
        "predictive sampling",
        PredictiveSampling.create
            { PredictiveSampling.defaults with
                Samples = samples
                Knots = 4
            }
    ]

/// An objective of no state to speak of, that records its populations as sequences [T·m].
let recording horizon (lower: float[]) (upper: float[]) (cost: float[] -> float) =
    let populations = ResizeArray<float[][]>()

    let costs (_: float[]) (controls: float[]) count (results: float[]) =
        let sequences =
            Array.init count (fun p -> Array.init (horizon * lower.Length) (fun row -> controls[row * count + p]))

        populations.Add sequences
        sequences |> Array.iteri (fun p sequence -> results[p] <- cost sequence)

    Objective.create horizon 1 lower upper costs, populations

/// A replan from a state that does not matter.
let replan (planner: SamplingPlanner) elapsed =
    planner.Replan(ReadOnlySpan [| 0.0 |], elapsed)

/// The plan as one row.
let planned (planner: SamplingPlanner) = Seq.toArray (flat planner.Plan)

/// A double integrator to be brought home, its step in LQR's form, and limits that its optimum does not touch.
let private linear, private optimum =
    let a, b = array2D [ [ 1.0; 0.1 ]; [ 0.0; 1.0 ] ], array2D [ [ 0.0 ]; [ 0.1 ] ]
    let q, last = [| 0.1; 0.01 |], [| 5.0; 1.0 |]
    let origin = Vec.ofFloats [ 0.0; 0.0 ]
    let start = [| 1.0; 0.0 |]

    let diagonal (d: float[]) =
        Array2D.init 2 2 (fun i j -> if i = j then d[i] else 0.0)

    let problem =
        Problem.create
            (Dynamics.ofTraced 2 1 (fun x u -> [| x[0] + 0.1 * x[1]; x[1] + 0.1 * u[0] |]))
            (Cost.create (fun x u -> Cost.quadratic q origin x + 0.005 * u[0] * u[0]) (Cost.quadratic last origin))
            20
            start
        |> Problem.withLimits [| -8.0 |] [| 8.0 |]

    let lqr =
        Lqr.repeat 20 (Lqr.step a b (diagonal q) (array2D [ [ 0.01 ] ])) (diagonal last)

    match Lqr.solve lqr with
    | Ok solution -> problem, Lqr.evaluate solution.Values[0] start
    | Error fault -> failwith $"{fault}"

/// Cost of a first plan above the optimum, as a share of it, for each seed.
let private excess (make: Make) seeds =
    let objective = Objective.ofProblem linear

    [
        for seed in seeds ->
            let planner = make objective (Rng.OfSeed seed)
            planner.Replan(ReadOnlySpan linear.Start, 0) |> ignore
            Objective.cost objective linear.Start planner.Plan / optimum - 1.0
    ]

let private pendulum =
    Pendulum.environment.ProblemOver(Pendulum.environment.TimeStep, 30)

let private cartPole =
    let h = 0.04

    let tip (x: Vec) =
        [| x[0] + 0.5 * sin x[1]; 0.5 + 0.5 * cos x[1] |]

    let slow (x: Vec) = x[2] * x[2] + 0.1 * x[3] * x[3]

    let cost =
        Cost.create (fun x u -> h * (5.0 * Vec.squaredNorm (tip x) + 0.05 * slow x + 0.002 * u[0] * u[0])) (fun x ->
            5.0 * Vec.squaredNorm (tip x) + 0.1 * slow x)

    Problem.create (CartPole.environment.Dynamics h) cost 20 [| 0.0; 0.0; 0.0; 0.0 |]
    |> Problem.withLimits [| -20.0 |] [| 20.0 |]

/// How many of ten seeds swing a pole up and hold it for the last second of a closed loop with a replan at every step.
let private upright (problem: Problem) (timeStep: float) steps angle (make: Make) =
    let objective = Objective.ofProblem problem
    let lower, upper = problem.Limits.Value

    seq { 1..10 }
    |> Seq.filter (fun seed ->
        let rng = Rng.OfSeed seed
        let start = problem.Start |> Array.map (fun v -> v + 0.05 * rng.Normal())

        let x, u =
            Policy.simulate problem.Dynamics ((make objective rng).Policy 1) steps start

        Expect.isTrue (flat u |> Seq.forall (fun u -> u >= lower[0] && u <= upper[0])) "limits"
        Seq.forall (fun t -> cos x[t, angle] < -0.9) (seq { steps - int (1.0 / timeStep) .. steps }))
    |> Seq.length

[<Tests>]
let tests =
    testList
        "SamplingPlanner"
        [
            test "CEM, iCEM and MPPI approach the optimum of LQR" {
                let patient: (string * Make * float) list =
                    [
                        "CEM",
                        Cem.create
                            { Cem.defaults with
                                Iterations = 20
                                Tolerance = 0.0
                            },
                        0.005
                        "iCEM",
                        ICem.create
                            { ICem.defaults with
                                Samples = 400
                                Elites = 40
                                Iterations = 20
                                Decay = 1.0
                                Colour = 0.5
                            },
                        0.02
                        "MPPI",
                        Mppi.create
                            { Mppi.defaults with
                                Iterations = 20
                                Temperature = 0.02
                                Deviation = Some [| 1.0 |]
                            },
                        0.02
                    ]

                for name, make, tolerance in patient do
                    let all = excess make [ 1..8 ]
                    Expect.isGreaterThan (List.min all) -1e-12 $"{name}: nothing is below the optimum"
                    Expect.isLessThan (List.max all) tolerance $"{name}: share above the optimum"
            }

            test "more samples are no worse on average" {
                for (name, few), (_, many) in List.zip (planners 40) (planners 400) do
                    let mean make = List.average (excess make [ 1..20 ])
                    Expect.isLessThanOrEqual (mean many) (mean few) name
            }

            test "a seed repeats bit for bit, another differs" {
                for name, make in planners 50 do
                    let plans seed =
                        let planner = make (Objective.ofProblem linear) (Rng.OfSeed seed)

                        [
                            for elapsed in [ 0; 1; 3 ] do
                                planner.Replan(ReadOnlySpan linear.Start, elapsed) |> ignore
                                yield! planned planner
                        ]

                    Expect.equal (plans 1) (plans 1) name
                    Expect.notEqual (plans 1) (plans 2) name
            }

            test "an objective may cost a population in parts: the same plans" {
                let whole = Objective.ofProblem linear

                let single state (controls: float[]) count (costs: float[]) =
                    for p in 0 .. count - 1 do
                        costs[p] <- Objective.cost whole state (Array2D.init 20 1 (fun t _ -> controls[t * count + p]))

                for name, make in planners 50 do
                    let plan objective =
                        let planner: SamplingPlanner = make objective (Rng.OfSeed 3)
                        planner.Replan(ReadOnlySpan linear.Start, 0) |> ignore
                        planned planner

                    Expect.equal (plan { whole with Costs = single }) (plan whole) name
            }

            test "no sample and no plan leaves the limits, and both limits are reached" {
                // wants to be above the one and below the other
                let cost (u: float[]) =
                    Seq.sum (seq { for t in 0..5 -> (u[2 * t] - 9.0) ** 2.0 + (u[2 * t + 1] + 9.0) ** 2.0 })

                let smoothed: Make =
                    Mppi.create
                        { Mppi.defaults with
                            Samples = 100
                            Iterations = 3
                            Temperature = 0.1
                            Smoothing = 2
                        }

                for name, make in planners 100 @ [ "MPPI, smoothed", smoothed ] do
                    let objective, populations = recording 6 [| -1.0; 0.5 |] [| 2.0; 3.5 |] cost
                    let planner = make objective (Rng.OfSeed 4)

                    for _ in 1..12 do
                        replan planner 0 |> ignore

                    let sequences = Seq.append (Seq.concat populations) [ planned planner ]
                    let first = sequences |> Seq.collect (fun s -> [ for t in 0..5 -> s[2 * t] ])
                    let second = sequences |> Seq.collect (fun s -> [ for t in 0..5 -> s[2 * t + 1] ])
                    Expect.isGreaterThanOrEqual (Seq.min first) -1.0 $"{name}: lower"
                    Expect.isLessThanOrEqual (Seq.max first) 2.0 $"{name}: upper"
                    Expect.isGreaterThanOrEqual (Seq.min second) 0.5 $"{name}: lower"
                    Expect.isLessThanOrEqual (Seq.max second) 3.5 $"{name}: upper"

                    // random shooting and CEM only come near: 1 % of the range
                    let near =
                        if name = "random shooting" || name = "CEM" then
                            0.03
                        else
                            0.0

                    Expect.isGreaterThanOrEqual (Seq.max first) (2.0 - near) $"{name}: upper is reached"
                    Expect.isLessThanOrEqual (Seq.min second) (0.5 + near) $"{name}: lower is reached"
            }

            test "rollouts that are not finite rank last" {
                for poison in [ nan; Double.PositiveInfinity; Double.NegativeInfinity ] do
                    let cost (u: float[]) =
                        if u[0] > 0.0 then
                            poison
                        else
                            (u[0] + 0.5) ** 2.0 + u[1] * u[1]

                    for name, make in planners 100 do
                        let objective, _ = recording 4 [| -1.0 |] [| 1.0 |] cost
                        let planner = make objective (Rng.OfSeed 5)
                        let mutable sampling = replan planner 0

                        for _ in 1..4 do
                            sampling <- replan planner 0

                        Expect.isFalse sampling.IsLost name
                        Expect.isTrue (Double.IsFinite sampling.Best) $"{name}: best"
                        Expect.isLessThanOrEqual planner.Plan[0, 0] 0.0 $"{name}: the plan has a finite cost"
            }

            test "where nothing is finite the old plan stands, moved ahead in time; then planning goes on" {
                for name, make in planners 50 do
                    for state in [ 0.0; nan; Double.PositiveInfinity ] do
                        let mutable isLost = false

                        let cost (u: float[]) =
                            if isLost && state = 0.0 then
                                nan
                            else
                                (u[0] - 0.3) ** 2.0 + (u[1] + 0.6) ** 2.0

                        let objective, _ = recording 5 [| -1.0; -2.0 |] [| 1.0; 1.0 |] cost
                        let planner = make objective (Rng.OfSeed 6)
                        replan planner 0 |> ignore
                        let before = planned planner
                        isLost <- true

                        // what comes into view: the last control, or the middle between the limits
                        let tail =
                            if name = "CEM" || name = "MPPI" then
                                [| 0.0; -0.5 |]
                            else
                                before[8..]

                        for elapsed, kept in [ 2, before[4..]; 9, [||] ] do
                            let sampling = planner.Replan(ReadOnlySpan [| state |], elapsed)
                            Expect.isTrue sampling.IsLost name
                            let expected = Array.append kept (Array.concat (Array.replicate 5 tail))
                            Expect.equal (planned planner) expected[..9] $"{name}, state {state}, {elapsed} steps"

                        isLost <- false
                        Expect.isFalse (replan planner 1).IsLost name
                        replan planner 9 |> ignore
                        Expect.isTrue (planned planner |> Array.forall Double.IsFinite) "past the horizon"
            }

            test "a plan that is given is where planning starts" {
                for name, make in planners 50 |> List.filter (fun (name, _) -> name <> "random shooting") do
                    let objective, populations = recording 4 [| -10.0 |] [| 10.0 |] (fun _ -> 0.0)
                    let planner = make objective (Rng.OfSeed 7)
                    planner.Plan <- array2D [ [ 8.0 ]; [ 8.0 ]; [ 8.0 ]; [ 99.0 ] ]
                    Expect.equal (planned planner) [| 8.0; 8.0; 8.0; 10.0 |] "held to the limits"
                    replan planner 0 |> ignore
                    let mean = populations[0] |> Array.averageBy (fun u -> u[0])
                    Expect.isGreaterThan mean 4.0 $"{name}: samples lie about it"
            }

            test "the plan is acted on step by step, and a policy replans every so many steps" {
                let objective, populations = recording 3 [| -1.0 |] [| 1.0 |] (fun u -> abs u[0])
                let planner = RandomShooting.create { Samples = 10 } objective (Rng.OfSeed 8)
                replan planner 0 |> ignore
                let control = [| nan |]

                for step, row in [ 0, 0; 1, 1; 2, 2; 7, 2 ] do
                    planner.Act(step, Span control)
                    Expect.equal control[0] planner.Plan[row, 0] $"step {step}"

                populations.Clear()
                let policy = planner.Policy 3
                let controls = [ for t in 0..6 -> (policy.Act t [| 0.0 |])[0] ]
                Expect.hasLength populations 3 "replans at steps 0, 3 and 6"
                Expect.equal controls[6] planner.Plan[0, 0] "the newest plan"
            }

            for name, problem, timeStep, steps, angle in
                [ "pendulum", pendulum, 0.05, 120, 0; "cart-pole", cartPole, 0.04, 120, 1 ] do
                test $"the {name} swings up and stays up" {
                    let planners: (string * Make) list =
                        [
                            "CEM",
                            Cem.create
                                { Cem.defaults with
                                    Samples = 150
                                    Elites = 15
                                    Iterations = 3
                                }
                            "iCEM", ICem.create ICem.defaults
                            "MPPI",
                            Mppi.create
                                { Mppi.defaults with
                                    Samples = 400
                                    Temperature = 0.1
                                }
                        ]

                    for planner, make in planners do
                        Expect.isGreaterThanOrEqual
                            (upright problem timeStep steps angle make)
                            9
                            $"{planner}: seeds of 10"
                }

            test "what is wrong is named" {
                let expect message act =
                    Expect.throwsC (fun () -> act () |> ignore) (fun error ->
                        Expect.stringContains error.Message message "message")

                let objective = Objective.ofProblem linear
                let free, _ = recording 6 [| -infinity |] [| infinity |] Array.sum
                let planner = Cem.create Cem.defaults objective (Rng.OfSeed 1)
                expect "2 states, and got 1" (fun () -> replan planner 0)
                expect "has made -1 steps" (fun () -> planner.Replan(ReadOnlySpan linear.Start, -1))
                expect "20 steps of 1 controls, and got 1×3" (fun () -> planner.Plan <- Array2D.zeroCreate 1 3)

                expect "1 controls at steps from 0 on, and was asked for 2" (fun () ->
                    planner.Act(0, Span [| 0.0; 0.0 |]))

                expect "every 0 steps" (fun () -> planner.Policy 0)

                for name, make in planners 50 do
                    expect
                        (if name = "random shooting" then
                             "limits on all controls"
                         else
                             "has no limits")
                        (fun () -> make free (Rng.OfSeed 1))

                expect "the deviations of samples are 1 numbers" (fun () ->
                    Cem.create
                        { Cem.defaults with
                            Deviation = Some [| 1.0; 1.0 |]
                        }
                        objective
                        (Rng.OfSeed 1))

                expect "a positive temperature, and got 0" (fun () ->
                    Mppi.create { Mppi.defaults with Temperature = 0.0 } objective (Rng.OfSeed 1))

                expect "from 1 to 20 knots" (fun () ->
                    PredictiveSampling.create
                        { PredictiveSampling.defaults with
                            Knots = 21
                        }
                        objective
                        (Rng.OfSeed 1))
            }
        ]
