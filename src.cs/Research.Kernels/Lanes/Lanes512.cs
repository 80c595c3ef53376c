using System.Numerics;
using System.Runtime.Intrinsics;

namespace Research.Kernels;

/// <summary>Elementary functions that have no vector form, lane by lane over 512 bits.</summary>
internal static unsafe class Lanes512
{
    public static Vector512<T> Sin<T>(Vector512<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Sin);
    public static Vector512<T> Cos<T>(Vector512<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Cos);
    public static Vector512<T> Tan<T>(Vector512<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Tan);
    public static Vector512<T> Asin<T>(Vector512<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Asin);
    public static Vector512<T> Acos<T>(Vector512<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Acos);
    public static Vector512<T> Atan<T>(Vector512<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Atan);
    public static Vector512<T> Sinh<T>(Vector512<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Sinh);
    public static Vector512<T> Cosh<T>(Vector512<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Cosh);
    public static Vector512<T> Erf<T>(Vector512<T> a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, &Lane.Erf);
    public static Vector512<T> Pow<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, b, &Lane.Pow);
    public static Vector512<T> Atan2<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, b, &Lane.Atan2);
    public static Vector512<T> Hypot<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each(a, b, &Lane.Hypot);

    private static Vector512<T> Each<T>(Vector512<T> a, delegate*<T, T> function) where T : unmanaged
    {
        var lanes = (T*)&a;
        for (var i = 0; i < Vector512<T>.Count; i++) lanes[i] = function(lanes[i]);
        return a;
    }

    private static Vector512<T> Each<T>(Vector512<T> a, Vector512<T> b, delegate*<T, T, T> function) where T : unmanaged
    {
        var first = (T*)&a;
        var second = (T*)&b;
        for (var i = 0; i < Vector512<T>.Count; i++) first[i] = function(first[i], second[i]);
        return a;
    }
}
