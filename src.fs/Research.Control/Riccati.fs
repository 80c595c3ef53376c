namespace Research.Control

open System
open MathNet.Numerics.LinearAlgebra

/// A regulator problem in units in which its numbers are of like size: x = T x̃, costs in units of C, and u = W v − S x, where the cost of v is
/// ½vᵀv and crosses nothing.
type internal ScaledRegulator =
    {
        A: Matrix<float>
        B: Matrix<float>
        Q: Matrix<float>
        /// P of the problem as stated, from its P here
        RestoreP: Matrix<float> -> float[,]
        /// K of u = −K x, from its K here
        RestoreK: Matrix<float> -> float[,]
    }

/// What the discrete and the continuous equation differ in.
type internal RiccatiEquation =
    {
        /// whether a closed loop is stable
        IsStable: Matrix<float> -> bool
        /// P of a closed loop F at a stage cost: the solution of a linear equation
        CostOf: Matrix<float> -> Matrix<float> -> Matrix<float>
        /// the best gain where P is the cost of what follows
        Answer: ScaledRegulator -> Matrix<float> -> Matrix<float>
        /// how far P is from solving the equation, relative to its terms
        Error: ScaledRegulator -> Matrix<float> -> float
    }

/// What the two algebraic Riccati equations share: checks, scaling, and Newton's method of Kleinman (1968), by which the loop that a gain closes
/// decides, and not a threshold on the way.
[<RequireQualifiedAccess>]
module internal Riccati =

    let matrix (a: float[,]) = Matrix<float>.Build.DenseOfArray a

    let half (a: Matrix<float>) = (a + a.Transpose()) * 0.5

    let isFinite (a: Matrix<float>) =
        a.Enumerate() |> Seq.forall Double.IsFinite

    let private largest (a: Matrix<float>) =
        a.Enumerate() |> Seq.fold (fun most x -> Math.Max(most, abs x)) 0.0

    /// Eigenvalues; none of a matrix that is not finite, of which the library's search would have no end, or where the search fails.
    let eigenvalues (a: Matrix<float>) : Numerics.Complex[] option =
        let size = largest a

        if not (isFinite a) then
            None
        elif size = 0.0 then
            Some(Array.create a.RowCount Numerics.Complex.Zero)
        else
            try
                // squares of the numbers must not overflow
                let unit = Math.ScaleB(1.0, Math.ILogB size)
                Some(((a / unit).Evd().EigenValues * Numerics.Complex(unit, 0.0)).ToArray())
            with :? MathNet.Numerics.NonConvergenceException ->
                None

    /// What is wrong with the sizes and numbers of A, B, Q, R, N, in words.
    let fault (a: float[,]) (b: float[,]) (q: float[,]) (r: float[,]) (n: float[,]) : string option =
        let states, controls = Array2D.length1 a, Array2D.length2 b

        [
            "A", a, (states, states)
            "B", b, (states, controls)
            "Q", q, (states, states)
            "R", r, (controls, controls)
            "N", n, (states, controls)
        ]
        |> List.tryPick (fun (name, value, (rows, columns)) ->
            if
                Array2D.length1 value <> rows
                || Array2D.length2 value <> columns
                || states = 0
                || controls = 0
            then
                Some
                    $"{name} is {Array2D.length1 value}×{Array2D.length2 value}; it must be {rows}×{columns}, with one state and one control or more"
            elif value |> Seq.cast<float> |> Seq.exists (Double.IsFinite >> not) then
                Some $"{name} holds a number that is not finite"
            else
                None)

    /// The power of 2 nearest to 2^x.
    let private power (x: float) = Math.ScaleB(1.0, int (Math.Round x))

    let private log2OrZero (x: float) = if x > 0.0 then Math.Log2 x else 0.0

    /// Scales of the states and of the cost, powers of 2, that bring the rows and columns of the matrix [a g; q aᵀ] to like sizes.
    let private balance (a: Matrix<float>) (g: Matrix<float>) (q: Matrix<float>) =
        let n = a.RowCount

        let cost =
            let ratio = q.FrobeniusNorm() / g.FrobeniusNorm()

            if ratio > 0.0 && Double.IsFinite ratio then
                power (0.5 * Math.Log2 ratio)
            else
                1.0

        let t = Array.create n 1.0

        for _ in 1..10 do
            for i in 0 .. n - 1 do
                let mutable row, column =
                    abs g[i, i] * cost / (t[i] * t[i]), abs q[i, i] / cost * t[i] * t[i]

                for k in 0 .. n - 1 do
                    if k <> i then
                        row <- row + abs a[i, k] * t[k] / t[i] + abs g[i, k] * cost / (t[i] * t[k])
                        column <- column + abs a[k, i] * t[i] / t[k] + abs q[k, i] / cost * t[i] * t[k]

                let ratio = row / column

                if ratio > 0.0 && Double.IsFinite ratio then
                    t[i] <- t[i] * power (0.5 * Math.Log2 ratio)

        t, cost

    /// The problem in units of like size; none where R is not positive definite.
    let scale (a: float[,]) (b: float[,]) (q: float[,]) (r: float[,]) (n: float[,]) : ScaledRegulator option =
        let a, b, q, r, n = matrix a, matrix b, half (matrix q), half (matrix r), matrix n

        if r.Diagonal() |> Seq.exists (fun x -> not (x > 0.0)) then
            None
        else
            // R = D L Lᵀ D
            let d = r.Diagonal() |> Seq.map (fun x -> power (0.5 * Math.Log2 x)) |> Seq.toArray
            let unit = r.MapIndexed(fun i j v -> v / d[i] / d[j])

            let factor =
                try
                    let found = unit.Cholesky().Factor
                    let least = found.Diagonal() |> Seq.min

                    if isFinite found && least > 1e-8 * largest found then
                        Some found
                    else
                        None
                with :? ArgumentException ->
                    None

            match factor with
            | None -> None
            | Some lower ->
                let whiten (x: Matrix<float>) =
                    // x D⁻¹ L⁻ᵀ
                    lower.Solve((x.MapIndexed(fun _ j v -> v / d[j])).Transpose()).Transpose()

                let b', n' = whiten b, whiten n
                // cross terms are absorbed by the feedback u = v − R⁻¹Nᵀx
                let a' = a - b' * n'.Transpose()
                let q' = half (q - n' * n'.Transpose())
                let first = power (0.5 * log2OrZero (largest q') - log2OrZero (largest b'))
                let root = sqrt first
                let sized = b' * root
                let t, cost = balance a' (sized * sized.Transpose()) (q' * (1.0 / first))
                let cost = first * cost
                let root = sqrt cost

                Some
                    {
                        A = a'.MapIndexed(fun i j v -> v * t[j] / t[i])
                        B = b'.MapIndexed(fun i _ v -> v * root / t[i])
                        Q = q'.MapIndexed(fun i j v -> v / cost * t[i] * t[j])
                        RestoreP = fun p -> (p.MapIndexed(fun i j v -> v * cost / t[i] / t[j])).ToArray()
                        RestoreK =
                            fun k ->
                                let own = k.MapIndexed(fun _ j v -> v * root / t[j]) + n'.Transpose()

                                ((lower.Transpose().Solve own).MapIndexed(fun i _ v -> v / d[i])).ToArray()
                    }

    /// P and the gain that Newton's method comes to from a gain that stabilises: each P is the cost of the gain before, and each gain the best
    /// answer to that cost. None where a loop is not stable or the costs do not settle: on a mode that is marginal and costs nothing they halve
    /// for ever.
    let private improve (problem: ScaledRegulator) (equation: RiccatiEquation) (gain: Matrix<float>) =
        let mostSteps, mostHalvings = 150, 40

        // `halvings`: steps in a row that were near and yet took off about half of what was left
        let rec go steps halvings before (change: float) (gain: Matrix<float>) =
            let loop = problem.A - problem.B * gain

            if
                steps = 0
                || halvings = mostHalvings
                || not (isFinite gain)
                || not (equation.IsStable loop)
            then
                None
            else
                let p = half (equation.CostOf loop (problem.Q + gain.Transpose() * gain))
                let next = equation.Answer problem p

                if not (isFinite p && isFinite next) then
                    None
                else
                    let distance =
                        match before with
                        | None -> infinity
                        | Some before ->
                            (p - before: Matrix<float>).FrobeniusNorm()
                            / Math.Max(1e-300, p.FrobeniusNorm())

                    let isHalved = distance < 0.1 && distance > 0.3 * change && distance < 0.75 * change

                    // near a solution convergence is quadratic, until rounding ends it, which it does early where P is ill-conditioned
                    let isOver =
                        distance < 1e-15
                        || distance >= 0.75 * change
                           && (distance < 1e-6 || distance < 1e-2 && equation.Error problem p < 1e-13)

                    if isOver then
                        if equation.IsStable(problem.A - problem.B * next) then
                            Some(p, next)
                        else
                            None
                    else
                        go (steps - 1) (if isHalved then halvings + 1 else 0) (Some p) distance next

        go mostSteps 0 None infinity gain

    /// The problem at other costs, of the size of A, and the factor from a gain of it to a gain of the problem that closes the same loop: any
    /// regulator stabilises, and one whose loop is no faster than the system is found where others drown in rounding.
    let private gentle (problem: ScaledRegulator) : struct (ScaledRegulator * float) =
        let size = Math.Max(problem.A.FrobeniusNorm(), 1e-300)

        let factor =
            sqrt (size / Math.Max((problem.B * problem.B.Transpose()).FrobeniusNorm(), 1e-300))

        struct ({ problem with
                    B = problem.B * factor
                    Q = Matrix<float>.Build.DenseIdentity problem.A.RowCount * size
                },
                factor)

    /// `improve` from the first P of the problem, which `first` is, or, where its loop is not stable, from that of a gentle problem, which `start`
    /// gives.
    let solve
        (problem: ScaledRegulator)
        (equation: RiccatiEquation)
        (first: Matrix<float>)
        (start: ScaledRegulator -> Matrix<float>)
        : (Matrix<float> * Matrix<float>) option =
        let from (source: ScaledRegulator) (factor: float) (p: Matrix<float>) =
            if isFinite p then
                improve problem equation (equation.Answer source p * factor)
            else
                None

        from problem 1.0 first
        |> Option.orElseWith (fun () ->
            let struct (source, factor) = gentle problem
            from source factor (start source))

    /// Whether some mode of a, among those asked for, is reached through b by less than rounding: Hautus' test with columns of b as large as a.
    let isOutOfReach (isAsked: Numerics.Complex -> bool) (a: Matrix<float>) (b: Matrix<float>) : bool =
        let n = a.RowCount
        let size = a.FrobeniusNorm()
        let scale = if size > 0.0 then size else 1.0

        let columns =
            [|
                for j in 0 .. b.ColumnCount - 1 do
                    let norm = b.Column(j).L2Norm()

                    if norm > 0.0 then
                        b.Column j * (scale / norm)
                    else
                        b.Column j
            |]

        let isSound = columns |> Array.forall (Seq.forall Double.IsFinite)

        match eigenvalues a with
        | None -> false
        | Some _ when not isSound -> false
        | Some modes ->
            modes
            |> Seq.exists (fun eigenvalue ->
                isAsked eigenvalue
                && (let pencil =
                        Matrix<Numerics.Complex>
                            .Build.Dense(
                                n,
                                n + b.ColumnCount,
                                fun i j ->
                                    if j < n then
                                        Numerics.Complex(a[i, j], 0.0)
                                        - (if i = j then eigenvalue else Numerics.Complex.Zero)
                                    else
                                        Numerics.Complex(columns[j - n][i], 0.0)
                            )

                    let smallest = pencil.Svd(false).S |> Seq.map _.Magnitude |> Seq.min
                    smallest < 1e-9 * scale))
