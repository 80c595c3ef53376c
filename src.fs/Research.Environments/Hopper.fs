namespace Research.Environments

open System
open Research

/// A leg with a body on it, in a vertical plane and held by nothing: body, thigh and shin, motors at hip and knee, springs beside the
/// motors that hold the stance, and a foot that is a point on soft ground.
[<RequireQualifiedAccess>]
module Hopper =

    /// lengths of thigh and shin, m
    let thigh, shin = 0.4, 0.4
    /// m/s²
    let gravity = 9.81
    /// stiffness and damping of the springs, N m/rad and N m s/rad
    let stiffness, damping = 150.0, 1.5

    /// the body above the hip, the thigh that hangs from it, and the shin
    let links: PlanarLink[] =
        [|
            {
                Mass = 6.0
                Inertia = 0.1
                Centre = 0.18
                Joint = 0.0
                Rest = Math.PI / 2.0
            }
            { PlanarChain.rod 1.2 thigh with
                Rest = -Math.PI
            }
            PlanarChain.rod 0.8 shin
        |]

    /// weight of all, N
    let weight = gravity * (links |> Array.sumBy _.Mass)

    /// The ground: it gives 8 mm under the weight of the hopper.
    let ground: SoftContact =
        {
            Stiffness = 10000.0
            Softness = 0.004
            Damping = 2.0
            Friction = 0.9
            Creep = 0.2
        }

    /// [x, y of the hip, lean of the body, angles of hip and knee] in the stance: knee bent forward, foot below the centre of mass.
    let stance: float[] =
        let bend = 0.6
        let ahead = (1.2 * 0.2 + 0.8 * 0.2) * sin bend
        let lean = Math.Asin(ahead / (6.0 * 0.18))
        [| 0.0; (thigh + shin) * cos bend - 0.007; lean; bend - lean; -2.0 * bend |]

    let private motionsAt (x: Vec) = PlanarChain.motions links x[..4] x[5..]

    /// Force of the ground on the foot [2], along and up, in the state x.
    let groundForce (x: Vec) : Vec =
        let leg = (motionsAt x)[2]
        let foot = PlanarChain.place leg shin
        SoftContact.force ground foot[1] (PlanarChain.velocity leg shin)

    let private odeOf (links: PlanarLink[]) (x: Vec) (u: Vec) : Vec =
        let motions = motionsAt x

        let loads =
            Array.map2
                (fun (link: PlanarLink) motion ->
                    PlanarChain.load motion link.Centre (Vec.ofFloats [ 0.0; -link.Mass * gravity ]))
                links
                motions

        loads[2] <- Vec.add loads[2] (PlanarChain.load motions[2] shin (groundForce x))

        let torques =
            Array.init 2 (fun i -> u[i] - stiffness * (x[3 + i] - stance[3 + i]) - damping * x[8 + i])

        Array.append x[5..] (PlanarChain.forward links motions torques loads)

    /// ẋ of x = [q; v] under torques u of the motors at hip and knee, q = [x, y of the hip, lean of the body, angles of hip and knee].
    /// Angles turn against the clock; all of them 0 is upright with a straight leg.
    let ode: Vec -> Vec -> Vec = odeOf links

    /// Longest step of the integrator, s. The foot alone feels the ground as a spring of about 130 rad/s, and friction under the weight
    /// slows it at about 700/s, for which semi-implicit Euler is stable up to 3 ms; a landing takes three times the weight.
    let longestStep = 0.00125

    /// Time of a step of the task, s.
    let timeStep = 0.005

    /// Most steps of the integrator in one of the task: each is traced anew, so that graphs and the time to compile them grow with them.
    let private mostSteps = 40

    let private stepOf (ode: Vec -> Vec -> Vec) (h: Real) (x: Vec) (u: Vec) : Vec =
        let whole = if h.IsConstant then Trace.number h else timeStep
        let needed = Math.Ceiling(whole / longestStep - 1e-9)

        if not (needed <= float mostSteps) then
            invalidArg
                (nameof h)
                $"a time step of the hopper is at most {float mostSteps * longestStep} s, for its contact needs steps of {longestStep} s, and got {whole} s"

        let steps = int needed |> max 1
        let small = h / float steps
        Seq.fold (fun x _ -> Integrator.semiImplicit small ode x u) x (seq { 1..steps })

    /// x' after a time h, by semi-implicit Euler in as few equal steps as are stable; in as many as the task's own time step takes where h
    /// is for an optimiser to choose.
    let step: Real -> Vec -> Vec -> Vec = stepOf ode

    let private scene: Scene =
        {
            XRange = -0.6, 1.2
            YRange = -0.1, 1.3
            Shapes =
                fun x ->
                    let along (px, py) angle length =
                        px + length * cos angle, py + length * sin angle

                    let hip = x[0], x[1]
                    let up = x[2] + Math.PI / 2.0
                    let knee = along hip (up + x[3] - Math.PI) thigh
                    let foot = along knee (up + x[3] - Math.PI + x[4]) shin

                    [
                        Segment(Ground, 0.02, (-0.6, -0.02), (1.2, -0.02))
                        Disc(Goal, (0.6, -0.02), 0.04)
                        Segment(Limb, 0.06, hip, knee)
                        Segment(Limb, 0.045, knee, foot)
                        Box(Body, along hip up 0.18, 0.16, 0.36, x[2])
                        Disc(Body, hip, 0.06)
                        Disc(Limb, knee, 0.04)
                        Disc(Body, foot, 0.035)
                    ]
        }

    /// Largest torques of the motors, N m.
    let torques = [| 60.0; 60.0 |]

    /// Where the hop should end: the stance, 0.6 m ahead.
    let goal = Array.append (Array.append [| 0.6 |] stance[1..]) (Array.zeroCreate 5)

    /// The task: hop to a place 0.6 m ahead, and stand there.
    let environment: Research.Environments.Environment =
        {
            Name = "hopper"
            Summary = "hop on one leg to a place 0.6 m ahead, and stand there"
            Source = "constants of our own; contact after Hunt and Crossley (1975)"
            States =
                [|
                    let coordinates =
                        [ "hip x", "m"; "hip y", "m"; "lean", "rad"; "hip", "rad"; "knee", "rad" ]

                    for name, unit in coordinates do
                        { Name = name; Unit = unit }

                    for name, unit in coordinates do
                        {
                            Name = $"{name} velocity"
                            Unit = $"{unit}/s"
                        }
                |]
            Controls =
                [|
                    { Name = "hip torque"; Unit = "N m" }
                    { Name = "knee torque"; Unit = "N m" }
                |]
            TimeStep = timeStep
            Horizon = 200
            Step = step
            Masses =
                Some
                    {
                        Names = [| "body"; "thigh"; "shin" |]
                        Step = fun factors -> stepOf (odeOf (PlanarChain.heavier factors links))
                    }
            Stage =
                fun h x u ->
                    h
                    * (Cost.quadratic [| 2.0; 0.0; 2.0; 0.5; 0.5; 0.0; 0.0; 0.05; 0.01; 0.01 |] (Vec.ofFloats goal) x
                       + 0.0005 * Vec.squaredNorm u)
            Terminal =
                Cost.quadratic [| 200.0; 200.0; 100.0; 50.0; 50.0; 10.0; 10.0; 5.0; 1.0; 1.0 |] (Vec.ofFloats goal)
            Goal = Some goal
            Start = Array.append stance (Array.zeroCreate 5)
            StartSpread = Array.append (Array.create 5 0.005) (Array.create 5 0.02)
            Limits = Array.map (~-) torques, torques
            Constraints = []
            IsTerminal = fun x -> x[1] < 0.3
            ControlSpread = 0.0
            Scene = scene
        }
