module Research.Tests.RandomShootingTests

open Expecto
open Research
open Research.Control
open Research.Tests.SamplingPlannerTests

[<Tests>]
let tests =
    testList
        "RandomShooting"
        [
            test "samples are uniform between the limits, and the best of them is the plan" {
                let cost (u: float[]) = (u[0] - 0.5) ** 2.0 + abs u[3]
                let objective, populations = recording 2 [| -1.0; 2.0 |] [| 1.0; 6.0 |] cost
                let planner = RandomShooting.create { Samples = 20_000 } objective (Rng.OfSeed 1)
                let sampling = replan planner 0
                let population = populations[0]
                let best = population |> Array.minBy cost
                Expect.equal (planned planner) best "plan"
                Expect.equal sampling.Best (cost best) "cost"
                Expect.equal sampling.Evaluations 20_000 "evaluations"

                for row in 0..3 do
                    let low, high = (if row % 2 = 0 then -1.0, 1.0 else 2.0, 6.0)

                    let shares =
                        population |> Array.map (fun u -> (u[row] - low) / (high - low)) |> Array.sort

                    let distance =
                        shares
                        |> Array.mapi (fun i share -> abs (share - float i / 20_000.0))
                        |> Array.max
                    // Kolmogorov: above 3 once in 10⁷ times
                    Expect.isLessThan (distance * sqrt 20_000.0) 3.0 $"row {row}"
            }

            test "nothing is kept from one replan to the next" {
                let objective, _ = recording 3 [| -1.0 |] [| 1.0 |] Array.sum

                let second (first: float[,] option) =
                    let planner = RandomShooting.create RandomShooting.defaults objective (Rng.OfSeed 2)
                    first |> Option.iter (fun plan -> planner.Plan <- plan)
                    replan planner 0 |> ignore
                    planned planner

                Expect.equal (second (Some(Array2D.create 3 1 0.7))) (second None) "the old plan does not matter"
            }
        ]
