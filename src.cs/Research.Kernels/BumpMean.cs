using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Research.Kernels;

/// <summary>
/// The mean of a function of bumps at x ~ N(m, Σ), and V = Σ⁻¹ cov(x, f), with the way back. With Λ = diag ℓ², C = (Σ + Λ)⁻¹ and
/// wᵢ = βᵢ s |ΣΛ⁻¹ + I|^(−½) exp(−½ νᵢᵀ C νᵢ): M = Σ wᵢ, V = C Σ wᵢ νᵢ. NaN throughout where Σ + Λ is not positive definite.
/// </summary>
public sealed unsafe class BumpMean
{
    private readonly CentredPoints points;

    private readonly Bump bump;

    // Σ wᵢ ν̂ᵢ ν̂ᵢᵀ with ν̂ = [ν 1]
    private readonly double[] sums;

    private readonly double[] c;

    /// <summary>bump and points of one function; sigma:[d, d].</summary>
    [MethodImpl(Dense.Optimised)]
    public BumpMean(Bump bump, CentredPoints points, double[,] sigma, BumpRoom room)
    {
        room.Need(points);
        int d = points.Size, n = points.Count, padded = points.Padded, stride = points.Stride;
        this.points = points;
        this.bump = bump;
        Factors = new double[padded];
        Cross = new double[d];
        sums = new double[stride * stride];
        c = new double[d * d];
        Array.Clear(room.Columns, 0, d * padded);
        fixed (double* ps = sigma, pc = c, pv = points.Columns, along = room.Columns, pl = Factors, pr = points.Rows, weighted = room.Rows, pt = sums)
        fixed (double* inverse = bump.InverseLengthscales, pb = bump.Weights)
        {
            for (var i = 0; i < d; i++)
                for (var j = 0; j < d; j++)
                    pc[i * d + j] = inverse[i] * ps[i * d + j] * inverse[j] + (i == j ? 1 : 0);
            var logDeterminant = Symmetric.Invert(pc, d);
            for (var i = 0; i < d; i++)
                for (var j = 0; j < d; j++)
                    pc[i * d + j] *= inverse[i] * inverse[j];
            Dense.AddProduct(along, padded, pc, d, 1, pv, padded, d, d, padded);
            GaussianSums.Forms(pl, along, pv, d, padded, bump.LogVariance - 0.5 * logDeterminant, -0.5);
            GaussianSums.Exponentiate(Factors);
            for (var i = 0; i < n; i++) along[i] = pb[i] * pl[i];
            GaussianSums.ScaleRows(weighted, along, pr, n, stride);
            Dense.AddProduct(pt, stride, pr, 1, stride, weighted, stride, stride, n, stride);
            for (var i = 0; i < d; i++)
                for (var j = 0; j < d; j++)
                    Cross[i] += pc[i * d + j] * pt[d * stride + j];
            Value = pt[d * stride + d];
        }
    }

    /// <summary>M.</summary>
    public double Value { get; }

    /// <summary>V, [d].</summary>
    public double[] Cross { get; }

    /// <summary>wᵢ/βᵢ, padded.</summary>
    private double[] Factors { get; }

    /// <summary>Adds the derivatives of M̄ M + V̄ᵀ V to those with respect to m [d] and Σ [d, d].</summary>
    [MethodImpl(Dense.Optimised)]
    public void Pull(double mean, ReadOnlySpan<double> cross, double[] ofMean, double[,] ofSigma, BumpRoom room)
    {
        room.Need(points);
        int d = points.Size, n = points.Count, padded = points.Padded, stride = points.Stride;
        Array.Clear(room.Small);
        Array.Clear(room.Columns, 0, padded);
        fixed (double* pc = c, small = room.Small, ps = sums, po = ofSigma, pv = points.Columns, pr = points.Rows, weights = room.Columns)
        fixed (double* weighted = room.Rows, pb = bump.Weights, pl = Factors)
        {
            double* twice = small, work = twice + d * d, alpha = work + d * d, third = alpha + d;
            var isCrossed = false;
            for (var i = 0; i < d; i++)
            {
                isCrossed |= cross[i] != 0;
                for (var j = 0; j < d; j++) alpha[i] += pc[i * d + j] * cross[j];
            }

            // C H₂ C − M C: twice the derivative of M with respect to Σ, and that of V with respect to m
            Sandwich(twice, ps, stride, pc, work, d);
            for (var i = 0; i < d; i++)
            {
                ofMean[i] += mean * Cross[i];
                for (var j = 0; j < d; j++)
                {
                    ofMean[i] += twice[i * d + j] * cross[j];
                    po[i * d + j] += 0.5 * mean * twice[i * d + j];
                }
            }

            if (!isCrossed) return;
            for (var j = 0; j < d; j++) Dense.AddScaled(weights, pv + j * padded, alpha[j], padded);
            for (var i = 0; i < n; i++) weights[i] *= pb[i] * pl[i];
            GaussianSums.ScaleRows(weighted, weights, pr, n, stride);
            Dense.AddProduct(third, stride, pr, 1, stride, weighted, stride, stride, n, stride);
            Sandwich(twice, third, stride, pc, work, d);
            for (var i = 0; i < d; i++)
                for (var j = 0; j < d; j++)
                    po[i * d + j] += 0.5 * (twice[i * d + j] - alpha[i] * Cross[j] - Cross[i] * alpha[j]);
        }
    }

    /// <summary>Adds the derivatives of M̄ M + V̄ᵀ V to those with respect to the bumps.</summary>
    [MethodImpl(Dense.Optimised)]
    public void PullBumps(double mean, ReadOnlySpan<double> cross, BumpSlopes slopes)
    {
        int d = points.Size, padded = points.Padded;
        var alpha = new double[d];
        var along = new double[d * padded];
        fixed (double* pc = c, pv = points.Columns, pa = along)
            Dense.AddProduct(pa, padded, pc, d, 1, pv, padded, d, d, padded);
        for (var i = 0; i < d; i++)
            for (var j = 0; j < d; j++)
                alpha[i] += c[i * d + j] * cross[j];
        for (var i = 0; i < points.Count; i++)
        {
            var factor = mean;
            for (var j = 0; j < d; j++) factor += alpha[j] * points.Columns[j * padded + i];
            slopes.OfWeights[i] += Factors[i] * factor;
            var w = bump.Weights[i] * Factors[i];
            for (var j = 0; j < d; j++)
            {
                var own = along[j * padded + i];
                slopes.OfPoints[i, j] += w * (alpha[j] - factor * own);
                slopes.OfLogLengthscales[j] += w * factor * (1 + (own * own - c[j * d + j]) / bump.Precisions[j]);
            }
        }

        for (var j = 0; j < d; j++) slopes.OfLogLengthscales[j] -= 2 * alpha[j] * Cross[j] / bump.Precisions[j];
    }

    /// <summary>result ← C H C − h C, of H:[d, d] and h, the next number on the diagonal of [stride, stride].</summary>
    private static void Sandwich(double* result, double* h, int stride, double* c, double* work, int d)
    {
        new Span<double>(work, d * d).Clear();
        Dense.AddProduct(work, d, h, stride, 1, c, d, d, d, d);
        for (var k = 0; k < d * d; k++) result[k] = -h[d * stride + d] * c[k];
        Dense.AddProduct(result, d, c, d, 1, work, d, d, d, d);
    }
}
