using Engine = Research.Real;

namespace Research.ModelBased;

/// <summary>
/// A traced number. Models and costs are lambdas over reals: arithmetic on them builds an expression, of which exact derivatives and
/// machine code are made. Doubles convert to reals by themselves.
/// </summary>
/// <remarks>
/// An <c>if</c> cannot look at a real, because its value is not known while tracing: compare reals and choose with <see cref="Where"/>.
/// Where a function is not differentiable, |x| and the sign have derivative 0 at 0, <see cref="Min"/> and <see cref="Max"/> take the
/// derivative of their first argument on a tie, and <see cref="Where"/> that of the chosen branch.
/// </remarks>
public readonly struct Real
{
    private readonly Engine? _node;

    internal Real(Engine node) => _node = node;

    internal Engine Node => _node ?? Engine.Zero;

    /// <summary>0.</summary>
    public static Real Zero => new(Engine.Zero);

    /// <summary>1.</summary>
    public static Real One => new(Engine.One);

    /// <summary>True of a number that is known now, and does not depend on any variable.</summary>
    public bool IsConstant => Node.IsConstant;

    /// <summary>A number as a real.</summary>
    public static implicit operator Real(double value) => new(Engine.Constant(value));

    /// <summary>The number that a constant real is.</summary>
    /// <exception cref="InvalidCastException">The real depends on a variable: see <see cref="IsConstant"/>.</exception>
    public static explicit operator double(Real value) =>
        value.IsConstant
            ? Research.Trace.number(value.Node)
            : throw new InvalidCastException("this real depends on a variable and is no number yet; choose with Real.Where instead of if");

    /// <summary>−x.</summary>
    public static Real operator -(Real x) => new(-x.Node);

    /// <summary>x.</summary>
    public static Real operator +(Real x) => x;

    /// <summary>x + y.</summary>
    public static Real operator +(Real x, Real y) => new(x.Node + y.Node);

    /// <summary>x − y.</summary>
    public static Real operator -(Real x, Real y) => new(x.Node - y.Node);

    /// <summary>x y.</summary>
    public static Real operator *(Real x, Real y) => new(x.Node * y.Node);

    /// <summary>x / y.</summary>
    public static Real operator /(Real x, Real y) => new(x.Node / y.Node);

    /// <summary>Holds where x is less than y.</summary>
    public static Condition operator <(Real x, Real y) => new(x.Node < y.Node);

    /// <summary>Holds where x is at most y.</summary>
    public static Condition operator <=(Real x, Real y) => new(x.Node <= y.Node);

    /// <summary>Holds where x is greater than y.</summary>
    public static Condition operator >(Real x, Real y) => new(x.Node > y.Node);

    /// <summary>Holds where x is at least y.</summary>
    public static Condition operator >=(Real x, Real y) => new(x.Node >= y.Node);

    /// <summary>Holds where x equals y.</summary>
    public static Condition Same(Real x, Real y) => new(Engine.Same(x.Node, y.Node));

    /// <summary><paramref name="yes"/> where the condition holds, else <paramref name="no"/>; derivatives are those of the chosen branch.</summary>
    public static Real Where(Condition condition, Real yes, Real no) => new(Engine.Where(condition.Node, yes.Node, no.Node));

    /// <summary>xʸ as <see cref="Math.Pow"/>.</summary>
    public static Real Pow(Real x, Real y) => new(Engine.Pow(x.Node, y.Node));

    /// <summary>x².</summary>
    public static Real Square(Real x) => x * x;

    /// <summary>|x|.</summary>
    public static Real Abs(Real x) => new(Engine.Abs(x.Node));

    /// <summary>−1, 0 or 1.</summary>
    public static Real Sign(Real x) => new(Engine.Signum(x.Node));

    /// <summary>√x.</summary>
    public static Real Sqrt(Real x) => new(Engine.Sqrt(x.Node));

    /// <summary>eˣ.</summary>
    public static Real Exp(Real x) => new(Engine.Exp(x.Node));

    /// <summary>Natural logarithm.</summary>
    public static Real Log(Real x) => new(Engine.Log(x.Node));

    /// <summary>ln(1 + x), accurate near 0.</summary>
    public static Real LogP1(Real x) => new(Engine.Log1p(x.Node));

    /// <summary>eˣ − 1, accurate near 0.</summary>
    public static Real ExpM1(Real x) => new(Engine.Expm1(x.Node));

    /// <summary>Sine.</summary>
    public static Real Sin(Real x) => new(Engine.Sin(x.Node));

    /// <summary>Cosine.</summary>
    public static Real Cos(Real x) => new(Engine.Cos(x.Node));

    /// <summary>Tangent.</summary>
    public static Real Tan(Real x) => new(Engine.Tan(x.Node));

    /// <summary>Arc sine.</summary>
    public static Real Asin(Real x) => new(Engine.Asin(x.Node));

    /// <summary>Arc cosine.</summary>
    public static Real Acos(Real x) => new(Engine.Acos(x.Node));

    /// <summary>Arc tangent.</summary>
    public static Real Atan(Real x) => new(Engine.Atan(x.Node));

    /// <summary>Angle of the point (x, y), in (−π, π].</summary>
    public static Real Atan2(Real y, Real x) => new(Engine.Atan2(y.Node, x.Node));

    /// <summary>Hyperbolic sine.</summary>
    public static Real Sinh(Real x) => new(Engine.Sinh(x.Node));

    /// <summary>Hyperbolic cosine.</summary>
    public static Real Cosh(Real x) => new(Engine.Cosh(x.Node));

    /// <summary>Hyperbolic tangent.</summary>
    public static Real Tanh(Real x) => new(Engine.Tanh(x.Node));

    /// <summary>1/(1 + e⁻ˣ).</summary>
    public static Real Sigmoid(Real x) => new(Engine.Sigmoid(x.Node));

    /// <summary>ln(1 + eˣ).</summary>
    public static Real Softplus(Real x) => new(Engine.Softplus(x.Node));

    /// <summary>The error function (2/√π)∫₀ˣ e^(−t²) dt.</summary>
    public static Real Erf(Real x) => new(Engine.Erf(x.Node));

    /// <summary>√(x² + y²) without overflow; gradient 0 at the origin.</summary>
    public static Real Hypot(Real x, Real y) => new(Engine.Hypot(x.Node, y.Node));

    /// <summary>The lesser; NaN if either is.</summary>
    public static Real Min(Real x, Real y) => new(Engine.Min(x.Node, y.Node));

    /// <summary>The greater; NaN if either is.</summary>
    public static Real Max(Real x, Real y) => new(Engine.Max(x.Node, y.Node));

    /// <summary>x held to [low, high]; derivative 1 on the closed interval, 0 outside.</summary>
    public static Real Clamp(Real x, Real low, Real high) => new(Engine.Clamp(x.Node, low.Node, high.Node));

    /// <summary>√(x² + α²) − α: quadratic near 0, |x| far away.</summary>
    public static Real SmoothAbs(Real x, Real alpha) => new(Engine.SmoothAbs(x.Node, alpha.Node));

    /// <summary>The number, the name of the variable, or the last operation.</summary>
    public override string ToString() => Node.ToString();
}
