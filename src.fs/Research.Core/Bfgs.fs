namespace Research

open System

/// How a minimisation ended.
type BfgsStatus =
    /// the gradient is below its tolerance
    | Converged
    /// a whole step no longer lowers the value by more than its tolerance
    | Stalled
    | MaxIterationsReached
    /// the value or the gradient at the start is not a finite number
    | NotFiniteAtStart

/// When a minimisation ends, and who is told of its steps.
type BfgsOptions =
    {
        /// line searches at most
        MaxIterations: int
        /// evaluations in a line search at most
        MaxEvaluations: int
        /// largest |∂f/∂xᵢ| that counts as 0
        GradientTolerance: float
        /// least decrease of a step, relative to 1 + |f|
        ValueTolerance: float
        /// longest first step of a line search, |x' − x|; a search may go on beyond it
        FirstStep: float
        /// told the number of the step, the value and the point after every step; false ends the search
        Progress: int -> float -> float[] -> bool
    }

/// The best point found, its value and gradient, and the work that it took.
type BfgsSolution =
    {
        X: float[]
        Value: float
        Gradient: float[]
        Iterations: int
        Evaluations: int
        Status: BfgsStatus
    }

/// Minimisation of smooth functions by the method of Broyden, Fletcher, Goldfarb and Shanno with a line search for the strong conditions of
/// Wolfe. Where the function is not finite, a step is cut. The inverse of the Hessian starts as 1 and is not scaled by the first step
/// (equation 6.20 there): searches over policies then end in poor optima where they find good ones without.
/// Source: Nocedal and Wright, Numerical Optimization (2006), algorithms 3.5, 3.6, 6.1.
[<RequireQualifiedAccess>]
module Bfgs =

    /// 200 line searches to a gradient of 1e-6.
    let defaults =
        {
            MaxIterations = 200
            MaxEvaluations = 30
            GradientTolerance = 1e-6
            ValueTolerance = 1e-12
            FirstStep = infinity
            Progress = fun _ _ _ -> true
        }

    let private sufficient = 1e-4
    let private curvature = 0.5

    let private dot (a: float[]) (b: float[]) =
        let mutable sum = 0.0

        for i in 0 .. a.Length - 1 do
            sum <- sum + a[i] * b[i]

        sum

    let private isFinite (value: float, gradient: float[]) =
        Double.IsFinite value && Array.forall Double.IsFinite gradient

    /// A place on the line of a search.
    [<Struct>]
    type private Place = { Step: float; F: float; Slope: float }

    /// Minimum of the cubic through values and slopes at two places, held inside the middle of the interval.
    let private between (a: Place) (b: Place) : float =
        let d1 = a.Slope + b.Slope - 3.0 * (a.F - b.F) / (a.Step - b.Step)
        let d2 = sqrt (d1 * d1 - a.Slope * b.Slope) * Math.CopySign(1.0, b.Step - a.Step)

        let guess =
            b.Step
            - (b.Step - a.Step) * (b.Slope + d2 - d1) / (b.Slope - a.Slope + 2.0 * d2)

        let low, high = min a.Step b.Step, max a.Step b.Step
        let margin = 0.1 * (high - low)

        if Double.IsFinite guess then
            min (high - margin) (max (low + margin) guess)
        else
            0.5 * (low + high)

    /// Minimises f, which gives its value and its gradient [n] at a point, from a start [n].
    let minimise (options: BfgsOptions) (f: float[] -> float * float[]) (start: float[]) : BfgsSolution =
        let n = start.Length
        let evaluations = ref 0

        let evaluate x =
            evaluations.Value <- evaluations.Value + 1
            let value, gradient = f x

            if gradient.Length <> n then
                invalidArg (nameof f) $"a function of {n} numbers gave a gradient of {gradient.Length}"

            value, gradient

        let mutable x = Array.copy start
        let mutable value, gradient = evaluate x
        let inverse = Array2D.zeroCreate n n

        let largest (g: float[]) =
            Array.fold (fun m v -> max m (abs v)) 0.0 g

        let mutable status =
            if not (isFinite (value, gradient)) then
                Some NotFiniteAtStart
            elif largest gradient <= options.GradientTolerance then
                Some Converged
            else
                None

        let mutable iteration = 0
        let isFresh = ref true

        let restart () =
            for i in 0 .. n - 1 do
                for j in 0 .. n - 1 do
                    inverse[i, j] <- if i = j then 1.0 else 0.0

            isFresh.Value <- true

        restart ()

        while status.IsNone do
            let direction = Array.zeroCreate n

            for i in 0 .. n - 1 do
                let mutable sum = 0.0

                for j in 0 .. n - 1 do
                    sum <- sum - inverse[i, j] * gradient[j]

                direction[i] <- sum

            let slope = dot gradient direction

            if not (slope < 0.0) then
                if isFresh.Value then status <- Some Stalled else restart ()
            else
                // the best point of the search that is sure to lower the value
                let best: (float * float[] * float[]) option ref = ref None
                let from, valueThere = x, value

                let at step =
                    let point = Array.init n (fun i -> from[i] + step * direction[i])
                    let newValue, newGradient = evaluate point

                    if not (isFinite (newValue, newGradient)) then
                        {
                            Step = step
                            F = infinity
                            Slope = nan
                        }
                    else
                        let isBetter =
                            match best.Value with
                            | Some(known, _, _) -> newValue < known
                            | None -> newValue < valueThere

                        if isBetter then
                            best.Value <- Some(newValue, point, newGradient)

                        {
                            Step = step
                            F = newValue
                            Slope = dot newGradient direction
                        }

                let origin = { Step = 0.0; F = value; Slope = slope }

                let allowed = evaluations.Value + options.MaxEvaluations

                let isHigh (place: Place) =
                    not (place.F <= valueThere + sufficient * place.Step * slope)

                let isFlat (place: Place) = abs place.Slope <= -curvature * slope

                let rec zoom (low: Place) (high: Place) =
                    if
                        evaluations.Value < allowed
                        && abs (high.Step - low.Step) * abs slope > 1e-16 * (1.0 + abs valueThere)
                    then
                        let step =
                            if Double.IsFinite high.F then
                                between low high
                            else
                                low.Step + 0.25 * (high.Step - low.Step)

                        let place = at step

                        if isHigh place || place.F >= low.F then
                            zoom low place
                        elif isFlat place then
                            ()
                        elif place.Slope * (high.Step - low.Step) >= 0.0 then
                            zoom place low
                        else
                            zoom place high

                let rec bracket (before: Place) (step: float) =
                    let place = at step

                    if isHigh place || (before.Step > 0.0 && place.F >= before.F) then
                        zoom before place
                    elif isFlat place then
                        ()
                    elif place.Slope >= 0.0 then
                        zoom place before
                    elif evaluations.Value < allowed then
                        bracket place (2.5 * step)

                let size = sqrt (dot gradient gradient)
                let first = if isFresh.Value then min 1.0 (1.0 / (1.0 + size)) else 1.0
                bracket origin (min first (options.FirstStep / sqrt (dot direction direction)))

                match best.Value with
                | None -> if isFresh.Value then status <- Some Stalled else restart ()
                | Some(newValue, point, newGradient) ->
                    let s = Array.map2 (-) point x
                    let y = Array.map2 (-) newGradient gradient
                    let product = dot s y
                    let decrease = value - newValue
                    let wasFresh = isFresh.Value

                    if product > 1e-14 * sqrt (dot s s * dot y y) then
                        let hy = Array.init n (fun i -> dot inverse[i, *] y)
                        let weight = (1.0 + dot y hy / product) / product

                        for i in 0 .. n - 1 do
                            for j in 0 .. n - 1 do
                                inverse[i, j] <-
                                    inverse[i, j] + weight * s[i] * s[j] - (hy[i] * s[j] + s[i] * hy[j]) / product

                        isFresh.Value <- false

                    x <- point
                    value <- newValue
                    gradient <- newGradient
                    iteration <- iteration + 1

                    if not (options.Progress iteration value x) then
                        status <- Some MaxIterationsReached
                    elif largest gradient <= options.GradientTolerance then
                        status <- Some Converged
                    elif decrease <= options.ValueTolerance * (1.0 + abs value) then
                        if wasFresh then status <- Some Stalled else restart ()

                    if status.IsNone && iteration >= options.MaxIterations then
                        status <- Some MaxIterationsReached

        {
            X = x
            Value = value
            Gradient = gradient
            Iterations = iteration
            Evaluations = evaluations.Value
            Status = status |> Option.defaultValue Stalled
        }
