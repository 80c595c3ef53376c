namespace Research.Environments

open System
open Research

/// A small aircraft with four rotors in a plus, each with its own thrust. Axes: x ahead, y left, z up.
[<RequireQualifiedAccess>]
module Quadrotor =

    /// kg
    let mass = 0.5
    /// moments of inertia about x, y and z, kg m²
    let inertia = [| 2.32e-3; 2.32e-3; 4.0e-3 |]
    /// distance of the rotors from the centre, m
    let arm = 0.175
    /// torque about z by thrust, m
    let drag = 0.0245
    /// m/s²
    let gravity = 9.81
    /// thrust of each rotor that carries the weight, N
    let hover = mass * gravity / 4.0

    /// ẋ of x = [position; roll, pitch, yaw; velocity; body rates] under the thrusts u of the rotors ahead, left, behind and right, of which
    /// those ahead and behind turn one way and the others the other, with mass and inertia times a factor:
    ///
    ///     v̇ = R e_z Σu/m − g e_z        J ω̇ = τ − ω × Jω        R = Rz(yaw) Ry(pitch) Rx(roll)
    ///
    /// Euler angles do not work at a pitch of ±90°. Source: Mellinger, Michael, Kumar, Trajectory generation and control for precise
    /// aggressive maneuvers with quadrotors (2012).
    let odeWith (factor: float) (x: Vec) (u: Vec) : Vec =
        let sr, cr, sp, cp, sy, cy =
            sin x[3], cos x[3], sin x[4], cos x[4], sin x[5], cos x[5]

        let w = x[9..]
        let lift = (u[0] + u[1] + u[2] + u[3]) / (factor * mass)
        let around = (w[1] * sr + w[2] * cr) / cp
        let jx, jy, jz = factor * inertia[0], factor * inertia[1], factor * inertia[2]

        [|
            x[6]
            x[7]
            x[8]
            w[0] + sp * around
            w[1] * cr - w[2] * sr
            around
            lift * (cy * sp * cr + sy * sr)
            lift * (sy * sp * cr - cy * sr)
            lift * (cp * cr) - gravity
            (arm / jx) * (u[1] - u[3]) - ((jz - jy) / jx) * (w[1] * w[2])
            (arm / jy) * (u[2] - u[0]) - ((jx - jz) / jy) * (w[2] * w[0])
            (drag / jz) * (u[0] - u[1] + u[2] - u[3]) - ((jy - jx) / jz) * (w[0] * w[1])
        |]

    /// ẋ with mass and inertia as above.
    let ode: Vec -> Vec -> Vec = odeWith 1.0

    /// where it is asked to hover, m
    let goal = [| 2.0; 1.0; 1.5 |]

    let private scene: Scene =
        {
            XRange = -0.8, 2.8
            YRange = -0.2, 2.2
            Shapes =
                fun x ->
                    // seen from the side: x to the right, z up; the arms turn with pitch
                    let reach, tilt = 1.4 * arm, x[4]
                    let along = reach * cos tilt, -reach * sin tilt

                    let at d =
                        x[0] + d * fst along, x[2] + d * snd along

                    [
                        Disc(Goal, (goal[0], goal[2]), 0.05)
                        Segment(Ground, 0.02, (-0.8, 0.0), (2.8, 0.0))
                        Segment(Limb, 0.04, at -1.0, at 1.0)
                        Disc(Body, at 0.0, 0.06)
                        Disc(Limb, at -1.0, 0.045)
                        Disc(Limb, at 1.0, 0.045)
                    ]
        }

    /// The task: fly to a point and hover.
    let environment: Research.Environments.Environment =
        let target = Array.append goal (Array.zeroCreate 9)

        {
            Name = "quadrotor"
            Summary = "fly to a place and hover there"
            Source = "Mellinger, Michael, Kumar (2012); sizes of a small research quadrotor"
            States =
                [|
                    for name, unit in
                        [
                            "x", "m"
                            "y", "m"
                            "z", "m"
                            "roll", "rad"
                            "pitch", "rad"
                            "yaw", "rad"
                            "x velocity", "m/s"
                            "y velocity", "m/s"
                            "z velocity", "m/s"
                            "roll rate", "rad/s"
                            "pitch rate", "rad/s"
                            "yaw rate", "rad/s"
                        ] do
                        { Name = name; Unit = unit }
                |]
            Controls =
                [|
                    for name in [ "ahead"; "left"; "behind"; "right" ] do
                        { Name = $"thrust {name}"; Unit = "N" }
                |]
            TimeStep = 0.02
            Horizon = 100
            Step = fun h -> Integrator.rk4 h ode
            Masses =
                Some
                    {
                        Names = [| "aircraft" |]
                        Step = fun factors h -> Integrator.rk4 h (odeWith factors[0])
                    }
            Stage =
                fun h x u ->
                    let effort = Vec.sub u (Vec.ofFloats (Array.create 4 hover))

                    h
                    * (Cost.quadratic
                        [| 1.0; 1.0; 1.0; 0.2; 0.2; 0.2; 0.2; 0.2; 0.2; 0.02; 0.02; 0.02 |]
                        (Vec.ofFloats target)
                        x
                       + 0.2 * Vec.squaredNorm effort)
            Terminal =
                Cost.quadratic
                    [| 50.0; 50.0; 50.0; 10.0; 10.0; 10.0; 5.0; 5.0; 5.0; 0.5; 0.5; 0.5 |]
                    (Vec.ofFloats target)
            Goal = Some target
            Start = [| 0.0; 0.0; 1.0; 0.0; 0.0; 0.0; 0.0; 0.0; 0.0; 0.0; 0.0; 0.0 |]
            StartSpread = [| 0.1; 0.1; 0.1; 0.05; 0.05; 0.05; 0.1; 0.1; 0.1; 0.05; 0.05; 0.05 |]
            Limits = Array.create 4 0.0, Array.create 4 3.0
            Constraints = []
            IsTerminal = fun x -> abs x[4] > 1.5
            ControlSpread = 0.0
            Scene = scene
        }

    /// Axes of the pillars of `pillars` in the plane, m.
    let pillarAxes = [ 0.7, 0.2; 1.4, 0.95 ]

    /// least distance of the centre from the axis of a pillar, m
    let pillarDistance = 0.45

    /// The task among pillars.
    let pillars: Research.Environments.Environment =
        let rest = Array.append goal (Array.zeroCreate 9)

        { environment with
            Name = "quadrotor-pillars"
            Summary = "fly past two pillars to a place and be at rest there in time"
            Constraints =
                [
                    Constraint.terminalEquality "at rest at the goal" (fun x -> Vec.sub x (Vec.ofFloats rest))
                    Constraint.state "pillars" (fun x ->
                        [|
                            for px, py in pillarAxes do
                                let dx, dy = x[0] - px, x[1] - py
                                pillarDistance * pillarDistance - (dx * dx + dy * dy)
                        |])
                ]
            // seen from above: pillars, and the aircraft as a disc with a mark ahead
            Scene =
                {
                    XRange = -0.8, 2.8
                    YRange = -0.8, 1.8
                    Shapes =
                        fun x ->
                            let centre = x[0], x[1]

                            [
                                Disc(Goal, (goal[0], goal[1]), 0.05)
                                for axis in pillarAxes do
                                    Disc(Ground, axis, pillarDistance - 1.2 * arm)
                                Disc(Limb, centre, 1.2 * arm)
                                Segment(Body, 0.05, centre, (x[0] + arm * cos x[5], x[1] + arm * sin x[5]))
                            ]
                }
        }
