module Research.Tests.SensitivityTests

open System
open Expecto
open Research
open Research.Control
open Research.Tests.Generators

let private h = 0.05

/// A pendulum with damping and length as parameters, and two weights of its cost.
let private pendulum horizon =
    Sensitivity.problem
        4
        2
        1
        (fun theta ->
            Integrator.rk4 (Real.constant h) (fun x u ->
                [| x[1]; u[0] - 9.81 / theta[1] * sin x[0] - theta[0] * x[1] |]))
        (fun theta ->
            Cost.create
                (fun x u ->
                    let e = x[0] - Math.PI

                    h
                    * (0.5 * theta[2] * (e * e) + 0.05 * (x[1] * x[1]) + 0.5 * theta[3] * (u[0] * u[0])))
                (fun x -> 5.0 * ((x[0] - Math.PI) * (x[0] - Math.PI)) + 0.5 * (x[1] * x[1])))
        horizon

let private theta = [| 0.2; 1.1; 1.0; 0.3 |]
let private start = [| 0.4; 0.1 |]

let private solved (solver: SensitivitySolver) theta start (controls: float[,]) =
    match solver.Solve(theta, start, controls) with
    | Ok answer -> answer
    | Error status -> failtest $"{status}"

/// central differences of re-solved problems, from the solution itself
let private differences (solve: float[] -> float[]) (at: float[]) =
    let step = 1e-4

    Array.init at.Length (fun i ->
        let moved d =
            solve (Array.mapi (fun j v -> if i = j then v + d else v) at)

        // of fourth order
        Array.map2
            (fun far near -> (8.0 * near - far) / (12.0 * step))
            (Array.map2 (-) (moved (2.0 * step)) (moved (-2.0 * step)))
            (Array.map2 (-) (moved step) (moved -step)))

let private compare (name: string) (expected: float[][]) (actual: int -> int -> float) =
    for i in 0 .. expected.Length - 1 do
        for k in 0 .. expected[i].Length - 1 do
            let error =
                (let value = expected[i][k] in abs (actual k i - value) / (1.0 + abs value))

            Expect.isLessThan error 1e-6 $"{name} {k} by {i}"

[<Tests>]
let tests =
    testList
        "Sensitivity"
        [
            for name, limits in [ "free", None; "with limits that hold", Some([| -2.0 |], [| 2.0 |]) ] do
                test $"{name}: trajectory and cost change as re-solved problems do" {
                    let solver = Sensitivity.create { pendulum 30 with Limits = limits }
                    let answer = solved solver theta start (Array2D.create 30 1 0.1)
                    let u = answer.Solution.U

                    if limits.IsSome then
                        let held = u |> flat |> Seq.filter (fun u -> abs u = 2.0) |> Seq.length
                        Expect.isGreaterThan held 0 "a limit holds"
                        Expect.isLessThan held 30 "and not everywhere"

                    let again theta start = (solved solver theta start u).Solution

                    let all (s: Solution) =
                        Seq.concat [ flat s.U; flat s.X; Seq.singleton s.Cost ] |> Seq.toArray

                    let byParameter = differences (fun theta -> all (again theta start)) theta
                    let byStart = differences (fun start -> all (again theta start)) start

                    let expected (rows: float[][]) first count =
                        rows |> Array.map (fun row -> row[first .. first + count - 1])

                    compare "control" (expected byParameter 0 30) (fun t i -> answer.Controls[t].[0, i])
                    compare "state" (expected byParameter 30 62) (fun k i -> answer.States[k / 2].[k % 2, i])
                    compare "cost" (expected byParameter 92 1) (fun _ i -> answer.CostGradient[i])
                    compare "control" (expected byStart 0 30) (fun t i -> answer.ControlsByStart[t].[0, i])
                    compare "state" (expected byStart 30 62) (fun k i -> answer.StatesByStart[k / 2].[k % 2, i])
                    compare "cost" (expected byStart 92 1) (fun _ i -> answer.Solution.ValueGradient[i])

                    let curvature =
                        differences (fun theta -> (solved solver theta start u).CostGradient) theta

                    compare "curvature" curvature (fun k i -> answer.CostHessian[k, i])
                }

            test "weights of a cost are found again from the trajectory that they make" {
                let solver = Sensitivity.create (pendulum 30)
                let shown = (solved solver theta start (Array2D.create 30 1 0.1)).Solution

                // Gauss–Newton on ½‖U(θ) − U*‖² over the two weights
                let mutable guess = [| theta[0]; theta[1]; 0.5; 0.6 |]
                let mutable u = shown.U

                for _ in 1..12 do
                    let answer = solved solver guess start u
                    u <- answer.Solution.U
                    let j = Array2D.init 30 2 (fun t i -> answer.Controls[t].[0, 2 + i])
                    let r = Array.init 30 (fun t -> u[t, 0] - shown.U[t, 0])

                    let step =
                        solve
                            (times (transposed j) j)
                            (Array.init 2 (fun i -> Seq.sum (seq { for t in 0..29 -> j[t, i] * r[t] })))

                    guess <- Array.mapi (fun i v -> if i < 2 then v else Math.Max(0.05, v - step[i - 2])) guess

                Expect.isLessThan (distance guess theta) 1e-6 "weights"
            }

            test "wrong sizes are named" {
                let solver = Sensitivity.create (pendulum 30)

                Expect.throwsC
                    (fun () -> solver.Solve([| 1.0 |], start, Array2D.zeroCreate 30 1) |> ignore)
                    (fun error ->
                        Expect.stringContains error.Message "4 parameters and 2 states, and got 1 and 2" "message")
            }
        ]
