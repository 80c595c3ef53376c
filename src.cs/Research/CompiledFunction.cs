using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>
/// A function compiled to SIMD machine code: numbers in, numbers out, at one point or at many at once. Thread-safe. All vector widths give
/// the same bits.
/// </summary>
public sealed class CompiledFunction
{
    private readonly Kernel<double> _kernel;

    private CompiledFunction(Kernel<double> kernel) => _kernel = kernel;

    /// <summary>Compiles f: Rⁿ → Rᵐ of n inputs.</summary>
    public static CompiledFunction Compile(int inputs, Func<RealVector, RealVector> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentOutOfRangeException.ThrowIfNegative(inputs);
        return new(Research.Compile.compile(inputs, Bridge.Field(f)));
    }

    /// <summary>Compiles f(p, x) of parameters p, which are the same for all points of a call and change without compiling anew.</summary>
    public static CompiledFunction Compile(int parameters, int inputs, Func<RealVector, RealVector, RealVector> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentOutOfRangeException.ThrowIfNegative(parameters);
        ArgumentOutOfRangeException.ThrowIfNegative(inputs);
        return new(Research.Compile.withParameters(parameters, inputs, Bridge.Field(f)));
    }

    /// <summary>Compiles the value and the Jacobian of f: Rⁿ → Rᵐ together: m outputs of values, then m·n of derivatives, row after row.</summary>
    public static CompiledFunction CompileWithJacobian(int inputs, Func<RealVector, RealVector> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentOutOfRangeException.ThrowIfNegative(inputs);
        return new(Research.Compile.valueAndJacobian(inputs, Bridge.Field(f)));
    }

    /// <summary>Number of inputs n.</summary>
    public int Inputs => _kernel.Inputs;

    /// <summary>Number of parameters.</summary>
    public int Parameters => _kernel.Parameters;

    /// <summary>Number of outputs m.</summary>
    public int Outputs => _kernel.Outputs;

    /// <summary>Instructions a point, after sharing and fusion.</summary>
    public int Instructions => _kernel.Instructions;

    /// <summary>The instructions in readable form, one a line.</summary>
    public string Listing => _kernel.Listing;

    /// <summary>The outputs [m] at one point [n].</summary>
    public double[] Evaluate(params ReadOnlySpan<double> point) => Evaluate([], point);

    /// <summary>The outputs [m] at parameters and one point [n].</summary>
    public double[] Evaluate(ReadOnlySpan<double> parameters, ReadOnlySpan<double> point)
    {
        var results = new double[Outputs];
        Evaluate(parameters, point, results);
        return results;
    }

    /// <summary>The outputs [m] at parameters and one point [n], without allocating.</summary>
    public void Evaluate(ReadOnlySpan<double> parameters, ReadOnlySpan<double> point, Span<double> results)
    {
        Require.Size(parameters.Length, Parameters, "the parameter vector", nameof(parameters));
        Require.Size(point.Length, Inputs, "the point", nameof(point));
        Require.Size(results.Length, Outputs, "the room for results", nameof(results));
        _kernel.Run(point, parameters, results, 1);
    }

    /// <summary>The outputs [count, m] at points [count, n], one a row.</summary>
    public double[,] EvaluateBatch(double[,] points, params ReadOnlySpan<double> parameters)
    {
        ArgumentNullException.ThrowIfNull(points);
        var count = points.GetLength(0);
        if (points.GetLength(1) != Inputs)
            throw new ArgumentException($"the points are {count}×{points.GetLength(1)}; each must have {Inputs} numbers", nameof(points));
        var columns = new double[Inputs * count];
        for (var p = 0; p < count; p++)
            for (var i = 0; i < Inputs; i++)
                columns[i * count + p] = points[p, i];
        var results = new double[Outputs * count];
        EvaluateColumns(columns, parameters, results, count);
        var rows = new double[count, Outputs];
        for (var p = 0; p < count; p++)
            for (var j = 0; j < Outputs; j++)
                rows[p, j] = results[j * count + p];
        return rows;
    }

    /// <summary>
    /// The outputs at many points in the layout of the machine code, without copying: input i of point p at i·count + p of the points, output
    /// j of it at j·count + p of the results.
    /// </summary>
    public void EvaluateColumns(ReadOnlySpan<double> points, ReadOnlySpan<double> parameters, Span<double> results, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        Require.Size(points.Length, Inputs * count, $"the array of {count} points", nameof(points));
        Require.Size(parameters.Length, Parameters, "the parameter vector", nameof(parameters));
        Require.Size(results.Length, Outputs * count, $"the room for the results of {count} points", nameof(results));
        _kernel.Run(points, parameters, results, count);
    }
}
