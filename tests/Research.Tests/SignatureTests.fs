/// Functions that return or read what is not there are refused where they are stated, by name and number.
module Research.Tests.SignatureTests

#nowarn "3391" // numbers stand for constants of a graph

open System
open Expecto
open Research
open Research.Control

let private h = 0.05

let private right (x: Vec) (u: Vec) = [| x[0] + h * x[1]; x[1] + h * u[0] |]
let private dynamics = Dynamics.ofTraced 2 1 right
let private cost = Cost.create (fun _ u -> u[0] * u[0]) (fun x -> x[0] * x[0])
let private problem = Problem.create dynamics cost 10 [| 0.0; 0.0 |]

let private refused name (words: string list) (act: unit -> unit) =
    test name {
        try
            act ()
            failtest "nothing was refused"
        with :? ArgumentException as fault ->
            for word in words do
                Expect.stringContains fault.Message word "message"
    }

[<Tests>]
let tests =
    testList
        "Signature"
        [
            refused "dynamics with a number too few" [ "2 states"; "returned 1" ] (fun () ->
                Dynamics.ofTraced 2 1 (fun x _ -> [| x[0] + h * x[1] |]) |> ignore)

            refused "dynamics with a number too many" [ "2 states"; "returned 3" ] (fun () ->
                Dynamics.ofTraced 2 1 (fun x u -> Array.append (right x u) [| x[0] |]) |> ignore)

            refused "dynamics that read a state too far" [ "is read by the dynamics"; "x[2]"; "2 numbers" ] (fun () ->
                Dynamics.ofTraced 2 1 (fun x _ -> [| x[0]; x[2] |]) |> ignore)

            refused "dynamics that read a control too far" [ "u[1]"; "1 numbers" ] (fun () ->
                Dynamics.ofTraced 2 1 (fun x u -> [| x[0]; u[1] |]) |> ignore)

            for name, integrate in
                [
                    "euler", Integrator.euler
                    "semiImplicit", Integrator.semiImplicit
                    "midpoint", Integrator.midpoint
                    "rk4", Integrator.rk4
                    "implicitMidpoint", Integrator.implicitMidpoint 2
                ] do
                refused $"rates of another number through {name}" [ "the state has 2"; "returned 3" ] (fun () ->
                    Dynamics.ofTraced 2 1 (integrate (Real.constant h) (fun x u -> [| x[1]; u[0]; x[0] |]))
                    |> ignore)

                refused $"rates that read too far through {name}" [ "x[2]" ] (fun () ->
                    Dynamics.ofTraced 2 1 (integrate (Real.constant h) (fun x u -> [| x[2]; u[0] |]))
                    |> ignore)

            refused "a stage cost" [ "is read by the stage cost"; "x[3]" ] (fun () ->
                Problem.create dynamics (Cost.create (fun x _ -> x[3]) (fun x -> x[0])) 10 [| 0.0; 0.0 |]
                |> ignore)

            refused "a terminal cost" [ "is read by the terminal cost"; "x[2]" ] (fun () ->
                Problem.create dynamics (Cost.create (fun x _ -> x[0]) (fun x -> x[2])) 10 [| 0.0; 0.0 |]
                |> ignore)

            refused "a signal" [ "s[1]" ] (fun () ->
                Problem.create dynamics (Cost.withSignals 1 (fun s _ _ -> s[1]) (fun _ x -> x[0])) 10 [| 0.0; 0.0 |]
                |> ignore)

            refused "a constraint" [ "is read by the constraint 'wall'"; "x[5]" ] (fun () ->
                problem
                |> Problem.withConstraints [ Constraint.state "wall" (fun x -> [| x[5] |]) ]
                |> ignore)

            refused "a measurement" [ "is read by the measurement"; "x[2]" ] (fun () ->
                NoisySystem.create
                    dynamics
                    (fun x -> [| x[2] |])
                    (array2D [ [ 1.0; 0.0 ]; [ 0.0; 1.0 ] ])
                    (array2D [ [ 1.0 ] ])
                |> ignore)

            refused "a policy that reads too far" [ "is read by the policy"; "x[2]" ] (fun () ->
                Policy.ofTraced 2 1 (fun p x -> [| p[0] * x[2] |]) [| 1.0 |] |> ignore)

            refused "a policy that reads a parameter too far" [ "θ[1]" ] (fun () ->
                Policy.ofTraced 2 1 (fun p x -> [| p[1] * x[1] |]) [| 1.0 |] |> ignore)

            refused
                "a policy of more controls than the system has"
                [ "the policy gave 2 controls at step 0" ]
                (fun () ->
                    let policy =
                        {
                            StateSize = 2
                            ControlSize = 1
                            Act = fun _ _ -> [| 0.0; 1.0 |]
                        }

                    Policy.simulate dynamics policy 3 [| 0.0; 0.0 |] |> ignore)

            refused "a gain of another size" [ "gain 0 is 1×3"; "1×2" ] (fun () ->
                Policy.feedback (Array2D.zeroCreate 2 2) (Array2D.zeroCreate 1 1) [| Array2D.zeroCreate 1 3 |]
                |> ignore)

            refused "a compiled function" [ "is read by the function"; "x[1]" ] (fun () ->
                Compile.compile 1 (fun x -> [| x[1] |]) |> ignore)

            refused "weights of a cost" [ "got 2 weights" ] (fun () ->
                Cost.smoothAbs [| 1.0; 2.0 |] [| 0.1; 0.1 |] [| Real.One |] |> ignore)

            test "exceptions of a function's own go through" {
                Expect.throwsT<InvalidOperationException>
                    (fun () -> Dynamics.ofTraced 1 1 (fun _ _ -> invalidOp "mine") |> ignore)
                    "its own"
            }

            test "the violation of a trajectory" {
                let walled =
                    problem
                    |> Problem.withConstraints
                        [
                            Constraint.state "wall" (fun x -> [| x[0] - 0.5; -1.0 - x[0] |])
                            Constraint.path "force" (fun _ u -> [| u[0] - 2.0 |])
                            Constraint.terminalEquality "end" (fun x -> [| x[0] - 9.0 |])
                        ]

                let states = array2D [ [ 0.9; 0.0 ]; [ 0.4; 0.0 ]; [ 0.7; 0.0 ]; [ 0.2; 0.0 ] ]

                let worst u =
                    Violation.worst walled states (array2D [ [ u ]; [ 0.0 ]; [ 0.0 ] ])

                match worst 0.0, worst 3.0 with
                | Some wall, Some force ->
                    // the start is nobody's fault
                    Expect.equal (wall.Constraint, wall.Step) ("wall", 2) "where"
                    Expect.floatClose Accuracy.high wall.Size 0.2 "by how much"
                    Expect.equal (force.Constraint, force.Step, force.Size) ("force", 0, 1.0) "the control at the start"
                | other -> failtest $"{other}"

                Expect.isNone (Violation.worst problem states (Array2D.zeroCreate 3 1)) "no constraints"
            }
        ]
