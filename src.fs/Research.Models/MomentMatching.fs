namespace Research.Models

open System
open System.Threading.Tasks
open Research.Kernels

/// A function of Gaussian bumps, f(x) = Σᵢ βᵢ k(x, zᵢ) with k(x, z) = s exp(−½ Σ_d (x_d − z_d)²/ℓ_d²), and the uncertainty about it,
/// s − k(x)ᵀ N k(x): a Gaussian process, a sparse one, or a network of radial basis functions, which has no uncertainty.
type Bumps =
    {
        /// zᵢ, [n, d]
        Points: float[,]
        /// ℓ, [d]
        Lengthscales: float[]
        /// s
        Variance: float
        /// β, [n]
        Weights: float[]
        /// N:[n, n], symmetric; None where there is no uncertainty
        Reduction: float[,] option
    }

/// Exact moments of functions of Gaussian bumps at normal inputs.
/// Notation: x ~ N(m, Σ), νᵢ = zᵢ − m, Λ = diag ℓ². Source: Deisenroth and Rasmussen, PILCO (ICML 2011); Deisenroth's thesis (2010), §2.3.
[<RequireQualifiedAccess>]
module MomentMatching =

    let internal checkBumps (bumps: Bumps[]) =
        if bumps.Length = 0 then
            invalidArg (nameof bumps) "moments need one output or more"

        let d = bumps[0].Lengthscales.Length

        for part in bumps do
            let n = part.Weights.Length

            if
                part.Lengthscales.Length <> d
                || part.Points.GetLength 0 <> n
                || part.Points.GetLength 1 <> d
            then
                invalidArg
                    (nameof bumps)
                    $"an output of {d} numbers has {part.Points.GetLength 0}×{part.Points.GetLength 1} points, {n} weights and {part.Lengthscales.Length} lengthscales"

            match part.Reduction with
            | Some reduction when reduction.GetLength 0 <> n || reduction.GetLength 1 <> n ->
                invalidArg
                    (nameof bumps)
                    $"{n} points need a reduction of {n}×{n}, and got {reduction.GetLength 0}×{reduction.GetLength 1}"
            | _ -> ()

        d

    /// Points about a mean, computed once for outputs that share them.
    let internal centreAll (bumps: Bumps[]) (mean: float[]) : CentredPoints[] =
        let found = Array.zeroCreate bumps.Length

        for a in 0 .. bumps.Length - 1 do
            let mutable b = 0

            while not (obj.ReferenceEquals(bumps[a].Points, bumps[b].Points)) do
                b <- b + 1

            found[a] <-
                if b < a then
                    found[b]
                else
                    CentredPoints(bumps[a].Points, mean)

        found

    /// Exponentials in the sums over pairs of outputs from which on other cores help: a tenth of a millisecond.
    let private enoughForThreads = 60_000

    let private allCores =
        ParallelOptions(MaxDegreeOfParallelism = Environment.ProcessorCount)

    /// A covariance whose negative eigenvalues, left by rounding, are 0 instead; as it is where there are none.
    let private positive (covariance: float[,]) : float[,] =
        let e = covariance.GetLength 0
        let factor = Array2D.copy covariance
        let mutable isPositive = true

        for i in 0 .. e - 1 do
            isPositive <- isPositive && covariance[i, i] >= 0.0
            factor[i, i] <- covariance[i, i] * (1.0 + 1e-10) + 1e-300

        // NaN, where the input has no moments, stays
        if
            (isPositive && Matrix.Cholesky(SmallMatrix.span factor, e))
            || Seq.exists Double.IsNaN (Seq.cast<float> covariance)
        then
            covariance
        else
            let found =
                (MathNet.Numerics.LinearAlgebra.Matrix<float>.Build.DenseOfArray covariance)
                    .Evd(MathNet.Numerics.LinearAlgebra.Symmetricity.Symmetric)

            let roots =
                found.EigenVectors
                * MathNet.Numerics.LinearAlgebra.Matrix<float>.Build.DenseOfDiagonalVector(
                    found.EigenValues.Map(fun v -> sqrt (Math.Max(0.0, v.Real)))
                )

            (roots * roots.Transpose()).ToArray()

    /// The moments of functions of bumps, one an output, with what is uncertain about each; noise is not part of it. The derivatives of the
    /// covariances come with their values, so that the way back takes no exponential. Pairs of many bumps are shared among the cores of the
    /// machine; each is computed by one, so that the bits do not depend on their number.
    let ofBumps (bumps: Bumps[]) : MomentMap =
        let d = checkBumps bumps
        let e = bumps.Length
        let count = bumps |> Array.map _.Weights.Length |> Array.max

        let parts =
            bumps
            |> Array.map (fun part -> Bump(part.Lengthscales, part.Variance, part.Weights, Option.toObj part.Reduction))

        let rooms = BumpRooms(d, count)

        let pairs =
            [|
                for a in 0 .. e - 1 do
                    for b in a .. e - 1 do
                        a, b
            |]

        let apply (x: Gaussian) =
            let sigma = x.Covariance
            let centred = centreAll bumps x.Mean
            let room = rooms.Take()
            let means = Array.init e (fun a -> BumpMean(parts[a], centred[a], sigma, room))
            let mean = means |> Array.map _.Value
            let covariance, cross = Array2D.zeroCreate e e, Array2D.zeroCreate d e
            let slopes = Array2D.zeroCreate<Gaussian> e e

            for a in 0 .. e - 1 do
                for i in 0 .. d - 1 do
                    cross[i, a] <- means[a].Cross[i]

            rooms.Give room

            let ofPair (a: int, b: int) =
                let slope = Gaussian.zero d
                let room = rooms.Take()

                let product =
                    BumpPair.Run(parts[a], parts[b], centred[a], centred[b], sigma, slope.Mean, slope.Covariance, room)

                rooms.Give room

                let uncertain =
                    if a = b && bumps[a].Reduction.IsSome then
                        bumps[a].Variance
                    else
                        0.0

                let value = product - mean[a] * mean[b] + uncertain
                slopes[a, b] <- slope
                covariance[a, b] <- value
                covariance[b, a] <- value

            if
                pairs.Length * count * count >= enoughForThreads
                && Environment.ProcessorCount > 1
            then
                Parallel.For(0, pairs.Length, allCores, (fun k -> ofPair pairs[k])) |> ignore
            else
                Array.iter ofPair pairs

            let pull (adjoint: Moments) =
                let target = Gaussian.zero d
                let room = rooms.Take()
                let s = adjoint.Covariance

                for a in 0 .. e - 1 do
                    let mutable ofMean = adjoint.Mean[a]

                    for b in 0 .. e - 1 do
                        ofMean <- ofMean - (s[a, b] + s[b, a]) * mean[b]

                    for b in a .. e - 1 do
                        let weight = if a = b then s[a, a] else s[a, b] + s[b, a]
                        SmallMatrix.addVec target.Mean weight slopes[a, b].Mean
                        SmallMatrix.add target.Covariance weight slopes[a, b].Covariance

                    means[a].Pull(ofMean, ReadOnlySpan(adjoint.Cross[*, a]), target.Mean, target.Covariance, room)

                rooms.Give room
                SmallMatrix.symmetrise target.Covariance
                target

            {
                Mean = mean
                Covariance = positive covariance
                Cross = cross
            },
            pull

        {
            Inputs = d
            Outputs = e
            Apply = apply
        }
