module Research.Tests.PredictiveSamplingTests

open Expecto
open Research
open Research.Control
open Research.Tests.Generators
open Research.Tests.SamplingPlannerTests

let private cost (u: float[]) =
    u |> Array.mapi (fun i v -> (v - 0.1 * float i) ** 2.0) |> Array.sum

let private options =
    { PredictiveSampling.defaults with
        Samples = 30
        Knots = 4
    }

/// The spline whose knots lie on a given plan.
let private through spline horizon (plan: int -> float) =
    let objective, populations = recording horizon [| -50.0 |] [| 50.0 |] (fun _ -> 0.0)

    let planner =
        PredictiveSampling.create
            { options with
                Spline = spline
                Deviation = Some [| 0.0 |]
            }
            objective
            (Rng.OfSeed 2)

    planner.Plan <- Array2D.init horizon 1 (fun t _ -> plan t)
    replan planner 0 |> ignore
    populations[0].[0]

[<Tests>]
let tests =
    testList
        "PredictiveSampling"
        [
            test "candidates are splines of their knots" {
                let horizon = 10

                for spline, degree in [ Constant, 0; Linear, 1; Cubic, 3 ] do
                    let objective, populations = recording horizon [| -50.0 |] [| 50.0 |] cost

                    let planner =
                        PredictiveSampling.create { options with Spline = spline } objective (Rng.OfSeed 1)

                    replan planner 0 |> ignore

                    let knots =
                        if spline = Constant then
                            [ 0; 2; 5; 7; 10 ]
                        else
                            [ 0; 3; 6; 9 ]

                    for u in populations[0] do
                        for from, upTo in List.pairwise knots do
                            // differences of an order above the degree vanish between two knots
                            let inside =
                                if spline = Constant then
                                    u[from .. upTo - 1]
                                else
                                    u[from..upTo]

                            let differences =
                                Seq.fold
                                    (fun v _ -> Array.pairwise v |> Array.map (fun (a, b) -> b - a))
                                    inside
                                    (seq { 0..degree })

                            Expect.all differences (fun d -> abs d < 1e-12) $"{spline} between {from} and {upTo}"

                    Expect.isTrue (populations[0] |> Array.exists (fun u -> abs (u[0] - u[9]) > 1.0)) "and they vary"
            }

            test "linear and cubic splines keep straight lines" {
                for spline in [ Linear; Cubic ] do
                    let line t = 3.0 - 0.5 * float t
                    Expect.isLessThan (distance (through spline 10 line) (Seq.init 10 line)) 1e-12 $"{spline}"
            }

            test "cubic splines pass through their knots without a kink" {
                let values = [| 1.0; -2.0; 0.5; 3.0 |]
                // knots at steps 0, 100, 200 and 300
                let u = through Cubic 301 (fun t -> values[t / 100])

                for k in 0..3 do
                    Expect.isLessThan (abs (u[100 * k] - values[k])) 1e-12 $"knot {k}"

                for k in 1..2 do
                    let slope = (values[k + 1] - values[k - 1]) / 200.0
                    let before, after = u[100 * k] - u[100 * k - 1], u[100 * k + 1] - u[100 * k]
                    // half a step times curvatures of some 10 a squared interval
                    Expect.isLessThan (abs (before - slope)) 2e-3 "slope before"
                    Expect.isLessThan (abs (after - slope)) 2e-3 "slope after"
            }

            test "the plan itself is a candidate: replans from one state never get worse" {
                for spline in [ Constant; Linear; Cubic ] do
                    let objective, populations = recording 10 [| -1.0 |] [| 1.0 |] cost

                    let planner =
                        PredictiveSampling.create { options with Spline = spline } objective (Rng.OfSeed 3)

                    let bests = [ for _ in 1..40 -> (replan planner 0).Best ]

                    for before, after in List.pairwise bests do
                        Expect.isLessThanOrEqual after (before + 1e-12) $"{spline}"

                    Expect.isLessThan (List.last bests) bests[0] "and better in the end"
                    Expect.equal (planned planner) (Seq.last populations |> Array.minBy cost) "the best candidate"
            }
        ]
