using System;
using System.Collections.Concurrent;

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

/// <summary>
/// Points about a mean, νᵢ = zᵢ − m: by rows with a one behind each, [n, stride] with zeros up to whole vectors, and by columns, [d, padded].
/// </summary>
public sealed class CentredPoints
{
    /// <summary>points:[n, d] mean:[d].</summary>
    public CentredPoints(double[,] points, double[] mean)
    {
        Count = points.GetLength(0);
        Size = mean.Length;
        if (points.GetLength(1) != Size) throw new ArgumentException($"points of {points.GetLength(1)} numbers got a mean of {Size}");
        Padded = GaussianSums.Padded(Count);
        Stride = GaussianSums.Padded(Size + 1);
        Rows = new double[Count * Stride];
        Columns = new double[Size * Padded];
        for (var i = 0; i < Count; i++)
        {
            for (var j = 0; j < Size; j++)
                Rows[i * Stride + j] = Columns[j * Padded + i] = points[i, j] - mean[j];
            Rows[i * Stride + Size] = 1;
        }
    }

    internal int Count { get; }

    internal int Size { get; }

    internal int Padded { get; }

    internal int Stride { get; }

    internal double[] Rows { get; }

    internal double[] Columns { get; }
}

/// <summary>Room for sums over up to <c>count</c> points of <c>d</c> numbers: a call that is given it overwrites what is there.</summary>
public sealed class BumpRoom(int d, int count)
{
    internal int Size { get; } = d;

    internal int Count { get; } = count;

    internal double[] Small { get; } = new double[6 * d * d + 2 * d + 2 * GaussianSums.Padded(d + 1) * (GaussianSums.Padded(d + 1) + 1)];

    internal double[] Columns { get; } = new double[(3 * d + 3) * GaussianSums.Padded(count)];

    internal double[] Rows { get; } = new double[2 * count * GaussianSums.Padded(d + 1)];

    internal void Need(CentredPoints points)
    {
        if (points.Size != Size || points.Count > Count)
            throw new ArgumentException($"room for {Count} points of {Size} numbers got {points.Count} of {points.Size}");
    }
}

/// <summary>Keeps rooms between calls; calls at the same time on several threads get rooms of their own.</summary>
public sealed class BumpRooms(int d, int count)
{
    private readonly ConcurrentBag<BumpRoom> kept = [];

    /// <summary>A kept room, or a new one where all are taken.</summary>
    public BumpRoom Take() => kept.TryTake(out var room) ? room : new BumpRoom(d, count);

    /// <summary>Keeps a room for the next call.</summary>
    public void Give(BumpRoom room) => kept.Add(room);
}
