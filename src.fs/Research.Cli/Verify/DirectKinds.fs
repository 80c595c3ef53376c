namespace Research.Cli.Verify

open System
open System.Text.Json
open Research
open Research.Control

/// Cases whose solution is computed directly: compared number by number.
[<RequireQualifiedAccess>]
module DirectKinds =

    let private tolerance = 1e-8

    let private flat (matrix: float[,]) = Seq.cast<float> matrix

    let private id (case: Field) =
        match Json.tryGet "id" case with
        | Some id -> $"case {id.Value}"
        | None -> "case"

    let private result name comparisons =
        {
            Case = name
            Comparisons = comparisons
            Failure = None
        }

    let private failed name reason =
        {
            Case = name
            Comparisons = []
            Failure = Some reason
        }

    /// min ½x'Hx + g'x over lo ≤ x ≤ hi; null is no bound.
    let boxQp (case: Field) : CaseResult =
        let g = Json.vector (Json.get "g" case)
        let n = g.Length
        let h = Json.matrixOf n n (Json.get "H" case)

        let each (name: string) (read: Field -> 'a) =
            let field = Json.get name case
            let items = Json.items field

            if items.Length <> n then
                Json.wrong $"{n} values are" field

            Array.map read items

        let bounds name missing = each name (Json.numberOr missing)

        let solution = BoxQp.solve h g (bounds "lo" -infinity) (bounds "hi" infinity)

        match solution.Status with
        | BoxQpConverged ->
            let clamped = each "clamped" (fun flag -> if Json.boolean flag then 1.0 else 0.0)

            result
                (id case)
                [
                    Comparison.field tolerance case "x" solution.X
                    Comparison.field tolerance case "f" [ solution.Value ]
                    Comparison.numbers
                        tolerance
                        "clamped"
                        clamped
                        (solution.Free |> Seq.map (fun free -> if free then 0.0 else 1.0))
                ]
        | status -> failed (id case) $"{status}"

    /// P = A'PA + Q − (A'PB + N)(R + B'PB)⁻¹(B'PA + N'), u = −Kx.
    let dare (case: Field) : CaseResult =
        let matrix rows columns name =
            Json.matrixOf rows columns (Json.get name case)

        let b = Json.matrix (Json.get "B" case)
        let n, m = Array2D.length1 b, Array2D.length2 b

        let cross =
            match Json.tryGet "N" case with
            | Some cross -> Json.matrixOf n m cross
            | None -> Array2D.zeroCreate n m

        match Dare.solveWithCross (matrix n n "A") b (matrix n n "Q") (matrix m m "R") cross with
        | Error fault -> failed (id case) $"{fault}"
        | Ok solution ->
            result
                (id case)
                [
                    Comparison.field tolerance case "P" (flat solution.P)
                    Comparison.field tolerance case "K" (flat solution.K)
                    match Json.tryGet "closed_loop_spectral_radius" case with
                    | Some radius ->
                        Comparison.numbers
                            tolerance
                            "closed-loop spectral radius"
                            [ Json.number radius ]
                            [ solution.SpectralRadius ]
                    | None -> ()
                ]

    /// Time-varying affine problems with cross and linear terms, u = Kx + k.
    let lqr (case: Field) : CaseResult =
        let start = Json.vector (Json.get "x0" case)
        let horizon = (Json.items (Json.get "A" case)).Length
        let n = start.Length

        let steps (name: string) (read: Field -> 'a) =
            let field = Json.get name case
            let items = Json.items field

            if items.Length <> horizon || horizon = 0 then
                Json.wrong $"one entry for each of {max 1 horizon} steps is" field

            Array.map read items

        let rLinear = steps "r" Json.vector
        let m = rLinear[0].Length
        let matrices name rows columns = steps name (Json.matrixOf rows columns)
        let a, b, c = matrices "A" n n, matrices "B" n m, steps "c" (Json.vectorOf n)
        let q, r, cross = matrices "Q" n n, matrices "R" m m, matrices "N" n m
        let qLinear, rLinear = steps "q" (Json.vectorOf n), steps "r" (Json.vectorOf m)

        let problem =
            {
                Steps =
                    Array.init a.Length (fun t ->
                        {
                            A = a[t]
                            B = b[t]
                            C = c[t]
                            Q = q[t]
                            R = r[t]
                            N = cross[t]
                            QLinear = qLinear[t]
                            RLinear = rLinear[t]
                        })
                TerminalQ = Json.matrixOf n n (Json.get "Q_T" case)
                TerminalLinear = Json.vectorOf n (Json.get "q_T" case)
            }

        match Lqr.solve problem with
        | Error fault -> failed (id case) $"{fault}"
        | Ok solution ->
            let states, controls, cost = Lqr.rollout problem solution start

            let costates =
                Seq.init a.Length (fun t ->
                    let value, x = solution.Values[t + 1], states[t + 1]

                    let product i =
                        Seq.sum (Seq.init x.Length (fun j -> value.P[i, j] * x[j]))

                    Seq.init x.Length (fun i -> -(product i + value.Linear[i])))
                |> Seq.concat

            let first = solution.Values[0]

            result
                (id case)
                [
                    Comparison.field tolerance case "x" (Seq.concat states)
                    Comparison.field tolerance case "u" (Seq.concat controls)
                    Comparison.field tolerance case "cost" [ cost ]
                    Comparison.field tolerance case "K" (solution.K |> Seq.collect flat)
                    Comparison.field tolerance case "k" (Seq.concat solution.Feedforward)
                    Comparison.field tolerance case "V0" (flat first.P)
                    Comparison.field tolerance case "v0" first.Linear
                    Comparison.field tolerance case "s0" [ first.Constant ]
                    Comparison.field tolerance case "costate" costates
                ]

    /// Values and derivatives of functions known by name, by compiled kernels.
    let diff (case: Field) : CaseResult =
        let name = Json.text (Json.get "function" case)
        // a case without constants lacks each that is asked for
        let constants = Json.tryGet "constants" case |> Option.defaultValue case
        let points = Json.items (Json.get "points" case)

        match DiffFunctions.tryFind name constants with
        | None -> Json.wrong "the name of a function that is known here is" (Json.get "function" case)
        | Some _ when points.Length = 0 -> Json.wrong "at least one point is" (Json.get "points" case)
        | Some f ->
            let all (matrix: Mat) = matrix |> Seq.cast<Real> |> Seq.toArray
            let one (x: Real) = [| x |]

            /// what a recorded operation computes from x, a direction v and weights w
            let operations: (string * (Vec -> Vec -> Vec -> Vec)) list =
                match f with
                | Scalar f ->
                    [
                        "value", fun x _ _ -> one (f x[0])
                        "diff", fun x _ _ -> one (Diff.diff f x[0])
                        "grad", fun x _ _ -> Diff.grad (fun z -> f z[0]) x
                        "diff2", fun x _ _ -> one (Diff.diff2 f x[0])
                        "diffn3", fun x _ _ -> one (Diff.diffn 3 f x[0])
                    ]
                | Curve f ->
                    [
                        "value", fun x _ _ -> f x[0]
                        "diff", fun x _ _ -> Diff.diffv f x[0]
                        "diff2", fun x _ _ -> Diff.diffv (Diff.diffv f) x[0]
                        "diffn3", fun x _ _ -> Diff.diffv (Diff.diffv (Diff.diffv f)) x[0]
                    ]
                | Field f ->
                    [
                        "value", fun x _ _ -> one (f x)
                        "grad", fun x _ _ -> Diff.grad f x
                        "gradv", fun x v _ -> one (Diff.gradv f x v)
                        "hessian", fun x _ _ -> all (Diff.hessian f x)
                        "hessianv", fun x v _ -> Diff.hessianv f x v
                        "gradhessian", fun x _ _ -> (let g, h = Diff.gradhessian f x in Array.append g (all h))
                        "laplacian", fun x _ _ -> one (Diff.laplacian f x)
                    ]
                | Map f ->
                    [
                        "value", fun x _ _ -> f x
                        "jacobian", fun x _ _ -> all (Diff.jacobian f x)
                        "jacobianv", fun x v _ -> Diff.jacobianv f x v
                        "jacobianTv", fun x _ w -> Diff.jacobianTv f x w
                        "divergence", fun x _ _ -> one (Diff.divergence f x)
                        "curl", fun x _ _ -> Diff.curl f x
                    ]

            let recordedOf operation (point: Field) =
                match Json.tryGet operation point with
                | Some pair when pair.Value.ValueKind = JsonValueKind.Object ->
                    Some(pair, Json.flat (Json.get "grad" pair) @ Json.flat (Json.get "hessian" pair))
                | Some numbers -> Some(numbers, Json.flat numbers)
                | None -> None

            let vectorOf name point =
                Json.tryGet name point |> Option.map Json.vector |> Option.defaultValue [||]

            let inputs point =
                Json.vector (Json.get "x" point), vectorOf "v" point, vectorOf "w" point

            let sizes point =
                let x, v, w = inputs point
                x.Length, v.Length, w.Length

            let compare (operation, compute: Vec -> Vec -> Vec -> Vec) =
                let recorded =
                    points
                    |> Array.choose (fun point ->
                        recordedOf operation point |> Option.map (fun (field, r) -> point, field, r))

                if recorded.Length = 0 then
                    None
                else
                    let first, field, _ = recorded[0]
                    let x, v, w = sizes first

                    let kernel =
                        try
                            Compile.compile (x + v + w) (fun z -> compute z[.. x - 1] z[x .. x + v - 1] z[x + v ..])
                        with
                        | :? IndexOutOfRangeException
                        | :? ArgumentException ->
                            Json.wrong
                                $"an operation on '{name}' whose x, v and w (here {x}, {v} and {w} numbers) are as many as it takes is"
                                field

                    recorded
                    |> Array.map (fun (point, field, expected) ->
                        if sizes point <> (x, v, w) then
                            Json.wrong $"as many numbers in x, v and w as in {first.Path} are" point

                        if expected.Length <> kernel.Outputs then
                            Json.wrong $"{kernel.Outputs} numbers are" field

                        let x, v, w = inputs point
                        // sums and differences of derivatives cancel: their rounding is that of the terms
                        let isSum = List.contains operation [ "divergence"; "curl"; "laplacian" ]
                        let derivatives = if isSum then [ "jacobian"; "hessian" ] else []

                        let terms =
                            derivatives
                            |> List.collect (fun name ->
                                recordedOf name point |> Option.map snd |> Option.defaultValue [])

                        Comparison.summed tolerance operation terms expected (kernel.Run(Array.concat [ x; v; w ])))
                    |> Array.maxBy _.Error
                    |> Some

            result name (operations |> List.choose compare)
