module Research.Tests.Lagrangian

open Research
open Research.Tests.Generators

/// A mechanical system by its energies alone: what its equations of motion are checked against. q are coordinates, v their rates.
type Mechanics =
    {
        /// of q v
        Kinetic: Vec -> Vec -> Real
        /// of q
        Potential: Vec -> Real
        /// generalised forces of q v, other than the potential's
        Forces: Vec -> Vec -> Vec
        /// c with c(q, v) = 0, linear in v; empty where every motion is possible
        Constraints: Vec -> Vec -> Vec
    }

let free = fun (_: Vec) (_: Vec) -> Array.empty<Real>

/// Rates of the rates: M v̇ = Q + ∂T/∂q − ∂V/∂q − (∂²T/∂v∂q) v + Aᵀλ and A v̇ = −Ȧ v, M the Hessian of the kinetic energy in v and A the
/// Jacobian of the constraints in v; dense, with pivots. No part of it is shared with the models.
let accelerations (system: Mechanics) (q: float[]) (v: float[]) : float[] =
    let n = q.Length
    let number = Trace.number
    let at, rate = Vec.ofFloats q, Vec.ofFloats v
    let mass = Diff.hessian (system.Kinetic at) rate |> Array2D.map number

    let momentumDrift =
        Diff.jacobianv (fun q -> Diff.grad (system.Kinetic q) rate) at rate

    let slope =
        Vec.sub (Diff.grad (fun q -> system.Kinetic q rate) at) (Diff.grad system.Potential at)

    let force =
        Vec.add (system.Forces at rate) (Vec.sub slope momentumDrift)
        |> Array.map number

    let a = Diff.jacobian (system.Constraints at) rate |> Array2D.map number

    let constraintDrift =
        Diff.jacobianv (fun q -> system.Constraints q rate) at rate |> Array.map number

    let k = constraintDrift.Length

    let whole =
        Array2D.init (n + k) (n + k) (fun i j ->
            match i < n, j < n with
            | true, true -> mass[i, j]
            | true, false -> a[j - n, i]
            | false, true -> a[i - n, j]
            | false, false -> 0.0)

    let right = Array.append force (Array.map (~-) constraintDrift)
    (solve whole right)[.. n - 1]

/// Kinetic energy of a body of the plane: of the place of its centre and of its angle, as functions of q.
let planar (mass: float) (inertia: float) (centre: Vec -> Vec) (angle: Vec -> Real) (q: Vec) (v: Vec) : Real =
    let velocity = Diff.jacobianv centre q v
    let spin = Diff.gradv angle q v
    0.5 * mass * Vec.squaredNorm velocity + 0.5 * inertia * (spin * spin)

/// Kinetic energy of a body in space: of the place of its centre and of the matrix from its axes to the world's, with its principal
/// moments.
let spatial (mass: float) (inertia: float[]) (centre: Vec -> Vec) (axes: Vec -> Mat) (q: Vec) (v: Vec) : Real =
    let velocity = Diff.jacobianv centre q v

    let turning = Diff.jacobianv (fun q -> axes q |> Seq.cast<Real> |> Seq.toArray) q v

    let rotation = axes q

    // RᵀṘ = [ω]×
    let skew i j =
        Vec.sum (Array.init 3 (fun k -> rotation[k, i] * turning[3 * k + j]))

    let spin = [| skew 2 1; skew 0 2; skew 1 0 |]

    0.5 * mass * Vec.squaredNorm velocity
    + 0.5
      * Vec.sum (Array.map2 (fun (i: float) (w: Real) -> i * (w * w)) inertia spin)
