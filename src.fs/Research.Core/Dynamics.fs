namespace Research

open System
open Microsoft.FSharp.NativeInterop

#nowarn "9" // memory on the stack, for one small matrix

/// Discrete dynamics x' = f(x, u): all that solvers know of a system. Batched: point p of a batch of `count` has its state in rows 0 … n−1
/// and its control in rows n … n+m−1 of `points`, number i of it at i·count + p; results lie in the same way.
[<AbstractClass>]
type Dynamics(stateSize: int, controlSize: int) =
    do
        if stateSize < 1 || controlSize < 1 then
            invalidArg
                (nameof stateSize)
                $"dynamics need one state and one control or more, and got {stateSize} and {controlSize}"

    /// n.
    member _.StateSize = stateSize

    /// m.
    member _.ControlSize = controlSize

    /// Next states: n rows.
    abstract Step: points: ReadOnlySpan<float> * results: Span<float> * count: int -> unit

    /// Jacobians [f_x f_u]: n·(n+m) rows, of which row i·(n+m)+j is ∂fᵢ by number j of the point.
    abstract Linearise: points: ReadOnlySpan<float> * results: Span<float> * count: int -> unit

    /// True when `AddCurvature` gives second derivatives, which DDP needs.
    abstract HasCurvature: bool

    /// Adds ∂²(λᵀf)/∂(x,u)² at one point to an (n+m)×(n+m) matrix. An exception when these dynamics have no second derivatives.
    abstract AddCurvature: point: ReadOnlySpan<float> * lambda: ReadOnlySpan<float> * hessian: Span<float> -> unit

    /// The traced function f x u, where there is one: solvers fuse it with the cost into one kernel.
    abstract Traced: (Vec -> Vec -> Vec) voption

/// Ways to state dynamics.
[<RequireQualifiedAccess>]
module Dynamics =

    /// Dynamics from a traced function f x u of n states and m controls; all derivatives are exact.
    let ofTraced (n: int) (m: int) (f: Vec -> Vec -> Vec) : Dynamics =
        let trace (z: Vec) = f z[.. n - 1] z[n..]

        let size = n + m

        let _, first =
            Signature.trace "the dynamics" [ "x", max 0 n; "u", max 0 m ] (fun given -> f given[0] given[1])

        if first.Length <> n then
            invalidArg (nameof f) $"the dynamics have {n} states, and the function returned {first.Length}"

        let step = lazy (Compile.compile size trace)

        let jacobian =
            lazy
                (Compile.compile size (fun z ->
                    let variables = Real.variables "z" size

                    let rows =
                        Derive.jacobian variables (trace variables) |> Seq.cast<Real> |> Seq.toArray

                    Trace.substitute variables z rows))

        let curvature =
            lazy
                (Compile.compile (size + n) (fun zl ->
                    Diff.hessian (fun z -> Vec.dot (trace z) zl[size..]) zl[.. size - 1]
                    |> Seq.cast<Real>
                    |> Seq.toArray))

        { new Dynamics(n, m) with
            member _.Step(points, results, count) =
                step.Value.Run(points, ReadOnlySpan<float>.Empty, results, count)

            member _.Linearise(points, results, count) =
                jacobian.Value.Run(points, ReadOnlySpan<float>.Empty, results, count)

            member _.HasCurvature = true

            member _.AddCurvature(point, lambda, hessian) =
                let count = size + n + size * size

                let room =
                    Span<float>(NativePtr.toVoidPtr (NativePtr.stackalloc<float> count), count)

                point.CopyTo room
                lambda.CopyTo(room.Slice size)
                let second = room.Slice(size + n)
                curvature.Value.Run(Span.op_Implicit (room.Slice(0, size + n)), ReadOnlySpan<float>.Empty, second, 1)

                for i in 0 .. second.Length - 1 do
                    hessian[i] <- hessian[i] + second[i]

            member _.Traced = ValueSome f
        }

    /// Dynamics from anything that answers for a batch at once, `step points results count` in the layout of `Dynamics.Step`: a simulator, a
    /// network. Jacobians are central differences with the given relative step, all 2(n+m) neighbours of all points asked for in one batch.
    let ofBatch (n: int) (m: int) (differenceStep: float) (step: float[] -> float[] -> int -> unit) : Dynamics =
        let size = n + m

        { new Dynamics(n, m) with
            member _.Step(points, results, count) =
                let answer = Array.zeroCreate (n * count)
                step (points.Slice(0, size * count).ToArray()) answer count
                answer.AsSpan().CopyTo results

            member _.Linearise(points, results, count) =
                let all = 2 * size * count
                let around = Array.zeroCreate (size * all)
                let distance = Array.zeroCreate (size * count)

                for i in 0 .. size - 1 do
                    for p in 0 .. count - 1 do
                        distance[i * count + p] <- differenceStep * Math.Max(1.0, abs points[i * count + p])

                for i in 0 .. size - 1 do
                    for j in 0 .. size - 1 do
                        for p in 0 .. count - 1 do
                            let x = points[i * count + p]
                            let h = if i = j then distance[j * count + p] else 0.0
                            around[i * all + 2 * j * count + p] <- x - h
                            around[i * all + (2 * j + 1) * count + p] <- x + h

                let answer = Array.zeroCreate (n * all)
                step around answer all

                for i in 0 .. n - 1 do
                    for j in 0 .. size - 1 do
                        for p in 0 .. count - 1 do
                            let before = answer[i * all + 2 * j * count + p]
                            let after = answer[i * all + (2 * j + 1) * count + p]
                            results[(i * size + j) * count + p] <- (after - before) / (2.0 * distance[j * count + p])

            member _.HasCurvature = false

            member _.AddCurvature(_, _, _) =
                invalidOp "dynamics known by differences have no second derivatives"

            member _.Traced = ValueNone
        }
