(**
---
title: Inverse optimal control
category: Tutorials
categoryindex: 2
index: 5
---

# Inverse optimal control

Somebody moves a pendulum, and we watch. Which cost do these motions minimise? With sensitivities of optimal trajectories the question is a
small least-squares problem: the weights of the cost are parameters θ, and the solver says how the optimal controls change with them.

This page is a script: `dotnet build -c Release src.fs/Research.Cli && dotnet fsi docs/tutorials/inverse-optimal-control.fsx`.
*)
#load "../../scripts/load.fsx"

open System
open MathNet.Numerics.LinearAlgebra
open Research
open Research.Control

(**
## A problem with weights to find

The model is known. The cost weighs the angle, the rate and the control; only ratios of weights change a motion, so that of the control is 1.
The weights are positive, so θ holds their logarithms.
*)
let h, horizon = 0.05, 40

let pendulum (x: Vec) (u: Vec) =
    [| x[1]; u[0] - 9.81 * sin x[0] - 0.1 * x[1] |]

let cost (theta: Vec) =
    let angle, rate = exp theta[0], exp theta[1]

    let error (x: Vec) =
        let e = x[0] - Math.PI
        0.5 * (angle * e * e + rate * x[1] * x[1])

    Cost.create (fun x u -> h * (error x + 0.5 * u[0] * u[0])) (fun x -> 5.0 * error x)

let solver =
    Sensitivity.problem 2 2 1 (fun _ -> Integrator.rk4 (Real.constant h) pendulum) cost horizon
    |> Sensitivity.create

let solve (theta: float[]) (start: float[]) (guess: float[,]) =
    match solver.Solve(theta, start, guess) with
    | Ok answer -> answer
    | Error status -> failwith $"no solution at θ = %A{theta}: {status}"

(**
## What we watch

Three motions from three starts, by weights that we then forget. The hand is not perfectly steady: its controls carry noise.
*)
let hidden = [| log 20.0; log 2.0 |]
let starts = [ [| 2.0; 0.0 |]; [| 2.6; 1.5 |]; [| 4.5; -0.5 |] ]
let still = Array2D.zeroCreate horizon 1
let rng = Rng.OfSeed 7

let demonstrations =
    starts
    |> List.map (fun start ->
        start,
        (solve hidden start still).Solution.U
        |> Array2D.map (fun u -> u + 0.1 * rng.Normal()))

(**
## Gauss–Newton on the weights

The residuals are the differences between our optimal controls and those we watched. Their Jacobian is `Controls`, dU/dθ at every step: it
comes from the Riccati factors of the solution, at the price of one more rollout. No problem is solved again to differentiate it.
*)
let residuals (theta: float[]) =
    [
        for start, watched in demonstrations do
            let answer = solve theta start watched

            for t in 0 .. horizon - 1 do
                answer.Solution.U[t, 0] - watched[t, 0], answer.Controls[t].[0, *]
    ]

let rec descend (theta: float[]) iteration =
    let rows = residuals theta
    let r = rows |> List.map fst |> Vector.Build.DenseOfEnumerable
    let j = rows |> List.map snd |> Matrix.Build.DenseOfRowArrays
    let step = j.QR().Solve(-r)
    printfn "%d  weights %8.4f %8.4f   squared error %.6f" iteration (exp theta[0]) (exp theta[1]) (r.DotProduct r)

    if step.L2Norm() < 1e-8 || iteration = 30 then
        theta, r, j
    else
        let length = min 1.0 (1.0 / step.L2Norm())
        descend (Array.map2 (fun t s -> t + length * s) theta (step.ToArray())) (iteration + 1)

let found, r, j = descend [| 0.0; 0.0 |] 0
(*** include-output ***)

(**
## How sure are we?

The same Jacobian tells: with noise of variance σ² in the controls the covariance of θ is σ² (JᵀJ)⁻¹. The hidden weights should lie within a
few standard deviations.
*)
let variance = r.DotProduct r / float (r.Count - 2)

let deviations =
    (variance * (j.TransposeThisAndMultiply j).Inverse()).Diagonal().PointwiseSqrt()

for i, name in [ 0, "angle"; 1, "rate" ] do
    printfn "%-5s  ln weight %.3f ± %.3f, hidden %.3f" name found[i] deviations[i] hidden[i]
(*** include-output ***)

(**
Source of the method: Amos and others, *Differentiable MPC for End-to-end Planning and Control* (2018). The same derivatives train a model from
the controls that a planner should have chosen, or let a network set the cost of a controller.
*)
(*** hide ***)
let surprise =
    Array.init 2 (fun i -> abs (found[i] - hidden[i]) / deviations[i]) |> Array.max

if not (surprise < 4.0) then
    failwith $"the weights found are {surprise} standard deviations away"
