namespace Research.Control

open System
open System.Runtime.InteropServices
open System.Threading

/// Which processors a thread may run on. A scheduler likes to put a thread that it wakes on the processor of who woke it; two threads that spin
/// for each other would then take turns of milliseconds. Systems other than Linux are left to themselves.
[<RequireQualifiedAccess>]
module internal Processor =

    [<DllImport("libc")>]
    extern int private gettid()

    [<DllImport("libc")>]
    extern int private sched_getaffinity(int thread, unativeint size, uint64[] mask)

    [<DllImport("libc")>]
    extern int private sched_setaffinity(int thread, unativeint size, uint64[] mask)

    /// Room for a set of as many processors as the kernel knows of, at most.
    let room () = Array.zeroCreate<uint64> 128

    /// The calling thread's number in the system, or −1.
    let self () =
        if not (OperatingSystem.IsLinux()) then
            -1
        else
            try
                gettid ()
            with :? EntryPointNotFoundException ->
                -1

    /// The processor that the calling thread is on.
    let current () = Thread.GetCurrentProcessorId()

    /// Keeps a thread off one processor, if the caller may use others. `set` is scratch, from `room`.
    let keepOff (set: uint64[]) (processor: int) (thread: int) =
        let size = unativeint (set.Length * sizeof<uint64>)
        Array.Clear set

        if
            thread >= 0
            && processor < 64 * set.Length
            && sched_getaffinity (0, size, set) >= 0
        then
            set[processor / 64] <- set[processor / 64] &&& ~~~(1UL <<< processor % 64)

            if Array.exists ((<>) 0UL) set then
                sched_setaffinity (thread, size, set) |> ignore
