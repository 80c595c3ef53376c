namespace Research.Environments

open System
open Research

/// Two rods in a vertical plane, one on the end of the other, with a torque on each. Both angles are measured from the upright, against the
/// clock: 0 stands, π hangs.
[<RequireQualifiedAccess>]
module DoublePendulum =

    /// masses of the rods, kg
    let mass1, mass2 = 0.5, 0.5
    /// lengths of the rods, m
    let length1, length2 = 0.5, 0.5
    /// m/s²
    let gravity = 9.82

    /// ẋ of x = [θ̇₁, θ̇₂, θ₁, θ₂] under torques u on the two rods, with masses m₁ and m₂ times a factor each, from M(θ) θ̈ = f with
    ///
    ///     M₁₁ = (m₁/3 + m₂) l₁²     M₁₂ = ½ m₂ l₁ l₂ cos(θ₁ − θ₂)     M₂₂ = m₂ l₂²/3
    ///     f₁ = u₁ + (m₁/2 + m₂) g l₁ sin θ₁ − ½ m₂ l₁ l₂ θ̇₂² sin(θ₁ − θ₂)
    ///     f₂ = u₂ + ½ m₂ g l₂ sin θ₂ + ½ m₂ l₁ l₂ θ̇₁² sin(θ₁ − θ₂)
    ///
    /// The second torque works on the second angle as measured from the upright, so that nothing of it reaches the first rod.
    /// Source: the double-pendulum scenario of PILCO 0.9 (Deisenroth and Rasmussen 2011).
    let pilcoOdeWith (factor1: float) (factor2: float) (x: Vec) (u: Vec) : Vec =
        let mass1, mass2 = factor1 * mass1, factor2 * mass2
        let w1, w2, angle1, angle2 = x[0], x[1], x[2], x[3]
        let coupling = 0.5 * mass2 * length1 * length2
        let apart = angle1 - angle2
        let m11 = Real.constant ((mass1 / 3.0 + mass2) * length1 * length1)
        let m12 = coupling * cos apart
        let m22 = Real.constant (mass2 * length2 * length2 / 3.0)
        let twist = coupling * sin apart

        let acceleration =
            Mat.solveCholesky
                (array2D [ [ m11; m12 ]; [ m12; m22 ] ])
                [|
                    u[0] + (mass1 / 2.0 + mass2) * gravity * length1 * sin angle1
                    - twist * (w2 * w2)
                    u[1] + 0.5 * mass2 * gravity * length2 * sin angle2 + twist * (w1 * w1)
                |]

        [| acceleration[0]; acceleration[1]; w1; w2 |]

    /// ẋ with the masses above.
    let pilcoOde: Vec -> Vec -> Vec = pilcoOdeWith 1.0 1.0

    let private joints (angle1: float) (angle2: float) =
        let elbow = -length1 * sin angle1, length1 * cos angle1
        elbow, (fst elbow - length2 * sin angle2, snd elbow + length2 * cos angle2)

    let internal scene: Scene =
        {
            XRange = -1.2, 1.2
            YRange = -1.2, 1.2
            Shapes =
                fun x ->
                    let elbow, tip = joints x[2] x[3]

                    [
                        Disc(Goal, (0.0, length1 + length2), 0.05)
                        Segment(Body, 0.06, (0.0, 0.0), elbow)
                        Segment(Limb, 0.05, elbow, tip)
                        Disc(Ground, (0.0, 0.0), 0.05)
                        Disc(Limb, elbow, 0.045)
                        Disc(Limb, tip, 0.05)
                    ]
        }

    /// Square of the distance of the tip from its upright place, m².
    let internal tipError (x: Vec) : Real =
        let across = length1 * sin x[2] + length2 * sin x[3]
        let down = length1 * cos x[2] + length2 * cos x[3] - (length1 + length2)
        across * across + down * down

    /// The task: swing both rods up with two torques.
    let environment: Research.Environments.Environment =
        {
            Name = "double-pendulum"
            Summary = "swing two rods up with two motors too weak to lift them at once"
            Source = "double-pendulum scenario of PILCO 0.9 (Deisenroth and Rasmussen 2011)"
            States =
                [|
                    {
                        Name = "first angular velocity"
                        Unit = "rad/s"
                    }
                    {
                        Name = "second angular velocity"
                        Unit = "rad/s"
                    }
                    { Name = "first angle"; Unit = "rad" }
                    { Name = "second angle"; Unit = "rad" }
                |]
            Controls =
                [|
                    { Name = "first torque"; Unit = "N m" }
                    { Name = "second torque"; Unit = "N m" }
                |]
            TimeStep = 0.02
            Horizon = 150
            Step = fun h -> Integrator.rk4 h pilcoOde
            Masses =
                Some
                    {
                        Names = [| "first rod"; "second rod" |]
                        Step = fun factors h -> Integrator.rk4 h (pilcoOdeWith factors[0] factors[1])
                    }
            Stage = fun h x u -> h * (tipError x + 0.005 * Vec.squaredNorm x[..1] + 0.02 * Vec.squaredNorm u)
            Terminal = Cost.quadratic [| 5.0; 5.0; 50.0; 50.0 |] (Vec.ofFloats (Array.zeroCreate 4))
            Goal = Some(Array.zeroCreate 4)
            Start = [| 0.0; 0.0; Math.PI; Math.PI |]
            StartSpread = [| 0.1; 0.1; 0.01; 0.01 |]
            Limits = [| -2.0; -2.0 |], [| 2.0; 2.0 |]
            Constraints = []
            IsTerminal = fun _ -> false
            ControlSpread = 0.1
            Scene = scene
        }
