module Research.Tests.CemTests

open Expecto
open Research
open Research.Control
open Research.Tests.Generators
open Research.Tests.SamplingPlannerTests

let private cost (u: float[]) =
    u |> Array.mapi (fun i v -> (v - 0.1 * float i) ** 2.0) |> Array.sum

let private rows (population: float[][]) = Array.transpose population

let private mean (values: float[]) = Array.average values

let private variance (values: float[]) =
    let m = mean values
    values |> Array.averageBy (fun v -> (v - m) * (v - m))

let private options =
    { Cem.defaults with
        Samples = 60
        Elites = 6
        Iterations = 1
        Smoothing = 0.25
        Tolerance = 0.0
    }

[<Tests>]
let tests =
    testList
        "Cem"
        [
            test "the plan is the smoothed mean of the elites, not the best sample" {
                let objective, populations = recording 4 [| -1.0 |] [| 1.0 |] cost
                let planner = Cem.create options objective (Rng.OfSeed 1)
                let start = [| 0.2; -0.2; 0.4; 0.0 |]
                planner.Plan <- Array2D.init 4 1 (fun t _ -> start[t])
                replan planner 0 |> ignore
                let elites = populations[0] |> Array.sortBy cost |> Array.truncate 6
                let expected = Array.map2 (fun s e -> 0.25 * s + 0.75 * mean e) start (rows elites)
                Expect.isLessThan (distance (planned planner) expected) 1e-14 "mean"
                Expect.isGreaterThan (distance (planned planner) elites[0]) 0.01 "best sample"
            }

            test "samples are within two deviations, and deviations within half the way to the limits" {
                let objective, populations = recording 3 [| -1.0 |] [| 3.0 |] (fun _ -> 0.0)
                let planner = Cem.create { options with Samples = 5000 } objective (Rng.OfSeed 2)
                planner.Plan <- array2D [ [ 2.8 ]; [ 1.0 ]; [ 3.0 ] ]
                replan planner 0 |> ignore
                let rows = rows populations[0]
                // a quarter of the range is 1; the limit is 0.2 away from 2.8, and 3.0 is on it
                for row, centre, deviation in [ 0, 2.8, 0.1; 1, 1.0, 1.0; 2, 3.0, 0.0 ] do
                    let away = rows[row] |> Array.map (fun u -> abs (u - centre))
                    Expect.isLessThanOrEqual (Array.max away) (2.0 * deviation + 1e-15) "two deviations"
                    Expect.isGreaterThanOrEqual (Array.max away) (1.9 * deviation) "and they are used"
                    // variance of a standard normal within ±2
                    let expected = 0.773741 * deviation * deviation
                    Expect.isLessThanOrEqual (abs (variance rows[row] - expected)) (0.1 * expected + 1e-30) "variance"
            }

            test "the next distribution has the smoothed variance of the elites" {
                let objective, populations = recording 2 [| -100.0 |] [| 100.0 |] cost

                let planner =
                    Cem.create
                        { options with
                            Samples = 4000
                            Elites = 400
                            Iterations = 2
                            Deviation = Some [| 1.0 |]
                        }
                        objective
                        (Rng.OfSeed 3)

                replan planner 0 |> ignore
                let elites = populations[0] |> Array.sortBy cost |> Array.truncate 400 |> rows

                for row in 0..1 do
                    let expected = 0.773741 * (0.25 + 0.75 * variance elites[row])
                    let found = variance (rows populations[1]).[row]
                    // the standard deviation of a variance of 4000 samples is 2 %
                    Expect.isLessThan (abs (found / expected - 1.0)) 0.1 $"row {row}"
            }

            test "iterations end when every variance is below the tolerance" {
                let iterations tolerance =
                    let objective, populations = recording 2 [| -1.0 |] [| 1.0 |] cost

                    let planner =
                        Cem.create
                            { options with
                                Iterations = 50
                                Tolerance = tolerance
                            }
                            objective
                            (Rng.OfSeed 4)

                    let sampling = replan planner 0
                    Expect.equal sampling.Iterations populations.Count "iterations"
                    Expect.equal sampling.Evaluations (60 * populations.Count) "evaluations"
                    populations.Count

                Expect.equal (iterations 0.0) 50 "no tolerance"
                Expect.isLessThan (iterations 1e-3) 20 "some"
                Expect.isLessThan (iterations 1e-1) (iterations 1e-3) "more"
                Expect.equal (iterations 0.3) 0 "all: the first variance is 0.25"
            }
        ]
