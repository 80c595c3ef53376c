namespace Research.Agents

open Research

/// What happened when a scenario was run once: T steps, fewer than its horizon when it fell.
type Rollout =
    {
        /// states of the plant, [T+1, N]; nobody but the simulation and its judge sees them
        Plant: float[,]
        /// measured model states, [T+1, n]
        Measured: float[,]
        /// [T, m]
        Controls: float[,]
        /// losses of the true states 1 … T
        Losses: float[]
        /// distances of the tip from its target at states 0 … T, m
        Distances: float[]
    }

    /// T.
    member this.Steps = this.Losses.Length

/// Runs of a scenario.
[<RequireQualifiedAccess>]
module Rollout =

    /// Runs a scenario from a first state of the plant under a controller of step and measured state, until it falls or the horizon ends.
    /// A last step into a fallen state is not part of the rollout.
    let run (scenario: Scenario) (noise: Rng) (start: float[]) (act: int -> float[] -> float[]) : Rollout =
        let measure = scenario.Measure noise

        let plants, measured, controls =
            ResizeArray [ start ], ResizeArray [ measure start ], ResizeArray()

        let mutable isUp = true

        while isUp && controls.Count < scenario.Horizon do
            let t = controls.Count
            let u = act t measured[t]
            let next = scenario.Advance plants[t] u
            isUp <- not (scenario.IsFallen next)

            if isUp then
                controls.Add u
                plants.Add next
                measured.Add(measure next)

        {
            Plant = array2D plants
            Measured = array2D measured
            Controls = Array2D.init controls.Count scenario.ControlSize (fun t j -> controls[t].[j])
            Losses = plants |> Seq.skip 1 |> Seq.map (Scenario.lossAt scenario) |> Seq.toArray
            Distances = plants |> Seq.map scenario.Distance |> Seq.toArray
        }

    /// A first state of the plant, about the start whose turn it is in the given rollout.
    let drawStart (scenario: Scenario) (rng: Rng) (rollout: int) : float[] =
        let start = scenario.Starts[rollout % scenario.Starts.Length]
        Array.map2 (fun mean sd -> mean + sd * rng.Normal()) start scenario.StartSpread

    /// Controls drawn evenly from the share of the limits that random rollouts take.
    let randomly (scenario: Scenario) (rng: Rng) : int -> float[] -> float[] =
        fun _ _ ->
            scenario.Limits
            |> Array.map (fun limit -> scenario.RandomShare * limit * rng.Uniform(-1.0, 1.0))

    /// True when the tip stayed within reach of its target for the last second of a rollout that ran to its end.
    let isSolved (scenario: Scenario) (rollout: Rollout) : bool =
        let last = int (ceil (1.0 / scenario.TimeStep - 1e-9))

        rollout.Steps = scenario.Horizon
        && rollout.Distances[rollout.Steps - last ..]
           |> Array.forall (fun d -> d <= scenario.Reach)

    /// What a process learns from rollouts: inputs [sin cos augmented state and control], and differences of measured states.
    let data (scenario: Scenario) (rollouts: Rollout seq) : float[,] * float[,] =
        let rows =
            [|
                for rollout in rollouts do
                    for t in 0 .. rollout.Steps - 1 do
                        let x, next = rollout.Measured[t, *], rollout.Measured[t + 1, *]
                        let z = Loss.augment scenario.Angles x

                        let input =
                            Array.append (scenario.DynamicsInputs |> Array.map (fun i -> z[i])) rollout.Controls[t, *]

                        input, Array.map2 (-) next x
            |]

        let d = scenario.DynamicsInputs.Length + scenario.ControlSize

        Array2D.init rows.Length d (fun i j -> (fst rows[i])[j]),
        Array2D.init rows.Length scenario.StateSize (fun i j -> (snd rows[i])[j])
