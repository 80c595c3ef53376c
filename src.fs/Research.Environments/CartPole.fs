namespace Research.Environments

open System
open Research

/// A cart on a track with a pole that swings freely. θ = 0 hangs down.
[<RequireQualifiedAccess>]
module CartPole =

    let private states =
        [|
            { Name = "position"; Unit = "m" }
            { Name = "angle"; Unit = "rad" }
            { Name = "velocity"; Unit = "m/s" }
            {
                Name = "angular velocity"
                Unit = "rad/s"
            }
        |]

    let private scene (length: float) (goal: float) : Scene =
        {
            XRange = -1.6, 2.0
            YRange = -0.8, 0.8
            Shapes =
                fun x ->
                    let tip = x[0] + length * sin x[1], -length * cos x[1]

                    [
                        Segment(Ground, 0.015, (-1.6, 0.0), (2.0, 0.0))
                        Disc(Goal, (goal, length), 0.04)
                        Box(Body, (x[0], 0.0), 0.3, 0.15, 0.0)
                        Segment(Limb, 0.04, (x[0], 0.0), tip)
                        Disc(Limb, tip, 0.05)
                    ]
        }

    /// Masses and length of the point-mass form: cart 1 kg, pole 0.3 kg, 0.5 m, g = 9.81 m/s².
    let cartMass, poleMass, poleLength, gravity = 1.0, 0.3, 0.5, 9.81

    /// ẋ of x = [p, θ, ṗ, θ̇] under the force u on a cart of mass m₁, with the pole's mass m₂ at its end:
    ///
    ///     p̈ = (l m₂ sin θ θ̇² + u + m₂ g cos θ sin θ) / D          D = m₁ + m₂ sin²θ
    ///     θ̈ = −(l m₂ cos θ sin θ θ̇² + u cos θ + (m₁ + m₂) g sin θ) / (l D)
    ///
    /// Source: Kelly, An Introduction to Trajectory Optimization (2017).
    let odeWith (m1: float) (m2: float) (x: Vec) (u: Vec) : Vec =
        let s, c = sin x[1], cos x[1]
        let rate = x[3] * x[3]
        let d = m1 + m2 * (s * s)
        let push = poleLength * m2 * s * rate

        [|
            x[2]
            x[3]
            (push + u[0] + m2 * gravity * (c * s)) / d
            -((push * c + u[0] * c + (m1 + m2) * gravity * s) / (poleLength * d))
        |]

    /// ẋ with the masses above.
    let ode: Vec -> Vec -> Vec = odeWith cartMass poleMass

    let private masses (cart: float) (pole: float) (ode: float -> float -> Vec -> Vec -> Vec) : Masses option =
        Some
            {
                Names = [| "cart"; "pole" |]
                Step = fun factors h -> Integrator.rk4 h (ode (factors[0] * cart) (factors[1] * pole))
            }

    /// The task: swing the pole up, one metre to the right.
    let environment: Research.Environments.Environment =
        let goal = Vec.ofFloats [ 1.0; Math.PI; 0.0; 0.0 ]

        {
            Name = "cartpole"
            Summary = "swing a pole up on a cart, one metre to the right of the start"
            Source = "Kelly, An Introduction to Trajectory Optimization (2017)"
            States = states
            Controls = [| { Name = "force"; Unit = "N" } |]
            TimeStep = 0.02
            Horizon = 100
            Step = fun h -> Integrator.rk4 h ode
            Masses = masses cartMass poleMass odeWith
            Stage = fun h x u -> h * (Cost.quadratic [| 1.0; 1.0; 0.1; 0.1 |] goal x + 0.025 * u[0] * u[0])
            Terminal = Cost.quadratic [| 100.0; 100.0; 10.0; 10.0 |] goal
            Goal = Some [| 1.0; Math.PI; 0.0; 0.0 |]
            Start = [| 0.0; 0.0; 0.0; 0.0 |]
            StartSpread = [| 0.05; 0.05; 0.05; 0.05 |]
            Limits = [| Double.NegativeInfinity |], [| Double.PositiveInfinity |]
            Constraints = []
            IsTerminal = fun x -> abs x[0] > 10.0
            ControlSpread = 0.0
            Scene = scene poleLength 1.0
        }

    /// Constants of PILCO's form: cart and pole 0.5 kg, a rod of 0.5 m, friction of the cart 0.1 N s/m, g = 9.82 m/s².
    let pilcoMass, pilcoLength, pilcoFriction, pilcoGravity = 0.5, 0.5, 0.1, 9.82

    /// ẋ of x = [p, θ, ṗ, θ̇] with a cart of mass M and a homogeneous rod of mass m for a pole:
    ///
    ///     p̈ = (2 m l θ̇² sin θ + 3 m g sin θ cos θ + 4u − 4b ṗ) / (4(M + m) − 3 m cos²θ)
    ///     θ̈ = (−3 m l θ̇² sin θ cos θ − 6(M + m) g sin θ − 6(u − b ṗ) cos θ) / (4 l (M + m) − 3 m l cos²θ)
    ///
    /// Source: the cart-pole scenario of PILCO 0.9 (Deisenroth and Rasmussen 2011).
    let pilcoOdeWith (cart: float) (m: float) (x: Vec) (u: Vec) : Vec =
        let l, total = pilcoLength, cart + m
        let s, c = sin x[1], cos x[1]
        let rate = x[3] * x[3]
        let force = u[0] - pilcoFriction * x[2]
        let d = 4.0 * total - 3.0 * m * (c * c)

        [|
            x[2]
            x[3]
            (2.0 * m * l * rate * s + 3.0 * m * pilcoGravity * (s * c) + 4.0 * force) / d
            -(3.0 * m * l * rate * (s * c) + 6.0 * total * pilcoGravity * s + 6.0 * force * c)
            / (l * d)
        |]

    /// ẋ with the masses above.
    let pilcoOde: Vec -> Vec -> Vec = pilcoOdeWith pilcoMass pilcoMass

    /// PILCO's saturating cost 1 − exp(−d²/(2·0.25²)) of the distance d of the tip from its upright place above the origin.
    let pilcoLoss (x: Vec) : Real =
        let dx = x[0] + pilcoLength * sin x[1]
        let dy = pilcoLength + pilcoLength * cos x[1]
        1.0 - exp (-(dx * dx + dy * dy) / (2.0 * 0.25 * 0.25))

    /// The task of PILCO's cart-pole scenario: swing up and come back to the middle, with limited force.
    let pilco: Research.Environments.Environment =
        let goal = Vec.ofFloats [ 0.0; Math.PI; 0.0; 0.0 ]

        { environment with
            Name = "cartpole-pilco"
            Summary = "swing a rod up on a cart and bring it back to the middle, with limited force"
            Source = "cart-pole scenario of PILCO 0.9 (Deisenroth and Rasmussen 2011)"
            TimeStep = 0.1
            Horizon = 40
            Step = fun h -> Integrator.rk4 h pilcoOde
            Masses = masses pilcoMass pilcoMass pilcoOdeWith
            Stage =
                fun h x u ->
                    h
                    * (pilcoLoss x
                       + Cost.quadratic [| 0.1; 0.1; 0.01; 0.01 |] goal x
                       + 0.001 * u[0] * u[0])
            Terminal = Cost.quadratic [| 10.0; 10.0; 1.0; 1.0 |] goal
            Goal = Some [| 0.0; Math.PI; 0.0; 0.0 |]
            StartSpread = [| 0.1; 0.1; 0.1; 0.1 |]
            Limits = [| -10.0 |], [| 10.0 |]
            ControlSpread = 0.1
            Scene = scene pilcoLength 0.0
        }

    /// Where the cart may be in `railed`, m.
    let rail = -0.1, 1.02

    /// The task with little force, on a rail that ends.
    let railed: Research.Environments.Environment =
        let goal = [| 1.0; Math.PI; 0.0; 0.0 |]

        { environment with
            Name = "cartpole-rail"
            Summary = "swing a pole up on a cart with little force and a rail that ends, and be there in time"
            Limits = [| -10.0 |], [| 10.0 |]
            Constraints =
                [
                    Constraint.terminalEquality "upright at the goal" (fun x -> Vec.sub x (Vec.ofFloats goal))
                    Constraint.between "rail" [| fst rail |] [| snd rail |] (fun x -> x[..0])
                ]
        }
