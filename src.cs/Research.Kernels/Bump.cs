using System;

namespace Research.Kernels;

/// <summary>
/// A function of Gaussian bumps, f(x) = Σᵢ βᵢ s exp(−½ Σ_d p_d (x_d − z_id)²), without its points, with the matrix N of the uncertainty
/// s − k(x)ᵀ N k(x) about it where there is any; arrays over points are padded to whole vectors with zeros.
/// </summary>
public sealed class Bump
{
    /// <summary>lengthscales:[d] weights:[n] reduction:[n, n], or null.</summary>
    public Bump(double[] lengthscales, double variance, double[] weights, double[,]? reduction)
    {
        Count = weights.Length;
        LogVariance = Math.Log(variance);
        InverseLengthscales = Array.ConvertAll(lengthscales, l => 1 / l);
        Precisions = Array.ConvertAll(lengthscales, l => 1 / (l * l));
        var padded = GaussianSums.Padded(Count);
        Weights = new double[padded];
        weights.CopyTo(Weights, 0);
        if (reduction == null) return;
        if (reduction.GetLength(0) != Count || reduction.GetLength(1) != Count)
            throw new ArgumentException($"{Count} points need a reduction of {Count}×{Count}, and got {reduction.GetLength(0)}×{reduction.GetLength(1)}");
        Reduction = new double[Count * padded];
        for (var i = 0; i < Count; i++)
            for (var j = 0; j < Count; j++)
                Reduction[i * padded + j] = reduction[i, j];
    }

    internal int Count { get; }

    internal double LogVariance { get; }

    internal double[] InverseLengthscales { get; }

    internal double[] Precisions { get; }

    internal double[] Weights { get; }

    internal double[] Reduction { get; } = [];
}

/// <summary>Points about a mean, νᵢ = zᵢ − m: by rows with a last column of ones, [n, d+1], and by columns, [d, padded].</summary>
public sealed class CentredPoints
{
    /// <summary>points:[n, d] mean:[d].</summary>
    public CentredPoints(double[,] points, double[] mean)
    {
        Count = points.GetLength(0);
        Size = mean.Length;
        if (points.GetLength(1) != Size) throw new ArgumentException($"points of {points.GetLength(1)} numbers got a mean of {Size}");
        Padded = GaussianSums.Padded(Count);
        Rows = new double[Count * (Size + 1)];
        Columns = new double[Size * Padded];
        for (var i = 0; i < Count; i++)
        {
            for (var j = 0; j < Size; j++)
                Rows[i * (Size + 1) + j] = Columns[j * Padded + i] = points[i, j] - mean[j];
            Rows[i * (Size + 1) + Size] = 1;
        }
    }

    internal int Count { get; }

    internal int Size { get; }

    internal int Padded { get; }

    internal double[] Rows { get; }

    internal double[] Columns { get; }
}
