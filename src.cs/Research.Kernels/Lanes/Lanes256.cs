using System.Numerics;
using System.Runtime.Intrinsics;

namespace Research.Kernels;

/// <summary>Elementary functions that have no vector form, lane by lane over 256 bits.</summary>
internal static unsafe class Lanes256
{
    public static Vector256<T> Sin<T>(Vector256<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Sin);
    public static Vector256<T> Cos<T>(Vector256<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Cos);
    public static Vector256<T> Tan<T>(Vector256<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Tan);
    public static Vector256<T> Asin<T>(Vector256<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Asin);
    public static Vector256<T> Acos<T>(Vector256<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Acos);
    public static Vector256<T> Atan<T>(Vector256<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Atan);
    public static Vector256<T> Sinh<T>(Vector256<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Sinh);
    public static Vector256<T> Cosh<T>(Vector256<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Cosh);
    public static Vector256<T> Erf<T>(Vector256<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Erf);
    public static Vector256<T> Pow<T>(Vector256<T> a, Vector256<T> b) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, b, &Lane.Pow);
    public static Vector256<T> Atan2<T>(Vector256<T> a, Vector256<T> b) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, b, &Lane.Atan2);
    public static Vector256<T> Hypot<T>(Vector256<T> a, Vector256<T> b) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, b, &Lane.Hypot);

    private static Vector256<T> Each<T>(Vector256<T> a, delegate*<T, T> function) where T : unmanaged
    {
        var lanes = (T*)&a;
        for (var i = 0; i < Vector256<T>.Count; i++) lanes[i] = function(lanes[i]);
        return a;
    }

    private static Vector256<T> Each<T>(Vector256<T> a, Vector256<T> b, delegate*<T, T, T> function) where T : unmanaged
    {
        var first = (T*)&a;
        var second = (T*)&b;
        for (var i = 0; i < Vector256<T>.Count; i++) first[i] = function(first[i], second[i]);
        return a;
    }
}
