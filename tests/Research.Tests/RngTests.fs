module Research.Tests.RngTests

open System
open Expecto
open Research

let private count = 200_000
let private uniforms (rng: Rng) n = Array.init n (fun _ -> rng.Uniform())
let private normals (rng: Rng) n = Array.init n (fun _ -> rng.Normal())

let private moment (order: int) (values: float[]) =
    Array.averageBy (fun v -> v ** float order) values

/// Half the width, in standard deviations, of the band in which a mean must lie: left by chance once in 10⁸ times, and the seeds are fixed.
let private band = 5.7

let private expectMean (values: float[]) mean deviation message =
    let bound = band * deviation / sqrt (float values.Length)
    Expect.isLessThan (abs (Array.average values - mean)) bound message

/// The inverse of SplitMix64's mixing of a state, and the state's increment from three numbers in a row: of each, the lowest 11 bits are
/// unknown, so that they are tried.
let private unmix (z: uint64) =
    let inverse (odd: uint64) =
        Seq.fold (fun (x: uint64) _ -> x * (2UL - odd * x)) odd (seq { 1..6 })

    let z = (z ^^^ (z >>> 31) ^^^ (z >>> 62)) * inverse 0x94D049BB133111EBUL
    let z = (z ^^^ (z >>> 27) ^^^ (z >>> 54)) * inverse 0xBF58476D1CE4E5B9UL
    z ^^^ (z >>> 30) ^^^ (z >>> 60)

let private mix (z: uint64) =
    let z = (z ^^^ (z >>> 30)) * 0xBF58476D1CE4E5B9UL
    let z = (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
    z ^^^ (z >>> 31)

let private increment (rng: Rng) =
    let upper = uniforms rng 3 |> Array.map (fun u -> uint64 (u * 2.0 ** 53.0))

    let states =
        upper[..1]
        |> Array.map (fun top -> Array.init 2048 (fun low -> unmix ((top <<< 11) ||| uint64 low)))

    let candidates =
        seq {
            for first in states[0] do
                for second in states[1] do
                    if mix (second + second - first) >>> 11 = upper[2] then
                        second - first
        }

    Seq.exactlyOne candidates

[<Tests>]
let tests =
    testList
        "Rng"
        [
            test "seed 0 gives the published numbers of SplitMix64" {
                // the reference implementation by Vigna, seeded with 0
                let published = [ 0xE220A8397B1DCDAFUL; 0x6E789E6AA1B965F4UL; 0x06C45D188009454FUL ]
                let rng = Rng.OfSeed 0

                for number in published do
                    Expect.equal (rng.Uniform()) (float (number >>> 11) / 2.0 ** 53.0) "upper 53 bits"
            }

            test "sources split off step through all 2⁶⁴ states, by increments without long runs of equal bits" {
                // Steele, Lea, Flood 2014, section 5: an odd increment, at least 24 of whose neighbouring bits differ
                let parent = Rng.OfSeed 3
                let increments = List.init 12 (fun _ -> increment (parent.Split()))

                for step in increments do
                    Expect.equal (step % 2UL) 1UL "an odd increment"
                    let flips = Numerics.BitOperations.PopCount(step ^^^ (step >>> 1))
                    Expect.isGreaterThanOrEqual flips 24 "bits that differ from their neighbours"

                Expect.equal (List.distinct increments).Length 12 "each has its own"
            }

            test "a seed repeats, another differs" {
                let first seed = normals (Rng.OfSeed seed) 100
                Expect.equal (first 7) (first 7) "same seed"
                let distinct = [ -1; 0; 1; 2; 7; Int32.MaxValue ] |> List.map first |> List.distinct
                Expect.hasLength distinct 6 "six seeds"
            }

            test "uniform numbers fill [0, 1) evenly" {
                let values = uniforms (Rng.OfSeed 1) count
                Expect.isTrue (values |> Array.forall (fun v -> v >= 0.0 && v < 1.0)) "range"
                expectMean values 0.5 (sqrt (1.0 / 12.0)) "mean"
                expectMean (values |> Array.map (fun v -> v * v)) (1.0 / 3.0) (sqrt (4.0 / 45.0)) "second moment"
                let bins = 100
                let expected = float count / float bins

                let filled =
                    values |> Array.countBy (fun v -> int (v * float bins)) |> Array.map snd

                Expect.hasLength filled bins "every bin"

                let chiSquare =
                    filled |> Array.sumBy (fun n -> (float n - expected) ** 2.0 / expected)
                // 99 degrees of freedom: mean 99, standard deviation √198
                Expect.isLessThan (abs (chiSquare - 99.0)) (band * sqrt 198.0) "χ²"
            }

            test "uniform numbers of an interval stay in it" {
                let rng = Rng.OfSeed 2
                let values = Array.init count (fun _ -> rng.Uniform(-3.0, 5.0))
                Expect.isTrue (values |> Array.forall (fun v -> v >= -3.0 && v < 5.0)) "range"
                expectMean values 1.0 (8.0 / sqrt 12.0) "mean"
            }

            test "normal numbers have the moments 0, 1, 0, 3 and the tails of a normal" {
                let values = normals (Rng.OfSeed 3) count
                let n = sqrt (float count)
                // standard deviations of xᵏ: √(E x²ᵏ − (E xᵏ)²)
                Expect.isLessThan (abs (moment 1 values)) (band * 1.0 / n) "mean"
                Expect.isLessThan (abs (moment 2 values - 1.0)) (band * sqrt 2.0 / n) "variance"
                Expect.isLessThan (abs (moment 3 values)) (band * sqrt 15.0 / n) "skewness"
                Expect.isLessThan (abs (moment 4 values - 3.0)) (band * sqrt 96.0 / n) "kurtosis"

                let beyond =
                    values |> Array.filter (fun v -> abs v > 1.959963984540054) |> Array.length

                Expect.isLessThan (abs (float beyond - 0.05 * float count)) (band * n * sqrt 0.0475) "beyond 1.96"
            }

            test "neighbouring numbers, neighbouring seeds and splits are uncorrelated" {
                let parent = Rng.OfSeed 4
                let child = parent.Split()
                let grandchild = child.Split()
                let a, b, c = normals parent count, normals child count, normals grandchild count
                let d, e = normals (Rng.OfSeed 5) count, normals (Rng.OfSeed 6) count

                for name, x, y in
                    [
                        "parent and child", a, b
                        "child and grandchild", b, c
                        "parent and grandchild", a, c
                        "seeds 5 and 6", d, e
                        "a number and the next", d[.. count - 2], d[1..]
                    ] do
                    expectMean (Array.map2 (*) x y) 0.0 1.0 name
            }

            test "what a split gives does not depend on how it is used" {
                let early = Rng.OfSeed 8
                let child = early.Split()
                let own = uniforms early 10
                let first = uniforms child 10
                let late = Rng.OfSeed 8
                let again = late.Split()
                let firstAgain = uniforms again 10
                Expect.equal firstAgain first "child"
                Expect.equal (uniforms late 10) own "parent"
            }
        ]
