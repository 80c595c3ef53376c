namespace Research.Agents

open Research
open Research.Models

/// Policies of scenarios: parameters θ, the control at a measured state, and the moments of controls at beliefs.
[<RequireQualifiedAccess>]
module Controller =

    /// The policy before it is squashed to the limits.
    let private preliminary (scenario: Scenario) (kind: PolicyKind) : MomentFamily =
        let d, e = scenario.PolicyInputs.Length, scenario.ControlSize

        match kind with
        | Linear -> LinearPolicy.family d e
        | Rbf basis -> RbfPolicy.family basis d e

    /// Policies squashed to the limits, by their parameters.
    let family (scenario: Scenario) (kind: PolicyKind) : MomentFamily =
        MomentFamily.compose (preliminary scenario kind) (Trigonometric.squash scenario.Limits)

    /// The control at a measured state.
    let act (scenario: Scenario) (kind: PolicyKind) (parameters: float[]) : float[] -> float[] =
        let d, e = scenario.PolicyInputs.Length, scenario.ControlSize

        let preliminary =
            match kind with
            | Linear ->
                let w, b = LinearPolicy.unpack d e parameters
                fun (z: float[]) -> Array.init e (fun a -> b[a] + Array.sum (Array.mapi (fun j v -> w[a, j] * v) z))
            | Rbf basis -> RbfPolicy.act (RbfPolicy.unpack basis d e parameters)

        fun x ->
            let z = Loss.augment scenario.Angles x

            preliminary (scenario.PolicyInputs |> Array.map (fun i -> z[i]))
            |> Array.map2 (fun limit v -> limit * (9.0 * sin v + sin (3.0 * v)) / 8.0) scenario.Limits

    /// Parameters of a first policy: linear ones near 0; centres drawn from the belief over the first augmented state, targets near 0, and
    /// lengthscales of 1, of 0.7 for sines and cosines. Source: PILCO 0.9.
    let draw (scenario: Scenario) (kind: PolicyKind) (rng: Rng) : float[] =
        let d, e, n = scenario.PolicyInputs.Length, scenario.ControlSize, scenario.StateSize

        match kind with
        | Linear -> LinearPolicy.pack (Array2D.init e d (fun _ _ -> 0.01 * rng.Normal())) (Array.zeroCreate e)
        | Rbf basis ->
            let starts = Scenario.beliefs scenario

            let augmented =
                starts
                |> Array.map (fun start ->
                    MomentMap.extend
                        scenario.Angles
                        (Trigonometric.sinCos (Array.map (fun _ -> 1.0) scenario.Angles))
                        start
                    |> fst
                    |> Gaussian.select scenario.PolicyInputs)

            let centres =
                Array.init basis (fun i -> Gaussian.sample rng augmented[i % starts.Length])

            RbfPolicy.pack
                {
                    Centres = array2D centres
                    Targets = Array2D.init basis e (fun _ _ -> 0.1 * rng.Normal())
                    Lengthscales = Array2D.init e d (fun _ j -> if scenario.PolicyInputs[j] < n then 1.0 else 0.7)
                }
