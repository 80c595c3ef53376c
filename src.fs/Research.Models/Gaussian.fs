namespace Research.Models

open System

/// A normal distribution: mean [n] and covariance [n, n]. Also holds what a number depends on such a distribution: the derivatives with
/// respect to its mean and its covariance, where every entry of the covariance counts for itself and the derivative is symmetric.
type Gaussian =
    {
        Mean: float[]
        Covariance: float[,]
    }

    /// n
    member this.Size = this.Mean.Length

/// Normal distributions, their parts and draws from them.
[<RequireQualifiedAccess>]
module Gaussian =

    /// A distribution with independent numbers of the given standard deviations.
    let independent (mean: float[]) (deviations: float[]) : Gaussian =
        if mean.Length <> deviations.Length then
            invalidArg
                (nameof deviations)
                $"a mean of {mean.Length} numbers got {deviations.Length} standard deviations"

        {
            Mean = mean
            Covariance =
                Array2D.init mean.Length mean.Length (fun i j -> if i = j then deviations[i] * deviations[i] else 0.0)
        }

    /// Zeros, to add derivatives to.
    let zero (n: int) : Gaussian =
        {
            Mean = Array.zeroCreate n
            Covariance = Array2D.zeroCreate n n
        }

    /// The distribution of some of the numbers, in the order asked for.
    let select (indices: int[]) (x: Gaussian) : Gaussian =
        let n = indices.Length
        let covariance = Array2D.zeroCreate n n

        for i in 0 .. n - 1 do
            for j in 0 .. n - 1 do
                covariance[i, j] <- x.Covariance[indices[i], indices[j]]

        {
            Mean = Array.map (fun i -> x.Mean[i]) indices
            Covariance = covariance
        }

    /// A draw from the distribution. The covariance may be singular; negative eigenvalues within rounding count as zero.
    let sample (rng: Research.Rng) (x: Gaussian) : float[] =
        let n = x.Size
        let a = MathNet.Numerics.LinearAlgebra.Matrix<float>.Build.DenseOfArray x.Covariance
        let eigen = a.Evd MathNet.Numerics.LinearAlgebra.Symmetricity.Symmetric

        let along =
            Array.init n (fun i -> sqrt (Math.Max(0.0, eigen.EigenValues[i].Real)) * rng.Normal())

        Array.init n (fun i ->
            x.Mean[i]
            + Seq.sum (seq { for j in 0 .. n - 1 -> eigen.EigenVectors[i, j] * along[j] }))
