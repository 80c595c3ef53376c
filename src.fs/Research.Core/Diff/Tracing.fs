namespace Research

open System
open System.Threading

/// Steps of work on graphs, of which each thread counts its own.
[<AbstractClass; Sealed>]
type internal TracingSteps private () =
    [<ThreadStatic; DefaultValue>]
    static val mutable private taken: int

    /// One more; true every 4096 steps.
    static member Next() : bool =
        TracingSteps.taken <- TracingSteps.taken + 1
        TracingSteps.taken &&& 4095 = 0

/// How work on graphs is stopped.
[<RequireQualifiedAccess>]
module Tracing =

    let private token = AsyncLocal<CancellationToken>()

    /// Runs work within which traced functions may be called, differentiated and compiled. Once the token is cancelled, the next few thousand
    /// nodes of a graph end it with an OperationCanceledException.
    let cancellable (cancellation: CancellationToken) (work: unit -> 'a) : 'a =
        let before = token.Value
        token.Value <- cancellation

        try
            work ()
        finally
            token.Value <- before

    /// To be called now and then: once in thousands of nodes.
    let internal check () : unit =
        token.Value.ThrowIfCancellationRequested()

    /// To be called for each node that is made.
    let internal step () : unit =
        if TracingSteps.Next() then
            check ()
