namespace Research

/// Products of traced numbers in which a constant 0 annihilates: x·0 is 0 here whatever x is, NaN and infinity included, so that nothing is
/// computed for it. For matrices most of whose entries are known zeros, such as rotations about an axis.
[<RequireQualifiedAccess>]
module Sparse =

    let private isZero (x: Real) = x.IsConstant && Trace.number x = 0.0

    /// a b.
    let mul (a: Real) (b: Real) : Real =
        if isZero a || isZero b then Real.Zero else a * b

    /// Σ aᵢbᵢ.
    let dot (a: Vec) (b: Vec) : Real = Array.map2 mul a b |> Vec.sum

    /// s·a.
    let scale (s: Real) (a: Vec) : Vec = Array.map (mul s) a

    /// a x. a:[m,n] x:[n] → [m].
    let mulVec (a: Mat) (x: Vec) : Vec =
        Array.init (Array2D.length1 a) (fun i -> dot a[i, *] x)

    /// a b. a:[m,k] b:[k,n] → [m,n].
    let matmul (a: Mat) (b: Mat) : Mat =
        Array2D.init (Array2D.length1 a) (Array2D.length2 b) (fun i j -> dot a[i, *] b[*, j])

    /// a × b in three dimensions.
    let cross (a: Vec) (b: Vec) : Vec =
        [|
            mul a[1] b[2] - mul a[2] b[1]
            mul a[2] b[0] - mul a[0] b[2]
            mul a[0] b[1] - mul a[1] b[0]
        |]
