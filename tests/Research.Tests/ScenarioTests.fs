module Research.Tests.ScenarioTests

open System
open System.Text.Json
open Expecto
open Research
open Research.Models
open Research.Agents
open Research.Tests.Generators

/// Recorded solutions of the original program by the name of its equations: the scenario, and where the original keeps each number of ours.
let private plants =
    [
        "dynamics_cp", Scenarios.cartPole, [| 0; 3; 1; 2 |]
        "dynamics_pendulum", Scenarios.pendulum, [| 1; 0 |]
        "dynamics_cdp", Scenarios.cartDoublePendulum, [| 0..5 |]
        "dynamics_dp", Scenarios.doublePendulum, [| 0..3 |]
    ]

let private losses =
    [
        "loss_cp", Scenarios.cartPole, [| 0; 3; 1; 2 |]
        "loss_cdp", Scenarios.cartDoublePendulum, [| 0..5 |]
        "loss_pendulum", Scenarios.pendulum, [| 1; 0 |]
        "loss_dp", Scenarios.doublePendulum, [| 0..3 |]
        "loss_unicycle", Scenarios.unicycle, [| 0..9 |]
    ]

let private part (name: string) =
    Golden.document "pilco-parts.json"
    |> Golden.property "parts"
    |> Golden.property name
    |> Golden.cases

let private nameOf (case: JsonElement) =
    string ((Golden.property "fn" case).GetString())

let private find name table =
    table |> List.tryFind (fun (known, _, _) -> known = name)

/// A controller that gives no control.
let private idle (scenario: Scenario) =
    Array.zeroCreate<float> scenario.ControlSize

[<Tests>]
let tests =
    testList
        "Scenario"
        [
            test "plants move as the original's do" {
                let mutable seen = 0

                for case in part "pilco-dynamics" do
                    match find (nameOf case) plants with
                    | Some(_, scenario, order) ->
                        let here (x: float[]) = order |> Array.map (fun i -> x[i])
                        let next = scenario.Advance (here (Golden.vector "z" case)) (Golden.vector "u" case)
                        seen <- seen + 1
                        Expect.equal scenario.TimeStep (Golden.number "dt" case) "time step"

                        Expect.isLessThan
                            (Golden.relative (here (Golden.vector "z_next" case)) next)
                            1e-8
                            $"{nameOf case} after a step"
                    | None -> Expect.equal (nameOf case) "dynamics_unicycle" "whose equations differ"

                Expect.equal seen 8 "recorded steps"
            }

            test "losses of beliefs are the original's" {
                let cases = part "pilco-scenario-cost"

                for case in cases do
                    match find (nameOf case) losses with
                    | None -> failtest $"no scenario has {nameOf case}"
                    | Some(_, scenario, order) ->
                        let s = Golden.matrix "s" case
                        let m = Golden.vector "m" case

                        let belief =
                            {
                                Mean = order |> Array.map (fun i -> m[i])
                                Covariance = Array2D.init m.Length m.Length (fun i j -> s[order[i], order[j]])
                            }

                        let moments = MomentMap.apply (Plan.loss scenario.Loss) belief
                        Expect.isLessThan (abs (moments.Mean[0] - Golden.number "L" case)) 1e-9 $"{nameOf case} mean"

                        Expect.isLessThan
                            (abs (moments.Covariance[0, 0] - Golden.number "varL" case))
                            1e-9
                            $"{nameOf case} variance"
            }

            test "a certain state has the loss of the state, penalties included" {
                let random = Random 3

                for scenario in BlockStacking.scenario 3 false :: Scenarios.all do
                    let start = Rollout.drawStart scenario random.Rng 0
                    let x = scenario.Observe start

                    let moments =
                        MomentMap.apply
                            (Plan.cost scenario)
                            {
                                Mean = x
                                Covariance = Array2D.zeroCreate x.Length x.Length
                            }

                    Expect.isLessThan (abs (moments.Mean[0] - Scenario.lossAt scenario start)) 1e-12 scenario.Name
            }

            test "the tip is at its target where the loss is 0, and as far from it as two rods at the start" {
                let at (scenario: Scenario) goal length =
                    Expect.isLessThan (scenario.Distance goal) 1e-12 scenario.Name
                    Expect.isLessThan (Scenario.lossAt scenario goal) 1e-12 scenario.Name
                    Expect.isLessThan (abs (scenario.Distance scenario.Starts[0] - 2.0 * length)) 1e-12 scenario.Name

                at Scenarios.pendulum [| Math.PI; 0.0 |] 1.0
                at Scenarios.cartPole [| 0.0; Math.PI; 0.0; 0.0 |] 0.5
                at Scenarios.cartDoublePendulum (Array.zeroCreate 6) 1.2
                at Scenarios.doublePendulum (Array.zeroCreate 4) 1.0
                at Scenarios.pendubot (Array.zeroCreate 4) 1.0
            }

            test "without friction and control the energy of two rods stays" {
                let energy (x: float[]) =
                    let m, l, g = 0.5, 0.5, 9.82
                    let w1, w2, a1, a2 = x[0], x[1], x[2], x[3]

                    0.5 * (4.0 / 3.0) * m * l * l * w1 * w1
                    + m * l * l * w2 * w2 / 6.0
                    + 0.5 * m * l * l * w1 * w2 * cos (a1 - a2)
                    + m * g * l * (1.5 * cos a1 + 0.5 * cos a2)

                let scenario = Scenarios.doublePendulum
                let mutable x = [| 1.0; -2.0; 2.0; 0.5 |]
                let before = energy x

                for _ in 1 .. scenario.Horizon do
                    x <- scenario.Advance x (idle scenario)

                Expect.isLessThan (abs (energy x - before)) 1e-8 "energy after three seconds"
            }

            test "friction of the cart takes energy, and nothing else does" {
                let energy (x: float[]) =
                    let m, l, g = 0.5, 0.5, 9.82

                    0.5 * 2.0 * m * x[2] * x[2]
                    + m * l * l * x[3] * x[3] / 6.0
                    + 0.5 * m * l * x[2] * x[3] * cos x[1]
                    - 0.5 * m * g * l * cos x[1]

                let scenario = Scenarios.cartPole
                // steps so short that the integral of b v² is that of its mean over a step to third order
                let step = Scenario.ofOde 4 1 1e-3 Environments.CartPole.pilcoOde
                let mutable x = [| 0.0; 2.0; 1.0; 3.0 |]
                let before = energy x
                let mutable lost = 0.0

                for _ in 1..1000 do
                    let next = step x (idle scenario)
                    lost <- lost + 1e-3 * 0.1 * (x[2] * x[2] + next[2] * next[2]) / 2.0
                    x <- next

                Expect.isGreaterThan lost 1e-3 "something is lost"
                Expect.isLessThan (abs (before - energy x - lost)) 1e-5 "the balance"
            }

            test "a policy gives at a point what its moments give at a certain belief" {
                let random = Random 5

                for scenario in BlockStacking.scenario 1 false :: Scenarios.all do
                    for kind in [ Linear; Rbf 7 ] do
                        let parameters =
                            Controller.draw scenario kind random.Rng
                            |> Array.map (fun v -> v + 0.3 * random.Rng.Normal())

                        let x = random.Vector scenario.StateSize
                        let z = Loss.augment scenario.Angles x

                        let belief =
                            {
                                Mean = scenario.PolicyInputs |> Array.map (fun i -> z[i])
                                Covariance =
                                    Array2D.zeroCreate scenario.PolicyInputs.Length scenario.PolicyInputs.Length
                            }

                        let moments =
                            MomentMap.apply (fst ((Controller.family scenario kind).At parameters)) belief

                        let u = Controller.act scenario kind parameters x
                        // weights of basis functions are the solution of a system that is all but singular where all centres are close
                        Expect.isLessThan (Golden.relative moments.Mean u) 1e-5 scenario.Name
                        Expect.all (Array.map2 (fun u limit -> abs u <= limit) u scenario.Limits) id "within limits"
            }

            test "rollouts end where the scenario falls, and their data are differences of measurements" {
                let scenario = Scenarios.unicycle

                let rollout =
                    Rollout.run scenario (Rng.OfSeed 1) scenario.Starts[0] (fun _ _ -> [| 0.0; 1.0 |])

                Expect.isGreaterThan rollout.Steps 4 "after a while"
                Expect.isLessThan rollout.Steps scenario.Horizon "it falls"
                Expect.isFalse (Rollout.isSolved scenario rollout) "and that is no solution"

                for t in 0 .. rollout.Steps do
                    Expect.isFalse (scenario.IsFallen rollout.Plant[t, *]) "the fallen state is left out"

                let inputs, targets = Rollout.data scenario [ rollout; rollout ]
                Expect.equal (Array2D.length1 inputs, Array2D.length2 inputs) (2 * rollout.Steps, 11) "inputs"

                for i in 0..9 do
                    Expect.equal
                        targets[rollout.Steps + 3, i]
                        (rollout.Measured[4, i] - rollout.Measured[3, i])
                        "a difference"

                Expect.equal inputs[3, 10] 1.0 "the control comes last"
                Expect.equal inputs[3, 8] rollout.Measured[3, 9] "the heading is no input"
            }

            test "solved means near the target for the whole last second" {
                let scenario = Scenarios.pendulum

                let rollout (distances: float[]) =
                    let steps = distances.Length - 1

                    {
                        Plant = Array2D.zeroCreate (steps + 1) 2
                        Measured = Array2D.zeroCreate (steps + 1) 2
                        Controls = Array2D.zeroCreate steps 1
                        Losses = Array.zeroCreate steps
                        Distances = distances
                    }

                let ending count d =
                    Array.init 41 (fun t -> if t >= 41 - count then d else 1.0)

                Expect.isTrue (Rollout.isSolved scenario (rollout (ending 11 0.1))) "eleven states are a second"
                Expect.isFalse (Rollout.isSolved scenario (rollout (ending 10 0.1))) "ten are less"
                Expect.isFalse (Rollout.isSolved scenario (rollout (ending 11 0.11))) "too far"
                Expect.isFalse (Rollout.isSolved scenario (rollout (Array.create 31 0.0))) "too short"
            }

            test "names that are not known are answered with those that are" {
                let reason = Expect.wantError (Scenarios.find "cartpol") "unknown"
                Expect.stringContains reason "cartpole" "what there is"
                Expect.equal (Scenarios.find "unicycle" |> Result.map _.Name) (Ok "unicycle") "known"
            }
        ]
