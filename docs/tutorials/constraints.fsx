(**
---
title: Constraints
category: Tutorials
categoryindex: 2
index: 3
---

# Constraints, infeasible guesses and free time

A boat crosses a harbour with a mole in the way, must come to rest at the quay, and then must be as quick as it can.
This page is a script: `dotnet fsi docs/tutorials/constraints.fsx`, after `dotnet build -c Release src.fs/Research.Cli`.
*)
#load "../../scripts/load.fsx"

open Research
open Research.Control

let horizon = 60

/// x = [east; north; heading; speed], u = [thrust; rudder]
let boat (x: Vec) (u: Vec) =
    [| x[3] * cos x[2]; x[3] * sin x[2]; 0.8 * u[1] * x[3]; u[0] - 0.2 * x[3] |]

let start, quay = [| 0.0; 0.0; 0.0; 0.5 |], [| 10.0; 2.0 |]
let mole, radius = (5.0, 0.5), 1.5

(**
## Statement

A constraint is a named function that must be 0, or at most 0: on states, on paths, at the end. Limits of controls are the problem's own.
*)
let clearOfMole (x: Vec) =
    let dx, dy = x[0] - fst mole, x[1] - snd mole
    [| radius * radius - dx * dx - dy * dy |]

let atRest (x: Vec) =
    [| x[0] - quay[0]; x[1] - quay[1]; x[3] |]

let constraints =
    [
        Constraint.state "clear of the mole" clearOfMole
        Constraint.terminalEquality "at rest at the quay" atRest
    ]

let problem =
    let h = 12.0 / float horizon
    let dynamics = Dynamics.ofTraced 4 2 (Integrator.rk4 (Real.constant h) boat)

    let cost =
        Cost.create (fun _ u -> h * (u[0] * u[0] + u[1] * u[1])) (fun _ -> Real.Zero)

    Problem.create dynamics cost horizon start
    |> Problem.withLimits [| -1.0; -1.0 |] [| 1.0; 1.0 |]
    |> Problem.withConstraints constraints

(**
## Solution

`Constrained` solves by an augmented Lagrangian and ends with an active-set polish. Feasibility and optimality are reported apart. A guess of states
need not obey the dynamics: here it is a straight line, right through the mole.
*)
let line =
    Array2D.init (horizon + 1) 4 (fun t i ->
        let share = float t / float horizon

        if i < 2 then
            share * quay[i] + (1.0 - share) * start[i]
        else
            start[i])

let solution =
    Constrained.solveFrom Constrained.defaults problem line (Array2D.create horizon 2 0.05)

printfn
    "%A: cost %.4f, violation %.1e, gradient of the Lagrangian %.1e"
    solution.Status
    solution.Solution.Cost
    solution.Feasibility
    solution.Optimality

let clearance =
    [
        for t in 0..horizon ->
            sqrt (
                (solution.Solution.X[t, 0] - fst mole) ** 2.0
                + (solution.Solution.X[t, 1] - snd mole) ** 2.0
            )
            - radius
    ]

printfn "nearest to the mole: %.1e m" (List.min clearance)
(*** include-output ***)

(**
## Free final time

`FreeTime` makes the length of the steps a choice of the solver; a stage cost of the step's own length asks for haste.
*)
let hasty =
    FreeTime.problem
        4
        2
        (fun h -> Integrator.rk4 h boat)
        (fun h _ u -> h * (1.0 + 0.1 * (u[0] * u[0] + u[1] * u[1])))
        (fun _ _ -> Real.Zero)
        horizon
        start
        (0.02, 0.5)
        (Some([| -1.0; -1.0 |], [| 1.0; 1.0 |]))
    |> Problem.withConstraints (constraints |> List.map (FreeTime.constrain 4 2))

let quick =
    Constrained.solve Constrained.defaults hasty (FreeTime.controls solution.Solution.U (12.0 / float horizon))

printfn
    "%A: %.2f s instead of 12, violation %.1e"
    quick.Status
    (float horizon * FreeTime.stepOf quick.Solution)
    quick.Feasibility
(*** include-output ***)
(*** hide ***)
for name, found in [ "fixed time", solution; "free time", quick ] do
    if not (found.Status.IsConverged && found.Feasibility < 1e-8) then
        failwith $"{name}: {found.Status}, violation {found.Feasibility}"
