namespace Research.Cli.Verify

open Research
open Research.Environments

/// Rates of the plants of PILCO's scenarios and their states after a step.
[<RequireQualifiedAccess>]
module PlantKinds =

    /// at which rates and states are compared; the recorded integration was asked for 1e-12
    let private tolerance = 1e-9

    /// steps of the method of Runge and Kutta in a step of the plant: its error is then below 1e-12
    let private steps = 400

    /// A plant, where its numbers are in the recorded state, and its controls.
    let private plants: Map<string, (Vec -> Vec -> Vec) * int[] * int> =
        Map.ofList
            [
                // [p, ṗ, θ̇, θ], where ours is [p, θ, ṗ, θ̇]
                "dynamics_cp", (CartPole.pilcoOde, [| 0; 3; 1; 2 |], 1)
                "dynamics_cdp", (CartDoublePendulum.pilcoOde, [| 0; 1; 2; 3; 4; 5 |], 1)
                // [θ̇, θ]
                "dynamics_pendulum", (Pendulum.ode, [| 1; 0 |], 1)
                "dynamics_dp", (DoublePendulum.pilcoOde, [| 0; 1; 2; 3 |], 2)
                "dynamics_unicycle", (Unicycle.pilcoOde, [| 0..11 |], 2)
            ]

    /// Rates of a plant at a state, and the state after a step with the control held.
    let rates (case: Field) : CaseResult list =
        let name = Json.text (Json.get "fn" case)

        match plants.TryFind name with
        | None ->
            let known = plants.Keys |> String.concat ", "
            Json.wrong $"one of {known} is" (Json.get "fn" case)
        | Some(ode, places, controls) ->
            let state = Json.vectorOf places.Length (Json.get "z" case)
            let u = Vec.ofFloats (Json.vectorOf controls (Json.get "u" case))
            let x = places |> Array.map (fun place -> Real.constant state[place])

            let step =
                Integrator.rk4 (Real.constant (Json.positive (Json.get "dt" case) / float steps)) ode

            let compare field (ours: Vec) =
                let numbers = Array.zeroCreate ours.Length
                places |> Array.iteri (fun i place -> numbers[place] <- Trace.number ours[i])
                Comparison.field tolerance case field numbers

            [
                {
                    Case = name
                    Comparisons =
                        [
                            compare "dz" (ode x u)
                            compare "z_next" (Seq.fold (fun x _ -> step x u) x (seq { 1..steps }))
                        ]
                    Failure = None
                }
            ]
