module Research.Tests.FreeTimeTests

open System
open Expecto
open Research
open Research.Control

let private slider (x: Vec) (u: Vec) = [| x[1]; u[0] |]

[<Tests>]
let tests =
    testList
        "FreeTime"
        [
            test "a mass that may push with 1 N gets from rest to rest over 1 m in 2 s" {
                // bang-bang: d = (t/2)²; the price of control keeps the solution unique and costs little
                let effort = 1e-4

                let problem =
                    FreeTime.problem
                        2
                        1
                        (fun h -> Integrator.rk4 h slider)
                        (fun h _ u -> h * (1.0 + 0.5 * effort * (u[0] * u[0])))
                        (fun _ _ -> Real.Zero)
                        40
                        [| 0.0; 0.0 |]
                        (0.01, 0.2)
                        (Some([| -1.0 |], [| 1.0 |]))
                    |> Problem.withConstraints
                        [
                            FreeTime.constrain
                                2
                                1
                                (Constraint.terminalEquality "there" (fun x -> [| x[0] - 1.0; x[1] |]))
                        ]

                let solution =
                    Constrained.solve Constrained.defaults problem (FreeTime.controls (Array2D.create 40 1 0.1) 0.1)

                Expect.isTrue solution.Status.IsConverged $"{solution.Status}"
                Expect.isLessThan solution.Feasibility 1e-8 "arrives"
                let taken = 40.0 * FreeTime.stepOf solution.Solution
                Expect.isLessThan (abs (taken - 2.0)) 2e-3 "time"
            }

            test "the time found is the best of all fixed times" {
                let goal = Vec.ofFloats [ Math.PI; 0.0 ]

                let ode (x: Vec) (u: Vec) =
                    [| x[1]; u[0] - 9.81 * sin x[0] - 0.1 * x[1] |]

                let step h = Integrator.rk4 h ode

                let stage (h: Real) (x: Vec) (u: Vec) =
                    h * (2.0 + Cost.quadratic [| 0.1; 0.1 |] goal x + 0.05 * u[0] * u[0])

                let terminal _ = Cost.quadratic [| 200.0; 20.0 |] goal

                let options =
                    { Ilqr.defaults with
                        CostTolerance = 1e-11
                        GradientTolerance = 1e-8
                    }

                let guess = Array2D.create 40 1 5.0

                let free =
                    Ilqr.solve
                        options
                        (FreeTime.problem 2 1 step stage terminal 40 [| 0.0; 0.0 |] (0.01, 0.2) None)
                        (FreeTime.controls guess 0.05)

                let h = FreeTime.stepOf free
                Expect.isTrue (h > 0.011 && h < 0.199) "inside its limits"

                let fixed' (h: float) =
                    let dynamics = Dynamics.ofTraced 2 1 (step (Real.constant h))
                    let cost = Cost.create (stage (Real.constant h)) (terminal h)
                    (Ilqr.solve options (Problem.create dynamics cost 40 [| 0.0; 0.0 |]) free.U[*, ..0]).Cost

                Expect.isLessThan (abs (fixed' h - free.Cost) / free.Cost) 1e-8 "the same cost at the same time"

                for factor in [ 0.97; 0.99; 1.01; 1.03 ] do
                    Expect.isGreaterThan (fixed' (factor * h)) free.Cost "any other time costs more"
            }

            test "impossible times are named" {
                Expect.throwsC
                    (fun () ->
                        FreeTime.problem
                            2
                            1
                            (fun h -> Integrator.euler h slider)
                            (fun h _ _ -> h)
                            (fun _ _ -> Real.Zero)
                            4
                            [| 0.0; 0.0 |]
                            (0.2, 0.1)
                            None
                        |> ignore)
                    (fun error -> Expect.stringContains error.Message "from 0.2 to 0.1" "message")
            }
        ]
