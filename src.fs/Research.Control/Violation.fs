namespace Research.Control

open System
open Research

/// A constraint that a trajectory breaks: by how much, and at which step.
type Violation =
    {
        Constraint: string
        Step: int
        Size: float
    }

/// What the constraints of a problem say of a trajectory that need not be as long as the problem: of a closed loop.
[<RequireQualifiedAccess>]
module Violation =

    /// The largest violation along states [T+1, n] under controls [T, m]; 0 where all hold, none where the problem has no constraints. What is
    /// asked of the end alone is left out, since the end of a plan is not that of the trajectory, and so is what only the start decides. Signals
    /// are those of the problem, the last held.
    let worst (problem: Problem) (states: float[,]) (controls: float[,]) : Violation option =
        let n, m, own =
            problem.Dynamics.StateSize, problem.Dynamics.ControlSize, problem.Cost.Signals

        let x, u, s = Real.variables "x" n, Real.variables "u" m, Real.variables "s" own
        let steps = Array2D.length1 controls

        let readsControl (value: Real) =
            Trace.order [ value ]
            |> Array.exists (fun node -> u |> Array.exists (fun control -> obj.ReferenceEquals(control, node)))

        let violations =
            [|
                for given in problem.Constraints do
                    let size (value: float) =
                        if given.IsEquality then abs value else Math.Max(value, 0.0)

                    let stage = given.Stage s x u
                    let last = if stage.Length = 0 then [||] else given.Terminal s x
                    let isDecided = stage |> Array.map (readsControl >> not)
                    let ofStage = Compile.graph (Array.concat [ x; u; s ]) [||] stage
                    let ofEnd = Compile.graph (Array.append x s) [||] last

                    let signals t =
                        problem.Signals[min t problem.Horizon, *]

                    {
                        Constraint = given.Name
                        Step = 0
                        Size = 0.0
                    }

                    for t in 0..steps do
                        let values =
                            if t < steps then
                                ofStage.Run(Array.concat [ states[t, *]; controls[t, *]; signals t ])
                                |> Array.mapi (fun i value -> if t = 0 && isDecided[i] then 0.0 else size value)
                            else
                                ofEnd.Run(Array.append states[t, *] (signals t)) |> Array.map size

                        for value in values do
                            if not (value <= 0.0) then
                                {
                                    Constraint = given.Name
                                    Step = t
                                    Size = value
                                }
            |]

        if violations.Length = 0 then
            None
        else
            Some(
                violations
                |> Array.maxBy (fun v -> if Double.IsNaN v.Size then infinity else v.Size)
            )
