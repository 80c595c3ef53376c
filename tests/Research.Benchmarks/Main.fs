module Research.Benchmarks.Main

open Argu

/// One benchmark each; with none named, all of them run.
type Command =
    | [<CliPrefix(CliPrefix.None)>] Diff
    | [<CliPrefix(CliPrefix.None)>] Riccati
    | [<CliPrefix(CliPrefix.None)>] Ilqr
    | [<CliPrefix(CliPrefix.None)>] Arm
    | [<CliPrefix(CliPrefix.None)>] Mpc
    | [<CliPrefix(CliPrefix.None)>] Constrained
    | [<CliPrefix(CliPrefix.None)>] Planner
    | [<CliPrefix(CliPrefix.None)>] Pilco
    | [<CliPrefix(CliPrefix.None)>] Scaling
    | [<CliPrefix(CliPrefix.None)>] Threads
    | [<CliPrefix(CliPrefix.None)>] Startup

    interface IArgParserTemplate with
        member command.Usage =
            match command with
            | Diff -> "compiled derivatives against hand-written C++, and large graphs"
            | Riccati -> "Riccati recursions against Eigen"
            | Ilqr -> "whole iterations and solutions against a hand-derived C++ iLQR"
            | Arm -> "models by size, and a seven-joint arm against scalar dual numbers in C#"
            | Mpc -> "replans of model-predictive control"
            | Constrained -> "tasks with constraints from random starts"
            | Planner -> "rollouts of populations against a scalar loop, and plans of the sampling planners"
            | Pilco -> "value and gradient of a policy under Gaussian processes"
            | Scaling -> "time by horizon, size and batch"
            | Threads -> "iterations on one thread and on two"
            | Startup -> "from process start to a printed solution"

[<EntryPoint>]
let main arguments =
    let parser = ArgumentParser.Create<Command>(programName = "Research.Benchmarks")

    try
        let chosen = (parser.ParseCommandLine arguments).GetAllResults()

        let all =
            [
                Diff
                Riccati
                Ilqr
                Arm
                Mpc
                Constrained
                Planner
                Pilco
                Scaling
                Threads
                Startup
            ]

        for command in (if chosen.IsEmpty then all else chosen) do
            match command with
            | Diff -> DiffBenchmark.run ()
            | Riccati -> RiccatiBenchmark.run ()
            | Ilqr -> IlqrBenchmark.run ()
            | Arm -> ArmBenchmark.run ()
            | Mpc -> MpcBenchmark.run ()
            | Constrained -> ConstrainedBenchmark.run ()
            | Planner -> PlannerBenchmark.run ()
            | Pilco -> PilcoBenchmark.run ()
            | Scaling -> ScalingBenchmark.run ()
            | Threads -> ThreadsBenchmark.run ()
            | Startup -> StartupBenchmark.run ()

        0
    with :? ArguParseException as message ->
        eprintfn "%s" message.Message
        1
