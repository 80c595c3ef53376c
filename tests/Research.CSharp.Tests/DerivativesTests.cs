using Expecto;
using Expecto.CSharp;
using Microsoft.FSharp.Core;
using Research.ModelBased;
using Graph = Research.Real;

namespace FacadeTests;

/// <summary>Derivatives are those of analysis, and those of the F# library to the bit.</summary>
public static class DerivativesTests
{
    private static readonly double[] Point = [0.3, -1.2, 2.5];

    private static Real F(RealVector x) => Real.Sin(x[0]) * x[1] + x[2] * x[2] * x[0];

    private static RealVector Field(RealVector x) => [x[0] * x[1], Real.Exp(x[2]) - x[1], Real.Cos(x[0] * x[2])];

    private static readonly FSharpFunc<Graph[], Graph> Engine =
        FuncConvert.FromFunc<Graph[], Graph>(x => Graph.Sin(x[0]) * x[1] + x[2] * x[2] * x[0]);

    private static readonly FSharpFunc<Graph[], Graph[]> EngineField = FuncConvert.FromFunc<Graph[], Graph[]>(
        x => [x[0] * x[1], Graph.Exp(x[2]) - x[1], Graph.Cos(x[0] * x[2])]);

    private static Graph[] EnginePoint => Array.ConvertAll(Point, Graph.Constant);

    private static double[] Numbers(IEnumerable<Graph> reals) => [.. reals.Select(Research.Trace.number)];

    [Tests]
    public static Test All { get; } = Runner.TestList("Derivatives",
    [
        Runner.TestCase("gradient", () =>
        {
            var (value, gradient) = Derivatives.ValueAndGradient(F, Point);
            Expected.Near(value, Math.Sin(0.3) * -1.2 + 2.5 * 2.5 * 0.3, 1e-15, "value");
            Expected.Near(gradient[0], Math.Cos(0.3) * -1.2 + 6.25, 1e-14, "∂₀");
            Expected.SameBits(Derivatives.Gradient(F, Point), Numbers(Research.Diff.grad(Engine, EnginePoint)), "gradient");
        }),

        Runner.TestCase("Jacobian and its products", () =>
        {
            var jacobian = Derivatives.Jacobian(Field, Point);
            Expected.SameBits(
                jacobian.Cast<object>().ToArray(),
                Numbers(Research.Diff.jacobian(EngineField, EnginePoint).Cast<Graph>()).Cast<object>().ToArray(),
                "Jacobian");
            double[] v = [1, 2, -1];
            var (along, across) = (Derivatives.JacobianVector(Field, Point, v), Derivatives.JacobianTransposedVector(Field, Point, v));
            for (var i = 0; i < 3; i++)
            {
                Expected.Near(along[i], Enumerable.Range(0, 3).Sum(j => jacobian[i, j] * v[j]), 1e-14, "J v");
                Expected.Near(across[i], Enumerable.Range(0, 3).Sum(j => jacobian[j, i] * v[j]), 1e-14, "Jᵀ v");
            }

            Expected.Near(Derivatives.Divergence(Field, Point), jacobian[0, 0] + jacobian[1, 1] + jacobian[2, 2], 1e-15, "divergence");
            Expected.Near(Derivatives.Curl(Field, Point)[2], jacobian[1, 0] - jacobian[0, 1], 1e-15, "curl");
        }),

        Runner.TestCase("Hessian and its products", () =>
        {
            var (value, gradient, hessian) = Derivatives.ValueGradientAndHessian(F, Point);
            Expected.SameBits(
                hessian.Cast<object>().ToArray(),
                Numbers(Research.Diff.hessian(Engine, EnginePoint).Cast<Graph>()).Cast<object>().ToArray(),
                "Hessian");
            Expected.SameBits(Derivatives.Hessian(F, Point), hessian, "alone");
            Expected.SameBits(gradient, Derivatives.Gradient(F, Point), "gradient");
            Expected.Near(value, (double)F(Point), 0, "value");
            Expected.Near(hessian[0, 2], 5, 1e-15, "∂₀∂₂");
            Expected.Near(Derivatives.HessianVector(F, Point, [0, 0, 1])[0], 5, 1e-15, "H v");
            Expected.Near(Derivatives.Laplacian(F, Point), 1.2 * Math.Sin(0.3) + 0.6, 1e-15, "Laplacian");
            Expected.Near(Derivatives.Directional(F, Point, [0, 0, 1]), 2 * 2.5 * 0.3, 1e-15, "∇f·v");
        }),

        Runner.TestCase("of curves, of any order", () =>
        {
            Expected.Near(Derivatives.Derivative(x => Real.Pow(x, 3), 2.0), 12, 1e-14, "first");
            Expected.Near(Derivatives.Derivative(Real.Sin, 0.4, 3), -Math.Cos(0.4), 1e-15, "third");
        }),

        Runner.TestCase("nest", () =>
        {
            // the gradient of the squared norm of the gradient is 2 H g
            var nested = Derivatives.Gradient(x => Derivatives.Gradient(F, x).SquaredNorm(), Point);
            var product = Derivatives.HessianVector(F, Point, Derivatives.Gradient(F, Point));
            for (var i = 0; i < 3; i++) Expected.Near(nested[i], 2 * product[i], 1e-12, $"element {i}");
        }),

        Runner.TestCase("are compared with differences", () =>
        {
            Expected.True(Derivatives.Check(Field, Point).Agrees, "a smooth field agrees");
            var report = Derivatives.Check(x => [Real.Abs(x[0])], [0.0]);
            Expected.Equal(report.Entries.Count, 2, "Jacobian and Hessian");
            Expected.True(report.ToString().Length > 0, "words");
        }),

        Runner.TestCase("a compiled function is the function, at one point and at many", () =>
        {
            var f = CompiledFunction.Compile(3, Field);
            Expected.Equal((f.Inputs, f.Outputs, f.Parameters), (3, 3, 0), "sizes");
            Expected.True(f.Instructions > 3 && f.Listing.Contains("result 2 ="), f.Listing);
            var points = new double[37, 3];
            for (var p = 0; p < 37; p++)
                for (var i = 0; i < 3; i++)
                    points[p, i] = Point[i] + 0.01 * p;
            var batch = f.EvaluateBatch(points);
            var engine = Research.Compile.compile(3, EngineField);
            for (var p = 0; p < 37; p++)
            {
                double[] point = [points[p, 0], points[p, 1], points[p, 2]];
                var values = f.Evaluate(point);
                Expected.SameBits(values, engine.Run(point), $"point {p}");
                for (var j = 0; j < 3; j++) Expected.SameBits(batch[p, j], values[j], $"point {p} of the batch");
            }
        }),

        Runner.TestCase("a condition of which a part is known holds in batches as at points", () =>
        {
            var f = CompiledFunction.Compile(1, x =>
                [Real.Where((x[0] > 0) & ((Real)1 > 0), 1, 2), Real.Where((x[0] > 0) | ((Real)1 < 0), 3, 4)]);
            var points = new double[37, 1];
            for (var p = 0; p < 37; p++) points[p, 0] = p - 18;
            var batch = f.EvaluateBatch(points);
            for (var p = 0; p < 37; p++)
            {
                var isPositive = p > 18;
                Expected.Equal((batch[p, 0], batch[p, 1]), isPositive ? (1, 3) : (2, 4), $"point {p} of the batch");
                var alone = f.Evaluate([points[p, 0]]);
                Expected.Equal((alone[0], alone[1]), (batch[p, 0], batch[p, 1]), $"point {p}");
            }
        }),

        Runner.TestCase("a compiled function with parameters, and one with its Jacobian", () =>
        {
            var f = CompiledFunction.Compile(1, 2, (p, x) => [p[0] * x[0] + x[1]]);
            Expected.Equal(f.Evaluate([3], [2, 1])[0], 7, "value");
            Expected.Equal(f.EvaluateBatch(new double[,] { { 2, 1 }, { 0, 1 } }, 3)[1, 0], 1, "batch");
            var both = CompiledFunction.CompileWithJacobian(3, Field).Evaluate(Point);
            Expected.Equal(both.Length, 12, "values and derivatives");
            Expected.Near(both[3], -1.2, 0, "∂₀ of the first");
        }),
    ]);
}
