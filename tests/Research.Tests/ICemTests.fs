module Research.Tests.ICemTests

open Expecto
open Research
open Research.Control
open Research.Tests.Generators
open Research.Tests.SamplingPlannerTests

let private cost (u: float[]) =
    u |> Array.mapi (fun i v -> (v - 0.1 * float i) ** 2.0) |> Array.sum

let private options =
    { ICem.defaults with
        Samples = 80
        Elites = 10
        Iterations = 4
        Decay = 2.0
        Kept = 0.3
        Smoothing = 0.0
    }

let private best count (population: float[][]) =
    population |> Array.sortBy cost |> Array.truncate count

[<Tests>]
let tests =
    testList
        "ICem"
        [
            test "populations shrink, elites are kept, and the last iteration tries the mean" {
                let objective, populations = recording 5 [| -1.0 |] [| 1.0 |] cost
                let planner = ICem.create options objective (Rng.OfSeed 1)
                let sampling = replan planner 0
                // 80, 40, then twice the elites; three kept from the second on; the mean in the last
                Expect.equal [ for p in populations -> p.Length ] [ 80; 43; 23; 24 ] "sizes"
                Expect.equal sampling.Evaluations 170 "evaluations"

                for i in 1..3 do
                    for elite in best 3 populations[i - 1] do
                        Expect.contains populations[i] elite $"an elite of iteration {i - 1}"

                let mean = best 10 populations[2] |> Array.transpose |> Array.map Array.average
                Expect.isLessThan (distance (Array.last populations[3]) mean) 1e-14 "mean"
            }

            test "the plan is the best sequence of all" {
                for seed in 1..10 do
                    let objective, populations = recording 5 [| -1.0 |] [| 1.0 |] cost
                    let planner = ICem.create options objective (Rng.OfSeed seed)
                    let sampling = replan planner 0
                    let winner = populations |> Seq.concat |> Seq.minBy cost
                    Expect.equal (planned planner) winner "plan"
                    Expect.equal sampling.Best (cost winner) "cost"
            }

            test "elites return in the next replan, moved ahead in time, unless all is new" {
                let objective, populations = recording 5 [| -1.0; -2.0 |] [| 1.0; 2.0 |] cost
                let planner = ICem.create options objective (Rng.OfSeed 2)
                replan planner 0 |> ignore
                let elites = best 3 populations[3]
                populations.Clear()
                replan planner 2 |> ignore
                Expect.hasLength populations[0] 83 "size"
                let heads = populations[0] |> Array.map (fun u -> u[..5])

                for elite in elites do
                    Expect.contains heads elite[4..9] "head"

                for elapsed in [ 5; 6 ] do
                    populations.Clear()
                    replan planner elapsed |> ignore
                    Expect.hasLength populations[0] 80 "past the horizon"

                populations.Clear()
                planner.Plan <- Array2D.zeroCreate 5 2
                replan planner 1 |> ignore
                Expect.hasLength populations[0] 80 "after a plan was given"
            }

            test "samples are coloured in time" {
                // correlation of neighbouring steps, and what the noise's map says it is
                for colour in [ 0.0; 1.0; 3.0 ] do
                    let steps = 10
                    let objective, populations = recording steps [| -100.0 |] [| 100.0 |] cost

                    let planner =
                        ICem.create
                            { options with
                                Samples = 20_000
                                Iterations = 1
                                Colour = colour
                                Deviation = Some [| 1.0 |]
                            }
                            objective
                            (Rng.OfSeed 3)

                    replan planner 0 |> ignore
                    let map = Noise.colouring colour steps
                    let expected = Seq.sum (seq { for k in 0..9 -> map[40 + k] * map[50 + k] })
                    let found = populations[0] |> Array.averageBy (fun u -> u[4] * u[5])
                    Expect.isLessThan (abs (found - expected)) (5.7 * sqrt (2.0 / 20_000.0)) $"colour {colour}"
            }
        ]
