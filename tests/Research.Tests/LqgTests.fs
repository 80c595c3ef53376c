module Research.Tests.LqgTests

open System
open Expecto
open MathNet.Numerics.LinearAlgebra
open Research.Control
open Research.Tests.Generators
open Research.Tests.LinearGaussian

let private randomDesign (random: Random) =
    let n, m, p = random.Whole(1, 4), random.Whole(1, 2), random.Whole(1, 2)
    let model = randomModel random n m p 0

    let q, r, cross =
        random.Positive(n, 1.0), random.Positive(m, 1.0), scaled 0.1 (random.Matrix(n, m))

    model, q, r, cross, ok (Lqg.designWithCross model q r cross)

/// Mean cost of a step of a loop u = Cc ξ + Dc y, ξ' = Ac ξ + Bc y, from the covariance X of [x; ξ]: X = F X Fᵀ + G N Gᵀ.
let private meanCost (model: LinearModel) (q: float[,]) (r: float[,]) (cross: float[,]) (ac, bc, cc, dc) =
    let a, b, c = matrix model.A, matrix model.B, matrix model.C

    let ac, bc, cc, dc: Matrix<float> * Matrix<float> * Matrix<float> * Matrix<float> =
        ac, bc, cc, dc

    let n, p = a.RowCount, c.RowCount

    let zero rows columns =
        Matrix<float>.Build.Dense(rows, columns)

    let mutable f = (a + b * dc * c).Append(b * cc).Stack((bc * c).Append ac)
    // noise [w; v] into [x; ξ]
    let g =
        (Matrix<float>.Build.DenseIdentity n).Append(b * dc).Stack((zero n n).Append bc)

    let noise =
        ((matrix model.W).Append(zero n p)).Stack((zero p n).Append(matrix model.V))

    let mutable x = g * noise * g.Transpose()

    for _ in 1..60 do
        x <- x + f * x * f.Transpose()
        f <- f * f

    // u = [Dc C, Cc] [x; ξ] + Dc v
    let k = (dc * c).Append cc
    let states = x.SubMatrix(0, n, 0, n)
    let controls = k * x * k.Transpose() + dc * matrix model.V * dc.Transpose()
    let both = x.SubMatrix(0, n, 0, 2 * n) * k.Transpose()

    0.5 * ((matrix q) * states).Trace()
    + 0.5 * ((matrix r) * controls).Trace()
    + (both * (matrix cross).Transpose()).Trace()

let private parts (d: LqgDesign) =
    matrix d.Ac, matrix d.Bc, matrix d.Cc, matrix d.Dc

let private spectrum (a: Matrix<float>) =
    a.Evd().EigenValues
    |> Seq.sortBy (fun value -> Math.Round(value.Real, 6), Math.Round(value.Imaginary, 6))
    |> Seq.toArray

[<Tests>]
let tests =
    testList
        "Lqg"
        [
            testProperty
                "separation: the loop's eigenvalues are those of the regulator and of the filter"
                (fun (seed: int) ->
                    let model, _, _, _, design = randomDesign (Random seed)
                    let a, b, c = matrix model.A, matrix model.B, matrix model.C
                    let regulated = spectrum (a - b * matrix design.Regulator.K)
                    let filtered = spectrum (a - a * matrix design.Filter.Gain * c)

                    for value in spectrum (matrix design.ClosedLoop) do
                        let nearest =
                            Seq.append regulated filtered
                            |> Seq.map (fun other -> (value - other).Magnitude)
                            |> Seq.min

                        Expect.isLessThan nearest 1e-4 "eigenvalue"

                    // and as often: characteristic polynomials at a point
                    let identity k = Matrix<float>.Build.DenseIdentity k
                    let n = a.RowCount
                    let point = 1.7
                    let whole = (matrix design.ClosedLoop - point * identity (2 * n)).Determinant()

                    let product =
                        (a - b * matrix design.Regulator.K - point * identity n).Determinant()
                        * (a - a * matrix design.Filter.Gain * c - point * identity n).Determinant()

                    Expect.isLessThan (abs (whole - product) / abs product) 1e-8 "polynomial")

            testProperty
                "the expected cost is that of the loop's covariance, and other gains cost more"
                (fun (seed: int) ->
                    let random = Random seed
                    let model, q, r, cross, design = randomDesign random
                    let cost = meanCost model q r cross (parts design)
                    Expect.isLessThan (abs (cost - design.ExpectedCost) / cost) 1e-8 "cost"
                    let ac, bc, cc, dc = parts design

                    let near (a: Matrix<float>) =
                        a + a.Map(fun _ -> 1e-3 * random.Rng.Normal())

                    for _ in 1..5 do
                        let other = meanCost model q r cross (near ac, near bc, near cc, near dc)
                        Expect.isGreaterThan other (cost * (1.0 - 1e-10)) "another controller")

            testProperty "the controller at work is the Kalman filter with the regulator behind it" (fun (seed: int) ->
                let random = Random seed
                let model, _, _, _, design = randomDesign random

                let n, m, p =
                    Array2D.length1 model.A, Array2D.length2 model.B, Array2D.length1 model.C

                let controller = Lqg.create design
                let start = random.Vector n
                controller.Predicted <- start

                let filter =
                    Kalman.create
                        model
                        {
                            Mean = start
                            Covariance = design.Filter.Predicted
                        }

                let u = Array.zeroCreate m

                for _ in 1..10 do
                    let y = random.Vector p
                    controller.Act(ReadOnlySpan y, Span u)
                    filter.Update(ReadOnlySpan y) |> ignore
                    let expected = -(matrix design.Regulator.K) * vector (filter.Mean.ToArray())

                    let scale =
                        1.0 + (Seq.max (Seq.map abs controller.Predicted)) + (Seq.max (Seq.map abs u))

                    Expect.isLessThan (distance u expected / scale) 1e-8 "control"
                    filter.Predict(ReadOnlySpan u)
                    Expect.isLessThan (distance controller.Predicted (filter.Mean.ToArray()) / scale) 1e-8 "prediction")

            test "what stands in the way is said" {
                let one, zero = array2D [ [ 1.0 ] ], array2D [ [ 0.0 ] ]

                let model: LinearModel =
                    {
                        A = one
                        B = one
                        C = one
                        W = one
                        V = one
                    }

                Expect.equal
                    (Lqg.design { model with B = zero } one one)
                    (Error(LqgFault.NoRegulator NotStabilisable))
                    "control"

                Expect.equal
                    (Lqg.design { model with C = zero } one one)
                    (Error(LqgFault.NoFilter KalmanFault.NotDetectable))
                    "measurement"

                let controller = Lqg.create (ok (Lqg.design model one one))

                Expect.throwsC
                    (fun () -> controller.Act(ReadOnlySpan [| 1.0; 2.0 |], Span(Array.zeroCreate 1)))
                    (fun error ->
                        Expect.stringContains
                            error.Message
                            "measures 1 numbers and has 1 controls, and got 2"
                            "message")
            }
        ]
