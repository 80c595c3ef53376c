namespace Research.Control

open System
open System.Threading

/// Lets one call at a time into an object that keeps its memory between calls: a second one, from another thread or from a callback of the
/// first, is an exception instead of wrong numbers.
[<Sealed>]
type internal Turn(what: string) as this =
    let mutable taken = 0

    let release =
        { new IDisposable with
            member _.Dispose() = this.Release()
        }

    member private _.Release() = Volatile.Write(&taken, 0)

    /// To be disposed when the call ends.
    member _.Take() : IDisposable =
        if Interlocked.Exchange(&taken, 1) <> 0 then
            raise (
                InvalidOperationException
                    $"{what} is at work already, in another thread or in the call that made this one: give each its own"
            )

        release
