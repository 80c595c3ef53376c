namespace Research.Cli

open Argu

/// Which algorithm solves.
type SolverName =
    | Ilqr
    | Ddp

/// What the first guess is.
type Shooting =
    | Single
    | Multiple

/// Arguments of `solve`.
[<HelpFlags("--help", "-h")>]
type SolveArguments =
    | [<MainCommand; ExactlyOnce>] Problem of PROBLEM: string
    | [<Unique>] Solver of SolverName
    | [<Unique>] Shooting of Shooting
    | [<Unique>] Horizon of STEPS: int
    | [<Unique>] Dt of SECONDS: float
    | [<Unique>] Free_Time of ``LO,HI``: string
    | [<Unique>] Time_Weight of WEIGHT: float
    | [<Unique>] Seed of NUMBER: int
    | [<Unique>] Max_Iterations of NUMBER: int
    | Limits of ``LO,HI``: string list
    | [<Unique>] Output of FOLDER: string
    | [<Unique>] Json
    | [<Unique>] No_Report

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Problem _ -> "what to solve: a name that 'list' shows."
            | Solver _ ->
                "ilqr (default), or ddp (default with --free-time), which adds second derivatives of the dynamics. Tasks with constraints have their own solver: the augmented Lagrangian on iLQR, finished by DDP on the active constraints."
            | Shooting _ ->
                "single (default): the first guess is a rollout of the first controls; multiple: a straight line of states from start to goal, whose gaps the solver closes."
            | Horizon _ -> "number of time steps; the problem's own by default."
            | Dt _ -> "length of a time step in seconds; the problem's own by default."
            | Free_Time _ ->
                "the solver chooses how long the motion takes as well, between these two durations in seconds, as 1,4; --dt is its first guess of a step then."
            | Time_Weight _ -> "with --free-time, what each second costs beside what the task costs; 0 by default."
            | Seed _ ->
                "seed of the random first controls, 0 by default; for problems that 'list' shows as starting from noise."
            | Max_Iterations _ -> "iterations after which the solver gives up, 500 by default."
            | Limits _ ->
                "lowest and highest value of each control, or one pair for all, as -5,5 or -5,5 -1,1; 'none' lifts them. The problem's own by default."
            | Output _ -> "folder for the files, which holds no other run; by default a new one, runs/PROBLEM-TIME."
            | Json -> "print the content of result.json and nothing else, and write files only with --output."
            | No_Report -> "write result.json alone: no report.html, no plots, no motion.svg."

/// Arguments of `mpc`.
[<HelpFlags("--help", "-h")>]
type MpcArguments =
    | [<MainCommand; ExactlyOnce>] Problem of PROBLEM: string
    | [<Unique>] Mismatch of SHARE: float
    | [<Unique>] Disturb of SD: float
    | [<Unique>] Rate of HZ: float
    | [<Unique>] Iterations of NUMBER: int
    | [<Unique>] Deadline of MILLISECONDS: float
    | [<Unique>] Duration of SECONDS: float
    | [<Unique>] Horizon of STEPS: int
    | [<Unique>] Dt of SECONDS: float
    | [<Unique>] Seed of NUMBER: int
    | Limits of ``LO,HI``: string list
    | [<Unique>] Output of FOLDER: string
    | [<Unique>] Json
    | [<Unique>] No_Report

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Problem _ -> "what to control: a name that 'list' shows."
            | Mismatch _ ->
                "each mass of the plant differs from the controller's model by up to this share, at random, for example 0.2; 0 by default."
            | Disturb _ ->
                "random pushes, two a second on average, each of which changes every velocity by a normal number of this standard deviation in its unit; 0 by default."
            | Rate _ -> "replans a second; one every time step by default. Between them the plan's feedback acts."
            | Iterations _ -> "most iterations a replan, 1 by default."
            | Deadline _ ->
                "no iteration of a replan begins later than this; none by default. Numbers then depend on the speed of the machine."
            | Duration _ -> "how long the closed loop runs; by default twice as long as the task."
            | Horizon _ -> "number of time steps planned ahead; the problem's own by default."
            | Dt _ -> "length of a time step in seconds; the problem's own by default."
            | Seed _ ->
                "seed of masses, pushes and random first controls, 0 by default; for loops that have any of these."
            | Limits _ ->
                "lowest and highest value of each control, or one pair for all, as -5,5 or -5,5 -1,1; 'none' lifts them. The problem's own by default."
            | Output _ -> "folder for the files, which holds no other run; by default a new one, runs/PROBLEM-TIME."
            | Json -> "print the content of result.json and nothing else, and write files only with --output."
            | No_Report -> "write result.json alone: no report.html, no plots, no motion.svg."

/// Arguments of `bench`.
[<HelpFlags("--help", "-h")>]
type BenchArguments =
    | [<MainCommand>] Problems of PROBLEM: string list
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Problems _ ->
                "names that 'list' shows; by default cartpole, acrobot, quadrotor, manipulator. Constraints beside limits count for replans only."
            | Json -> "print as JSON."

/// What a policy is made of.
type PolicyName =
    | Linear
    | Rbf

/// Arguments of `learn pilco`.
[<HelpFlags("--help", "-h")>]
type PilcoArguments =
    | [<Unique>] Scenario of NAME: string
    | [<Unique>] Seed of NUMBER: int
    | [<Unique>] Trials of NUMBER: int
    | [<Unique>] Policy of PolicyName
    | [<Unique>] Basis of NUMBER: int
    | [<Unique>] Random_Rollouts of NUMBER: int
    | [<Unique>] Line_Searches of NUMBER: int
    | [<Unique>] Exploration of NUMBER: float
    | [<Unique>] Confirmations of NUMBER: int
    | [<Unique>] All_Trials
    | [<Unique>] Resume of FOLDER: string
    | [<Unique>] Output of FOLDER: string
    | [<Unique>] Json
    | [<Unique>] No_Report

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Scenario _ -> "what to learn on: a name that 'list --scenarios' shows."
            | Seed _ -> "seed of all random numbers, 0 by default."
            | Trials _ ->
                "policies that are learnt at most; the scenario's own number by default. With --resume it may be raised, or lowered to what is done."
            | Policy _ -> "linear, or rbf: radial basis functions. The scenario's own by default."
            | Basis _ -> "number of basis functions, up to 1000; the scenario's own by default."
            | Random_Rollouts _ ->
                "rollouts with random controls before the first policy; the scenario's own by default."
            | Line_Searches _ -> "line searches of a policy search at most; the scenario's own by default."
            | Exploration _ ->
                "weight of the standard deviation of the loss in what is minimised, 0 by default; negative explores."
            | Confirmations _ ->
                "rollouts from other starts that a policy which solved the task must solve too before it counts; 0 by default, as published."
            | All_Trials -> "go on after the task is solved."
            | Resume _ ->
                "go on from the newest checkpoint in the folder of an earlier run, as that run would have, and write there."
            | Output _ -> "folder for the files, which holds no other run; by default a new one, runs/SCENARIO-TIME."
            | Json -> "print the content of result.json and nothing else, and write files only with --output."
            | No_Report -> "write no report.html."

/// Arguments of `learn`.
[<HelpFlags("--help", "-h")>]
type LearnArguments =
    | [<CliPrefix(CliPrefix.None)>] Pilco of ParseResults<PilcoArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Pilco _ -> "Gaussian processes, exact moments along the horizon, policy search on the analytic gradient."

/// Arguments of `list`.
[<HelpFlags("--help", "-h")>]
type ListArguments =
    | [<Unique>] Scenarios
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Scenarios -> "list what 'learn' learns on, instead of the problems of 'solve'."
            | Json -> "print as JSON."

/// Arguments of `verify`.
[<HelpFlags("--help", "-h")>]
type VerifyArguments =
    | [<MainCommand; ExactlyOnce>] Files of FILE: string list
    | [<Unique>] Tolerance of NUMBER: float
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Files _ -> "files of recorded cases, such as tests/golden/*.json."
            | Tolerance _ ->
                "largest relative error at which every quantity passes; by default 1e-8 for direct problems, 1e-6 for costs of iterated ones."
            | Json -> "print as JSON."

/// All arguments.
[<HelpFlags("--help", "-h")>]
type Arguments =
    | [<CliPrefix(CliPrefix.None)>] Solve of ParseResults<SolveArguments>
    | [<CliPrefix(CliPrefix.None)>] Mpc of ParseResults<MpcArguments>
    | [<CliPrefix(CliPrefix.None)>] Bench of ParseResults<BenchArguments>
    | [<CliPrefix(CliPrefix.None)>] Learn of ParseResults<LearnArguments>
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<ListArguments>
    | [<CliPrefix(CliPrefix.None)>] Verify of ParseResults<VerifyArguments>
    | [<Unique>] Version

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Solve _ -> "solve a problem of optimal control, show and write the solution."
            | Mpc _ -> "run a problem's system under model-predictive control, show and write what became of it."
            | Bench _ -> "measure how fast this machine solves and plans."
            | Learn _ -> "learn a policy from trials, show and write how it went."
            | List _ -> "list the problems, or the scenarios of learners."
            | Verify _ -> "solve recorded cases of other programs and compare."
            | Version -> "print the version."
