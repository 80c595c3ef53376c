module Research.Tests.PolicyTests

open System
open Expecto
open Research
open Research.Control
open Research.Environments

let private cartPole =
    let e = CartPole.environment
    e.Problem

let private largest (a: float[,]) (b: float[,]) =
    Seq.map2 (fun (x: float) y -> abs (x - y)) (Seq.cast<float> a) (Seq.cast<float> b)
    |> Seq.max

/// two kernels of one model may differ in the last place, and an unstable system magnifies that
let private rounding = 1e-9

[<Tests>]
let tests =
    testList
        "Policy"
        [
            test "the law of a solution reproduces its trajectory" {
                let solution = Ilqr.solve Ilqr.defaults cartPole (Array2D.zeroCreate 100 1)
                let x, u = Policy.simulate cartPole.Dynamics solution.Policy 100 cartPole.Start
                Expect.isLessThan (largest x solution.X) rounding "states"
                Expect.isLessThan (largest u solution.U) rounding "controls"
            }

            test "feedback on a state that is not finite is the control of the trajectory" {
                let states, controls =
                    array2D [ [ 1.0; 2.0 ]; [ 0.0; 0.0 ] ], array2D [ [ 0.5; -0.5 ] ]

                let policy =
                    Policy.feedback states controls [| array2D [ [ 0.0; 1.0 ]; [ 2.0; 0.0 ] ] |]

                Expect.equal (policy.Act 0 [| 1.0; 3.0 |]) [| 1.5; -0.5 |] "finite"

                for poison in [ nan; infinity; -infinity ] do
                    for x in [ [| poison; 2.0 |]; [| 1.0; poison |] ] do
                        Expect.equal (policy.Act 0 x) [| 0.5; -0.5 |] $"{x[0]}, {x[1]}"
            }

            test "feedback brings a disturbed start closer to the trajectory than open loop does" {
                let solution = Ilqr.solve Ilqr.defaults cartPole (Array2D.zeroCreate 100 1)
                let start = [| 0.02; 0.05; 0.0; 0.0 |]

                let distance policy =
                    let x, _ = Policy.simulate cartPole.Dynamics policy 100 start
                    Seq.sum (Seq.init 4 (fun i -> abs (x[100, i] - solution.X[100, i])))

                Expect.isLessThan
                    (distance solution.Policy)
                    (0.2 * distance (Policy.openLoop 4 solution.U))
                    "distance at the end"
            }

            test "limits hold, and are reached" {
                let strong = Policy.ofTraced 2 1 (fun p x -> [| p[0] * x[0] |]) [| 100.0 |]
                let held = Policy.limited [| -1.0 |] [| 1.0 |] strong
                Expect.equal (held.Act 0 [| 0.5; 0.0 |]) [| 1.0 |] "upper"
                Expect.equal (held.Act 0 [| -0.5; 0.0 |]) [| -1.0 |] "lower"
                let between = held.Act 0 [| 0.005; 0.0 |]
                Expect.floatClose Accuracy.veryHigh between[0] 0.5 "between"
            }

            test "sizes that do not fit are named" {
                let policy = Policy.openLoop 3 (Array2D.zeroCreate 5 1)

                let act () =
                    Policy.simulate cartPole.Dynamics policy 5 cartPole.Start |> ignore

                let fault = Expect.throwsC act id
                Expect.stringContains fault.Message "4 states and 1 controls, the policy 3 and 1" "the message"
            }
        ]
