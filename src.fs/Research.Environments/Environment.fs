namespace Research.Environments

open System
open Research
open Research.Control

/// A named number of a state or control.
type Quantity = { Name: string; Unit: string }

/// The masses of a system, for a plant that is not what its model says.
type Masses =
    {
        Names: string[]
        /// x' = f(x, u) of the system with each mass times a factor of its own, for those factors and a time step; inertias go with their mass
        Step: float[] -> Real -> Vec -> Vec -> Vec
    }

/// A system to control: a differentiable model, the task that goes with it, and what an episode of it is. All functions are traced.
type Environment =
    {
        Name: string
        Summary: string
        /// where the equations and constants are from
        Source: string
        States: Quantity[]
        Controls: Quantity[]
        /// time of a step, s
        TimeStep: float
        /// steps of the task
        Horizon: int
        /// x' = f(x, u) for a time step, which may be chosen by an optimiser
        Step: Real -> Vec -> Vec -> Vec
        /// none where the model names no masses that could differ
        Masses: Masses option
        /// cost of a step of the given time
        Stage: Real -> Vec -> Vec -> Real
        Terminal: Vec -> Real
        /// the state in which the task should end, where there is one such state
        Goal: float[] option
        /// mean of the first state
        Start: float[]
        /// standard deviation of each number of the first state, in an episode
        StartSpread: float[]
        /// limits of the controls; infinite where there is none
        Limits: float[] * float[]
        /// what the task asks of the trajectory beside that
        Constraints: Constraint list
        /// true of a state in which an episode ends early
        IsTerminal: float[] -> bool
        /// standard deviation of the usual random first controls of an optimiser; 0 where it starts from no control
        ControlSpread: float
        Scene: Scene
    }

    /// The dynamics at a time step.
    member this.Dynamics(timeStep: float) : Dynamics =
        Dynamics.ofTraced this.States.Length this.Controls.Length (this.Step(Real.constant timeStep))

    /// The dynamics at a time step when each mass is a factor of its own times what the model says. An exception when there is not one factor
    /// for each of the masses.
    member this.Plant(timeStep: float, factors: float[]) : Dynamics =
        let names = this.Masses |> Option.map _.Names |> Option.defaultValue [||]

        match this.Masses with
        | Some masses when factors.Length = names.Length ->
            Dynamics.ofTraced this.States.Length this.Controls.Length (masses.Step factors (Real.constant timeStep))
        | _ ->
            let listed = String.concat ", " names

            invalidArg
                (nameof factors)
                $"{this.Name} has {names.Length} masses ({listed}), and got {factors.Length} factors"

    /// The largest distance of a position or angle from where the task should end, in the units of the state: velocities do not count, and
    /// angles count as directions, modulo 2π. None where the task names no state to end in.
    member this.DistanceFromGoal(state: float[]) : float option =
        let distance (quantity: Quantity) (x: float) (goal: float) =
            match quantity.Unit with
            | "rad" -> abs (Math.IEEERemainder(x - goal, 2.0 * Math.PI))
            | unit when unit.EndsWith "/s" -> 0.0
            | _ -> abs (x - goal)

        this.Goal |> Option.map (Array.map3 distance this.States state >> Array.max)

    /// The cost at a time step.
    member this.Cost(timeStep: float) : Cost =
        Cost.create (this.Stage(Real.constant timeStep)) this.Terminal

    /// The usual first controls of an optimiser [horizon, m]: normal with the spread of the task, or 0 where it has none.
    member this.FirstControls(horizon: int, seed: int) : float[,] =
        let rng = Rng.OfSeed seed

        Array2D.init horizon this.Controls.Length (fun _ _ ->
            if this.ControlSpread > 0.0 then
                this.ControlSpread * rng.Normal()
            else
                0.0)

    /// The task as a problem of optimal control, at a time step and over a horizon.
    member this.ProblemOver(timeStep: float, horizon: int) : Problem =
        let isLimited =
            Array.exists Double.IsFinite (Array.append (fst this.Limits) (snd this.Limits))

        { Problem.create (this.Dynamics timeStep) (this.Cost timeStep) horizon this.Start with
            Limits = if isLimited then Some this.Limits else None
            Constraints = this.Constraints
        }

    /// The task as a problem that chooses how long its steps last, see `FreeTime`: all together from `shortest` to `longest` seconds, of which
    /// each costs `weight` beside what the task costs.
    member this.FreeTimeProblem(horizon: int, shortest: float, longest: float, weight: float) : Problem =
        let n, m = this.States.Length, this.Controls.Length
        let steps = float horizon

        FreeTime.problem
            n
            m
            this.Step
            (fun h x u -> this.Stage h x u + weight * h)
            (fun _ x -> this.Terminal x)
            horizon
            this.Start
            (shortest / steps, longest / steps)
            (Some this.Limits)
        |> Problem.withConstraints (this.Constraints |> List.map (FreeTime.constrain n m))

    /// The task as a problem of optimal control.
    member this.Problem: Problem = this.ProblemOver(this.TimeStep, this.Horizon)

/// What a step of an episode gives, for every member of a batch. Terminated and truncated mean what they mean in Gymnasium: the task itself
/// ended, or the time ran out.
type Outcome =
    {
        /// [batch, n]
        Observation: float[,]
        /// minus the cost of the step, [batch]
        Reward: float[]
        Terminated: bool[]
        Truncated: bool[]
    }

/// Episodes of an environment, a batch at a time. The same seed gives the same episodes.
[<Sealed>]
type Episodes(environment: Environment, batch: int) =
    let n, m = environment.States.Length, environment.Controls.Length
    let lower, upper = environment.Limits

    let kernel =
        let h = Real.constant environment.TimeStep

        Compile.compile (n + m) (fun z ->
            let x, u = z[.. n - 1], z[n..]
            Array.append (environment.Step h x u) [| environment.Stage h x u |])

    let points = Array.zeroCreate<float>((n + m) * batch)
    let results = Array.zeroCreate<float>((n + 1) * batch)
    let mutable time = 0

    do
        if batch < 1 then
            invalidArg (nameof batch) $"a batch has one episode or more, and {batch} were asked for"

    let observe () =
        Array2D.init batch n (fun b i -> points[i * batch + b])

    /// Starts all episodes anew. The first observations [batch, n].
    member _.Reset(seed: int) : float[,] =
        let rng = Rng.OfSeed seed
        time <- 0

        for b in 0 .. batch - 1 do
            for i in 0 .. n - 1 do
                points[i * batch + b] <- environment.Start[i] + environment.StartSpread[i] * rng.Normal()

        observe ()

    /// Takes a step with actions [batch, m], held to the limits.
    member _.Step(actions: float[,]) : Outcome =
        if Array2D.length1 actions <> batch || Array2D.length2 actions <> m then
            invalidArg
                (nameof actions)
                $"{environment.Name} needs actions of {batch}×{m}, and got {Array2D.length1 actions}×{Array2D.length2 actions}"

        for b in 0 .. batch - 1 do
            for i in 0 .. m - 1 do
                points[(n + i) * batch + b] <- Math.Min(Math.Max(actions[b, i], lower[i]), upper[i])

        kernel.Run(ReadOnlySpan points, ReadOnlySpan<float>.Empty, Span results, batch)
        Array.blit results 0 points 0 (n * batch)
        time <- time + 1
        let observation = observe ()

        {
            Observation = observation
            Reward = Array.init batch (fun b -> -results[n * batch + b])
            Terminated = Array.init batch (fun b -> environment.IsTerminal observation[b, *])
            Truncated = Array.create batch (time >= environment.Horizon)
        }
