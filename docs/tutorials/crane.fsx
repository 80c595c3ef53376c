(**
---
title: A model of your own
category: Tutorials
categoryindex: 2
index: 1
---

# A model of your own

A new model from nothing: state it, differentiate it, solve it, look at it. This page is a script:
`dotnet build -c Release src.fs/Research.Cli && dotnet fsi docs/tutorials/crane.fsx`.
*)
#load "../../scripts/load.fsx"

open System
open Research
open Research.Control
open Research.Lab

(**
## The model, written once

A crane trolley carries a load on a rope: x = [position, rope angle, their velocities], u = [force].
*)
let trolley, load, rope, gravity = 10.0, 5.0, 2.0, 9.81

let crane (x: Vec) (u: Vec) : Vec =
    let s, c = sin x[1], cos x[1]
    let total = trolley + load * (s * s)
    let swing = load * s * (rope * (x[3] * x[3]) + gravity * c)

    [|
        x[2]
        x[3]
        (u[0] + swing) / total
        -(u[0] * c + load * rope * (x[3] * x[3]) * s * c + (trolley + load) * gravity * s)
        / (rope * total)
    |]

(**
## Everything else is derived from it

A derivative, at a point:
*)
let at = Vec.ofFloats [ 0.0; 0.2; 0.0; 0.0; 5.0 ]

let jacobian =
    Diff.jacobian (fun z -> crane z[..3] z[4..]) at |> Array2D.map Trace.number

printfn "∂(acceleration of the trolley)/∂(angle, force) = %.4f, %.4f" jacobian[2, 1] jacobian[2, 4]
(*** include-output ***)

(**
## Discrete dynamics, a cost, a problem

Carry the load 3 m to the right in 4 s and leave it at rest, with at most 60 N.
*)
let h, horizon = 0.04, 100
let goal = Vec.ofFloats [ 3.0; 0.0; 0.0; 0.0 ]
let dynamics = Dynamics.ofTraced 4 1 (Integrator.rk4 (Real.constant h) crane)

let stage (x: Vec) (u: Vec) =
    h * (Cost.quadratic [| 0.1; 1.0; 0.0; 0.0 |] goal x + 1e-4 * u[0] * u[0])

let cost = Cost.create stage (Cost.quadratic [| 500.0; 500.0; 100.0; 100.0 |] goal)

let problem =
    Problem.create dynamics cost horizon [| 0.0; 0.0; 0.0; 0.0 |]
    |> Problem.withLimits [| -60.0 |] [| 60.0 |]

(**
## Solve it

From no force at all.
*)
let solution = Ilqr.solve Ilqr.defaults problem (Array2D.zeroCreate horizon 1)

printfn
    "%A after %d iterations, %.1f ms: cost %.6f"
    solution.Status
    solution.Iterations.Length
    (1e3 * solution.SolveSeconds)
    solution.Cost
(*** include-output ***)

(**
## Look at it

Force and rope angle over time:
*)
let bar low high (value: float) =
    let place = int (Math.Round(40.0 * (value - low) / (high - low)))

    String.init 41 (fun i ->
        if i = place then "●"
        elif i = 20 then "│"
        else " ")

printfn "%6s  %-41s  %-41s" "t, s" "force −60 … 60 N" "rope angle −0.5 … 0.5 rad"

for t in 0..5 .. horizon - 1 do
    printfn "%6.2f  %s  %s" (float t * h) (bar -60.0 60.0 solution.U[t, 0]) (bar -0.5 0.5 solution.X[t, 1])

let final = solution.X[horizon, *]
printfn "end: position %.4f m, angle %.4f rad, velocities %.4f m/s, %.4f rad/s" final[0] final[1] final[2] final[3]
(*** include-output ***)

(**
## A second method as a check

DDP keeps the second derivatives of the dynamics, and reaches the same cost.
*)
let second = Ddp.solve Ddp.defaults problem (Array2D.zeroCreate horizon 1)
printfn "DDP: %A after %d iterations, cost %.6f" second.Status second.Iterations.Length second.Cost
(*** include-output ***)

(**
## A picture of the crane

A scene says which shapes stand where at a state, in metres. The report plays it and opens in a browser without a network.
*)
let scene: Scene =
    {
        XRange = -1.0, 4.0
        YRange = -2.4, 0.4
        Shapes =
            fun x ->
                let hook = x[0] + rope * sin x[1], -rope * cos x[1]

                [
                    Segment(Ground, 0.03, (-1.0, 0.0), (4.0, 0.0))
                    Disc(Goal, (3.0, -rope), 0.14)
                    Box(Body, (x[0], 0.0), 0.5, 0.2, 0.0)
                    Segment(Limb, 0.03, (x[0], 0.0), hook)
                    Disc(Limb, hook, 0.12)
                ]
    }

let run =
    { Run.ofTrajectory
          "crane"
          h
          [
              "position", "m"
              "rope angle", "rad"
              "velocity", "m/s"
              "rope rate", "rad/s"
          ]
          solution.X
          [ ("force", "N") ]
          solution.U with
        Summary = "carry a load three metres and leave it at rest"
        Solver = "iLQR"
        Status = $"{solution.Status}"
        Iterations =
            solution.Iterations
            |> Array.map (fun i ->
                {
                    Number = i.Number
                    Cost = i.Cost
                    Gradient = i.Gradient
                    Violation = i.Gap
                    Regularisation = i.Regularisation
                    Step = i.Step
                    Seconds = i.Seconds
                })
        Converged = solution.Status.IsConverged
        Cost = solution.Cost
        Scene = scene
    }

let report =
    RunFolder.create $"{__SOURCE_DIRECTORY__}/../.." "crane" run.Started None "dotnet fsi docs/tutorials/crane.fsx"
    |> Result.map (fun folder ->
        RunFolder.writeText folder "report.html" (Report.toHtml run)
        folder)

printfn "%A" report

(*** hide ***)
if
    not (
        solution.Status.IsConverged
        && abs (second.Cost - solution.Cost) < 1e-3 * solution.Cost
    )
then
    failwith $"iLQR: {solution.Status} at {solution.Cost}; DDP: {second.Status} at {second.Cost}"
