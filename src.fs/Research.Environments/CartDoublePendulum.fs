namespace Research.Environments

open System
open Research

/// Two rods, one on the end of the other, on a cart. Both angles are measured from the upright, against the clock: 0 stands, π hangs.
[<RequireQualifiedAccess>]
module CartDoublePendulum =

    /// masses of the cart and of the two rods, kg
    let cartMass, mass1, mass2 = 0.5, 0.5, 0.5
    /// lengths of the rods, m
    let length1, length2 = 0.6, 0.6
    /// friction of the cart, N s/m
    let friction = 0.1
    /// m/s²
    let gravity = 9.82

    /// ẋ of x = [p, ṗ, θ̇₁, θ̇₂, θ₁, θ₂] under the force u on the cart, with each mass times a factor, from M(θ) [p̈, θ̈₁, θ̈₂] = f with
    ///
    ///     M₁₁ = m₀ + m₁ + m₂     M₁₂ = −(m₁/2 + m₂) l₁ cos θ₁     M₁₃ = −½ m₂ l₂ cos θ₂
    ///     M₂₂ = (m₁/3 + m₂) l₁²     M₂₃ = ½ m₂ l₁ l₂ cos(θ₁ − θ₂)     M₃₃ = m₂ l₂²/3
    ///
    /// Source: the cart-double-pendulum scenario of PILCO 0.9 (Deisenroth and Rasmussen 2011).
    let pilcoOdeWith (cart: float) (factor1: float) (factor2: float) (x: Vec) (u: Vec) : Vec =
        let cartMass, mass1, mass2 = cart * cartMass, factor1 * mass1, factor2 * mass2
        let velocity, w1, w2, angle1, angle2 = x[1], x[2], x[3], x[4], x[5]
        let first = (mass1 / 2.0 + mass2) * length1
        let second = 0.5 * mass2 * length2
        let apart = angle1 - angle2
        let total = Real.constant (cartMass + mass1 + mass2)
        let m12, m13 = -first * cos angle1, -second * cos angle2
        let m22 = Real.constant ((mass1 / 3.0 + mass2) * length1 * length1)
        let m23 = second * length1 * cos apart
        let m33 = Real.constant (mass2 * length2 * length2 / 3.0)
        let twist = second * length1 * sin apart

        let acceleration =
            Mat.solveCholesky
                (array2D [ [ total; m12; m13 ]; [ m12; m22; m23 ]; [ m13; m23; m33 ] ])
                [|
                    u[0]
                    - friction * velocity
                    - first * sin angle1 * (w1 * w1)
                    - second * sin angle2 * (w2 * w2)
                    first * gravity * sin angle1 - twist * (w2 * w2)
                    second * gravity * sin angle2 + twist * (w1 * w1)
                |]

        [| velocity; acceleration[0]; acceleration[1]; acceleration[2]; w1; w2 |]

    /// ẋ with the masses above.
    let pilcoOde: Vec -> Vec -> Vec = pilcoOdeWith 1.0 1.0 1.0

    let private joints (position: float) (angle1: float) (angle2: float) =
        let middle = position - length1 * sin angle1, length1 * cos angle1
        middle, (fst middle - length2 * sin angle2, snd middle + length2 * cos angle2)

    let private scene: Scene =
        {
            XRange = -2.0, 2.0
            YRange = -1.35, 1.35
            Shapes =
                fun x ->
                    let middle, tip = joints x[0] x[4] x[5]

                    [
                        Segment(Ground, 0.02, (-2.0, 0.0), (2.0, 0.0))
                        Disc(Goal, (0.0, length1 + length2), 0.06)
                        Box(Body, (x[0], 0.0), 0.36, 0.18, 0.0)
                        Segment(Limb, 0.05, (x[0], 0.0), middle)
                        Segment(Limb, 0.05, middle, tip)
                        Disc(Body, middle, 0.05)
                        Disc(Limb, tip, 0.06)
                    ]
        }

    /// The task: swing two rods up on a cart.
    let environment: Research.Environments.Environment =
        {
            Name = "cart-double-pole"
            Summary = "swing two rods up on a cart and bring it back to the middle, with limited force"
            Source = "cart-double-pendulum scenario of PILCO 0.9 (Deisenroth and Rasmussen 2011)"
            States =
                [|
                    for name, unit in
                        [
                            "position", "m"
                            "velocity", "m/s"
                            "first angular velocity", "rad/s"
                            "second angular velocity", "rad/s"
                            "first angle", "rad"
                            "second angle", "rad"
                        ] do
                        { Name = name; Unit = unit }
                |]
            Controls = [| { Name = "force"; Unit = "N" } |]
            TimeStep = 0.02
            Horizon = 150
            Step = fun h -> Integrator.rk4 h pilcoOde
            Masses =
                Some
                    {
                        Names = [| "cart"; "first rod"; "second rod" |]
                        Step = fun factors h -> Integrator.rk4 h (pilcoOdeWith factors[0] factors[1] factors[2])
                    }
            Stage =
                fun h x u ->
                    let tipX = x[0] - length1 * sin x[4] - length2 * sin x[5]
                    let tipY = length1 * cos x[4] + length2 * cos x[5] - (length1 + length2)

                    h
                    * (tipX * tipX
                       + tipY * tipY
                       + 0.5 * x[0] * x[0]
                       + 0.02 * Vec.squaredNorm x[1..3]
                       + 0.002 * u[0] * u[0])
            Terminal = Cost.quadratic [| 50.0; 5.0; 10.0; 10.0; 100.0; 100.0 |] (Vec.ofFloats (Array.zeroCreate 6))
            Goal = Some(Array.zeroCreate 6)
            Start = [| 0.0; 0.0; 0.0; 0.0; Math.PI; Math.PI |]
            StartSpread = [| 0.1; 0.1; 0.1; 0.1; 0.01; 0.01 |]
            Limits = [| -20.0 |], [| 20.0 |]
            Constraints = []
            IsTerminal = fun x -> abs x[0] > 10.0
            ControlSpread = 0.5
            Scene = scene
        }
