module Research.Tests.VecTests

open System
open Expecto
open MathNet.Numerics.LinearAlgebra
open Research

let private numbers (v: Vec) = Array.map Trace.number v
let private vec (values: float list) = Vec.ofFloats values

/// rounding of a few operations on numbers near 1
let private rounding = 1e-12

let private near (found: Vec) (expected: float[]) message =
    for i in 0 .. expected.Length - 1 do
        let error = abs (Trace.number found[i] - expected[i])
        Expect.isLessThan error (rounding * Math.Max(1.0, abs expected[i])) $"{message} [{i}]"

let private random (rng: Rng) rows columns =
    Matrix<float>.Build.Dense(rows, columns, (fun _ _ -> rng.Normal()))

let private traced (m: Matrix<float>) = Mat.ofFloats (m.ToArray())

let private named (sizes: string) (action: unit -> unit) =
    let fault = Expect.throwsC action id
    Expect.stringContains fault.Message sizes "the message has the sizes"

[<Tests>]
let tests =
    testList
        "Vec"
        [
            test "sums, products and norms" {
                let a, b = vec [ 1.0; 2.0; 2.0 ], vec [ 3.0; -1.0; 0.5 ]
                Expect.equal (numbers (Vec.add a b)) [| 4.0; 1.0; 2.5 |] "a + b"
                Expect.equal (numbers (Vec.sub a b)) [| -2.0; 3.0; 1.5 |] "a − b"
                Expect.equal (numbers (Vec.scale (Real.constant 2.0) a)) [| 2.0; 4.0; 4.0 |] "2a"
                Expect.equal (Trace.number (Vec.dot a b)) 2.0 "a·b"
                Expect.equal (Trace.number (Vec.sum b)) 2.5 "sum"
                Expect.equal (Trace.number (Vec.sum [||])) 0.0 "sum of none"
                Expect.equal (Trace.number (Vec.squaredNorm a)) 9.0 "‖a‖²"
                near [| Vec.norm a |] [| 3.0 |] "‖a‖"
                Expect.equal (Trace.number (Vec.norm [||])) 0.0 "norm of none"
                Expect.equal (numbers (Vec.concat [ a; b ] |> Vec.slice 2 2)) [| 2.0; 3.0 |] "slice of both"
            }

            test "the cross product is orthogonal to both, and as long as their parallelogram is large" {
                let a, b = vec [ 1.0; 2.0; -0.5 ], vec [ 3.0; -1.0; 0.5 ]
                let c = Vec.cross a b
                near [| Vec.dot a c; Vec.dot b c |] [| 0.0; 0.0 |] "orthogonal"
                let area = Vec.squaredNorm a * Vec.squaredNorm b - Vec.dot a b * Vec.dot a b
                near [| Vec.squaredNorm c |] [| Trace.number area |] "Lagrange's identity"
                near (Vec.cross (vec [ 1.0; 0.0; 0.0 ]) (vec [ 0.0; 1.0; 0.0 ])) [| 0.0; 0.0; 1.0 |] "right-handed"
            }

            test "the norm has gradient x/‖x‖, and 0 at the origin" {
                near (Diff.grad Vec.norm (vec [ 3.0; -4.0 ])) [| 0.6; -0.8 |] "gradient"
                Expect.equal (numbers (Diff.grad Vec.norm (vec [ 0.0; 0.0 ]))) [| 0.0; 0.0 |] "origin"
                let forward = Diff.gradv Vec.norm (vec [ 0.0; 0.0 ]) (vec [ 1.0; 2.0 ])
                Expect.equal (Trace.number forward) 0.0 "origin, forward"
            }

            test "products of matrices" {
                let rng = Rng.OfSeed 3
                let a, b = random rng 3 4, random rng 4 2
                let x = Vector<float>.Build.Dense(4, (fun _ -> rng.Normal()))
                near (Mat.mulVec (traced a) (Vec.ofFloats x)) ((a * x).ToArray()) "a x"
                let product = Mat.matmul (traced a) (traced b)
                near (product |> Seq.cast |> Seq.toArray) ((a * b).ToRowMajorArray()) "a b"
                let back = Mat.matmul (Mat.identity 3) (Mat.transpose (Mat.transpose (traced a)))
                near (back |> Seq.cast |> Seq.toArray) (a.ToRowMajorArray()) "identity and transpose"
                let outer = Vec.outer (vec [ 1.0; 2.0 ]) (vec [ 3.0; 4.0; 5.0 ])
                near (outer |> Seq.cast |> Seq.toArray) [| 3.0; 4.0; 5.0; 6.0; 8.0; 10.0 |] "outer"
            }

            test "solutions of linear systems are those of MathNet" {
                let rng = Rng.OfSeed 4

                for n in 1..5 do
                    let a = random rng n n
                    let positive = a * a.Transpose() + Matrix<float>.Build.DenseIdentity n
                    let dominant = a + 6.0 * Matrix<float>.Build.DenseIdentity n
                    let b = Vector<float>.Build.Dense(n, (fun _ -> rng.Normal()))
                    let right = Vec.ofFloats b
                    near (Mat.solveCholesky (traced positive) right) (positive.Solve(b).ToArray()) $"Cholesky, {n}"
                    near (Mat.solveLu (traced dominant) right) (dominant.Solve(b).ToArray()) $"LU, {n}"
                    let factor = Mat.cholesky (traced positive)
                    let product = Mat.matmul factor (Mat.transpose factor)
                    near (product |> Seq.cast |> Seq.toArray) (positive.ToRowMajorArray()) $"L Lᵀ, {n}"
            }

            test "the factor of a matrix that is not positive definite is not a number" {
                let factor = Mat.cholesky (Mat.ofFloats (array2D [ [ 1.0; 2.0 ]; [ 2.0; 1.0 ] ]))
                Expect.isTrue (Double.IsNaN(Trace.number factor[1, 1])) "second pivot"
            }

            test "solutions are differentiable by matrix and right side" {
                let size = 3

                let unpack (z: Vec) =
                    let m = Array2D.init size size (fun i j -> z[i * size + j])
                    m, z[size * size ..]

                let cholesky z =
                    let m, b = unpack z
                    let shifted = Mat.matmul m (Mat.transpose m)
                    Mat.solveCholesky (Array2D.mapi (fun i j v -> if i = j then v + 1.0 else v) shifted) b

                let lu z =
                    let m, b = unpack z
                    Mat.solveLu (Array2D.mapi (fun i j v -> if i = j then v + 5.0 else v) m) b

                let rng = Rng.OfSeed 5

                for name, f in [ "Cholesky", cholesky; "LU", lu ] do
                    let report = Check.derivatives 1e-8 f (Array.init 12 (fun _ -> rng.Normal()))
                    Expect.isTrue report.Agrees $"{name}: {report}"
            }

            test "sizes that do not fit are named" {
                let a, b = vec [ 1.0; 2.0 ], vec [ 1.0; 2.0; 3.0 ]
                let m = Mat.identity 3
                named "2 and 3" (fun () -> Vec.dot a b |> ignore)
                named "2 and 3" (fun () -> Vec.add a b |> ignore)
                named "2 and 3" (fun () -> Vec.cross a b |> ignore)
                named "3×3 and 2" (fun () -> Mat.mulVec m a |> ignore)
                named "3×3 and 2×2" (fun () -> Mat.matmul m (Mat.identity 2) |> ignore)
                named "3×3 and 2" (fun () -> Mat.solveLu m a |> ignore)
                named "3×3 and 2" (fun () -> Mat.solveCholesky m a |> ignore)
            }
        ]
