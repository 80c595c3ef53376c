namespace Research.Models

open System

/// A wave amplitude · sin(frequency · x[Input] + phase).
type Wave =
    {
        Input: int
        Amplitude: float
        Frequency: float
        Phase: float
    }

/// Exact moments of sums of waves of normal variables: sines and cosines of angles, and the squashing of controls to limits.
/// Source: the characteristic function of the normal distribution; Deisenroth's thesis (2010), appendix A.1.
[<RequireQualifiedAccess>]
module Trigonometric =

    /// A function of `inputs` normal variables; each output is a sum of waves.
    /// With a = ωₐxᵢ + φₐ and b alike, of means mₐ, m_b, variances vₐ, v_b and covariance c:
    /// cov(sin a, sin b) = ½ tanh(c/2) [(e^(c−v) + e^−v) cos(mₐ − m_b) + (e^(−c−v) + e^−v) cos(mₐ + m_b)], v = ½(vₐ + v_b).
    /// This form neither overflows for wide inputs nor cancels for narrow ones.
    let waves (inputs: int) (outputs: Wave[][]) : MomentMap =
        for wave in Seq.concat outputs do
            if wave.Input < 0 || wave.Input >= inputs then
                invalidArg (nameof outputs) $"waves of {inputs} numbers cannot have the input {wave.Input}"

        let e = outputs.Length

        let apply (x: Gaussian) =
            let argument (wave: Wave) =
                wave.Frequency * x.Mean[wave.Input] + wave.Phase

            let half (wave: Wave) =
                0.5 * wave.Frequency * wave.Frequency * x.Covariance[wave.Input, wave.Input]

            let moments = Moments.zero inputs e

            for j in 0 .. e - 1 do
                for a in outputs[j] do
                    let size = a.Amplitude * exp -(half a)
                    moments.Mean[j] <- moments.Mean[j] + size * sin (argument a)

                    moments.Cross[a.Input, j] <- moments.Cross[a.Input, j] + size * a.Frequency * cos (argument a)

                    for k in 0..j do
                        for b in outputs[k] do
                            let c = a.Frequency * b.Frequency * x.Covariance[a.Input, b.Input]
                            let v, ma, mb = half a + half b, argument a, argument b
                            let ofMeans = exp -v

                            let both =
                                (exp (c - v) + ofMeans) * cos (ma - mb)
                                + (exp (-c - v) + ofMeans) * cos (ma + mb)

                            moments.Covariance[j, k] <-
                                moments.Covariance[j, k]
                                + 0.5 * a.Amplitude * b.Amplitude * Math.Tanh(0.5 * c) * both

                for k in 0 .. j - 1 do
                    moments.Covariance[k, j] <- moments.Covariance[j, k]

            let pull (adjoint: Moments) =
                let target = Gaussian.zero inputs
                let ofMean, ofSigma = target.Mean, target.Covariance

                // derivatives with respect to ωx + φ and to half its variance
                let add (wave: Wave) byArgument byHalf =
                    let i, f = wave.Input, wave.Frequency
                    ofMean[i] <- ofMean[i] + f * byArgument
                    ofSigma[i, i] <- ofSigma[i, i] + 0.5 * f * f * byHalf

                for j in 0 .. e - 1 do
                    for a in outputs[j] do
                        let size = a.Amplitude * exp -(half a)
                        let m, cross = adjoint.Mean[j], a.Frequency * adjoint.Cross[a.Input, j]
                        let sine, cosine = size * sin (argument a), size * cos (argument a)
                        add a (m * cosine - cross * sine) -(m * sine + cross * cosine)

                        for k in 0..j do
                            let weight =
                                if j = k then
                                    adjoint.Covariance[j, j]
                                else
                                    adjoint.Covariance[j, k] + adjoint.Covariance[k, j]

                            for b in outputs[k] do
                                let c = a.Frequency * b.Frequency * x.Covariance[a.Input, b.Input]
                                let v, ma, mb = half a + half b, argument a, argument b
                                let scale = 0.5 * weight * a.Amplitude * b.Amplitude
                                let near, far, ofMeans = exp (c - v), exp (-c - v), exp -v
                                let t = scale * Math.Tanh(0.5 * c)
                                let difference, sum = t * (near + ofMeans), t * (far + ofMeans)
                                let byHalf = -(difference * cos (ma - mb) + sum * cos (ma + mb))
                                let byDifference = -difference * sin (ma - mb)
                                let bySum = -sum * sin (ma + mb)
                                add a (byDifference + bySum) byHalf
                                add b (bySum - byDifference) byHalf
                                let byC = scale * (near * cos (ma - mb) + far * cos (ma + mb))
                                let i, l = a.Input, b.Input
                                let half = 0.5 * a.Frequency * b.Frequency * byC
                                ofSigma[i, l] <- ofSigma[i, l] + half
                                ofSigma[l, i] <- ofSigma[l, i] + half

                target

            moments, pull

        {
            Inputs = inputs
            Outputs = e
            Apply = apply
        }

    let private wave input amplitude frequency phase =
        {
            Input = input
            Amplitude = amplitude
            Frequency = frequency
            Phase = phase
        }

    /// sin and cos of each of some angles, scaled by numbers, one an angle: e₀ sin x₀, e₀ cos x₀, e₁ sin x₁, …
    let sinCos (scales: float[]) : MomentMap =
        scales
        |> Array.mapi (fun i e -> [| [| wave i e 1.0 0.0 |]; [| wave i e 1.0 (Math.PI / 2.0) |] |])
        |> Array.concat
        |> waves scales.Length

    /// u = limit · sin x, element by element.
    let sine (limits: float[]) : MomentMap =
        limits
        |> Array.mapi (fun i limit -> [| wave i limit 1.0 0.0 |])
        |> waves limits.Length

    /// Squashing to ±limit, element by element: u = limit · (9 sin x + sin 3x)/8, which is flat about its extremes.
    let squash (limits: float[]) : MomentMap =
        limits
        |> Array.mapi (fun i limit -> [| wave i (9.0 * limit / 8.0) 1.0 0.0; wave i (limit / 8.0) 3.0 0.0 |])
        |> waves limits.Length
