namespace Research.Environments

open System
open Research

/// A quadrotor that moves in a vertical plane only, with two thrusts: what is left of `Quadrotor` there, and free to turn over.
[<RequireQualifiedAccess>]
module PlanarQuadrotor =

    /// ẋ of x = [x, z, θ, ẋ, ż, θ̇] under the thrusts u of the left and the right rotor, N, with mass and inertia times a factor; θ turns against
    /// the clock.
    let odeWith (factor: float) (x: Vec) (u: Vec) : Vec =
        let lift = (u[0] + u[1]) / (factor * Quadrotor.mass)

        [|
            x[3]
            x[4]
            x[5]
            -(lift * sin x[2])
            lift * cos x[2] - Quadrotor.gravity
            (Quadrotor.arm / (factor * Quadrotor.inertia[1])) * (u[1] - u[0])
        |]

    /// ẋ with the mass and inertia of `Quadrotor`.
    let ode: Vec -> Vec -> Vec = odeWith 1.0

    let private scene: Scene =
        {
            XRange = -1.6, 1.6
            YRange = -0.3, 2.3
            Shapes =
                fun x ->
                    let reach = 1.4 * Quadrotor.arm

                    let at along up =
                        x[0] + along * cos x[2] - up * sin x[2], x[1] + along * sin x[2] + up * cos x[2]

                    [
                        Disc(Goal, (0.0, 1.0), 0.06)
                        Segment(Limb, 0.04, at -reach 0.0, at reach 0.0)
                        Segment(Limb, 0.02, at -reach 0.0, at -reach 0.07)
                        Segment(Limb, 0.02, at reach 0.0, at reach 0.07)
                        Disc(Body, at 0.0 0.04, 0.06)
                    ]
        }

    /// The task: turn over once and hover at the same place again.
    let environment: Research.Environments.Environment =
        let upright = [| 0.0; 1.0; 2.0 * Math.PI; 0.0; 0.0; 0.0 |]

        {
            Name = "quadrotor-flip"
            Summary = "turn over once and hover at the same place again"
            Source = "the planar part of the quadrotor's equations"
            States =
                [|
                    for name, unit in
                        [
                            "x", "m"
                            "z", "m"
                            "angle", "rad"
                            "x velocity", "m/s"
                            "z velocity", "m/s"
                            "rate", "rad/s"
                        ] do
                        { Name = name; Unit = unit }
                |]
            Controls =
                [|
                    { Name = "left thrust"; Unit = "N" }
                    { Name = "right thrust"; Unit = "N" }
                |]
            TimeStep = 0.02
            Horizon = 75
            Step = fun h -> Integrator.rk4 h ode
            Masses =
                Some
                    {
                        Names = [| "aircraft" |]
                        Step = fun factors h -> Integrator.rk4 h (odeWith factors[0])
                    }
            Stage =
                fun h x u ->
                    let effort = Vec.sub u (Vec.ofFloats (Array.create 2 (2.0 * Quadrotor.hover)))

                    h
                    * (Cost.quadratic [| 0.5; 0.5; 0.0; 0.05; 0.05; 0.01 |] (Vec.ofFloats upright) x
                       + 0.05 * Vec.squaredNorm effort)
            Terminal = Cost.quadratic [| 50.0; 50.0; 50.0; 5.0; 5.0; 1.0 |] (Vec.ofFloats upright)
            Goal = Some upright
            Start = [| 0.0; 1.0; 0.0; 0.0; 0.0; 0.0 |]
            StartSpread = [| 0.1; 0.1; 0.05; 0.1; 0.1; 0.05 |]
            Limits = [| 0.0; 0.0 |], [| 6.0; 6.0 |]
            Constraints = []
            IsTerminal = fun _ -> false
            ControlSpread = 0.0
            Scene = scene
        }
