namespace Research.Reference

open System
open Research
open Research.Control

/// A problem of optimal control as one sparse nonlinear program by direct multiple shooting: z = [u₀ x₁ u₁ x₂ …], every step of the dynamics an
/// equality. Values and exact derivatives are those of the traced functions; `faults` holds them against differences.
[<RequireQualifiedAccess>]
module Transcription =

    let private inequality = -1e20

    /// Functions of one time, compiled: values, the numbers of their Jacobian that are not always 0, and those of the Hessian of their
    /// weighted sum, with the places of both.
    type private Block(inputs: int, trace: Vec -> Vec) =
        let z = Real.variables "z" inputs
        let values = trace z
        let jacobian = Derive.jacobian z values
        let isZero (x: Real) = x.IsConstant && Trace.number x = 0.0

        let jacobianPlaces =
            [|
                for i in 0 .. values.Length - 1 do
                    for j in 0 .. inputs - 1 do
                        if not (isZero jacobian[i, j]) then
                            struct (i, j)
            |]

        let weights = Real.variables "w" values.Length
        let sum = Vec.dot weights values
        let gradient = Derive.jacobian z [| sum |]
        let hessian = Derive.jacobian z gradient[0, *]

        let hessianPlaces =
            [|
                for i in 0 .. inputs - 1 do
                    for j in 0..i do
                        if not (isZero hessian[i, j]) then
                            struct (i, j)
            |]

        let pick (matrix: Real[,]) places =
            places |> Array.map (fun struct (i, j) -> matrix[i, j])

        let value = Compile.graph z [||] values
        let first = Compile.graph z [||] (pick jacobian jacobianPlaces)

        let second =
            Compile.graph (Array.append z weights) [||] (pick hessian hessianPlaces)

        member _.Size = values.Length
        member _.JacobianPlaces = jacobianPlaces
        member _.HessianPlaces = hessianPlaces
        member _.Reads(row: int, column: int) = not (isZero jacobian[row, column])
        member _.Value(z: float[]) : float[] = value.Run z
        member _.Jacobian(z: float[]) : float[] = first.Run z
        member _.Hessian(z: float[], weights: float[]) : float[] = second.Run(Array.append z weights)

    /// The program of a problem whose dynamics are traced and whose cost reads no signals.
    let ofProblem (problem: Problem) : Program =
        let n, m, horizon =
            problem.Dynamics.StateSize, problem.Dynamics.ControlSize, problem.Horizon

        let f =
            match problem.Dynamics.Traced with
            | ValueSome f -> f
            | ValueNone -> invalidArg (nameof problem) "only traced dynamics can be transcribed"

        let collect values =
            problem.Constraints |> List.map values |> Array.concat

        // outputs: the cost, the next state, the constraints
        let stage =
            Block(
                n + m,
                fun z ->
                    let x, u = z[.. n - 1], z[n..]

                    Array.concat
                        [
                            [| problem.Cost.AtStage [||] x u |]
                            f x u
                            collect (fun c -> c.Stage [||] x u)
                        ]
            )

        let final =
            Block(n, fun x -> Array.append [| problem.Cost.AtEnd [||] x |] (collect (fun c -> c.Terminal [||] x)))

        let isEquality (values: Constraint -> Vec) =
            problem.Constraints
            |> Seq.collect (fun c -> values c |> Seq.map (fun _ -> c.IsEquality))
            |> Seq.toArray

        let x, u = Real.variables "x" n, Real.variables "u" m
        let stageEqualities = isEquality (fun c -> c.Stage [||] x u)
        let finalEqualities = isEquality (fun c -> c.Terminal [||] x)
        let width = n + m

        /// where number j of the point of a step is in z; −1 for the start, which is given
        let place t j =
            if j >= n then t * width + j - n
            elif t = 0 then -1
            else (t - 1) * width + m + j

        let point (z: float[]) t =
            Array.init (if t = horizon then n else width) (fun j ->
                let k = place t j
                if k < 0 then problem.Start[j] else z[k])

        // rows of g: the dynamics of all steps, then what constraints each step has, then the end
        let rows =
            Array.init horizon (fun t ->
                [|
                    for i in 0 .. stageEqualities.Length - 1 do
                        // what no control decides at the start is left out
                        if
                            t > 0
                            || Seq.exists (fun j -> stage.Reads(1 + n + i, j)) (seq { n .. width - 1 })
                        then
                            i
                |])

        let offsets = rows |> Array.scan (fun at own -> at + own.Length) (n * horizon)
        let count = offsets[horizon] + finalEqualities.Length

        /// the row of an output of a step; −1 for the cost and for what is left out
        let row t output =
            if t = horizon then
                if output = 0 then -1 else offsets[horizon] + output - 1
            elif output = 0 then
                -1
            elif output <= n then
                t * n + output - 1
            else
                match Array.IndexOf(rows[t], output - 1 - n) with
                | -1 -> -1
                | i -> offsets[t] + i

        let block t = if t = horizon then final else stage
        let every = [| 0..horizon |]

        let jacobianEntries =
            [|
                for t in every do
                    for e in 0 .. (block t).JacobianPlaces.Length - 1 do
                        let struct (i, j) = (block t).JacobianPlaces[e]

                        if row t i >= 0 && place t j >= 0 then
                            struct (t, e, row t i, place t j)
            |]

        let hessianEntries =
            [|
                for t in every do
                    for e in 0 .. (block t).HessianPlaces.Length - 1 do
                        let struct (i, j) = (block t).HessianPlaces[e]
                        let a, b = place t i, place t j

                        if a >= 0 && b >= 0 then
                            struct (t, e, max a b, min a b)
            |]

        // the next state of a step is itself a variable, which its row has with the factor −1
        let identity =
            [|
                for t in 0 .. horizon - 1 do
                    for i in 0 .. n - 1 do
                        struct (t * n + i, t * width + m + i)
            |]

        let lower, upper =
            match problem.Limits with
            | Some limits -> limits
            | None -> Array.create m -infinity, Array.create m infinity

        let bound (limits: float[]) (none: float) =
            Array.init (width * horizon) (fun k ->
                let j = k % width

                if j < m && Double.IsFinite limits[j] then
                    limits[j]
                else
                    none)

        let least =
            Array.init count (fun i ->
                if i < n * horizon then
                    0.0
                elif i >= offsets[horizon] then
                    (if finalEqualities[i - offsets[horizon]] then
                         0.0
                     else
                         inequality)
                else
                    let t = Array.FindLastIndex(offsets, fun at -> at <= i)

                    if stageEqualities[rows[t][i - offsets[t]]] then
                        0.0
                    else
                        inequality)

        {
            Lower = bound lower inequality
            Upper = bound upper -inequality
            Least = least
            Most = Array.zeroCreate count
            JacobianPlaces =
                Array.append (jacobianEntries |> Array.map (fun struct (_, _, i, j) -> struct (i, j))) identity
            HessianPlaces = hessianEntries |> Array.map (fun struct (_, _, i, j) -> struct (i, j))
            Value = fun z -> every |> Array.sumBy (fun t -> (block t).Value(point z t)[0])
            Gradient =
                fun z ->
                    let gradient = Array.zeroCreate (width * horizon)

                    for t in every do
                        let values = (block t).Jacobian(point z t)

                        for e in 0 .. values.Length - 1 do
                            let struct (i, j) = (block t).JacobianPlaces[e]
                            let k = place t j

                            if i = 0 && k >= 0 then
                                gradient[k] <- gradient[k] + values[e]

                    gradient
            Constraints =
                fun z ->
                    let g = Array.zeroCreate count

                    for t in every do
                        let values = (block t).Value(point z t)

                        for output in 1 .. values.Length - 1 do
                            if row t output >= 0 then
                                g[row t output] <- values[output]

                    for struct (i, k) in identity do
                        g[i] <- g[i] - z[k]

                    g
            Jacobian =
                fun z ->
                    let values = every |> Array.map (fun t -> (block t).Jacobian(point z t))

                    Array.append
                        (jacobianEntries |> Array.map (fun struct (t, e, _, _) -> values[t][e]))
                        (Array.create identity.Length -1.0)
            Hessian =
                fun z sigma lambda ->
                    let values =
                        every
                        |> Array.map (fun t ->
                            let weights =
                                Array.init (block t).Size (fun output ->
                                    if output = 0 then sigma
                                    elif row t output >= 0 then lambda[row t output]
                                    else 0.0)

                            (block t).Hessian(point z t, weights))

                    hessianEntries |> Array.map (fun struct (t, e, _, _) -> values[t][e])
        }

    /// z of a trajectory: states [T+1, n] and controls [T, m].
    let pack (states: float[,]) (controls: float[,]) : float[] =
        [|
            for t in 0 .. Array2D.length1 controls - 1 do
                yield! controls[t, *]
                yield! states[t + 1, *]
        |]

    /// States [T+1, n] and controls [T, m] of z.
    let unpack (problem: Problem) (z: float[]) : float[,] * float[,] =
        let n, m, horizon =
            problem.Dynamics.StateSize, problem.Dynamics.ControlSize, problem.Horizon

        Array2D.init (horizon + 1) n (fun t i ->
            if t = 0 then
                problem.Start[i]
            else
                z[(t - 1) * (n + m) + m + i]),
        Array2D.init horizon m (fun t i -> z[t * (n + m) + i])

    /// Largest violation of the rows of g and of the bounds.
    let violation (program: Program) (z: float[]) : float =
        let outside (least: float) (most: float) (value: float) =
            max 0.0 (max (least - value) (value - most))

        Math.Max(
            Array.max (Array.map3 outside program.Least program.Most (program.Constraints z)),
            Array.max (Array.map3 outside program.Lower program.Upper z)
        )

    /// Largest differences of the derivatives from central differences along a random direction at a point, as shares of their size:
    /// gradient, Jacobian, Hessian.
    let faults (program: Program) (rng: Rng) (z: float[]) : float * float * float =
        let n, m = z.Length, program.Least.Length
        let d = Array.init n (fun _ -> rng.Normal())
        let lambda = Array.init m (fun _ -> rng.Normal())
        let h = 1e-6

        let along s =
            Array.map2 (fun z d -> z + s * h * d) z d

        let ahead, behind = along 1.0, along -1.0

        let share (exact: float[]) (differences: float[]) =
            let size = Array.max (Array.map abs differences)
            Array.max (Array.map2 (fun a b -> abs (a - b)) exact differences) / (1.0 + size)

        let difference (f: float[] -> float[]) =
            Array.map2 (fun a b -> (a - b) / (2.0 * h)) (f ahead) (f behind)

        let product rows places (values: float[]) =
            let result = Array.zeroCreate rows

            Array.iter2 (fun (struct (i, j)) (value: float) -> result[i] <- result[i] + value * d[j]) places values

            result

        let lagrangian z =
            let gradient = program.Gradient z

            Array.iter2
                (fun (struct (i, j)) value -> gradient[j] <- gradient[j] + lambda[i] * value)
                program.JacobianPlaces
                (program.Jacobian z)

            gradient

        let hessian =
            let values = program.Hessian z 1.0 lambda
            let result = product n program.HessianPlaces values

            Array.iter2
                (fun (struct (i, j)) (value: float) ->
                    if i <> j then
                        result[j] <- result[j] + value * d[i])
                program.HessianPlaces
                values

            result

        let slope = Array.map2 (*) (program.Gradient z) d |> Array.sum

        share [| slope |] (difference (program.Value >> Array.singleton)),
        share (product m program.JacobianPlaces (program.Jacobian z)) (difference program.Constraints),
        share hessian (difference lagrangian)
