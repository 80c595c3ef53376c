namespace Research.Control

open System
open Research

/// Options of random shooting.
type RandomShootingOptions =
    {
        /// N, sequences a replan
        Samples: int
    }

/// Random shooting: controls uniform between their limits, independent at every step, and the best of N sequences is the plan. Nothing is
/// kept from one replan to the next.
/// Source: as in Nagabandi and others, Neural network dynamics for model-based deep reinforcement learning (2018).
[<RequireQualifiedAccess>]
module RandomShooting =

    /// A thousand sequences.
    let defaults: RandomShootingOptions = { Samples = 1000 }

    /// A planner for an objective, which must limit every control.
    let create (options: RandomShootingOptions) (objective: Objective) (rng: Rng) : SamplingPlanner =
        Sampling.require (options.Samples >= 1) "random shooting" $"one sample or more, and got {options.Samples}"

        Sampling.require
            (Array.forall Double.IsFinite (Array.append objective.Lower objective.Upper))
            "random shooting"
            "limits on all controls"

        let population = Population(objective, options.Samples)

        let improve (plans: Plans) _ state =
            for row in 0 .. population.Rows - 1 do
                let i = row % objective.ControlSize
                let low, high = objective.Lower[i], objective.Upper[i]

                let values = population.Row row

                for p in 0 .. values.Length - 1 do
                    values[p] <- Math.Min(rng.Uniform(low, high), high)

            population.Evaluate state
            let isLost = population.Finite = 0

            if not isLost then
                population.CopyTo(population.Order[0], plans.Plan)

            {
                Best = population.Best
                Iterations = 1
                Evaluations = options.Samples
                IsLost = isLost
                Seconds = 0.0
            }

        SamplingPlanner(objective, Tail.Hold, improve)
