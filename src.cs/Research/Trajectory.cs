using System.Runtime.InteropServices;

namespace Research.ModelBased;

/// <summary>States and controls over time.</summary>
/// <param name="States">[T+1, n]</param>
/// <param name="Controls">[T, m]</param>
public sealed record Trajectory(double[,] States, double[,] Controls)
{
    /// <summary>T, the number of controls.</summary>
    public int Steps => Controls.GetLength(0);

    /// <summary>The state [n] at a time 0 … T.</summary>
    public ReadOnlySpan<double> State(int time) => Row(States, time, nameof(time));

    /// <summary>The control [m] of a step 0 … T−1.</summary>
    public ReadOnlySpan<double> Control(int step) => Row(Controls, step, nameof(step));

    /// <summary>A row of a matrix as a span.</summary>
    internal static ReadOnlySpan<double> Row(double[,] matrix, int row, string name)
    {
        var (rows, columns) = (matrix.GetLength(0), matrix.GetLength(1));
        if ((uint)row >= (uint)rows) throw new ArgumentOutOfRangeException(name, row, $"there are the rows 0 to {rows - 1}");
        return columns == 0 ? [] : MemoryMarshal.CreateReadOnlySpan(ref matrix[row, 0], columns);
    }
}
