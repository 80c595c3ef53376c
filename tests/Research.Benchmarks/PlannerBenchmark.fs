namespace Research.Benchmarks

open System
open System.Runtime.CompilerServices
open Research
open Research.Control
open Research.Environments

/// Rollouts of populations on the cart-pole against a loop written by hand in plain numbers, and plans of the sampling planners.
[<RequireQualifiedAccess>]
module PlannerBenchmark =

    let private horizon = 50
    let private h = CartPole.environment.TimeStep

    let private problem =
        { CartPole.environment.ProblemOver(h, horizon) with
            Limits = Some([| -20.0 |], [| 20.0 |])
        }

    /// Accelerations of cart and pole, as `CartPole.ode`.
    let inline private accelerations (angle: float) (rate: float) (force: float) : struct (float * float) =
        let struct (s, c) = Math.SinCos angle
        let m1, m2, l, g = 1.0, 0.3, 0.5, 9.81
        let d = 1.0 / (m1 + m2 * (s * s))
        let push = l * m2 * s * rate * rate

        struct ((push + force + m2 * g * c * s) * d, -(push * c + force * c + (m1 + m2) * g * s) * d * (1.0 / l))

    /// Costs of all sequences, one after the other, a step of RK4 at a time.
    [<MethodImpl(MethodImplOptions.AggressiveOptimization)>]
    let private scalar (start: float[]) (controls: float[]) (count: int) (costs: float[]) =
        for q in 0 .. count - 1 do
            let mutable p, a, v, w = start[0], start[1], start[2], start[3]
            let mutable cost = 0.0

            for t in 0 .. horizon - 1 do
                let u = controls[t * count + q]
                let dp, da = p - 1.0, a - Math.PI

                cost <- cost + h * (0.5 * (dp * dp + da * da + 0.1 * (v * v + w * w)) + 0.025 * u * u)

                let struct (v1, w1) = accelerations a w u
                let v2, w2 = v + 0.5 * h * v1, w + 0.5 * h * w1
                let struct (a2, b2) = accelerations (a + 0.5 * h * w) w2 u
                let v3, w3 = v + 0.5 * h * a2, w + 0.5 * h * b2
                let struct (a3, b3) = accelerations (a + 0.5 * h * w2) w3 u
                let v4, w4 = v + h * a3, w + h * b3
                let struct (a4, b4) = accelerations (a + h * w3) w4 u
                p <- p + h / 6.0 * (v + 2.0 * (v2 + v3) + v4)
                a <- a + h / 6.0 * (w + 2.0 * (w2 + w3) + w4)
                v <- v + h / 6.0 * (v1 + 2.0 * (a2 + a3) + a4)
                w <- w + h / 6.0 * (w1 + 2.0 * (b2 + b3) + b4)

            let dp, da = p - 1.0, a - Math.PI
            costs[q] <- cost + 0.5 * (100.0 * (dp * dp + da * da) + 10.0 * (v * v + w * w))

    let private rollouts () =
        let count = 64
        let controls = Array.zeroCreate<float>(horizon * count)
        Noise.normal (Rng.OfSeed 1) (Span controls)

        for i in 0 .. controls.Length - 1 do
            controls[i] <- 5.0 * controls[i]

        let opaque =
            { problem with
                Dynamics =
                    Dynamics.ofBatch 4 1 1e-6 (fun points answers count ->
                        problem.Dynamics.Step(ReadOnlySpan points, Span answers, count))
            }

        let expected, found = Array.zeroCreate count, Array.zeroCreate count
        let steps = float (horizon * count)

        let each costs =
            Timing.nanoseconds (fun () -> costs problem.Start controls count found) / steps

        let baseline = each scalar
        Array.blit found 0 expected 0 count

        for name, problem, bar in [ "traced", problem, Some 0.25; "in batches", opaque, None ] do
            let ours = each (Objective.ofProblem problem).Costs

            let error = Seq.map2 (fun (a: float) b -> abs (a - b) / b) found expected |> Seq.max

            Timing.compare $"a step of a cart-pole rollout with its cost, {name}" "ns" ours baseline bar

            printfn
                "    %.0f million steps a second, the scalar loop %.0f; costs differ by %.0e at most"
                (1e3 / ours)
                (1e3 / baseline)
                error

    let private plans () =
        let objective = Objective.ofProblem problem
        let rollout = Array.zeroCreate<float>(horizon * 1000)
        let costs = Array.zeroCreate<float> 1000

        let step =
            Timing.nanoseconds (fun () -> objective.Costs problem.Start rollout 1000 costs)
            / float rollout.Length

        let planners: (string * (Objective -> Rng -> SamplingPlanner)) list =
            [
                "random shooting", RandomShooting.create RandomShooting.defaults
                "CEM", Cem.create Cem.defaults
                "iCEM", ICem.create ICem.defaults
                "MPPI", Mppi.create Mppi.defaults
                "predictive sampling", PredictiveSampling.create PredictiveSampling.defaults
            ]

        for name, make in planners do
            let planner = make objective (Rng.OfSeed 1)
            let mutable sequences = 0

            let time =
                Timing.nanoseconds (fun () -> sequences <- planner.Replan(ReadOnlySpan problem.Start, 1).Evaluations)

            let steps = float (sequences * horizon)

            printfn
                "%-20s T = %d: a plan %8.1f µs for %4d sequences, %5.1f ns a step, of which rollout %4.1f"
                name
                horizon
                (time / 1000.0)
                sequences
                (time / steps)
                step

    let run () =
        rollouts ()
        plans ()
