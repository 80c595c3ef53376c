using System;
using System.Numerics;
using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Research.Core")]

namespace Research.Kernels;

/// <summary>
/// What compiled graphs call on one number at a time: the elementary functions that have no vector form, and the choice between two
/// numbers. A condition is 1 or 0.
/// </summary>
internal static class Lane
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Where<T>(T c, T a, T b) where T : INumber<T> => c != T.Zero ? a : b;

    public static T Sin<T>(T a) where T : ITrigonometricFunctions<T> => T.Sin(a);
    public static T Cos<T>(T a) where T : ITrigonometricFunctions<T> => T.Cos(a);
    public static T Tan<T>(T a) where T : ITrigonometricFunctions<T> => T.Tan(a);
    public static T Asin<T>(T a) where T : ITrigonometricFunctions<T> => T.Asin(a);
    public static T Acos<T>(T a) where T : ITrigonometricFunctions<T> => T.Acos(a);
    public static T Atan<T>(T a) where T : ITrigonometricFunctions<T> => T.Atan(a);
    public static T Sinh<T>(T a) where T : IHyperbolicFunctions<T> => T.Sinh(a);
    public static T Cosh<T>(T a) where T : IHyperbolicFunctions<T> => T.Cosh(a);
    public static T Pow<T>(T a, T b) where T : IPowerFunctions<T> => T.Pow(a, b);
    public static T Atan2<T>(T a, T b) where T : IFloatingPointIeee754<T> => T.Atan2(a, b);
    public static T Hypot<T>(T a, T b) where T : IRootFunctions<T> => T.Hypot(a, b);
    public static T Erf<T>(T a) where T : INumberBase<T> => T.CreateTruncating(ErrorFunction(double.CreateTruncating(a)));

    /// <summary>
    /// erf x = (2/√π)∫₀ˣ e^(−t²) dt: below 3 by the series 2x e^(−x²)/√π Σ (2x²)ⁿ/(1·3·…·(2n+1)), whose terms have one sign; above by the
    /// continued fraction of the complement. Abramowitz and Stegun, 7.1.6 and 7.1.14.
    /// </summary>
    public static double ErrorFunction(double x)
    {
        if (double.IsNaN(x)) return x;
        var size = Math.Abs(x);
        if (size > 6) return Math.Sign(x);
        var scale = Math.Exp(-x * x) / Math.Sqrt(Math.PI);
        if (size < 3)
        {
            var term = x;
            var sum = x;
            for (var n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum); n++)
            {
                term *= 2 * x * x / (2 * n + 1);
                sum += term;
            }

            return 2 * scale * sum;
        }

        var fraction = size;
        for (var n = 60; n > 0; n--) fraction = size + 0.5 * n / fraction;
        return Math.CopySign(1 - scale / fraction, x);
    }
}
