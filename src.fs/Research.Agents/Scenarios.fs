namespace Research.Agents

open System
open Research.Environments

/// Scenarios by name: those of PILCO 0.9, with the figures of its settings and states in the order of this library's models, and a tower.
[<RequireQualifiedAccess>]
module Scenarios =

    let private source = "PILCO 0.9 (Deisenroth, McHutchon, Hall and Rasmussen 2013)"

    let private repeated (count: int) (value: float) : float[] = Array.create count value

    /// A rod on a pivot: 40 steps of 0.1 s, torque up to 2.5 N m.
    let pendulum: Scenario =
        let timeStep = 0.1

        {
            Name = "pendulum"
            Summary = "learn to swing a rod up with a motor too weak to lift it at once"
            Source = source
            States = Pendulum.environment.States
            Controls = Pendulum.environment.Controls
            TimeStep = timeStep
            Horizon = 40
            Advance = Scenario.ofOde 2 1 timeStep Pendulum.ode
            Observe = id
            Measure = Scenario.noisy [| 0.01; 0.1 |] id
            Starts = [| repeated 2 0.0 |]
            StartSpread = repeated 2 0.1
            ModelSpread = repeated 2 0.1
            Limits = [| 2.5 |]
            RandomShare = 1.0
            Angles = [| 0 |]
            DynamicsInputs = [| 1; 2; 3 |]
            PolicyInputs = [| 1; 2; 3 |]
            Policy = Rbf 20
            Loss =
                {
                    Features = array2D [ [ 1.0; 0.0 ] ]
                    Angles = [| 0 |]
                    Rows = array2D [ [ 0.0; Pendulum.length; 0.0 ]; [ 0.0; 0.0; Pendulum.length ] ]
                    Target = [| Math.PI; 0.0; -1.0 |]
                    Width = 0.5
                }
            Penalties = []
            LineSearches = 75
            Evaluations = 20
            Inducing = 300
            RandomRollouts = 1
            Trials = 10
            IsFallen = fun _ -> false
            Distance = fun x -> 2.0 * Pendulum.length * abs (cos (0.5 * x[0]))
            Reach = 0.1
            Scene = Pendulum.environment.Scene
        }

    /// A rod on a cart: 40 steps of 0.1 s, force up to 10 N.
    let cartPole: Scenario =
        let timeStep, l = 0.1, CartPole.pilcoLength

        {
            Name = "cartpole"
            Summary = "learn to swing a rod up on a cart and to balance it in the middle"
            Source = source
            States = CartPole.pilco.States
            Controls = CartPole.pilco.Controls
            TimeStep = timeStep
            Horizon = 40
            Advance = Scenario.ofOde 4 1 timeStep CartPole.pilcoOde
            Observe = id
            Measure = Scenario.noisy (repeated 4 0.01) id
            Starts = [| repeated 4 0.0 |]
            StartSpread = repeated 4 0.1
            ModelSpread = repeated 4 0.1
            Limits = [| 10.0 |]
            RandomShare = 1.0
            Angles = [| 1 |]
            DynamicsInputs = [| 0; 2; 3; 4; 5 |]
            PolicyInputs = [| 0; 2; 3; 4; 5 |]
            Policy = Rbf 10
            Loss =
                {
                    Features = array2D [ [ 1.0; 0.0; 0.0; 0.0 ]; [ 0.0; 1.0; 0.0; 0.0 ] ]
                    Angles = [| 1 |]
                    Rows = array2D [ [ 1.0; 0.0; l; 0.0 ]; [ 0.0; 0.0; 0.0; l ] ]
                    Target = [| 0.0; Math.PI; 0.0; -1.0 |]
                    Width = 0.25
                }
            Penalties = []
            LineSearches = 150
            Evaluations = 30
            Inducing = 300
            RandomRollouts = 1
            Trials = 15
            IsFallen = fun _ -> false
            Distance = fun x -> Math.Sqrt((x[0] + l * sin x[1]) ** 2.0 + (l + l * cos x[1]) ** 2.0)
            Reach = 0.1
            Scene = CartPole.pilco.Scene
        }

    /// Features [sin θ₁, cos θ₁, sin θ₂, cos θ₂] of two rods whose angles from the upright are the given numbers of the state, with another
    /// number of the state in front where there is a cart.
    let private tipOf (stateSize: int) (linear: int list) (lengths: float * float) (width: float) : Loss =
        let first, second = lengths
        let hasCart = linear.Length = 3

        let features =
            linear
            |> List.map (fun index -> [ for j in 0 .. stateSize - 1 -> if j = index then 1.0 else 0.0 ])
            |> array2D

        let cart = if hasCart then [ 1.0 ] else []
        let zero = List.map (fun _ -> 0.0) cart

        {
            Features = features
            Angles = if hasCart then [| 1; 2 |] else [| 0; 1 |]
            Rows =
                array2D
                    [
                        cart @ [ 0.0; 0.0; -first; 0.0; -second; 0.0 ]
                        zero @ [ 0.0; 0.0; 0.0; first; 0.0; second ]
                    ]
            Target = Array.ofList (zero @ [ 0.0; 0.0; 0.0; 1.0; 0.0; 1.0 ])
            Width = width
        }

    /// Two rods on a cart: 100 steps of 0.05 s, force up to 20 N.
    let cartDoublePendulum: Scenario =
        let timeStep = 0.05
        let system = CartDoublePendulum.environment
        let lengths = CartDoublePendulum.length1, CartDoublePendulum.length2
        let distance = tipOf 6 [ 0; 4; 5 ] lengths 1.0

        {
            Name = "cart-double-pendulum"
            Summary = "learn to swing two rods up on a cart and to balance them in the middle"
            Source = source
            States = system.States
            Controls = system.Controls
            TimeStep = timeStep
            Horizon = 100
            Advance = Scenario.ofOde 6 1 timeStep CartDoublePendulum.pilcoOde
            Observe = id
            Measure = Scenario.noisy (repeated 6 0.01) id
            Starts = [| system.Start |]
            StartSpread = system.StartSpread
            ModelSpread = system.StartSpread
            Limits = [| 20.0 |]
            RandomShare = 1.0
            Angles = [| 4; 5 |]
            DynamicsInputs = [| 0; 1; 2; 3; 6; 7; 8; 9 |]
            PolicyInputs = [| 0; 1; 2; 3; 6; 7; 8; 9 |]
            Policy = Rbf 200
            // the published loss takes rods of 1 m, where those of the plant have 0.6 m
            Loss = tipOf 6 [ 0; 4; 5 ] (1.0, 1.0) 0.5
            Penalties = []
            LineSearches = 150
            Evaluations = 30
            Inducing = 400
            RandomRollouts = 1
            Trials = 40
            IsFallen = fun _ -> false
            Distance = Loss.distance distance
            Reach = 0.1
            Scene = system.Scene
        }

    /// Two rods with two torques up to 2 N m: 30 steps of 0.1 s.
    let doublePendulum: Scenario =
        let timeStep = 0.1
        let system = DoublePendulum.environment
        let lengths = DoublePendulum.length1, DoublePendulum.length2
        let loss = tipOf 4 [ 2; 3 ] lengths 0.5

        {
            Name = "double-pendulum"
            Summary = "learn to swing two rods up with two motors too weak to lift them at once"
            Source = source
            States = system.States
            Controls = system.Controls
            TimeStep = timeStep
            Horizon = 30
            Advance = Scenario.ofOde 4 2 timeStep DoublePendulum.pilcoOde
            Observe = id
            Measure = Scenario.noisy (repeated 4 0.01) id
            Starts = [| system.Start |]
            StartSpread = system.StartSpread
            ModelSpread = system.StartSpread
            Limits = [| 2.0; 2.0 |]
            RandomShare = 1.0
            Angles = [| 2; 3 |]
            DynamicsInputs = [| 0; 1; 4; 5; 6; 7 |]
            PolicyInputs = [| 0; 1; 4; 5; 6; 7 |]
            Policy = Rbf 100
            Loss = loss
            Penalties = []
            LineSearches = 150
            Evaluations = 30
            Inducing = 300
            RandomRollouts = 1
            Trials = 20
            IsFallen = fun _ -> false
            Distance = Loss.distance loss
            Reach = 0.1
            Scene = system.Scene
        }

    /// Two rods with a torque up to 3.5 N m on the first: 60 steps of 0.05 s.
    let pendubot: Scenario =
        let timeStep = 0.05
        let system = Pendubot.environment

        { doublePendulum with
            Name = "pendubot"
            Summary = "learn to swing two rods up with a motor on the first alone"
            Controls = system.Controls
            TimeStep = timeStep
            Horizon = 60
            Advance = Scenario.ofOde 4 1 timeStep Pendubot.pilcoOde
            Limits = [| 3.5 |]
            Policy = Rbf 200
            Loss =
                { doublePendulum.Loss with
                    Width = 0.25
                }
            Evaluations = 20
            Trials = 40
            Scene = system.Scene
        }

    /// A robot on one wheel: 67 steps of 0.15 s, torques up to 10 N m on the turntable and 50 N m on the wheel, a linear policy. The belief
    /// over the first state knows how unsure the place of the origin is; that of the original takes it for certain.
    let unicycle: Scenario =
        let timeStep = 0.15
        let system = Unicycle.environment

        // from the plant's state: its five rates, the origin as seen from the robot (ahead and to the left), tilt, heading, pitch
        let observe (x: float[]) =
            let c, s = cos x[8], sin x[8]

            Array.concat [ x[..4]; [| -(c * x[5] + s * x[6]); s * x[5] - c * x[6]; x[7]; x[8]; x[10] |] ]

        // [ahead, left, heading, θ, θ + ψ, θ − ψ, ψ] with tilt θ and pitch ψ, and sines and cosines of the last four
        let features =
            let row (entries: (int * float) list) =
                [
                    for j in 0..9 -> entries |> List.sumBy (fun (k, v) -> if k = j then v else 0.0)
                ]

            array2D
                [
                    row [ 5, 1.0 ]
                    row [ 6, 1.0 ]
                    row [ 8, 1.0 ]
                    row [ 7, 1.0 ]
                    row [ 7, 1.0; 9, 1.0 ]
                    row [ 7, 1.0; 9, -1.0 ]
                    row [ 9, 1.0 ]
                ]

        // how far the top is below its height, and from above the origin along and across, with weights; and the heading
        let lossOf radius rod ofHeight ofPlace ofHeading : Loss =
            let row (entries: (int * float) list) =
                [
                    for j in 0..14 -> entries |> List.sumBy (fun (k, v) -> if k = j then v else 0.0)
                ]

            {
                Features = features
                Angles = [| 3; 4; 5; 6 |]
                Rows =
                    array2D
                        [
                            row [ 8, ofHeight * radius; 10, ofHeight * rod / 2.0; 12, ofHeight * rod / 2.0 ]
                            row [ 0, ofPlace; 13, -ofPlace * rod ]
                            row [ 1, ofPlace; 7, -ofPlace * (rod + radius) ]
                            row [ 2, ofHeading ]
                        ]
                Target = Array.init 15 (fun j -> if j >= 7 && j % 2 = 0 then 1.0 else 0.0)
                Width = 1.0
            }

        let distance =
            lossOf Unicycle.radius (Unicycle.frameHeight + Unicycle.tableHeight) 1.0 1.0 0.0

        {
            Name = "unicycle"
            Summary = "learn to balance on one wheel with a turntable on top"
            Source = $"{source}, with equations of our own"
            States =
                [|
                    yield! system.States[..4]
                    { Name = "origin ahead"; Unit = "m" }
                    {
                        Name = "origin to the left"
                        Unit = "m"
                    }
                    system.States[7]
                    system.States[8]
                    system.States[10]
                |]
            Controls = system.Controls
            TimeStep = timeStep
            Horizon = 67
            Advance = Scenario.ofOde 12 2 timeStep Unicycle.ode
            Observe = observe
            Measure = Scenario.noisy (Array.append (repeated 5 0.01) (repeated 7 0.003)) observe
            Starts = [| repeated 12 0.0 |]
            StartSpread = system.StartSpread
            ModelSpread = [| yield! repeated 5 0.02; 0.1; 0.1; yield! repeated 3 0.02 |]
            Limits = [| 10.0; 50.0 |]
            RandomShare = 0.2
            Angles = [||]
            DynamicsInputs = [| 0; 1; 2; 3; 4; 5; 6; 7; 9 |]
            PolicyInputs = [| 0..9 |]
            Policy = Linear
            Loss = lossOf 0.22 0.81 (sqrt 8.0) (sqrt 0.5) (1.0 / (4.0 * Math.PI))
            Penalties = []
            LineSearches = 100
            Evaluations = 20
            Inducing = 300
            RandomRollouts = 10
            Trials = 40
            IsFallen = system.IsTerminal
            Distance = observe >> Loss.distance distance
            // what counts is that it does not fall
            Reach = infinity
            Scene = system.Scene
        }

    /// In the order in which they are listed.
    let all: Scenario list =
        [
            pendulum
            cartPole
            cartDoublePendulum
            doublePendulum
            pendubot
            unicycle
            BlockStacking.scenario 3 true
        ]

    /// The scenario of a name, or the names there are and the one that was perhaps meant.
    let find (name: string) : Result<Scenario, string> =
        Names.find "scenario" (fun (scenario: Scenario) -> scenario.Name) all name
