namespace Research.Environments

/// All environments by name.
[<RequireQualifiedAccess>]
module Environments =

    /// In the order in which they are listed.
    let all: Environment list =
        [
            CartPole.environment
            CartPole.pilco
            Pendulum.environment
            Acrobot.environment
            CartDoublePendulum.environment
            DoublePendulum.environment
            Pendubot.environment
            Unicycle.environment
            Car.environment
            PlanarQuadrotor.environment
            Quadrotor.environment
            yield! List.map Arm.environment [ 2..7 ]
            yield! List.map Swimmer.environment [ 3; 5 ]
            Hopper.environment
            Manipulator.environment
            DoubleIntegrator.environment
            CartPole.railed
            Car.parking
            Quadrotor.pillars
            Manipulator.guarded
        ]

    /// The environment of a name, or the names there are and the one that was perhaps meant.
    let find (name: string) : Result<Environment, string> = Names.find "problem" _.Name all name
