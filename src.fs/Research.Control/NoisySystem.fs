namespace Research.Control

open System
open Research

/// A system seen through noise: x' = f(x, u) + w, y = h(x) + v, with w and v normal, independent of all else, of covariances W and V.
type NoisySystem =
    {
        /// f
        Dynamics: Dynamics
        /// h, traced
        Measure: Vec -> Vec
        /// [n,n]
        W: float[,]
        /// [p,p]
        V: float[,]
    }

/// Statements of noisy systems, and draws from them.
[<RequireQualifiedAccess>]
module NoisySystem =

    /// A system from its dynamics of n states, the traced measurement h: Rⁿ → Rᵖ, and covariances w:[n,n] v:[p,p], both positive
    /// semidefinite. An exception where they do not agree.
    let create (dynamics: Dynamics) (measure: Vec -> Vec) (w: float[,]) (v: float[,]) : NoisySystem =
        let _, results =
            Signature.trace "the measurement" [ "x", dynamics.StateSize ] (fun given -> measure given[0])

        let measured = results.Length

        if measured = 0 then
            invalidArg (nameof measure) "the measurement of a noisy system has no numbers"

        Covariance.check
            "NoisySystem.create"
            [ Covariance.fault "W" dynamics.StateSize w; Covariance.fault "V" measured v ]

        {
            Dynamics = dynamics
            Measure = measure
            W = w
            V = v
        }

    let private normal (rng: Rng) (root: float[]) (n: int) =
        let z = Array.init n (fun _ -> rng.Normal())
        Array.init n (fun i -> Seq.sum (seq { for k in 0..i -> root[i * n + k] * z[k] }))

    /// A draw: states [T+1, n] from a start under controls [T, m], and what is measured of them [T+1, p].
    let simulate (rng: Rng) (system: NoisySystem) (start: float[]) (controls: float[,]) : float[,] * float[,] =
        let n, m, p =
            system.Dynamics.StateSize, system.Dynamics.ControlSize, Array2D.length1 system.V

        let horizon = Array2D.length1 controls

        if start.Length <> n || Array2D.length2 controls <> m then
            invalidArg
                (nameof start)
                $"the system has {n} states and {m} controls, and got a start of {start.Length} numbers and controls of {Array2D.length2 controls}"

        let rootOf (a: float[,]) =
            let l = Array.zeroCreate a.Length
            Covariance.root (Covariance.flat a) (Array2D.length1 a) l
            l

        let ofW, ofV = rootOf system.W, rootOf system.V
        let kernel = Compile.compile n system.Measure

        let states, measurements =
            Array2D.zeroCreate (horizon + 1) n, Array2D.zeroCreate (horizon + 1) p

        let mutable x = Array.copy start

        for t in 0..horizon do
            let y = Array.map2 (+) (kernel.Run x) (normal rng ofV p)

            for i in 0 .. n - 1 do
                states[t, i] <- x[i]

            for i in 0 .. p - 1 do
                measurements[t, i] <- y[i]

            if t < horizon then
                let next = Array.zeroCreate n
                system.Dynamics.Step(ReadOnlySpan(Array.append x controls[t, *]), Span next, 1)
                x <- Array.map2 (+) next (normal rng ofW n)

        states, measurements
