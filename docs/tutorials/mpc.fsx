(**
---
title: Model-predictive control
category: Tutorials
categoryindex: 2
index: 4
---

# Model-predictive control

A plan is only as good as its model. A controller that plans again at every tick, from where the system really is, forgives both a wrong model
and a push. This page is a script: `dotnet fsi docs/tutorials/mpc.fsx`, after `dotnet build -c Release src.fs/Research.Cli`.
*)
#load "../../scripts/load.fsx"

open System
open System.Threading
open Research
open Research.Control

(**
## A cart with a pole, and another one

The controller believes that the pole weighs 300 g. In truth it weighs 400 g, and somebody pushes it.
*)
let cartPole (pole: float) (x: Vec) (u: Vec) =
    let cart, length, gravity = 1.0, 0.5, 9.81
    let s, c = sin x[1], cos x[1]
    let swing = pole * s * (length * x[3] * x[3] + gravity * c)
    let acceleration = (u[0] + swing) / (cart + pole * s * s)
    [| x[2]; x[3]; acceleration; -(acceleration * c + gravity * s) / length |]

let h, horizon = 0.02, 80

let model pole =
    Dynamics.ofTraced 4 1 (Integrator.rk4 (Real.constant h) (cartPole pole))

let upright = Vec.ofFloats [ 0.0; Math.PI; 0.0; 0.0 ]

let problem =
    let stage (x: Vec) (u: Vec) =
        h * (Cost.quadratic [| 2.0; 5.0; 0.1; 0.1 |] upright x + 0.01 * u[0] * u[0])

    Problem.create
        (model 0.3)
        (Cost.create stage (Cost.quadratic [| 20.0; 50.0; 2.0; 5.0 |] upright))
        horizon
        [| 0.0; 0.0; 0.0; 0.0 |]
    |> Problem.withLimits [| -15.0 |] [| 15.0 |]

(**
## The loop

`Start` plans to convergence. Then every tick costs one iteration of iLQR about the old plan moved ahead in time, and between replans the plan's
feedback u = û + K(x − x̂) acts. `Prepare` and `Follow` split a replan, so that little is left to do once the state is known.
*)
let controller = Mpc.create Mpc.defaults problem

let push (t: int) (x: float[]) =
    if t = 200 then [| x[0]; x[1]; x[2]; x[3] + 3.0 |] else x

let loop =
    ClosedLoop.run controller (model 0.4) push 1 400 problem.Start (Array2D.create horizon 1 1.0) CancellationToken.None

let microseconds =
    loop.Replans |> Array.map (fun replan -> 1e6 * replan.Seconds) |> Array.sort

printfn
    "%d replans: median %.0f µs, 99 %% within %.0f µs"
    microseconds.Length
    microseconds[microseconds.Length / 2]
    microseconds[microseconds.Length * 99 / 100]

printfn "%5s  %8s  %8s  %8s" "t, s" "cart, m" "pole, °" "force, N"

for t in 0..25..399 do
    printfn "%5.1f  %8.3f  %8.1f  %8.2f" (float t * h) loop.X[t, 0] (loop.X[t, 1] * 180.0 / Math.PI) loop.U[t, 0]
(*** include-output ***)

(**
The pole is up after about two seconds, and again soon after the push at 4 s. Tassa, Erez and Todorov (2012) describe this scheme for whole
bodies with contacts; `papers/ilqg-2012` holds what was matched of it.
*)
(*** hide ***)
let tilt = loop.X[400, 1] - Math.PI

if abs tilt > 0.1 then
    failwith $"the pole ends {tilt} rad from upright"
