module Research.Tests.BackwardPassTests

open Expecto
open Research.Kernels
open Research.Tests.Generators

/// Everything that a backward pass is given and gives.
type private Case =
    {
        States: int
        Model: float[] list
        Gradient: float[]
        Hessian: float[,]
        Controls: float[]
        Gaps: float[] option
        Curvature: float[,] option
    }

let private randomCase (random: Random) n m steps =
    let step _ =
        Array.concat
            [
                flat (scaled (1.0 / sqrt (float n)) (random.Matrix(n, n))) |> Seq.toArray
                flat (random.Matrix(n, m)) |> Seq.toArray
                random.Vector(n + m)
                flat (random.Positive(n, 0.1)) |> Seq.toArray
                flat (scaled 0.1 (random.Matrix(m, n))) |> Seq.toArray
                flat (random.Positive(m, 1.0)) |> Seq.toArray
            ]

    {
        States = n
        Model = List.init steps step
        Gradient = random.Vector n
        Hessian = random.Positive(n, 0.1)
        Controls = random.Vector(steps * m)
        Gaps =
            if random.Whole(0, 1) = 0 then
                None
            else
                Some(random.Vector(steps * n))
        Curvature =
            if random.Whole(0, 1) = 0 then
                None
            else
                Some(scaled 0.05 (random.Positive(n + m, 0.0)))
    }

/// The same problem with one state more, which nothing reads and nothing moves: another size, and so another path through the code.
let private padded m (case: Case) =
    let n = case.States

    let pad rows columns (matrix: float[,]) =
        Array2D.init rows columns (fun i j ->
            if i < Array2D.length1 matrix && j < Array2D.length2 matrix then
                matrix[i, j]
            else
                0.0)

    let step (record: float[]) =
        let matrix first rows columns =
            Array2D.init rows columns (fun i j -> record[first + i * columns + j])

        let second = n * n + n * m + n + m
        let take (matrix: float[,]) = flat matrix |> Seq.toArray

        Array.concat
            [
                take (pad (n + 1) (n + 1) (matrix 0 n n))
                take (pad (n + 1) m (matrix (n * n) n m))
                Array.append record[n * n + n * m .. n * n + n * m + n - 1] [| 0.0 |]
                record[n * n + n * m + n .. second - 1]
                take (pad (n + 1) (n + 1) (matrix second n n))
                take (pad m (n + 1) (matrix (second + n * n) m n))
                record[second + n * n + m * n ..]
            ]

    let curvature (matrix: float[,]) =
        let place i = if i < n then i else i + 1

        let wide = Array2D.zeroCreate (n + 1 + m) (n + 1 + m)

        for i in 0 .. n + m - 1 do
            for j in 0 .. n + m - 1 do
                wide[place i, place j] <- matrix[i, j]

        wide

    {
        States = n + 1
        Model = case.Model |> List.map step
        Gradient = Array.append case.Gradient [| 0.0 |]
        Hessian = pad (n + 1) (n + 1) case.Hessian
        Controls = case.Controls
        Gaps =
            case.Gaps
            |> Option.map (Array.chunkBySize n >> Array.collect (fun gap -> Array.append gap [| 0.0 |]))
        Curvature = case.Curvature |> Option.map curvature
    }

/// k, the gains of the first `keep` states, the expected change and the value gradient.
let private run m keep (case: Case) (mu: float) (muU: float) (limit: float option) =
    let n, steps = case.States, case.Model.Length
    let backward = BackwardPass(n, m)
    let row = backward.PolicySize + n
    let policy = Array.zeroCreate<float>(steps * row)

    for t in 0 .. steps - 1 do
        Array.blit case.Controls (t * m) policy (t * row + n) m

        case.Gaps
        |> Option.iter (fun gaps -> Array.blit gaps (t * n) policy (t * row + backward.PolicySize) n)

    let add =
        match case.Curvature with
        | None -> null
        | Some matrix ->
            AddCurvature(fun _ _ hessian ->
                let mutable k = 0

                for value in flat matrix do
                    hessian[k] <- hessian[k] + value
                    k <- k + 1)

    let bound sign =
        match limit with
        | Some limit -> Array.create m (sign * limit)
        | None -> [||]

    let model: float[] = Array.concat case.Model
    let hessian = flat case.Hessian |> Seq.toArray
    let lower, upper = bound -1.0, bound 1.0

    let failed =
        backward.Run(
            model,
            backward.RecordSize,
            case.Gradient,
            hessian,
            policy,
            row,
            steps,
            mu,
            muU,
            lower,
            upper,
            add,
            (if case.Gaps.IsSome then backward.PolicySize else -1)
        )

    let laws =
        [
            for t in 0 .. steps - 1 do
                let law = t * row + n + m
                yield! policy[law .. law + m - 1]

                for i in 0 .. m - 1 do
                    yield! policy[law + m + i * n .. law + m + i * n + keep - 1]
        ]

    failed,
    laws
    @ [ backward.Linear; backward.Quadratic; backward.Gradient ]
    @ List.ofArray (backward.Vx.ToArray()[.. keep - 1])

[<Tests>]
let tests =
    testList
        "BackwardPass"
        [
            testProperty
                "a state that does nothing changes nothing, with both regularisations, limits, gaps and second derivatives"
                (fun (seed: int) ->
                    let random = Random seed

                    // with a state more, four states and one control, and 8 to 16 states, take another path
                    let n, m =
                        match random.Whole(0, 3) with
                        | 0 -> 4, 1
                        | 1 -> 7, random.Whole(1, 8)
                        | 2 -> 16, random.Whole(1, 8)
                        | _ -> random.Whole(1, 17), random.Whole(1, 9)

                    let case = randomCase random n m 6
                    let mu, muU = float (random.Whole(0, 1)) * 0.3, float (random.Whole(0, 1)) * 0.2
                    let limit = if random.Whole(0, 1) = 0 then None else Some 0.5
                    let failed, numbers = run m n case mu muU limit
                    let failedToo, others = run m n (padded m case) mu muU limit
                    Expect.equal failed failedToo "the step that failed"

                    if failed < 0 then
                        let scale = 1.0 + (numbers |> Seq.map abs |> Seq.max)

                        Expect.isLessThan
                            (distance numbers others / scale)
                            1e-9
                            "laws, expected change and value gradient")

            test "a step at which Quu is not positive definite is named" {
                for n in [ 3; 4; 12 ] do
                    let random = Random 1

                    let case =
                        { randomCase random n 1 6 with
                            Curvature = None
                        }

                    let spoilt =
                        case.Model
                        |> List.mapi (fun t record ->
                            if t = 2 then
                                Array.mapi (fun i x -> if i = record.Length - 1 then -1e6 else x) record
                            else
                                record)

                    let failed, _ = run 1 n { case with Model = spoilt } 0.0 0.0 None
                    Expect.equal failed 2 $"n = {n}"
            }

            test "sizes that do not fit are named" {
                let backward = BackwardPass(2, 1)

                let model, gradient = Array.zeroCreate<float> 3, [| 0.0; 0.0 |]
                let hessian, policy = Array.zeroCreate<float> 4, Array.zeroCreate<float> 60

                let short () =
                    backward.Run(model, backward.RecordSize, gradient, hessian, policy, backward.PolicySize, 5)
                    |> ignore

                let fault = Expect.throwsC short id
                Expect.stringContains fault.Message "steps 0 to 5" "the message"
            }

            test "a pass in pieces gives the bits of the whole" {
                let random = Random 3

                for n, m in [ 3, 2; 4, 1; 12, 4; 14, 7 ] do
                    let steps = 9
                    let whole, pieces = BackwardPass(n, m), BackwardPass(n, m)

                    let record _ =
                        Array.concat
                            [
                                random.Vector(n * n + n * m + n + m)
                                flat (random.Positive(n, 0.1)) |> Seq.toArray
                                Array.zeroCreate (m * n)
                                flat (random.Positive(m, 0.5)) |> Seq.toArray
                            ]

                    let model = Array.init steps record |> Array.concat

                    let gradient, hessian =
                        random.Vector n, flat (random.Positive(n, 0.1)) |> Seq.toArray

                    let row, law = whole.RecordSize, whole.PolicySize

                    let expected, policy =
                        Array.zeroCreate<float>(steps * law), Array.zeroCreate<float>(steps * law)

                    whole.Run(model, row, gradient, hessian, expected, law, steps) |> ignore
                    pieces.Begin(gradient, hessian)

                    for first, last in [ 6, 9; 5, 6; 0, 5 ] do
                        Expect.equal (pieces.Continue(model, row, policy, law, first, last)) -1 "positive definite"

                    Expect.equal policy expected "laws"

                    Expect.equal
                        (pieces.Vx.ToArray(), pieces.Vxx.ToArray(), pieces.Linear, pieces.Quadratic, pieces.Gradient)
                        (whole.Vx.ToArray(), whole.Vxx.ToArray(), whole.Linear, whole.Quadratic, whole.Gradient)
                        "values and sums"
            }

            test "records from rows and back" {
                for rows, count in [ 1, 1; 3, 5; 4, 4; 7, 9; 46, 100 ] do
                    let source = Array.init (rows * count) float

                    let target, back =
                        Array.zeroCreate<float>(rows * count), Array.zeroCreate<float>(rows * count)

                    Transpose.Run(source, count, target, rows, rows, count)
                    Transpose.Run(target, rows, back, count, count, rows)
                    Expect.equal target[(count - 1) * rows] source[count - 1] "first of the last record"
                    Expect.equal back source $"{rows}×{count}"
            }
        ]
