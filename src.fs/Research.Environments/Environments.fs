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

    let private distance (a: string) (b: string) =
        let row = Array.init (b.Length + 1) id

        for i in 1 .. a.Length do
            let mutable diagonal = row[0]
            row[0] <- i

            for j in 1 .. b.Length do
                let above = row[j]
                let change = if a[i - 1] = b[j - 1] then 0 else 1
                row[j] <- min (diagonal + change) (1 + min above row[j - 1])
                diagonal <- above

        row[b.Length]

    /// The environment of a name, or the names there are and the one that was perhaps meant.
    let find (name: string) : Result<Environment, string> =
        match all |> List.tryFind (fun environment -> environment.Name = name) with
        | Some found -> Ok found
        | None ->
            let names = all |> List.map _.Name
            let nearest = names |> List.minBy (distance name)

            let guess =
                if distance name nearest <= 3 then
                    $" Did you mean '{nearest}'?"
                else
                    ""

            let known = String.concat ", " names
            Error $"There is no problem called '{name}'.{guess} Known: {known}."
