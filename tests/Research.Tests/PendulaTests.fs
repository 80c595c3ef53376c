module Research.Tests.PendulaTests

open Expecto
open Research
open Research.Environments
open Research.Tests.Generators
open Research.Tests.Lagrangian

/// two derivations in floating point, of accelerations of some tens
let private rounding = 1e-9

let private numbers (x: Vec) = Array.map Trace.number x

/// centre of a rod whose lower end is at (px, py) and that leans against the clock from the upright
let private centre (px: Real) (py: Real) (length: float) (angle: Real) : Vec =
    [| px - 0.5 * length * sin angle; py + 0.5 * length * cos angle |]

let private ending (px: Real) (py: Real) (length: float) (angle: Real) =
    px - length * sin angle, py + length * cos angle

let private rod (mass: float) (length: float) place angle =
    planar mass (mass * length * length / 12.0) place angle

/// q = [p, θ₁, θ₂]
let private cart (force: float) : Mechanics =
    let m1, m2 = CartDoublePendulum.mass1, CartDoublePendulum.mass2
    let l1, l2 = CartDoublePendulum.length1, CartDoublePendulum.length2
    let first (q: Vec) = centre q[0] Real.Zero l1 q[1]

    let second (q: Vec) =
        let px, py = ending q[0] Real.Zero l1 q[1]
        centre px py l2 q[2]

    {
        Kinetic =
            fun q v ->
                0.5 * CartDoublePendulum.cartMass * (v[0] * v[0])
                + rod m1 l1 first (fun q -> q[1]) q v
                + rod m2 l2 second (fun q -> q[2]) q v
        Potential = fun q -> CartDoublePendulum.gravity * (m1 * (first q)[1] + m2 * (second q)[1])
        Forces = fun _ v -> [| force - CartDoublePendulum.friction * v[0]; Real.Zero; Real.Zero |]
        Constraints = free
    }

/// q = [θ₁, θ₂]
let private pendulum (torques: float[]) : Mechanics =
    let m1, m2 = DoublePendulum.mass1, DoublePendulum.mass2
    let l1, l2 = DoublePendulum.length1, DoublePendulum.length2
    let first (q: Vec) = centre Real.Zero Real.Zero l1 q[0]

    let second (q: Vec) =
        let px, py = ending Real.Zero Real.Zero l1 q[0]
        centre px py l2 q[1]

    {
        Kinetic = fun q v -> rod m1 l1 first (fun q -> q[0]) q v + rod m2 l2 second (fun q -> q[1]) q v
        Potential = fun q -> DoublePendulum.gravity * (m1 * (first q)[1] + m2 * (second q)[1])
        Forces = fun _ _ -> Vec.ofFloats torques
        Constraints = free
    }

[<Tests>]
let tests =
    testList
        "Pendula"
        [
            testProperty "the cart with two rods moves as its energies say" (fun (seed: int) ->
                let random = Random seed
                let q, v = random.Vector 3, random.Vector 3
                let u = 20.0 * random.Rng.Normal()
                let x = [| q[0]; v[0]; v[1]; v[2]; q[1]; q[2] |]

                let found =
                    numbers (CartDoublePendulum.pilcoOde (Vec.ofFloats x) (Vec.ofFloats [ u ]))

                let a = accelerations (cart u) q v
                let expected = [| v[0]; a[0]; a[1]; a[2]; v[1]; v[2] |]
                Expect.isLessThan (distance found expected / (1.0 + abs u)) rounding "rates")

            testProperty "two rods with two torques move as their energies say" (fun (seed: int) ->
                let random = Random seed
                let q, v, u = random.Vector 2, random.Vector 2, random.Vector 2

                let found =
                    numbers (DoublePendulum.pilcoOde (Vec.ofFloats (Array.append v q)) (Vec.ofFloats u))

                let expected = Array.append (accelerations (pendulum u) q v) v
                Expect.isLessThan (distance found expected) rounding "rates")

            testProperty "the pendubot has no torque on its second rod" (fun (seed: int) ->
                let random = Random seed
                let q, v, u = random.Vector 2, random.Vector 2, random.Rng.Normal()

                let found =
                    numbers (Pendubot.pilcoOde (Vec.ofFloats (Array.append v q)) (Vec.ofFloats [ u ]))

                let expected = Array.append (accelerations (pendulum [| u; 0.0 |]) q v) v
                Expect.isLessThan (distance found expected) rounding "rates")

            test "two equal rods swing about hanging with the textbook's frequencies" {
                // ω² = (3 ∓ 6/√7) g/l
                let hanging = Vec.ofFloats [ 0.0; 0.0; System.Math.PI; System.Math.PI ]

                let slopes =
                    Diff.jacobian (fun x -> DoublePendulum.pilcoOde x (Vec.ofFloats [ 0.0; 0.0 ])) hanging
                    |> Array2D.map Trace.number

                let a, b, c, d = slopes[0, 2], slopes[0, 3], slopes[1, 2], slopes[1, 3]
                let trace, determinant = -(a + d), a * d - b * c
                let root = sqrt (trace * trace - 4.0 * determinant)
                let g, l = DoublePendulum.gravity, DoublePendulum.length1

                for found, sign in [ (trace - root) / 2.0, -1.0; (trace + root) / 2.0, 1.0 ] do
                    let expected = (3.0 + sign * 6.0 / sqrt 7.0) * g / l
                    Expect.isLessThan (abs (found - expected) / expected) rounding "ω²"
            }
        ]
