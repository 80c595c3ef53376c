using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>
/// A constraint on trajectories: every element of a lambda g over reals is 0, or at most 0. A constraint that does not read the control is left
/// out at step 0, where the start decides it.
/// </summary>
public sealed class Constraint
{
    internal Constraint(Research.Constraint engine) => Engine = engine;

    internal Research.Constraint Engine { get; }

    /// <summary>What messages call it.</summary>
    public string Name => Engine.Name;

    /// <summary>True of g = 0, false of g ≤ 0.</summary>
    public bool IsEquality => Engine.IsEquality;

    /// <summary>g(x, u) ≤ 0 at every step.</summary>
    public static Constraint Path(string name, Func<RealVector, RealVector, RealVector> g)
    {
        Check(name, g);
        return new(ConstraintModule.path(name, Bridge.Field(g)));
    }

    /// <summary>g(x, u) = 0 at every step.</summary>
    public static Constraint PathEquality(string name, Func<RealVector, RealVector, RealVector> g)
    {
        Check(name, g);
        return new(ConstraintModule.pathEquality(name, Bridge.Field(g)));
    }

    /// <summary>g(x) ≤ 0 at every step after the start, and at the end.</summary>
    public static Constraint State(string name, Func<RealVector, RealVector> g)
    {
        Check(name, g);
        return new(ConstraintModule.state(name, Bridge.Field(g)));
    }

    /// <summary>g(x) = 0 at every step after the start, and at the end.</summary>
    public static Constraint StateEquality(string name, Func<RealVector, RealVector> g)
    {
        Check(name, g);
        return new(ConstraintModule.stateEquality(name, Bridge.Field(g)));
    }

    /// <summary>g(x) ≤ 0 at the end.</summary>
    public static Constraint Terminal(string name, Func<RealVector, RealVector> g)
    {
        Check(name, g);
        return new(ConstraintModule.terminal(name, Bridge.Field(g)));
    }

    /// <summary>g(x) = 0 at the end.</summary>
    public static Constraint TerminalEquality(string name, Func<RealVector, RealVector> g)
    {
        Check(name, g);
        return new(ConstraintModule.terminalEquality(name, Bridge.Field(g)));
    }

    /// <summary>lower ≤ g(x) ≤ upper at every step after the start, and at the end. Infinite bounds are none.</summary>
    public static Constraint Between(string name, double[] lower, double[] upper, Func<RealVector, RealVector> g)
    {
        Check(name, g);
        ArgumentNullException.ThrowIfNull(lower);
        Require.Limits(lower, upper, lower.Length, "the constraint");
        return new(ConstraintModule.between(name, lower, upper, Bridge.Field(g)));
    }

    private static void Check(string name, Delegate g)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(g);
    }
}
