namespace Research.Control

open System
open Research
open Research.Kernels

/// How the controls between two knots follow from those at the knots.
type Spline =
    /// the knot before
    | Constant
    /// the straight line
    | Linear
    /// the cubic with the slopes of the chords between the knots' neighbours (Catmull and Rom 1974)
    | Cubic

/// Options of predictive sampling.
type PredictiveSamplingOptions =
    {
        /// N, sequences a replan, the plan itself among them
        Samples: int
        /// P, knots of the spline
        Knots: int
        Spline: Spline
        /// standard deviation of each control at the knots, [m]; a quarter of the range between its limits where none is given
        Deviation: float[] option
    }

/// Predictive sampling: the plan is a spline of a few knots; its knots with normal noise, held to the limits, give N − 1 candidates, and the
/// best of them and of the plan as it was is the plan. A replan reads the knots from the old plan moved ahead in time.
/// Source: Howell and others, Predictive sampling: real-time behaviour synthesis with MuJoCo (2022).
[<RequireQualifiedAccess>]
module PredictiveSampling =

    /// A hundred sequences of ten knots, cubic.
    let defaults: PredictiveSamplingOptions =
        {
            Samples = 100
            Knots = 10
            Spline = Cubic
            Deviation = None
        }

    /// Steps at which the knots are.
    let private places (spline: Spline) (knots: int) (steps: int) =
        Array.init knots (fun k ->
            match spline with
            | Constant -> k * steps / knots
            | Linear
            | Cubic -> if knots = 1 then 0 else k * (steps - 1) / (knots - 1))

    /// The map [T, P] of knots to controls, row after row.
    let private interpolation (spline: Spline) (knots: int) (steps: int) : float[] =
        let places = places spline knots steps
        let map = Array.zeroCreate (steps * knots)

        for t in 0 .. steps - 1 do
            let add knot weight =
                let place = t * knots + knot
                map[place] <- map[place] + weight

            let k = Array.FindLastIndex(places, (fun place -> place <= t))

            if spline = Constant || k = knots - 1 then
                add k 1.0
            else
                let width = float (places[k + 1] - places[k])
                let s = float (t - places[k]) / width

                match spline with
                | Cubic ->
                    // Hermite's basis, with slopes in units of this interval
                    let slope knot weight =
                        let before, after = max 0 (knot - 1), min (knots - 1) (knot + 1)
                        let scaled = weight * width / float (places[after] - places[before])
                        add after scaled
                        add before -scaled

                    add k ((1.0 + 2.0 * s) * (1.0 - s) * (1.0 - s))
                    add (k + 1) (s * s * (3.0 - 2.0 * s))
                    slope k (s * (1.0 - s) * (1.0 - s))
                    slope (k + 1) (s * s * (s - 1.0))
                | Constant
                | Linear ->
                    add k (1.0 - s)
                    add (k + 1) s

        map

    /// A planner for an objective.
    let create (options: PredictiveSamplingOptions) (objective: Objective) (rng: Rng) : SamplingPlanner =
        let m, horizon = objective.ControlSize, objective.Horizon

        Sampling.require (options.Samples >= 1) "predictive sampling" $"one sample or more, and got {options.Samples}"

        Sampling.require
            (options.Knots >= 1 && options.Knots <= horizon)
            "predictive sampling"
            $"from 1 to {horizon} knots, as many as there are steps, and got {options.Knots}"

        let deviation = Sampling.deviation options.Deviation objective
        let places = places options.Spline options.Knots horizon
        let map = interpolation options.Spline options.Knots horizon
        let population = Population(objective, options.Samples)
        let samples = options.Samples
        let knots = Array.zeroCreate<float>(options.Knots * m * samples)

        let improve (plans: Plans) _ state =
            Noise.normal rng (Span knots)

            for k in 0 .. options.Knots - 1 do
                for i in 0 .. m - 1 do
                    let centre = plans.Plan[places[k] * m + i]
                    let at = (k * m + i) * samples
                    // the last sequence is the plan itself
                    knots[at + samples - 1] <- 0.0

                    for p in at .. at + samples - 1 do
                        knots[p] <- population.Held(i, centre + deviation[i] * knots[p])

            population.Values.Clear()
            Matrix.AddProduct(population.Values, map, knots, horizon, options.Knots, m * samples)

            // a cubic may leave the limits between its knots
            for row in 0 .. population.Rows - 1 do
                population.Spread(row, 0.0, 1.0, Span.op_Implicit (population.Row row))

            population.Evaluate state
            let isLost = population.Finite = 0

            if not isLost then
                population.CopyTo(population.Order[0], plans.Plan)

            {
                Best = population.Best
                Iterations = 1
                Evaluations = samples
                IsLost = isLost
                Seconds = 0.0
            }

        SamplingPlanner(objective, Tail.Hold, improve)
