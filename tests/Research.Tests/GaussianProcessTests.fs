module Research.Tests.GaussianProcessTests

open System
open System.Threading
open Expecto
open Research
open Research.Control
open Research.Environments
open Research.Models
open Research.Tests.Generators

let private ok result =
    Result.defaultWith (fun (fault: GaussianProcessFault) -> failtest $"{fault}") result

let private hyper d noise =
    {
        Lengthscales = Array.create d 0.8
        Signal = 1.3
        Noise = noise
    }

[<Tests>]
let tests =
    testList
        "GaussianProcess"
        [
            testProperty "without noise the data are interpolated" (fun (seed: int) ->
                let random = Random seed
                let d, n = random.Whole(1, 3), random.Whole(1, 6)
                // points apart from each other
                let inputs = Array2D.init n d (fun i j -> 2.0 * float i + 0.1 * random.Rng.Normal())
                let targets = random.Matrix(n, 2)

                let gp =
                    ok (GaussianProcess.condition [| hyper d 1e-8; hyper d 1e-8 |] inputs targets)

                let predictions = GaussianProcess.predict gp inputs

                for i in 0 .. n - 1 do
                    Expect.isLessThan (distance predictions[i].Mean targets[i, *]) 1e-6 "mean"
                    Expect.isLessThan (Array.max predictions[i].Epistemic) 1e-6 "variance")

            testProperty "a process that grows is the process of all data" (fun (seed: int) ->
                let random = Random seed
                let d, n = random.Whole(1, 3), random.Whole(0, 40)
                let inputs, targets = random.Matrix(n + 1, d), random.Matrix(n + 1, 2)
                let hypers = [| hyper d 0.1; hyper d 0.3 |]
                let whole = ok (GaussianProcess.condition hypers inputs targets)

                let part =
                    ok (GaussianProcess.condition hypers inputs[.. n - 1, *] targets[.. n - 1, *])

                let grown = ok (GaussianProcess.append inputs[n, *] targets[n, *] part)
                let probes = random.Matrix(4, d)

                for one, other in
                    Array.zip (GaussianProcess.predict whole probes) (GaussianProcess.predict grown probes) do
                    Expect.isLessThan (distance one.Mean other.Mean) 1e-9 "mean"
                    Expect.isLessThan (distance one.Epistemic other.Epistemic) 1e-9 "variance")

            test "predictions are calibrated on functions drawn from the prior" {
                let random = Random 5
                let mutable inside, all = 0, 0

                for _ in 1..40 do
                    let inputs = Array2D.init 30 1 (fun _ _ -> random.Rng.Uniform(-3.0, 3.0))
                    let points = Likelihood.standardise inputs [| 0.8 |]

                    let l, _ =
                        Option.get (Likelihood.factor (hyper 1 0.2) (Likelihood.correlations points points))

                    let draw = random.Vector 30

                    let values =
                        Array2D.init 30 1 (fun i _ -> Seq.sum (seq { for j in 0..i -> l[i, j] * draw[j] }))

                    let gp =
                        ok (GaussianProcess.condition [| hyper 1 0.2 |] inputs[..19, *] values[..19, *])

                    for i, p in Array.indexed (GaussianProcess.predict gp inputs[20.., *]) do
                        all <- all + 1
                        let deviation = sqrt (p.Epistemic[0] + p.Aleatoric[0])

                        if abs (values[20 + i, 0] - p.Mean[0]) < 1.6449 * deviation then
                            inside <- inside + 1

                // 90 % of 400, three binomial standard deviations
                Expect.isLessThan (abs (float inside / float all - 0.9)) 0.045 "coverage of the 90 % interval"
            }

            test "the mean as dynamics has exact Jacobians" {
                let random = Random 3

                let gp =
                    ok (
                        GaussianProcess.condition
                            [| hyper 3 0.1; hyper 3 0.1 |]
                            (random.Matrix(15, 3))
                            (random.Matrix(15, 2))
                    )

                let dynamics = GaussianProcess.dynamics gp

                let differences =
                    Dynamics.ofBatch 2 1 1e-6 (fun points results count ->
                        dynamics.Step(ReadOnlySpan points, Span results, count))

                let points = random.Vector(3 * 4)
                let ours, reference = Array.zeroCreate (6 * 4), Array.zeroCreate (6 * 4)
                dynamics.Linearise(ReadOnlySpan points, Span ours, 4)
                differences.Linearise(ReadOnlySpan points, Span reference, 4)
                Expect.isLessThan (distance ours reference) 1e-7 "Jacobian"
                let next = Array.zeroCreate (2 * 4)
                dynamics.Step(ReadOnlySpan points, Span next, 4)

                let prediction =
                    (GaussianProcess.predict gp (array2D [ [ for i in 0..2 -> points[i * 4] ] ]))[0]

                Expect.isLessThan (abs (next[0] - points[0] - prediction.Mean[0])) 1e-10 "a step adds the mean"
            }

            test "iLQR and predictive control plan on a process and swing the true pendulum up" {
                let pendulum, h, horizon = Pendulum.environment, 0.1, 40
                let plant, (lower, upper) = pendulum.Dynamics h, pendulum.Limits
                let random = Random 1

                let drawn () =
                    Array2D.init horizon 1 (fun _ _ -> random.Rng.Uniform(lower[0], upper[0]))

                let task dynamics =
                    { Problem.create dynamics (pendulum.Cost h) horizon pendulum.Start with
                        Limits = Some(lower, upper)
                    }

                let run policy =
                    Policy.simulate plant (Policy.limited lower upper policy) horizon pendulum.Start

                let data = ResizeArray<float[] * float[]>()

                let learn (states: float[,], controls: float[,]) =
                    for t in 0 .. horizon - 1 do
                        data.Add(Array.append states[t, *] controls[t, *], Array.map2 (-) states[t + 1, *] states[t, *])

                for _ in 1..2 do
                    learn (run (Policy.openLoop 2 (drawn ())))

                let mutable plan = drawn ()
                let mutable known = None

                // from what is known so far a plan, which is tried out and teaches more
                for _ in 1..3 do
                    let inputs, targets = Seq.toArray data |> Array.unzip

                    let gp =
                        ok (
                            GaussianProcess.fit
                                { GaussianProcess.defaults with
                                    MaxIterations = 40
                                }
                                (array2D inputs)
                                (array2D targets)
                        )

                    let solution =
                        Ilqr.solve
                            { Ilqr.defaults with
                                MaxIterations = 200
                            }
                            (task (GaussianProcess.dynamics gp))
                            plan

                    let tried = run solution.Policy
                    plan <- solution.U
                    learn tried
                    known <- Some(gp, solution, fst tried)

                let gp, solution, states = Option.get known
                let final (states: float[,]) = states[horizon, *]
                let upright = pendulum.Goal.Value
                Expect.isTrue solution.Status.IsConverged "the plan"
                Expect.isLessThan (distance (final states) upright) 0.1 "by the plan's feedback"
                Expect.isLessThan (distance (final solution.X) (final states)) 0.1 "as planned"

                let controller = Mpc.create Mpc.defaults (task (GaussianProcess.dynamics gp))

                let loop =
                    ClosedLoop.run controller plant (fun _ x -> x) 1 horizon pendulum.Start plan CancellationToken.None

                Expect.isLessThan (distance (final loop.X) upright) 0.2 "by predictive control"
            }

            test "a cancelled training ends after an iteration" {
                let random = Random 4
                let inputs, targets = random.Matrix(20, 2), random.Matrix(20, 3)

                let fit options =
                    (Expect.wantOk (GaussianProcess.fit options inputs targets) "a process").Hyperparameters

                let cancelled =
                    fit
                        { GaussianProcess.defaults with
                            Cancellation = CancellationToken true
                        }

                let short =
                    fit
                        { GaussianProcess.defaults with
                            MaxIterations = 1
                        }

                Expect.equal cancelled short "one iteration"
                Expect.notEqual (fit GaussianProcess.defaults) short "of several"
            }

            test "duplicated points, constant targets, one point and none" {
                let twice = array2D [ [ 1.0 ]; [ 1.0 ]; [ 2.0 ] ]

                let gp =
                    ok (GaussianProcess.condition [| hyper 1 0.0 |] twice (array2D [ [ 1.0 ]; [ 1.0 ]; [ 0.0 ] ]))

                Expect.isGreaterThan gp.Jitter[0] 0.0 "jitter is recorded"
                Expect.isLessThan gp.Jitter[0] 1e-9 "and small"
                let prediction = (GaussianProcess.predict gp twice)[0]
                Expect.isLessThan (abs (prediction.Mean[0] - 1.0)) 1e-4 "and the data are met"

                for constant in [ 0.0; 3.0 ] do
                    let inputs = array2D [ for i in 0..9 -> [ float i ] ]

                    let gp =
                        ok (GaussianProcess.fit GaussianProcess.defaults inputs (Array2D.create 10 1 constant))

                    let p = (GaussianProcess.predict gp (array2D [ [ 4.5 ] ]))[0]
                    Expect.isLessThan (abs (p.Mean[0] - constant)) 0.05 "constant targets"

                let one =
                    ok (GaussianProcess.fit GaussianProcess.defaults (array2D [ [ 1.0 ] ]) (array2D [ [ 2.0 ] ]))

                let answer = (GaussianProcess.predict one (array2D [ [ 0.0 ] ]))[0]
                Expect.isTrue (Double.IsFinite answer.Mean[0]) "one point"

                let none =
                    ok (GaussianProcess.condition [| hyper 2 0.1 |] (Array2D.zeroCreate 0 2) (Array2D.zeroCreate 0 1))

                let prior = (GaussianProcess.predict none (array2D [ [ 1.0; 2.0 ] ]))[0]
                Expect.floatClose Accuracy.veryHigh prior.Epistemic[0] (1.3 * 1.3) "the prior"
                Expect.equal prior.Mean [| 0.0 |] "its mean"

                let moments =
                    MomentMap.apply (GaussianProcess.moments none) (Gaussian.independent [| 0.0; 0.0 |] [| 1.0; 1.0 |])

                Expect.floatClose Accuracy.veryHigh moments.Covariance[0, 0] (1.3 * 1.3) "and its moments"
            }

            test "bad data are values that say what is wrong" {
                let fit inputs targets =
                    GaussianProcess.fit GaussianProcess.defaults inputs targets

                let says words =
                    function
                    | Error(BadData text) -> Expect.stringContains text words "message"
                    | other -> failtest $"{other}"

                fit (array2D [ [ nan ] ]) (array2D [ [ 1.0 ] ]) |> says "not finite"

                fit (array2D [ [ 1.0 ] ]) (array2D [ [ 1.0 ]; [ 2.0 ] ])
                |> says "1 inputs need as many targets, and got 2"

                fit (Array2D.zeroCreate 2 0) (Array2D.zeroCreate 2 1) |> says "none may be 0"

                match
                    GaussianProcess.condition
                        [| { hyper 1 0.1 with Signal = infinity } |]
                        (array2D [ [ 1.0 ] ])
                        (array2D [ [ 1.0 ] ])
                with
                | Error fault -> Expect.equal fault (Singular 0) "no factor"
                | Ok _ -> failtest "an infinite signal has no factor"
            }
        ]
