using System;
using System.Runtime.CompilerServices;

namespace Research.Kernels;

/// <summary>Memory that does not move, aligned to a cache line, so that no vector straddles two of them.</summary>
internal static unsafe class Scratch
{
    private const int Line = 64;

    [ThreadStatic] private static byte[]? room;

    /// <summary>A pinned array of the given size and the offset of its first aligned byte.</summary>
    public static (byte[] Array, int Offset) Allocate(int bytes)
    {
        var array = GC.AllocateUninitializedArray<byte>(bytes + Line, pinned: true);
        var address = (nuint)Unsafe.AsPointer(ref array[0]);
        return (array, (int)((Line - address % Line) % Line));
    }

    /// <summary>This thread's scratch memory, valid until the next call on this thread.</summary>
    public static void* OfThread(int bytes)
    {
        if (bytes == 0) return null;
        if (room is null || room.Length < bytes + Line) room = Allocate(bytes).Array;
        var address = (nuint)Unsafe.AsPointer(ref room[0]);
        return (void*)((address + Line - 1) / Line * Line);
    }
}
