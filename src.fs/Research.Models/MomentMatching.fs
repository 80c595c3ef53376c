namespace Research.Models

open System
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

    /// Points about the mean, by rows with a last column of ones, and by columns.
    type internal Centred = { Rows: float[,]; Columns: float[,] }

    let internal centre (points: float[,]) (mean: float[]) : Centred =
        let n, d = points.GetLength 0, points.GetLength 1

        let rows, columns =
            Array2D.zeroCreate n (d + 1), Array2D.zeroCreate d (GaussianSums.Padded n)

        for i in 0 .. n - 1 do
            for j in 0 .. d - 1 do
                let distance = points[i, j] - mean[j]
                rows[i, j] <- distance
                columns[j, i] <- distance

            rows[i, d] <- 1.0

        { Rows = rows; Columns = columns }

    /// Σᵢ wᵢ ν̂ᵢ ν̂ᵢᵀ of rows with their one, [d+1, d+1].
    let internal secondMoment (rows: float[,]) (weights: float[]) : float[,] =
        let weighted = Array2D.zeroCreate (rows.GetLength 0) (rows.GetLength 1)

        for i in 0 .. weights.Length - 1 do
            for j in 0 .. rows.GetLength 1 - 1 do
                weighted[i, j] <- weights[i] * rows[i, j]

        SmallMatrix.mulTransposed rows weighted

    /// What the mean of one output is made of, with C = (Σ + Λ)⁻¹, lᵢ = s |ΣΛ⁻¹ + I|^(−½) exp(−½ νᵢᵀ C νᵢ) and weights wᵢ = βᵢ lᵢ.
    type internal MeanPart =
        {
            C: float[,]
            L: float[]
            /// Σ w ν̂ ν̂ᵀ, [d+1, d+1]
            Sums: float[,]
            Mean: float
            Cross: float[]
        }

    let internal meanPart (bumps: Bumps) (centred: Centred) (sigma: float[,]) : MeanPart =
        let d = bumps.Lengthscales.Length
        let n = bumps.Weights.Length
        let inverse = Array.map (fun l -> 1.0 / l) bumps.Lengthscales
        let b = SmallMatrix.scaled inverse sigma inverse

        for i in 0 .. d - 1 do
            b[i, i] <- b[i, i] + 1.0

        let struct (bInverse, logDeterminant) = SmallMatrix.inverse b
        let c = SmallMatrix.scaled inverse bInverse inverse
        let padded = Array2D.zeroCreate (d + 1) d

        for i in 0 .. d - 1 do
            for j in 0 .. d - 1 do
                padded[i, j] <- c[i, j]

        let along = SmallMatrix.mul centred.Rows padded
        let l = Array.zeroCreate n
        let shift = log bumps.Variance - 0.5 * logDeterminant

        for i in 0 .. n - 1 do
            let mutable form = 0.0

            for j in 0 .. d - 1 do
                form <- form + along[i, j] * centred.Rows[i, j]

            l[i] <- shift - 0.5 * form

        GaussianSums.Exponentiate(l.AsSpan())
        let sums = secondMoment centred.Rows (Array.map2 (*) bumps.Weights l)

        {
            C = c
            L = l
            Sums = sums
            Mean = sums[d, d]
            Cross = SmallMatrix.mulVec c sums[d, .. d - 1]
        }

    /// Derivatives of φ = M̄ M + V̄ᵀ V of one output with respect to m and Σ, added to what is there.
    let internal pullMean
        (bumps: Bumps)
        (centred: Centred)
        (part: MeanPart)
        (mean: float)
        (cross: float[])
        (target: Gaussian)
        =
        let d = cross.Length
        let h0 = part.Mean
        let h2 = Array2D.init d d (fun i j -> part.Sums[i, j])
        // C h2 C − h0 C: twice the derivative of the mean with respect to Σ, and that of V with respect to m
        let twice = SmallMatrix.mul (SmallMatrix.mul part.C h2) part.C
        SmallMatrix.add twice -h0 part.C
        let alpha = SmallMatrix.mulVec part.C cross
        SmallMatrix.addVec target.Mean mean part.Cross
        SmallMatrix.addVec target.Mean 1.0 (SmallMatrix.mulVec twice cross)
        SmallMatrix.add target.Covariance (0.5 * mean) twice

        if Array.exists (fun x -> x <> 0.0) cross then
            let weights =
                Array.init part.L.Length (fun i ->
                    let mutable along = 0.0

                    for j in 0 .. d - 1 do
                        along <- along + alpha[j] * centred.Rows[i, j]

                    bumps.Weights[i] * part.L[i] * along)

            let third = secondMoment centred.Rows weights
            let h3 = Array2D.init d d (fun i j -> third[i, j])
            let inner = SmallMatrix.mul (SmallMatrix.mul part.C h3) part.C
            SmallMatrix.add inner -third[d, d] part.C
            SmallMatrix.add target.Covariance 0.5 inner
            SmallMatrix.addOuter target.Covariance -0.5 alpha part.Cross
            SmallMatrix.addOuter target.Covariance -0.5 part.Cross alpha

    /// What a pair of outputs needs of Σ, with R = Σ(Λₐ⁻¹ + Λ_b⁻¹) + I: Q = ½R⁻¹Σ, R⁻¹, C = (Λₐ⁻¹ + Λ_b⁻¹)R⁻¹ and t = |R|^(−½). Then
    /// E[kₐ(x, zᵢ) k_b(x, zⱼ)] = t exp(uᵢ + vⱼ + νᵢᵀ T νⱼ).
    type internal Pair =
        {
            Q: float[,]
            RInverse: float[,]
            C: float[,]
            T: float
            OfA: float[]
            OfB: float[]
        }

    let internal pair (a: Bumps) (b: Bumps) (sigma: float[,]) : Pair =
        let ofA = Array.map (fun l -> 1.0 / (l * l)) a.Lengthscales
        let ofB = Array.map (fun l -> 1.0 / (l * l)) b.Lengthscales
        // R = Λ^(−½) B Λ^½ with B = Λ^½ Σ Λ^½ + I symmetric
        let root = Array.map2 (fun x y -> sqrt (x + y)) ofA ofB
        let inverseRoot = Array.map (fun x -> 1.0 / x) root
        let middle = SmallMatrix.scaled root sigma root
        let shifted = Array2D.copy middle

        for i in 0 .. root.Length - 1 do
            shifted[i, i] <- shifted[i, i] + 1.0

        let struct (inverse, logDeterminant) = SmallMatrix.inverse shifted
        let q = SmallMatrix.scaled inverseRoot (SmallMatrix.mul inverse middle) inverseRoot
        SmallMatrix.symmetrise q
        SmallMatrix.add q -0.5 q

        {
            Q = q
            RInverse = SmallMatrix.scaled inverseRoot inverse root
            C = SmallMatrix.scaled root inverse root
            T = exp (-0.5 * logDeterminant)
            OfA = ofA
            OfB = ofB
        }

    /// uᵢ = ln s + νᵢᵀ(Λ⁻¹QΛ⁻¹ − ½Λ⁻¹)νᵢ, in an array of the given length.
    let private shifts (bumps: Bumps) (centred: Centred) (q: float[,]) (inverse: float[]) (length: int) : float[] =
        let d = inverse.Length
        let form = Array2D.zeroCreate (d + 1) (d + 1)

        for i in 0 .. d - 1 do
            for j in 0 .. d - 1 do
                form[i, j] <- inverse[i] * q[i, j] * inverse[j]

            form[i, i] <- form[i, i] - 0.5 * inverse[i]

        form[d, d] <- log bumps.Variance
        let along = SmallMatrix.mul centred.Rows form
        let u = Array.zeroCreate length

        for i in 0 .. centred.Rows.GetLength 0 - 1 do
            let mutable sum = 0.0

            for j in 0..d do
                sum <- sum + along[i, j] * centred.Rows[i, j]

            u[i] <- sum

        u

    let private padded (n: int) (weights: float[]) =
        let all = Array.zeroCreate (GaussianSums.Padded n)
        weights.AsSpan().CopyTo(all.AsSpan())
        all

    /// The two products of the kernel for a pair: W [ν 1] and the sums of the columns, W with the weights `left` on the rows.
    let internal sums
        (a: Bumps)
        (b: Bumps)
        (ofA: Centred)
        (ofB: Centred)
        (pair: Pair)
        (left: float[])
        (reduction: float[])
        (isSymmetric: bool)
        : float[,] * float[] =
        let n, d = a.Weights.Length, pair.OfA.Length
        let count = b.Weights.Length
        let t = Array2D.zeroCreate (d + 1) d

        for i in 0 .. d - 1 do
            for j in 0 .. d - 1 do
                t[i, j] <- 2.0 * pair.OfA[i] * pair.Q[i, j] * pair.OfB[j]

        let g = SmallMatrix.mul ofA.Rows t
        let u = shifts a ofA pair.Q pair.OfA n
        let v = shifts b ofB pair.Q pair.OfB (GaussianSums.Padded count)
        let products = Array2D.zeroCreate n (d + 1)
        let columns = Array.zeroCreate (GaussianSums.Padded count)

        GaussianSums.Run(
            Span.op_Implicit (SmallMatrix.span g),
            ReadOnlySpan u,
            ReadOnlySpan left,
            ReadOnlySpan v,
            ReadOnlySpan(padded count b.Weights),
            Span.op_Implicit (SmallMatrix.span ofB.Rows),
            Span.op_Implicit (SmallMatrix.span ofB.Columns),
            ReadOnlySpan reduction,
            isSymmetric,
            d,
            SmallMatrix.span products,
            Span columns
        )

        products, columns

    /// Z = Σ W z zᵀ and z̄ = Σ W z for z = Λₐ⁻¹νᵢ + Λ_b⁻¹νⱼ, from the moments of the rows Nᵣ = Σ W ν̂ᵢν̂ᵢᵀ, those of the columns, and
    /// X = Σ W ν̂ᵢν̂ⱼᵀ, all [d+1, d+1].
    let internal gather (pair: Pair) (ofRows: float[,]) (ofColumns: float[,]) (across: float[,]) : float[,] * float[] =
        let d = pair.OfA.Length
        let a, b = pair.OfA, pair.OfB

        let z =
            Array2D.init d d (fun i j ->
                a[i] * ofRows[i, j] * a[j]
                + b[i] * ofColumns[i, j] * b[j]
                + a[i] * across[i, j] * b[j]
                + b[i] * across[j, i] * a[j])

        z, Array.init d (fun i -> a[i] * ofRows[i, d] + b[i] * ofColumns[i, d])

    /// One number E[fₐ f_b] or its part in W, with its derivatives: t·s, t R⁻ᵀ z̄ and ½ t (R⁻ᵀ Z R⁻¹ − s C).
    let internal derivatives (pair: Pair) (total: float) (z: float[,]) (first: float[]) : Gaussian =
        let inner =
            SmallMatrix.mul (SmallMatrix.mulTransposed pair.RInverse z) pair.RInverse

        SmallMatrix.add inner -total pair.C
        let covariance = SmallMatrix.span inner

        for i in 0 .. covariance.Length - 1 do
            covariance[i] <- 0.5 * pair.T * covariance[i]

        let mean =
            SmallMatrix.mulVec (SmallMatrix.transpose pair.RInverse) first
            |> Array.map (fun x -> pair.T * x)

        { Mean = mean; Covariance = inner }

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
    let internal centreAll (bumps: Bumps[]) (mean: float[]) : Centred[] =
        let found = Array.zeroCreate bumps.Length

        for a in 0 .. bumps.Length - 1 do
            let shared =
                seq { 0 .. a - 1 }
                |> Seq.tryFind (fun b -> obj.ReferenceEquals(bumps[a].Points, bumps[b].Points))

            found[a] <-
                match shared with
                | Some b -> found[b]
                | None -> centre bumps[a].Points mean

        found

    /// The moments of functions of bumps, one an output, with what is uncertain about each; noise is not part of it. The derivatives of the
    /// covariances come with their values, so that the way back takes no exponential.
    let ofBumps (bumps: Bumps[]) : MomentMap =
        let d = checkBumps bumps
        let e = bumps.Length

        // rows of the reductions, padded as the kernel wants them
        let reductions =
            bumps
            |> Array.map (fun part ->
                match part.Reduction with
                | None -> [||]
                | Some reduction ->
                    let n = part.Weights.Length
                    let width = GaussianSums.Padded n

                    Array.init (n * width) (fun k ->
                        if k % width < n then
                            reduction[k / width, k % width]
                        else
                            0.0))

        let apply (x: Gaussian) =
            let centred = centreAll bumps x.Mean

            let means = Array.init e (fun a -> meanPart bumps[a] centred[a] x.Covariance)

            let mean = means |> Array.map _.Mean
            let covariance, cross = Array2D.zeroCreate e e, Array2D.zeroCreate d e
            let slopes = Array2D.zeroCreate<Gaussian> e e

            for a in 0 .. e - 1 do
                for i in 0 .. d - 1 do
                    cross[i, a] <- means[a].Cross[i]

                for b in a .. e - 1 do
                    let pair = pair bumps[a] bumps[b] x.Covariance

                    let products, columns =
                        sums
                            bumps[a]
                            bumps[b]
                            centred[a]
                            centred[b]
                            pair
                            bumps[a].Weights
                            (if a = b then reductions[a] else [||])
                            (a = b)

                    let n = bumps[a].Weights.Length
                    let byRows = Array.init n (fun i -> products[i, d])
                    let across = SmallMatrix.mulTransposed centred[a].Rows products

                    let ofRows, ofColumns =
                        if a = b then
                            // only half of W was summed
                            for i in 0 .. n - 1 do
                                byRows[i] <- byRows[i] + columns[i]

                            for i in 0..d do
                                for j in 0..i do
                                    let both = across[i, j] + across[j, i]
                                    across[i, j] <- both
                                    across[j, i] <- both

                            let both = secondMoment centred[a].Rows byRows
                            both, both
                        else
                            secondMoment centred[a].Rows byRows,
                            secondMoment centred[b].Rows columns[.. bumps[b].Weights.Length - 1]

                    let z, first = gather pair ofRows ofColumns across
                    let total = across[d, d]
                    slopes[a, b] <- derivatives pair total z first

                    let value =
                        pair.T * total - mean[a] * mean[b]
                        + (if a = b && bumps[a].Reduction.IsSome then
                               bumps[a].Variance
                           else
                               0.0)

                    covariance[a, b] <- value
                    covariance[b, a] <- value

            let pull (adjoint: Moments) =
                let target = Gaussian.zero d
                let s = adjoint.Covariance

                for a in 0 .. e - 1 do
                    let mutable ofMean = adjoint.Mean[a]

                    for b in 0 .. e - 1 do
                        ofMean <- ofMean - (s[a, b] + s[b, a]) * mean[b]

                    for b in a .. e - 1 do
                        let weight = if a = b then s[a, a] else s[a, b] + s[b, a]
                        SmallMatrix.addVec target.Mean weight slopes[a, b].Mean
                        SmallMatrix.add target.Covariance weight slopes[a, b].Covariance

                    pullMean bumps[a] centred[a] means[a] ofMean adjoint.Cross[*, a] target

                SmallMatrix.symmetrise target.Covariance
                target

            {
                Mean = mean
                Covariance = covariance
                Cross = cross
            },
            pull

        {
            Inputs = d
            Outputs = e
            Apply = apply
        }
