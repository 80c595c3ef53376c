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

            test "in the air it falls like a stone, turning at a steady momentum" {
                let air = Array.append [| 0.0; 3.0 |] stance[2..]
                let x = Vec.ofFloats (Array.append air[..4] [| 0.5; 0.0; 1.0; -2.0; 3.0 |])
                let u = Vec.ofFloats [ 20.0; -30.0 ]

                let momenta (x: Vec) =
                    let motions = PlanarChain.motions Hopper.links x[..4] x[5..]

                    Array.map2
                        (fun (link: PlanarLink) motion ->
                            Vec.scale (Real.constant link.Mass) (PlanarChain.velocity motion link.Centre))
                        Hopper.links
                        motions
                    |> Array.reduce Vec.add

                let change = numbers (Diff.jacobianv momenta x (Hopper.ode x u))
                Expect.isLessThan (distance change [| 0.0; -Hopper.weight |]) 1e-8 "force"
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
