namespace Research.Lab

open System
open System.Runtime.InteropServices
open Research

/// A named number over time, with its lowest and highest allowed value where it has them; an end that is infinite does not count.
type Series =
    {
        Name: string
        Unit: string
        Values: float[]
        Bounds: (float * float) option
        /// what the values should be, one each; empty where nothing is asked of them
        Reference: float[]
    }

/// What one iteration of an optimiser did.
[<Struct>]
type IterationRecord =
    {
        Number: int
        /// cost after the iteration
        Cost: float
        Gradient: float
        /// largest violation of a constraint, of which a gap in the trajectory is one
        Violation: float
        /// μ of the backward pass; of a round with constraints, the largest penalty ρ
        Regularisation: float
        /// length of the accepted step; 0 when none was accepted
        Step: float
        Seconds: float
    }

/// A number that was measured now and then along a trajectory, such as the time of every replan.
type Measurement =
    {
        Name: string
        Unit: string
        /// moments of the trajectory, s, in order
        Times: float[]
        /// one value each, none negative
        Values: float[]
        /// what the values should stay below, where there is such a limit
        Limit: float option
    }

/// A run of an optimiser on a problem, or of a system under a controller, as plain data: all that files, plots and reports are made of.
type Run =
    {
        Problem: string
        /// the problem in one line
        Summary: string
        /// where the problem is from
        Source: string
        Solver: string
        /// why the optimiser stopped, or what became of the system, in words
        Status: string
        /// true when that is what was wanted
        Converged: bool
        /// of the whole trajectory
        Cost: float
        /// largest violation of a constraint; none where the problem has none
        Violation: float option
        /// time between two values of a series, s
        TimeStep: float
        /// T+1 values each
        States: Series[]
        /// T values each, held over their step
        Controls: Series[]
        /// feedback gains [T][m, n] around the trajectory; empty where there are none
        Gains: float[,][]
        Iterations: IterationRecord[]
        /// moments at which something acted on the system from outside, s, and what it was
        Events: (float * string) list
        Measurements: Measurement list
        /// named parts of the time that the run took, s
        Timings: (string * float) list
        /// every option by name, those left at their default too
        Options: (string * string) list
        /// what to type to get this run again
        Command: string
        Started: DateTimeOffset
        /// the machine and the versions that matter for the numbers
        Platform: string
        Scene: Scene
    }

    /// The state at a step.
    member this.StateAt(step: int) : float[] =
        this.States |> Array.map (fun series -> series.Values[step])

    /// T.
    member this.Horizon: int =
        if this.States.Length = 0 then
            0
        else
            this.States[0].Values.Length - 1

/// Runs from trajectories.
[<RequireQualifiedAccess>]
module Run =

    /// True of a run in which some iteration violated a constraint or left a gap.
    let hasViolations (run: Run) : bool =
        run.Iterations |> Array.exists (fun iteration -> iteration.Violation > 0.0)

    /// True of numbers by iteration that a logarithmic axis suits: none negative, and those above 0 over more than a factor of ten.
    let suitsLogarithm (values: float[]) : bool =
        let positive = values |> Array.filter (fun y -> y > 0.0)

        positive.Length > 0
        && not (Array.exists (fun y -> y < 0.0) values)
        && Array.max positive > 10.0 * Array.min positive

    /// A run that is a trajectory of states [T+1, n] and controls [T, m], each with a name and a unit, and nothing else yet: what more is known
    /// is for `with` to add. An exception when names and columns differ in number.
    let ofTrajectory
        (problem: string)
        (timeStep: float)
        (states: (string * string) list)
        (x: float[,])
        (controls: (string * string) list)
        (u: float[,])
        : Run =
        let columns (names: (string * string) list) (values: float[,]) =
            if names.Length <> Array2D.length2 values then
                invalidArg (nameof names) $"{names.Length} names were given for {Array2D.length2 values} columns"

            names
            |> List.mapi (fun i (name, unit) ->
                {
                    Name = name
                    Unit = unit
                    Values = values[*, i]
                    Bounds = None
                    Reference = [||]
                })
            |> List.toArray

        {
            Problem = problem
            Summary = ""
            Source = ""
            Solver = ""
            Status = ""
            Converged = false
            Cost = nan
            Violation = None
            TimeStep = timeStep
            States = columns states x
            Controls = columns controls u
            Gains = [||]
            Iterations = [||]
            Events = []
            Measurements = []
            Timings = []
            Options = []
            Command = ""
            Started = DateTimeOffset.Now
            Platform = RuntimeInformation.FrameworkDescription
            Scene =
                {
                    XRange = -1.0, 1.0
                    YRange = -1.0, 1.0
                    Shapes = fun _ -> []
                }
        }

/// Statistics of measurements.
[<RequireQualifiedAccess>]
module Measurement =

    /// The value that a share of all values do not exceed: 0.5 gives the median, 1 the largest. NaN when there are none.
    let quantile (share: float) (values: float seq) : float =
        let sorted = Seq.sort values |> Seq.toArray

        if sorted.Length = 0 then
            nan
        else
            sorted[max 0 (int (Math.Ceiling(share * float sorted.Length)) - 1)]

    /// How many values exceed the limit.
    let exceeding (measurement: Measurement) : int =
        match measurement.Limit with
        | None -> 0
        | Some limit -> measurement.Values |> Seq.filter (fun value -> value > limit) |> Seq.length

/// Numbers as they are shown to people.
[<RequireQualifiedAccess>]
module Show =

    /// A number with about as many digits as given, in plain form where that is short.
    let number (digits: int) (x: float) : string =
        if Double.IsNaN x then
            "NaN"
        elif Double.IsPositiveInfinity x then
            "∞"
        elif Double.IsNegativeInfinity x then
            "−∞"
        elif x = 0.0 then
            "0"
        elif abs x >= 1e6 || abs x < 1e-4 then
            x.ToString($"0.{String('#', digits - 1)}e+0")
        elif abs x >= 10.0 ** float digits then
            x.ToString "0"
        else
            x.ToString $"G{digits}"

    /// A time with the unit that suits it.
    let seconds (s: float) : string =
        if 0.0 < s && s < 1e-6 then $"{number 3 (s * 1e9)} ns"
        elif s < 1e-3 then $"{number 3 (s * 1e6)} µs"
        elif s < 1.0 then $"{number 3 (s * 1e3)} ms"
        else $"{number 3 s} s"
