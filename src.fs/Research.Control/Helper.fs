namespace Research.Control

open System
open System.Diagnostics
open System.Runtime.ExceptionServices
open System.Threading

/// A second thread that helps one caller at a time. Between two calls close to each other it spins, so that it is there within a fraction of a
/// microsecond; after a millisecond it sleeps, and after a second without work it ends, until it is wanted again. Nobody waits for a helper that has
/// not come: what it would have done, the caller does.
[<Sealed>]
type internal Helper() =
    let attention = Stopwatch.Frequency / 1000L
    let idle = 1000

    // the work on offer
    let nothing, offered, taken, ended = 0, 1, 2, 3
    let mutable offer = 0
    let mutable work: Action | null = null
    let mutable fault: exn | null = null

    // the thread
    let absent, awake, asleep = 0, 1, 2
    let mutable presence = 0
    let wake = new SemaphoreSlim 0

    // its number in the system, and the processor that it is kept off: the caller's
    let mutable thread = -1
    let mutable avoided = -1
    let processors = Processor.room ()

    let isOffered () = Volatile.Read &offer = offered

    let take () =
        if Interlocked.CompareExchange(&offer, taken, offered) = offered then
            try
                match work with
                | null -> ()
                | work -> work.Invoke()
            with error ->
                fault <- error

            Volatile.Write(&offer, ended)

    /// Sleeps until there is work. False when there was none for so long that the thread has resigned.
    let sleep () =
        Interlocked.Exchange(&presence, asleep) |> ignore

        if isOffered () && Interlocked.CompareExchange(&presence, awake, asleep) = asleep then
            true
        else
            wake.Wait idle
            || (if Interlocked.CompareExchange(&presence, absent, asleep) = asleep then
                    false
                else
                    wake.Wait()
                    true)

    let live () =
        let self = Processor.self ()
        Processor.keepOff (Processor.room ()) (Volatile.Read &avoided) self
        Volatile.Write(&thread, self)
        let mutable isStaying = true

        while isStaying do
            let began = Stopwatch.GetTimestamp()

            while not (isOffered ()) && Stopwatch.GetTimestamp() - began < attention do
                Thread.SpinWait 1

            if isOffered () then take () else isStaying <- sleep ()

    let call () =
        let processor = Processor.current ()

        if processor <> avoided then
            Volatile.Write(&avoided, processor)
            Processor.keepOff processors processor (Volatile.Read &thread)

        match Interlocked.CompareExchange(&presence, awake, asleep) with
        | found when found = asleep -> wake.Release() |> ignore
        | found when found = absent ->
            Volatile.Write(&presence, awake)
            Volatile.Write(&thread, -1)
            Thread(live, IsBackground = true, Name = "Research.Control helper").Start()
        | _ -> ()

    let post other =
        work <- other
        fault <- null
        Interlocked.Exchange(&offer, offered) |> ignore
        call ()

    let finish (own: Action) =
        try
            own.Invoke()
        finally
            if Interlocked.CompareExchange(&offer, nothing, offered) <> offered then
                let mutable spin = SpinWait()

                while Volatile.Read &offer <> ended do
                    spin.SpinOnce -1

                Volatile.Write(&offer, nothing)

            work <- null

        match fault with
        | null -> ()
        | error -> ExceptionDispatchInfo.Throw error

    /// True when the helper's part of the work has failed.
    member _.HasFailed = not (isNull (Volatile.Read &fault))

    /// Runs `own` here and, if the helper comes in time, `other` there: both take what is left to do piece by piece. Returns when both have
    /// ended; throws what either threw.
    member _.Share(own: Action, other: Action) =
        post other
        finish own

    /// Runs `work` on both threads if the helper comes at once. False, and nothing is done, when it does not.
    member _.TryShare(work: Action) : bool =
        post work
        let mutable patience = 20

        while patience > 0 && isOffered () do
            Thread.SpinWait 1
            patience <- patience - 1

        if Interlocked.CompareExchange(&offer, nothing, offered) = offered then
            false
        else
            finish work
            true
