module Research.Tests.DdpTests

open System
open Expecto
open Research
open Research.Control
open Research.Environments
open Research.Tests.Generators

let private tight =
    { Ddp.defaults with
        CostTolerance = 1e-13
        GradientTolerance = 1e-9
        MaxIterations = 1000
    }

let private zero (problem: Problem) =
    Array2D.zeroCreate problem.Horizon problem.Dynamics.ControlSize

let private ofEnvironment (e: Research.Environments.Environment) =
    let problem = e.Problem

    { problem with Limits = Some e.Limits }

[<Tests>]
let tests =
    testList
        "Ddp"
        [
            test "DDP and iLQR meet in one optimum" {
                for environment in [ CartPole.environment; Pendulum.environment; DoubleIntegrator.environment ] do
                    let problem = ofEnvironment environment
                    let ilqr = Ilqr.solve tight problem (zero problem)
                    let ddp = Ddp.solve tight problem ilqr.U
                    Expect.isLessThan (abs (ilqr.Cost - ddp.Cost) / ilqr.Cost) 1e-7 environment.Name
            }

            test "the Hessian of the value function is the second derivative of the optimal cost" {
                // one step of a nonlinear system: the value function is a function of one number, and its curvature needs that of the dynamics
                let dynamics =
                    Dynamics.ofTraced 1 1 (fun x u -> [| sin x[0] + 0.5 * u[0] * u[0] + u[0] |])

                let cost =
                    Cost.create (fun x u -> 0.5 * (x[0] * x[0] + u[0] * u[0])) (fun x -> 2.0 * x[0] * x[0])

                let problem = Problem.create dynamics cost 3 [| 0.8 |]
                let options = { tight with FirstRegularisation = 0.0 }
                let solution = Ddp.solve options problem (zero problem)

                let costAt d =
                    (Ddp.solve options { problem with Start = [| 0.8 + d |] } solution.U).Cost

                let h = 1e-3
                let second = (costAt h - 2.0 * solution.Cost + costAt -h) / (h * h)
                Expect.isLessThan (abs (second - solution.ValueHessian[0, 0]) / second) 1e-4 "Vxx"
                let withoutCurvature = Ilqr.solve options problem solution.U

                Expect.isGreaterThan
                    (abs (second - withoutCurvature.ValueHessian[0, 0]) / second)
                    1e-2
                    "iLQR's is another"
            }

            test "it needs fewer iterations than iLQR from near the optimum" {
                let problem =
                    { ofEnvironment CartPole.environment with
                        Limits = None
                    }

                let optimum = Ilqr.solve tight problem (zero problem)
                let near = Array2D.map (fun u -> 1.01 * u) optimum.U

                let iterations solve =
                    (solve { tight with FirstRegularisation = 0.0 } problem near: Solution).Iterations.Length

                Expect.isLessThan (iterations Ddp.solve) (iterations Ilqr.solve) "iterations"
            }

            test "dynamics that bring their own second derivatives need not be traced" {
                let problem = ofEnvironment Pendulum.environment
                let traced = problem.Dynamics

                let opaque =
                    { new Dynamics(2, 1) with
                        member _.Step(points, results, count) = traced.Step(points, results, count)

                        member _.Linearise(points, results, count) =
                            traced.Linearise(points, results, count)

                        member _.HasCurvature = true

                        member _.AddCurvature(point, lambda, hessian) =
                            traced.AddCurvature(point, lambda, hessian)

                        member _.Traced = ValueNone
                    }

                let one = Ddp.solve tight problem (zero problem)
                let other = Ddp.solve tight { problem with Dynamics = opaque } (zero problem)
                Expect.isLessThan (abs (one.Cost - other.Cost) / one.Cost) 1e-9 "cost"
                Expect.isLessThan (distance (flat one.U) (flat other.U)) 1e-4 "controls"
            }

            test "dynamics without second derivatives are refused" {
                let box = Dynamics.ofBatch 2 1 1e-6 (fun _ results _ -> Array.Clear results)
                let cost = Cost.create (fun _ u -> u[0] * u[0]) (fun x -> x[0] * x[0])
                let problem = Problem.create box cost 5 [| 0.0; 0.0 |]

                let fault =
                    Expect.throwsC (fun () -> Ddp.solve tight problem (zero problem) |> ignore) id

                Expect.stringContains fault.Message "second derivatives" "the message"
            }

            testProperty "random starts of the double integrator: one answer" (fun (seed: int) ->
                let random = Random seed

                let problem =
                    { ofEnvironment DoubleIntegrator.environment with
                        Start = random.Vector 2
                    }

                let ilqr, ddp =
                    Ilqr.solve tight problem (zero problem), Ddp.solve tight problem (zero problem)

                Expect.isLessThan (distance (flat ilqr.U) (flat ddp.U)) 1e-6 "controls")
        ]
