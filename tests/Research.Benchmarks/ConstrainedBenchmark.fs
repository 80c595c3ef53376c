namespace Research.Benchmarks

open System
open Research
open Research.Cli.Bench
open Research.Control
open Research.Environments

/// Tasks with constraints from 100 random starts each, from no control.
[<RequireQualifiedAccess>]
module ConstrainedBenchmark =

    let private starts = 100

    let private name (status: Status) =
        match status with
        | ConvergedByGradient
        | ConvergedByCost -> "converged"
        | Infeasible _ -> "infeasible"
        | Status.Stalled _ -> "stalled"
        | Diverged _ -> "diverged"
        | IterationLimit -> "iteration limit"
        | RegularisationLimit -> "regularisation limit"
        | Cancelled -> "cancelled"

    let private measure (environment: Research.Environments.Environment) =
        let problem = environment.Problem
        let rng = Rng.OfSeed 1
        let still = Array2D.zeroCreate problem.Horizon problem.Dynamics.ControlSize

        let solutions =
            [|
                for _ in 1..starts do
                    let start =
                        Array.map2
                            (fun mean spread -> mean + spread * rng.Normal())
                            environment.Start
                            environment.StartSpread

                    Constrained.solve Constrained.defaults { problem with Start = start } still
            |]

        let converged = solutions |> Array.filter _.Status.IsConverged

        let iterations =
            converged |> Array.map (fun s -> s.Rounds |> Array.sumBy _.Iterations |> float)

        let statuses =
            solutions
            |> Array.countBy (fun s -> name s.Status)
            |> Array.map (fun (status, count) -> $"{count} {status}")
            |> String.concat ", "

        printfn
            "%-18s %s;  iterations: median %.0f, most %.0f;  violation at most %.1e, gradient at most %.1e;  median %.1f ms"
            environment.Name
            statuses
            (Timing.median iterations)
            (Array.max iterations)
            (converged |> Array.map _.Feasibility |> Array.max)
            (converged |> Array.map _.Optimality |> Array.max)
            (1e3 * Timing.median (converged |> Array.map _.Solution.SolveSeconds))

        for solution in solutions do
            if not solution.Status.IsConverged then
                printfn
                    $"    {solution.Status}: cost {solution.Solution.Cost:G6}, violation {solution.Feasibility:E1}, gradient {solution.Optimality:E1}"

    let run () =
        for environment in Environments.all do
            if not environment.Constraints.IsEmpty then
                measure environment
