module Research.Tests.IntegratorTests

open System
open Expecto
open Research

type private Method = Real -> (Vec -> Vec -> Vec) -> Vec -> Vec -> Vec

let private none: Vec = [||]

/// many steps, on numbers
let private run (integrate: Method) (h: float) steps (f: Vec -> Vec -> Vec) (start: float[]) : float[] =
    let numbers: Vec -> float[] = Array.map Trace.number

    let step x _ =
        numbers (integrate (Real.constant h) f (Vec.ofFloats x) none)

    Seq.fold step start (seq { 1..steps })

/// q̈ = −q: q = cos t, v = −sin t from (1, 0)
let private oscillator (x: Vec) (_: Vec) : Vec = [| x[1]; -x[0] |]

/// ẋ = x(1 − x): x = 1/(1 + 3e⁻ᵗ) from ¼
let private logistic (x: Vec) (_: Vec) : Vec = [| x[0] * (1.0 - x[0]) |]

/// q̈ = −sin q
let private pendulum (x: Vec) (_: Vec) : Vec = [| x[1]; -(sin x[0]) |]

let private newton = 4

let private methods: (string * Method * float) list =
    [
        "euler", Integrator.euler, 1.0
        "midpoint", Integrator.midpoint, 2.0
        "rk4", Integrator.rk4, 4.0
        "implicitMidpoint", Integrator.implicitMidpoint newton, 2.0
    ]

let private error integrate steps f start (exact: float[]) duration =
    let found = run integrate (duration / float steps) steps f start
    Array.map2 (fun (a: float) b -> abs (a - b)) found exact |> Array.max

/// how far the slope between two finite steps may be from the order
let private slack = 0.1

let private expectOrder name integrate order f start exact duration =
    let coarse = error integrate 40 f start exact duration
    let fine = error integrate 80 f start exact duration
    let measured = Math.Log2(coarse / fine)
    Expect.isLessThan (abs (measured - order)) slack $"{name}: order {measured}"

let private swing = [| cos 1.0; -(sin 1.0) |]

[<Tests>]
let tests =
    testList
        "Integrator"
        [
            for name, integrate, order in methods do
                test $"{name} has order {order}" {
                    expectOrder name integrate order logistic [| 0.25 |] [| 1.0 / (1.0 + 3.0 * exp -1.0) |] 1.0
                    expectOrder name integrate order oscillator [| 1.0; 0.0 |] swing 1.0
                }

            test "semiImplicit has order 1" {
                expectOrder "semiImplicit" Integrator.semiImplicit 1.0 oscillator [| 1.0; 0.0 |] swing 1.0
            }

            test "the control is held over a step" {
                // ẋ = u: every method is exact
                for name, integrate, _ in methods do
                    let next =
                        integrate (Real.constant 0.3) (fun _ u -> u) (Vec.ofFloats [ 1.0 ]) (Vec.ofFloats [ 2.0 ])

                    Expect.floatClose Accuracy.veryHigh (Trace.number next[0]) 1.6 name
            }

            test "symplectic methods keep area, the others do not" {
                let area (integrate: Method) =
                    let step x =
                        integrate (Real.constant 0.3) pendulum x none

                    let j = Diff.jacobian step (Vec.ofFloats [ 0.8; 0.5 ])
                    Trace.number (j[0, 0] * j[1, 1] - j[0, 1] * j[1, 0])

                Expect.floatClose Accuracy.veryHigh (area Integrator.semiImplicit) 1.0 "semiImplicit"
                // as far as Newton's iterations solve the step
                Expect.floatClose Accuracy.veryHigh (area (Integrator.implicitMidpoint 6)) 1.0 "implicitMidpoint"
                Expect.isGreaterThan (abs (area Integrator.euler - 1.0)) 1e-2 "euler"
                Expect.isGreaterThan (abs (area Integrator.midpoint - 1.0)) 1e-4 "midpoint"
            }

            test "the energy of a pendulum stays near with symplectic methods, and grows without bound with euler's" {
                let energy (x: float[]) = 0.5 * x[1] * x[1] - cos x[0]
                let start = [| 1.5; 0.0 |]

                let drift integrate =
                    abs (energy (run integrate 0.05 4000 pendulum start) - energy start)

                Expect.isLessThan (drift Integrator.semiImplicit) 0.05 "semiImplicit, 200 s"
                Expect.isLessThan (drift (Integrator.implicitMidpoint 3)) 1e-3 "implicitMidpoint, 200 s"
                Expect.isLessThan (drift Integrator.rk4) 1e-3 "rk4, 200 s"
                Expect.isGreaterThan (drift Integrator.euler) 1.0 "euler, 200 s"
            }

            test "implicitMidpoint keeps quadratic invariants to rounding" {
                let x = run (Integrator.implicitMidpoint 2) 0.2 500 oscillator [| 1.0; 0.0 |]
                Expect.isLessThan (abs (x[0] * x[0] + x[1] * x[1] - 1.0)) 1e-12 "q² + v²"
            }

            test "implicitMidpoint is stable where explicit methods are not" {
                let stiff (x: Vec) (_: Vec) = [| -1000.0 * x[0] |]

                let reached integrate =
                    run integrate 0.01 100 stiff [| 1.0 |] |> Array.head |> abs

                Expect.isLessThan (reached (Integrator.implicitMidpoint 1)) 1e-6 "implicitMidpoint"
                Expect.isGreaterThan (reached Integrator.rk4) 1e6 "rk4"
            }

            test "steps are differentiable, by their length too" {
                let step (integrate: Method) (z: Vec) = integrate z[2] pendulum z[..1] none

                for name, integrate, _ in ("semiImplicit", Integrator.semiImplicit, 1.0) :: methods do
                    let report = Check.derivatives 1e-8 (step integrate) [| 0.8; -0.5; 0.1 |]
                    Expect.isTrue report.Agrees $"{name}: {report}"
                    let slope = Diff.jacobian (step integrate) (Vec.ofFloats [ 0.8; -0.5; 0.0 ])
                    Expect.floatClose Accuracy.veryHigh (Trace.number slope[0, 2]) -0.5 $"{name}: q̇ at h = 0"
                    Expect.floatClose Accuracy.veryHigh (Trace.number slope[1, 2]) (-(sin 0.8)) $"{name}: v̇ at h = 0"
            }

            test "semiImplicit needs as many velocities as positions" {
                let step () =
                    Integrator.semiImplicit Real.One (fun x _ -> x) (Vec.ofFloats [ 1.0; 2.0; 3.0 ]) none
                    |> ignore

                let fault = Expect.throwsC step id
                Expect.stringContains fault.Message "3 numbers" "message"
            }
        ]
