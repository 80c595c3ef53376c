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
    }

/// Systems under model-predictive control, which need not be what the controller's model says.
[<RequireQualifiedAccess>]
module ClosedLoop =

    /// A plan from the start and initial controls [T, m], then `steps` steps of the plant with a replan every `every` steps and feedback
    /// between. `disturb t x` is what pushes make of the state x before it is step t's; the controller sees the result.
    let run
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
        let mutable x = Array.copy start
        let u, next = Array.zeroCreate m, Array.zeroCreate n
        let mutable t = 0

        while t < steps && not cancellation.IsCancellationRequested do
            x <- disturb t x

            for i in 0 .. n - 1 do
                states[t, i] <- x[i]

            if t % every = 0 then
                replans.Add(controller.Replan(ReadOnlySpan x, (if t = 0 then 0 else every)))

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
        }
