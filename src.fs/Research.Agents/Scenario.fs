namespace Research.Agents

open System
open Research
open Research.Models
open Research.Environments

/// What a policy is made of.
type PolicyKind =
    /// u = W x + b, squashed to the limits
    | Linear
    /// a network of that many radial basis functions, squashed to the limits
    | Rbf of basis: int

/// A saturating loss 1 − exp(−d²/(2 width²)) of the distance d = |C(z − target)| in features z of the state x: linear ones P x, and the
/// sines and cosines of some of these behind them, [.. sin cos sin cos].
type Loss =
    {
        /// P:[k, n]
        Features: float[,]
        /// which numbers of P x are angles
        Angles: int[]
        /// C:[r, k + 2·angles]
        Rows: float[,]
        /// in features, [k + 2·angles]
        Target: float[]
        Width: float
    }

/// A system to learn on, and what is told and what is asked about it. The plant is known to the simulation only: a learner sees
/// measured states of the model, controls, and the loss function.
type Scenario =
    {
        Name: string
        Summary: string
        Source: string
        /// the model state, as it is measured
        States: Quantity[]
        Controls: Quantity[]
        /// time of a step, s
        TimeStep: float
        /// steps of a rollout
        Horizon: int
        /// the plant: its next state from its state and the control, held over a step
        Advance: float[] -> float[] -> float[]
        /// the model state from a state of the plant
        Observe: float[] -> float[]
        /// the model state as it is measured, with noise, from a state of the plant
        Measure: Rng -> float[] -> float[]
        /// mean first states of the plant; rollouts take them in turn
        Starts: float[][]
        /// standard deviations of the first state of the plant
        StartSpread: float[]
        /// standard deviations of the first model state
        ModelSpread: float[]
        /// controls lie between ± these
        Limits: float[]
        /// share of the limits that random controls take
        RandomShare: float
        /// which numbers of the model state are angles
        Angles: int[]
        /// what the dynamics and the policy are given, as indices in [x; sin cos of each angle]
        DynamicsInputs: int[]
        PolicyInputs: int[]
        Policy: PolicyKind
        Loss: Loss
        /// what is added to the loss: weight·exp(−d²/(2 width²)) of the distance from the target of each, a bump about a place to avoid
        Penalties: (float * Loss) list
        /// largest line searches of a policy search, and evaluations in each
        LineSearches: int
        Evaluations: int
        /// inducing inputs from which on the process is sparse
        Inducing: int
        /// rollouts with random controls before the first policy
        RandomRollouts: int
        /// policies that are learnt at most
        Trials: int
        /// true of a state of the plant in which a rollout ends
        IsFallen: float[] -> bool
        /// distance of the tip from its target in metres, at a state of the plant
        Distance: float[] -> float
        /// distance within which it must stay for the last second, m
        Reach: float
        /// shapes at a state of the plant
        Scene: Scene
    }

    /// n, the numbers of the model state.
    member this.StateSize = this.States.Length

    /// m.
    member this.ControlSize = this.Controls.Length

    /// Seconds of a rollout that runs to its end.
    member this.Duration = this.TimeStep * float this.Horizon

/// A task of one's own, in the few words that a scenario needs: a system whose whole state is measured.
type LearningTask =
    {
        Name: string
        /// x:[n]
        States: Quantity[]
        /// u:[m]
        Controls: Quantity[]
        /// time of a step, s
        TimeStep: float
        /// steps of a rollout
        Horizon: int
        /// the system itself: its next state from its state and the control, held over a step
        Advance: float[] -> float[] -> float[]
        /// standard deviations of measured states, [n]
        Noise: float[]
        /// mean and standard deviations of first states, [n]
        Start: float[]
        StartSpread: float[]
        /// controls lie between ± these, [m]
        Limits: float[]
        /// which numbers of the state are angles in radians: learners see their sines and cosines
        Angles: int[]
        /// what the loss compares, C:[r, n + 2·angles] over z = [x; sin cos of each angle]
        Rows: float[,]
        /// where the state should be, x*:[n]; the loss of a step is 1 − exp(−½ |C(z − z*)|²/width²)
        Target: float[]
        Width: float
        /// a rollout solves the task when |C(z − z*)| stays within this for its last second
        Reach: float
    }

/// Losses at single states.
[<RequireQualifiedAccess>]
module Loss =

    /// [x; sin xᵢ, cos xᵢ of each angle].
    let augment (angles: int[]) (x: float[]) : float[] =
        Array.append x (angles |> Array.collect (fun i -> [| sin x[i]; cos x[i] |]))

    /// d at a state.
    let distance (loss: Loss) (x: float[]) : float =
        let k = loss.Features.GetLength 0

        let linear =
            Array.init k (fun i -> Array.sum (Array.mapi (fun j v -> loss.Features[i, j] * v) x))

        let z = augment loss.Angles linear
        let mutable square = 0.0

        for r in 0 .. loss.Rows.GetLength 0 - 1 do
            let mutable sum = 0.0

            for j in 0 .. z.Length - 1 do
                sum <- sum + loss.Rows[r, j] * (z[j] - loss.Target[j])

            square <- square + sum * sum

        sqrt square

    /// The loss at a state, in [0, 1).
    let at (loss: Loss) (x: float[]) : float =
        let d = distance loss x / loss.Width
        1.0 - exp (-0.5 * d * d)

    /// W = CᵀC/width² over the features: the loss is 1 − exp(−½ (z − target)ᵀW(z − target)).
    let weight (loss: Loss) : float[,] =
        let r, k = loss.Rows.GetLength 0, loss.Rows.GetLength 1

        Array2D.init k k (fun i j ->
            let mutable sum = 0.0

            for row in 0 .. r - 1 do
                sum <- sum + loss.Rows[row, i] * loss.Rows[row, j]

            sum / (loss.Width * loss.Width))

/// Scenarios: their plants, beliefs and loss.
[<RequireQualifiedAccess>]
module Scenario =

    /// Measurements by a sensor that adds independent normal noise to each number of the plant's state before it is observed.
    let noisy (deviations: float[]) (observe: float[] -> float[]) : Rng -> float[] -> float[] =
        fun rng plant -> Array.map2 (fun x sd -> x + sd * rng.Normal()) plant deviations |> observe

    /// The plant of ordinary differential equations ẋ = f(x, u) with the control held over the time step: Runge–Kutta 4 in steps of about a
    /// millisecond, whose error is far below the measurement noise (the tests hold it to 1e-8 of recorded solutions).
    let ofOde
        (stateSize: int)
        (controlSize: int)
        (timeStep: float)
        (ode: Vec -> Vec -> Vec)
        : float[] -> float[] -> float[] =
        let steps = int (Math.Ceiling(timeStep / 1e-3 - 1e-9))
        let h = timeStep / float steps

        let kernel =
            lazy
                (Compile.compile (stateSize + controlSize) (fun z ->
                    Integrator.rk4 (Real.constant h) ode z[.. stateSize - 1] z[stateSize..]))

        fun x u ->
            if x.Length <> stateSize || u.Length <> controlSize then
                invalidArg
                    (nameof x)
                    $"a plant of {stateSize} states and {controlSize} controls got {x.Length} and {u.Length}"

            let mutable now = x

            for _ in 1..steps do
                now <- kernel.Value.Run(Array.append now u)

            now

    /// The scenario of a task: dynamics and policy see all of the state, with sines and cosines for angles; the policy is a network of 50
    /// basis functions, of which up to 15 are learnt after one random rollout. What should be otherwise can be: `{ Scenario.ofTask task with Policy = Linear }`.
    /// Sizes that do not fit are exceptions.
    let ofTask (task: LearningTask) : Scenario =
        let n, m, angles = task.States.Length, task.Controls.Length, task.Angles

        let require isMet message =
            if not isMet then
                invalidArg (nameof task) $"{task.Name}: {message}"

        let isFinite (numbers: float seq) = Seq.forall Double.IsFinite numbers

        let hasSize what (found: float[]) wanted =
            require (found.Length = wanted) $"{what} needs {wanted} numbers, and got {found.Length}"
            require (isFinite found) $"{what} holds a number that is not finite"

        require (n > 0 && m > 0) "a system needs a state and a control"
        require (task.TimeStep > 0.0) $"the time step is above 0, and {task.TimeStep} s was given"
        require (task.Horizon > 0) $"a rollout has one step or more, and {task.Horizon} were asked for"
        require (task.Width > 0.0) $"the width of the loss is above 0, and {task.Width} was given"
        require (task.Reach > 0.0) $"the reach is above 0, and {task.Reach} was given"
        hasSize "noise" task.Noise n
        hasSize "the start" task.Start n
        hasSize "the spread of the start" task.StartSpread n
        hasSize "the target" task.Target n
        hasSize "limits" task.Limits m

        require
            (task.Rows.GetLength 1 = n + 2 * angles.Length)
            $"a row of the loss needs {n + 2 * angles.Length} numbers, and got {task.Rows.GetLength 1}"

        require (isFinite (Seq.cast<float> task.Rows)) "the loss holds a number that is not finite"
        require (Array.forall (fun limit -> limit > 0.0) task.Limits) "limits are above 0"

        require
            (Array.forall (fun i -> i >= 0 && i < n) angles && Array.distinct angles = angles)
            $"angles are different numbers of the state, 0 to {n - 1}"

        let inputs =
            [|
                for i in 0 .. n + 2 * angles.Length - 1 do
                    if not (Array.contains i angles) then
                        i
            |]

        let loss =
            {
                Features = Array2D.init n n (fun i j -> if i = j then 1.0 else 0.0)
                Angles = angles
                Rows = task.Rows
                Target = Loss.augment angles task.Target
                Width = task.Width
            }

        {
            Name = task.Name
            Summary = ""
            Source = ""
            States = task.States
            Controls = task.Controls
            TimeStep = task.TimeStep
            Horizon = task.Horizon
            Advance = task.Advance
            Observe = id
            Measure = noisy task.Noise id
            Starts = [| task.Start |]
            StartSpread = task.StartSpread
            ModelSpread = task.StartSpread
            Limits = task.Limits
            RandomShare = 1.0
            Angles = angles
            DynamicsInputs = inputs
            PolicyInputs = inputs
            Policy = Rbf 50
            Loss = loss
            Penalties = []
            LineSearches = 150
            Evaluations = 30
            Inducing = 300
            RandomRollouts = 1
            Trials = 15
            IsFallen = fun _ -> false
            Distance = Loss.distance loss
            Reach = task.Reach
            Scene =
                {
                    XRange = 0.0, 1.0
                    YRange = 0.0, 1.0
                    Shapes = fun _ -> []
                }
        }

    /// Beliefs over the first model state, one a start.
    let beliefs (scenario: Scenario) : Gaussian[] =
        scenario.Starts
        |> Array.map (fun start -> Gaussian.independent (scenario.Observe start) scenario.ModelSpread)

    /// The loss at a state of the plant, with its penalties.
    let lossAt (scenario: Scenario) (plant: float[]) : float =
        let x = scenario.Observe plant

        Loss.at scenario.Loss x
        + (scenario.Penalties
           |> List.sumBy (fun (weight, place) -> weight * (1.0 - Loss.at place x)))
