module Research.Tests.BfgsTests

open Expecto
open Research
open Research.Tests.Generators

let private rosenbrock (x: float[]) =
    let a, b = 1.0 - x[0], x[1] - x[0] * x[0]
    a * a + 100.0 * b * b, [| -2.0 * a - 400.0 * x[0] * b; 200.0 * b |]

[<Tests>]
let tests =
    testList
        "Bfgs"
        [
            test "the valley of Rosenbrock" {
                let found =
                    Bfgs.minimise
                        { Bfgs.defaults with
                            GradientTolerance = 1e-8
                            ValueTolerance = 0.0
                        }
                        rosenbrock
                        [| -1.2; 1.0 |]

                Expect.equal found.Status Converged "status"
                Expect.isLessThan (distance found.X [ 1.0; 1.0 ]) 1e-8 "minimum"
                Expect.isLessThan found.Iterations 60 "it does not crawl"
            }

            test "first steps of line searches are no longer than asked, and the end is the same" {
                let points = ResizeArray()

                let far (x: float[]) =
                    points.Add(Array.copy x)
                    // a bowl so wide that a step of the method is long
                    1e-4 * (x[0] - 50.0) ** 2.0 + 1e-2 * x[1] * x[1], [| 2e-4 * (x[0] - 50.0); 2e-2 * x[1] |]

                let mutable before = [| 0.0; 30.0 |]

                let found =
                    Bfgs.minimise
                        { Bfgs.defaults with
                            FirstStep = 0.5
                            GradientTolerance = 1e-10
                            ValueTolerance = 0.0
                            Progress =
                                fun _ _ x ->
                                    let first = Seq.head points
                                    let length = sqrt (Seq.sum (Seq.map2 (fun a b -> (a - b) ** 2.0) first before))
                                    Expect.isLessThan length 0.5000001 "first step"
                                    before <- Array.copy x
                                    points.Clear()
                                    true
                        }
                        (fun x ->
                            let value = far x

                            if points.Count = 1 && x = before then
                                points.Clear()

                            value)
                        before

                Expect.isLessThan (distance found.X [ 50.0; 0.0 ]) 1e-5 "minimum"
            }

            testProperty "quadratics end at the solution of the linear system" (fun (seed: int) ->
                let random = Random seed
                let n = random.Whole(1, 12)
                let a, b = random.Positive(n, 0.1), random.Vector n

                let f (x: float[]) =
                    let ax = Array.init n (fun i -> Seq.sum (Seq.init n (fun j -> a[i, j] * x[j])))
                    0.5 * Array.sum (Array.map2 (*) x ax) - Array.sum (Array.map2 (*) b x), Array.map2 (-) ax b

                let found =
                    Bfgs.minimise
                        { Bfgs.defaults with
                            GradientTolerance = 1e-9
                            ValueTolerance = 0.0
                        }
                        f
                        (random.Vector n)

                Expect.isLessThan (distance found.X (solve a b)) 1e-6 "minimum")

            test "a wall of numbers that are not finite is stepped back from" {
                // ln x − x has its maximum at 1 and no values below 0
                let f (x: float[]) =
                    if x[0] <= 0.0 then
                        nan, [| nan |]
                    else
                        x[0] - log x[0], [| 1.0 - 1.0 / x[0] |]

                let found = Bfgs.minimise Bfgs.defaults f [| 30.0 |]
                Expect.equal found.Status Converged "status"
                Expect.floatClose Accuracy.medium found.X[0] 1.0 "minimum"
            }

            test "every way to end is named" {
                let search options = Bfgs.minimise options rosenbrock
                Expect.equal (search Bfgs.defaults [| 1.0; 1.0 |]).Status Converged "at the minimum"
                Expect.equal (search Bfgs.defaults [| nan; 1.0 |]).Status NotFiniteAtStart "nowhere"

                let short = search { Bfgs.defaults with MaxIterations = 3 } [| -1.2; 1.0 |]
                Expect.equal (short.Status, short.Iterations) (MaxIterationsReached, 3) "too short"

                let wrong =
                    Bfgs.minimise Bfgs.defaults (fun x -> x[0] * x[0], [| -2.0 * x[0] |]) [| 1.0 |]

                Expect.equal wrong.Status Stalled "a gradient of the wrong sign"

                Expect.throwsC
                    (fun () -> Bfgs.minimise Bfgs.defaults (fun _ -> 1.0, [||]) [| 1.0 |] |> ignore)
                    (fun error -> Expect.stringContains error.Message "a gradient of 0" "sizes")
            }
        ]
