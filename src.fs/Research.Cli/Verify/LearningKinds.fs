namespace Research.Cli.Verify

open System.Text.Json
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
    let train (case: JsonElement) : CaseResult list =
        let inputs, targets =
            Json.matrix (Json.get "inputs" case), Json.matrix (Json.get "targets" case)

        let recorded = Json.vector (Json.get "opt_penalised_nlml" case)
        let starts = Json.matrix (Json.get "init_hyp" case)

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
    let likelihood (case: JsonElement) : CaseResult list =
        let inputs, targets =
            Json.matrix (Json.get "inputs" case), Json.vector (Json.get "targets" case)

        let logs = Json.vector (Json.get "hyp" case)
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

    let private indices name case =
        Json.vector (Json.get name case) |> Array.map (fun i -> int i - 1)

    /// Beliefs, costs, value and gradient of a policy over a horizon.
    let policyValue (case: JsonElement) : CaseResult list =
        let matrix name = Json.matrix (Json.get name case)
        let target, angles = Json.vector (Json.get "cost_target" case), indices "angi" case

        let lengths, width =
            Json.vector (Json.get "cost_p" case), Json.number (Json.get "cost_width" case)

        let scenario = string (Json.get "scenario" case)

        match GaussianProcess.condition (MomentKinds.hyperparameters case) (matrix "inputs") (matrix "targets") with
        | Error fault -> failwith $"{fault}"
        | Ok gp ->
            let task =
                {
                    Angles = angles
                    PolicyInputs = indices "poli" case
                    ModelInputs = indices "dyni" case
                    Model = GaussianProcess.moments gp
                    Cost = TipCost.create scenario lengths width angles target
                    Exploration = 0.0
                    Horizon = (Json.get "H" case).GetInt32()
                }

            let policy =
                MomentKinds.rbfPolicy "policy_inputs" "policy_targets" "policy_hyp" case

            let squash = Trigonometric.squash (Json.vector (Json.get "maxU" case))
            let family = MomentFamily.compose (MomentKinds.family policy) squash
            let numbers = RbfPolicy.pack policy

            let start: Gaussian =
                {
                    Mean = Json.vector (Json.get "mu0" case)
                    Covariance = matrix "S0"
                }

            let rollout = PolicyValue.rollout task family numbers start
            let value, gradient = PolicyValue.gradient task family numbers start

            // the recorded gradient, columns first
            let columns name =
                Json.get name case |> Json.matrix |> Jacobians.transposed |> Seq.cast<float>

            let recorded =
                Seq.concat [ columns "dJ_hyp"; columns "dJ_inputs"; columns "dJ_targets" ]

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
