namespace Research.Agents

open System
open System.Threading
open Research
open Research.Models

/// How PILCO learns.
type PilcoOptions =
    {
        Seed: int
        Policy: PolicyKind
        /// policies that are learnt at most
        Trials: int
        /// rollouts with random controls before the first policy
        RandomRollouts: int
        /// line searches of a policy search at most
        LineSearches: int
        /// evaluations in a line search at most
        Evaluations: int
        /// κ in the sum of E[loss] + κ·sd[loss]: negative seeks what is uncertain, positive shuns it
        Exploration: float
        /// iterations of the training of the model at most, one output
        TrainingIterations: int
        /// iterations of the search for the inducing inputs of a sparse model at most
        InducingIterations: int
        /// rollouts from other starts that a policy must solve too, once it has solved one, before it counts; 0 as published
        Confirmations: int
        /// the learner stops when the task is solved
        StopsWhenSolved: bool
    }

/// A rollout and how it came about. The random ones have no parameters, no model and no forecast; those that run a policy again have no
/// forecast and no search.
type Trial =
    {
        Rollout: Rollout
        /// θ of the policy
        Parameters: float[]
        /// of the model that the policy was found with
        Hyperparameters: Hyperparameters[]
        /// inducing inputs of that model [k, d]; none where it spoke with all data
        Inducing: float[,]
        /// none of the random ones, nor where a policy runs again
        Forecast: Forecast option
        /// expected sum of losses before the search and after each of its line searches
        Search: float[]
        IsSolved: bool
        /// named parts of the time, by the clock that the learner was given, s
        Seconds: (string * float) list
    }

    /// True of a rollout with random controls.
    member this.IsRandom = this.Parameters.Length = 0

    /// True of a rollout that runs the policy of the one before again, from another start.
    member this.IsRepeat = not this.IsRandom && this.Search.Length = 0

/// What is known before the first rollout: a policy, and data [k, d], [k, n] of a related task. Empty where nothing is.
type Prior =
    {
        Parameters: float[]
        Hyperparameters: Hyperparameters[]
        Inputs: float[,]
        Targets: float[,]
    }

/// A learner between two trials: everything that the next one depends on.
type PilcoState =
    {
        Scenario: Scenario
        Options: PilcoOptions
        Prior: Prior option
        Trials: Trial list
    }

    /// Rollouts so far that had a policy.
    member this.PolicyTrials = this.Trials |> List.filter (fun trial -> not trial.IsRandom)

    /// Trials that learnt a policy, each with its first rollout.
    member this.Learnt = this.PolicyTrials |> List.filter (fun trial -> not trial.IsRepeat)

    /// The trial whose policy is worth keeping: the one that solved the most rollouts, and of these that of least loss, where a step that a
    /// rollout did not come to loses 1.
    member this.Best =
        let loss (trial: Trial) =
            Array.sum trial.Rollout.Losses
            + float (this.Scenario.Horizon - trial.Rollout.Steps)

        let solved (trial: Trial) =
            this.PolicyTrials
            |> List.filter (fun other -> other.IsSolved && other.Parameters = trial.Parameters)
            |> List.length

        match this.Learnt with
        | [] -> None
        | trials ->
            Some(
                trials
                |> List.minBy (fun trial -> -(solved trial), not trial.IsSolved, loss trial)
            )

    /// Rollouts in a row that the last policy solved; 0 once it failed.
    member this.SolvedInARow =
        let back = List.rev this.Trials
        let repeats = back |> List.takeWhile _.IsRepeat
        let own = back |> List.truncate (repeats.Length + 1)

        if own |> List.exists (fun trial -> trial.IsRandom || not trial.IsSolved) then
            0
        else
            own.Length

    /// True when the last policy solved the task, and all confirmations.
    member this.IsSolved = this.SolvedInARow > this.Options.Confirmations

    /// True when the last policy solved the task, and is yet to be confirmed.
    member this.IsConfirming = this.SolvedInARow > 0 && not this.IsSolved

    /// Nothing more to do: solved, or all trials done.
    member this.IsFinished =
        (this.Options.StopsWhenSolved && this.IsSolved)
        || (this.Learnt.Length >= this.Options.Trials && not this.IsConfirming)

    /// Seconds of interaction so far.
    member this.Experience =
        this.Scenario.TimeStep * float (this.Trials |> List.sumBy _.Rollout.Steps)

/// What a learner tells while it works.
type PilcoProgress =
    /// the model is being trained on that many points
    | Training of points: int
    /// a line search ended with that expected sum of losses
    | Searching of lineSearch: int * value: float
    /// the search hardly improved a policy that was run, and starts again from a drawn one
    | Restarting
    /// the plant is running
    | Running

/// How a trial ended.
type PilcoStep =
    /// the learner with one trial more
    | Advanced of PilcoState
    /// cancelled in the middle of a trial, of which nothing remains
    | Stopped
    /// there is no model, or no first value
    | Failed of reason: string

/// PILCO: learns a policy from few rollouts, by a Gaussian process of the dynamics, exact moments of its predictions along the horizon, and
/// a policy search on the analytic gradient of the expected sum of losses.
/// Source: Deisenroth and Rasmussen, PILCO: A Model-Based and Data-Efficient Approach to Policy Search (ICML 2011).
[<RequireQualifiedAccess>]
module Pilco =

    /// What the scenario was published with.
    let defaults (scenario: Scenario) : PilcoOptions =
        {
            Seed = 0
            Policy = scenario.Policy
            Trials = scenario.Trials
            RandomRollouts = scenario.RandomRollouts
            LineSearches = scenario.LineSearches
            Evaluations = scenario.Evaluations
            Exploration = 0.0
            TrainingIterations = 300
            InducingIterations = 20
            Confirmations = 0
            StopsWhenSolved = true
        }

    /// What random numbers are for. Each purpose has its own numbers in each trial, whatever else was drawn before: so a learner that goes
    /// on from a checkpoint draws what it would have drawn.
    type private Purpose =
        | DrawnPolicy = 0
        | Start = 1
        | Noise = 2
        | RandomControls = 3
        | Inducing = 4
        | Validation = 5

    let private stream (state: PilcoState) (purpose: Purpose) : Rng =
        let nth (parent: Rng) n =
            for _ in 1..n do
                parent.Split() |> ignore

            parent.Split()

        nth (nth (Rng.OfSeed state.Options.Seed) (int purpose)) state.Trials.Length

    let private stack (above: float[,]) (below: float[,]) : float[,] =
        let n = above.GetLength 0

        Array2D.init (n + below.GetLength 0) (below.GetLength 1) (fun i j ->
            if i < n then above[i, j] else below[i - n, j])

    /// Most basis functions of a policy: moments take several matrices over their pairs, each of 8 MB for so many.
    let mostBasis = 1000

    /// What is wrong with options that make no sense.
    let check (options: PilcoOptions) : Result<unit, string> =
        let basis =
            match options.Policy with
            | Rbf basis -> basis
            | Linear -> 1

        [
            options.Trials >= 1, $"a number of trials is 1 or more, and {options.Trials} were asked for"
            options.RandomRollouts >= 1,
            $"the first model needs one random rollout or more, and {options.RandomRollouts} were asked for"
            options.LineSearches >= 1,
            $"a search has one line search or more, and {options.LineSearches} were asked for"
            options.Evaluations >= 1,
            $"a line search has one evaluation or more, and {options.Evaluations} were asked for"
            options.TrainingIterations >= 1,
            $"training has one iteration or more, and {options.TrainingIterations} were asked for"
            options.InducingIterations >= 1,
            $"the search for inducing inputs has one iteration or more, and {options.InducingIterations} were asked for"
            options.Confirmations >= 0,
            $"a number of confirmations is 0 or more, and {options.Confirmations} were asked for"
            Double.IsFinite options.Exploration, $"the exploration is a number, and {options.Exploration} was given"
            basis >= 1, $"a network has one basis function or more, and {basis} were asked for"
            basis <= mostBasis, $"a network has {mostBasis} basis functions at most, and {basis} were asked for"
        ]
        |> List.tryFind (fun (isMet, _) -> not isMet)
        |> function
            | None -> Ok()
            | Some(_, message) -> Error message

    /// A learner that has seen nothing. Options that make no sense are exceptions.
    let start (scenario: Scenario) (options: PilcoOptions) : PilcoState =
        match check options with
        | Ok() -> ()
        | Error message -> invalidArg (nameof options) message

        {
            Scenario = scenario
            Options = options
            Prior = None
            Trials = []
        }

    /// What a learner's own rollouts taught it. A policy that is run again and solves the task again shows nothing new, and is left out.
    let private ownData (state: PilcoState) : float[,] * float[,] =
        state.Trials
        |> List.filter (fun trial -> not (trial.IsRepeat && trial.IsSolved))
        |> List.map _.Rollout
        |> Rollout.data state.Scenario

    /// A learner that starts from what another learnt on a related task of the same sizes: its best policy, and all of its data.
    let startFrom (teacher: PilcoState) (scenario: Scenario) (options: PilcoOptions) : PilcoState =
        let best =
            match teacher.Best with
            | Some trial -> trial
            | None -> invalidArg (nameof teacher) "the teacher has learnt no policy yet"

        let own, targets = ownData teacher

        let inputs, targets =
            match teacher.Prior with
            | None -> own, targets
            | Some prior -> stack prior.Inputs own, stack prior.Targets targets

        { start scenario options with
            Prior =
                Some
                    {
                        Parameters = best.Parameters
                        Hyperparameters = (List.last teacher.PolicyTrials).Hyperparameters
                        Inputs = inputs
                        Targets = targets
                    }
        }

    /// Everything the model learns from: inputs [k, d] and targets [k, n], those of the prior first.
    let data (state: PilcoState) : float[,] * float[,] =
        let inputs, targets = ownData state

        match state.Prior with
        | None -> inputs, targets
        | Some prior -> stack prior.Inputs inputs, stack prior.Targets targets

    /// Trains the model on all data, from the hyperparameters and the inducing inputs of the last one where there is one. When it is cancelled,
    /// the model is not trained to its end.
    let train (cancellation: CancellationToken) (state: PilcoState) : Result<DynamicsModel, GaussianProcessFault> =
        let last = List.tryLast state.PolicyTrials

        let hyperparameters =
            match last, state.Prior with
            | Some trial, _ -> Some trial.Hyperparameters
            | None, Some prior -> Some prior.Hyperparameters
            | None, None -> None

        DynamicsModel.train
            {
                TrainingIterations = state.Options.TrainingIterations
                InducingIterations = state.Options.InducingIterations
                Inducing = state.Scenario.Inducing
                Hyperparameters = hyperparameters
                FirstInducing = last |> Option.map _.Inducing |> Option.defaultValue (Array2D.zeroCreate 0 0)
                Cancellation = cancellation
            }
            (stream state Purpose.Inducing)
            (data state)

    /// θ of a policy that knows nothing.
    let private drawn (state: PilcoState) : float[] =
        Controller.draw state.Scenario state.Options.Policy (stream state Purpose.DrawnPolicy)

    /// A policy that was run and could hardly be improved after it, sits in a poor optimum, which its model knows well and where it would learn
    /// nothing new. Then a policy is searched from a drawn one, and runs even where it is expected to do worse: what it meets is news to the
    /// model. Hardly: by less than a tenth of the expected sum of losses, or of what is left to its bound. Once a policy has solved the task,
    /// what follows it is no poor optimum.
    let private isStuck (state: PilcoState) (before: float) (after: float) : bool =
        match List.tryLast state.PolicyTrials with
        | None -> false
        | Some last ->
            let bound =
                float state.Scenario.Horizon * (1.0 + List.sumBy fst state.Scenario.Penalties)

            not (state.Trials |> List.exists _.IsSolved)
            && before - after < 0.1 * min after (bound - after)

    /// θ with which the next search starts: that of the last trial, of the prior, or a drawn one.
    let private firstParameters (state: PilcoState) : float[] =
        match List.tryLast state.PolicyTrials, state.Prior with
        | Some trial, _ -> trial.Parameters
        | None, Some prior -> prior.Parameters
        | None, None -> drawn state

    let private rollout (state: PilcoState) (act: int -> float[] -> float[]) : Rollout =
        let start =
            Rollout.drawStart state.Scenario (stream state Purpose.Start) state.Trials.Length

        Rollout.run state.Scenario (stream state Purpose.Noise) start act

    let private add (state: PilcoState) (trial: Trial) : PilcoStep =
        Advanced
            { state with
                Trials = state.Trials @ [ trial ]
            }

    let private randomTrial (clock: unit -> float) (report: PilcoProgress -> unit) (state: PilcoState) : PilcoStep =
        report Running
        let began = clock ()

        let rollout =
            rollout state (Rollout.randomly state.Scenario (stream state Purpose.RandomControls))

        add
            state
            {
                Rollout = rollout
                Parameters = [||]
                Hyperparameters = [||]
                Inducing = Array2D.zeroCreate 0 0
                Forecast = None
                Search = [||]
                IsSolved = Rollout.isSolved state.Scenario rollout
                Seconds = [ "run", clock () - began ]
            }

    /// The last policy once more, from another start.
    let private repeatTrial (clock: unit -> float) (report: PilcoProgress -> unit) (state: PilcoState) : PilcoStep =
        report Running
        let began = clock ()
        let last = List.last state.Trials
        let act = Controller.act state.Scenario state.Options.Policy last.Parameters
        let rollout = rollout state (fun _ x -> act x)

        add
            state
            { last with
                Rollout = rollout
                Forecast = None
                Search = [||]
                IsSolved = Rollout.isSolved state.Scenario rollout
                Seconds = [ "run", clock () - began ]
            }

    let private policyTrial
        (clock: unit -> float)
        (cancellation: CancellationToken)
        (report: PilcoProgress -> unit)
        (state: PilcoState)
        : PilcoStep =
        let scenario, options = state.Scenario, state.Options
        let began = clock ()
        report (Training(Array2D.length1 (fst (data state))))

        match train cancellation state with
        | Error(BadData reason) -> Failed $"the data of the rollouts are no data for a model: {reason}"
        | Error(Singular output) ->
            Failed
                $"the covariance of the data of {scenario.States[output].Name} has no Cholesky factor: rollouts may repeat one another"
        | Ok _ when cancellation.IsCancellationRequested -> Stopped
        | Ok model ->
            let trained = clock ()

            let plan = Plan.create scenario options.Policy options.Exploration model.Moments

            let search (start: float[]) : BfgsSolution * float[] =
                let values = ResizeArray()

                let found =
                    Bfgs.minimise
                        { Bfgs.defaults with
                            MaxIterations = options.LineSearches
                            MaxEvaluations = options.Evaluations
                            // the model is to be trusted near where the policy has been
                            FirstStep = 1.0
                            ValueTolerance = 1e-5
                            Progress =
                                fun iteration value _ ->
                                    values.Add value
                                    report (Searching(iteration, value))
                                    not cancellation.IsCancellationRequested
                        }
                        (fun parameters ->
                            let value, gradient = Plan.value plan parameters

                            if values.Count = 0 then
                                values.Add value

                            value, gradient)
                        start

                found, values.ToArray()

            let ofLast, valuesOfLast = search (firstParameters state)

            let search, values =
                if
                    isStuck state valuesOfLast[0] ofLast.Value
                    && not cancellation.IsCancellationRequested
                then
                    report Restarting
                    search (drawn state)
                else
                    ofLast, valuesOfLast

            if cancellation.IsCancellationRequested then
                Stopped
            elif search.Status = NotFiniteAtStart then
                Failed "the expected loss of the first policy is not a number: the model's predictions overflow"
            else
                let forecast =
                    Plan.forecast plan search.X (state.Trials.Length % scenario.Starts.Length)

                let searched = clock ()
                report Running
                let act = Controller.act scenario options.Policy search.X
                let rollout = rollout state (fun _ x -> act x)

                add
                    state
                    {
                        Rollout = rollout
                        Parameters = search.X
                        Hyperparameters = model.Hyperparameters
                        Inducing = model.Inducing
                        Forecast = Some forecast
                        Search = values
                        IsSolved = Rollout.isSolved scenario rollout
                        Seconds =
                            [
                                "train the model", trained - began
                                "search the policy", searched - trained
                                "run", clock () - searched
                            ]
                    }

    /// One trial more: a random rollout while there are too few; a rollout more of a policy that is to be confirmed; else a model from all data,
    /// a policy from the model, and its rollout. The clock, in seconds, is for the record only; nothing depends on it.
    let next
        (clock: unit -> float)
        (cancellation: CancellationToken)
        (report: PilcoProgress -> unit)
        (state: PilcoState)
        : PilcoStep =
        if cancellation.IsCancellationRequested then
            Stopped
        elif state.Prior.IsNone && state.Trials.Length < state.Options.RandomRollouts then
            randomTrial clock report state
        elif state.IsConfirming then
            repeatTrial clock report state
        else
            policyTrial clock cancellation report state

    /// From how many of so many fresh starts the policy θ solves the task, in rollouts that no learner sees and no experience counts.
    let validate (rollouts: int) (state: PilcoState) (parameters: float[]) : int =
        let rng = stream state Purpose.Validation
        let act = Controller.act state.Scenario state.Options.Policy parameters

        let solves i =
            let startRng, noiseRng = rng.Split(), rng.Split()
            let start = Rollout.drawStart state.Scenario startRng i
            Rollout.isSolved state.Scenario (Rollout.run state.Scenario noiseRng start (fun _ x -> act x))

        seq { 0 .. rollouts - 1 } |> Seq.filter solves |> Seq.length
