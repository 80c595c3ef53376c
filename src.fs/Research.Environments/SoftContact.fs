namespace Research.Environments

open Research

/// Forces of the ground y = 0 on a point, smooth in its place and velocity, so that gradients see the ground before it is touched.
type SoftContact =
    {
        /// force for a metre of depth, N/m
        Stiffness: float
        /// depth over which the ground becomes firm, m
        Softness: float
        /// how much the force grows with the speed of sinking, s/m
        Damping: float
        /// coefficient of friction
        Friction: float
        /// speed of sliding at which friction has 0.7 of its largest force, m/s
        Creep: float
    }

/// The force of a soft contact.
[<RequireQualifiedAccess>]
module SoftContact =

    let private saturated (x: Real) : Real = x / sqrt (1.0 + x * x)

    /// Force [2] of the ground on a point at height y with velocity v [2]:
    ///
    ///     f_n = k d (1 − s(c v_y))     d = ε log(1 + exp(−y/ε))     s(z) = z/√(1 + z²)
    ///     f_t = −μ f_n s(v_x/v₀)
    ///
    /// d is the depth, smoothed. Because s stays between −1 and 1, the ground pushes and never pulls, takes energy while the point sinks
    /// and gives none beyond that of its spring while it rises, and friction stays inside its cone. Source of the kind: Hunt and
    /// Crossley, Coefficient of restitution interpreted as damping in vibroimpact (1975), with the damping bounded.
    let force (ground: SoftContact) (height: Real) (velocity: Vec) : Vec =
        let depth = ground.Softness * Real.softplus (-height / ground.Softness)

        let normal =
            ground.Stiffness * depth * (1.0 - saturated (ground.Damping * velocity[1]))

        [|
            -(ground.Friction * normal) * saturated (velocity[0] / ground.Creep)
            normal
        |]
