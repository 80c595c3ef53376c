namespace Research.Environments

open System
open Research

/// A rod on a pivot with a motor too weak to lift it at once. θ = 0 hangs down.
///
///     θ̈ = (u − b θ̇ − ½ m g l sin θ) / (m l²/3)
[<RequireQualifiedAccess>]
module Pendulum =

    /// length, m
    let length = 1.0
    /// mass, kg
    let mass = 1.0
    /// friction at the pivot, N m s
    let damping = 0.01
    /// m/s²
    let gravity = 9.82
    /// moment of inertia of a rod about its end, kg m²
    let inertia = mass * length * length / 3.0

    /// ẋ of x = [θ, θ̇] under the torque u, with the mass of the rod times a factor.
    let odeWith (factor: float) (x: Vec) (u: Vec) : Vec =
        [|
            x[1]
            (u[0] - damping * x[1] - 0.5 * (factor * mass) * gravity * length * sin x[0])
            / (factor * inertia)
        |]

    /// ẋ of x = [θ, θ̇] under the torque u.
    let ode: Vec -> Vec -> Vec = odeWith 1.0

    /// The task: swing the pendulum up.
    let environment: Research.Environments.Environment =
        {
            Name = "pendulum"
            Summary = "swing a rod up with a motor too weak to lift it at once"
            Source = "constants of the PILCO 0.9 scenario (Deisenroth and Rasmussen)"
            States =
                [|
                    { Name = "angle"; Unit = "rad" }
                    {
                        Name = "angular velocity"
                        Unit = "rad/s"
                    }
                |]
            Controls = [| { Name = "torque"; Unit = "N m" } |]
            TimeStep = 0.05
            Horizon = 100
            Step = fun h -> Integrator.rk4 h ode
            Masses =
                Some
                    {
                        Names = [| "rod" |]
                        Step = fun factors h -> Integrator.rk4 h (odeWith factors[0])
                    }
            Stage =
                fun h x u ->
                    h
                    * (Cost.quadratic [| 1.0; 0.1 |] (Vec.ofFloats [ Math.PI; 0.0 ]) x
                       + 0.01 * u[0] * u[0])
            Terminal = Cost.quadratic [| 100.0; 10.0 |] (Vec.ofFloats [ Math.PI; 0.0 ])
            Goal = Some [| Math.PI; 0.0 |]
            Start = [| 0.0; 0.0 |]
            StartSpread = [| 0.1; 0.1 |]
            Limits = [| -2.5 |], [| 2.5 |]
            Constraints = []
            IsTerminal = fun _ -> false
            ControlSpread = 0.1
            Scene =
                {
                    XRange = -1.3, 1.3
                    YRange = -1.3, 1.3
                    Shapes =
                        fun x ->
                            let tip = length * sin x[0], -length * cos x[0]

                            [
                                Disc(Goal, (0.0, length), 0.05)
                                Segment(Body, 0.06, (0.0, 0.0), tip)
                                Disc(Ground, (0.0, 0.0), 0.05)
                                Disc(Limb, tip, 0.07)
                            ]
                }
        }
