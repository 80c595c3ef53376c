namespace Research.Control

open System
open Research.Kernels

/// How a box-constrained quadratic program ended.
type BoxQpStatus =
    /// the gradient vanishes on every coordinate that no bound holds
    | BoxQpConverged
    | BoxQpIterationLimit
    /// no step lowered the cost, though its slope is not small: numbers too large or too far apart
    | BoxQpNoImprovement
    /// H is not positive definite on the coordinates that no bound holds
    | BoxQpIndefinite
    /// the program makes no sense, and why
    | BoxQpIllPosed of reason: string

/// Solution of a box-constrained quadratic program.
type BoxQpSolution =
    {
        Status: BoxQpStatus
        /// minimiser [n]
        X: float[]
        /// ½xᵀHx + gᵀx
        Value: float
        /// true of a coordinate that no bound holds
        Free: bool[]
        Iterations: int
    }

/// Quadratic programs with bounds, min ½xᵀHx + gᵀx over lower ≤ x ≤ upper, by projected Newton steps. Source: Tassa, Mansard, Todorov,
/// Control-Limited Differential Dynamic Programming (2014).
[<RequireQualifiedAccess>]
module BoxQp =

    let private fault (h: float[,]) (g: float[]) (lower: float[]) (upper: float[]) (start: float[]) =
        let n = g.Length

        if n = 0 then
            Some "it has no unknowns"
        elif Array2D.length1 h <> n || Array2D.length2 h <> n then
            Some $"H is {Array2D.length1 h}×{Array2D.length2 h} and g has {n} numbers"
        elif lower.Length <> n || upper.Length <> n || start.Length <> n then
            Some $"g has {n} numbers, the bounds {lower.Length} and {upper.Length}, the start {start.Length}"
        elif
            Seq.exists
                (fun (value: float) -> not (Double.IsFinite value))
                (Seq.append (Seq.cast<float> h) (Seq.append g start))
        then
            Some "H, g or the start holds a number that is not finite"
        else
            Seq.tryFind (fun i -> not (lower[i] <= upper[i])) (seq { 0 .. n - 1 })
            |> Option.map (fun i -> $"the bounds of coordinate {i} are crossed: {lower[i]} to {upper[i]}")

    /// Solves from a start [n], which is first held to the bounds. h:[n,n] symmetric, positive definite; g, lower, upper:[n], bounds may be
    /// infinite.
    let solveFrom (start: float[]) (h: float[,]) (g: float[]) (lower: float[]) (upper: float[]) : BoxQpSolution =
        match fault h g lower upper start with
        | Some reason ->
            {
                Status = BoxQpIllPosed reason
                X = Array.copy start
                Value = nan
                Free = Array.create start.Length false
                Iterations = 0
            }
        | None ->
            let n = g.Length
            let solver = BoxQpSolver n
            let x = Array.copy start
            let flat = Seq.cast<float> h |> Seq.toArray
            let outcome = solver.Solve(flat, g, lower, upper, x)
            let free = solver.Free.ToArray()

            let product =
                Array.init n (fun i -> Seq.sum (seq { for j in 0 .. n - 1 -> h[i, j] * x[j] }))

            {
                Status =
                    match outcome with
                    | BoxQpOutcome.NotPositiveDefinite -> BoxQpIndefinite
                    | BoxQpOutcome.IterationLimit -> BoxQpIterationLimit
                    | BoxQpOutcome.NoImprovement -> BoxQpNoImprovement
                    | _ -> BoxQpConverged
                X = x
                Value = Seq.sum (seq { for i in 0 .. n - 1 -> x[i] * (g[i] + 0.5 * product[i]) })
                Free = Array.init n (fun i -> Array.contains i free)
                Iterations = solver.Iterations
            }

    /// Solves from the point of the box nearest to 0.
    let solve (h: float[,]) (g: float[]) (lower: float[]) (upper: float[]) : BoxQpSolution =
        solveFrom (Array.zeroCreate g.Length) h g lower upper
