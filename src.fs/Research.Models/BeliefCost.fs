namespace Research.Models

open MathNet.Numerics.LinearAlgebra
open Research

/// Costs of normal variables: maps with one output, whose mean is the expected cost and whose covariance the variance of it.
[<RequireQualifiedAccess>]
module BeliefCost =

    let private check (weights: float[,]) (target: float[]) =
        let n = target.Length

        if weights.GetLength 0 <> n || weights.GetLength 1 <> n then
            invalidArg
                (nameof weights)
                $"a target of {n} numbers needs weights of {n}×{n}, and got {weights.GetLength 0}×{weights.GetLength 1}"

        n

    /// G with GᵀG = W, [rank, n].
    let private root (weights: float[,]) : float[,] =
        let n = weights.GetLength 0

        let eigen = Matrix<float>.Build.DenseOfArray(weights).Evd(Symmetricity.Symmetric)

        let values = eigen.EigenValues |> Seq.map _.Real |> Seq.toArray
        let largest = values |> Array.fold (fun m v -> max m (abs v)) 0.0

        if Array.exists (fun v -> v < -1e-10 * largest) values then
            invalidArg (nameof weights) $"weights need eigenvalues of 0 or more, and got {Array.min values}"

        let kept =
            [| for k in 0 .. n - 1 -> k |]
            |> Array.filter (fun k -> values[k] > 1e-14 * largest)

        Array2D.init kept.Length n (fun i j -> sqrt values[kept[i]] * eigen.EigenVectors[j, kept[i]])

    /// 1 − exp(−½ (x − z)ᵀW(x − z)), W ⪰ 0: between 0 at the target z and 1 far from it.
    /// E = 1 − |I + S|^(−½) exp(−½ yᵀ(I + S)⁻¹y) with y = G(m − z), S = GΣGᵀ and W = GᵀG.
    /// Source: Deisenroth's thesis (2010), §3.6.1.
    let saturating (weights: float[,]) (target: float[]) : MomentMap =
        let n = check weights target
        let g = Mat.ofFloats (root weights)
        let rank = Array2D.length1 g

        let moments (mean: Vec) (sigma: Mat) =
            let y = Mat.mulVec g (Vec.sub mean (Vec.ofFloats target))
            let s = Mat.matmul (Mat.matmul g sigma) (Mat.transpose g)

            // E exp(−½ k (x − z)ᵀW(x − z)) and (I + kS)⁻¹y
            let bump (k: float) =
                let a =
                    Array2D.init rank rank (fun i j -> k * s[i, j] + (if i = j then 1.0 else 0.0))

                let along = Mat.solveCholesky a y
                let factor = Mat.cholesky a
                let logs = Vec.sum (Array.init rank (fun i -> log factor[i, i]))
                exp (-logs - 0.5 * k * Vec.dot y along), along

            let first, along = bump 1.0
            let second, _ = bump 2.0
            let slope = Mat.mulVec (Mat.transpose g) (Vec.scale first along)
            [| 1.0 - first |], Array2D.create 1 1 (second - first * first), Array2D.init n 1 (fun i _ -> slope[i])

        MomentMap.ofTraced n 1 moments

    /// ½ (x − z)ᵀW(x − z), W symmetric: E = ½ tr WΣ + ½ (m − z)ᵀW(m − z), var = ½ tr WΣWΣ + (m − z)ᵀWΣW(m − z).
    let quadratic (weights: float[,]) (target: float[]) : MomentMap =
        let n = check weights target
        let w = Mat.ofFloats weights

        let moments (mean: Vec) (sigma: Mat) =
            let y = Vec.sub mean (Vec.ofFloats target)
            let wy = Mat.mulVec w y
            let ws = Mat.matmul w sigma

            let trace (a: Mat) =
                Vec.sum (Array.init n (fun i -> a[i, i]))

            [| 0.5 * (trace ws + Vec.dot y wy) |],
            Array2D.create 1 1 (0.5 * trace (Mat.matmul ws ws) + Vec.dot wy (Mat.mulVec sigma wy)),
            Array2D.init n 1 (fun i _ -> wy[i])

        MomentMap.ofTraced n 1 moments

    /// Expected cost plus `exploration` times its standard deviation, and the derivatives of that. Negative exploration seeks what is not
    /// known. Where the variance is below 1e-12 the deviation counts as 0.
    let value (exploration: float) (cost: MomentMap) (x: Gaussian) : float * Gaussian =
        let moments, back = cost.Apply x
        let adjoint = Moments.zero cost.Inputs 1
        adjoint.Mean[0] <- 1.0
        let variance = moments.Covariance[0, 0]

        if exploration = 0.0 || not (variance > 1e-12) then
            moments.Mean[0], back adjoint
        else
            let deviation = sqrt variance
            adjoint.Covariance[0, 0] <- 0.5 * exploration / deviation
            moments.Mean[0] + exploration * deviation, back adjoint
