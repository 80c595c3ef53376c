namespace Research.Control

open System
open Research

/// Options of the cross-entropy method.
type CemOptions =
    {
        /// N, sequences an iteration
        Samples: int
        /// K, the best of them, which make the next distribution
        Elites: int
        /// most iterations a replan
        Iterations: int
        /// α, share of the old mean and variance in the new
        Smoothing: float
        /// no further iteration when the largest variance is below it
        Tolerance: float
        /// first standard deviation of each control, [m]; a quarter of the range between its limits where none is given
        Deviation: float[] option
    }

/// The cross-entropy method as PETS has it. Each control of each step is normal with its own mean μ and variance σ²; of N sequences the K of
/// least cost, the elites, give the next distribution:
///
///     u  = μ + s z,  z standard normal with |z| ≤ 2,  s² = min(σ², ((μ − lower)/2)², ((upper − μ)/2)²)
///     μ ← α μ + (1 − α) mean of the elites        σ² ← α σ² + (1 − α) variance of the elites
///
/// so that samples keep within the limits without piling up on them. The plan is the mean, not the best sample. A replan starts from the old
/// mean moved ahead in time, with the middle between the limits in the steps that come into view, and from the first variance. A mean that is
/// given on a limit stays there.
/// Source: Chua and others, Deep reinforcement learning in a handful of trials (2018), and its released code.
[<RequireQualifiedAccess>]
module Cem =

    /// Those of PETS on the cart-pole: 400 samples, 40 elites, 5 iterations.
    let defaults: CemOptions =
        {
            Samples = 400
            Elites = 40
            Iterations = 5
            Smoothing = 0.1
            Tolerance = 0.001
            Deviation = None
        }

    /// A planner for an objective.
    let create (options: CemOptions) (objective: Objective) (rng: Rng) : SamplingPlanner =
        Sampling.require
            (options.Elites >= 1 && options.Samples >= options.Elites)
            "CEM"
            $"one elite or more and as many samples, and got {options.Elites} and {options.Samples}"

        Sampling.require (options.Iterations >= 1) "CEM" $"one iteration or more, and got {options.Iterations}"

        Sampling.require
            (options.Smoothing >= 0.0 && options.Smoothing < 1.0)
            "CEM"
            $"a smoothing from 0 to less than 1, and got {options.Smoothing}"

        let first = Sampling.deviation options.Deviation objective
        let population = Population(objective, options.Samples)
        let variance = Array.zeroCreate<float> population.Rows
        let m = objective.ControlSize
        let alpha = options.Smoothing

        let improve (plans: Plans) _ state =
            let mean = plans.Mean

            for row in 0 .. population.Rows - 1 do
                variance[row] <- first[row % m] * first[row % m]

            let mutable best, iterations = Double.PositiveInfinity, 0
            let mutable isDone = false

            while not isDone
                  && iterations < options.Iterations
                  && Array.max variance > options.Tolerance do
                Noise.truncated 2.0 rng population.Values

                for row in 0 .. population.Rows - 1 do
                    let below, above =
                        mean[row] - objective.Lower[row % m], objective.Upper[row % m] - mean[row]

                    let deviation = Math.Min(sqrt variance[row], 0.5 * Math.Min(below, above))
                    population.Spread(row, mean[row], deviation, Span.op_Implicit (population.Row row))

                population.Evaluate state
                best <- Math.Min(best, population.Best)
                iterations <- iterations + 1
                let elites = min options.Elites population.Finite

                if elites = 0 then
                    isDone <- true
                else
                    for row in 0 .. population.Rows - 1 do
                        let struct (mu, sigma2) = population.Moments(row, elites)
                        mean[row] <- population.Held(row, alpha * mean[row] + (1.0 - alpha) * mu)
                        variance[row] <- alpha * variance[row] + (1.0 - alpha) * sigma2

            Array.blit mean 0 plans.Plan 0 mean.Length

            {
                Best = best
                Iterations = iterations
                Evaluations = iterations * options.Samples
                IsLost = iterations > 0 && Double.IsPositiveInfinity best
                Seconds = 0.0
            }

        SamplingPlanner(objective, Tail.Rest, improve)
