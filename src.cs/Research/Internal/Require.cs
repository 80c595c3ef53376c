namespace Research.ModelBased.Internal;

/// <summary>Checks of arguments that name the argument and the sizes.</summary>
internal static class Require
{
    public static void Size(int actual, int expected, string what, string name)
    {
        if (actual != expected) throw new ArgumentException($"{what} has {actual} numbers; {expected} are needed", name);
    }

    public static void SameLength(RealVector a, RealVector b, string name)
    {
        if (a.Length != b.Length) throw new ArgumentException($"two vectors of one length are needed, and they have {a.Length} and {b.Length} elements", name);
    }

    /// <summary>A vector that is there, has a length, and holds finite numbers.</summary>
    public static void Vector(double[]? values, int length, string what, string name)
    {
        ArgumentNullException.ThrowIfNull(values, name);
        Size(values.Length, length, what, name);
        Finite(values, what, name);
    }

    /// <summary>A matrix that is there, has a shape, and holds finite numbers.</summary>
    public static void Matrix(double[,]? values, int rows, int columns, string what, string name)
    {
        ArgumentNullException.ThrowIfNull(values, name);
        if (values.GetLength(0) != rows || values.GetLength(1) != columns)
            throw new ArgumentException($"{what} is {values.GetLength(0)}×{values.GetLength(1)}; it must be {rows}×{columns}", name);
        foreach (var value in values)
            if (!double.IsFinite(value)) throw new ArgumentException($"{what} holds a number that is not finite", name);
    }

    public static void Finite(ReadOnlySpan<double> values, string what, string name)
    {
        foreach (var value in values)
            if (!double.IsFinite(value)) throw new ArgumentException($"{what} holds a number that is not finite", name);
    }

    /// <summary>Lower limits that are not above the upper ones, of a length.</summary>
    public static void Limits(double[]? lower, double[]? upper, int length, string what)
    {
        ArgumentNullException.ThrowIfNull(lower);
        ArgumentNullException.ThrowIfNull(upper);
        Size(lower.Length, length, $"the lower limit of {what}", nameof(lower));
        Size(upper.Length, length, $"the upper limit of {what}", nameof(upper));
        for (var i = 0; i < length; i++)
            if (!(lower[i] <= upper[i])) throw new ArgumentException($"the limits of number {i} of {what} are crossed: {lower[i]} to {upper[i]}", nameof(lower));
    }
}
