using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Graph = Research.Real;

namespace Research.ModelBased.Internal;

/// <summary>Lambdas over reals as functions of the engine.</summary>
internal static class Bridge
{
    public static FSharpFunc<Graph[], Graph[]> Field(Func<RealVector, RealVector> f) =>
        FuncConvert.FromFunc<Graph[], Graph[]>(x => f(new(x)).Items);

    public static FSharpFunc<Graph[], Graph> Scalar(Func<RealVector, Real> f) =>
        FuncConvert.FromFunc<Graph[], Graph>(x => f(new(x)).Node);

    public static FSharpFunc<Graph, Graph> Scalar(Func<Real, Real> f) =>
        FuncConvert.FromFunc<Graph, Graph>(x => f(new(x)).Node);

    public static FSharpFunc<Graph[], FSharpFunc<Graph[], Graph[]>> Field(Func<RealVector, RealVector, RealVector> f) =>
        FuncConvert.FromFunc<Graph[], Graph[], Graph[]>((x, u) => f(new(x), new(u)).Items);

    public static FSharpFunc<Graph[], FSharpFunc<Graph[], Graph>> Scalar(Func<RealVector, RealVector, Real> f) =>
        FuncConvert.FromFunc<Graph[], Graph[], Graph>((x, u) => f(new(x), new(u)).Node);

    public static FSharpFunc<Graph[], FSharpFunc<Graph[], FSharpFunc<Graph[], Graph[]>>> Field(Func<RealVector, RealVector, RealVector, RealVector> f) =>
        FuncConvert.FromFunc<Graph[], Graph[], Graph[], Graph[]>((s, x, u) => f(new(s), new(x), new(u)).Items);

    public static FSharpFunc<Graph[], FSharpFunc<Graph[], FSharpFunc<Graph[], Graph>>> Scalar(Func<RealVector, RealVector, RealVector, Real> f) =>
        FuncConvert.FromFunc<Graph[], Graph[], Graph[], Graph>((s, x, u) => f(new(s), new(x), new(u)).Node);

    public static FSharpFunc<T, Unit> Report<T, TPublic>(IProgress<TPublic>? progress, Func<T, TPublic> convert) =>
        FuncConvert.FromAction<T>(item => progress?.Report(convert(item)));

    public static FSharpOption<Tuple<double[], double[]>>? Limits(double[]? lower, double[]? upper) =>
        lower is null || upper is null ? null : FSharpOption<Tuple<double[], double[]>>.Some(Tuple.Create(lower, upper));

    public static FSharpList<T> List<T>(IEnumerable<T> items) => ListModule.OfSeq(items);

    /// <summary>Numbers of a traced vector that depends on no variable.</summary>
    public static double[] Numbers(Graph[] items) => Array.ConvertAll(items, Research.Trace.number);

    public static double[,] Numbers(Graph[,] items)
    {
        var numbers = new double[items.GetLength(0), items.GetLength(1)];
        for (var i = 0; i < items.GetLength(0); i++)
            for (var j = 0; j < items.GetLength(1); j++)
                numbers[i, j] = Research.Trace.number(items[i, j]);
        return numbers;
    }
}
