module Research.Tests.UnicycleTests

open System
open Expecto
open Research
open Research.Environments
open Research.Tests.Generators
open Research.Tests.Lagrangian

/// two derivations in floating point, of accelerations of some hundreds
let private rounding = 1e-8

let private numbers (x: Vec) = Array.map Trace.number x

let private column (a: Real) (b: Real) (c: Real) : Vec = [| a; b; c |]

/// Rotation about the second axis that carries the third towards the first.
let private pitched (angle: Real) : Mat =
    let s, c = sin angle, cos angle

    array2D
        [
            [ c; Real.Zero; s ]
            [ Real.Zero; Real.One; Real.Zero ]
            [ -s; Real.Zero; c ]
        ]

let private spun (angle: Real) : Mat =
    let s, c = sin angle, cos angle

    array2D
        [
            [ c; -s; Real.Zero ]
            [ s; c; Real.Zero ]
            [ Real.Zero; Real.Zero; Real.One ]
        ]

/// q = [θ, φ, ψw, ψf, ψt, x, y]: the axes i, j, k of the plane of the wheel, in those of the world, as columns
let private axes (q: Vec) : Mat =
    let s, c, sf, cf = sin q[0], cos q[0], sin q[1], cos q[1]

    let i, j, k =
        column cf sf Real.Zero, column (-(sf * c)) (cf * c) -s, column (-(sf * s)) (cf * s) c

    Mat.transpose (array2D [ i; j; k ])

/// unit vector along the third axis
let private third (axes: Mat) : Vec = axes[*, 2]

/// the unicycle by its energies, with the rolling of the wheel as two constraints on seven coordinates
let private system (u: float[]) : Mechanics =
    let axle (q: Vec) =
        Vec.add [| q[5]; q[6]; Real.Zero |] (Vec.scale (Real.constant Unicycle.radius) (third (axes q)))

    let frameAxes (q: Vec) = Mat.matmul (axes q) (pitched q[3])

    let above (height: float) (q: Vec) =
        Vec.add (axle q) (Vec.scale (Real.constant height) (third (frameAxes q)))

    let parts =
        [
            Unicycle.wheelMass, Unicycle.wheelInertia, axle, (fun q -> Mat.matmul (axes q) (pitched q[2]))
            Unicycle.frameMass, Unicycle.frameInertia, above Unicycle.frameHeight, frameAxes
            Unicycle.tableMass,
            Unicycle.tableInertia,
            above (Unicycle.frameHeight + Unicycle.tableHeight),
            fun q -> Mat.matmul (frameAxes q) (spun q[4])
        ]

    {
        Kinetic = fun q v -> Vec.sum [| for m, i, centre, turned in parts -> spatial m i centre turned q v |]
        Potential = fun q -> Vec.sum [| for m, _, centre, _ in parts -> m * Unicycle.gravity * (centre q)[2] |]
        Forces = fun _ _ -> Vec.ofFloats [ 0.0; 0.0; u[1]; -u[1]; u[0]; 0.0; 0.0 ]
        Constraints =
            fun q v ->
                let rolled = Unicycle.radius * v[2]
                [| v[5] - rolled * cos q[1]; v[6] - rolled * sin q[1] |]
    }

let private random (seed: int) =
    let random = Random seed
    let speeds = random.Vector 5
    let place = random.Vector 2
    let angles = random.Vector 5 |> Array.map ((*) 0.6)
    let u = random.Vector 2 |> Array.map ((*) 10.0)
    Array.concat [ speeds; place; angles ], u

let private coordinates (x: float[]) =
    let q = [| x[7]; x[8]; x[9]; x[10]; x[11]; x[5]; x[6] |]
    let rolled = Unicycle.radius * x[2]
    q, Array.append x[..4] [| rolled * cos x[8]; rolled * sin x[8] |]

[<Tests>]
let tests =
    testList
        "Unicycle"
        [
            testProperty "Kane's equations are Lagrange's with multipliers for the rolling" (fun (seed: int) ->
                let x, u = random seed
                let q, v = coordinates x
                let found = numbers (Unicycle.ode (Vec.ofFloats x) (Vec.ofFloats u))
                let a = accelerations (system u) q v
                let expected = Array.concat [ a[..4]; v[5..]; x[..4] ]
                let size = expected |> Array.map abs |> Array.max
                Expect.isLessThan (distance found expected / (1.0 + size)) rounding "rates")

            testProperty "energy changes by what the two motors put in" (fun (seed: int) ->
                let x, u = random seed
                let parts = system u

                let energy (x: Vec) =
                    let q = [| x[7]; x[8]; x[9]; x[10]; x[11]; x[5]; x[6] |]
                    let rolled = Unicycle.radius * x[2]
                    let v = Array.append x[..4] [| rolled * cos x[8]; rolled * sin x[8] |]
                    parts.Kinetic q v + parts.Potential q

                let at = Vec.ofFloats x

                let change = Trace.number (Diff.gradv energy at (Unicycle.ode at (Vec.ofFloats u)))

                // the wheel's motor turns the wheel against the frame
                let power = u[1] * (x[2] - x[3]) + u[0] * x[4]
                Expect.isLessThan (abs (change - power) / (1.0 + abs power)) 1e-7 "power")

            test "upright it can stay, and both falls are those of a pendulum" {
                let slopes =
                    Diff.jacobian
                        (fun x -> Unicycle.ode x (Vec.ofFloats [ 0.0; 0.0 ]))
                        (Vec.ofFloats (Array.zeroCreate 12))
                    |> Array2D.map Trace.number

                let rates =
                    numbers (Unicycle.ode (Vec.ofFloats (Array.zeroCreate 12)) (Vec.ofFloats [ 0.0; 0.0 ]))

                Expect.isLessThan (distance rates (Array.zeroCreate 12)) 1e-12 "at rest"

                // sideways it falls about the contact point: θ̈ = Σ m h g θ / Σ (m h² + I)
                let r, h, top =
                    Unicycle.radius, Unicycle.frameHeight, Unicycle.frameHeight + Unicycle.tableHeight

                let parts =
                    [
                        Unicycle.wheelMass, r
                        Unicycle.frameMass, r + h
                        Unicycle.tableMass, r + top
                    ]

                let moment = parts |> List.sumBy (fun (m, height) -> m * height)

                let inertia =
                    (parts |> List.sumBy (fun (m, height) -> m * height * height))
                    + Unicycle.wheelInertia[0]
                    + Unicycle.frameInertia[0]
                    + Unicycle.tableInertia[0]

                Expect.isLessThan (abs (slopes[0, 7] - Unicycle.gravity * moment / inertia)) 1e-9 "tilt"

                // ahead it falls like a pole on a cart: the wheel is a cart of mass m + M + I/r²
                let moment = Unicycle.frameMass * h + Unicycle.tableMass * top

                let inertia =
                    Unicycle.frameMass * h * h
                    + Unicycle.tableMass * top * top
                    + Unicycle.frameInertia[1]
                    + Unicycle.tableInertia[1]

                let rolling =
                    Unicycle.wheelMass
                    + Unicycle.frameMass
                    + Unicycle.tableMass
                    + Unicycle.wheelInertia[1] / (r * r)

                let expected = Unicycle.gravity * moment / (inertia - moment * moment / rolling)

                Expect.isLessThan (abs (slopes[3, 10] - expected)) 1e-9 "pitch"
                // the two do not mix
                Expect.isLessThan (abs slopes[0, 10] + abs slopes[3, 7]) 1e-12 "apart"
            }

            testProperty "what is seen from the robot moves as the robot does" (fun (seed: int) ->
                let x, u = random seed
                let at = Vec.ofFloats x
                let seen = numbers (Unicycle.contact at)

                let change =
                    numbers (Diff.jacobianv Unicycle.contact at (Unicycle.ode at (Vec.ofFloats u)))

                Expect.isLessThan (distance seen[2..3] change[4..5]) 1e-12 "velocity of the origin"
                let c, s = cos x[8], sin x[8]
                // the origin lies at −(x, y) of the contact point, in axes turned by the heading
                let expected = [| -(c * x[5] + s * x[6]); s * x[5] - c * x[6] |]
                Expect.isLessThan (distance seen[4..5] expected) 1e-12 "place of the origin"

                Expect.isLessThan
                    (abs (Math.Sqrt(seen[0] ** 2.0 + seen[1] ** 2.0) - abs (Unicycle.radius * x[2])))
                    1e-12
                    "speed")
        ]
