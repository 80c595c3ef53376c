namespace Research.Environments

open System
open Research

/// A unit mass on a line, pushed by a force: ẍ = u. Linear-quadratic, so that its solution is known in closed form.
[<RequireQualifiedAccess>]
module DoubleIntegrator =

    /// Exact discretisation under a held force: p' = p + hv + h²u/2, v' = v + hu.
    let step (h: Real) (x: Vec) (u: Vec) : Vec =
        [| x[0] + h * x[1] + 0.5 * h * h * u[0]; x[1] + h * u[0] |]

    /// The task: bring a mass to rest at the origin.
    let environment: Research.Environments.Environment =
        {
            Name = "double-integrator"
            Summary = "a mass on a line, brought to rest at the origin"
            Source = "textbook"
            States = [| { Name = "position"; Unit = "m" }; { Name = "velocity"; Unit = "m/s" } |]
            Controls = [| { Name = "force"; Unit = "N" } |]
            TimeStep = 0.1
            Horizon = 60
            Step = step
            Masses =
                Some
                    {
                        Names = [| "mass" |]
                        Step = fun factors h x u -> step h x [| u[0] / factors[0] |]
                    }
            Stage =
                fun h x u ->
                    h
                    * (Cost.quadratic [| 1.0; 1.0 |] (Vec.ofFloats [ 0.0; 0.0 ]) x + 0.5 * u[0] * u[0])
            Terminal = Cost.quadratic [| 10.0; 10.0 |] (Vec.ofFloats [ 0.0; 0.0 ])
            Goal = Some [| 0.0; 0.0 |]
            Start = [| 1.0; 0.0 |]
            StartSpread = [| 0.1; 0.1 |]
            Limits = [| Double.NegativeInfinity |], [| Double.PositiveInfinity |]
            Constraints = []
            IsTerminal = fun _ -> false
            ControlSpread = 0.0
            Scene =
                {
                    XRange = -0.6, 1.4
                    YRange = -0.3, 0.5
                    Shapes =
                        fun x ->
                            [
                                Segment(Ground, 0.01, (-0.6, 0.0), (1.4, 0.0))
                                Disc(Goal, (0.0, 0.06), 0.02)
                                Box(Body, (x[0], 0.06), 0.16, 0.1, 0.0)
                            ]
                }
        }
