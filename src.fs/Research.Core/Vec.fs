namespace Research

/// A traced vector.
type Vec = Real[]

/// A traced matrix, rows first.
type Mat = Real[,]

/// Traced vectors and matrices. Shapes are known while tracing, so a wrong one is an exception there and then.
[<RequireQualifiedAccess>]
module Vec =

    let private same operation (a: Vec) (b: Vec) =
        if a.Length <> b.Length then
            invalidArg "b" $"{operation} needs two vectors of one length, and got {a.Length} and {b.Length}"

    /// Numbers as a traced vector.
    let ofFloats (values: float seq) : Vec =
        values |> Seq.map Real.constant |> Seq.toArray

    /// a + b, element by element.
    let add (a: Vec) (b: Vec) : Vec =
        same "Vec.add" a b
        Array.map2 (fun (x: Real) (y: Real) -> x + y) a b

    /// a − b, element by element.
    let sub (a: Vec) (b: Vec) : Vec =
        same "Vec.sub" a b
        Array.map2 (fun (x: Real) (y: Real) -> x - y) a b

    /// s·a.
    let scale (s: Real) (a: Vec) : Vec = Array.map (fun x -> s * x) a

    /// Sum of the elements; 0 of an empty vector.
    let sum (a: Vec) : Real =
        if a.Length = 0 then Real.Zero else Array.reduce (+) a

    /// Σ aᵢbᵢ.
    let dot (a: Vec) (b: Vec) : Real =
        same "Vec.dot" a b
        sum (Array.map2 (fun (x: Real) (y: Real) -> x * y) a b)

    /// Σ aᵢ².
    let squaredNorm (a: Vec) : Real = dot a a

    /// √Σaᵢ² without overflow, with gradient 0 at the origin; 0 of an empty vector.
    let norm (a: Vec) : Real =
        let rec over (parts: Vec) =
            match parts with
            | [||] -> Real.Zero
            | [| x |] -> Real.hypot x Real.Zero
            | [| x; y |] -> Real.hypot x y
            | _ ->
                let left, right = Array.splitAt (parts.Length / 2) parts
                Real.hypot (over left) (over right)

        over a

    /// a × b in three dimensions.
    let cross (a: Vec) (b: Vec) : Vec =
        if a.Length <> 3 || b.Length <> 3 then
            invalidArg "b" $"Vec.cross needs two vectors of length 3, and got {a.Length} and {b.Length}"

        [|
            a[1] * b[2] - a[2] * b[1]
            a[2] * b[0] - a[0] * b[2]
            a[0] * b[1] - a[1] * b[0]
        |]

    /// The matrix a bᵀ.
    let outer (a: Vec) (b: Vec) : Mat =
        Array2D.init a.Length b.Length (fun i j -> a[i] * b[j])

    /// One vector after the other.
    let concat (parts: Vec seq) : Vec = Array.concat parts

    /// `count` elements from `start`.
    let slice start count (a: Vec) : Vec = Array.sub a start count

/// Traced matrices: products, and the solution of small linear systems with an order of operations fixed in advance.
[<RequireQualifiedAccess>]
module Mat =

    let private shape (a: Mat) =
        $"{Array2D.length1 a}×{Array2D.length2 a}"

    /// Numbers as a traced matrix.
    let ofFloats (values: float[,]) : Mat = Array2D.map Real.constant values

    /// The n×n identity.
    let identity n : Mat =
        Array2D.init n n (fun i j -> if i = j then Real.One else Real.Zero)

    /// aᵀ.
    let transpose (a: Mat) : Mat =
        Array2D.init (Array2D.length2 a) (Array2D.length1 a) (fun i j -> a[j, i])

    /// a x. a:[m,n] x:[n] → [m].
    let mulVec (a: Mat) (x: Vec) : Vec =
        if Array2D.length2 a <> x.Length then
            invalidArg
                "x"
                $"Mat.mulVec needs as many elements as the matrix has columns, and got {shape a} and {x.Length}"

        Array.init (Array2D.length1 a) (fun i -> Vec.dot a[i, *] x)

    /// a b. a:[m,k] b:[k,n] → [m,n].
    let matmul (a: Mat) (b: Mat) : Mat =
        if Array2D.length2 a <> Array2D.length1 b then
            invalidArg "b" $"Mat.matmul needs inner sizes that agree, and got {shape a} and {shape b}"

        Array2D.init (Array2D.length1 a) (Array2D.length2 b) (fun i j -> Vec.dot a[i, *] b[*, j])

    let private square operation (a: Mat) (b: Vec) =
        let n = Array2D.length1 a

        if Array2D.length2 a <> n || b.Length <> n then
            invalidArg
                "b"
                $"{operation} needs a square matrix and a vector of its size, and got {shape a} and {b.Length}"

        n

    let private backSubstitute (upper: Mat) (y: Vec) : Vec =
        let n = y.Length
        let x = Array.copy y

        for i in n - 1 .. -1 .. 0 do
            for j in i + 1 .. n - 1 do
                x[i] <- x[i] - upper[i, j] * x[j]

            x[i] <- x[i] / upper[i, i]

        x

    /// Lower Cholesky factor L of a symmetric positive definite matrix, a = L Lᵀ; NaN where it is not positive definite. Only the lower
    /// triangle of a is read.
    let cholesky (a: Mat) : Mat =
        let n = Array2D.length1 a
        let l = Array2D.create n n Real.Zero

        for j in 0 .. n - 1 do
            for i in j .. n - 1 do
                let rest = Seq.fold (fun s k -> s - l[i, k] * l[j, k]) a[i, j] (seq { 0 .. j - 1 })
                l[i, j] <- if i = j then sqrt rest else rest / l[j, j]

        l

    /// x with a x = b, a symmetric positive definite: the way to divide by a mass matrix. a:[n,n] b:[n] → [n].
    let solveCholesky (a: Mat) (b: Vec) : Vec =
        let n = square "Mat.solveCholesky" a b
        let l = cholesky a
        let y = Array.copy b

        for i in 0 .. n - 1 do
            for j in 0 .. i - 1 do
                y[i] <- y[i] - l[i, j] * y[j]

            y[i] <- y[i] / l[i, i]

        backSubstitute (transpose l) y

    /// x with a x = b by elimination along the diagonal, in the fixed order 0, 1, …: every leading minor of a must be other than 0.
    /// a:[n,n] b:[n] → [n].
    let solveLu (a: Mat) (b: Vec) : Vec =
        let n = square "Mat.solveLu" a b
        let u = Array2D.copy a
        let y = Array.copy b

        for k in 0 .. n - 1 do
            for i in k + 1 .. n - 1 do
                let factor = u[i, k] / u[k, k]
                y[i] <- y[i] - factor * y[k]

                for j in k + 1 .. n - 1 do
                    u[i, j] <- u[i, j] - factor * u[k, j]

        backSubstitute u y
