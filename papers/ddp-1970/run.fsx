// Order of convergence of DDP and iLQR near a solution, and the value gradient of the backward pass.
//   dotnet build -c Release src.fs/Research.Cli && dotnet fsi papers/ddp-1970/run.fsx [--smoke]
#load "../../scripts/load.fsx"

open System
open System.IO
open Research
open Research.Control
open Research.Environments

// A damped pendulum driven with no limits: smooth, and far enough from linear that the two methods differ.
let horizon = if isSmoke then 40 else 100
let h = 2.0 / float horizon
let dynamics = Dynamics.ofTraced 2 1 (Integrator.rk4 (Real.constant h) Pendulum.ode)
let goal = Vec.ofFloats [ Math.PI; 0.0 ]

let stage (x: Vec) (u: Vec) =
    h * (Cost.quadratic [| 1.0; 0.1 |] goal x + 0.05 * u[0] * u[0])

let cost = Cost.create stage (Cost.quadratic [| 20.0; 2.0 |] goal)
let problem = Problem.create dynamics cost horizon [| 0.5; 0.0 |]

// Near a solution the methods take their full steps; a line search would only compare costs that differ by rounding.
let exact =
    { Ilqr.defaults with
        MaxIterations = 20
        CostTolerance = 0.0
        GradientTolerance = 0.0
        FirstRegularisation = 0.0
        Steps = [| 1.0 |]
        AcceptRatio = Double.NegativeInfinity
    }

let zero = Array2D.zeroCreate horizon 1
let optimum = Ddp.solve exact problem (Ddp.solve Ddp.defaults problem zero).U

/// largest error of the controls after 0, 1, 2, … iterations from a start near the solution
let errors (solve: Options -> Problem -> float[,] -> Solution) (amplitude: float) =
    let near =
        Array2D.init horizon 1 (fun t _ -> optimum.U[t, 0] + amplitude * sin (7.0 * float t / float horizon))

    Array.init 7 (fun k ->
        let solution = solve { exact with MaxIterations = k } problem near

        Seq.map2 (fun a b -> abs (a - b)) (Seq.cast<float> solution.U) (Seq.cast<float> optimum.U)
        |> Seq.max)

let amplitudes = [| 0.0005; 0.001; 0.002; 0.004 |]
let ddp = amplitudes |> Array.map (errors Ddp.solve)
let ilqr = amplitudes |> Array.map (errors Ilqr.solve)

/// order p of e' = C eᵖ: slope of log eₖ₊₁ over log eₖ among starts at different distances. For DDP k = 1, before rounding plays a part;
/// for iLQR k = 3, after its first steps have been faster than linear.
let order k (all: float[][]) =
    let first, last = all[0], all[all.Length - 1]
    log (last[k + 1] / first[k + 1]) / log (last[k] / first[k])

let show name k (all: float[][]) =
    for amplitude, errors in Array.zip amplitudes all do
        let text = errors |> Seq.map (fun e -> e.ToString "0.0e0") |> String.concat "  "
        printfn "%-5s from %.4f: %s" name amplitude text

    printfn "%-5s order %.2f" name (order k all)

show "DDP" 1 ddp
show "iLQR" 3 ilqr
let rate = ilqr |> Array.map (fun e -> e[4] / e[3]) |> Array.average
printfn "iLQR  rate e'/e of the later iterations %.2f" rate

// Vx of the backward pass against differences of re-solved problems
let valueAt (x: float[]) =
    (Ddp.solve exact { problem with Start = x } optimum.U).Cost

let difference =
    Array.init 2 (fun i ->
        let moved d =
            Array.mapi (fun j x -> if i = j then x + d else x) problem.Start

        (valueAt (moved 1e-4) - valueAt (moved -1e-4)) / 2e-4)

let gradientError =
    Array.map2 (fun a b -> abs (a - b) / (1.0 + abs b)) optimum.ValueGradient difference
    |> Array.max

printfn "value gradient against differences of re-solved problems: %.1e" gradientError

if not isSmoke then
    File.WriteAllLines(
        Path.Combine(__SOURCE_DIRECTORY__, "results.csv"),
        [
            "method,distance,iteration,error of the controls"
            for name, all in [ "DDP", ddp; "iLQR", ilqr ] do
                for amplitude, errors in Array.zip amplitudes all do
                    for k, e in Array.indexed errors do
                        FormattableString.Invariant $"{name},{amplitude},{k},{e:R}"
        ]
    )

let met =
    order 1 ddp > 1.8
    && abs (order 3 ilqr - 1.0) < 0.1
    && rate < 0.5
    && gradientError < 1e-5

printfn
    "%s"
    (if met then
         "as the theory says"
     else
         "NOT as the theory says")

exit (if met then 0 else 1)
