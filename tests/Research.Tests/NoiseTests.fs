module Research.Tests.NoiseTests

open System
open Expecto
open MathNet.Numerics
open Research
open Research.Control

let private draw (fill: Rng -> float[] -> unit) seed count =
    let values = Array.zeroCreate<float> count
    fill (Rng.OfSeed seed) values
    values

let private normal rng (values: float[]) = Noise.normal rng (Span values)

let private truncated bound rng (values: float[]) = Noise.truncated bound rng (Span values)

let private normalCdf z =
    0.5 * (1.0 + SpecialFunctions.Erf(z / sqrt 2.0))

/// Largest distance of the empirical distribution from a distribution function, times √n. By chance above 3 once in 10⁷ times
/// (Kolmogorov), and the seeds are fixed.
let private kolmogorov (cdf: float -> float) (values: float[]) =
    let n = float values.Length

    Array.sort values
    |> Array.mapi (fun i v -> max (abs (cdf v - float i / n)) (abs (cdf v - float (i + 1) / n)))
    |> Array.max
    |> fun distance -> distance * sqrt n

[<Tests>]
let tests =
    testList
        "Noise"
        [
            test "normal numbers are normal, and neighbours are uncorrelated" {
                let values = draw normal 1 200_001
                Expect.isLessThan (kolmogorov normalCdf values) 3.0 "distribution"

                for distance in [ 1; 512; 1024 ] do
                    let correlation = Seq.map2 (*) values values[distance..] |> Seq.average
                    Expect.isLessThan (abs correlation) (5.7 / sqrt 200_000.0) $"{distance} apart"
            }

            test "a seed repeats, and no length leaves a number out" {
                for count in [ 0; 1; 2; 3; 1023; 1024; 1025; 3000 ] do
                    let values = draw normal 2 count
                    Expect.equal (draw normal 2 count) values "repeats"
                    Expect.hasLength (Array.distinct values) count "all drawn"
            }

            test "truncated normal numbers are those of a normal between the bounds" {
                for bound in [ 1.0; 2.0; 3.0 ] do
                    let values = draw (truncated bound) 3 100_000
                    let inside = normalCdf bound - normalCdf -bound

                    let cdf z =
                        (normalCdf z - normalCdf -bound) / inside

                    Expect.isLessThanOrEqual (values |> Array.map abs |> Array.max) bound "bound"
                    Expect.isLessThan (kolmogorov cdf values) 3.0 $"distribution within ±{bound}"
                    // 1 − 2 b φ(b)/(Φ(b) − Φ(−b))
                    let density = exp (-0.5 * bound * bound) / sqrt (2.0 * Math.PI)
                    let variance = 1.0 - 2.0 * bound * density / inside
                    let found = values |> Array.averageBy (fun v -> v * v)
                    Expect.isLessThan (abs (found - variance)) (5.7 * sqrt (2.0 / 100_000.0)) "variance"

                Expect.throwsC (fun () -> draw (truncated 0.0) 3 1 |> ignore) (fun error ->
                    Expect.stringContains error.Message "a positive bound, and got 0" "message")
            }

            test "coloured noise has unit variance at every step and power that falls with the frequency" {
                for steps in [ 1; 2; 7; 16; 30 ] do
                    for exponent in [ 0.0; 1.0; 2.5 ] do
                        let map = Noise.colouring exponent steps

                        let covariance =
                            Array2D.init steps steps (fun i j ->
                                Seq.sum (seq { for k in 0 .. steps - 1 -> map[i * steps + k] * map[j * steps + k] }))

                        for i in 0 .. steps - 1 do
                            Expect.isLessThan (abs (covariance[i, i] - 1.0)) 1e-12 "variance"

                            for j in 0 .. steps - 1 do
                                // stationary on the circle
                                Expect.isLessThan
                                    (abs (covariance[i, j] - covariance[0, abs (i - j)]))
                                    1e-12
                                    "stationary"

                        // eigenvalues of a circulant matrix: the power at each frequency
                        let power k =
                            Seq.sum (
                                seq {
                                    for j in 0 .. steps - 1 ->
                                        covariance[0, j] * cos (2.0 * Math.PI * float (k * j) / float steps)
                                }
                            )

                        for k in 1 .. steps / 2 do
                            let expected = power 1 * float k ** -exponent
                            Expect.isLessThan (abs (power k - expected)) 1e-10 $"power at {k} of {steps}"

                        if steps > 1 then
                            Expect.isLessThan (abs (power 0 - power 1)) 1e-10 "the mean as the lowest frequency"
            }

            test "columns of coloured noise have its covariance and are independent" {
                let steps, columns = 6, 40_000
                let map = Noise.colouring 2.0 steps

                let white, values =
                    Array.zeroCreate (steps * columns), Array.zeroCreate (steps * columns)

                Noise.coloured map steps (Rng.OfSeed 4) (Span white) (Span values)
                let band = 5.7 * sqrt (2.0 / float columns)

                for i in 0 .. steps - 1 do
                    for j in 0..i do
                        let expected =
                            Seq.sum (seq { for k in 0 .. steps - 1 -> map[i * steps + k] * map[j * steps + k] })

                        let mean shift =
                            Seq.average (
                                seq {
                                    for p in 0 .. columns - 2 ->
                                        values[i * columns + p] * values[j * columns + p + shift]
                                }
                            )

                        Expect.isLessThan (abs (mean 0 - expected)) band $"covariance of steps {i} and {j}"
                        Expect.isLessThan (abs (mean 1)) band "columns"
            }
        ]
