module Research.Tests.BlockStackingTests

open System
open Expecto
open Research
open Research.Agents

let private free = BlockStacking.scenario 3 false
let private start = free.Starts[0]
let private still = Array.zeroCreate<float> 4
let private shoulderOf (plant: float[]) = plant[5]

let private rolloutOf (controls: float[] list) : Rollout =
    let plants = controls |> List.scan free.Advance start

    {
        Plant = array2D plants
        Measured = array2D (plants |> List.map free.Observe)
        Controls = array2D controls
        Losses = controls |> List.map (fun _ -> 1.0) |> List.toArray
        Distances = plants |> List.map free.Distance |> List.toArray
    }

[<Tests>]
let tests =
    testList
        "BlockStacking"
        [
            test "a stretched arm reaches as far as its parts" {
                let reach = BlockStacking.upperArm + BlockStacking.forearm + BlockStacking.hand
                let p = BlockStacking.centre [| Math.PI / 2.0; 0.0; 0.0; 0.0 |]
                Expect.isLessThan (abs (p[1] - reach)) 1e-12 "to the left"
                Expect.isLessThan (abs p[0] + abs (p[2] - BlockStacking.shoulder)) 1e-12 "at the height of the shoulder"
                let up = BlockStacking.centre [| 0.3; Math.PI / 2.0; 0.0; 0.0 |]
                Expect.isLessThan (abs (up[2] - BlockStacking.shoulder - reach)) 1e-12 "or up"
            }

            test "servos stop beside their set points, and an arm at rest stays" {
                let rest = Seq.fold (fun x _ -> free.Advance x still) start (seq { 1..5 })
                Expect.isLessThan (Generators.distance rest start) 1e-9 "at rest"
                let control = [| 0.6; 0.0; 0.0; 0.0 |]
                let moved = free.Advance start control
                let settled = Seq.fold (fun x _ -> free.Advance x control) moved (seq { 1..10 })

                Expect.isLessThan
                    (abs (settled[0] - start[0] - 0.6))
                    1e-6
                    "the motor goes where it is sent, from where it stopped"

                Expect.isGreaterThan (settled[0] - moved[0]) 0.01 "but not in one step"
                Expect.isGreaterThan (abs (start[0] + 0.7)) 0.01 "which is beside its set point"
            }

            test "the play of the gears swallows small turns back" {
                let settle angle from =
                    Seq.fold (fun x _ -> free.Advance x [| 0.0; angle; 0.0; 0.0 |]) from (seq { 1..10 })

                let there = settle 0.1 start
                Expect.equal (shoulderOf (settle 0.08 there)) (shoulderOf there) "not at all"
                Expect.isLessThan (shoulderOf (settle 0.0 there)) (shoulderOf there) "but a large one gets through"
            }

            test "a block beside the tower touches nothing, one turned through it does" {
                Expect.equal (BlockStacking.collisions 5 (rolloutOf (List.replicate 5 still))) 0 "held"
                // low, and past the tower to its other side
                let past = [| 1.0; -0.1; -0.35; 0.2 |]
                let sweep = rolloutOf [ [| 0.0; -0.1; -0.35; 0.2 |]; past; past ]
                Expect.equal (BlockStacking.collisions 0 sweep) 0 "no tower, nothing to touch"
                Expect.isGreaterThan (BlockStacking.collisions 5 sweep) 0 "a tower in the way"
            }

            test "the camera is noisy and nothing else is seen" {
                let rng = Rng.OfSeed 2
                let seen = Array.init 2000 (fun _ -> free.Measure rng start)
                let exact = free.Observe start
                Expect.hasLength exact 3 "a place"

                for i in 0..2 do
                    let errors = seen |> Array.map (fun p -> p[i] - exact[i])
                    let deviation = sqrt (errors |> Array.averageBy (fun e -> e * e))
                    Expect.isLessThan (abs (deviation / BlockStacking.cameraNoise - 1.0)) 0.1 "its deviation"
                    Expect.isLessThan (abs (Array.average errors)) 3e-4 "no bias"
            }

            test "places to avoid raise the loss there and hardly elsewhere" {
                let guarded = BlockStacking.scenario 3 true

                let lossAt scenario (place: float[]) =
                    Loss.at scenario.Loss place
                    + (scenario.Penalties
                       |> List.sumBy (fun (w, loss) -> w * (1.0 - Loss.at loss place)))

                let inside = [| fst BlockStacking.tower; snd BlockStacking.tower; 0.0375 |]
                Expect.isGreaterThan (lossAt guarded inside - lossAt free inside) 0.9 "in the tower"
                let above = BlockStacking.target 3
                Expect.isLessThan (lossAt guarded above - lossAt free above) 0.3 "at the target"

                Expect.isLessThan
                    (abs (lossAt guarded (free.Observe start) - lossAt free (free.Observe start)))
                    1e-6
                    "far"
            }

            test "towers have 0 to 5 blocks" {
                Expect.throwsC (fun () -> BlockStacking.scenario 6 true |> ignore) (fun error ->
                    Expect.stringContains error.Message "0 to 5 blocks, and 6" "what is wrong")
            }
        ]
