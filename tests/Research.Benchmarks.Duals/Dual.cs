using System;
using System.Runtime.CompilerServices;

namespace Research.Benchmarks.Duals;

/// <summary>Derivatives by the 21 numbers of a state and control of an arm of seven joints.</summary>
[InlineArray(21)]
public struct Gradient
{
    private double first;
}

/// <summary>A number with its derivatives: forward differentiation as one writes it by hand, without vector instructions.</summary>
public struct Dual
{
    /// <summary>The number.</summary>
    public double Value;

    /// <summary>Its derivatives.</summary>
    public Gradient D;

    /// <summary>A constant.</summary>
    public static implicit operator Dual(double value) => new() { Value = value };

    /// <summary>An input, with derivative 1 by itself.</summary>
    public static Dual Input(double value, int index)
    {
        Dual x = value;
        x.D[index] = 1;
        return x;
    }

    /// <summary>Sum.</summary>
    public static Dual operator +(in Dual a, in Dual b)
    {
        Unsafe.SkipInit(out Dual r);
        r.Value = a.Value + b.Value;
        for (var i = 0; i < 21; i++) r.D[i] = a.D[i] + b.D[i];
        return r;
    }

    /// <summary>Difference.</summary>
    public static Dual operator -(in Dual a, in Dual b)
    {
        Unsafe.SkipInit(out Dual r);
        r.Value = a.Value - b.Value;
        for (var i = 0; i < 21; i++) r.D[i] = a.D[i] - b.D[i];
        return r;
    }

    /// <summary>Product.</summary>
    public static Dual operator *(in Dual a, in Dual b)
    {
        Unsafe.SkipInit(out Dual r);
        r.Value = a.Value * b.Value;
        for (var i = 0; i < 21; i++) r.D[i] = a.D[i] * b.Value + a.Value * b.D[i];
        return r;
    }

    /// <summary>A multiple.</summary>
    public static Dual operator *(double a, in Dual b)
    {
        Unsafe.SkipInit(out Dual r);
        r.Value = a * b.Value;
        for (var i = 0; i < 21; i++) r.D[i] = a * b.D[i];
        return r;
    }

    /// <summary>The reciprocal.</summary>
    public static Dual Inverse(in Dual a)
    {
        var inverse = 1 / a.Value;
        return Chain(a, inverse, -inverse * inverse);
    }

    /// <summary>Sine.</summary>
    public static Dual Sin(in Dual a) => Chain(a, Math.Sin(a.Value), Math.Cos(a.Value));

    /// <summary>Cosine.</summary>
    public static Dual Cos(in Dual a) => Chain(a, Math.Cos(a.Value), -Math.Sin(a.Value));

    private static Dual Chain(in Dual a, double value, double slope)
    {
        Unsafe.SkipInit(out Dual r);
        r.Value = value;
        for (var i = 0; i < 21; i++) r.D[i] = slope * a.D[i];
        return r;
    }
}
