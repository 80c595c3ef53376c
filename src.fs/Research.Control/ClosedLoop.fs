namespace Research.Control

open System
open System.Threading
open Research

/// What became of a system under a controller.
type ClosedLoop =
    {
        /// states [steps+1, n]
        X: float[,]
        /// controls [steps, m]
        U: float[,]
        /// all replans, one every `every` steps
        Replans: Replan[]
        /// steps before which something moved the state, in order
        Disturbed: int[]
    }

/// Systems under model-predictive control, which need not be what the controller's model says.
[<RequireQualifiedAccess>]
module ClosedLoop =

    /// Random pushes for `run`: before each step, with the given chance, every number of the state is moved by a normal number of its spread.
    let pushes (rng: Rng) (chance: float) (spread: float[]) (_: int) (x: float[]) : float[] =
        if rng.Uniform() < chance then
            Array.map2 (fun v sd -> v + sd * rng.Normal()) x spread
        else
            x

    /// A plan from the start and initial controls [T, m], then `steps` steps of the plant with a replan every `every` steps and feedback
    /// between. `disturb t x` is what pushes make of the state x before it is step t's; the controller sees the result. `watch t replan` is
    /// told of every replan.
    let watch
        (watch: int -> Replan -> unit)
        (controller: MpcController)
        (plant: Dynamics)
        (disturb: int -> float[] -> float[])
        (every: int)
        (steps: int)
        (start: float[])
        (controls: float[,])
        (cancellation: CancellationToken)
        : ClosedLoop =
        if every < 1 || steps < 1 then
            invalidArg (nameof every) $"a closed loop of {steps} steps with a replan every {every} makes no sense"

        let n, m = plant.StateSize, plant.ControlSize
        controller.Start(start, controls, cancellation) |> ignore
        let states, inputs = Array2D.zeroCreate (steps + 1) n, Array2D.zeroCreate steps m
        let replans = ResizeArray<Replan>()
        let disturbed = ResizeArray<int>()
        let mutable x = Array.copy start
        let u, next = Array.zeroCreate m, Array.zeroCreate n
        let mutable t = 0

        while t < steps && not cancellation.IsCancellationRequested do
            let moved = disturb t x

            if not (obj.ReferenceEquals(moved, x)) && moved <> x then
                disturbed.Add t

            x <- moved

            for i in 0 .. n - 1 do
                states[t, i] <- x[i]

            if t % every = 0 then
                let replan = controller.Replan(ReadOnlySpan x, (if t = 0 then 0 else every))
                replans.Add replan
                watch t replan

            controller.Act(t % every, ReadOnlySpan x, Span u)

            for i in 0 .. m - 1 do
                inputs[t, i] <- u[i]

            plant.Step(ReadOnlySpan(Array.append x u), Span next, 1)
            x <- Array.copy next
            t <- t + 1

        for i in 0 .. n - 1 do
            states[t, i] <- x[i]

        {
            X = states[..t, *]
            U = inputs[.. t - 1, *]
            Replans = replans.ToArray()
            Disturbed = disturbed.ToArray()
        }

    /// The same, watched by nobody.
    let run controller plant disturb every steps start controls cancellation : ClosedLoop =
        watch (fun _ _ -> ()) controller plant disturb every steps start controls cancellation
