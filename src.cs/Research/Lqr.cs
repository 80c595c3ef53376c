using System.Diagnostics.CodeAnalysis;

namespace Research.ModelBased;

/// <summary>
/// The linear-quadratic regulator over a finite horizon, with everything varying in time, affine dynamics, cross and linear terms.
/// Over an infinite horizon: <see cref="Dare"/>. Source: Anderson and Moore, Optimal Control: Linear Quadratic Methods (1990).
/// </summary>
public static class Lqr
{
    /// <summary>The optimal laws and value functions.</summary>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    /// <exception cref="NoSolutionException">R + BᵀPB is not positive definite at some step.</exception>
    public static LqrSolution Solve(LqrProblem problem) =>
        TrySolve(problem, out var solution, out var step)
            ? solution
            : throw new NoSolutionException($"R + BᵀPB is not positive definite at step {step}: the cost has no minimum");

    /// <summary>The optimal laws and value functions, if there are any.</summary>
    /// <param name="problem">What to solve.</param>
    /// <param name="solution">The solution, or null.</param>
    /// <param name="nonConvexStep">A step at which R + BᵀPB is not positive definite, or −1.</param>
    /// <exception cref="ArgumentException">Sizes do not fit, or a number is not finite: the message says which.</exception>
    public static bool TrySolve(LqrProblem problem, [NotNullWhen(true)] out LqrSolution? solution, out int nonConvexStep)
    {
        ArgumentNullException.ThrowIfNull(problem);
        var engine = problem.ToEngine();
        var result = Control.Lqr.solve(engine);
        nonConvexStep = -1;
        solution = null;
        if (result.IsOk)
        {
            solution = new(engine, result.ResultValue);
            return true;
        }

        if (result.ErrorValue is Control.LqrFault.LqrIllPosed fault) throw new ArgumentException(fault.reason, nameof(problem));
        nonConvexStep = ((Control.LqrFault.LqrNotConvex)result.ErrorValue).step;
        return false;
    }
}
