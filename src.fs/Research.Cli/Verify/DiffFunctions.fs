namespace Research.Cli.Verify

open System
open Research

/// A function that recorded derivatives are compared for.
type NamedFunction =
    /// R → R
    | Scalar of (Real -> Real)
    /// R → Rᵐ
    | Curve of (Real -> Vec)
    /// Rⁿ → R
    | Field of (Vec -> Real)
    /// Rⁿ → Rᵐ
    | Map of (Vec -> Vec)

/// The functions of the files of kind 'diff', by name; the constants of a case come with it.
[<RequireQualifiedAccess>]
module DiffFunctions =

    let private real (x: float) = Real.constant x

    let private square (x: Real) = x * x

    let private sumOver n (term: int -> Real) : Real = Vec.sum (Array.init n term)

    let private sinProduct (x: Vec) : Real =
        sin (x[0] * x[1]) + square x[1] * x[2] + x[2] * exp (-(square x[0]))

    let private nestedF (a: Real) (b: Real) : Real = sin (a * b) * exp (b - square a)

    let private relu (t: Real) = Real.max t Real.Zero

    let private newton (x: Real) =
        let update (y: Real) _ =
            y - (y * y * y - x - 0.2 * sin y) / (3.0 * square y)

        Seq.fold update (real 1.5) (seq { 0..3 })

    let private confusionSamePoint (x: Real) : Real =
        x * Diff.diff (fun y -> x * square y + square x * y + sin (x * y)) x

    let private nested3 (x: Real) : Real =
        Diff.diff (fun y -> y * Diff.diff (fun z -> x * y * square z + sin (z * y)) (x + y)) x

    let private rosenbrock (x: Vec) =
        sumOver (x.Length - 1) (fun i -> 100.0 * square (x[i + 1] - square x[i]) + square (1.0 - x[i]))

    /// f(x) = b₂ + Σ w₂ⱼ tanh(b₁ⱼ + Σ W₁ⱼᵢ xᵢ)
    let private perceptron (w1: Mat) (b1: Vec) (w2: Vec) (b2: Real) (x: Vec) : Real =
        b2 + Vec.dot w2 (Vec.add b1 (Mat.mulVec w1 x) |> Array.map tanh)

    let private perceptronLoss (inputs: float[,]) (targets: float[]) (p: Vec) : Real =
        let w1 = Array2D.init 4 2 (fun j i -> p[2 * j + i])
        let count = targets.Length

        let loss k =
            square (perceptron w1 p[8..11] p[12..15] p[16] (Vec.ofFloats inputs[k, *]) - targets[k])

        sumOver count loss / float count

    let private cartPole m1 m2 l g (x: Vec) : Vec =
        let s, c = sin x[1], cos x[1]
        let d = m1 + m2 * square s

        [|
            x[2]
            x[3]
            (l * m2 * s * square x[3] + x[4] + m2 * g * c * s) / d
            -((l * m2 * c * s * square x[3] + x[4] * c + (m1 + m2) * g * s) / (l * d))
        |]

    let private carAtan lf lr dt (x: Vec) : Vec =
        let beta = atan (lr / (lf + lr) * tan x[5])

        [|
            x[0] + dt * x[3] * cos (x[2] + beta)
            x[1] + dt * x[3] * sin (x[2] + beta)
            x[2] + dt * x[3] / lr * sin beta
            x[3] + dt * x[4]
        |]

    let private carAsin d h (x: Vec) : Vec =
        let front = h * x[3]
        let back = d + front * cos x[4] - sqrt (d * d - square front * square (sin x[4]))

        [|
            x[0] + back * cos x[2]
            x[1] + back * sin x[2]
            x[2] + asin (front * sin x[4] / d)
            x[3] + h * x[5]
        |]

    /// The function of a name, with constants from the case; None for a name that is not known.
    let tryFind (name: string) (constants: Field) : NamedFunction option =
        let number key = Json.number (Json.get key constants)
        let vector key = Json.vector (Json.get key constants)

        let vectorOf count key =
            Json.vectorOf count (Json.get key constants)

        let matrixOf rows columns key =
            Json.matrixOf rows columns (Json.get key constants)

        let softplus, sigmoid = Real.softplus, Real.sigmoid

        match name with
        | "xsinexp" -> Some(Scalar(fun x -> x * sin x * exp (-(square x))))
        | "softplus_sigmoid_scalar" -> Some(Scalar(fun x -> softplus (3.0 * sigmoid (2.0 * x) - x)))
        | "rational_scalar" -> Some(Scalar(fun x -> (x * x * x - 2.0 * x + 1.0) / (square x + 1.5)))
        | "transcend_mix" ->
            Some(
                Scalar(fun x ->
                    atan x * (log (2.0 + square x) / Math.Log 10.0) + asin (x / 3.0)
                    - acos (x / 4.0)
                    + tan (x / 5.0)
                    + sqrt (1.0 + square x)
                    + sinh x / cosh (2.0 * x))
            )
        | "newton_cbrt_loop" -> Some(Scalar newton)
        | "helix_curve" ->
            Some(
                Curve(fun x ->
                    let decay = exp (-0.1 * x)
                    [| decay * cos (3.0 * x); decay * sin (3.0 * x); x * x * x / (1.0 + square x) |])
            )
        | "confusion_const" -> Some(Scalar(fun x -> x * Diff.diff (fun y -> x + y) Real.One))
        | "confusion_same_point" -> Some(Scalar confusionSamePoint)
        | "nested3" -> Some(Scalar nested3)
        | "nested_partial_y" ->
            let y0 = real (number "y0")
            Some(Scalar(fun x -> Diff.diff (nestedF x) y0))
        | "rosenbrock2"
        | "rosenbrock6" -> Some(Field rosenbrock)
        | "logsumexp5" -> Some(Field(fun x -> log (Vec.sum (Array.map exp x))))
        | "softplus_sigmoid3" ->
            Some(
                Field(fun x ->
                    softplus (x[0] - 2.0 * sigmoid (x[1] * x[2]))
                    + sigmoid (softplus x[2] - x[0] * x[1]))
            )
        | "mlp_3_16_1_tanh" ->
            let w1, b1, w2 =
                Mat.ofFloats (matrixOf 16 3 "W1"), Vec.ofFloats (vectorOf 16 "b1"), Vec.ofFloats (vectorOf 16 "w2")

            Some(Field(perceptron w1 b1 w2 (real (number "b2"))))
        | "mlp_loss_params" ->
            let targets = vector "Y"
            Some(Field(perceptronLoss (matrixOf targets.Length 2 "X") targets))
        | "pendulum_energy" ->
            let m, l, g = number "m", number "L", number "g"
            Some(Field(fun x -> 0.5 * m * l * l * square x[1] + m * g * l * (1.0 - cos x[0])))
        | "rational3" ->
            Some(Field(fun x -> (x[0] * x[1] + 2.0 * x[2]) / (1.0 + Vec.squaredNorm x) + x[2] / (x[0] - 5.0)))
        | "quadratic_form4" ->
            let a, b, c =
                Mat.ofFloats (matrixOf 4 4 "A"), Vec.ofFloats (vectorOf 4 "b"), number "c"

            Some(Field(fun x -> 0.5 * Vec.dot x (Mat.mulVec a x) + Vec.dot b x + c))
        | "smooth_norm4" ->
            let eps = number "eps"
            Some(Field(fun x -> sqrt (Vec.squaredNorm x + eps)))
        | "speelpenning5" -> Some(Field(Array.reduce (*)))
        | "powers2" -> Some(Field(fun x -> x[0] ** x[1] + x[1] ** real 2.5 - real 1.7 ** (x[0] * x[1])))
        | "relu_abs_piecewise" ->
            Some(
                Field(fun x ->
                    relu (x[0] * x[1] - 0.5) * x[2]
                    + abs (x[1] - x[2]) * square x[0]
                    + square (relu x[2]))
            )
        | "grad_norm_sq" -> Some(Field(fun x -> Vec.squaredNorm (Diff.grad sinProduct x)))
        | "nested_grad_in_grad" ->
            let inner (a: Real) (b: Real) =
                (Diff.grad (fun z -> nestedF a z[0]) [| b |])[0]

            Some(Field(fun x -> (Diff.grad (fun z -> inner z[0] x[1]) [| x[0] |])[0]))
        | "nested_diff_in_diff" -> Some(Field(fun x -> Diff.diff (fun a -> Diff.diff (fun b -> nestedF a b) x[1]) x[0]))
        | "confusion_reverse" ->
            let inner (x: Vec) (y: Vec) =
                x[0] * square y[0] + x[1] * y[0] + x[0] * x[1] * sin y[0]

            Some(Field(fun x -> x[0] * (Diff.grad (inner x) [| x[0] |])[0]))
        | "curvature_along_v" ->
            let c = Vec.ofFloats (vectorOf 3 "c")
            Some(Field(fun x -> Vec.dot c (Diff.hessianv sinProduct x c)))
        | "cartpole_dynamics" -> Some(Map(cartPole (number "m1") (number "m2") (number "L") (number "g")))
        | "cartpole_rk4" ->
            let ode (x: Vec) (u: Vec) =
                cartPole (number "m1") (number "m2") (number "L") (number "g") (Array.append x u)

            Some(Map(fun x -> Integrator.rk4 (real (number "dt")) ode x[..3] x[4..]))
        | "pendulum_dynamics" ->
            let m, l, g, b = number "m", number "L", number "g", number "b"
            Some(Map(fun x -> [| x[1]; (x[2] - b * x[1] - m * g * l * sin x[0]) / (m * l * l) |]))
        | "car_atan_step" -> Some(Map(carAtan (number "lf") (number "lr") (number "dt")))
        | "car_asin_step" -> Some(Map(carAsin (number "d") (number "h")))
        | "polar_map" -> Some(Map(fun x -> [| x[0] * cos x[1]; x[0] * sin x[1] |]))
        | "spherical_map" ->
            Some(Map(fun x -> [| x[0] * sin x[1] * cos x[2]; x[0] * sin x[1] * sin x[2]; x[0] * cos x[1] |]))
        | "vector_field3" ->
            Some(
                Map(fun x ->
                    [|
                        x[1] * square x[2] + sin x[0]
                        exp (x[0] * x[1]) - x[2]
                        square x[0] * x[1] * x[2] - cos x[1]
                    |])
            )
        | "gravity_field3" ->
            Some(
                Map(fun x ->
                    let strength = (Vec.squaredNorm x + 0.1) ** real -1.5
                    Array.map (fun xi -> -(xi * strength)) x)
            )
        | "grad_as_vector_field" -> Some(Map(Diff.grad sinProduct))
        | "overdetermined_residual" ->
            let t = vector "t"
            let y = vectorOf t.Length "y"
            Some(Map(fun x -> Array.map2 (fun (tk: float) (yk: float) -> x[0] * exp (x[1] * tk) - yk) t y))
        | _ -> None
