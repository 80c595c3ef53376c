namespace Research

/// Integrators: from continuous dynamics ẋ = f(x, u), with the control held over the step, to discrete dynamics x' = F(x, u). Each is a
/// function on dynamics, so that it composes with everything else that is.
[<RequireQualifiedAccess>]
module Integrator =

    /// f x u; where f reads what is not there, which element that is.
    let private rates (f: Vec -> Vec -> Vec) (x: Vec) (u: Vec) : Vec =
        try
            f x u
        with :? System.IndexOutOfRangeException ->
            Signature.trace "the function of the rates" [ "x", x.Length; "u", u.Length ] (fun given ->
                f given[0] given[1])
            |> snd

    let private ahead (x: Vec) (h: Real) (slope: Vec) : Vec =
        if slope.Length <> x.Length then
            invalidArg "f" $"the state has {x.Length} numbers, and the function of its rates returned {slope.Length}"

        Array.map2 (fun (a: Real) (b: Real) -> a + h * b) x slope

    /// x' = x + h f(x, u). Order 1.
    let euler (h: Real) (f: Vec -> Vec -> Vec) (x: Vec) (u: Vec) : Vec = ahead x h (rates f x u)

    /// Semi-implicit Euler for states [q; v] of equal halves: v' = v + h v̇(q, v, u), q' = q + h v'. Order 1, symplectic when v̇ does not
    /// depend on v.
    let semiImplicit (h: Real) (f: Vec -> Vec -> Vec) (x: Vec) (u: Vec) : Vec =
        if x.Length % 2 <> 0 then
            invalidArg
                (nameof x)
                $"Integrator.semiImplicit needs a state of positions and as many velocities, and got {x.Length} numbers"

        let half = x.Length / 2
        let slope = rates f x u

        if slope.Length <> x.Length then
            invalidArg "f" $"the state has {x.Length} numbers, and the function of its rates returned {slope.Length}"

        let velocity = ahead x[half..] h slope[half..]
        Array.append (ahead x[.. half - 1] h velocity) velocity

    /// x' = x + h f(x + h/2 f(x, u), u). Order 2.
    let midpoint (h: Real) (f: Vec -> Vec -> Vec) (x: Vec) (u: Vec) : Vec =
        ahead x h (f (ahead x (0.5 * h) (rates f x u)) u)

    /// The classical method of Runge and Kutta. Order 4.
    let rk4 (h: Real) (f: Vec -> Vec -> Vec) (x: Vec) (u: Vec) : Vec =
        let k1 = rates f x u
        let k2 = f (ahead x (0.5 * h) k1) u
        let k3 = f (ahead x (0.5 * h) k2) u
        let k4 = f (ahead x h k3) u

        if k4.Length <> x.Length then
            invalidArg "f" $"the state has {x.Length} numbers, and the function of its rates returned {k4.Length}"

        let sum = Array.init x.Length (fun i -> k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i])
        ahead x (h / 6.0) sum

    /// Solves x' = x + h f((x + x')/2, u) by a fixed number of Newton iterations from an explicit step, as one graph. Order 2, symplectic,
    /// stable for stiff systems.
    let implicitMidpoint (iterations: int) (h: Real) (f: Vec -> Vec -> Vec) (x: Vec) (u: Vec) : Vec =
        let n = x.Length

        let residual (next: Vec) =
            let middle = Array.map2 (fun (a: Real) (b: Real) -> 0.5 * (a + b)) x next
            Array.map2 (fun (a: Real) (b: Real) -> a - b) next (ahead x h (f middle u))

        let improve (next: Vec) _ =
            let r, jacobian = Diff.fjacobian residual next
            Vec.sub next (Mat.solveLu jacobian r)

        if n = 0 then
            x
        else
            Seq.fold improve (euler h f x u) (seq { 1..iterations })
