namespace Research.Cli.Verify

open Research.Models

/// Costs of PILCO's scenarios, 1 − exp(−½ d²/width²) with d the distance of a tip from where it should be.
[<RequireQualifiedAccess>]
module TipCost =

    /// Coordinates of the tip as rows over the state followed by sin and cos of each angle.
    let private tip (scenario: string) (lengths: float[]) (states: int) : float[,] =
        let row entries =
            let values = Array.zeroCreate (states + 2 * lengths.Length)
            entries |> List.iter (fun (index, value) -> values[index] <- value)
            values

        // sin of link k at states + 2k, cos behind it
        let links offset sign =
            [
                for k in 0 .. lengths.Length - 1 -> states + 2 * k + offset, sign * lengths[k]
            ]

        match scenario with
        | "cartPole"
        | "loss_cp" -> array2D [ row ((0, 1.0) :: links 0 1.0); row (links 1 1.0) ]
        // angles grow to the left
        | "cartDoublePendulum"
        | "loss_cdp" -> array2D [ row ((0, 1.0) :: links 0 -1.0); row (links 1 1.0) ]
        | "pendulum"
        | "loss_pendulum"
        | "doublePendulum"
        | "pendubot"
        | "loss_dp" -> array2D [ row (links 0 1.0); row (links 1 1.0) ]
        | other -> failwith $"the tip of '{other}' is not known here"

    /// The cost of a state, with the tip's place at the target state as its goal.
    let create (scenario: string) (lengths: float[]) (width: float) (angles: int[]) (target: float[]) : MomentMap =
        let n = target.Length
        let tip = tip scenario lengths n

        let goal =
            Array.append target (angles |> Array.collect (fun i -> [| sin target[i]; cos target[i] |]))

        let weights =
            Array2D.init goal.Length goal.Length (fun i j ->
                (tip[0, i] * tip[0, j] + tip[1, i] * tip[1, j]) / (width * width))

        MomentMap.compose
            (MomentMap.keep n angles (Trigonometric.sinCos (Array.create angles.Length 1.0)))
            (BeliefCost.saturating weights goal)
