namespace Research.Environments

open Research

/// A chain of rods in a viscous fluid, free to move in a horizontal plane and driven by torques at its joints. The fluid resists a rod
/// more across than along, and that alone carries the swimmer ahead.
[<RequireQualifiedAccess>]
module Swimmer =

    /// length and mass of a rod, m and kg
    let length, mass = 0.3, 0.5
    /// drag of a metre of rod that moves across and along itself, N s/m²
    let across, along = 6.0, 0.3
    /// largest torque of a joint, N m
    let torque = 1.0
    /// where the nose of a swimmer of n links is asked to go, m
    let goal (n: int) = [| -0.24 * float n; 0.12 * float n |]

    /// n equal rods; the nose is the origin of the first.
    let links (n: int) : PlanarLink[] =
        if n < 2 then
            invalidArg (nameof n) $"a swimmer has two links or more, and {n} were asked for"

        Array.create n (PlanarChain.rod mass length)

    /// The fluid's load on a rod that moves with velocity v(s) = v_c + ω s across itself, drag coefficients of the two directions in N
    /// s/m²: force −c_n l v_n n − c_t l v_t t at the centre, and moment −c_n l³ ω/12 about it.
    let private fluid (across: float) (along: float) (link: PlanarLink) (motion: PlanarMotion) : Vec =
        let centre = PlanarChain.velocity motion link.Centre
        let t, n = motion.Direction, [| -motion.Direction[1]; motion.Direction[0] |]
        let forceAlong = -(along * length) * Vec.dot t centre
        let forceAcross = -(across * length) * Vec.dot n centre
        let force = Vec.add (Vec.scale forceAlong t) (Vec.scale forceAcross n)
        let turning = -(across * length * length * length / 12.0) * motion.Rate
        Vec.add (PlanarChain.load motion link.Centre force) [| turning; Real.Zero; Real.Zero |]

    let private odeOf (across: float) (along: float) (links: PlanarLink[]) (x: Vec) (u: Vec) : Vec =
        let half = links.Length + 2
        let motions = PlanarChain.motions links x[.. half - 1] x[half..]
        let loads = Array.map2 (fluid across along) links motions
        Array.append x[half..] (PlanarChain.forward links motions u loads)

    /// ẋ of x = [q; v] of a swimmer of n rods in a fluid with the given drags across and along, N s/m², under torques u [n − 1]; q = [x,
    /// y of the nose, angle of the first rod, angles of the joints] and v its rate, [n + 2] each. A rod points from the nose to the tail.
    /// Source: Coulom, Reinforcement Learning Using Neural Networks, with Applications to Motor Control (2002), with drag along the rods
    /// too.
    let odeIn (across: float) (along: float) (n: int) : Vec -> Vec -> Vec = odeOf across along (links n)

    /// The same in the fluid of the task.
    let ode (n: int) : Vec -> Vec -> Vec = odeIn across along n

    let private scene (n: int) : Scene =
        {
            XRange = -1.7, 1.9
            YRange = -1.2, 1.4
            Shapes =
                fun x ->
                    let directions = Array.scan (+) x[2] x[3 .. n + 1]

                    let points =
                        Array.scan
                            (fun (px, py) angle -> px + length * cos angle, py + length * sin angle)
                            (x[0], x[1])
                            directions
                        |> Array.toList

                    [
                        let goal = goal n
                        Disc(Goal, (goal[0], goal[1]), 0.07)

                        for i, (a, b) in List.indexed (List.pairwise points) do
                            Segment((if i % 2 = 0 then Body else Limb), 0.1 - 0.06 * float i / float n, a, b)

                        Disc(Body, (x[0], x[1]), 0.08)
                    ]
        }

    /// The task for a swimmer of n links: swimmer3, swimmer5, and so on.
    let environment (n: int) : Research.Environments.Environment =
        let miss (x: Vec) =
            Vec.squaredNorm (Vec.sub x[..1] (Vec.ofFloats (goal n)))

        {
            Name = $"swimmer{n}"
            Summary = $"swim to a place with a chain of {n} rods in a viscous fluid"
            Source = "Coulom (2002) and Tassa, Erez, Todorov (2012) for the kind of swimmer; constants of our own"
            States =
                [|
                    let coordinates =
                        [
                            "nose x", "m"
                            "nose y", "m"
                            "heading", "rad"
                            for i in 1 .. n - 1 do
                                $"joint {i}", "rad"
                        ]

                    for name, unit in coordinates do
                        { Name = name; Unit = unit }

                    for name, unit in coordinates do
                        {
                            Name = $"{name} velocity"
                            Unit = $"{unit}/s"
                        }
                |]
            Controls = [| for i in 1 .. n - 1 -> { Name = $"torque {i}"; Unit = "N m" } |]
            TimeStep = 0.03
            Horizon = 150
            Step = fun h -> Integrator.rk4 h (ode n)
            Masses =
                Some
                    {
                        Names = [| for i in 1..n -> $"rod {i}" |]
                        Step =
                            fun factors h ->
                                Integrator.rk4 h (odeOf across along (PlanarChain.heavier factors (links n)))
                    }
            Stage =
                fun h x u ->
                    h
                    * (miss x
                       + 0.3 * Vec.squaredNorm x[3 .. n + 1]
                       + 0.01 * Vec.squaredNorm x[n + 5 ..]
                       + 0.1 * Vec.squaredNorm u)
            Terminal =
                fun x ->
                    20.0 * miss x
                    + 2.0 * Vec.squaredNorm x[3 .. n + 1]
                    + 1.0 * Vec.squaredNorm x[n + 2 ..]
            Goal = None
            Start = Array.zeroCreate (2 * (n + 2))
            StartSpread = Array.create (2 * (n + 2)) 0.05
            Limits = Array.create (n - 1) -torque, Array.create (n - 1) torque
            Constraints = []
            IsTerminal = fun _ -> false
            ControlSpread = 0.3
            Scene = scene n
        }
