/// Linear systems with normal noise, and what dense algebra over all times at once says of them: the reference of filters and smoothers.
module Research.Tests.LinearGaussian

open MathNet.Numerics.LinearAlgebra
open Research
open Research.Control
open Research.Tests.Generators

let matrix (a: float[,]) = Matrix<float>.Build.DenseOfArray a
let vector (x: float[]) = Vector<float>.Build.DenseOfArray x

let ok result =
    match result with
    | Ok value -> value
    | Error fault -> failwith $"{fault}"

/// A random model whose modes neither die at once nor explode; noise of the first `quiet` states is 0.
let randomModel (random: Random) n m p quiet : LinearModel =
    let w = random.Positive(n, 0.1)

    {
        A = scaled (random.Rng.Uniform(0.5, 1.1) / sqrt (float n)) (random.Matrix(n, n))
        B = random.Matrix(n, m)
        C = random.Matrix(p, n)
        W = Array2D.mapi (fun i j v -> if i < quiet || j < quiet then 0.0 else v) w
        V = random.Positive(p, 0.1)
    }

/// The model as a noisy system of traced functions.
let asSystem (model: LinearModel) : NoisySystem =
    let n, m = Array2D.length1 model.A, Array2D.length2 model.B

    NoisySystem.create
        (Dynamics.ofTraced n m (fun x u ->
            Vec.add (Mat.mulVec (Mat.ofFloats model.A) x) (Mat.mulVec (Mat.ofFloats model.B) u)))
        (Mat.mulVec (Mat.ofFloats model.C))
        model.W
        model.V

/// Joint mean and covariance of the states of all times, [T+1]·n, before anything is measured: models [T+1], of which the last one only
/// measures, and controls [T, m].
let private joint (models: LinearModel[]) (prior: Estimate) (controls: float[,]) =
    let n, horizon = prior.Mean.Length, models.Length - 1
    let size = n * (horizon + 1)
    let mean = Vector<float>.Build.Dense size
    // of the deviations [x₀ − x̄₀; w₀; w₁; …]
    let map, noise =
        Matrix<float>.Build.Dense(size, size), Matrix<float>.Build.Dense(size, size)

    mean.SetSubVector(0, n, vector prior.Mean)
    map.SetSubMatrix(0, 0, Matrix<float>.Build.DenseIdentity n)
    noise.SetSubMatrix(0, 0, matrix prior.Covariance)

    for t in 0 .. horizon - 1 do
        let a, b = matrix models[t].A, matrix models[t].B
        mean.SetSubVector((t + 1) * n, n, a * mean.SubVector(t * n, n) + b * vector controls[t, *])
        map.SetSubMatrix((t + 1) * n, 0, a * map.SubMatrix(t * n, n, 0, size))
        map.SetSubMatrix((t + 1) * n, (t + 1) * n, Matrix<float>.Build.DenseIdentity n)
        noise.SetSubMatrix((t + 1) * n, (t + 1) * n, matrix models[t].W)

    mean, map * noise * map.Transpose()

/// What is measured, as rows of one equation y = H x + v over the states of all times.
let private stacked (models: LinearModel[]) (measurements: float[,]) =
    let n = Array2D.length1 models[0].A

    let present =
        [|
            for t in 0 .. models.Length - 1 do
                for i in 0 .. Array2D.length2 measurements - 1 do
                    if not (System.Double.IsNaN measurements[t, i]) then
                        t, i
        |]

    let h =
        Matrix<float>
            .Build.Dense(
                present.Length,
                n * models.Length,
                fun row column ->
                    let t, i = present[row]
                    if column / n = t then models[t].C[i, column % n] else 0.0
            )

    let v =
        Matrix<float>
            .Build.Dense(
                present.Length,
                present.Length,
                fun row column ->
                    let (t, i), (s, j) = present[row], present[column]
                    if t = s then models[t].V[i, j] else 0.0
            )

    vector (present |> Array.map (fun (t, i) -> measurements[t, i])), h, v

/// Mean and covariance of the states of all times given all measurements, by conditioning their joint distribution; and ln p(y).
let condition (models: LinearModel[]) (prior: Estimate) (controls: float[,]) (measurements: float[,]) =
    let mean, covariance = joint models prior controls
    let y, h, v = stacked models measurements
    let s = h * covariance * h.Transpose() + v
    let e = y - h * mean
    let gain = covariance * h.Transpose() * s.Inverse()

    mean + gain * e,
    covariance - gain * h * covariance,
    -0.5
    * (float y.Count * log (2.0 * System.Math.PI)
       + log (s.Determinant())
       + e * s.Solve e)

/// The same mean and covariance by least squares over the whitened equations x₀ = x̄₀, x' = A x + B u, y = C x, through QR. Needs positive
/// definite noise.
let leastSquares (models: LinearModel[]) (prior: Estimate) (controls: float[,]) (measurements: float[,]) =
    let n, horizon = prior.Mean.Length, models.Length - 1
    let size = n * (horizon + 1)
    let whiten (covariance: Matrix<float>) (rows: Matrix<float>) = covariance.Cholesky().Factor.Solve rows
    let y, h, v = stacked models measurements

    let rows =
        [
            matrix prior.Covariance,
            Matrix<float>.Build.Dense(n, size, fun i j -> if i = j then 1.0 else 0.0),
            vector prior.Mean

            for t in 0 .. horizon - 1 do
                let a = Matrix<float>.Build.Dense(n, size)
                a.SetSubMatrix(0, t * n, -(matrix models[t].A))
                a.SetSubMatrix(0, (t + 1) * n, Matrix<float>.Build.DenseIdentity n)
                matrix models[t].W, a, matrix models[t].B * vector controls[t, *]

            v, h, y
        ]

    let a =
        rows
        |> List.map (fun (c, a, _) -> whiten c a)
        |> List.reduce (fun top below -> top.Stack below)

    let b =
        rows
        |> List.map (fun (c, _, b) -> whiten c (b.ToColumnMatrix()))
        |> List.reduce (fun top below -> top.Stack below)

    let x = a.QR().Solve b
    x.Column 0, (a.TransposeThisAndMultiply a).Inverse()

/// A random record of a model: prior, controls, and measurements of which a share is missing.
let randomRecord (random: Random) (model: LinearModel) horizon missing =
    let n, m, p =
        Array2D.length1 model.A, Array2D.length2 model.B, Array2D.length1 model.C

    let prior =
        {
            Mean = random.Vector n
            Covariance = random.Positive(n, 0.2)
        }

    let controls = random.Matrix(horizon, m)

    let measurements =
        Array2D.init (horizon + 1) p (fun _ _ ->
            if random.Rng.Uniform() < missing then
                nan
            else
                3.0 * random.Rng.Normal())

    prior, controls, measurements

/// Largest difference of two estimates.
let apart (a: Estimate) (b: Estimate) =
    max (distance a.Mean b.Mean) (distance (flat a.Covariance) (flat b.Covariance))

/// How far a mean of `count` numbers that are χ² with `degrees` degrees of freedom is from `degrees`, in standard deviations.
let chiSquareDeviation degrees (values: float[]) =
    (Array.average values - float degrees)
    / sqrt (2.0 * float degrees / float values.Length)

/// (x − x̂)ᵀ P⁻¹ (x − x̂).
let squaredDistance (estimate: Estimate) (x: float[]) =
    let e = vector x - vector estimate.Mean
    e * (matrix estimate.Covariance).Solve e
