using System.Collections;
using System.Runtime.CompilerServices;
using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>
/// An immutable traced vector: what models and costs take and return. Write one as a collection expression, <c>[x[1], -Real.Sin(x[0])]</c>;
/// arrays of reals and of doubles convert to it; ranges <c>x[..2]</c> and spreads <c>[.. q, .. v]</c> work.
/// </summary>
[CollectionBuilder(typeof(RealVector), nameof(Create))]
public readonly struct RealVector : IReadOnlyList<Real>
{
    private readonly Research.Real[]? _items;

    internal RealVector(Research.Real[] items) => _items = items;

    internal Research.Real[] Items => _items ?? [];

    /// <summary>A vector of the given elements.</summary>
    public static RealVector Create(params ReadOnlySpan<Real> items)
    {
        var nodes = new Research.Real[items.Length];
        for (var i = 0; i < nodes.Length; i++) nodes[i] = items[i].Node;
        return new(nodes);
    }

    /// <summary>A vector of known numbers.</summary>
    public static RealVector Constant(params ReadOnlySpan<double> values)
    {
        var nodes = new Research.Real[values.Length];
        for (var i = 0; i < nodes.Length; i++) nodes[i] = Research.Real.Constant(values[i]);
        return new(nodes);
    }

    /// <summary>Reals as a vector.</summary>
    public static implicit operator RealVector(Real[] items)
    {
        ArgumentNullException.ThrowIfNull(items);
        return Create(items);
    }

    /// <summary>Known numbers as a vector.</summary>
    public static implicit operator RealVector(double[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return Constant(values);
    }

    /// <summary>Number of elements.</summary>
    public int Length => Items.Length;

    int IReadOnlyCollection<Real>.Count => Length;

    /// <summary>Element i.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such element.</exception>
    public Real this[int i] =>
        (uint)i < (uint)Length
            ? new(Items[i])
            : throw new ArgumentOutOfRangeException(nameof(i), i, $"a vector of {Length} elements has no element {i}");

    /// <summary><paramref name="length"/> elements from <paramref name="start"/> on: what ranges such as <c>x[2..4]</c> call.</summary>
    public RealVector Slice(int start, int length)
    {
        if (start < 0 || length < 0 || start + length > Length)
            throw new ArgumentOutOfRangeException(nameof(start), start, $"a vector of {Length} elements has no {length} from {start} on");
        return new(Items.AsSpan(start, length).ToArray());
    }

    /// <summary>a + b, element by element.</summary>
    public static RealVector operator +(RealVector a, RealVector b)
    {
        Require.SameLength(a, b, nameof(b));
        return new(VecModule.add(a.Items, b.Items));
    }

    /// <summary>a − b, element by element.</summary>
    public static RealVector operator -(RealVector a, RealVector b)
    {
        Require.SameLength(a, b, nameof(b));
        return new(VecModule.sub(a.Items, b.Items));
    }

    /// <summary>−a.</summary>
    public static RealVector operator -(RealVector a) => new(Array.ConvertAll(a.Items, x => -x));

    /// <summary>s a.</summary>
    public static RealVector operator *(Real s, RealVector a) => new(VecModule.scale(s.Node, a.Items));

    /// <summary>s a.</summary>
    public static RealVector operator *(RealVector a, Real s) => s * a;

    /// <summary>a / s.</summary>
    public static RealVector operator /(RealVector a, Real s) => new(Array.ConvertAll(a.Items, x => x / s.Node));

    /// <summary>Sum of the elements; 0 of an empty vector.</summary>
    public Real Sum() => new(VecModule.sum(Items));

    /// <summary>Σ aᵢbᵢ.</summary>
    public static Real Dot(RealVector a, RealVector b)
    {
        Require.SameLength(a, b, nameof(b));
        return new(VecModule.dot(a.Items, b.Items));
    }

    /// <summary>Σ aᵢ².</summary>
    public Real SquaredNorm() => new(VecModule.squaredNorm(Items));

    /// <summary>√Σaᵢ², with gradient 0 at the origin.</summary>
    public Real Norm() => new(VecModule.norm(Items));

    /// <summary>a × b in three dimensions.</summary>
    public static RealVector Cross(RealVector a, RealVector b)
    {
        Require.Size(a.Length, 3, "the vector", nameof(a));
        Require.Size(b.Length, 3, "the vector", nameof(b));
        return new(VecModule.cross(a.Items, b.Items));
    }

    /// <summary>The elements in order.</summary>
    public IEnumerator<Real> GetEnumerator()
    {
        foreach (var item in Items) yield return new Real(item);
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The elements in brackets.</summary>
    public override string ToString() => $"[{string.Join(", ", this)}]";
}
