using Expecto;
using Expecto.CSharp;
using Research.ModelBased;

namespace FacadeTests;

/// <summary>Arithmetic on traced numbers is arithmetic on numbers.</summary>
public static class RealTests
{
    private static double At(Func<Real, Real> f, double x) => CompiledFunction.Compile(1, v => [f(v[0])]).Evaluate(x)[0];

    private static readonly (string Name, Func<Real, Real> Traced, Func<double, double> Plain)[] Functions =
    [
        ("abs", Real.Abs, Math.Abs),
        ("sign", Real.Sign, x => Math.Sign(x)),
        ("sqrt", Real.Sqrt, Math.Sqrt),
        ("exp", Real.Exp, Math.Exp),
        ("log", Real.Log, Math.Log),
        ("log(1+x)", Real.LogP1, double.LogP1),
        ("exp−1", Real.ExpM1, double.ExpM1),
        ("sin", Real.Sin, Math.Sin),
        ("cos", Real.Cos, Math.Cos),
        ("tan", Real.Tan, Math.Tan),
        ("asin", Real.Asin, Math.Asin),
        ("acos", Real.Acos, Math.Acos),
        ("atan", Real.Atan, Math.Atan),
        ("sinh", Real.Sinh, Math.Sinh),
        ("cosh", Real.Cosh, Math.Cosh),
        ("tanh", Real.Tanh, Math.Tanh),
        ("sigmoid", Real.Sigmoid, x => 1 / (1 + Math.Exp(-x))),
        ("softplus", Real.Softplus, x => Math.Log(1 + Math.Exp(x))),
        ("square", Real.Square, x => x * x),
        ("power", x => Real.Pow(x, 1.7), x => Math.Pow(x, 1.7)),
        ("atan2", x => Real.Atan2(x, -2), x => Math.Atan2(x, -2)),
        ("hypot", x => Real.Hypot(x, 3), x => double.Hypot(x, 3)),
        ("min", x => Real.Min(x, 0.5), x => Math.Min(x, 0.5)),
        ("max", x => Real.Max(x, 0.5), x => Math.Max(x, 0.5)),
        ("clamp", x => Real.Clamp(x, 0.4, 0.6), x => Math.Clamp(x, 0.4, 0.6)),
        ("smooth abs", x => Real.SmoothAbs(x, 0.1), x => Math.Sqrt(x * x + 0.01) - 0.1),
        ("plus a number", x => x + 2, x => x + 2),
        ("a number plus", x => 2 + x, x => 2 + x),
        ("minus a number", x => x - 2, x => x - 2),
        ("a number minus", x => 2 - x, x => 2 - x),
        ("times", x => 3 * x * 2, x => 3 * x * 2),
        ("divided", x => 1 / x / 2, x => 1 / x / 2),
        ("minus", x => -x, x => -x),
        ("where", x => Real.Where(x < 0.5, -1, x), x => x < 0.5 ? -1 : x),
        ("where not, at most", x => Real.Where(!(x <= 0.5), -1, x), x => x <= 0.5 ? x : -1),
        ("where both", x => Real.Where((x > 0.2) & (x >= 0.3), 1, 0), x => x is > 0.2 and >= 0.3 ? 1 : 0),
        ("where either", x => Real.Where((x > 0.8) | Real.Same(x, 0.25), 1, 0), x => x is > 0.8 or 0.25 ? 1 : 0),
    ];

    [Tests]
    public static Test All { get; } = Runner.TestList("Real",
    [
        Runner.TestList("functions",
            Functions.Select(f => Runner.TestCase(f.Name, () =>
            {
                foreach (var x in new[] { 0.05, 0.25, 0.3, 0.5, 0.55, 0.9 })
                    Expected.Near(At(f.Traced, x), f.Plain(x), 1e-14 * Math.Max(1, Math.Abs(f.Plain(x))), $"at {x}");
            }))),

        Runner.TestCase("erf has the density of the normal distribution as its derivative", () =>
            Expected.Near(Derivatives.Derivative(Real.Erf, 0.7), 2 / Math.Sqrt(Math.PI) * Math.Exp(-0.49), 1e-15, "derivative")),

        Runner.TestCase("a constant is a number, a variable is none", () =>
        {
            Expected.Equal((double)((Real)2 + 3), 5, "constant");
            Expected.Equal((double)default(Real), 0, "default");
            var failure = Expected.Throws<InvalidCastException>(
                () => Derivatives.Derivative(x => (double)x > 0 ? x : -x, 1.0), "a branch on a variable");
            Expected.True(failure.Message.Contains("Real.Where"), failure.Message);
        }),

        Runner.TestCase("vectors", () =>
        {
            var f = CompiledFunction.Compile(4, v =>
            {
                var (a, b) = (v[..2], v[2..]);
                return [.. a + b, .. 2 * a - b / 2, .. -a * 3, RealVector.Dot(a, b), a.Sum(), a.Norm(), a.SquaredNorm(), v[^1]];
            });
            Expected.SameBits(f.Evaluate(3, 4, 10, 20), new double[] { 13, 24, 1, -2, -9, -12, 110, 7, 5, 25, 20 }, "values");
            var cross = RealVector.Cross(new double[] { 1, 0, 0 }, new double[] { 0, 1, 0 });
            Expected.Equal(cross.ToString(), "[0, 0, 1]", "cross product");
            Expected.Equal(default(RealVector).Length, 0, "the default is empty");
        }),

        Runner.TestCase("matrices", () =>
        {
            RealMatrix mass = new double[,] { { 4, 1 }, { 1, 3 } };
            RealVector right = new double[] { 1, 2 };
            foreach (var x in new[] { mass.SolvePositiveDefinite(right), mass.Solve(right) })
            {
                Expected.Near((double)x[0], 1.0 / 11, 1e-15, "x₀");
                Expected.Near((double)x[1], 7.0 / 11, 1e-15, "x₁");
            }

            var product = mass.Transpose() * RealMatrix.Outer(right, right) * RealMatrix.Identity(2);
            Expected.Equal((double)product[0, 1], 12, "product");
        }),
    ]);
}
