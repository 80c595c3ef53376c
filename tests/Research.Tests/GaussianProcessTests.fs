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

/// The first of the predictions at inputs.
let private predictFirst gp inputs : Prediction =
    let all = GaussianProcess.predict gp inputs in all[0]

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

                    let l, _ =
                        Option.get (Likelihood.factor (hyper 1 0.2) (Likelihood.correlations [| 0.8 |] inputs inputs))

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
                | Error(BadData reason) -> Expect.stringContains reason "the signal of output 0" "reason"
                | other -> failtest $"{other}"
            }

            test "a prediction does not depend on what else is asked, and each group of data is as easy as alone" {
                let short noise =
                    [|
                        {
                            Lengthscales = [| 0.3 |]
                            Signal = 1.0
                            Noise = noise
                        }
                    |]

                let grid = Array2D.init 8 1 (fun i _ -> float i / 7.0)

                let wave =
                    grid |> Array2D.map (fun x -> 0.8 - 0.45 * x + 0.1 * sin (4.0 * Math.PI * x))

                let gp = ok (GaussianProcess.condition (short 1e-6) grid wave)
                let alone = (predictFirst gp (array2D [ [ 0.31 ] ]))

                for others in [ [ 1e6 ]; [ 1e9 ]; [ -3.0; 0.1; 0.2; 1e12 ]; List.init 40 float ] do
                    let all = array2D ([ 0.31 ] :: List.map List.singleton others)
                    Expect.equal (predictFirst gp all) alone $"{others}"

                for apart in [ 1e2; 1e5; 1e6; 1e9 ] do
                    let both =
                        Array2D.init 16 1 (fun i _ -> (if i < 8 then 0.0 else apart) + 0.1 * float (i % 8))

                    let targets = Array2D.init 16 1 (fun i _ -> sin (0.3 * float (i % 8)))
                    let found = ok (GaussianProcess.condition (short 0.01) both targets)

                    // as alone
                    Expect.isLessThan
                        (abs ((predictFirst found (array2D [ [ 0.35 ] ])).Epistemic[0] - 5.5388e-5))
                        1e-8
                        $"{apart}"

                // the gradient of the likelihood too
                let inputs =
                    Array2D.init 12 1 (fun i _ -> (if i < 6 then 0.0 else 1e6) + 0.2 * float (i % 6))

                let targets = Array.init 12 (fun i -> sin (float i))
                let logs = [| log 0.3; log 1.1; log 0.2 |]
                let _, gradient = Likelihood.negativeLog inputs targets logs

                for k in 0..2 do
                    let at h =
                        fst (
                            Likelihood.negativeLog
                                inputs
                                targets
                                (logs |> Array.mapi (fun i v -> if i = k then v + h else v))
                        )

                    Expect.isLessThan (abs ((at 1e-5 - at -1e-5) / 2e-5 - gradient[k])) 1e-5 $"derivative {k}"
            }

            test "outputs that are always 0 stay 0" {
                let inputs = array2D [ [ 1.0; 2.0 ]; [ 2.0; 2.0 ]; [ 3.0; 1.0 ] ]
                let targets = array2D [ [ 0.0; 1.0 ]; [ 0.0; 2.0 ]; [ 0.0; 0.5 ] ]
                let gp = ok (GaussianProcess.fit GaussianProcess.defaults inputs targets)

                let moments =
                    MomentMap.apply
                        (GaussianProcess.moments gp)
                        {
                            Mean = [| 1.5; 1.5 |]
                            Covariance = array2D [ [ 0.1; 0.0 ]; [ 0.0; 0.1 ] ]
                        }

                Expect.equal moments.Mean[0] 0.0 "mean"
                Expect.isGreaterThanOrEqual moments.Covariance[0, 0] 0.0 "variance"
                Expect.isLessThan moments.Covariance[0, 0] 1e-11 "and small"
            }

            test "no variance of a prediction is negative, on data and between" {
                // data far enough apart that rounding, not the data, decides the sign
                for spacing in [ 0.1; 0.5; 0.8; 1.5; 3.0 ] do
                    for noise in [ 0.0; 1e-8 ] do
                        let inputs = Array2D.init 60 1 (fun i _ -> spacing * float i)

                        let hyper =
                            {
                                Lengthscales = [| 1.0 |]
                                Signal = 1.0
                                Noise = noise
                            }

                        let gp = ok (GaussianProcess.condition [| hyper |] inputs (Array2D.map sin inputs))
                        let everywhere = Array2D.init 240 1 (fun i _ -> 0.25 * spacing * float i)

                        for prediction in GaussianProcess.predict gp everywhere do
                            Expect.isGreaterThanOrEqual prediction.Epistemic[0] 0.0 $"{spacing} apart, noise {noise}"
            }

            test "covariances are positive on data without noise" {
                let inputs = Array2D.init 30 1 (fun i _ -> 0.1 * float i)
                let targets = inputs |> Array2D.map sin

                for noise in [ 1e-2; 1e-4; 1e-6; 1e-8; 0.0 ] do
                    for length in [ 1.0; 3.0 ] do
                        let gp =
                            ok (
                                GaussianProcess.condition
                                    [|
                                        {
                                            Lengthscales = [| length |]
                                            Signal = 1.0
                                            Noise = noise
                                        }
                                    |]
                                    inputs
                                    targets
                            )

                        for x in [ 1.55; 0.0; -1.0; 2.95; 4.0 ] do
                            Expect.isGreaterThanOrEqual
                                (predictFirst gp (array2D [ [ x ] ])).Epistemic[0]
                                0.0
                                "predicted"

                            for spread in [ 0.0; 1e-4; 0.01; 0.3 ] do
                                let moments =
                                    MomentMap.apply
                                        (GaussianProcess.moments gp)
                                        {
                                            Mean = [| x |]
                                            Covariance = array2D [ [ spread ] ]
                                        }

                                Expect.isGreaterThanOrEqual
                                    moments.Covariance[0, 0]
                                    0.0
                                    $"noise {noise} at {x} ± {spread}"

                                Expect.isLessThan moments.Covariance[0, 0] 2.0 "no more than the prior and the function"
            }

            test "a process grows with the jitter that its factor needed" {
                // two inputs at one place, without noise: no factor but with jitter
                let inputs = array2D [ [ 0.0 ]; [ 0.0 ]; [ 1.0 ] ]
                let targets = array2D [ [ 1.0 ]; [ 1.0 ]; [ 0.0 ] ]

                let still =
                    [|
                        {
                            Lengthscales = [| 1.0 |]
                            Signal = 1.0
                            Noise = 0.0
                        }
                    |]

                let gp = ok (GaussianProcess.condition still inputs targets)
                Expect.isGreaterThan gp.Jitter[0] 0.0 "jitter"
                let grown = ok (GaussianProcess.append [| 5.0 |] [| 0.3 |] gp)
                let last = grown.Factors[0].[3, *] |> Array.sumBy (fun l -> l * l)
                Expect.floatClose { absolute = 1e-16; relative = 0.0 } last (1.0 + gp.Jitter[0]) "the last element of K"
            }

            test "hyperparameters and data without meaning are named" {
                let inputs, targets = array2D [ [ 0.0 ]; [ 1.0 ] ], array2D [ [ 0.0 ]; [ 1.0 ] ]

                let says part result =
                    match result with
                    | Error(BadData reason) -> Expect.stringContains reason part "reason"
                    | other -> failtest $"{other}"

                let plain = hyper 1 0.1

                for wrong in
                    [
                        { plain with Lengthscales = [| -1.0 |] }
                        { plain with Lengthscales = [| 0.0 |] }
                        { plain with
                            Lengthscales = [| infinity |]
                        }
                    ] do
                    says "lengthscale 0 of output 0" (GaussianProcess.condition [| wrong |] inputs targets)

                says
                    "the signal of output 0 is NaN"
                    (GaussianProcess.condition [| { plain with Signal = nan } |] inputs targets)

                says
                    "the noise of output 0 is -1"
                    (GaussianProcess.condition [| { plain with Noise = -1.0 } |] inputs targets)

                let huge = targets |> Array2D.map (fun y -> 1e160 * y)
                says "target" (GaussianProcess.fit GaussianProcess.defaults inputs huge)
                says "input" (GaussianProcess.fit GaussianProcess.defaults huge targets)
                let tiny = targets |> Array2D.map (fun y -> 1e-160 * y)
                let gp = ok (GaussianProcess.fit GaussianProcess.defaults inputs tiny)

                let moments =
                    MomentMap.apply
                        (GaussianProcess.moments gp)
                        {
                            Mean = [| 0.5 |]
                            Covariance = array2D [ [ 0.1 ] ]
                        }

                Expect.isTrue (Double.IsFinite moments.Covariance[0, 0]) "moments"
            }

            test "a step of the mean has the same bits in any company" {
                let random = Random 8

                let hypers =
                    [|
                        hyper 3 0.1
                        { hyper 3 0.2 with
                            Lengthscales = [| 0.5; 2.0; 1.0 |]
                        }
                    |]

                let gp =
                    ok (GaussianProcess.condition hypers (random.Matrix(30, 3)) (random.Matrix(30, 2)))

                let dynamics = GaussianProcess.dynamics gp
                let count = 45
                let points = random.Vector(3 * count)
                let together = Array.zeroCreate (2 * count)
                dynamics.Step(ReadOnlySpan points, Span together, count)

                for size in [ 1; 2; 5; 9; 15; 45 ] do
                    for first in 0..size .. count - size do
                        let part =
                            Array.init (3 * size) (fun k -> points[k / size * count + first + k % size])

                        let results = Array.zeroCreate (2 * size)
                        dynamics.Step(ReadOnlySpan part, Span results, size)

                        for k in 0 .. 2 * size - 1 do
                            Expect.equal results[k] together[k / size * count + first + k % size] $"{size} from {first}"

                // and the value that the prediction has
                for p in 0 .. count - 1 do
                    let x = Array2D.init 1 3 (fun _ j -> points[j * count + p])
                    let mean = (predictFirst gp x).Mean

                    for a in 0..1 do
                        Expect.floatClose
                            Accuracy.high
                            together[a * count + p]
                            (points[a * count + p] + mean[a])
                            "prediction"
            }
        ]
