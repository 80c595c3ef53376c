using System.Collections;
using Expecto;

namespace FacadeTests;

/// <summary>What tests expect.</summary>
internal static class Expected
{
    public static void True(bool value, string what)
    {
        if (!value) throw new AssertException(what);
    }

    public static void Equal<T>(T actual, T expected, string what) =>
        True(EqualityComparer<T>.Default.Equals(actual, expected), $"{what}: expected {expected}, and it is {actual}");

    public static void Near(double actual, double expected, double tolerance, string what) =>
        True(Math.Abs(actual - expected) <= tolerance, $"{what}: expected {expected:R} to {tolerance}, and it is {actual:R}");

    /// <summary>The same shapes and the same bits, through arrays of arrays.</summary>
    public static void SameBits(object? actual, object? expected, string what)
    {
        switch (actual, expected)
        {
            case (double a, double e):
                True(BitConverter.DoubleToInt64Bits(a) == BitConverter.DoubleToInt64Bits(e), $"{what}: expected {e:R}, and it is {a:R}");
                break;
            case (Array a, Array e):
                Equal(a.Rank, e.Rank, $"{what}, rank");
                for (var d = 0; d < a.Rank; d++) Equal(a.GetLength(d), e.GetLength(d), $"{what}, size {d}");
                var i = 0;
                foreach (var (x, y) in a.Cast<object>().Zip(e.Cast<object>())) SameBits(x, y, $"{what}[{i++}]");
                break;
            case (IEnumerable a, Array e):
                SameBits(a.Cast<object>().ToArray(), e.Cast<object>().ToArray(), what);
                break;
            default:
                throw new AssertException($"{what}: {actual} and {expected} are no numbers or arrays");
        }
    }

    /// <summary>The exception of a call that must fail.</summary>
    public static T Throws<T>(Action call, string what)
        where T : Exception
    {
        try
        {
            call();
        }
        catch (T exception)
        {
            return exception;
        }
        catch (Exception exception)
        {
            throw new AssertException($"{what}: expected {typeof(T).Name}, and got {exception}");
        }

        throw new AssertException($"{what}: expected {typeof(T).Name}, and nothing was thrown");
    }
}
