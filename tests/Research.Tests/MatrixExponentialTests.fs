module Research.Tests.MatrixExponentialTests

open System
open Expecto
open Research.Control
open Research.Tests.Generators

let private identity n =
    Array2D.init n n (fun i j -> if i = j then 1.0 else 0.0)

[<Tests>]
let tests =
    testList
        "MatrixExponential"
        [
            testProperty "e^a is the limit of the Taylor series" (fun (seed: int) ->
                let random = Random seed
                let n = random.Whole(1, 6)

                let a =
                    scaled (random.Rng.Uniform(0.01, 2.0) / sqrt (float n)) (random.Matrix(n, n))

                let mutable term, sum = identity n, identity n

                for k in 1..60 do
                    term <- scaled (1.0 / float k) (times term a)
                    sum <- map2 (+) sum term

                let size = flat sum |> Seq.map abs |> Seq.max
                Expect.isLessThan (distance (flat (MatrixExponential.compute a)) (flat sum) / size) 1e-13 "series")

            testProperty "flows compose, also where much is squared" (fun (seed: int) ->
                let random = Random seed
                let n = random.Whole(1, 5)

                let a =
                    scaled (random.Rng.Uniform(0.1, 20.0) / sqrt (float n)) (random.Matrix(n, n))

                let whole = MatrixExponential.compute a
                let part = MatrixExponential.compute (scaled 0.3 a)
                let rest = MatrixExponential.compute (scaled 0.7 a)
                let size = flat whole |> Seq.map abs |> Seq.max
                Expect.isLessThan (distance (flat whole) (flat (times part rest)) / size) 1e-9 "composition")

            test "closed forms" {
                let turn = MatrixExponential.compute (array2D [ [ 0.0; -30.0 ]; [ 30.0; 0.0 ] ])

                Expect.isLessThan
                    (distance (flat turn) [ cos 30.0; -(sin 30.0); sin 30.0; cos 30.0 ])
                    1e-12
                    "a rotation"

                let shear = MatrixExponential.compute (array2D [ [ 0.0; 1e6 ]; [ 0.0; 0.0 ] ])
                Expect.equal (Seq.toArray (flat shear)) [| 1.0; 1e6; 0.0; 1.0 |] "a shear"
                let decay = MatrixExponential.compute (array2D [ [ -1000.0; 0.0 ]; [ 0.0; 1.0 ] ])
                Expect.isLessThan (abs (decay[1, 1] - Math.E)) 1e-12 "a slow mode beside a fast one"
                Expect.isLessThan (abs decay[0, 0]) 1e-300 "which is gone"
                Expect.equal (MatrixExponential.compute (array2D [ [ 0.0 ] ])) (array2D [ [ 1.0 ] ]) "of 0"
            }

            test "what is wrong is named" {
                Expect.throwsC (fun () -> MatrixExponential.compute (Array2D.zeroCreate 2 3) |> ignore) (fun error ->
                    Expect.stringContains error.Message "got 2×3" "size")

                Expect.throwsC (fun () -> MatrixExponential.compute (array2D [ [ nan ] ]) |> ignore) (fun error ->
                    Expect.stringContains error.Message "not finite" "number")
            }
        ]
