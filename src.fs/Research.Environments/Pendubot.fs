namespace Research.Environments

open Research

/// The double pendulum with a motor at the inner joint only: `DoublePendulum` without its second torque.
[<RequireQualifiedAccess>]
module Pendubot =

    /// ẋ of x = [θ̇₁, θ̇₂, θ₁, θ₂] under the torque u at the inner joint, with the mass of each rod times a factor; angles from the upright, against
    /// the clock. Source: the pendubot scenario of PILCO 0.9 (Deisenroth and Rasmussen 2011).
    let pilcoOdeWith (factor1: float) (factor2: float) (x: Vec) (u: Vec) : Vec =
        DoublePendulum.pilcoOdeWith factor1 factor2 x [| u[0]; Real.Zero |]

    /// ẋ with the masses of `DoublePendulum`.
    let pilcoOde: Vec -> Vec -> Vec = pilcoOdeWith 1.0 1.0

    /// The task: swing both links up with a motor in the shoulder alone.
    let environment: Research.Environments.Environment =
        { DoublePendulum.environment with
            Name = "pendubot"
            Summary = "swing two rods up with a motor at the inner joint only"
            Source = "pendubot scenario of PILCO 0.9 (Deisenroth and Rasmussen 2011)"
            Controls = [| { Name = "torque"; Unit = "N m" } |]
            Step = fun h -> Integrator.rk4 h pilcoOde
            Masses =
                Some
                    {
                        Names = [| "first rod"; "second rod" |]
                        Step = fun factors h -> Integrator.rk4 h (pilcoOdeWith factors[0] factors[1])
                    }
            Stage =
                fun h x u ->
                    h
                    * (DoublePendulum.tipError x + 0.005 * Vec.squaredNorm x[..1] + 0.01 * u[0] * u[0])
            Limits = [| -3.5 |], [| 3.5 |]
        }
