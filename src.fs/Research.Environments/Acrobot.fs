namespace Research.Environments

open System
open Research

/// Two links in a vertical plane with a motor at the elbow only. Both angles 0: hanging down; the second is measured from the first.
[<RequireQualifiedAccess>]
module Acrobot =

    /// masses of the links, kg
    let mass1, mass2 = 1.0, 1.0
    /// length of the first link and distances of the centres of mass from the joints, m
    let length1, centre1, centre2 = 1.0, 0.5, 0.5
    /// length of the second link, m: it only shows
    let length2 = 1.0
    /// moments of inertia about the centres of mass, kg m²
    let inertia1, inertia2 = 1.0 / 12.0, 1.0 / 12.0
    /// m/s²
    let gravity = 9.81

    /// ẋ of x = [q₁, q₂, q̇₁, q̇₂] under the torque u at the elbow: M(q) q̈ + c(q, q̇) + g(q) = [0, u], with the mass of each link times a
    /// factor. Source: Spong, The swing up control problem for the acrobot (1995).
    let odeWith (first: float) (second: float) (x: Vec) (u: Vec) : Vec =
        let mass1, mass2 = first * mass1, second * mass2
        let inertia1, inertia2 = first * inertia1, second * inertia2
        let c2, s2 = cos x[1], sin x[1]
        let w1, w2 = x[2], x[3]
        let coupling = mass2 * length1 * centre2
        let m22 = Real.constant (mass2 * centre2 * centre2 + inertia2)
        let m12 = m22 + coupling * c2

        let m11 =
            mass1 * centre1 * centre1
            + mass2 * length1 * length1
            + inertia1
            + m22
            + 2.0 * coupling * c2

        let h = coupling * s2
        let g2 = mass2 * centre2 * gravity * sin (x[0] + x[1])
        let g1 = (mass1 * centre1 + mass2 * length1) * gravity * sin x[0] + g2
        let tau1 = h * (2.0 * w1 * w2 + w2 * w2) - g1
        let tau2 = u[0] - h * (w1 * w1) - g2

        let acceleration =
            Mat.solveCholesky (array2D [ [ m11; m12 ]; [ m12; m22 ] ]) [| tau1; tau2 |]

        [| w1; w2; acceleration[0]; acceleration[1] |]

    /// ẋ with the masses above.
    let ode: Vec -> Vec -> Vec = odeWith 1.0 1.0

    /// The task: swing both links up with a motor in the elbow alone.
    let environment: Research.Environments.Environment =
        let goal = Vec.ofFloats [ Math.PI; 0.0; 0.0; 0.0 ]

        {
            Name = "acrobot"
            Summary = "swing two links up with a motor at the elbow only"
            Source = "Spong, The swing up control problem for the acrobot (1995); two rods of 1 m and 1 kg"
            States =
                [|
                    { Name = "shoulder"; Unit = "rad" }
                    { Name = "elbow"; Unit = "rad" }
                    {
                        Name = "shoulder velocity"
                        Unit = "rad/s"
                    }
                    {
                        Name = "elbow velocity"
                        Unit = "rad/s"
                    }
                |]
            Controls = [| { Name = "torque"; Unit = "N m" } |]
            TimeStep = 0.025
            Horizon = 200
            Step = fun h -> Integrator.rk4 h ode
            Masses =
                Some
                    {
                        Names = [| "first link"; "second link" |]
                        Step = fun factors h -> Integrator.rk4 h (odeWith factors[0] factors[1])
                    }
            Stage =
                fun h x u ->
                    let tipX = length1 * sin x[0] + length2 * sin (x[0] + x[1])
                    let tipY = length1 * cos x[0] + length2 * cos (x[0] + x[1]) + length1 + length2

                    h
                    * (0.5 * (tipX * tipX + tipY * tipY)
                       + 0.005 * (x[2] * x[2] + x[3] * x[3])
                       + 0.005 * u[0] * u[0])
            Terminal = Cost.quadratic [| 200.0; 200.0; 20.0; 20.0 |] goal
            Goal = Some [| Math.PI; 0.0; 0.0; 0.0 |]
            Start = [| 0.0; 0.0; 0.0; 0.0 |]
            StartSpread = [| 0.05; 0.05; 0.05; 0.05 |]
            Limits = [| -20.0 |], [| 20.0 |]
            Constraints = []
            IsTerminal = fun _ -> false
            ControlSpread = 1.0
            Scene =
                {
                    XRange = -2.3, 2.3
                    YRange = -2.3, 2.3
                    Shapes =
                        fun x ->
                            let elbow = length1 * sin x[0], -length1 * cos x[0]

                            let tip =
                                fst elbow + length2 * sin (x[0] + x[1]), snd elbow - length2 * cos (x[0] + x[1])

                            [
                                Disc(Goal, (0.0, length1 + length2), 0.09)
                                Segment(Body, 0.11, (0.0, 0.0), elbow)
                                Segment(Limb, 0.09, elbow, tip)
                                Disc(Ground, (0.0, 0.0), 0.09)
                                Disc(Limb, elbow, 0.08)
                            ]
                }
        }
