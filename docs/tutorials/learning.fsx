(**
---
title: Learning from few trials
category: Tutorials
categoryindex: 2
index: 6
---

# Learning from few trials

A motor is too weak to lift a rod at once, nobody knows the equations, and the sensors are noisy. PILCO learns to swing the rod up within a few runs
of four seconds each: it fits a Gaussian process to what was measured, and searches a policy on the exact gradient of the loss that the process
expects, with all that it does not know.
This page is a script: `dotnet fsi docs/tutorials/learning.fsx`, after `dotnet build -c Release src.fs/Research.Cli`.
*)
#load "../../scripts/load.fsx"

open System
open System.Threading
open Research
open Research.Environments
open Research.Agents

(**
## The system

What stands in for the real machine here. The learner is given `Advance`, from a state and a control to the state a step later, and does not look
into it: it could as well talk to a motor.
*)
let h = 0.1

/// angle from hanging down, and its rate, of a rod of 1 kg and 1 m with some friction
let rod (x: Vec) (u: Vec) =
    [| x[1]; 3.0 * (u[0] - 0.05 * x[1] - 0.5 * 9.82 * sin x[0]) |]

let advance = Scenario.ofOde 2 1 h rod

(**
## The task

States and controls with their units, how it starts and how well it is measured, and where it should be. The loss of a step is
1 − exp(−½ d²/width²), where d is the distance from the goal in sine and cosine of the angle.
*)
let task: LearningTask =
    {
        Name = "rod"
        States = [| { Name = "angle"; Unit = "rad" }; { Name = "rate"; Unit = "rad/s" } |]
        Controls = [| { Name = "torque"; Unit = "N m" } |]
        TimeStep = h
        Horizon = 40
        Advance = advance
        Noise = [| 0.01; 0.05 |]
        Start = [| 0.0; 0.0 |]
        StartSpread = [| 0.1; 0.1 |]
        Limits = [| 2.5 |]
        Angles = [| 0 |]
        Rows = array2D [ [ 0.0; 0.0; 1.0; 0.0 ]; [ 0.0; 0.0; 0.0; 1.0 ] ]
        Target = [| Math.PI; 0.0 |]
        Width = 0.5
        Reach = 0.1
    }

let scenario =
    { Scenario.ofTask task with
        Policy = Rbf 20
        LineSearches = 75
    }

(**
## Trials

The first run has random controls. Every later trial trains the model on all data so far, searches a policy, and runs it. A state is a value: it can be
kept as a checkpoint (`Checkpoint.toJson`), and goes on from there with the same bits.
*)
let rec learn (state: PilcoState) : PilcoState =
    if state.IsFinished then
        state
    else
        match Pilco.next (fun () -> 0.0) CancellationToken.None ignore state with
        | Advanced next -> learn next
        | Failed reason -> failwith reason
        | Stopped -> state

let learnt =
    learn (
        Pilco.start
            scenario
            { Pilco.defaults scenario with
                Seed = 1
            }
    )

for trial in learnt.Trials do
    let expected =
        match trial.Forecast with
        | Some forecast -> $"{Array.average forecast.Loss:F2}"
        | None -> "-"

    printfn
        "expected loss %5s, real loss %.2f%s"
        expected
        (Array.average trial.Rollout.Losses)
        (if trial.IsSolved then ", solved" else "")

printfn "%.0f s of experience" learnt.Experience
(*** include-output ***)

(**
## What the model knew

The last policy came with a forecast: means and standard deviations of all states of the run. A forecast that is honest about its ignorance has most
of the run within two deviations.
*)
let last = List.last learnt.Trials

match last.Forecast with
| None -> ()
| Some forecast ->
    printfn "%4s  %16s  %6s" "t, s" "expected, rad" "real"

    for t in 0..5..40 do
        printfn
            "%4.1f  %7.2f ± %6.2f  %6.2f"
            (float t * h)
            forecast.Mean[t, 0]
            (2.0 * forecast.Deviation[t, 0])
            last.Rollout.Plant[t, 0]
(*** include-output ***)

(**
Deisenroth and Rasmussen (2011) describe the method; `papers/pilco-2011` holds what was matched of it, and
`learn pilco --scenario cartpole` on the command line writes a report with a motion for every trial.
*)
(*** hide ***)
if not learnt.IsSolved then
    failwith "the rod was not swung up"
