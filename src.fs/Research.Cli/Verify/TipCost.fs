namespace Research.Cli.Verify

open System
open Research.Models

/// Costs of PILCO's scenarios, 1 − exp(−½ d²/width²) with d the distance of a tip from where it should be.
[<RequireQualifiedAccess>]
module TipCost =

    let private row (length: int) (entries: (int * float) list) : float[] =
        let values = Array.zeroCreate length
        entries |> List.iter (fun (index, value) -> values[index] <- value)
        values

    let private names =
        Set.ofList
            [
                "cartPole"
                "loss_cp"
                "cartDoublePendulum"
                "loss_cdp"
                "pendulum"
                "loss_pendulum"
                "doublePendulum"
                "pendubot"
                "loss_dp"
            ]

    /// Coordinates of the tip as rows over the state followed by sin and cos of each angle.
    let private tip (scenario: string) (lengths: float[]) (states: int) : float[][] =
        let row = row (states + 2 * lengths.Length)

        // sin of link k at states + 2k, cos behind it
        let links offset sign =
            [
                for k in 0 .. lengths.Length - 1 -> states + 2 * k + offset, sign * lengths[k]
            ]

        match scenario with
        | "cartPole"
        | "loss_cp" -> [| row ((0, 1.0) :: links 0 1.0); row (links 1 1.0) |]
        // angles grow to the left
        | "cartDoublePendulum"
        | "loss_cdp" -> [| row ((0, 1.0) :: links 0 -1.0); row (links 1 1.0) |]
        | "pendulum"
        | "loss_pendulum"
        | "doublePendulum"
        | "pendubot"
        | "loss_dp" -> [| row (links 0 1.0); row (links 1 1.0) |]
        | other -> invalidArg (nameof scenario) $"the tip of '{other}' is not known here"

    /// The cost of the distance of rows over [x; sin and cos of its angles] from what they are at a target x.
    let private ofRows (rows: float[][]) (width: float) (angles: int[]) (target: float[]) : MomentMap =
        let goal =
            Array.append target (angles |> Array.collect (fun i -> [| sin target[i]; cos target[i] |]))

        let weights =
            Array2D.init goal.Length goal.Length (fun i j ->
                (rows |> Array.sumBy (fun row -> row[i] * row[j])) / (width * width))

        MomentMap.compose
            (MomentMap.keep target.Length angles (Trigonometric.sinCos (Array.create angles.Length 1.0)))
            (BeliefCost.saturating weights goal)

    /// Of the state [θ̇, φ̇, ψ̇w, ψ̇f, ψ̇t, x, y, θ, φ, ψf] with (x, y) the origin as seen from the robot: the top of a frame of length r on a
    /// wheel of radius rw should be above the origin, and the heading φ small,
    ///
    ///     d² = ½ (x − r sin ψf)² + ½ (y − (rw + r) sin θ)² + 8 (rw cos θ + r cos θ cos ψf − rw − r)² + (φ/4π)²
    ///
    /// with cos θ cos ψf as half the sum of cos(θ − ψf) and cos(θ + ψf).
    let private unicycle (lengths: float[]) (width: float) : MomentMap =
        let wheel, rod = lengths[0], lengths[1]
        let place, sideways, tilt, heading, pitch = 5, 6, 7, 8, 9

        // the state, θ − ψf and θ + ψf
        let features =
            Array2D.init 12 10 (fun i j ->
                match i - 10 with
                | 0 when j = tilt -> 1.0
                | 0 when j = pitch -> -1.0
                | 1 when j = tilt || j = pitch -> 1.0
                | _ -> if i = j then 1.0 else 0.0)

        // sin θ, cos θ, sin ψf, cos ψf, and the same of θ − ψf and θ + ψf
        let sinTilt, cosTilt, sinPitch, cosDifference, cosSum = 12, 13, 14, 17, 19

        let scaled factor entries =
            row 20 entries |> Array.map (fun v -> sqrt factor * v)

        let rows =
            [|
                scaled 0.5 [ place, 1.0; sinPitch, -rod ]
                scaled 0.5 [ sideways, 1.0; sinTilt, -(wheel + rod) ]
                scaled 8.0 [ cosTilt, wheel; cosDifference, 0.5 * rod; cosSum, 0.5 * rod ]
                row 20 [ heading, 1.0 / (4.0 * Math.PI) ]
            |]

        let linear, _ =
            (LinearPolicy.family 10 12).At(LinearPolicy.pack features (Array.zeroCreate 12))

        MomentMap.compose linear (ofRows rows width [| tilt; pitch; 10; 11 |] (Array.zeroCreate 12))

    /// The scenario whose cost is not that of a tip alone.
    let unicycleName = "loss_unicycle"

    /// Whether the cost of a scenario is known.
    let knows (scenario: string) : bool =
        scenario = unicycleName || names.Contains scenario

    /// The cost of a state, with the tip's place at the target state as its goal.
    let create (scenario: string) (lengths: float[]) (width: float) (angles: int[]) (target: float[]) : MomentMap =
        if scenario = unicycleName then
            unicycle lengths width
        else
            ofRows (tip scenario lengths target.Length) width angles target
