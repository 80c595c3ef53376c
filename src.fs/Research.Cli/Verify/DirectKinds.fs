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

    let private id (case: JsonElement) =
        match Json.tryGet "id" case with
        | Some id -> $"case {id}"
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
    let boxQp (case: JsonElement) : CaseResult =
        let bounds name missing =
            (Json.get name case).EnumerateArray()
            |> Seq.map (Json.numberOr missing)
            |> Seq.toArray

        let h, g = Json.matrix (Json.get "H" case), Json.vector (Json.get "g" case)
        let solution = BoxQp.solve h g (bounds "lo" -infinity) (bounds "hi" infinity)

        match solution.Status with
        | BoxQpConverged ->
            let clamped =
                (Json.get "clamped" case).EnumerateArray()
                |> Seq.map (fun flag -> if flag.GetBoolean() then 1.0 else 0.0)

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
    let dare (case: JsonElement) : CaseResult =
        let matrix name = Json.matrix (Json.get name case)
        let a, b = matrix "A", matrix "B"

        let n =
            match Json.tryGet "N" case with
            | Some n -> Json.matrix n
            | None -> Array2D.zeroCreate (Array2D.length1 a) (Array2D.length2 b)

        match Dare.solveWithCross a b (matrix "Q") (matrix "R") n with
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
    let lqr (case: JsonElement) : CaseResult =
        let steps name read =
            (Json.get name case).EnumerateArray() |> Seq.map read |> Seq.toArray

        let a, b, c = steps "A" Json.matrix, steps "B" Json.matrix, steps "c" Json.vector
        let q, r, n = steps "Q" Json.matrix, steps "R" Json.matrix, steps "N" Json.matrix
        let qLinear, rLinear = steps "q" Json.vector, steps "r" Json.vector

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
                            N = n[t]
                            QLinear = qLinear[t]
                            RLinear = rLinear[t]
                        })
                TerminalQ = Json.matrix (Json.get "Q_T" case)
                TerminalLinear = Json.vector (Json.get "q_T" case)
            }

        match Lqr.solve problem with
        | Error fault -> failed (id case) $"{fault}"
        | Ok solution ->
            let start = Json.vector (Json.get "x0" case)
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
    let diff (case: JsonElement) : CaseResult =
        let name = (Json.get "function" case).GetString() |> string
        let empty = JsonDocument.Parse("{}").RootElement
        let constants = Json.tryGet "constants" case |> Option.defaultValue empty
        let points = (Json.get "points" case).EnumerateArray() |> Seq.toArray

        match DiffFunctions.tryFind name constants with
        | None -> failed name $"no function called '{name}' is known here"
        | Some _ when points.Length = 0 -> failed name "the case has no points"
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

            let recordedOf operation (point: JsonElement) =
                match Json.tryGet operation point with
                | Some pair when pair.ValueKind = JsonValueKind.Object ->
                    Some(Json.flat (Json.get "grad" pair) @ Json.flat (Json.get "hessian" pair))
                | Some numbers -> Some(Json.flat numbers)
                | None -> None

            let compare (operation, compute: Vec -> Vec -> Vec -> Vec) =
                let recorded =
                    points
                    |> Array.choose (fun point -> recordedOf operation point |> Option.map (fun r -> point, r))

                if recorded.Length = 0 then
                    None
                else
                    let vectorOf name point =
                        Json.tryGet name point |> Option.map Json.vector |> Option.defaultValue [||]

                    let inputs point =
                        vectorOf "x" point, vectorOf "v" point, vectorOf "w" point

                    let x, v, w = inputs (fst recorded[0])

                    let kernel =
                        Compile.compile (x.Length + v.Length + w.Length) (fun z ->
                            compute z[.. x.Length - 1] z[x.Length .. x.Length + v.Length - 1] z[x.Length + v.Length ..])

                    recorded
                    |> Array.map (fun (point, expected) ->
                        let x, v, w = inputs point
                        // sums and differences of derivatives cancel: their rounding is that of the terms
                        let isSum = List.contains operation [ "divergence"; "curl"; "laplacian" ]
                        let derivatives = if isSum then [ "jacobian"; "hessian" ] else []

                        let terms =
                            derivatives
                            |> List.collect (fun name -> recordedOf name point |> Option.defaultValue [])

                        Comparison.summed tolerance operation terms expected (kernel.Run(Array.concat [ x; v; w ])))
                    |> Array.maxBy _.Error
                    |> Some

            result name (operations |> List.choose compare)
