module Research.Tests.MppiTests

open Expecto
open Research
open Research.Control
open Research.Tests.Generators
open Research.Tests.SamplingPlannerTests

let private cost (u: float[]) =
    u |> Array.mapi (fun i v -> (v - 0.1 * float i) ** 2.0) |> Array.sum

let private options =
    { Mppi.defaults with
        Samples = 50
        Temperature = 0.3
    }

[<Tests>]
let tests =
    testList
        "Mppi"
        [
            testProperty "weights sum to 1, fall with the cost, and do not see a constant"
            <| fun (seed: int) ->
                let random = Random seed
                let costs = random.Vector(random.Whole(1, 50)) |> Array.map (fun z -> 100.0 * z)
                let temperature = 10.0 ** float (random.Whole(-3, 3))
                let weights = Mppi.weights temperature costs
                Expect.isLessThan (abs (Array.sum weights - 1.0)) 1e-12 "sum"
                let sorted = Array.zip costs weights |> Array.sortBy fst |> Array.map snd
                Expect.equal sorted (Array.sortDescending weights) "order"
                let moved = Mppi.weights temperature (Array.map (fun c -> c + 4096.0) costs)
                // a constant costs twelve bits of a difference over the temperature
                Expect.isLessThan (distance moved weights) (1e-12 * (1.0 + 1.0 / temperature)) "constant"

            test "without temperature the best sample has all the weight; with much, all weigh the same" {
                let costs = [| 3.0; 1.0; 2.0; nan; infinity; -infinity |]
                Expect.equal (Mppi.weights 1e-12 costs) [| 0.0; 1.0; 0.0; 0.0; 0.0; 0.0 |] "cold"
                let hot = Mppi.weights 1e12 costs
                Expect.isLessThan (distance hot [| 1.0 / 3.0; 1.0 / 3.0; 1.0 / 3.0; 0.0; 0.0; 0.0 |]) 1e-11 "hot"
                Expect.equal (Mppi.weights 1.0 [| nan; infinity |]) [| 0.0; 0.0 |] "nothing finite"

                let objective, populations = recording 4 [| -1.0 |] [| 1.0 |] cost

                let planner =
                    Mppi.create { options with Temperature = 1e-12 } objective (Rng.OfSeed 1)

                replan planner 0 |> ignore
                Expect.equal (planned planner) (populations[0] |> Array.minBy cost) "the plan is the best sample"
            }

            test "the plan is the weighted mean of the samples, with the correction for where they were drawn" {
                for correction in [ 0.0; 1.0 ] do
                    let objective, populations = recording 3 [| -2.0; -1.0 |] [| 2.0; 1.0 |] cost

                    let planner =
                        Mppi.create
                            { options with
                                Correction = correction
                                Deviation = Some [| 0.8; 0.4 |]
                            }
                            objective
                            (Rng.OfSeed 2)

                    let start = [| 0.3; -0.2; 0.1; 0.5; -0.4; 0.0 |]
                    planner.Plan <- Array2D.init 3 2 (fun t i -> start[2 * t + i])
                    replan planner 0 |> ignore

                    let extra (v: float[]) =
                        Seq.sum (seq { for r in 0..5 -> start[r] * v[r] / (if r % 2 = 0 then 0.64 else 0.16) })

                    let raw =
                        populations[0]
                        |> Array.map (fun v -> exp (-(cost v + correction * 0.3 * extra v) / 0.3))

                    let expected =
                        Array.init 6 (fun r ->
                            Array.sum (Array.map2 (fun w (v: float[]) -> w * v[r]) raw populations[0])
                            / Array.sum raw)

                    Expect.isLessThan (distance (planned planner) expected) 1e-13 $"correction {correction}"
            }

            test "the correction makes importance sampling: the mean about no control, whatever the plan" {
                // E[v exp(-S/λ)]/E[exp(-S/λ)] under N(0, σ²) for S = (v − a)²/2: a σ²/(λ + σ²)
                let a, lambda, sigma = 1.0, 0.5, 0.7

                for nominal in [ -0.5; 0.0; 0.6 ] do
                    let objective, _ =
                        recording 1 [| -50.0 |] [| 50.0 |] (fun u -> 0.5 * (u[0] - a) ** 2.0)

                    let planner =
                        Mppi.create
                            { options with
                                Samples = 100_000
                                Temperature = lambda
                                Correction = 1.0
                                Deviation = Some [| sigma |]
                            }
                            objective
                            (Rng.OfSeed 3)

                    planner.Plan <- array2D [ [ nominal ] ]
                    replan planner 0 |> ignore
                    let expected = a * sigma * sigma / (lambda + sigma * sigma)
                    Expect.isLessThan (abs (planner.Plan[0, 0] - expected)) 0.015 $"about {nominal}"
            }

            test "a smoothed plan is held to the limits" {
                let objective, _ = recording 9 [| -1.0; -3.0 |] [| 1.0; 3.0 |] (fun _ -> 0.0)

                let planner =
                    Mppi.create
                        { options with
                            Smoothing = 2
                            Deviation = Some [| 0.0; 0.0 |]
                        }
                        objective
                        (Rng.OfSeed 5)

                // from one limit to the other: five-point weights (−3, 12, 17, 12, −3)/35 overshoot by 6/35 beside the jump
                planner.Plan <-
                    Array2D.init 9 2 (fun t i -> (if t < 4 then -1.0 else 1.0) * (if i = 0 then 1.0 else 3.0))

                replan planner 0 |> ignore
                let plan = planned planner
                Expect.equal plan[10..11] [| 1.0; 3.0 |] "above"
                Expect.equal plan[4..5] [| -1.0; -3.0 |] "below"
                Expect.isLessThan (distance plan[6..7] [ -17.0 / 35.0; -51.0 / 35.0 ]) 1e-12 "at the jump"
            }

            test "smoothing leaves parabolas and takes away noise" {
                let smoothed (plan: int -> float) =
                    let objective, _ = recording 13 [| -100.0 |] [| 100.0 |] (fun _ -> 0.0)

                    let planner =
                        Mppi.create
                            { options with
                                Smoothing = 3
                                Deviation = Some [| 0.0 |]
                            }
                            objective
                            (Rng.OfSeed 4)

                    planner.Plan <- Array2D.init 13 1 (fun t _ -> plan t)
                    replan planner 0 |> ignore
                    planned planner

                let parabola t =
                    1.0 - 2.0 * float t + 0.3 * float (t * t)

                Expect.isLessThan (distance (smoothed parabola) (Seq.init 13 parabola)) 1e-10 "parabola"
                let jitter t = if t % 2 = 0 then 1.0 else -1.0
                // Savitzky and Golay's seven-point weights: (−2, 3, 6, 7, 6, 3, −2)/21
                let centre = smoothed (fun t -> if t = 6 then 21.0 else 0.0)
                Expect.isLessThan (distance centre[3..9] [ -2.0; 3.0; 6.0; 7.0; 6.0; 3.0; -2.0 ]) 1e-10 "weights"

                Expect.isLessThan
                    (smoothed jitter |> Array.skip 3 |> Array.take 7 |> Array.map abs |> Array.max)
                    0.3
                    "jitter"
            }
        ]
