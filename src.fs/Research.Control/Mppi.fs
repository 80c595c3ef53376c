namespace Research.Control

open System
open Research
open Research.Kernels

/// Options of model-predictive path-integral control.
type MppiOptions =
    {
        /// N, sequences an iteration
        Samples: int
        /// iterations a replan
        Iterations: int
        /// λ, in units of the cost: differences of cost much smaller than it do not matter
        Temperature: float
        /// γ/λ of the term γ Σₜ uₜᵀ Σ⁻¹ vₜ that corrects the weights for sampling about the plan u instead of about no control: 1 is that of
        /// importance sampling from the uncontrolled system, 0 takes the cost as it is
        Correction: float
        /// σ, standard deviation of each control, [m], with Σ = diag σ²; a quarter of the range between its limits where none is given
        Deviation: float[] option
        /// steps to either side over which a parabola is fitted to smooth the plan (Savitzky and Golay 1964); 0 leaves it
        Smoothing: int
    }

/// Model-predictive path-integral control (MPPI): of N sequences v = clip(u + ε), ε normal with covariance Σ at every step, the next plan is
/// the mean under weights that fall exponentially with the cost S:
///
///     u ← Σₚ wₚ vₚ        wₚ ∝ exp(−(Sₚ + γ Σₜ uₜᵀ Σ⁻¹ vₚₜ − min)/λ)
///
/// A replan starts from the old plan moved ahead in time, with the middle between the limits in the steps that come into view.
/// Source: Williams and others, Information-theoretic model predictive control (2018).
[<RequireQualifiedAccess>]
module Mppi =

    /// A thousand samples once a replan, the cost as it is, no smoothing. The temperature suits costs that differ by some units.
    let defaults: MppiOptions =
        {
            Samples = 1000
            Iterations = 1
            Temperature = 1.0
            Correction = 0.0
            Deviation = None
            Smoothing = 0
        }

    /// Weights exp(−(cost − least cost)/λ), which sum to 1; a cost that is not finite weighs nothing. All zero where none is finite.
    let weights (temperature: float) (costs: float[]) : float[] =
        let least =
            costs
            |> Array.fold (fun low c -> if Double.IsFinite c then min low c else low) Double.PositiveInfinity

        let raw =
            costs
            |> Array.map (fun c ->
                if Double.IsFinite c then
                    exp (-(c - least) / temperature)
                else
                    0.0)

        let sum = Array.sum raw
        if sum > 0.0 then Array.map (fun w -> w / sum) raw else raw

    /// The map [T, T] of a sequence to its values on parabolas fitted to `half` steps on either side, fewer at the ends. Row after row.
    let private smoother (half: int) (steps: int) : float[] =
        let map = Array.zeroCreate (steps * steps)

        for t in 0 .. steps - 1 do
            let from, upTo = max 0 (t - half), min (steps - 1) (t + half)

            let basis j =
                Array.init 3 (fun k -> float (j - t) ** float k)

            let gram = Array.zeroCreate 9

            for j in from..upTo do
                let b = basis j

                for k in 0..8 do
                    gram[k] <- gram[k] + b[k / 3] * b[k % 3]

            let coefficients = [| 1.0; 0.0; 0.0 |]
            Matrix.Cholesky(Span gram, 3) |> ignore
            Matrix.Solve(ReadOnlySpan gram, Span coefficients, 3, 1)

            for j in from..upTo do
                map[t * steps + j] <- Array.fold2 (fun sum c b -> sum + c * b) 0.0 coefficients (basis j)

        map

    /// A planner for an objective.
    let create (options: MppiOptions) (objective: Objective) (rng: Rng) : SamplingPlanner =
        let m, horizon = objective.ControlSize, objective.Horizon

        Sampling.require
            (options.Samples >= 1 && options.Iterations >= 1)
            "MPPI"
            $"one sample and iteration or more, and got {options.Samples} and {options.Iterations}"

        Sampling.require (options.Temperature > 0.0) "MPPI" $"a positive temperature, and got {options.Temperature}"

        Sampling.require
            (options.Smoothing = 0 || options.Smoothing >= 2 && horizon >= 3)
            "MPPI"
            $"a smoothing over 2 steps or more to either side and a horizon of 3 or more, and got {options.Smoothing} and {horizon}"

        let deviation = Sampling.deviation options.Deviation objective

        Sampling.require
            (options.Correction = 0.0 || Array.forall (fun d -> d > 0.0) deviation)
            "MPPI"
            "positive deviations where weights are corrected"

        let population = Population(objective, options.Samples)
        let rows = population.Rows

        let smooth =
            if options.Smoothing > 0 then
                smoother options.Smoothing horizon
            else
                [||]

        let smoothed = Array.zeroCreate<float> rows

        /// Adds γ Σₜ uₜᵀ Σ⁻¹ vₜ to the costs.
        let correct (mean: float[]) =
            for row in 0 .. rows - 1 do
                let sigma = deviation[row % m]
                let factor = options.Correction * options.Temperature * mean[row] / (sigma * sigma)

                for p in 0 .. options.Samples - 1 do
                    population.Costs[p] <- population.Costs[p] + factor * population[row, p]

        let improve (plans: Plans) _ state =
            let mean = plans.Mean
            let mutable best, iterations = Double.PositiveInfinity, 0
            let mutable isDone = false

            while not isDone && iterations < options.Iterations do
                Noise.normal rng population.Values

                for row in 0 .. rows - 1 do
                    population.Spread(row, mean[row], deviation[row % m], Span.op_Implicit (population.Row row))

                population.Evaluate state
                best <- Math.Min(best, population.Best)
                iterations <- iterations + 1

                if population.Finite = 0 then
                    isDone <- true
                else
                    if options.Correction <> 0.0 then
                        correct mean

                    let w = weights options.Temperature population.Costs

                    for row in 0 .. rows - 1 do
                        let mutable sum = 0.0

                        for p in 0 .. options.Samples - 1 do
                            sum <- sum + w[p] * population[row, p]

                        mean[row] <- population.Held(row, sum)

            if options.Smoothing > 0 && not isDone then
                Array.Clear smoothed
                Matrix.AddProduct(Span smoothed, smooth, mean, horizon, horizon, m)

                for row in 0 .. rows - 1 do
                    mean[row] <- population.Held(row, smoothed[row])

            Array.blit mean 0 plans.Plan 0 rows

            {
                Best = best
                Iterations = iterations
                Evaluations = iterations * options.Samples
                IsLost = Double.IsPositiveInfinity best
                Seconds = 0.0
            }

        SamplingPlanner(objective, Tail.Rest, improve)
