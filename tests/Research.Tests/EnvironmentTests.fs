module Research.Tests.EnvironmentTests

open System
open Expecto
open Research
open Research.Environments
open Research.Tests.Generators

let private held (environment: Environment) (u: float[]) =
    let lower, upper = environment.Limits
    Array.mapi (fun i (v: float) -> Math.Min(Math.Max(v, lower[i]), upper[i])) u

/// a compiled model against its interpretation, on states of a few units
let private rounding = 1e-11

[<Tests>]
let tests =
    let random (environment: Environment) batch steps seed =
        let rng = Rng.OfSeed seed
        List.init steps (fun _ -> Array2D.init batch environment.Controls.Length (fun _ _ -> 0.3 * rng.Normal()))

    testList
        "Environment"
        [
            for environment in Environments.all do
                test $"{environment.Name}: a batch gives what its model gives, state by state" {
                    let batch = 5
                    let episodes = Episodes(environment, batch)
                    let mutable before = episodes.Reset 3

                    for actions in random environment batch 8 1 do
                        let outcome = episodes.Step actions

                        for b in 0 .. batch - 1 do
                            let x, u = Vec.ofFloats before[b, *], Vec.ofFloats (held environment actions[b, *])

                            let next =
                                environment.Step (Real.constant environment.TimeStep) x u
                                |> Array.map Trace.number

                            let cost = Trace.number (environment.Stage (Real.constant environment.TimeStep) x u)
                            Expect.isLessThan (distance outcome.Observation[b, *] next) rounding $"state of {b}"
                            Expect.isLessThan (abs (outcome.Reward[b] + cost)) rounding $"reward of {b}"

                        before <- outcome.Observation
                }

            test "a seed repeats, another differs" {
                let environment = Pendulum.environment

                let play seed =
                    let episodes = Episodes(environment, 3)
                    let first = episodes.Reset seed
                    let outcomes = random environment 3 5 1 |> List.map episodes.Step
                    first, outcomes

                Expect.equal (play 1) (play 1) "same seed"
                Expect.notEqual (fst (play 1)) (fst (play 2)) "another seed"
                let episodes = Episodes(environment, 3)
                episodes.Reset 9 |> ignore
                random environment 3 5 1 |> List.iter (episodes.Step >> ignore)
                Expect.equal (episodes.Reset 1) (fst (play 1)) "reset forgets what was before"
            }

            test "first states spread as the environment says" {
                let environment = Pendulum.environment
                let batch = 20_000
                let first = Episodes(environment, batch).Reset 4

                for i in 0..1 do
                    let values = first[*, i]
                    let mean = Array.average values
                    let deviation = sqrt (Array.averageBy (fun v -> (v - mean) ** 2.0) values)
                    Expect.isLessThan (abs (mean - environment.Start[i])) 0.005 "mean"
                    Expect.isLessThan (abs (deviation / environment.StartSpread[i] - 1.0)) 0.03 "spread"
            }

            test "time runs out after the horizon, not before" {
                let environment =
                    { Pendulum.environment with
                        Horizon = 4
                    }

                let episodes = Episodes(environment, 2)
                episodes.Reset 1 |> ignore

                let truncated =
                    List.init 4 (fun _ -> (episodes.Step(Array2D.zeroCreate 2 1)).Truncated)

                Expect.equal truncated [ for t in 1..4 -> Array.create 2 (t = 4) ] "truncated"
                episodes.Reset 1 |> ignore
                Expect.equal (episodes.Step(Array2D.zeroCreate 2 1)).Truncated [| false; false |] "after a reset"
            }

            test "an episode terminates in a terminal state, and only there" {
                let environment =
                    { CartPole.environment with
                        Start = [| 9.9; 0.0; 20.0; 0.0 |]
                    }

                let episodes = Episodes(environment, 1)
                episodes.Reset 1 |> ignore
                let outcome = episodes.Step(Array2D.zeroCreate 1 1)
                Expect.isGreaterThan outcome.Observation[0, 0] 10.0 "off the track"
                Expect.equal (outcome.Terminated, outcome.Truncated) ([| true |], [| false |]) "terminated"
                let calm = Episodes(CartPole.environment, 1)
                calm.Reset 1 |> ignore
                Expect.equal (calm.Step(Array2D.zeroCreate 1 1)).Terminated [| false |] "at the start"
            }

            test "actions are held to the limits" {
                let environment = Pendulum.environment

                let after action =
                    let episodes = Episodes(environment, 1)
                    episodes.Reset 1 |> ignore
                    (episodes.Step(Array2D.create 1 1 action)).Observation

                Expect.equal (after 100.0) (after 2.5) "upper"
                Expect.equal (after -100.0) (after -2.5) "lower"
                Expect.notEqual (after 1.0) (after 2.5) "between"
            }

            test "sizes that do not fit are named" {
                let episodes = Episodes(Pendulum.environment, 2)
                episodes.Reset 1 |> ignore

                let fault =
                    Expect.throwsC (fun () -> episodes.Step(Array2D.zeroCreate 3 1) |> ignore) id

                Expect.stringContains fault.Message "2×1, and got 3×1" "message"
                Expect.throws (fun () -> Episodes(Pendulum.environment, 0) |> ignore) "empty batch"
            }
        ]
