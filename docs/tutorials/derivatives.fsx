(**
---
title: Derivatives
category: Tutorials
categoryindex: 2
index: 2
---

# Derivatives and machine code

Every algorithm here starts from functions over `Real`, numbers that remember how they were made. This page shows what such a function can be
asked for. It is a script: `dotnet fsi docs/tutorials/derivatives.fsx`, after `dotnet build -c Release src.fs/Research.Cli`.
*)
#load "../../scripts/load.fsx"

open System
open System.Diagnostics
open Research

(**
## Functions from functions

`Diff` holds transforms with DiffSharp's names: each takes a traced function and gives a traced function, so they nest and compose. A name with
an f in front returns the value too.
*)
let rosenbrock (x: Vec) =
    let a, b = 1.0 - x[0], x[1] - x[0] * x[0]
    a * a + 100.0 * b * b

let at = Vec.ofFloats [ -1.0; 2.0 ]

let show (x: Vec) =
    x |> Array.map (fun r -> $"{Trace.number r}") |> String.concat "  "

printfn "gradient              %s" (show (Diff.grad rosenbrock at))
printfn "Hessian times (1, 0)  %s" (show (Diff.hessianv rosenbrock at (Vec.ofFloats [ 1.0; 0.0 ])))
printfn "∇(Laplacian)          %s" (show (Diff.grad (Diff.laplacian rosenbrock) at))
(*** include-output ***)

(**
## What depends on a number is a choice, not a branch

A traced function runs once, on symbols. An `if` on a symbol has no answer, so choices are written `Real.where`, with both sides present.
*)
let spring (x: Real) =
    Real.where (x .> Real.Zero) (5.0 * x) (x * x * x)

printfn
    "slopes at −2 and 2: %g, %g"
    (Trace.number (Diff.diff spring (Real.constant -2.0)))
    (Trace.number (Diff.diff spring (Real.constant 2.0)))
(*** include-output ***)

(**
## Never trust a derivative that nobody checked

`Check` compares derivatives with extrapolated differences and says which entries disagree and by how much. Here all is well:
*)
let pendulum (x: Vec) (u: Vec) = [| x[1]; u[0] - 9.81 * sin x[0] |]

let step (z: Vec) =
    Integrator.rk4 (Real.constant 0.05) pendulum z[..1] z[2..]

printfn "%O" (Check.derivatives 1e-8 step [| 0.3; -1.0; 0.5 |])
(*** include-output ***)

(**
## Machine code, and batches

`Compile` turns a function into SIMD code. A kernel answers for one point or for many at once, as structure of arrays: element i of point p is
at `i * count + p`. The Jacobian shares its work with the value.
*)
let kernel = Compile.valueAndJacobian 3 step
let count = 1000
let points = Array.init (3 * count) (fun i -> sin (float i))
let results = Array.zeroCreate<float>(kernel.Outputs * count)

let run () =
    kernel.Run(ReadOnlySpan points, ReadOnlySpan<float>.Empty, Span results, count)

run ()

let nanoseconds =
    let repetitions = 200
    let begun = Stopwatch.GetTimestamp()

    for _ in 1..repetitions do
        run ()

    Stopwatch.GetElapsedTime(begun).TotalNanoseconds / float (repetitions * count)

printfn
    "%d instructions, in %d lanes: %.0f ns for a step of Runge–Kutta with its Jacobian"
    kernel.Instructions
    kernel.Lanes
    nanoseconds
(*** include-output ***)

(**
`kernel.Listing` prints the instructions. Equal graphs share one kernel, and a kernel that is no longer used is collected with its code.
*)
