using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Research.Kernels;

/// <summary>Derivatives of a number with respect to points [n, d], logarithms of lengthscales [d] and weights [n] of a function of bumps.</summary>
public sealed class BumpSlopes(int n, int d)
{
    /// <summary>With respect to zᵢ.</summary>
    public double[,] OfPoints { get; } = new double[n, d];

    /// <summary>With respect to ln ℓ.</summary>
    public double[] OfLogLengthscales { get; } = new double[d];

    /// <summary>With respect to βᵢ.</summary>
    public double[] OfWeights { get; } = new double[n];

    /// <summary>Adds s times others.</summary>
    public void Add(double s, BumpSlopes others)
    {
        for (var i = 0; i < OfWeights.Length; i++)
        {
            OfWeights[i] += s * others.OfWeights[i];
            for (var j = 0; j < OfLogLengthscales.Length; j++) OfPoints[i, j] += s * others.OfPoints[i, j];
        }

        for (var j = 0; j < OfLogLengthscales.Length; j++) OfLogLengthscales[j] += s * others.OfLogLengthscales[j];
    }
}

/// <summary>
/// E[fₐ f_b] of two functions of bumps at x ~ N(m, Σ), with the derivatives with respect to m and Σ. With r² = pₐ + p_b and
/// B = I + rΣr: z = r⁻¹(pₐ νᵢ + p_b νⱼ) makes E[kₐ(x, zᵢ) k_b(x, zⱼ)] = |B|^(−½) exp(ln sₐs_b − ½ νᵢᵀpₐνᵢ − ½ νⱼᵀp_bνⱼ + ½ zᵀ(I − B⁻¹)z),
/// and the derivatives are moments of z under the weights of the sum: W = Σ z, Z = Σ z zᵀ give r B⁻¹ W and ½ r (B⁻¹ Z B⁻¹ − B⁻¹) r.
/// NaN throughout where B is not positive definite.
/// </summary>
public static unsafe class BumpPair
{
    /// <summary>
    /// The value; slopes with respect to m [d] and Σ [d, d] are written. For one function twice its uncertainty is part of the value, without s.
    /// </summary>
    public static double Run(
        Bump a, Bump b, CentredPoints ofA, CentredPoints ofB, double[,] sigma, double[] ofMean, double[,] ofSigma, BumpRoom room) =>
        Run(a, b, ofA, ofB, sigma, ofMean, ofSigma, null, room);

    /// <summary>The same, with the derivatives with respect to the bumps of a, where b stays as it is, even where it is a.</summary>
    [MethodImpl(Dense.Optimised)]
    public static double Run(
        Bump a, Bump b, CentredPoints ofA, CentredPoints ofB, double[,] sigma, double[] ofMean, double[,] ofSigma, BumpSlopes? slopes,
        BumpRoom room)
    {
        room.Need(ofA);
        room.Need(ofB);
        var d = ofA.Size;
        if (sigma.Length != d * d) throw new ArgumentException($"points of {d} numbers got a covariance of {sigma.Length} numbers");
        if (slopes != null && a.Reduction.Length > 0) throw new ArgumentException("derivatives with respect to bumps need bumps without uncertainty");
        var isSame = ReferenceEquals(a, b) && slopes == null;
        int n = ofA.Count, m = ofB.Count, paddedA = ofA.Padded, paddedB = ofB.Padded, stride = ofA.Stride;
        Array.Clear(room.Small);
        fixed (double* ps = sigma, po = ofSigma, psmall = room.Small, pcolumns = room.Columns, prows = room.Rows)
        fixed (double* pa = a.Precisions, pb = b.Precisions, wa = slopes == null ? a.Weights : Divisors(a.Weights), wb = b.Weights, reduction = a.Reduction)
        fixed (double* va = ofA.Columns, vb = ofB.Columns, ra = ofA.Rows, rb = ofB.Rows)
        {
            double* inverse = psmall, form = inverse + d * d, map = form + d * d, z = map + d * d, work = z + d * d, root = work + d * d;
            double* across = root + d, ofColumns = across + stride * stride, ofProducts = ofColumns + stride * stride, ofRows = ofProducts + stride;
            double* along = pcolumns, alongB = along + d * paddedA, g = alongB + d * paddedB, u = g + d * paddedA, v = u + paddedA, sums = v + paddedB;
            new Span<double>(along, d * paddedA).Clear();
            new Span<double>(g, d * paddedA).Clear();
            new Span<double>(sums, paddedB).Clear();
            double* products = prows, weighted = products + Math.Max(n, m) * stride;

            for (var i = 0; i < d; i++) root[i] = Math.Sqrt(pa[i] + pb[i]);
            for (var i = 0; i < d; i++)
                for (var j = 0; j < d; j++)
                    inverse[i * d + j] = root[i] * ps[i * d + j] * root[j] + (i == j ? 1 : 0);
            var logDeterminant = Symmetric.Invert(inverse, d);
            var scale = Math.Exp(-0.5 * logDeterminant);

            // exponents of rows and columns, and what meets the columns in the exponent
            Form(form, inverse, root, pa, d);
            Dense.AddProduct(along, paddedA, form, d, 1, va, paddedA, d, d, paddedA);
            GaussianSums.Forms(u, along, va, d, paddedA, a.LogVariance, 0.5);
            if (isSame)
                new Span<double>(u, paddedA).CopyTo(new Span<double>(v, paddedB));
            else
            {
                Form(form, inverse, root, pb, d);
                new Span<double>(alongB, d * paddedB).Clear();
                Dense.AddProduct(alongB, paddedB, form, d, 1, vb, paddedB, d, d, paddedB);
                GaussianSums.Forms(v, alongB, vb, d, paddedB, b.LogVariance, 0.5);
            }

            for (var i = 0; i < d; i++)
                for (var j = 0; j < d; j++)
                    map[i * d + j] = pb[i] / root[i] * ((i == j ? 1 : 0) - inverse[i * d + j]) * (pa[j] / root[j]);
            Dense.AddProduct(g, paddedA, map, d, 1, va, paddedA, d, d, paddedA);

            var hasReduction = isSame && a.Reduction.Length > 0;
            GaussianSums.Run(
                g, paddedA, u, wa, n, v, wb, m, rb, vb, hasReduction ? reduction : null, isSame, d, products, sums);

            // Z and W: moments of z, in which rows and columns count alike. Half of both, then the transpose is added
            for (var j = 0; j < d; j++)
            {
                ofProducts[j] = pb[j];
                ofRows[j] = pa[j];
            }

            ofProducts[d] = isSame ? 0 : 1;
            ofRows[d] = isSame ? 2 : 0;
            for (var i = 0; i < n; i++)
            {
                var own = Vector256.Create(0.5 * (isSame ? products[i * stride + d] + sums[i] : products[i * stride + d]));
                for (var j = 0; j < stride; j += 4)
                {
                    var row = own * Vector256.Load(ofRows + j) * Vector256.Load(ra + i * stride + j);
                    row = Vector256.FusedMultiplyAdd(Vector256.Load(ofProducts + j), Vector256.Load(products + i * stride + j), row);
                    Vector256.Store(row, weighted + i * stride + j);
                }
            }

            Dense.AddProduct(across, stride, ra, 1, stride, weighted, stride, stride, n, stride);
            if (!isSame)
            {
                GaussianSums.ScaleRows(weighted, sums, rb, m, stride);
                Dense.AddProduct(ofColumns, stride, rb, 1, stride, weighted, stride, stride, m, stride);
            }

            var total = across[d * stride + d];
            if (slopes != null)
            {
                new Span<double>(alongB, d * paddedB).Clear();
                Dense.AddProduct(alongB, paddedB, map, 1, d, vb, paddedB, d, d, paddedB);
                for (var k = 0; k < d; k++)
                {
                    var square = 0.0;
                    for (var j = 0; j < m; j++) square += sums[j] * alongB[k * paddedB + j] * alongB[k * paddedB + j];
                    for (var i = 0; i < n; i++)
                    {
                        double own = along[k * paddedA + i] * products[i * stride + d], other = 0.0;
                        for (var q = 0; q < d; q++) other += map[q * d + k] * products[i * stride + q];
                        slopes.OfPoints[i, k] = scale * (own + other);
                        square += along[k * paddedA + i] * (own + 2 * other);
                    }

                    var spread = (1 - inverse[k * d + k]) / (root[k] * root[k]);
                    slopes.OfLogLengthscales[k] = scale * (pa[k] * spread * total + square / pa[k]);
                }

                for (var i = 0; i < n; i++) slopes.OfWeights[i] = scale * products[i * stride + d] / wa[i];
            }

            for (var i = 0; i < d; i++)
            {
                var first = pa[i] * across[i * stride + d];
                work[i] = (isSame ? 2 * first : first + pb[i] * ofColumns[i * stride + d]) / root[i];
                for (var j = 0; j < d; j++)
                {
                    var both = pa[i] * across[i * stride + j] + pa[j] * across[j * stride + i];
                    both = isSame ? 2 * both : both + pb[i] * ofColumns[i * stride + j] * pb[j];
                    z[i * d + j] = both / (root[i] * root[j]);
                }
            }

            for (var i = 0; i < d; i++) ofMean[i] = scale * root[i] * Dense.Dot(inverse + i * d, work, d);
            new Span<double>(form, d * d).Clear();
            new Span<double>(map, d * d).Clear();
            Dense.AddProduct(form, d, z, d, 1, inverse, d, d, d, d);
            Dense.AddProduct(map, d, inverse, d, 1, form, d, d, d, d);
            for (var i = 0; i < d; i++)
                for (var j = 0; j < d; j++)
                    po[i * d + j] = 0.5 * scale * root[i] * (map[i * d + j] - total * inverse[i * d + j]) * root[j];
            return scale * total;
        }
    }

    /// <summary>Weights by which sums of rows can be divided: none is 0.</summary>
    private static double[] Divisors(double[] weights) => Array.ConvertAll(weights, w => Math.Abs(w) < 1e-100 ? 1e-100 : w);

    /// <summary>form ← (p/r)(I − B⁻¹)(p/r) − p.</summary>
    private static void Form(double* form, double* inverse, double* root, double* p, int d)
    {
        for (var i = 0; i < d; i++)
            for (var j = 0; j < d; j++)
                form[i * d + j] = p[i] / root[i] * ((i == j ? 1 : 0) - inverse[i * d + j]) * (p[j] / root[j]) - (i == j ? p[i] : 0);
    }
}
