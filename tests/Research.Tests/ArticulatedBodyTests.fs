module Research.Tests.ArticulatedBodyTests

open System
open Expecto
open Research
open Research.Environments
open Research.Tests.Generators

let private numbers (values: Vec) = values |> Array.map Trace.number

let private randomChain (random: Random) n : Chain =
    let vector scale =
        Array.init 3 (fun _ -> scale * random.Rng.Normal())

    {
        Joints =
            Array.init n (fun i ->
                let a = random.Matrix(3, 3)
                // a body of three points has an inertia that a body can have
                let inertia j k =
                    Seq.sum (
                        seq {
                            for p in 0..2 ->
                                (if j = k then
                                     Seq.sum (seq { for l in 0..2 -> a[p, l] * a[p, l] })
                                 else
                                     0.0)
                                - a[p, j] * a[p, k]
                        }
                    )

                {
                    Name = $"{i}"
                    Offset = vector 0.5
                    Rotation = vector 2.0
                    Mass = 0.5 + random.Rng.Uniform()
                    Centre = vector 0.2
                    Inertia =
                        [|
                            inertia 0 0
                            inertia 1 1
                            inertia 2 2
                            inertia 0 1
                            inertia 0 2
                            inertia 1 2
                        |]
                        |> Array.map ((*) 0.05)
                    Armature = 0.1 * random.Rng.Uniform()
                    Damping = random.Rng.Uniform()
                    Lower = -infinity
                    Upper = infinity
                    Torque = infinity
                })
        Gravity = vector 5.0
        Tool = vector 0.3
    }

[<Tests>]
let tests =
    testList
        "ArticulatedBody"
        [
            testProperty "the articulated-body algorithm solves M q̈ + bias = τ" (fun (seed: int) ->
                let random = Random seed
                let n = random.Whole(1, 7)
                let chain = randomChain random n
                let q, rates, torques = random.Vector n, random.Vector n, random.Vector n
                let at (values: float[]) = Vec.ofFloats values
                let found = numbers (ArticulatedBody.forward chain (at q) (at rates) (at torques))
                let mass = ArticulatedBody.massMatrix chain (at q) |> Array2D.map Trace.number

                let bias =
                    numbers (ArticulatedBody.inverse chain (at q) (at rates) (at (Array.zeroCreate n)))

                let expected = solve mass (Array.map2 (-) torques bias)
                let scale = 1.0 + (expected |> Array.map abs |> Array.max)
                Expect.isLessThan (distance found expected / scale) 1e-8 "accelerations"
                Expect.isLessThan (distance (flat mass) (flat (transposed mass))) 1e-9 "M is symmetric"
                let back = numbers (ArticulatedBody.inverse chain (at q) (at rates) (at found))
                Expect.isLessThan (distance back torques / scale) 1e-8 "inverse of forward")

            testProperty "kinetic energy is ½ q̇ᵀM q̇, and power is torque times rate less damping" (fun (seed: int) ->
                let random = Random seed
                let n = random.Whole(1, 5)
                let chain = randomChain random n
                let q, rates, torques = random.Vector n, random.Vector n, random.Vector n

                let weightless =
                    { chain with
                        Gravity = [| 0.0; 0.0; 0.0 |]
                    }

                let kinetic =
                    Trace.number (ArticulatedBody.energy weightless (Vec.ofFloats q) (Vec.ofFloats rates))

                let mass =
                    ArticulatedBody.massMatrix chain (Vec.ofFloats q) |> Array2D.map Trace.number

                let form =
                    0.5
                    * Seq.sum (
                        seq {
                            for i in 0 .. n - 1 do
                                for j in 0 .. n - 1 -> rates[i] * mass[i, j] * rates[j]
                        }
                    )

                Expect.isLessThan (abs (kinetic - form) / (1.0 + form)) 1e-9 "energy"

                // dE/dt along the motion, by differentiation in both
                let energy (z: Vec) =
                    ArticulatedBody.energy chain z[.. n - 1] z[n..]

                let slope = numbers (Diff.grad energy (Vec.ofFloats (Array.append q rates)))

                let motion =
                    numbers (ArticulatedBody.ode chain (Vec.ofFloats (Array.append q rates)) (Vec.ofFloats torques))

                let change = Array.fold2 (fun s a b -> s + a * b) 0.0 slope motion

                let power =
                    Seq.sum (
                        seq { for i in 0 .. n - 1 -> rates[i] * (torques[i] - chain.Joints[i].Damping * rates[i]) }
                    )

                Expect.isLessThan (abs (change - power) / (1.0 + abs power)) 1e-8 "power")

            test "a single link is a physical pendulum" {
                let chain =
                    { randomChain (Random 1) 1 with
                        Gravity = [| 0.0; -9.81; 0.0 |]
                    }

                let joint =
                    { chain.Joints[0] with
                        Rotation = [| 0.0; 0.0; 0.0 |]
                        Centre = [| 0.4; 0.0; 0.0 |]
                        Armature = 0.0
                        Damping = 0.0
                    }

                let chain = { chain with Joints = [| joint |] }
                let q = 0.7

                let acceleration =
                    ArticulatedBody.forward chain [| Real.constant q |] [| Real.constant 3.0 |] [| Real.Zero |]

                let expected =
                    -joint.Mass * 9.81 * 0.4 * cos q / (joint.Inertia[2] + joint.Mass * 0.16)

                Expect.isLessThan (abs (Trace.number acceleration[0] - expected)) 1e-12 "m g l cos q over the inertia"
            }

            testProperty
                "the tool moves as the velocities of the links say: gravity's torque is the slope of the height"
                (fun (seed: int) ->
                    let random = Random seed
                    let n = random.Whole(1, 6)
                    let chain = randomChain random n
                    // a point mass at the tool only: the torque that holds it is −Jᵀ m g
                    let light =
                        { chain with
                            Joints =
                                chain.Joints
                                |> Array.mapi (fun i joint ->
                                    { joint with
                                        Mass = if i = n - 1 then 2.0 else 0.0
                                        Centre = chain.Tool
                                        Inertia = Array.zeroCreate 6
                                    })
                        }

                    let q = Vec.ofFloats (random.Vector n)
                    let zero = Vec.ofFloats (Array.zeroCreate n)
                    let holding = numbers (ArticulatedBody.inverse light q zero zero)

                    let jacobian =
                        Diff.jacobian (ArticulatedBody.tool chain) q |> Array2D.map Trace.number

                    let expected =
                        Array.init n (fun j ->
                            -2.0 * Seq.sum (seq { for k in 0..2 -> jacobian[k, j] * chain.Gravity[k] }))

                    Expect.isLessThan (distance holding expected) 1e-9 "torques")

            test "sizes that do not fit are named" {
                Expect.throwsC
                    (fun () -> ArticulatedBody.tool Manipulator.chain (Vec.ofFloats [ 1.0 ]) |> ignore)
                    (fun error -> Expect.stringContains error.Message "7 joints got a vector of 1 numbers" "message")
            }

            test "the manipulator, stretched upward, is as tall as its data sheet says" {
                let tool =
                    numbers (ArticulatedBody.tool Manipulator.chain (Vec.ofFloats (Array.zeroCreate 7)))
                // 0.36 + 0.42 + 0.4 + 0.081 + tool
                Expect.isLessThan (distance tool [| 0.0; 0.0; 0.36 + 0.42 + 0.4 + 0.081 + 0.045 |]) 1e-12 "place"
            }
        ]
