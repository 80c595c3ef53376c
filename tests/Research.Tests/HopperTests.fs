module Research.Tests.HopperTests

open System
open Expecto
open Research
open Research.Environments
open Research.Tests.Generators

let private numbers (x: Vec) = Array.map Trace.number x

let private press (height: float) (velocity: float[]) =
    numbers (SoftContact.force Hopper.ground (Real.constant height) (Vec.ofFloats velocity))

let private contactTests =
    testList
        "contact"
        [
            testProperty
                "the ground pushes, and friction stays inside its cone and against the sliding"
                (fun (seed: int) ->
                    let random = Random seed
                    let height = 0.03 * random.Rng.Normal()
                    let velocity = random.Vector 2 |> Array.map ((*) 3.0)
                    let force = press height velocity
                    Expect.isGreaterThanOrEqual force[1] 0.0 "pushes"
                    Expect.isLessThanOrEqual (abs force[0]) (Hopper.ground.Friction * force[1]) "cone"
                    Expect.isLessThanOrEqual (force[0] * velocity[0]) 0.0 "against the sliding")

            testProperty "it takes energy: more than the spring on the way down, less on the way up" (fun (seed: int) ->
                let random = Random seed
                let height = 0.01 * random.Rng.Normal()
                let speed = 2.0 * random.Rng.Normal()
                let spring = (press height [| 0.0; 0.0 |])[1]
                let force = (press height [| 0.0; speed |])[1]
                Expect.isLessThanOrEqual ((force - spring) * speed) 0.0 "damping")

            test "deep down it is a spring, and a hand above there is nothing" {
                let ground = Hopper.ground
                let deep = 20.0 * ground.Softness
                let force = (press -deep [| 0.0; 0.0 |])[1]
                Expect.isLessThan (abs (force - ground.Stiffness * deep)) 1e-4 "k d"
                let above = press 0.1 [| 0.0; 0.0 |]
                Expect.isLessThan above[1] 1e-6 "nothing"
            }
        ]

let private dynamics (h: float) =
    Dynamics.ofTraced 10 2 (Hopper.step (Real.constant h))

let private play (h: float) steps (controls: float[] -> float[]) (start: float[]) =
    let dynamics = dynamics h
    let mutable x = start

    [
        for _ in 1..steps do
            let next = Array.zeroCreate 10
            dynamics.Step(ReadOnlySpan(Array.append x (controls x)), Span next, 1)
            x <- next
            x
    ]

let private stance = Hopper.environment.Start

/// Height, lean and the two torques with which the leg of the stance stands still: its five accelerations are 0, by steps of Gauss and Newton.
let private standing: Lazy<float[]> =
    lazy
        (let residual (z: Vec) =
            let x =
                Array.append
                    (Array.append [| Real.Zero; z[0]; z[1] |] (Vec.ofFloats stance[3..4]))
                    (Array.create 5 Real.Zero)

            (Hopper.ode x z[2..3])[5..]

         let mutable z = [| stance[1]; stance[2]; 0.0; 0.0 |]

         for _ in 1..30 do
             let value, slopes = Diff.fjacobian residual (Vec.ofFloats z)
             let slopes = slopes |> Array2D.map Trace.number
             let value = numbers value
             // least squares: the five equations are consistent, for nothing slides
             let normal = times (transposed slopes) slopes

             let right =
                 Array.init 4 (fun i -> Seq.sum (seq { for k in 0..4 -> slopes[k, i] * value[k] }))

             z <- Array.map2 (-) z (solve normal right)

         z)

[<Tests>]
let tests =
    testList
        "Hopper"
        [
            contactTests

            test "at rest the ground carries the weight" {
                let z = standing.Value

                let x =
                    Array.append [| 0.0; z[0]; z[1]; stance[3]; stance[4] |] (Array.zeroCreate 5)

                let rates = numbers (Hopper.ode (Vec.ofFloats x) (Vec.ofFloats z[2..3]))
                Expect.isLessThan (distance rates (Array.zeroCreate 10)) 1e-6 "still"
                let force = numbers (Hopper.groundForce (Vec.ofFloats x))
                Expect.isLessThan (distance force [| 0.0; Hopper.weight |]) 1e-6 "weight"
                // and there it stays for a quarter of a second, on one point as it is
                let last = play 0.005 50 (fun _ -> z[2..3]) x |> List.last
                Expect.isLessThan (distance last x) 1e-4 "stays"
            }

            testProperty
                "momentum, angular momentum and energy change by what acts: weight, ground, motors, springs, dampers"
                (fun (seed: int) ->
                    let random = Random seed
                    // in the air, near the ground and in it; joints away from the stance
                    let high = [| 3.0; 0.05; 0.0; -0.01 |][random.Whole(0, 3)]
                    let q = Array.map2 (+) stance[..4] (random.Vector 5 |> Array.map ((*) 0.4))
                    let q = Array.append [| q[0]; stance[1] + high |] q[2..]
                    let v = random.Vector 5 |> Array.map ((*) 2.0)
                    let u = random.Vector 2 |> Array.map ((*) 30.0)
                    let x = Vec.ofFloats (Array.append q v)
                    let rates = Hopper.ode x (Vec.ofFloats u)

                    let change (quantity: Vec -> Vec -> Vec) =
                        numbers (Diff.jacobianv (fun x -> quantity x[..4] x[5..]) x rates)

                    // kg, kg m², place of the centre and angle of body, thigh and shin, by hand
                    let along (origin: Vec) (angle: Real) (far: float) : Vec =
                        [| origin[0] + far * cos angle; origin[1] + far * sin angle |]

                    let up (q: Vec) = q[2] + Math.PI / 2.0
                    let thigh (q: Vec) = up q + q[3] - Math.PI
                    let shin (q: Vec) = thigh q + q[4]
                    let knee (q: Vec) = along q[..1] (thigh q) Hopper.thigh
                    let foot (q: Vec) = along (knee q) (shin q) Hopper.shin
                    let rod (mass: float) (length: float) = mass * length * length / 12.0

                    let bodies: (float * float * (Vec -> Vec) * (Vec -> Real)) list =
                        [
                            6.0, 0.1, (fun q -> along q[..1] (up q) 0.18), up
                            1.2, rod 1.2 Hopper.thigh, (fun q -> along q[..1] (thigh q) (Hopper.thigh / 2.0)), thigh
                            0.8, rod 0.8 Hopper.shin, (fun q -> along (knee q) (shin q) (Hopper.shin / 2.0)), shin
                        ]

                    let sum (quantity: float * float * (Vec -> Vec) * (Vec -> Real) -> Vec) =
                        bodies |> List.map quantity |> List.reduce Vec.add

                    let momentum q v =
                        sum (fun (mass, _, centre, _) -> Vec.scale (Real.constant mass) (Diff.jacobianv centre q v))

                    let cross (a: Vec) (b: Vec) = a[0] * b[1] - a[1] * b[0]

                    let angularMomentum q v =
                        sum (fun (mass, inertia, centre, angle) ->
                            [|
                                mass * cross (centre q) (Diff.jacobianv centre q v)
                                + inertia * Diff.gradv angle q v
                            |])

                    let energy q v =
                        sum (fun (mass, inertia, centre, angle) ->
                            [|
                                Lagrangian.planar mass inertia centre angle q v
                                + mass * Hopper.gravity * (centre q)[1]
                            |])

                    let at = x[..4]
                    let force = Hopper.groundForce x
                    let size = 1.0 + distance (numbers rates) (Array.zeroCreate 10) * 100.0

                    let near (found: float) (expected: float) message =
                        Expect.isLessThan (abs (found - expected)) (1e-11 * size) $"{message}: {found} for {expected}"

                    let push = numbers force
                    let linear = change momentum
                    near linear[0] push[0] "momentum along"
                    near linear[1] (push[1] - Hopper.weight) "momentum up"

                    let weight =
                        bodies
                        |> List.sumBy (fun (mass, _, centre, _) -> -mass * Hopper.gravity * (numbers (centre at)).[0])

                    let angular = change angularMomentum
                    near angular[0] (weight + Trace.number (cross (foot at) force)) "angular momentum"

                    let motors = u[0] * v[3] + u[1] * v[4]
                    let dampers = Hopper.damping * (v[3] * v[3] + v[4] * v[4])

                    let springs =
                        Hopper.stiffness * ((q[3] - stance[3]) * v[3] + (q[4] - stance[4]) * v[4])

                    let ground = Vec.dot force (Diff.jacobianv foot at x[5..]) |> Trace.number
                    let supplied = change energy
                    near supplied[0] (motors - dampers - springs + ground) "energy")

            test "the picture shows the foot where the ground is felt" {
                let x = Array.append [| 0.2; 0.7; 0.3; -0.2; -0.5 |] (Array.zeroCreate 5)

                let leg =
                    (PlanarChain.motions Hopper.links (Vec.ofFloats x[..4]) (Vec.ofFloats x[5..]))[2]

                let foot = numbers (PlanarChain.place leg Hopper.shin)

                match List.last (Hopper.environment.Scene.Shapes x) with
                | Disc(_, (px, py), _) -> Expect.isLessThan (distance [ px; py ] foot) 1e-12 "foot"
                | other -> failtest $"{other}"
            }

            test "the step is stable: a fall from a hand's height is the same in steps of half the length" {
                let start = Array.append [| 0.0; stance[1] + 0.15 |] stance[2..]
                let none _ = [| 0.0; 0.0 |]
                let coarse = play 0.005 60 none start
                // the integrator takes four steps to 5 ms; here it takes two where it took one
                let fine = play (Hopper.longestStep / 2.0) 480 none start
                let ended, finely = List.last coarse, List.last fine
                Expect.isLessThan (distance ended[..4] finely[..4]) 0.03 "end"

                for x in coarse do
                    Expect.isTrue (Array.forall Double.IsFinite x) "finite"
                    let foot = numbers (Hopper.groundForce (Vec.ofFloats x))
                    Expect.isGreaterThanOrEqual foot[1] 0.0 "pushes"
                    Expect.isLessThan foot[1] (20.0 * Hopper.weight) "no blow"
            }
        ]
