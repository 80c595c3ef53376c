namespace Research.Agents

open System
open System.Text.Json
open Research.Models

/// What a file says at some place, and what a checkpoint says there.
exception internal Unreadable of reason: string

/// A value of a file, and the members that lead to it.
type internal Place = { Path: string; Value: JsonElement }

/// Values of files that may hold anything. What is not as it should be is `Unreadable`.
[<RequireQualifiedAccess>]
module internal Place =

    let private shown (value: JsonElement) =
        match value.ValueKind with
        | JsonValueKind.Object -> "an object"
        | JsonValueKind.Array -> $"a list of {value.GetArrayLength()}"
        | _ ->
            let text = value.GetRawText()
            if text.Length > 40 then text[..39] + "…" else text

    /// Refuses a value, with what is needed in its place.
    let refuse (needed: string) (place: Place) : 'a =
        raise (Unreadable $"{place.Path} is {shown place.Value}, and {needed} is needed")

    /// A member of an object.
    let at (name: string) (place: Place) : Place =
        if place.Value.ValueKind <> JsonValueKind.Object then
            refuse $"an object with a member {name}" place

        match place.Value.TryGetProperty name with
        | true, value ->
            {
                Path = $"{place.Path}.{name}"
                Value = value
            }
        | _ -> raise (Unreadable $"{place.Path} has no member {name}")

    /// The values of a list.
    let items (place: Place) : Place list =
        if place.Value.ValueKind <> JsonValueKind.Array then
            refuse "a list" place

        [
            for i, value in Seq.indexed (place.Value.EnumerateArray()) ->
                {
                    Path = $"{place.Path}[{i}]"
                    Value = value
                }
        ]

    /// The values of a list of a known length.
    let array (count: int) (read: Place -> 'a) (place: Place) : 'a[] =
        let items = items place

        if items.Length <> count then
            refuse $"a list of {count}" place

        items |> List.map read |> List.toArray

    /// The numbers of a list of rows.
    let matrix (rows: int) (columns: int) (read: Place -> float) (place: Place) : float[,] =
        let values = array rows (array columns read) place
        Array2D.init rows columns (fun i j -> values[i].[j])

    /// A number, or the name of one that is not finite.
    let number (place: Place) : float =
        match place.Value.ValueKind with
        | JsonValueKind.Number ->
            match place.Value.TryGetDouble() with
            | true, value -> value
            | _ -> refuse "a number" place
        | JsonValueKind.String ->
            match place.Value.GetString() with
            | "NaN" -> nan
            | "Infinity" -> infinity
            | "-Infinity" -> -infinity
            | _ -> refuse "a number" place
        | _ -> refuse "a number" place

    let private suchThat (holds: float -> bool) (needed: string) (place: Place) : float =
        let value = number place
        if holds value then value else refuse needed place

    /// A number that is finite.
    let finite: Place -> float = suchThat Double.IsFinite "a finite number"

    /// A finite number above 0.
    let positive: Place -> float =
        suchThat (fun x -> Double.IsFinite x && x > 0.0) "a number above 0"

    /// A finite number that is not below 0.
    let notNegative: Place -> float =
        suchThat (fun x -> Double.IsFinite x && x >= 0.0) "a number of 0 or more"

    /// A whole number.
    let whole (place: Place) : int =
        match place.Value.ValueKind with
        | JsonValueKind.Number ->
            match place.Value.TryGetInt32() with
            | true, value -> value
            | _ -> refuse "a whole number" place
        | _ -> refuse "a whole number" place

    /// True or false.
    let flag (place: Place) : bool =
        match place.Value.ValueKind with
        | JsonValueKind.True -> true
        | JsonValueKind.False -> false
        | _ -> refuse "true or false" place

    /// A text.
    let text (place: Place) : string =
        match place.Value.ValueKind with
        | JsonValueKind.String -> string (place.Value.GetString())
        | _ -> refuse "a text" place

    /// What may be null.
    let optional (read: Place -> 'a) (place: Place) : 'a option =
        match place.Value.ValueKind with
        | JsonValueKind.Null -> None
        | _ -> Some(read place)

/// The learner of a file, with the sizes and signs that its scenario asks for. Numbers of a rollout are as they were, finite or not; what the
/// next trial computes with is finite.
[<RequireQualifiedAccess>]
module internal CheckpointReader =

    /// Sizes of what a learner holds.
    type private Sizes =
        {
            /// numbers of a state of the plant
            Plant: int
            /// n and m
            States: int
            Controls: int
            /// inputs of the model
            Inputs: int
            /// θ of the policy
            Parameters: int
            Horizon: int
            Inducing: int
        }

    let private sizesOf (scenario: Scenario) (options: PilcoOptions) : Sizes =
        {
            Plant = scenario.Starts[0].Length
            States = scenario.StateSize
            Controls = scenario.ControlSize
            Inputs = scenario.DynamicsInputs.Length + scenario.ControlSize
            Parameters = (Controller.family scenario options.Policy).Parameters
            Horizon = scenario.Horizon
            Inducing = scenario.Inducing
        }

    let private policy (place: Place) : PolicyKind =
        match place.Value.ValueKind with
        | JsonValueKind.Number -> Rbf(Place.whole place)
        | JsonValueKind.String when Place.text place = "linear" -> Linear
        | _ -> Place.refuse "\"linear\" or a number of basis functions" place

    let private options (place: Place) : PilcoOptions =
        let whole name = Place.at name place |> Place.whole

        let options =
            {
                Seed = whole "seed"
                Policy = Place.at "policy" place |> policy
                Trials = whole "trials"
                RandomRollouts = whole "random_rollouts"
                LineSearches = whole "line_searches"
                Evaluations = whole "evaluations"
                Exploration = Place.at "exploration" place |> Place.finite
                TrainingIterations = whole "training_iterations"
                InducingIterations = whole "inducing_iterations"
                Confirmations = whole "confirmations"
                StopsWhenSolved = Place.at "stops_when_solved" place |> Place.flag
            }

        match Pilco.check options with
        | Ok() -> options
        | Error reason -> raise (Unreadable $"{place.Path}: {reason}")

    let private hyperparameters (sizes: Sizes) (place: Place) : Hyperparameters =
        {
            Lengthscales = Place.at "lengthscales" place |> Place.array sizes.Inputs Place.positive
            Signal = Place.at "signal" place |> Place.notNegative
            Noise = Place.at "noise" place |> Place.notNegative
        }

    let private prior (sizes: Sizes) (place: Place) : Prior =
        let inputs = Place.at "inputs" place
        let rows = (Place.items inputs).Length

        {
            Parameters = Place.at "parameters" place |> Place.array sizes.Parameters Place.finite
            Hyperparameters =
                Place.at "hyperparameters" place
                |> Place.array sizes.States (hyperparameters sizes)
            Inputs = inputs |> Place.matrix rows sizes.Inputs Place.finite
            Targets = Place.at "targets" place |> Place.matrix rows sizes.States Place.finite
        }

    let private rollout (sizes: Sizes) (place: Place) : Rollout =
        let losses = Place.at "losses" place
        let steps = (Place.items losses).Length

        if steps > sizes.Horizon then
            Place.refuse $"a list of {sizes.Horizon} at most" losses

        let matrix name rows columns =
            Place.at name place |> Place.matrix rows columns Place.number

        {
            Plant = matrix "plant" (steps + 1) sizes.Plant
            Measured = matrix "measured" (steps + 1) sizes.States
            Controls = matrix "controls" steps sizes.Controls
            Losses = losses |> Place.array steps Place.number
            Distances = Place.at "distances" place |> Place.array (steps + 1) Place.number
        }

    let private forecast (sizes: Sizes) (place: Place) : Forecast =
        let states name =
            Place.at name place
            |> Place.matrix (sizes.Horizon + 1) sizes.States Place.number

        let losses name =
            Place.at name place |> Place.array sizes.Horizon Place.number

        {
            Mean = states "mean"
            Deviation = states "deviation"
            Loss = losses "loss"
            LossDeviation = losses "loss_deviation"
        }

    let private part (place: Place) : string * float =
        Place.at "item1" place |> Place.text, Place.at "item2" place |> Place.number

    /// A trial after others, of the kind that its parameters and its search say: random, of a new policy, or of the policy before it.
    let private trial (sizes: Sizes) (before: Trial list) (place: Place) : Trial =
        let at name = Place.at name place
        let count name = (Place.items (at name)).Length
        let isRandom = count "parameters" = 0
        let isNew = count "search" > 0
        let last = List.tryHead before
        let afterPolicy = last |> Option.exists (fun trial -> not trial.IsRandom)

        if isRandom && isNew then
            Place.refuse "an empty list, for the rollout is random," (at "search")

        if isRandom && afterPolicy then
            Place.refuse $"a list of {sizes.Parameters}, for random rollouts come first," (at "parameters")

        if not (isRandom || isNew || afterPolicy) then
            Place.refuse "a list of values, for there is no policy to run again," (at "search")

        let outputs = if isRandom then 0 else sizes.States
        let inducing = if count "inducing" = 0 then 0 else sizes.Inducing

        if isRandom && count "inducing" > 0 then
            Place.refuse "an empty list, for the rollout is random," (at "inducing")

        let trial =
            {
                Rollout = rollout sizes (at "rollout")
                Parameters =
                    at "parameters"
                    |> Place.array (if isRandom then 0 else sizes.Parameters) Place.finite
                Hyperparameters = at "hyperparameters" |> Place.array outputs (hyperparameters sizes)
                Inducing =
                    if inducing = 0 then
                        Array2D.zeroCreate 0 0
                    else
                        at "inducing" |> Place.matrix inducing sizes.Inputs Place.finite
                Forecast = at "forecast" |> Place.optional (forecast sizes)
                Search = at "search" |> Place.items |> List.map Place.number |> List.toArray
                IsSolved = at "is_solved" |> Place.flag
                Seconds = at "seconds" |> Place.items |> List.map part
            }

        match isNew, trial.Forecast, last with
        | true, None, _ -> Place.refuse "what was expected of a new policy" (at "forecast")
        | false, Some _, _ -> Place.refuse "null, for no policy was searched," (at "forecast")
        | false, None, Some last when not isRandom && last.Parameters <> trial.Parameters ->
            raise (Unreadable $"{place.Path}.parameters are not those of the trial before, whose policy it runs again")
        | _ -> trial

    /// The learner on a scenario. `Unreadable` where the file does not hold one.
    let read (scenario: Scenario) (place: Place) : PilcoState =
        let options = Place.at "options" place |> options
        let sizes = sizesOf scenario options

        let trials =
            Place.at "trials" place
            |> Place.items
            |> List.fold (fun before place -> trial sizes before place :: before) []

        {
            Scenario = scenario
            Options = options
            Prior = Place.at "prior" place |> Place.optional (prior sizes)
            Trials = List.rev trials
        }
