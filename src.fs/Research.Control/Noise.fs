namespace Research.Control

open System
open Research
open Research.Kernels

/// Random numbers by the thousand, as sampling planners need them.
[<RequireQualifiedAccess>]
module Noise =

    /// Two normal numbers from two uniform ones: the method of Box and Muller (1958), compiled to SIMD.
    let private pairs =
        lazy
            (Compile.compile 2 (fun uniform ->
                let radius = sqrt (-2.0 * log (1.0 - uniform[0]))
                let angle = 2.0 * Math.PI * uniform[1]
                [| radius * cos angle; radius * sin angle |]))

    /// Fills with independent standard normal numbers.
    let normal (rng: Rng) (values: Span<float>) : unit =
        let block = 512
        let uniform, normals = Array.zeroCreate (2 * block), Array.zeroCreate (2 * block)
        let mutable at = 0

        while at < values.Length do
            let count = min (2 * block) (values.Length - at)
            let half = (count + 1) / 2

            for i in 0 .. 2 * half - 1 do
                uniform[i] <- rng.Uniform()

            pairs.Value.Run(
                ReadOnlySpan(uniform, 0, 2 * half),
                ReadOnlySpan<float>.Empty,
                Span(normals, 0, 2 * half),
                half
            )

            normals.AsSpan(0, count).CopyTo(values.Slice at)
            at <- at + count

    /// Fills with independent standard normal numbers conditioned on |z| ≤ bound, by passing over those outside: meant for bounds of 1 or
    /// more, where most are inside.
    let truncated (bound: float) (rng: Rng) (values: Span<float>) : unit =
        if not (bound > 0.0) then
            invalidArg (nameof bound) $"a truncated normal needs a positive bound, and got {bound}"

        let block = Array.zeroCreate<float> 1024
        let mutable at = 0

        while at < values.Length do
            let count = min block.Length (values.Length - at)
            normal rng (Span(block, 0, count))

            for i in 0 .. count - 1 do
                values[at] <- block[i]

                if abs block[i] <= bound then
                    at <- at + 1

    /// The map L [T, T] of white noise ξ to coloured noise Lξ, whose power at frequency f falls as f^(−exponent): an inverse real Fourier
    /// transform of scaled amplitudes, with the lowest frequency's scale for the mean. Every number of Lξ has variance 1; exponent 0 gives an
    /// orthogonal L, white noise again. Row after row.
    /// Source: Timmer and König, On generating power law noise (1995).
    let colouring (exponent: float) (steps: int) : float[] =
        let frequency column = max 1 ((column + 1) / 2)

        let amplitudes =
            Array.init steps (fun column -> float (frequency column) ** (-0.5 * exponent))

        let unit = sqrt (float steps / Array.sumBy (fun a -> a * a) amplitudes)

        Array.init (steps * steps) (fun place ->
            let t, column = place / steps, place % steps
            let phase = 2.0 * Math.PI * float (frequency column) * float t / float steps

            let wave =
                if column = 0 then 1.0
                elif column = steps - 1 && steps % 2 = 0 then cos phase
                elif column % 2 = 1 then sqrt 2.0 * cos phase
                else sqrt 2.0 * sin phase

            unit * amplitudes[column] * wave / sqrt (float steps))

    /// Fills T rows of equal length with noise whose columns are independent and coloured along the rows, by the map of `colouring`. `white`
    /// is room for as many numbers.
    let coloured (map: float[]) (steps: int) (rng: Rng) (white: Span<float>) (values: Span<float>) : unit =
        normal rng white
        values.Clear()
        Matrix.AddProduct(values, map, Span.op_Implicit white, steps, steps, values.Length / steps)
