namespace Research.Agents

open Research
open Research.Models

/// What was expected of a rollout: for states 0 … H means [H+1, n] and standard deviations; for losses 1 … H [H].
type Forecast =
    {
        Mean: float[,]
        Deviation: float[,]
        Loss: float[]
        LossDeviation: float[]
    }

/// A scenario as a model sees it: a policy has a value, the expected sum of losses, whose gradient is known.
type Plan =
    {
        Scenario: Scenario
        Task: PolicyTask
        Policies: MomentFamily
        Starts: Gaussian[]
    }

/// Values of policies under models of scenarios.
[<RequireQualifiedAccess>]
module Plan =

    /// A linear map P x.
    let private linear (p: float[,]) : MomentMap =
        let p = Mat.ofFloats p
        let transposed = Mat.transpose p

        MomentMap.ofTraced (Array2D.length2 p) (Array2D.length1 p) (fun mean sigma ->
            Mat.mulVec p mean, Mat.matmul (Mat.matmul p sigma) transposed, transposed)

    /// Moments of a loss.
    let loss (loss: Loss) : MomentMap =
        let k = loss.Features.GetLength 0

        let saturating = BeliefCost.saturating (Loss.weight loss) loss.Target

        let ofFeatures =
            if loss.Angles.Length = 0 then
                saturating
            else
                MomentMap.compose
                    (MomentMap.keep k loss.Angles (Trigonometric.sinCos (Array.map (fun _ -> 1.0) loss.Angles)))
                    saturating

        MomentMap.compose (linear loss.Features) ofFeatures

    /// A cost with a penalty weight·(1 − loss): a bump about a place. What is uncertain about the sum counts for the cost alone.
    let private addPenalty (cost: MomentMap) (weight: float, place: MomentMap) : MomentMap =
        { cost with
            Apply =
                fun x ->
                    let moments, back = cost.Apply x
                    let away, backAway = place.Apply x

                    { moments with
                        Mean = [| moments.Mean[0] + weight * (1.0 - away.Mean[0]) |]
                        Cross = Array2D.init cost.Inputs 1 (fun i _ -> moments.Cross[i, 0] - weight * away.Cross[i, 0])
                    },
                    fun adjoint ->
                        let ofCost = back adjoint

                        let ofPlace =
                            backAway
                                {
                                    Mean = [| -weight * adjoint.Mean[0] |]
                                    Covariance = Array2D.zeroCreate 1 1
                                    Cross = Array2D.map (fun v -> -weight * v) adjoint.Cross
                                }

                        {
                            Mean = Array.map2 (+) ofCost.Mean ofPlace.Mean
                            Covariance =
                                Array2D.init cost.Inputs cost.Inputs (fun i j ->
                                    ofCost.Covariance[i, j] + ofPlace.Covariance[i, j])
                        }
        }

    /// The loss of a scenario with its penalties.
    let cost (scenario: Scenario) : MomentMap =
        scenario.Penalties
        |> List.map (fun (weight, place) -> weight, loss place)
        |> List.fold addPenalty (loss scenario.Loss)

    /// A scenario under a model of differences of its state.
    let create (scenario: Scenario) (kind: PolicyKind) (exploration: float) (model: MomentMap) : Plan =
        {
            Scenario = scenario
            Task =
                {
                    Angles = scenario.Angles
                    PolicyInputs = scenario.PolicyInputs
                    ModelInputs = scenario.DynamicsInputs
                    Model = model
                    Cost = cost scenario
                    Exploration = exploration
                    Horizon = scenario.Horizon
                }
            Policies = Controller.family scenario kind
            Starts = Scenario.beliefs scenario
        }

    /// The expected sum of losses of a policy, the mean over the starts, and its gradient.
    let value (plan: Plan) (parameters: float[]) : float * float[] =
        let count = float plan.Starts.Length

        let values, gradients =
            plan.Starts
            |> Array.map (PolicyValue.gradient plan.Task plan.Policies parameters)
            |> Array.unzip

        Array.sum values / count, gradients |> Array.reduce (Array.map2 (+)) |> Array.map (fun g -> g / count)

    /// What is expected of a rollout from one of the starts.
    let forecast (plan: Plan) (parameters: float[]) (start: int) : Forecast =
        let rollout =
            PolicyValue.rollout plan.Task plan.Policies parameters plan.Starts[start]

        let n = plan.Scenario.StateSize
        let costs = rollout.Beliefs[1..] |> Array.map (MomentMap.apply plan.Task.Cost)
        let deviation (variance: float) = sqrt (max 0.0 variance)

        {
            Mean = Array2D.init rollout.Beliefs.Length n (fun t i -> rollout.Beliefs[t].Mean[i])
            Deviation =
                Array2D.init rollout.Beliefs.Length n (fun t i -> deviation (rollout.Beliefs[t].Covariance[i, i]))
            Loss = costs |> Array.map (fun cost -> cost.Mean[0])
            LossDeviation = costs |> Array.map (fun cost -> deviation cost.Covariance[0, 0])
        }
