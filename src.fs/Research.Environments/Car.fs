namespace Research.Environments

open System
open Research

/// A car that parks at the origin, facing east. Source: the car-parking demonstration of Tassa, Mansard, Todorov, Control-Limited
/// Differential Dynamic Programming (2014).
[<RequireQualifiedAccess>]
module Car =

    /// distance of the axles, m
    let axles = 2.0

    /// x' of x = [px, py, θ, v], the middle of the rear axle, under u = [front wheel angle, acceleration]:
    ///
    ///     f = h v        b = d + f cos w − √(d² − f² sin² w)
    ///     px' = px + b cos θ    py' = py + b sin θ    θ' = θ + asin(f sin w / d)    v' = v + h a
    let step (h: Real) (x: Vec) (u: Vec) : Vec =
        let front = h * x[3]
        let sideways = front * sin u[0]
        let back = axles + front * cos u[0] - sqrt (axles * axles - sideways * sideways)

        [|
            x[0] + back * cos x[2]
            x[1] + back * sin x[2]
            x[2] + asin (sideways / axles)
            x[3] + h * u[1]
        |]

    let private running (x: Vec) =
        0.001 * (Real.smoothAbs 0.1 x[0] + Real.smoothAbs 0.1 x[1])

    let private stage (_: Real) (x: Vec) (u: Vec) : Real =
        0.01 * (u[0] * u[0]) + 0.0001 * (u[1] * u[1]) + running x

    let private terminal (x: Vec) : Real =
        running x
        + Cost.smoothAbs [| 0.1; 0.1; 1.0; 0.3 |] [| 0.01; 0.01; 0.01; 1.0 |] x

    let private shapes (x: float[]) =
        let px, py, angle = x[0], x[1], x[2]

        let at ahead left =
            px + ahead * cos angle - left * sin angle, py + ahead * sin angle + left * cos angle

        let wheel ahead left =
            Box(Ground, at ahead left, 0.5, 0.16, angle)

        [
            Box(Goal, (1.0, 0.0), 3.0, 1.5, 0.0)
            wheel 0.0 0.7
            wheel 0.0 -0.7
            wheel axles 0.7
            wheel axles -0.7
            Box(Body, at (axles / 2.0) 0.0, 3.0, 1.4, angle)
            Box(Limb, at (axles / 2.0 + 0.4) 0.0, 0.9, 1.1, angle)
        ]

    /// The task: park at the origin, facing east (Tassa, Mansard, Todorov 2014).
    let environment: Research.Environments.Environment =
        {
            Name = "car"
            Summary = "park a car at the origin, facing east"
            Source = "Tassa, Mansard, Todorov, Control-Limited Differential Dynamic Programming (2014)"
            States =
                [|
                    { Name = "x"; Unit = "m" }
                    { Name = "y"; Unit = "m" }
                    { Name = "heading"; Unit = "rad" }
                    { Name = "speed"; Unit = "m/s" }
                |]
            Controls =
                [|
                    { Name = "wheel angle"; Unit = "rad" }
                    { Name = "acceleration"; Unit = "m/s²" }
                |]
            TimeStep = 0.03
            Horizon = 500
            Step = step
            Masses = None
            Stage = stage
            Terminal = terminal
            Goal = Some [| 0.0; 0.0; 0.0; 0.0 |]
            Start = [| 1.0; 1.0; 1.5 * Math.PI; 0.0 |]
            StartSpread = [| 0.1; 0.1; 0.1; 0.0 |]
            Limits = [| -0.5; -2.0 |], [| 0.5; 2.0 |]
            Constraints = []
            IsTerminal = fun _ -> false
            ControlSpread = 0.1
            Scene =
                {
                    XRange = -4.5, 6.5
                    YRange = -4.0, 4.0
                    Shapes = shapes
                }
        }

    /// Middles of the cars on both sides of the gap of `parking`, m; each is as wide as a disc of 0.75 m.
    let neighbours = [ 5.6, 0.0; -3.6, 0.0 ]

    /// The task: park in a gap between two cars.
    let parking: Research.Environments.Environment =
        // the car as two discs of 0.75 m on its axis
        let discs, distance = [ 0.3; 1.7 ], 1.5

        { environment with
            Name = "car-parking"
            Summary = "park a car between two others, at rest at the origin and facing east, in ten seconds"
            Source = "the car of Tassa, Mansard, Todorov (2014) with a task of our own"
            TimeStep = 0.1
            Horizon = 100
            Stage =
                fun h x u ->
                    h
                    * (u[0] * u[0]
                       + 0.1 * u[1] * u[1]
                       + 0.01 * (x[0] * x[0] + x[1] * x[1] + x[3] * x[3]))
            Terminal = fun x -> 0.5 * Vec.squaredNorm x
            Start = [| 3.0; 3.0; 0.0; 0.0 |]
            StartSpread = [| 0.2; 0.2; 0.1; 0.0 |]
            Constraints =
                [
                    Constraint.terminalEquality "parked" id
                    Constraint.state "neighbours" (fun x ->
                        [|
                            for px, py in neighbours do
                                for ahead in discs do
                                    let dx = x[0] + ahead * cos x[2] - px
                                    let dy = x[1] + ahead * sin x[2] - py
                                    distance * distance - (dx * dx + dy * dy)
                        |])
                ]
            ControlSpread = 0.0
            Scene =
                {
                    XRange = -6.0, 8.0
                    YRange = -2.5, 5.5
                    Shapes =
                        fun x ->
                            [
                                for px, py in neighbours do
                                    Disc(Ground, (px, py), 0.75)

                                yield! shapes x
                            ]
                }
        }
