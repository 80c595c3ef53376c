module Research.Tests.LqrTests

open Expecto
open Research.Control
open Research.Tests.Generators

/// direct solutions in double precision of problems with conditions up to about 1e4
let private direct = 1e-8

let private randomStep (random: Random) n m =
    {
        A = scaled (1.0 / sqrt (float n)) (random.Matrix(n, n))
        B = random.Matrix(n, m)
        C = random.Vector n
        Q = random.Positive(n, 0.0)
        R = random.Positive(m, 1.0)
        N = scaled 0.1 (random.Matrix(n, m))
        QLinear = random.Vector n
        RLinear = random.Vector m
    }

let private randomProblem (random: Random) n m horizon =
    {
        // enough weight on the state keeps the cross term harmless
        Steps =
            Array.init horizon (fun _ ->
                let step = randomStep random n m

                { step with
                    Q = map2 (+) step.Q (random.Positive(n, 1.0))
                })
        TerminalQ = random.Positive(n, 0.0)
        TerminalLinear = random.Vector n
    }

let private solved problem =
    match Lqr.solve problem with
    | Ok solution -> solution
    | Error fault -> failtest $"{fault}"

/// The controls of least cost, as one dense quadratic program in all of them: the cost of the controls is quadratic, so its gradient at 0 and
/// its differences give the program exactly.
let private denseControls (problem: LqrProblem) (start: float[]) =
    let m = problem.Steps[0].RLinear.Length
    let size = m * problem.Steps.Length

    let cost (u: float[]) =
        let n = start.Length

        let dot (a: float[]) (b: float[]) =
            Seq.fold2 (fun s x y -> s + x * y) 0.0 a b

        let form (w: float[,]) (a: float[]) (b: float[]) =
            Seq.sum (
                seq {
                    for i in 0 .. a.Length - 1 do
                        for j in 0 .. b.Length - 1 -> a[i] * w[i, j] * b[j]
                }
            )

        let mutable x = start
        let mutable total = 0.0

        problem.Steps
        |> Array.iteri (fun t step ->
            let control = u[t * m .. t * m + m - 1]

            total <-
                total
                + 0.5 * form step.Q x x
                + 0.5 * form step.R control control
                + form step.N x control
                + dot step.QLinear x
                + dot step.RLinear control

            x <- Array.init n (fun i -> dot step.A[i, *] x + dot step.B[i, *] control + step.C[i]))

        total + 0.5 * form problem.TerminalQ x x + dot problem.TerminalLinear x

    let unit i =
        Array.init size (fun j -> if i = j then 1.0 else 0.0)

    let at0 = cost (Array.zeroCreate size)
    let single = Array.init size (fun i -> cost (unit i))
    let opposite = Array.init size (fun i -> cost (Array.map (~-) (unit i)))
    let gradient = Array.init size (fun i -> 0.5 * (single[i] - opposite[i]))

    let hessian =
        Array2D.init size size (fun i j ->
            if i = j then
                single[i] + opposite[i] - 2.0 * at0
            else
                cost (Array.map2 (+) (unit i) (unit j)) - single[i] - single[j] + at0)

    solve hessian (Array.map (~-) gradient)

[<Tests>]
let tests =
    testList
        "Lqr"
        [
            testProperty "the controls are those of one dense quadratic program" (fun (seed: int) ->
                let random = Random seed

                let problem =
                    randomProblem random (random.Whole(1, 4)) (random.Whole(1, 3)) (random.Whole(1, 5))

                let start = random.Vector problem.TerminalLinear.Length
                let _, controls, _ = Lqr.rollout problem (solved problem) start
                let expected = denseControls problem start
                let scale = 1.0 + (expected |> Seq.map abs |> Seq.max)
                Expect.isLessThan (distance (Seq.concat controls) expected / scale) 1e-6 "controls")

            testProperty "the value function is the cost of the optimal rollout" (fun (seed: int) ->
                let random = Random seed

                let problem =
                    randomProblem random (random.Whole(1, 6)) (random.Whole(1, 3)) (random.Whole(1, 30))

                let solution = solved problem
                let start = random.Vector problem.TerminalLinear.Length
                let _, _, cost = Lqr.rollout problem solution start
                Expect.isLessThan (abs (cost - Lqr.evaluate solution.Values[0] start) / (1.0 + abs cost)) direct "cost")

            testProperty "any other control costs more" (fun (seed: int) ->
                let random = Random seed
                let problem = randomProblem random 3 2 6
                let solution = solved problem
                let start = random.Vector 3
                let _, _, best = Lqr.rollout problem solution start

                let spoilt =
                    { solution with
                        Feedforward =
                            solution.Feedforward
                            |> Array.map (Array.map (fun k -> k + 0.1 * random.Rng.Normal()))
                    }

                let _, _, other = Lqr.rollout problem spoilt start
                Expect.isGreaterThan other best "cost")

            testProperty "the gain does not change when Q and R scale together" (fun (seed: int) ->
                let random = Random seed
                let a, b = scaled 0.5 (random.Matrix(3, 3)), random.Matrix(3, 2)
                let q, r = random.Positive(3, 0.1), random.Positive(2, 0.1)

                let gain s =
                    (solved (Lqr.repeat 8 (Lqr.step a b (scaled s q) (scaled s r)) (scaled s q))).K[0]

                Expect.isLessThan (distance (flat (gain 1.0)) (flat (gain 7.0))) direct "gain")

            testProperty "a long horizon has the gain of the infinite one" (fun (seed: int) ->
                let random = Random seed
                let a, b = scaled 0.4 (random.Matrix(3, 3)), random.Matrix(3, 2)
                let q, r = random.Positive(3, 0.5), random.Positive(2, 0.5)

                match Dare.solve a b q r with
                | Ok infinite ->
                    let finite = (solved (Lqr.repeat 400 (Lqr.step a b q r) q)).K[0]
                    Expect.isLessThan (distance (flat finite) (flat (scaled -1.0 infinite.K))) 1e-7 "gain"
                | Error fault -> failtest $"{fault}")

            test "noise costs half the trace of P W a step, as sampled" {
                let random = Random 3

                let problem =
                    Lqr.repeat
                        10
                        (Lqr.step
                            (array2D [ [ 1.0; 0.1 ]; [ 0.0; 1.0 ] ])
                            (array2D [ [ 0.0 ]; [ 0.1 ] ])
                            (array2D [ [ 1.0; 0.0 ]; [ 0.0; 1.0 ] ])
                            (array2D [ [ 0.5 ] ]))
                        (array2D [ [ 2.0; 0.0 ]; [ 0.0; 2.0 ] ])

                let solution = solved problem
                let noise = Array.create 10 (array2D [ [ 0.04; 0.0 ]; [ 0.0; 0.09 ] ])

                let expected =
                    Lqr.expectedCost solution [| 1.0; 0.0 |] (Array2D.zeroCreate 2 2) noise

                let count = 20000

                let sample () =
                    let mutable x = [| 1.0; 0.0 |]
                    let mutable cost = 0.0

                    for t in 0..9 do
                        let u = solution.K[t].[0, 0] * x[0] + solution.K[t].[0, 1] * x[1]
                        cost <- cost + 0.5 * (x[0] * x[0] + x[1] * x[1]) + 0.25 * u * u
                        let p = x[0] + 0.1 * x[1] + 0.2 * random.Rng.Normal()
                        x <- [| p; x[1] + 0.1 * u + 0.3 * random.Rng.Normal() |]

                    cost + x[0] * x[0] + x[1] * x[1]

                let samples = Array.init count (fun _ -> sample ())
                let mean = Array.average samples

                let error =
                    sqrt (Array.averageBy (fun s -> (s - mean) ** 2.0) samples / float count)

                Expect.isLessThan (abs (mean - expected)) (4.0 * error) "mean within four standard errors"
            }

            test "an indefinite R, an empty horizon, wrong sizes and NaN are named" {
                let one = array2D [ [ 1.0 ] ]
                let step = Lqr.step one one one one

                Expect.equal
                    (Lqr.solve (Lqr.repeat 3 { step with R = array2D [ [ -5.0 ] ] } one))
                    (Error(LqrNotConvex 2))
                    "indefinite"

                let reason problem =
                    match Lqr.solve problem with
                    | Error(LqrIllPosed reason) -> reason
                    | other -> failtest $"{other}"

                Expect.stringContains (reason (Lqr.repeat 0 step one)) "horizon is empty" "empty"

                Expect.stringContains
                    (reason (
                        Lqr.repeat
                            3
                            { step with
                                B = array2D [ [ 1.0 ]; [ 2.0 ] ]
                            }
                            one
                    ))
                    "B of step 0 is 2×1"
                    "size"

                Expect.stringContains
                    (reason (Lqr.repeat 3 { step with Q = array2D [ [ nan ] ] } one))
                    "Q of step 0"
                    "NaN"
            }

            test "only the symmetric part of Q and R counts" {
                let random = Random 4
                let a, b = random.Matrix(3, 3), random.Matrix(3, 2)
                let q, r = random.Positive(3, 1.0), random.Positive(2, 1.0)

                let turned (size: float) (m: float[,]) =
                    m |> Array2D.mapi (fun i j value -> value + size * float (sign (i - j)))

                let gains q r =
                    (solved (Lqr.repeat 6 (Lqr.step a b q r) q)).K[0]

                Expect.isLessThan
                    (distance (flat (gains (turned 0.4 q) (turned 0.3 r))) (flat (gains q r)))
                    1e-12
                    "gains"
            }
        ]
