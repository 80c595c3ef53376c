namespace Research.Control

open System

/// What is not finite along a trajectory, in words: which function gave it, for which state or control, at which step.
[<RequireQualifiedAccess>]
module internal Broken =

    let private isBroken x = not (Double.IsFinite x)

    /// The first state that is not finite; none where all are.
    let state (problem: Problem) (workspace: Workspace) : string option =
        let at t i = workspace.Points[i * workspace.Row + t]

        Seq.allPairs (seq { 0 .. problem.Horizon }) (seq { 0 .. problem.Dynamics.StateSize - 1 })
        |> Seq.tryFind (fun (t, i) -> isBroken (at t i))
        |> Option.map (fun (t, i) ->
            if t = 0 then
                $"starts where x[{i}] is {at t i}"
            else
                $"leads to a state that is not finite: the dynamics give x[{i}] = {at t i} after step {t - 1}")

    /// The first cost that is not finite, of the stages and the end.
    let cost (stages: float[]) (last: float) : string =
        match Array.tryFindIndex isBroken stages with
        | Some t -> $"has a stage cost of {stages[t]} at step {t}"
        | None when isBroken last -> $"has a terminal cost of {last}"
        | None -> "has costs whose sum overflows"

    /// The first derivative that is not finite.
    let derivative (problem: Problem) (workspace: Workspace) : string =
        let n, m = problem.Dynamics.StateSize, problem.Dynamics.ControlSize

        let variable j =
            if j < n then $"x[{j}]" else $"u[{j - n}]"

        let ofDynamics i j =
            $"the derivative of state {i} of the dynamics by {variable j}"

        let slope what j =
            $"the derivative of the {what} cost by {variable j}"

        let curvature what j k =
            $"the second derivative of the {what} cost by {variable j} and {variable k}"

        // a record of the model: fx, fu, lx, lu, lxx, lux, luu
        let names =
            [|
                for i in 0 .. n - 1 do
                    for j in 0 .. n - 1 do
                        ofDynamics i j

                for i in 0 .. n - 1 do
                    for j in 0 .. m - 1 do
                        ofDynamics i (n + j)

                for j in 0 .. n + m - 1 do
                    slope "stage" j

                for j in 0 .. n - 1 do
                    for k in 0 .. n - 1 do
                        curvature "stage" j k

                for j in 0 .. m - 1 do
                    for k in 0 .. n - 1 do
                        curvature "stage" (n + j) k

                for j in 0 .. m - 1 do
                    for k in 0 .. m - 1 do
                        curvature "stage" (n + j) (n + k)
            |]

        seq {
            for t in 0 .. problem.Horizon - 1 do
                for i in 0 .. names.Length - 1 do
                    let value = workspace.Model[t * workspace.ModelSize + i]

                    if isBroken value then
                        $"{names[i]} is {value} at step {t}"

            for i in 0 .. n - 1 do
                if isBroken workspace.TerminalGradient[i] then
                    $"""{slope "terminal" i} is {workspace.TerminalGradient[i]}"""

            for i in 0 .. n * n - 1 do
                if isBroken workspace.TerminalHessian[i] then
                    $"""{curvature "terminal" (i / n) (i % n)} is {workspace.TerminalHessian[i]}"""
        }
        |> Seq.tryHead
        |> Option.defaultValue "the derivatives along the trajectory grow beyond all numbers on the way back"
