namespace Research.Models

open System

/// What a policy is valued on: a model of differences of the state, and a cost. Indices count in the augmented state, the state followed by
/// sin and cos of its angles: x, sin x[i₀], cos x[i₀], …
type PolicyTask =
    {
        /// of the state
        Angles: int[]
        /// of the augmented state, what the policy sees
        PolicyInputs: int[]
        /// of the augmented state, what the model sees before the control
        ModelInputs: int[]
        /// from [model inputs, control] to differences of the state
        Model: MomentMap
        /// of the state, with one output
        Cost: MomentMap
        /// times the standard deviation of the cost, which is added to its mean
        Exploration: float
        Horizon: int
    }

/// Beliefs over states [H + 1], and costs of those after the first [H]: the value is their sum.
type PolicyRollout =
    {
        Value: float
        Beliefs: Gaussian[]
        Costs: float[]
    }

/// The value of a policy under a model, J = Σ_{t=1..H} E[c(xₜ)], and its derivatives: a belief is carried through policy and model, and
/// derivatives back through them. Source: Deisenroth and Rasmussen, PILCO (ICML 2011), equations 11–26.
[<RequireQualifiedAccess>]
module PolicyValue =

    let private check (task: PolicyTask) (policy: MomentFamily) (start: Gaussian) =
        let n = start.Size
        Gaussian.check (nameof start) start

        let needs name (found: int) wanted =
            if found <> wanted then
                invalidArg (nameof task) $"a state of {n} numbers needs {name} {wanted}, and got {found}"

        needs "differences of" task.Model.Outputs n
        needs "a cost of" task.Cost.Inputs n
        needs "policy inputs for a policy of" task.PolicyInputs.Length policy.Inputs
        needs "model inputs with controls for a model of" (task.ModelInputs.Length + policy.Outputs) task.Model.Inputs

    /// One step of a belief under a policy: the augmented state, the control, the difference, the next state; and the way back.
    let private stepper (task: PolicyTask) (policy: MomentMap) (n: int) =
        let angles = Trigonometric.sinCos (Array.create task.Angles.Length 1.0)
        let augmented = n + angles.Outputs
        let controls = Array.init policy.Outputs (fun i -> augmented + i)
        let modelInputs = Array.append task.ModelInputs controls
        let size = augmented + policy.Outputs + n
        let zeros = Array.zeroCreate n

        // x + Δ
        let sum =
            Array2D.init n size (fun i j -> if j = i || j = size - n + i then 1.0 else 0.0)

        fun (x: Gaussian) ->
            let x, backAngles = MomentMap.extend task.Angles angles x
            let x, backPolicy = MomentMap.extend task.PolicyInputs policy x
            let x, backModel = MomentMap.extend modelInputs task.Model x
            let next, backSum = MomentMap.affine sum zeros x
            next, backSum >> backModel >> backPolicy >> backAngles

    /// The beliefs and costs of a policy, from a start.
    let rollout (task: PolicyTask) (policy: MomentFamily) (parameters: float[]) (start: Gaussian) : PolicyRollout =
        check task policy start
        let step = stepper task (fst (policy.At parameters)) start.Size
        let beliefs = Array.create (task.Horizon + 1) start

        for t in 1 .. task.Horizon do
            beliefs[t] <- fst (step beliefs[t - 1])

        let costs =
            beliefs[1..] |> Array.map (BeliefCost.value task.Exploration task.Cost >> fst)

        {
            Value = Array.sum costs
            Beliefs = beliefs
            Costs = costs
        }

    /// The value of a policy from a start, and its derivatives with respect to the parameters.
    let gradient (task: PolicyTask) (policy: MomentFamily) (parameters: float[]) (start: Gaussian) : float * float[] =
        check task policy start
        let map, gradient = policy.At parameters
        let step = stepper task map start.Size
        let backs = Array.zeroCreate task.Horizon
        let slopes = Array.zeroCreate<Gaussian> task.Horizon
        let mutable belief = start
        let mutable value = 0.0

        for t in 0 .. task.Horizon - 1 do
            let next, back = step belief
            let cost, slope = BeliefCost.value task.Exploration task.Cost next
            value <- value + cost
            backs[t] <- back
            slopes[t] <- slope
            belief <- next

        let mutable adjoint = Gaussian.zero start.Size

        for t in task.Horizon - 1 .. -1 .. 0 do
            SmallMatrix.addVec adjoint.Mean 1.0 slopes[t].Mean
            SmallMatrix.add adjoint.Covariance 1.0 slopes[t].Covariance
            adjoint <- backs[t] adjoint

        value, gradient ()
