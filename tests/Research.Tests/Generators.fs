module Research.Tests.Generators

open Research

/// Random numbers for properties: FsCheck gives the seed, so that a failure names it and can be run again.
type Random(seed: int) =
    let rng = Rng.OfSeed seed

    member _.Rng = rng

    /// A whole number from low to high, both included.
    member _.Whole(low: int, high: int) =
        low + int (rng.Uniform() * float (high - low + 1))

    member _.Vector n = Array.init n (fun _ -> rng.Normal())

    member _.Matrix(rows, columns) =
        Array2D.init rows columns (fun _ _ -> rng.Normal())

    /// A symmetric matrix with eigenvalues of `floor` or more.
    member this.Positive(n, floor) =
        let a = this.Matrix(n, n)

        Array2D.init n n (fun i j ->
            Seq.sum (seq { for k in 0 .. n - 1 -> a[i, k] * a[j, k] })
            + (if i = j then floor else 0.0))

/// Largest absolute difference of two sets of numbers.
let distance (a: float seq) (b: float seq) =
    Seq.map2 (fun x y -> abs (x - y)) a b |> Seq.fold max 0.0

let flat (matrix: float[,]) = Seq.cast<float> matrix

let times (a: float[,]) (b: float[,]) =
    Array2D.init (Array2D.length1 a) (Array2D.length2 b) (fun i j ->
        Seq.sum (seq { for k in 0 .. Array2D.length2 a - 1 -> a[i, k] * b[k, j] }))

let transposed (a: float[,]) =
    Array2D.init (Array2D.length2 a) (Array2D.length1 a) (fun i j -> a[j, i])

let map2 f (a: float[,]) (b: float[,]) =
    Array2D.init (Array2D.length1 a) (Array2D.length2 a) (fun i j -> f a[i, j] b[i, j])

let scaled (s: float) (a: float[,]) = Array2D.map (fun x -> s * x) a

/// The solution of a x = b by a library's elimination with pivots.
let solve (a: float[,]) (b: float[]) : float[] =
    let a = MathNet.Numerics.LinearAlgebra.Matrix<float>.Build.DenseOfArray a
    a.Solve(MathNet.Numerics.LinearAlgebra.Vector<float>.Build.DenseOfArray b).ToArray()
