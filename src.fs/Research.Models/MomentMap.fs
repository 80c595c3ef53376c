namespace Research.Models

open System
open Research

/// Moments of y = f(x) for normal x: the mean [e] and covariance [e, e] of y, and Cross = Σ⁻¹ cov(x, y), [d, e], with Σ the covariance
/// of x: it stays finite where Σ is singular. Also holds derivatives with respect to these.
type Moments =
    {
        Mean: float[]
        Covariance: float[,]
        Cross: float[,]
    }

/// A function of normal variables, known by its moments and their derivatives. `Apply` gives the moments and the way back: from the
/// derivatives of a number with respect to the moments to those with respect to the distribution of x. It checks nothing: where a
/// covariance is far from positive semidefinite the moments are NaN, and searches step back from there; `MomentMap.apply` checks.
type MomentMap =
    {
        Inputs: int
        Outputs: int
        Apply: Gaussian -> Moments * (Moments -> Gaussian)
    }

/// A map with parameters, such as a policy. `At θ` gives the map and the gradient: once the ways back of all its applications have been
/// taken, it returns the derivatives with respect to θ.
type MomentFamily =
    {
        Parameters: int
        Inputs: int
        Outputs: int
        At: float[] -> MomentMap * (unit -> float[])
    }

/// Moments of functions of normal variables.
[<RequireQualifiedAccess>]
module Moments =

    /// Zeros, to add derivatives to.
    let zero (inputs: int) (outputs: int) : Moments =
        {
            Mean = Array.zeroCreate outputs
            Covariance = Array2D.zeroCreate outputs outputs
            Cross = Array2D.zeroCreate inputs outputs
        }

/// Maps of normal variables and their combinations. A belief is carried through a chain of them, and derivatives back through it.
[<RequireQualifiedAccess>]
module MomentMap =

    let private check (operation: string) (n: int) (x: Gaussian) =
        if x.Size <> n || x.Covariance.GetLength 0 <> n || x.Covariance.GetLength 1 <> n then
            invalidArg
                (nameof x)
                $"{operation} of {n} numbers got a mean of {x.Size} and a covariance of {x.Covariance.GetLength 0}×{x.Covariance.GetLength 1}"

    let private checkIndices (n: int) (indices: int[]) (map: MomentMap) =
        if indices.Length <> map.Inputs then
            invalidArg (nameof indices) $"a map of {map.Inputs} numbers got {indices.Length} indices"

        for index in indices do
            if index < 0 || index >= n then
                invalidArg (nameof indices) $"{n} numbers have no index {index}"

    /// Rows to where their indices say.
    let private scatter (indices: int[]) (rows: float[,]) (target: float[,]) =
        for i in 0 .. indices.Length - 1 do
            for j in 0 .. rows.GetLength 1 - 1 do
                target[indices[i], j] <- target[indices[i], j] + rows[i, j]

    /// Derivatives with respect to some of the numbers, added to those of all.
    let private addPart (indices: int[]) (part: Gaussian) (target: Gaussian) =
        for i in 0 .. indices.Length - 1 do
            target.Mean[indices[i]] <- target.Mean[indices[i]] + part.Mean[i]

            for j in 0 .. indices.Length - 1 do
                target.Covariance[indices[i], indices[j]] <-
                    target.Covariance[indices[i], indices[j]] + part.Covariance[i, j]

    /// The moments of y = f(x). An exception where sizes do not fit or the covariance of x is not positive semidefinite.
    let apply (map: MomentMap) (x: Gaussian) : Moments =
        check "a map" map.Inputs x
        Gaussian.check (nameof x) x
        fst (map.Apply x)

    /// A map from traced moments: `f m Σ` gives the mean, the covariance and Σ⁻¹ cov(x, y). Its derivatives are derived and compiled.
    let ofTraced (inputs: int) (outputs: int) (f: Vec -> Mat -> Vec * Mat * Mat) : MomentMap =
        let d, e = inputs, outputs
        let size = d + d * d
        let count = e + e * e + d * e

        let flat (x: Vec) =
            let mean, covariance, cross =
                f x[.. d - 1] (Array2D.init d d (fun i j -> x[d + i * d + j]))

            if
                mean.Length <> e
                || covariance.Length <> e * e
                || Array2D.length1 cross <> d
                || Array2D.length2 cross <> e
            then
                invalidArg
                    (nameof f)
                    $"moments of {e} numbers of {d} got a mean of {mean.Length}, a covariance of {covariance.Length} and a cross of {cross.Length}"

            Array.concat [ mean; Array.ofSeq (Seq.cast covariance); Array.ofSeq (Seq.cast cross) ]

        let value = Compile.compile size flat

        let back =
            lazy (Compile.compile (size + count) (fun z -> Diff.jacobianTv flat z[.. size - 1] z[size..]))

        let pack (mean: float[]) (covariance: float[,]) (cross: float[,]) (room: float[]) (from: int) =
            mean.AsSpan().CopyTo(room.AsSpan from)
            (SmallMatrix.span covariance).CopyTo(room.AsSpan(from + mean.Length))
            (SmallMatrix.span cross).CopyTo(room.AsSpan(from + mean.Length + covariance.Length))

        let unpack (e: int) (numbers: float[]) =
            let covariance = Array2D.zeroCreate e e
            numbers.AsSpan(e, e * e).CopyTo(SmallMatrix.span covariance)
            numbers[.. e - 1], covariance

        {
            Inputs = d
            Outputs = e
            Apply =
                fun x ->
                    let point = Array.zeroCreate size
                    pack x.Mean x.Covariance (Array2D.zeroCreate 0 0) point 0
                    let numbers = value.Run point
                    let mean, covariance = unpack e numbers
                    let cross = Array2D.zeroCreate d e
                    numbers.AsSpan(e + e * e).CopyTo(SmallMatrix.span cross)

                    let moments =
                        {
                            Mean = mean
                            Covariance = covariance
                            Cross = cross
                        }

                    moments,
                    fun adjoint ->
                        let both = Array.zeroCreate (size + count)
                        point.AsSpan().CopyTo(both.AsSpan())
                        pack adjoint.Mean adjoint.Covariance adjoint.Cross both size
                        let mean, covariance = unpack d (back.Value.Run both)
                        SmallMatrix.symmetrise covariance
                        { Mean = mean; Covariance = covariance }
        }

    /// g after f: z = g(f(x)), with the moments of f(x) taken for those of a normal variable.
    let compose (f: MomentMap) (g: MomentMap) : MomentMap =
        if f.Outputs <> g.Inputs then
            invalidArg (nameof g) $"a map of {g.Inputs} numbers cannot follow one that gives {f.Outputs}"

        {
            Inputs = f.Inputs
            Outputs = g.Outputs
            Apply =
                fun x ->
                    let first, backFirst = f.Apply x

                    let second, backSecond =
                        g.Apply
                            {
                                Mean = first.Mean
                                Covariance = first.Covariance
                            }

                    { second with
                        Cross = SmallMatrix.mul first.Cross second.Cross
                    },
                    fun adjoint ->
                        let middle =
                            backSecond
                                { adjoint with
                                    Cross = SmallMatrix.mulTransposed first.Cross adjoint.Cross
                                }

                        backFirst
                            {
                                Mean = middle.Mean
                                Covariance = middle.Covariance
                                Cross = SmallMatrix.mul adjoint.Cross (SmallMatrix.transpose second.Cross)
                            }
        }

    /// f(x at indices) as a map of all n numbers.
    let ofPart (n: int) (indices: int[]) (map: MomentMap) : MomentMap =
        checkIndices n indices map

        {
            Inputs = n
            Outputs = map.Outputs
            Apply =
                fun x ->
                    let part, back = map.Apply(Gaussian.select indices x)
                    let cross = Array2D.zeroCreate n map.Outputs
                    scatter indices part.Cross cross

                    { part with Cross = cross },
                    fun adjoint ->
                        let inner =
                            back
                                { adjoint with
                                    Cross =
                                        Array2D.init indices.Length map.Outputs (fun i j ->
                                            adjoint.Cross[indices[i], j])
                                }

                        let target = Gaussian.zero n
                        addPart indices inner target
                        target
        }

    /// [x; f(x at indices)], of n numbers.
    let keep (n: int) (indices: int[]) (map: MomentMap) : MomentMap =
        checkIndices n indices map
        let k, e = indices.Length, map.Outputs

        let apply (x: Gaussian) =
            let part, back = map.Apply(Gaussian.select indices x)
            let across = Array2D.init n k (fun i j -> x.Covariance[i, indices[j]])
            let joint = SmallMatrix.mul across part.Cross
            let covariance = Array2D.zeroCreate (n + e) (n + e)
            let cross = Array2D.zeroCreate n (n + e)

            for i in 0 .. n - 1 do
                cross[i, i] <- 1.0

                for j in 0 .. n - 1 do
                    covariance[i, j] <- x.Covariance[i, j]

                for j in 0 .. e - 1 do
                    covariance[i, n + j] <- joint[i, j]
                    covariance[n + j, i] <- joint[i, j]

            for i in 0 .. e - 1 do
                for j in 0 .. k - 1 do
                    cross[indices[j], n + i] <- cross[indices[j], n + i] + part.Cross[j, i]

                for j in 0 .. e - 1 do
                    covariance[n + i, n + j] <- part.Covariance[i, j]

            let pull (adjoint: Moments) =
                let a = adjoint.Covariance
                let ofJoint = Array2D.init n e (fun i j -> a[i, n + j] + a[n + j, i])
                let ofCross = SmallMatrix.mulTransposed across ofJoint

                for i in 0 .. k - 1 do
                    for j in 0 .. e - 1 do
                        ofCross[i, j] <- ofCross[i, j] + adjoint.Cross[indices[i], n + j]

                let inner =
                    back
                        {
                            Mean = adjoint.Mean[n..]
                            Covariance = Array2D.init e e (fun i j -> a[n + i, n + j])
                            Cross = ofCross
                        }

                let target =
                    {
                        Mean = adjoint.Mean[.. n - 1]
                        Covariance = Array2D.init n n (fun i j -> a[i, j])
                    }

                let ofAcross = SmallMatrix.mul ofJoint (SmallMatrix.transpose part.Cross)

                for i in 0 .. n - 1 do
                    for j in 0 .. k - 1 do
                        target.Covariance[i, indices[j]] <- target.Covariance[i, indices[j]] + ofAcross[i, j]

                addPart indices inner target
                SmallMatrix.symmetrise target.Covariance
                target

            {
                Mean = Array.append x.Mean part.Mean
                Covariance = covariance
                Cross = cross
            },
            pull

        {
            Inputs = n
            Outputs = n + e
            Apply = apply
        }

    /// The belief over [x; f(x at indices)], and the way back.
    let extend (indices: int[]) (map: MomentMap) (x: Gaussian) : Gaussian * (Gaussian -> Gaussian) =
        let n = x.Size
        let moments, back = (keep n indices map).Apply x

        {
            Mean = moments.Mean
            Covariance = moments.Covariance
        },
        fun adjoint ->
            back
                {
                    Mean = adjoint.Mean
                    Covariance = adjoint.Covariance
                    Cross = Array2D.zeroCreate n (n + map.Outputs)
                }

    /// The belief over A x + b, A:[m, n], and the way back.
    let affine (a: float[,]) (b: float[]) (x: Gaussian) : Gaussian * (Gaussian -> Gaussian) =
        let t = SmallMatrix.transpose a
        let mean = SmallMatrix.mulVec a x.Mean
        SmallMatrix.addVec mean 1.0 b

        {
            Mean = mean
            Covariance = SmallMatrix.mul (SmallMatrix.mul a x.Covariance) t
        },
        fun adjoint ->
            {
                Mean = SmallMatrix.mulVec t adjoint.Mean
                Covariance = SmallMatrix.mul (SmallMatrix.mul t adjoint.Covariance) a
            }

/// Maps with parameters and their combinations.
[<RequireQualifiedAccess>]
module MomentFamily =

    /// A map after a family, such as a squashing after a policy.
    let compose (f: MomentFamily) (g: MomentMap) : MomentFamily =
        {
            Parameters = f.Parameters
            Inputs = f.Inputs
            Outputs = g.Outputs
            At =
                fun parameters ->
                    let map, gradient = f.At parameters
                    MomentMap.compose map g, gradient
        }
