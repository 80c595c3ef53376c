namespace Research.Control

open System

/// Options that are looked at before they are used.
[<RequireQualifiedAccess>]
module internal OptionCheck =

    /// What is wrong with a number, in words: nothing where it is fine.
    let number (name: string) (asked: string) (isFine: float -> bool) (value: float) : string list =
        if isFine value then
            []
        else
            [ $"{name} is {value}; it must be {asked}" ]

    /// What is wrong with a whole number that has a least value, in words.
    let atLeast (least: int) (name: string) (value: int) : string list =
        if value >= least then
            []
        else
            [ $"{name} is {value}; it must be {least} or more" ]

    /// 0 or more.
    let tolerance name =
        number name "0 or more" (fun x -> x >= 0.0)

    /// 0 or more, and finite.
    let size name =
        number name "0 or more, and finite" (fun x -> x >= 0.0 && Double.IsFinite x)

    /// Above a number, and finite.
    let above (least: float) name =
        number name $"above {least}, and finite" (fun x -> x > least && Double.IsFinite x)

    /// An exception that says all that is wrong.
    let refuse (faults: string list) : unit =
        if not faults.IsEmpty then
            invalidArg "options" ("the options cannot be used: " + String.concat "; " faults)

/// Where the regularisation μ of the backward pass acts (Tassa, Erez, Todorov 2012, section II-F).
type Regularisation =
    /// V'xx + μI: penalises deviations from the states of the last trajectory
    | StateSpace
    /// Quu + μI: penalises deviations from its controls
    | ControlSpace

/// Options of iLQR and DDP. The defaults are those of the 2014 release of Tassa's package.
type Options =
    {
        MaxIterations: int
        /// stop when an accepted step changes the cost by less, a whole one promised less, and μ is below 1e−5
        CostTolerance: float
        /// stop when mean max |k|/(|u|+1) is less, a whole step promises no change of cost, and μ is below 1e−5
        GradientTolerance: float
        Regularisation: Regularisation
        /// μ of the first backward pass
        FirstRegularisation: float
        /// factor by which μ's own factor grows and shrinks
        RegularisationFactor: float
        MinRegularisation: float
        MaxRegularisation: float
        /// steps α of the line search, tried as lanes of one rollout, in order of preference
        Steps: float[]
        /// least share of the promised improvement at which a step is accepted; −∞ accepts every step
        AcceptRatio: float
        /// threads at work: 1, or 2, or 0 for as many as pay at the size of the problem on this machine. The results are the same to the last
        /// bit. Dynamics that are not traced are always asked from one thread.
        Threads: int
    }

[<RequireQualifiedAccess>]
module internal Options =

    /// What is wrong with options, in words; empty when nothing is.
    let faults (options: Options) : string list =
        [
            yield! OptionCheck.atLeast 0 "MaxIterations" options.MaxIterations
            yield! OptionCheck.tolerance "CostTolerance" options.CostTolerance
            yield! OptionCheck.tolerance "GradientTolerance" options.GradientTolerance
            yield! OptionCheck.size "FirstRegularisation" options.FirstRegularisation
            yield! OptionCheck.above 1.0 "RegularisationFactor" options.RegularisationFactor
            yield! OptionCheck.size "MinRegularisation" options.MinRegularisation
            yield! OptionCheck.size "MaxRegularisation" options.MaxRegularisation

            if options.Steps.Length = 0 then
                "Steps is empty; it must hold one step or more"

            for step in options.Steps do
                yield! OptionCheck.number "a step of Steps" "above 0 and at most 1" (fun x -> x > 0.0 && x <= 1.0) step

            yield! OptionCheck.number "AcceptRatio" "below 1" (fun x -> x < 1.0) options.AcceptRatio

            if options.Threads < 0 || options.Threads > 2 then
                $"Threads is {options.Threads}; it must be 1 or 2, or 0 for what pays"
        ]
