using Research.ModelBased.Internal;

namespace Research.ModelBased;

/// <summary>An immutable traced matrix, rows first, with products and the solution of small linear systems.</summary>
public readonly struct RealMatrix
{
    private readonly Research.Real[,]? _items;

    internal RealMatrix(Research.Real[,] items) => _items = items;

    internal Research.Real[,] Items => _items ?? new Research.Real[0, 0];

    /// <summary>The matrix whose element in row i and column j is <paramref name="element"/>(i, j).</summary>
    public static RealMatrix Create(int rows, int columns, Func<int, int, Real> element)
    {
        ArgumentNullException.ThrowIfNull(element);
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        var items = new Research.Real[rows, columns];
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < columns; j++)
                items[i, j] = element(i, j).Node;
        return new(items);
    }

    /// <summary>Reals as a matrix.</summary>
    public static implicit operator RealMatrix(Real[,] items)
    {
        ArgumentNullException.ThrowIfNull(items);
        return Create(items.GetLength(0), items.GetLength(1), (i, j) => items[i, j]);
    }

    /// <summary>Known numbers as a matrix.</summary>
    public static implicit operator RealMatrix(double[,] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return new(MatModule.ofFloats(values));
    }

    /// <summary>The n×n identity.</summary>
    public static RealMatrix Identity(int n) => new(MatModule.identity(n));

    /// <summary>The matrix a bᵀ.</summary>
    public static RealMatrix Outer(RealVector a, RealVector b) => new(VecModule.outer(a.Items, b.Items));

    /// <summary>Number of rows.</summary>
    public int Rows => Items.GetLength(0);

    /// <summary>Number of columns.</summary>
    public int Columns => Items.GetLength(1);

    /// <summary>The element in row i and column j.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such element.</exception>
    public Real this[int i, int j]
    {
        get
        {
            if ((uint)i >= (uint)Rows) throw new ArgumentOutOfRangeException(nameof(i), i, $"a matrix of {Rows} rows has no row {i}");
            if ((uint)j >= (uint)Columns) throw new ArgumentOutOfRangeException(nameof(j), j, $"a matrix of {Columns} columns has no column {j}");
            return new(Items[i, j]);
        }
    }

    /// <summary>a x. a:[m, n] x:[n] → [m].</summary>
    public static RealVector operator *(RealMatrix a, RealVector x)
    {
        Require.Size(x.Length, a.Columns, "the vector", nameof(x));
        return new(MatModule.mulVec(a.Items, x.Items));
    }

    /// <summary>a b. a:[m, k] b:[k, n] → [m, n].</summary>
    public static RealMatrix operator *(RealMatrix a, RealMatrix b)
    {
        if (a.Columns != b.Rows)
            throw new ArgumentException($"a product needs inner sizes that agree, and got {a.Rows}×{a.Columns} and {b.Rows}×{b.Columns}", nameof(b));
        return new(MatModule.matmul(a.Items, b.Items));
    }

    /// <summary>aᵀ.</summary>
    public RealMatrix Transpose() => new(MatModule.transpose(Items));

    /// <summary>
    /// x with a x = b for a symmetric positive definite matrix a, by Cholesky's method: the way to divide by a mass matrix. Only the lower
    /// triangle is read; NaN where the matrix is not positive definite.
    /// </summary>
    public RealVector SolvePositiveDefinite(RealVector b)
    {
        RequireSquare(b);
        return new(MatModule.solveCholesky(Items, b.Items));
    }

    /// <summary>x with a x = b by elimination along the diagonal in fixed order: every leading minor must be other than 0.</summary>
    public RealVector Solve(RealVector b)
    {
        RequireSquare(b);
        return new(MatModule.solveLu(Items, b.Items));
    }

    private void RequireSquare(RealVector b)
    {
        if (Rows != Columns) throw new InvalidOperationException($"a linear system needs a square matrix, and this one is {Rows}×{Columns}");
        Require.Size(b.Length, Rows, "the right-hand side", nameof(b));
    }
}
