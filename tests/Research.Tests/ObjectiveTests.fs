module Research.Tests.ObjectiveTests

open System
open Expecto
open Research
open Research.Control
open Research.Environments
open Research.Tests.Generators

/// The cart-pole with a target that moves: a cost with signals.
let private cartPole =
    let e = CartPole.environment

    let cost =
        Cost.residuals 1 (fun s x u -> [| x[0] - s[0]; 1.0 + cos x[1]; 0.1 * x[2] * x[3]; 0.05 * u[0] |]) (fun s x ->
            [| 3.0 * (x[0] - s[0]); x[3] |])

    { Problem.create (e.Dynamics 0.02) cost 30 [| 0.1; 0.4; -0.2; 0.3 |] with
        Limits = Some([| -20.0 |], [| 20.0 |])
        Signals = Array2D.init 31 1 (fun t _ -> 0.1 * float t)
    }

/// The same system known only by its answers.
let private opaque (problem: Problem) =
    let step (points: float[]) (answers: float[]) count =
        problem.Dynamics.Step(ReadOnlySpan points, Span answers, count)

    { problem with
        Dynamics = Dynamics.ofBatch problem.Dynamics.StateSize problem.Dynamics.ControlSize 1e-6 step
    }

let private population (problem: Problem) count seed =
    let random = Random seed
    Array.map (fun z -> 5.0 * z) (random.Vector(problem.Horizon * problem.Dynamics.ControlSize * count))

let private costs (objective: Objective) state controls count =
    let results = Array.create count nan
    objective.Costs state controls count results
    results

/// Sequence p of a population, [T, m].
let private sequence (problem: Problem) (controls: float[]) count p =
    let m = problem.Dynamics.ControlSize
    Array2D.init problem.Horizon m (fun t i -> controls[(t * m + i) * count + p])

/// Cost of one sequence, a step at a time.
let private byHand (problem: Problem) controls =
    let x, _ =
        Policy.simulate
            problem.Dynamics
            (Policy.openLoop problem.Dynamics.StateSize controls)
            problem.Horizon
            problem.Start

    let value (r: Real) =
        (Compile.compile 1 (fun _ -> [| r |])).Run([| 0.0 |])[0]

    let at t =
        Vec.ofFloats problem.Signals[t, *], Vec.ofFloats x[t, *]

    let stages =
        Seq.init problem.Horizon (fun t ->
            let s, x = at t
            value (problem.Cost.AtStage s x (Vec.ofFloats controls[t, *])))

    let s, x = at problem.Horizon
    Seq.sum stages + value (problem.Cost.AtEnd s x)

[<Tests>]
let tests =
    testList
        "Objective"
        [
            test "costs of rollouts are those of a simulation step by step, with signals at their steps" {
                let controls = population cartPole 11 1

                for problem in [ cartPole; opaque cartPole ] do
                    let found = costs (Objective.ofProblem problem) problem.Start controls 11

                    for p in 0..10 do
                        let expected = byHand problem (sequence problem controls 11 p)
                        // rounding of 30 steps
                        Expect.isLessThan (abs (found[p] - expected) / expected) 1e-11 $"sequence {p}"
            }

            test "a population may be split in any way: the same bits" {
                for problem in [ cartPole; opaque cartPole ] do
                    let count = 37
                    let controls = population cartPole count 2
                    let objective = Objective.ofProblem problem
                    let whole = costs objective problem.Start controls count

                    for size in [ 1; 2; 7; 8; 9; 36 ] do
                        let parts =
                            [|
                                for first in 0..size .. count - 1 do
                                    let width = min size (count - first)

                                    let part =
                                        Array.init (problem.Horizon * width) (fun place ->
                                            controls[place / width * count + first + place % width])

                                    yield! costs objective problem.Start part width
                            |]

                        Expect.equal parts whole $"blocks of {size}"
            }

            test "one sequence is a population of one" {
                let objective = Objective.ofProblem cartPole
                let controls = population cartPole 5 3
                let whole = costs objective cartPole.Start controls 5

                for p in 0..4 do
                    Expect.equal
                        (Objective.cost objective cartPole.Start (sequence cartPole controls 5 p))
                        whole[p]
                        $"sequence {p}"
            }

            test "a rollout that is not finite leaves its neighbours alone" {
                let problem =
                    let dynamics = Dynamics.ofTraced 1 1 (fun x u -> [| x[0] + log u[0] |])
                    Problem.create dynamics (Cost.create (fun x _ -> x[0]) (fun x -> x[0])) 3 [| 0.0 |]

                for problem in [ problem; opaque problem ] do
                    let controls = Array.init 27 (fun place -> if place % 9 = 4 then -1.0 else 1.0)
                    let found = costs (Objective.ofProblem problem) problem.Start controls 9

                    for p in 0..8 do
                        if p = 4 then
                            Expect.isFalse (Double.IsFinite found[p]) "the log of a negative number"
                        else
                            Expect.equal found[p] 0.0 $"sequence {p}"
            }

            test "what is wrong is named" {
                let railed =
                    cartPole
                    |> Problem.withConstraints [ Constraint.between "rail" [| -1.0 |] [| 1.0 |] (fun x -> x[..0]) ]

                let expect message act =
                    Expect.throwsC (fun () -> act () |> ignore) (fun error ->
                        Expect.stringContains error.Message message "message")

                expect "other constraints (rail)" (fun () -> Objective.ofProblem railed)
                expect "the start has 1 numbers" (fun () -> Objective.ofProblem { cartPole with Start = [| 0.0 |] })

                expect "[1] to [-1]" (fun () -> Objective.create 3 1 [| 1.0 |] [| -1.0 |] (fun _ _ _ _ -> ()))

                expect "30 steps of 1 controls, and got 2×2" (fun () ->
                    Objective.cost (Objective.ofProblem cartPole) cartPole.Start (Array2D.zeroCreate 2 2))
            }
        ]
