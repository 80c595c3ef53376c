namespace Research.Control

open System
open Research

/// Options of the improved cross-entropy method.
type ICemOptions =
    {
        /// N, sequences of the first iteration
        Samples: int
        /// K, the best, which make the next distribution
        Elites: int
        /// iterations a replan
        Iterations: int
        /// γ, by which the samples of an iteration are fewer than those of the one before; never fewer than 2K
        Decay: float
        /// β, exponent of the noise: its power at frequency f falls as f^(−β); 0 is white
        Colour: float
        /// ξ, share of the elites that is costed again in the next iteration and, moved ahead in time, in the next replan
        Kept: float
        /// α, share of the old mean and deviation in the new
        Smoothing: float
        /// first standard deviation of each control, [m]; a quarter of the range between its limits where none is given
        Deviation: float[] option
    }

/// The improved cross-entropy method (iCEM). What it adds to `Cem`: noise that is coloured in time, u = clip(μ + σ ⊙ z) with z of power
/// f^(−β); fewer samples in later iterations; elites that are kept for the next iteration and, moved ahead in time with fresh ends, for the
/// next replan; the mean among the samples of the last iteration; and the best sequence of all for a plan.
/// Source: Pinneri and others, Sample-efficient cross-entropy method for real-time planning (2020).
[<RequireQualifiedAccess>]
module ICem =

    /// Small populations, for a replan at every step.
    let defaults: ICemOptions =
        {
            Samples = 100
            Elites = 10
            Iterations = 3
            Decay = 1.25
            Colour = 2.0
            Kept = 0.3
            Smoothing = 0.1
            Deviation = None
        }

    /// A planner for an objective.
    let create (options: ICemOptions) (objective: Objective) (rng: Rng) : SamplingPlanner =
        Sampling.require
            (options.Elites >= 1 && options.Samples >= options.Elites)
            "iCEM"
            $"one elite or more and as many samples, and got {options.Elites} and {options.Samples}"

        Sampling.require (options.Iterations >= 1) "iCEM" $"one iteration or more, and got {options.Iterations}"
        Sampling.require (options.Decay >= 1.0) "iCEM" $"a decay of 1 or more, and got {options.Decay}"

        Sampling.require
            (options.Kept >= 0.0 && options.Kept <= 1.0)
            "iCEM"
            $"a share of kept elites from 0 to 1, and got {options.Kept}"

        Sampling.require
            (options.Smoothing >= 0.0 && options.Smoothing < 1.0)
            "iCEM"
            $"a smoothing from 0 to less than 1, and got {options.Smoothing}"

        let first = Sampling.deviation options.Deviation objective
        let m, horizon = objective.ControlSize, objective.Horizon
        let most = int (options.Kept * float options.Elites)

        let fresh iteration =
            let decayed = int (float options.Samples * options.Decay ** -(float iteration))
            min options.Samples (max decayed (2 * options.Elites))

        let population = Population(objective, options.Samples + most + 1)
        let rows = population.Rows
        let map = Noise.colouring options.Colour horizon

        let white, noise =
            Array.zeroCreate (rows * options.Samples), Array.zeroCreate (rows * options.Samples)

        let deviation = Array.zeroCreate<float> rows
        let elites = Array.init most (fun _ -> Array.zeroCreate<float> rows)
        let mutable kept = 0

        /// Moves the kept elites ahead in time; their ends are drawn anew.
        let shift elapsed (mean: float[]) =
            if elapsed >= horizon then
                kept <- 0
            elif elapsed > 0 then
                for e in 0 .. kept - 1 do
                    let sequence = elites[e]
                    Array.Copy(sequence, elapsed * m, sequence, 0, rows - elapsed * m)

                    for row in rows - elapsed * m .. rows - 1 do
                        sequence[row] <- population.Held(row, mean[row] + first[row % m] * rng.Normal())

        let sample samples (mean: float[]) =
            let size = rows * samples
            Noise.coloured map horizon rng (Span(white, 0, size)) (Span(noise, 0, size))

            for row in 0 .. rows - 1 do
                population.Spread(row, mean[row], deviation[row], ReadOnlySpan(noise, row * samples, samples))

        let improve (plans: Plans) elapsed state =
            let mean = plans.Mean
            shift elapsed mean

            for row in 0 .. rows - 1 do
                deviation[row] <- first[row % m]

            let mutable best, evaluations, iteration = Double.PositiveInfinity, 0, 0
            let mutable isDone = false

            while not isDone && iteration < options.Iterations do
                let samples = fresh iteration
                let isLast = iteration = options.Iterations - 1
                population.Count <- samples + kept + (if isLast then 1 else 0)
                sample samples mean

                for row in 0 .. rows - 1 do
                    for e in 0 .. kept - 1 do
                        population[row, samples + e] <- elites[e].[row]

                    if isLast then
                        population[row, samples + kept] <- mean[row]

                population.Evaluate state
                evaluations <- evaluations + population.Count
                iteration <- iteration + 1
                let count = min options.Elites population.Finite

                if count = 0 then
                    isDone <- true
                else
                    if population.Best < best then
                        best <- population.Best
                        population.CopyTo(population.Order[0], plans.Plan)

                    kept <- min most count

                    for e in 0 .. kept - 1 do
                        population.CopyTo(population.Order[e], elites[e])

                    let alpha = options.Smoothing

                    for row in 0 .. rows - 1 do
                        let struct (mu, variance) = population.Moments(row, count)
                        mean[row] <- population.Held(row, alpha * mean[row] + (1.0 - alpha) * mu)
                        deviation[row] <- alpha * deviation[row] + (1.0 - alpha) * sqrt variance

            {
                Best = best
                Iterations = iteration
                Evaluations = evaluations
                IsLost = Double.IsPositiveInfinity best
                Seconds = 0.0
            }

        SamplingPlanner(objective, Tail.Hold, improve)
