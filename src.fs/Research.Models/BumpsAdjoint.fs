namespace Research.Models

open System

/// Derivatives of a number with respect to what bumps are made of: points [n, d], logarithms of lengthscales [d], weights [n].
type BumpsDerivatives =
    {
        OfPoints: float[,]
        OfLogLengthscales: float[]
        OfWeights: float[]
    }

/// Moments of bumps without uncertainty whose way back also gives derivatives with respect to the bumps themselves.
/// Notation as in MomentMatching. Under the product of a bump and the distribution of x, x is normal too, and all derivatives are moments
/// of that: for one bump of mean m + μᵢ and covariance Λ − ΛCΛ with μᵢ − νᵢ = −ΛCνᵢ, for two of covariance 2Q with
/// μᵢⱼ − νᵢ = (2QΛₐ⁻¹ − I)νᵢ + 2QΛ_b⁻¹νⱼ.
[<RequireQualifiedAccess>]
module BumpsAdjoint =

    let zero (bumps: Bumps) : BumpsDerivatives =
        let n, d = bumps.Points.GetLength 0, bumps.Points.GetLength 1

        {
            OfPoints = Array2D.zeroCreate n d
            OfLogLengthscales = Array.zeroCreate d
            OfWeights = Array.zeroCreate n
        }

    let private firstColumns (d: int) (a: float[,]) = a[*, .. d - 1]
    let private corner (d: int) (a: float[,]) = a[.. d - 1, .. d - 1]

    /// Of φ = M̄ M + V̄ᵀV for one output.
    let private addMean
        (bumps: Bumps)
        (centred: MomentMatching.Centred)
        (part: MomentMatching.MeanPart)
        (mean: float)
        (cross: float[])
        (target: BumpsDerivatives)
        =
        let d = cross.Length
        let alpha = SmallMatrix.mulVec part.C cross
        let squares = bumps.Lengthscales |> Array.map (fun l -> l * l)
        // Cν, [n, d]
        let along = SmallMatrix.mul (firstColumns d centred.Rows) part.C

        for i in 0 .. bumps.Weights.Length - 1 do
            let mutable factor = mean

            for j in 0 .. d - 1 do
                factor <- factor + alpha[j] * centred.Rows[i, j]

            target.OfWeights[i] <- target.OfWeights[i] + part.L[i] * factor
            let w = bumps.Weights[i] * part.L[i]

            for j in 0 .. d - 1 do
                target.OfPoints[i, j] <- target.OfPoints[i, j] + w * (alpha[j] - factor * along[i, j])

                let spread =
                    1.0 - squares[j] * part.C[j, j] + squares[j] * along[i, j] * along[i, j]

                target.OfLogLengthscales[j] <- target.OfLogLengthscales[j] + w * factor * spread

        for j in 0 .. d - 1 do
            target.OfLogLengthscales[j] <- target.OfLogLengthscales[j] - 2.0 * squares[j] * alpha[j] * part.Cross[j]

    /// Of φ = weight·E[fₐ f_b], as a function of the bumps of a, from Σⱼ W [ν 1] by rows and the moments of rows, columns and across.
    let private addPair
        (bumps: Bumps)
        (centred: MomentMatching.Centred)
        (pair: MomentMatching.Pair)
        (weight: float)
        (products: float[,])
        (ofRows: float[,])
        (ofColumns: float[,])
        (across: float[,])
        (target: BumpsDerivatives)
        =
        let d = pair.OfA.Length
        let scale = weight * pair.T
        let twice = SmallMatrix.scaled (Array.create d 2.0) pair.Q (Array.create d 1.0)
        let b = SmallMatrix.scaled (Array.create d 1.0) twice pair.OfB

        let a =
            Array2D.init d d (fun i j -> twice[i, j] * pair.OfA[j] - (if i = j then 1.0 else 0.0))

        // Σⱼ W (μ − ν), [n, d], before the weight of the row
        let offsets = SmallMatrix.mul (firstColumns d products) (SmallMatrix.transpose b)

        let own = SmallMatrix.mul (firstColumns d centred.Rows) (SmallMatrix.transpose a)

        for i in 0 .. bumps.Weights.Length - 1 do
            target.OfWeights[i] <- target.OfWeights[i] + scale * products[i, d]

            for j in 0 .. d - 1 do
                let offset = offsets[i, j] + own[i, j] * products[i, d]

                target.OfPoints[i, j] <- target.OfPoints[i, j] + scale * bumps.Weights[i] * pair.OfA[j] * offset

        let x = corner d across
        let mixed = SmallMatrix.mul (SmallMatrix.mul a x) (SmallMatrix.transpose b)

        let square (m: float[,]) (inner: float[,]) =
            SmallMatrix.mul (SmallMatrix.mul m (corner d inner)) (SmallMatrix.transpose m)

        let byRows, byColumns = square a ofRows, square b ofColumns

        for j in 0 .. d - 1 do
            let spread =
                across[d, d] * twice[j, j] + byRows[j, j] + 2.0 * mixed[j, j] + byColumns[j, j]

            target.OfLogLengthscales[j] <- target.OfLogLengthscales[j] + scale * pair.OfA[j] * spread

    /// The moments of bumps without uncertainty at a normal input, and a way back that adds to derivatives, one an output.
    let apply (bumps: Bumps[]) (targets: BumpsDerivatives[]) (x: Gaussian) : Moments * (Moments -> Gaussian) =
        let d = MomentMatching.checkBumps bumps
        let e = bumps.Length

        if bumps |> Array.exists _.Reduction.IsSome || targets.Length <> e then
            invalidArg
                (nameof bumps)
                $"derivatives with respect to bumps need {e} targets and bumps without uncertainty"

        let centred = MomentMatching.centreAll bumps x.Mean

        let means =
            Array.init e (fun a -> MomentMatching.meanPart bumps[a] centred[a] x.Covariance)

        let pairs =
            Array2D.init e e (fun a b -> MomentMatching.pair bumps[a] bumps[b] x.Covariance)

        let products =
            Array2D.init e e (fun a b ->
                let ones = Array.create bumps[a].Weights.Length 1.0

                fst (MomentMatching.sums bumps[a] bumps[b] centred[a] centred[b] pairs[a, b] ones [||] false))

        /// the rows' sums with their weights
        let rows =
            Array2D.init e e (fun a b -> Array.mapi (fun i w -> w * products[a, b].[i, d]) bumps[a].Weights)

        let covariance =
            Array2D.init e e (fun a b ->
                let a, b = min a b, max a b
                pairs[a, b].T * Array.sum rows[a, b] - means[a].Mean * means[b].Mean)

        let pull (adjoint: Moments) =
            let target = Gaussian.zero d
            let s = Array2D.copy adjoint.Covariance
            SmallMatrix.symmetrise s

            let moments =
                Array2D.init e e (fun a b -> MomentMatching.secondMoment centred[a].Rows rows[a, b])

            for a in 0 .. e - 1 do
                let mutable ofMean = adjoint.Mean[a]

                for b in 0 .. e - 1 do
                    ofMean <- ofMean - 2.0 * s[a, b] * means[b].Mean

                let ofCross = adjoint.Cross[*, a]
                MomentMatching.pullMean bumps[a] centred[a] means[a] ofMean ofCross target
                addMean bumps[a] centred[a] means[a] ofMean ofCross targets[a]

                for b in 0 .. e - 1 do
                    let weighted =
                        Array2D.init bumps[a].Weights.Length (d + 1) (fun i j ->
                            bumps[a].Weights[i] * products[a, b].[i, j])

                    let across = SmallMatrix.mulTransposed centred[a].Rows weighted
                    let ofRows, ofColumns = moments[a, b], moments[b, a]

                    // E[fₐ f_b] as a function of the bumps of a alone counts twice: it is E[f_b fₐ] too
                    addPair
                        bumps[a]
                        centred[a]
                        pairs[a, b]
                        (2.0 * s[a, b])
                        products[a, b]
                        ofRows
                        ofColumns
                        across
                        targets[a]

                    let z, first = MomentMatching.gather pairs[a, b] ofRows ofColumns across
                    let slope = MomentMatching.derivatives pairs[a, b] across[d, d] z first
                    SmallMatrix.addVec target.Mean s[a, b] slope.Mean
                    SmallMatrix.add target.Covariance s[a, b] slope.Covariance

            SmallMatrix.symmetrise target.Covariance
            target

        {
            Mean = means |> Array.map _.Mean
            Covariance = covariance
            Cross = Array2D.init d e (fun i a -> means[a].Cross[i])
        },
        pull
