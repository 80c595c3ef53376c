using Engine = Research.Condition;

namespace Research.ModelBased;

/// <summary>A traced truth value: made by comparing reals, used by <see cref="Real.Where"/>.</summary>
public readonly struct Condition
{
    private readonly Engine? _node;

    internal Condition(Engine node) => _node = node;

    internal Engine Node => _node ?? throw new InvalidOperationException("this condition compares nothing; make one by comparing reals, such as x < y");

    /// <summary>Holds where both do.</summary>
    public static Condition operator &(Condition x, Condition y) => new(x.Node & y.Node);

    /// <summary>Holds where either does.</summary>
    public static Condition operator |(Condition x, Condition y) => new(x.Node | y.Node);

    /// <summary>Holds where x does not.</summary>
    public static Condition operator !(Condition x) => new(!x.Node);
}
