namespace Research.ModelBased;

/// <summary>What one iteration of a solver did.</summary>
/// <param name="Number">1, 2, …</param>
/// <param name="Cost">Cost after the iteration.</param>
/// <param name="Gap">Largest gap |f(x, u) − x'| that is left in the trajectory.</param>
/// <param name="Gradient">Mean over the steps of max |k|/(|u|+1), with k the feed-forward terms.</param>
/// <param name="Regularisation">μ used in the backward pass.</param>
/// <param name="Step">Length α of the accepted step; 0 when none was accepted.</param>
/// <param name="Ratio">Change of cost as a share of what the quadratic model promised.</param>
/// <param name="Time">Time of the whole iteration.</param>
public readonly record struct Iteration(
    int Number, double Cost, double Gap, double Gradient, double Regularisation, double Step, double Ratio, TimeSpan Time)
{
    internal Iteration(Control.Iteration iteration)
        : this(
            iteration.Number, iteration.Cost, iteration.Gap, iteration.Gradient, iteration.Regularisation, iteration.Step, iteration.Ratio,
            TimeSpan.FromSeconds(iteration.Seconds))
    {
    }
}
