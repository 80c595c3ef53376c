module Research.Tests.PlanarChainTests

open System
open Expecto
open Research
open Research.Environments
open Research.Tests.Generators
open Research.Tests.Lagrangian

/// two derivations in floating point, relative to the largest acceleration
let private rounding = 1e-9

let private numbers (x: Vec) = Array.map Trace.number x

let private relative (found: float[]) (expected: float[]) =
    distance found expected / (1.0 + (expected |> Array.map abs |> Array.max))

let private randomLinks (random: Random) n : PlanarLink[] =
    Array.init n (fun _ ->
        {
            Mass = 0.5 + random.Rng.Uniform()
            Inertia = 0.02 + 0.1 * random.Rng.Uniform()
            Centre = 0.3 * random.Rng.Normal()
            Joint = 0.5 * random.Rng.Normal()
            Rest = random.Rng.Normal()
        })

/// A chain by its energies, adrift or on a pivot at the origin.
let private system (links: PlanarLink[]) (isFree: bool) (gravity: float) (torques: float[]) : Mechanics =
    let first = if isFree then 2 else 0

    let angle i (q: Vec) =
        Vec.sum q[first .. first + i] + Seq.sum (seq { for k in 0..i -> links[k].Rest })

    let point i along (q: Vec) : Vec =
        let step (p: Vec) (k, length: float) =
            [| p[0] + length * cos (angle k q); p[1] + length * sin (angle k q) |]

        let start = if isFree then q[..1] else [| Real.Zero; Real.Zero |]
        List.fold step start ([ for k in 0 .. i - 1 -> k, links[k].Joint ] @ [ i, along ])

    {
        Kinetic =
            fun q v ->
                Vec.sum (
                    Array.mapi (fun i link -> planar link.Mass link.Inertia (point i link.Centre) (angle i) q v) links
                )
        Potential = fun q -> Vec.sum (Array.mapi (fun i link -> link.Mass * gravity * (point i link.Centre q)[1]) links)
        Forces = fun _ _ -> Vec.ofFloats torques
        Constraints = free
    }

let private weights (links: PlanarLink[]) (gravity: float) (motions: PlanarMotion[]) =
    Array.map2
        (fun (link: PlanarLink) motion ->
            PlanarChain.load motion link.Centre (Vec.ofFloats [ 0.0; -link.Mass * gravity ]))
        links
        motions

let private recursionTests =
    testList
        "the recursion"
        [
            testProperty "adrift, it is the mass-matrix form of the energies" (fun (seed: int) ->
                let random = Random seed
                let n = random.Whole(1, 5)
                let links = randomLinks random n
                let q, v, torques = random.Vector(n + 2), random.Vector(n + 2), random.Vector(n - 1)
                let motions = PlanarChain.motions links (Vec.ofFloats q) (Vec.ofFloats v)

                let found =
                    PlanarChain.forward links motions (Vec.ofFloats torques) (weights links 9.81 motions)
                    |> numbers

                let all = Array.append [| 0.0; 0.0; 0.0 |] torques
                let expected = accelerations (system links true 9.81 all) q v
                Expect.isLessThan (relative found expected) rounding "accelerations")

            testProperty "on a pivot, it is the mass-matrix form of the energies" (fun (seed: int) ->
                let random = Random seed
                let n = random.Whole(1, 5)
                let links = randomLinks random n
                let q, v, torques = random.Vector n, random.Vector n, random.Vector n
                let motions = PlanarChain.motionsOnPivot links (Vec.ofFloats q) (Vec.ofFloats v)

                let found =
                    PlanarChain.forwardOnPivot links motions (Vec.ofFloats torques) (weights links 9.81 motions)
                    |> numbers

                let expected = accelerations (system links false 9.81 torques) q v
                Expect.isLessThan (relative found expected) rounding "accelerations")

            testProperty "a load is a force at its point: its power is force times velocity" (fun (seed: int) ->
                let random = Random seed
                let n = random.Whole(1, 4)
                let links = randomLinks random n
                let q, v = random.Vector(n + 2), random.Vector(n + 2)
                let motions = PlanarChain.motions links (Vec.ofFloats q) (Vec.ofFloats v)
                let force, along = random.Vector 2, random.Rng.Normal()
                let last = motions[n - 1]
                let still = Array.create n (Vec.ofFloats [ 0.0; 0.0; 0.0 ])

                let loads =
                    Array.mapi
                        (fun i load ->
                            if i = n - 1 then
                                PlanarChain.load last along (Vec.ofFloats force)
                            else
                                load)
                        still

                let rates loads =
                    PlanarChain.forward links motions (Vec.ofFloats (Array.zeroCreate (n - 1))) loads

                let energy (z: Vec) =
                    (system links true 0.0 (Array.zeroCreate (n + 2))).Kinetic z[.. n + 1] z[n + 2 ..]

                let at = Vec.ofFloats (Array.append q v)

                let change =
                    Diff.gradv energy at (Array.append at[n + 2 ..] (rates loads)) |> Trace.number

                let power =
                    Vec.dot (PlanarChain.velocity last along) (Vec.ofFloats force) |> Trace.number

                Expect.isLessThan (abs (change - power) / (1.0 + abs power)) rounding "power")

            test "sizes that do not fit are named" {
                let links = Array.create 3 (PlanarChain.rod 1.0 1.0)

                Expect.throwsC
                    (fun () ->
                        PlanarChain.motions links (Vec.ofFloats [ 1.0 ]) (Vec.ofFloats [ 1.0 ])
                        |> ignore)
                    (fun error -> Expect.stringContains error.Message "3 links needs 5 numbers, and got 1" "message")
            }
        ]

/// The arm as a spatial chain whose axes are all parallel.
let private spatial n : Chain =
    {
        Joints =
            Arm.links n
            |> Array.mapi (fun i link ->
                {
                    Name = $"{i}"
                    Offset = [| (if i = 0 then 0.0 else link.Joint); 0.0; 0.0 |]
                    Rotation = [| 0.0; 0.0; link.Rest |]
                    Mass = link.Mass
                    Centre = [| link.Centre; 0.0; 0.0 |]
                    Inertia = [| 0.0; link.Inertia; link.Inertia; 0.0; 0.0; 0.0 |]
                    Armature = 0.0
                    Damping = 0.0
                    Lower = -infinity
                    Upper = infinity
                    Torque = infinity
                })
        Gravity = [| 0.0; -Arm.gravity; 0.0 |]
        Tool = [| Arm.length / float n; 0.0; 0.0 |]
    }

let private nodes n m (f: Vec -> Vec -> Vec) =
    let z = Real.variables "z" (n + m)
    (Trace.order (f z[.. n - 1] z[n..])).Length

let private armTests =
    testList
        "arm"
        [
            testProperty "is the spatial articulated-body algorithm in the plane" (fun (seed: int) ->
                let random = Random seed
                let n = random.Whole(1, 7)
                let x, u = Vec.ofFloats (random.Vector(2 * n)), Vec.ofFloats (random.Vector n)
                let found = numbers (Arm.ode n x u)
                let expected = numbers (ArticulatedBody.ode (spatial n) x u)
                Expect.isLessThan (relative found expected) 1e-8 "rates"
                let tip = numbers (Arm.tip n x[.. n - 1])
                let tool = numbers (ArticulatedBody.tool (spatial n) x[.. n - 1])
                Expect.isLessThan (distance tip tool[..1]) 1e-12 "tip")

            testProperty "with one link it is a rod on a pivot" (fun (seed: int) ->
                let random = Random seed
                let angle, u = random.Rng.Normal(), random.Rng.Normal()

                let found = numbers (Arm.ode 1 (Vec.ofFloats [ angle; 0.3 ]) (Vec.ofFloats [ u ]))

                let m, l = Arm.mass, Arm.length
                let expected = (u - 0.5 * m * Arm.gravity * l * sin angle) / (m * l * l / 3.0)
                Expect.isLessThan (distance found [| 0.3; expected |]) 1e-10 "rates")

            testProperty "with two links it is the textbook's double pendulum" (fun (seed: int) ->
                // of two equal rods, in the angles a, b of both from the hanging line:
                //   4/3 a'' + ½ cos(a−b) b'' = (τ₁ − τ₂)/(m l²) − ½ sin(a−b) b'² − 3/2 (g/l) sin a
                //   ½ cos(a−b) a'' + 1/3 b'' = τ₂/(m l²) + ½ sin(a−b) a'² − ½ (g/l) sin b
                let random = Random seed
                let q, v, u = random.Vector 2, random.Vector 2, random.Vector 2
                let a, b, ra, rb = q[0], q[0] + q[1], v[0], v[0] + v[1]
                let m, l, g = Arm.mass / 2.0, Arm.length / 2.0, Arm.gravity
                let s, c = sin (a - b), cos (a - b)

                let both =
                    solve
                        (array2D [ [ 4.0 / 3.0; 0.5 * c ]; [ 0.5 * c; 1.0 / 3.0 ] ])
                        [|
                            (u[0] - u[1]) / (m * l * l) - 0.5 * s * rb * rb - 1.5 * g / l * sin a
                            u[1] / (m * l * l) + 0.5 * s * ra * ra - 0.5 * g / l * sin b
                        |]

                let expected = [| v[0]; v[1]; both[0]; both[1] - both[0] |]

                let found = numbers (Arm.ode 2 (Vec.ofFloats (Array.append q v)) (Vec.ofFloats u))

                Expect.isLessThan (relative found expected) rounding "rates")

            test "its graph grows in proportion to its links" {
                let size n = nodes (2 * n) n (Arm.ode n)
                let sizes = [ for n in 3..7 -> size n ]
                let growth = List.pairwise sizes |> List.map (fun (a, b) -> b - a)
                // every further link costs the same
                Expect.equal (List.distinct growth).Length 1 $"{sizes}"
            }

            test "without motors it keeps its energy to the order of the integrator" {
                let n = 3
                let links = Arm.links n
                let parts = system links false Arm.gravity (Array.zeroCreate n)

                let energy (x: float[]) =
                    let x = Vec.ofFloats x
                    Trace.number (parts.Kinetic x[.. n - 1] x[n..] + parts.Potential x[.. n - 1])

                let start = [| 0.9; -0.4; 0.3; 0.0; 0.5; 0.0 |]

                let drift steps =
                    let h = 0.4 / float steps
                    let dynamics = (Arm.environment n).Dynamics h
                    let mutable x, worst = start, 0.0

                    for _ in 1..steps do
                        let next = Array.zeroCreate (2 * n)
                        dynamics.Step(ReadOnlySpan(Array.append x (Array.zeroCreate n)), Span next, 1)
                        x <- next
                        worst <- Math.Max(worst, abs (energy x - energy start))

                    worst

                let order = Math.Log2(drift 160 / drift 320)
                // of order 4; the energy of the classical method often drifts at one order more
                Expect.isTrue (order > 3.7 && order < 5.5) $"order {order}"
            }
        ]

let private swimmerTests =
    let n = 4
    let half = n + 2

    let draw (seed: int) =
        let random = Random seed
        random.Vector half, random.Vector half, random.Vector(n - 1)

    testList
        "swimmer"
        [
            testProperty
                "without drag it keeps its momentum and its turning momentum, whatever its motors do"
                (fun (seed: int) ->
                    let q, v, u = draw seed
                    let links = Swimmer.links n

                    let momenta (x: Vec) =
                        let motions = PlanarChain.motions links x[.. half - 1] x[half..]

                        let parts =
                            Array.map2
                                (fun (link: PlanarLink) motion ->
                                    let p = PlanarChain.place motion link.Centre
                                    let w = PlanarChain.velocity motion link.Centre

                                    [|
                                        link.Mass * w[0]
                                        link.Mass * w[1]
                                        link.Mass * (p[0] * w[1] - p[1] * w[0]) + link.Inertia * motion.Rate
                                    |])
                                links
                                motions

                        Array.reduce Vec.add parts

                    let at = Vec.ofFloats (Array.append q v)

                    let change =
                        Diff.jacobianv momenta at (Swimmer.odeIn 0.0 0.0 n at (Vec.ofFloats u))
                        |> numbers

                    Expect.isLessThan (distance change [| 0.0; 0.0; 0.0 |]) 1e-8 "change")

            testProperty "the fluid takes what friction along every rod takes" (fun (seed: int) ->
                let q, v, u = draw seed
                let links = Swimmer.links n
                let parts = system links true 0.0 (Array.zeroCreate half)
                let at = Vec.ofFloats (Array.append q v)

                let change =
                    Diff.gradv (fun x -> parts.Kinetic x[.. half - 1] x[half..]) at (Swimmer.ode n at (Vec.ofFloats u))
                    |> Trace.number

                // ∫ c |v|² ds over every rod by Simpson's rule, which is exact for it
                let lost =
                    PlanarChain.motions links at[.. half - 1] at[half..]
                    |> Array.sumBy (fun motion ->
                        let density s =
                            let w = numbers (PlanarChain.velocity motion s)
                            let t = numbers motion.Direction
                            let along, across = w[0] * t[0] + w[1] * t[1], w[1] * t[0] - w[0] * t[1]
                            Swimmer.along * along * along + Swimmer.across * across * across

                        let l = Swimmer.length
                        l / 6.0 * (density 0.0 + 4.0 * density (l / 2.0) + density l))

                let power = Array.fold2 (fun s a b -> s + a * b) 0.0 u v[3..] - lost
                Expect.isLessThan (abs (change - power) / (1.0 + abs power)) 1e-8 "power")
        ]

[<Tests>]
let tests = testList "PlanarChain" [ recursionTests; armTests; swimmerTests ]
