namespace Research.Control

open System
open System.Threading

/// The passes of an iteration over the whole trajectory, on one thread or on two. Rollouts are split by candidates. Derivatives are taken in
/// chunks of steps from the end to the start, and the backward pass, which is sequential, follows them as they become ready. The bits do not
/// depend on the number of threads, nor on which thread did what: chunks are the same either way, and so are the bits of a kernel in any
/// width, unless arguments are so large that it must be redone; then all candidates are rolled out together after all.
[<Sealed>]
type internal Passes(plant: Plant, workspace: Workspace, threads: int) =
    let horizon = workspace.Row - 1
    let size = plant.Chunk
    let chunks = max 1 (horizon / size)

    let firstOf chunk = chunk * size

    let endOf chunk =
        if chunk = chunks - 1 then horizon else (chunk + 1) * size

    do
        if threads < 0 || threads > 2 then
            invalidArg
                (nameof threads)
                $"a solver works on 1 or 2 threads, or 0 for what pays, and got {threads} threads"

    let helper: Helper | null =
        if
            plant.IsConcurrent
            && (threads > 1
                || (threads = 0 && Environment.ProcessorCount > 1 && plant.Work >= Passes.Threshold))
        then
            Helper()
        else
            null

    // chunks in the order of the backward pass: the last ones first
    let isReady = Array.zeroCreate<int> chunks
    let mutable claimed = 0

    // the lane whose trajectory becomes the nominal one, chunk by chunk as its derivatives are taken, or −1
    let mutable accepted = -1

    /// Takes the derivatives of the next chunk that nobody has taken. False when none is left.
    let expandNext worker =
        let chunk = chunks - Interlocked.Increment &claimed

        if chunk < 0 then
            false
        else
            if accepted >= 0 then
                workspace.Accept(accepted, firstOf chunk, endOf chunk)

            plant.Expand(workspace, firstOf chunk, endOf chunk, worker)
            Volatile.Write(&isReady[chunk], 1)
            true

    let expandRest worker =
        while expandNext worker do
            ()

    // the sweep that follows the derivatives
    let mutable sweep: Sweep | null = null
    let mutable state, control = 0.0, 0.0
    let mutable failed = -1

    let hasFailed () =
        match helper with
        | null -> false
        | helper -> helper.HasFailed

    let follow () =
        match sweep with
        | null -> expandRest 0
        | sweep ->
            sweep.Begin(workspace, state, control)

            for chunk in chunks - 1 .. -1 .. 0 do
                let mutable wait = SpinWait()

                while Volatile.Read &isReady[chunk] = 0 && not (hasFailed ()) do
                    if not (expandNext 0) then
                        wait.SpinOnce -1

                if failed < 0 && Volatile.Read &isReady[chunk] = 1 then
                    failed <- sweep.Continue(workspace, firstOf chunk, endOf chunk)

    let followOnce, help = Action follow, Action(fun () -> expandRest 1)

    let expand with' =
        Array.Clear isReady
        claimed <- 0
        failed <- -1
        sweep <- with'

        if accepted >= 0 then
            workspace.Accept(accepted, horizon, horizon + 1)

        plant.ExpandEnd workspace

        match helper with
        | null -> follow ()
        | helper -> helper.Share(followOnce, help)

        accepted <- -1

    let settle () =
        if accepted >= 0 then
            workspace.Accept(accepted, 0, horizon + 1)
            accepted <- -1

    // halves of a rollout
    let mutable half = 0
    let mutable isRedone = false

    let rollHalves () =
        let mutable mine = Interlocked.Increment &half - 1

        while mine < 2 do
            if not (plant.RolloutHalf(workspace, mine)) then
                isRedone <- true

            mine <- Interlocked.Increment &half - 1

    let roll = Action rollHalves

    /// Work of an iteration, as of `Plant.Work`, from which on a second thread pays. Two cores of an AMD EPYC (Zen 4), otherwise idle; times as
    /// fast as on one thread, by least and by median times of the benchmark `threads`:
    ///
    ///     cart-pole T = 100, work  76,000: 1.00, 0.96        quadrotor T =  50, work 119,000: 1.04, 0.87
    ///               T = 200,      151,000: 1.16, 1.01                  T = 100,      238,000: 1.14, 1.00
    ///               T = 400,      302,000: 1.26, 1.02        arm       T =  20,      363,000: 1.12, 1.09
    ///               T = 800,      605,000: 1.35, 1.21                  T =  50,      907,000: 1.27, 1.23
    ///               T = 1600,   1,210,000: 1.37, 1.38                  T = 100,    1,814,000: 1.30, 1.27
    ///
    /// Another run differed most for the quadrotor at T = 100, with 0.99 and 0.61.
    static member Threshold = 300_000.0

    /// Rolls the candidates of some α out, in as many lanes as there are, and sets their costs.
    member _.Rollout(alphas: ReadOnlySpan<float>) =
        settle ()

        let isSplit =
            match helper with
            | null -> false
            | helper ->
                plant.HasHalves
                && (workspace.Begin(alphas, true)
                    half <- 0
                    isRedone <- false
                    helper.TryShare roll)

        if isSplit && not isRedone then
            plant.Sum workspace
        else
            workspace.Begin(alphas, false)
            plant.Rollout workspace

    /// Makes the trajectory of a lane the nominal one, though not at once: `Settle` does, and so do the next rollout and the next expansion.
    member _.Accept(lane: int) = accepted <- lane

    /// Brings the nominal trajectory up to date.
    member _.Settle() = settle ()

    /// The model of all steps.
    member _.Expand() = expand null

    /// The model of all steps, and a sweep over it. Returns what the sweep returns.
    member _.ExpandAndSweep(sweep: Sweep, stateRegularisation: float, controlRegularisation: float) : int =
        state <- stateRegularisation
        control <- controlRegularisation
        expand sweep
        failed
