namespace Research

open System

/// An explicit source of random numbers: SplitMix64 (Steele, Lea, Flood 2014). A value holds all of its state and is advanced by use; the
/// same seed gives the same numbers on every machine. `split` gives a source that is independent of what its parent goes on to give.
[<Sealed>]
type Rng private (seed: uint64, gamma: uint64) =
    let mutable state = seed
    let mutable spare = nan

    static let golden = 0x9E3779B97F4A7C15UL

    static let mix (z: uint64) =
        let z = (z ^^^ (z >>> 30)) * 0xBF58476D1CE4E5B9UL
        let z = (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
        z ^^^ (z >>> 31)

    let next () =
        state <- state + gamma
        mix state

    /// The source of a seed.
    static member OfSeed(seed: int) = Rng(mix (uint64 seed), golden)

    /// An independent source; this one advances.
    member _.Split() : Rng =
        let seed = next ()
        // an odd increment with enough changes between neighbouring bits
        let candidate = mix (next ()) ||| 1UL
        let flips = Numerics.BitOperations.PopCount(candidate ^^^ (candidate >>> 1))

        Rng(
            seed,
            (if flips < 24 then
                 candidate ^^^ 0xAAAAAAAAAAAAAAAAUL
             else
                 candidate)
        )

    /// A number in [0, 1).
    member _.Uniform() : float =
        float (next () >>> 11) * (1.0 / 9007199254740992.0)

    /// A number in [low, high).
    member this.Uniform(low: float, high: float) : float = low + (high - low) * this.Uniform()

    /// A standard normal number, by the method of Box and Muller (1958).
    member this.Normal() : float =
        if not (Double.IsNaN spare) then
            let value = spare
            spare <- nan
            value
        else
            let radius = sqrt (-2.0 * log (1.0 - this.Uniform()))
            let angle = 2.0 * Math.PI * this.Uniform()
            spare <- radius * sin angle
            radius * cos angle
