using System.Runtime.InteropServices;

namespace Research.Kernels;

/// <summary>
/// Where one call of a compiled body finds its numbers. Element i of the inputs of block t lies at Input + i·InputRow + t·InputStep, and so
/// for the outputs; element i of the parameters of block t, shared by all lanes, at Parameters + i + t·ParameterStep. A block is as many
/// points as the body has lanes. All distances are counted in elements.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KernelCall
{
    public void* Input;
    public nint InputRow;
    public nint InputStep;
    public void* Parameters;
    public nint ParameterStep;
    public void* Output;
    public nint OutputRow;
    public nint OutputStep;

    /// <summary>Aligned room for values that find no register.</summary>
    public void* Work;

    /// <summary>Aligned constants of the graph, each in all lanes.</summary>
    public void* Constants;

    /// <summary>Number of blocks.</summary>
    public nint Blocks;
}

/// <summary>A compiled piece of a graph. True when an argument lay outside the range of a fast function and the call must be redone.</summary>
internal unsafe delegate bool KernelBody(KernelCall* call);
