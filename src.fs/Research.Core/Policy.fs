namespace Research

open System

/// A policy: from the number of the step and the state [n] to the control [m].
type Policy =
    {
        StateSize: int
        ControlSize: int
        Act: int -> float[] -> float[]
    }

/// Policies, and what becomes of a system under one.
[<RequireQualifiedAccess>]
module Policy =

    /// A policy from a traced function of parameters and state, π(θ, x), at given parameters.
    let ofTraced (n: int) (m: int) (f: Vec -> Vec -> Vec) (parameters: float[]) : Policy =
        let given, controls =
            Signature.trace "the policy" [ "θ", parameters.Length; "x", n ] (fun given -> f given[0] given[1])

        let kernel = Compile.graph given[1] given[0] controls

        if kernel.Outputs <> m then
            invalidArg (nameof f) $"the policy has {m} controls, and the function returned {kernel.Outputs}"

        {
            StateSize = n
            ControlSize = m
            Act = fun _ x -> kernel.Run(x, parameters)
        }

    /// The controls [T, m] themselves, whatever the state: open loop. The last one is held after the end.
    let openLoop (n: int) (controls: float[,]) : Policy =
        {
            StateSize = n
            ControlSize = Array2D.length2 controls
            Act = fun t _ -> controls[min t (Array2D.length1 controls - 1), *]
        }

    /// Feedback about a trajectory: u = ūₜ + Kₜ (x − x̄ₜ), or ūₜ where that is not finite, of x̄:[T+1, n], ū:[T, m] and T gains K:[m, n]. The last law is
    /// held after the end.
    let feedback (states: float[,]) (controls: float[,]) (gains: float[,][]) : Policy =
        let n, m = Array2D.length2 states, Array2D.length2 controls

        if
            gains.Length <> Array2D.length1 controls
            || Array2D.length1 states <> gains.Length + 1
        then
            invalidArg
                (nameof gains)
                $"feedback needs a gain a step, and got {gains.Length} for {Array2D.length1 controls} controls and {Array2D.length1 states} states"

        gains
        |> Array.iteri (fun t gain ->
            if Array2D.length1 gain <> m || Array2D.length2 gain <> n then
                invalidArg
                    (nameof gains)
                    $"gain {t} is {Array2D.length1 gain}×{Array2D.length2 gain}; {m} controls of {n} states need {m}×{n}")

        {
            StateSize = n
            ControlSize = m
            Act =
                fun t x ->
                    let t = min t (gains.Length - 1)

                    Array.init m (fun i ->
                        let mutable u = controls[t, i]

                        for j in 0 .. n - 1 do
                            u <- u + gains[t].[i, j] * (x[j] - states[t, j])

                        if Double.IsFinite u then u else controls[t, i])
        }

    /// A policy held to limits [m].
    let limited (lower: float[]) (upper: float[]) (policy: Policy) : Policy =
        if lower.Length <> policy.ControlSize || upper.Length <> policy.ControlSize then
            invalidArg
                (nameof lower)
                $"the policy has {policy.ControlSize} controls, and got limits of {lower.Length} and {upper.Length} numbers"

        { policy with
            Act =
                fun t x ->
                    Array.map3
                        (fun low high (u: float) -> Math.Min(Math.Max(u, low), high))
                        lower
                        upper
                        (policy.Act t x)
        }

    /// States [T+1, n] and controls [T, m] of a system under a policy.
    let simulate (dynamics: Dynamics) (policy: Policy) (horizon: int) (start: float[]) : float[,] * float[,] =
        let n, m = dynamics.StateSize, dynamics.ControlSize

        if policy.StateSize <> n || policy.ControlSize <> m || start.Length <> n then
            invalidArg
                (nameof policy)
                $"the system has {n} states and {m} controls, the policy {policy.StateSize} and {policy.ControlSize}, the start {start.Length} numbers"

        let states, controls =
            Array2D.zeroCreate (horizon + 1) n, Array2D.zeroCreate horizon m

        let mutable x = Array.copy start
        let next = Array.zeroCreate n

        for t in 0..horizon do
            for i in 0 .. n - 1 do
                states[t, i] <- x[i]

            if t < horizon then
                let u = policy.Act t x

                if u.Length <> m then
                    invalidArg
                        (nameof policy)
                        $"the policy gave {u.Length} controls at step {t}, and the system has {m}"

                for i in 0 .. m - 1 do
                    controls[t, i] <- u[i]

                dynamics.Step(ReadOnlySpan(Array.append x u), Span next, 1)
                x <- Array.copy next

        states, controls
