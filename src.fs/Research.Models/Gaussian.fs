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

    /// Refuses what is no distribution: an exception where the covariance is not finite, not symmetric, or has an eigenvalue below 0 by more
    /// than 1e-6 of the largest.
    let internal check (name: string) (x: Gaussian) : unit =
        let rows, columns = x.Covariance.GetLength 0, x.Covariance.GetLength 1

        let refuse what =
            invalidArg name $"a distribution of {x.Size} numbers got a covariance of {rows}×{columns} {what}"

        let numbers = Seq.cast<float> x.Covariance

        if not (Seq.forall Double.IsFinite x.Mean && Seq.forall Double.IsFinite numbers) then
            refuse "or a mean with numbers that are not finite"

        let largest = Seq.fold (fun m v -> max m (abs v)) 0.0 numbers

        for i in 0 .. rows - 1 do
            for j in 0 .. i - 1 do
                if abs (x.Covariance[i, j] - x.Covariance[j, i]) > 1e-6 * largest then
                    refuse
                        $"that is not symmetric: {x.Covariance[i, j]} at [{i}, {j}] and {x.Covariance[j, i]} at [{j}, {i}]"

        if largest > 0.0 then
            let a = MathNet.Numerics.LinearAlgebra.Matrix<float>.Build.DenseOfArray x.Covariance

            let eigen = a.Evd MathNet.Numerics.LinearAlgebra.Symmetricity.Symmetric
            let least = eigen.EigenValues |> Seq.map _.Real |> Seq.min

            if least < -1e-6 * largest then
                refuse $"that is not positive semidefinite: its least eigenvalue is {least}"

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
