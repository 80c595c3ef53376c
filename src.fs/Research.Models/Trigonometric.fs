namespace Research.Models

open System
open Research

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

        let moments (mean: Vec) (sigma: Mat) =
            let argument (wave: Wave) =
                wave.Frequency * mean[wave.Input] + wave.Phase

            let half (wave: Wave) =
                0.5 * wave.Frequency * wave.Frequency * sigma[wave.Input, wave.Input]

            let covariance (a: Wave) (b: Wave) =
                let c = a.Frequency * b.Frequency * sigma[a.Input, b.Input]
                let v = half a + half b
                let ofMeans = exp -v
                let difference = (exp (c - v) + ofMeans) * cos (argument a - argument b)
                let sum = (exp (-c - v) + ofMeans) * cos (argument a + argument b)
                0.5 * a.Amplitude * b.Amplitude * tanh (0.5 * c) * (difference + sum)

            let total f (output: Wave[]) = Vec.sum (Array.map f output)

            Array.map (total (fun wave -> wave.Amplitude * exp -(half wave) * sin (argument wave))) outputs,
            Array2D.init outputs.Length outputs.Length (fun i j ->
                // equal above and below the diagonal, so that the graph holds each once
                let i, j = min i j, max i j
                total (fun a -> total (covariance a) outputs[j]) outputs[i]),
            Array2D.init inputs outputs.Length (fun i j ->
                total
                    (fun wave ->
                        if wave.Input = i then
                            wave.Amplitude * wave.Frequency * exp -(half wave) * cos (argument wave)
                        else
                            Real.Zero)
                    outputs[j])

        MomentMap.ofTraced inputs outputs.Length moments

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
