namespace Research.Control

open System
open Research.Kernels

/// One step of a linear-quadratic problem: x' = A x + B u + c at the cost ½xᵀQx + ½uᵀRu + xᵀNu + qᵀx + rᵀu.
type LqrStep =
    {
        A: float[,]
        B: float[,]
        C: float[]
        Q: float[,]
        R: float[,]
        /// [n, m]
        N: float[,]
        QLinear: float[]
        RLinear: float[]
    }

/// A linear-quadratic problem: its steps, and the terminal cost ½xᵀQx + qᵀx.
type LqrProblem =
    {
        Steps: LqrStep[]
        TerminalQ: float[,]
        TerminalLinear: float[]
    }

/// The value function V(x) = ½xᵀPx + pᵀx + s of what is still to come.
type LqrValue =
    {
        P: float[,]
        Linear: float[]
        Constant: float
    }

/// The optimal law u = K x + k of every step, and the value function before every step and at the end.
type LqrSolution =
    {
        K: float[,][]
        Feedforward: float[][]
        Values: LqrValue[]
    }

/// Why a linear-quadratic problem has no solution.
type LqrFault =
    /// sizes that do not fit, or numbers that are not finite: what and where
    | LqrIllPosed of reason: string
    /// R + BᵀPB is not positive definite at a step
    | LqrNotConvex of step: int

/// The linear-quadratic regulator over a finite horizon, with everything varying in time, affine dynamics, cross and linear terms. Source:
/// Anderson and Moore, Optimal Control: Linear Quadratic Methods (1990).
[<RequireQualifiedAccess>]
module Lqr =

    /// A step without affine, cross and linear terms.
    let step (a: float[,]) (b: float[,]) (q: float[,]) (r: float[,]) : LqrStep =
        let n, m = Array2D.length1 a, Array2D.length2 b

        {
            A = a
            B = b
            C = Array.zeroCreate n
            Q = q
            R = r
            N = Array2D.zeroCreate n m
            QLinear = Array.zeroCreate n
            RLinear = Array.zeroCreate m
        }

    /// The same step at every time of a horizon, with a terminal cost ½xᵀQx.
    let repeat (horizon: int) (step: LqrStep) (terminalQ: float[,]) : LqrProblem =
        {
            Steps = Array.create horizon step
            TerminalQ = terminalQ
            TerminalLinear = Array.zeroCreate (Array2D.length1 terminalQ)
        }

    let private faultOf (problem: LqrProblem) =
        let n = problem.TerminalLinear.Length
        let size (m: float[,]) = Array2D.length1 m, Array2D.length2 m
        let text (rows: int, columns: int) = $"{rows}×{columns}"

        let isFinite (numbers: Collections.IEnumerable) =
            numbers |> Seq.cast<float> |> Seq.forall Double.IsFinite

        let ofStep t (step: LqrStep) =
            let m = Array2D.length2 step.B

            let matrices =
                [
                    "A", step.A, (n, n)
                    "B", step.B, (n, m)
                    "Q", step.Q, (n, n)
                    "R", step.R, (m, m)
                    "N", step.N, (n, m)
                ]

            let vectors = [ "c", step.C, n; "q", step.QLinear, n; "r", step.RLinear, m ]

            seq {
                for name, matrix, expected in matrices do
                    if size matrix <> expected then
                        $"{name} of step {t} is {text (size matrix)}; it must be {text expected}"
                    elif not (isFinite matrix) then
                        $"{name} of step {t} holds a number that is not finite"

                for name, vector, expected in vectors do
                    if vector.Length <> expected then
                        $"{name} of step {t} has {vector.Length} numbers; it must have {expected}"
                    elif not (isFinite vector) then
                        $"{name} of step {t} holds a number that is not finite"

                if m <> Array2D.length2 problem.Steps[0].B then
                    $"step {t} has {m} controls and step 0 has {Array2D.length2 problem.Steps[0].B}"
            }

        seq {
            if problem.Steps.Length = 0 then
                "the horizon is empty; it must have one step or more"

            if size problem.TerminalQ <> (n, n) then
                $"the terminal Q is {text (size problem.TerminalQ)}; it must be {text (n, n)}"
            elif not (isFinite problem.TerminalQ) || not (isFinite problem.TerminalLinear) then
                "the terminal cost holds a number that is not finite"

            yield! problem.Steps |> Seq.mapi ofStep |> Seq.concat
        }
        |> Seq.tryHead

    let private flat (matrix: float[,]) =
        matrix |> Seq.cast<float> |> Seq.toArray

    let private times (a: float[,]) (x: float[]) =
        Array.init (Array2D.length1 a) (fun i -> Seq.sum (seq { for j in 0 .. x.Length - 1 -> a[i, j] * x[j] }))

    let private dot (a: float[]) (b: float[]) =
        Array.fold2 (fun s x y -> s + x * y) 0.0 a b

    let private symmetric (a: float[,]) =
        Array2D.init (Array2D.length1 a) (Array2D.length2 a) (fun i j -> 0.5 * (a[i, j] + a[j, i]))

    /// The affine problem as a linear one in [x; 1]: what the backward pass takes.
    let private augmented (step: LqrStep) =
        let n = step.C.Length
        let m = step.RLinear.Length

        let fx =
            Array2D.init (n + 1) (n + 1) (fun i j ->
                if i < n && j < n then step.A[i, j]
                elif i < n then step.C[i]
                elif j = n then 1.0
                else 0.0)

        let fu = Array2D.init (n + 1) m (fun i j -> if i < n then step.B[i, j] else 0.0)

        let lxx =
            Array2D.init (n + 1) (n + 1) (fun i j ->
                if i < n && j < n then 0.5 * (step.Q[i, j] + step.Q[j, i])
                elif i < n then step.QLinear[i]
                elif j < n then step.QLinear[j]
                else 0.0)

        let lux =
            Array2D.init m (n + 1) (fun i j -> if j < n then step.N[j, i] else step.RLinear[i])

        Array.concat
            [
                flat fx
                flat fu
                Array.zeroCreate (n + 1)
                Array.zeroCreate m
                flat lxx
                flat lux
                flat (symmetric step.R)
            ]

    /// Solves a problem of n states, m controls and T steps: gains K:[T][m,n] and k:[T][m] of u = K x + k, value functions [T+1].
    let solve (problem: LqrProblem) : Result<LqrSolution, LqrFault> =
        match faultOf problem with
        | Some reason -> Error(LqrIllPosed reason)
        | None ->
            let n = problem.TerminalLinear.Length
            let m = Array2D.length2 problem.Steps[0].B
            let horizon = problem.Steps.Length
            let backward = BackwardPass(n + 1, m)
            let model = problem.Steps |> Array.collect augmented
            let row = backward.PolicySize
            let policy = Array.zeroCreate<float>(row * horizon)
            let valueRow = (n + 1) + (n + 1) * (n + 1)
            let values = Array.zeroCreate<float>(valueRow * horizon)
            let q = symmetric problem.TerminalQ
            let p = problem.TerminalLinear

            let terminal =
                Array2D.init (n + 1) (n + 1) (fun i j ->
                    if i < n && j < n then q[i, j]
                    elif i < n then p[i]
                    elif j < n then p[j]
                    else 0.0)

            let failed =
                backward.Run(
                    model,
                    backward.RecordSize,
                    Array.zeroCreate<float>(n + 1),
                    flat terminal,
                    policy,
                    row,
                    horizon,
                    values = values
                )

            if failed >= 0 then
                Error(LqrNotConvex failed)
            else
                let gain t i j =
                    policy[t * row + (n + 1) + 2 * m + i * (n + 1) + j]

                let value t i j =
                    values[t * valueRow + (n + 1) + i * (n + 1) + j]

                Ok
                    {
                        K = Array.init horizon (fun t -> Array2D.init m n (gain t))
                        Feedforward = Array.init horizon (fun t -> Array.init m (fun i -> gain t i n))
                        Values =
                            Array.init (horizon + 1) (fun t ->
                                if t = horizon then
                                    { P = q; Linear = p; Constant = 0.0 }
                                else
                                    {
                                        P = Array2D.init n n (value t)
                                        Linear = Array.init n (fun i -> value t i n)
                                        Constant = 0.5 * value t n n
                                    })
                    }

    /// V(x) = ½xᵀPx + pᵀx + s.
    let evaluate (value: LqrValue) (x: float[]) : float =
        0.5 * dot x (times value.P x) + dot value.Linear x + value.Constant

    /// States [T+1][n] and controls [T][m] of the optimal law from a start, and their cost.
    let rollout (problem: LqrProblem) (solution: LqrSolution) (start: float[]) : float[][] * float[][] * float =
        let mutable cost = 0.0
        let states = Array.zeroCreate (problem.Steps.Length + 1)
        states[0] <- start

        let controls =
            problem.Steps
            |> Array.mapi (fun t step ->
                let x = states[t]
                let u = Array.map2 (+) (times solution.K[t] x) solution.Feedforward[t]
                states[t + 1] <- Array.map3 (fun a b c -> a + b + c) (times step.A x) (times step.B u) step.C

                cost <-
                    cost
                    + 0.5 * dot x (times step.Q x)
                    + 0.5 * dot u (times step.R u)
                    + dot x (times step.N u)
                    + dot step.QLinear x
                    + dot step.RLinear u

                u)

        let last = states[problem.Steps.Length]

        states,
        controls,
        cost
        + 0.5 * dot last (times problem.TerminalQ last)
        + dot problem.TerminalLinear last

    /// Expected cost from a start of mean x and covariance S, when noise of covariance Wₜ [T][n,n] is added to every next state: the law is
    /// the same (certainty equivalence), and the noise costs ½ tr(Pₜ₊₁ Wₜ) a step.
    let expectedCost (solution: LqrSolution) (mean: float[]) (covariance: float[,]) (noise: float[,][]) : float =
        let halfTrace (p: float[,]) (s: float[,]) =
            let n = Array2D.length1 p

            0.5
            * Seq.sum (
                seq {
                    for i in 0 .. n - 1 do
                        for j in 0 .. n - 1 -> p[i, j] * s[j, i]
                }
            )

        if noise.Length <> solution.K.Length then
            invalidArg
                (nameof noise)
                $"Lqr.expectedCost needs one covariance a step, and got {noise.Length} for {solution.K.Length}"

        evaluate solution.Values[0] mean
        + halfTrace solution.Values[0].P covariance
        + Seq.sum (noise |> Seq.mapi (fun t w -> halfTrace solution.Values[t + 1].P w))
