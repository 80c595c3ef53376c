namespace Research.Cli.Verify

open System.Text.Json
open Research
open Research.Environments

/// Rates of the plants of PILCO's scenarios and their states after a step.
[<RequireQualifiedAccess>]
module PlantKinds =

    /// at which rates and states are compared; the recorded integration was asked for 1e-12
    let private tolerance = 1e-9

    /// steps of the method of Runge and Kutta in a step of the plant: its error is then below 1e-12
    let private steps = 400

    /// A plant, and where its numbers are in the recorded state.
    let private plants: Map<string, (Vec -> Vec -> Vec) * int[]> =
        Map.ofList
            [
                // [p, ṗ, θ̇, θ], where ours is [p, θ, ṗ, θ̇]
                "dynamics_cp", (CartPole.pilcoOde, [| 0; 3; 1; 2 |])
                "dynamics_cdp", (CartDoublePendulum.pilcoOde, [| 0; 1; 2; 3; 4; 5 |])
                // [θ̇, θ]
                "dynamics_pendulum", (Pendulum.ode, [| 1; 0 |])
                "dynamics_dp", (DoublePendulum.pilcoOde, [| 0; 1; 2; 3 |])
                "dynamics_unicycle", (Unicycle.pilcoOde, [| 0..11 |])
            ]

    /// Rates of a plant at a state, and the state after a step with the control held.
    let rates (case: JsonElement) : CaseResult list =
        let name = string (Json.get "fn" case)

        match plants.TryFind name with
        | None ->
            let known = plants.Keys |> String.concat ", "
            failwith $"the plant '{name}' is not known here; known are {known}"
        | Some(ode, places) ->
            let recorded field = Json.vector (Json.get field case)
            let state, u = recorded "z", Vec.ofFloats (recorded "u")
            let x = places |> Array.map (fun place -> Real.constant state[place])

            let step =
                Integrator.rk4 (Real.constant (Json.number (Json.get "dt" case) / float steps)) ode

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
