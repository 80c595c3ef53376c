module Research.Tests.ZeroOrderHoldTests

open Expecto
open Research.Control
open Research.Tests.Generators
open Research.Tests.LinearGaussian

let private randomRates (random: Random) n m : LqrStep =
    { Lqr.step (random.Matrix(n, n)) (random.Matrix(n, m)) (random.Positive(n, 0.0)) (random.Positive(m, 0.1)) with
        C = random.Vector n
        N = random.Matrix(n, m)
        QLinear = random.Vector n
        RLinear = random.Vector m
    }

/// rate of the cost
let private running (s: LqrStep) (x: float[]) (u: float[]) =
    let x, u = vector x, vector u

    0.5 * (x * matrix s.Q * x)
    + 0.5 * (u * matrix s.R * u)
    + x * matrix s.N * u
    + vector s.QLinear * x
    + vector s.RLinear * u

/// State and cost after a time h by many steps of Runge and Kutta.
let private integrated (s: LqrStep) h (x: float[]) (u: float[]) =
    let slope (z: float[]) =
        let x = z[.. z.Length - 2]
        let rate = matrix s.A * vector x + matrix s.B * vector u + vector s.C
        Array.append (rate.ToArray()) [| running s x u |]

    let steps = 200
    let d = h / float steps
    let ahead (z: float[]) t (k: float[]) = Array.map2 (fun a b -> a + t * b) z k
    let mutable z = Array.append x [| 0.0 |]

    for _ in 1..steps do
        let k1 = slope z
        let k2 = slope (ahead z (d / 2.0) k1)
        let k3 = slope (ahead z (d / 2.0) k2)
        let k4 = slope (ahead z d k3)
        z <- Array.init z.Length (fun i -> z[i] + d / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]))

    z[.. z.Length - 2], z[z.Length - 1]

[<Tests>]
let tests =
    testList
        "ZeroOrderHold"
        [
            testProperty "state and cost are those of fine steps of Runge and Kutta" (fun (seed: int) ->
                let random = Random seed
                let n, m = random.Whole(1, 4), random.Whole(1, 2)
                let rates, h = randomRates random n m, random.Rng.Uniform(0.1, 1.0)
                let step = ZeroOrderHold.step h rates
                let x, u = random.Vector n, random.Vector m
                let next, cost = integrated rates h x u
                let _, free = integrated rates h (Array.zeroCreate n) (Array.zeroCreate m)
                let ours = matrix step.A * vector x + matrix step.B * vector u + vector step.C
                let scale = 1.0 + Seq.max (Seq.map abs next) + abs cost + abs free
                Expect.isLessThan (distance ours next / scale) 1e-7 "state"
                Expect.isLessThan (abs (running step x u - (cost - free)) / scale) 1e-7 "cost"
                let a, b = ZeroOrderHold.model h rates.A rates.B
                Expect.isLessThan (distance (flat a) (flat step.A) / scale) 1e-12 "A alone"
                Expect.isLessThan (distance (flat b) (flat step.B) / scale) 1e-12 "B alone")

            testProperty "two steps of a half are a whole" (fun (seed: int) ->
                let random = Random seed
                let rates = randomRates random 3 2
                let half, whole = ZeroOrderHold.step 0.2 rates, ZeroOrderHold.step 0.4 rates
                let x, u = random.Vector 3, random.Vector 2

                let ahead (s: LqrStep) (x: float[]) =
                    (matrix s.A * vector x + matrix s.B * vector u + vector s.C).ToArray()

                let middle = ahead half x
                let origin = half.C
                let twice = running half x u + running half middle u
                // the parts that the affine term alone costs are left out of both
                let alone = running half origin (Array.zeroCreate 2)
                let scale = 1.0 + abs twice
                Expect.isLessThan (distance (ahead half middle) (ahead whole x)) 1e-10 "state"
                Expect.isLessThan (abs (twice - alone - running whole x u) / scale) 1e-10 "cost")

            testProperty "noise gathers as variance does" (fun (seed: int) ->
                let random = Random seed
                let a, w = random.Matrix(3, 3), random.Positive(3, 0.0)
                let part, whole = ZeroOrderHold.noise 0.3 a w, ZeroOrderHold.noise 0.8 a w
                let flow = MatrixExponential.compute (scaled 0.5 a)
                let rest = ZeroOrderHold.noise 0.5 a w
                let sum = map2 (+) (times (times flow part) (transposed flow)) rest
                let scale = flat whole |> Seq.map abs |> Seq.max
                Expect.isLessThan (distance (flat sum) (flat whole) / scale) 1e-12 "variance")

            test "closed forms" {
                let w =
                    ZeroOrderHold.noise
                        0.3
                        (array2D [ [ 0.0; 1.0 ]; [ 0.0; 0.0 ] ])
                        (array2D [ [ 0.0; 0.0 ]; [ 0.0; 2.0 ] ])

                Expect.isLessThan (distance (flat w) [ 2.0 * 0.009; 0.09; 0.09; 0.6 ]) 1e-15 "white acceleration"

                let stiff =
                    ZeroOrderHold.step
                        1.0
                        (Lqr.step
                            (array2D [ [ -1e4; 0.0 ]; [ 0.0; -1.0 ] ])
                            (array2D [ [ 1.0 ]; [ 0.0 ] ])
                            (array2D [ [ 1.0; 0.0 ]; [ 0.0; 1.0 ] ])
                            (array2D [ [ 1.0 ] ]))

                Expect.isLessThan (abs (stiff.Q[0, 0] / 0.5e-4 - 1.0)) 1e-11 "what a fast mode costs until it is gone"
                Expect.isLessThan (abs (stiff.Q[1, 1] - 0.5 * (1.0 - exp -2.0))) 1e-11 "and a slow one beside it"
                Expect.isLessThan (abs (stiff.R[0, 0] - (1.0 + 1e-8 * (1.0 - 2e-4 + 0.5e-4)))) 1e-15 "a held control"
            }

            test "what is wrong is named" {
                let one = array2D [ [ 1.0 ] ]

                Expect.throwsC (fun () -> ZeroOrderHold.model 0.0 one one |> ignore) (fun error ->
                    Expect.stringContains error.Message "a positive time, and got 0" "time")

                Expect.throwsC (fun () -> ZeroOrderHold.noise 1.0 one (Array2D.zeroCreate 2 2) |> ignore) (fun error ->
                    Expect.stringContains error.Message "w is 2×2; it must be 1×1" "size")

                Expect.throwsC
                    (fun () ->
                        ZeroOrderHold.step
                            1.0
                            { Lqr.step one one one one with
                                R = array2D [ [ nan ] ]
                            }
                        |> ignore)
                    (fun error -> Expect.stringContains error.Message "R holds a number that is not finite" "number")
            }

            test "a step in which the state grows beyond all numbers is refused" {
                Expect.throwsT<System.ArgumentException>
                    (fun () -> ZeroOrderHold.model 0.1 (array2D [ [ 1e10 ] ]) (array2D [ [ 1.0 ] ]) |> ignore)
                    "eⁿ, n = 10⁹"
            }
        ]
