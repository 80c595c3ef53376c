namespace Research.Cli.Verify

open Research.Models

/// Training of Gaussian processes, and the value of policies under them.
[<RequireQualifiedAccess>]
module LearningKinds =

    let private tolerance = 1e-9

    let private result name comparisons =
        {
            Case = name
            Comparisons = comparisons
            Failure = None
        }

    /// Hyperparameters found must be no worse than the recorded ones by 1e-4.
    let train (case: Field) : CaseResult list =
        let inputs = Json.matrix (Json.get "inputs" case)
        let targets = Json.matrix (Json.get "targets" case)
        let n, d, e = inputs.GetLength 0, inputs.GetLength 1, targets.GetLength 1
        let targets = Json.matrixOf n e (Json.get "targets" case)
        let recorded = Json.vectorOf e (Json.get "opt_penalised_nlml" case)
        let starts = Json.matrixOf (d + 2) e (Json.get "init_hyp" case)

        [
            for a in 0 .. targets.GetLength 1 - 1 do
                let column = targets[*, a]
                let start = GaussianProcess.initial inputs column
                let _, value = GaussianProcess.train GaussianProcess.defaults inputs column start

                result
                    $"train {inputs.GetLength 0}×{inputs.GetLength 1}, output {a + 1}"
                    [
                        Comparison.numbers tolerance "start" starts[*, a] (Likelihood.pack start)
                        {
                            Quantity = "above the recorded"
                            Error = max 0.0 (value - recorded[a])
                            Tolerance = 1e-4
                        }
                    ]
        ]

    /// The likelihood at given hyperparameters.
    let likelihood (case: Field) : CaseResult list =
        let inputs = Json.matrix (Json.get "inputs" case)
        let n, d = inputs.GetLength 0, inputs.GetLength 1
        let targets = Json.vectorOf n (Json.get "targets" case)
        let logs = (MomentKinds.logarithms (d + 2) 1 (Json.get "hyp" case))[*, 0]
        let value, gradient = Likelihood.negativeLog inputs targets logs

        let curb = GaussianProcess.defaults.Curb

        let penalised name curb scales =
            let penalty, slope = Likelihood.curb curb scales logs

            [
                Comparison.numbers tolerance name [ Json.number (Json.get name case) ] [ value + penalty ]
            ],
            Array.map2 (+) gradient slope

        let ofScales, slopeOfScales =
            penalised "penalised_snr1000" curb (GaussianProcess.inputScales inputs)

        let ofUnit, slopeOfUnit =
            penalised
                "penalised_default_snr500_std1"
                { curb with SignalToNoise = 500.0 }
                (Array.create (inputs.GetLength 1) 1.0)

        [
            result
                $"likelihood {inputs.GetLength 0}×{inputs.GetLength 1}"
                [
                    Comparison.field tolerance case "nlml" [ value ]
                    Comparison.field tolerance case "dnlml" gradient
                    yield! ofScales
                    Comparison.field tolerance case "dpenalised_snr1000" slopeOfScales
                    yield! ofUnit
                    Comparison.field tolerance case "dpenalised_default" slopeOfUnit
                ]
        ]

    /// Beliefs, costs, value and gradient of a policy over a horizon.
    let policyValue (case: Field) : CaseResult list =
        let field name = Json.get name case
        let mean, limits = Json.vector (field "mu0"), Json.vector (field "maxU")
        let states, controls = mean.Length, limits.Length
        let angles = Json.indices states (field "angi")
        // the state, and sine and cosine of each angle
        let policyInputs, modelInputs =
            Json.indices (states + 2 * angles.Length) (field "poli"),
            Json.indices (states + 2 * angles.Length) (field "dyni")

        let inputs, targets, hyper = MomentKinds.data (modelInputs.Length + controls) case

        if targets.GetLength 1 <> states then
            Json.wrong $"{states} numbers a row are" (field "targets")

        let cost =
            MomentKinds.tipCost states "scenario" "cost_p" "cost_width" "angi" "cost_target" case

        let scenario = Json.text (field "scenario")
        let horizon = Json.whole 1 (Json.items (field "cost")).Length (field "H")

        match GaussianProcess.condition hyper inputs targets with
        | Error fault -> failwith $"{fault}"
        | Ok gp ->
            let task =
                {
                    Angles = angles
                    PolicyInputs = policyInputs
                    ModelInputs = modelInputs
                    Model = GaussianProcess.moments gp
                    Cost = cost
                    Exploration = 0.0
                    Horizon = horizon
                }

            let policy =
                MomentKinds.rbfPolicy policyInputs.Length "policy_inputs" "policy_targets" "policy_hyp" case

            if policy.Targets.GetLength 1 <> controls then
                Json.wrong $"{controls} numbers a row are" (field "policy_targets")

            let squash = Trigonometric.squash limits
            let family = MomentFamily.compose (MomentKinds.family policy) squash
            let numbers = RbfPolicy.pack policy

            let start: Gaussian =
                {
                    Mean = mean
                    Covariance = Json.matrixOf states states (field "S0")
                }

            let rollout = PolicyValue.rollout task family numbers start
            let value, gradient = PolicyValue.gradient task family numbers start

            // the recorded gradient, columns first
            let columns name rows width =
                Json.matrixOf rows width (field name) |> Jacobians.transposed |> Seq.cast<float>

            let centres, count = policy.Centres.GetLength 0, policyInputs.Length

            let recorded =
                Seq.concat
                    [
                        columns "dJ_hyp" (count + 2) controls
                        columns "dJ_inputs" centres count
                        columns "dJ_targets" centres controls
                    ]

            let covariances =
                rollout.Beliefs |> Seq.collect (fun belief -> Seq.cast<float> belief.Covariance)

            [
                result
                    $"{scenario}, n = {gp.Count}, {policy.Centres.GetLength 0} centres, H = {task.Horizon}"
                    [
                        Comparison.field tolerance case "M" (rollout.Beliefs |> Seq.collect _.Mean)
                        Comparison.field tolerance case "S" covariances
                        Comparison.field tolerance case "cost" rollout.Costs
                        Comparison.field tolerance case "J" [ value ]
                        Comparison.numbers tolerance "dJ" recorded (MomentKinds.toOriginal policy gradient)
                    ]
            ]
