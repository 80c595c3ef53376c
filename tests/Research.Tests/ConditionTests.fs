/// Conditions of which a part is known while tracing: in a graph they are numbers, in vector registers they would be masks.
module Research.Tests.ConditionTests

#nowarn "3391" // numbers stand for constants of a graph

open System
open Expecto
open Research
open Research.Control

let private inBatches (size: int) (kernel: Kernel<'T>) (inputs: int) (points: 'T[][]) : 'T[] =
    [|
        for batch in Array.chunkBySize size points do
            let count = batch.Length
            let rows = Array.init (inputs * count) (fun k -> batch[k % count][k / count])
            let results = Array.zeroCreate count
            kernel.Run(ReadOnlySpan rows, count, ReadOnlySpan<'T>.Empty, Span results, count, count)
            yield! results
    |]

/// f:Rⁿ → R at points, in every width and precision: 8 at a time are 512 bits, 4 are 256, 16 are 512 in single precision.
let private everywhere (n: int) (f: Vec -> Real) (points: float[][]) =
    let kernel = Compile.compile n (fun x -> [| f x |])
    let single = Compile.compile32 n (fun x -> [| f x |])
    let narrow = points |> Array.map (Array.map float32)
    let variables = Real.variables "x" n
    let graph = [| f variables |]

    [
        "as a graph", points |> Array.map (fun x -> (Trace.evaluate variables x graph)[0])
        "folded", points |> Array.map (fun x -> Trace.number (f (Vec.ofFloats x)))
        for size in [ 1; 4; 8; 16 ] do
            $"{size} at a time", inBatches size kernel n points
            $"{size} at a time in 32 bits", inBatches size single n narrow |> Array.map float
    ]

let private always = Real.constant 1.0 .> Real.constant 0.0
let private never = Real.constant 0.0 .> Real.constant 1.0

let private at16 (values: float list) =
    Array.init 16 (fun k -> values[k % values.Length])

let private cases: (string * (Condition -> Condition) * (float -> bool)) list =
    let positive (x: float) = x > 0.0

    [
        "c and true", (fun c -> c &&& always), positive
        "true and c", (fun c -> always &&& c), positive
        "c and false", (fun c -> c &&& never), (fun _ -> false)
        "false and c", (fun c -> never &&& c), (fun _ -> false)
        "c or true", (fun c -> c ||| always), (fun _ -> true)
        "true or c", (fun c -> always ||| c), (fun _ -> true)
        "c or false", (fun c -> c ||| never), positive
        "false or c", (fun c -> never ||| c), positive
        "not (c and true)", (fun c -> Condition.op_LogicalNot (c &&& always)), (positive >> not)
        "not (false or not c)", (fun c -> Condition.op_LogicalNot (never ||| Condition.op_LogicalNot c)), positive
        "(c or not true) and not false",
        (fun c -> (c ||| Condition.op_LogicalNot always) &&& Condition.op_LogicalNot never),
        positive
    ]

[<Tests>]
let tests =
    testList
        "Conditions with known parts"
        [
            for name, combine, holds in cases do
                test name {
                    let points = at16 [ 1.0; 2.0; -1.0; 3.0; 0.0 ]

                    let f (x: Vec) =
                        Real.where (combine (x[0] .> 0.0)) (x[0] + 10.0) (x[0] - 10.0)

                    let expected = points |> Array.map (fun x -> if holds x then x + 10.0 else x - 10.0)

                    for way, values in everywhere 1 f (points |> Array.map Array.singleton) do
                        Expect.equal values expected way
                }

            test "a branch whose derivative holds a known condition" {
                let f (z: Vec) =
                    Real.where (z[1] .> 0.0) (3.0 * Real.min z[0] 1.0) 0.0

                let slope (x: Vec) = (Diff.grad f [| x[0]; 5.0 |])[0]
                let points = at16 [ 0.5; 2.0; 1.0; 7.0; -3.0 ]
                let expected = points |> Array.map (fun x -> if x <= 1.0 then 3.0 else 0.0)

                for way, values in everywhere 1 slope (points |> Array.map Array.singleton) do
                    Expect.equal values expected way

                let clamped (z: Vec) =
                    Real.where (z[1] .> 0.0) (5.0 * Real.clamp -1.0 1.0 z[0]) 0.0

                let slope (x: Vec) = (Diff.grad clamped [| x[0]; 5.0 |])[0]
                let expected = points |> Array.map (fun x -> if abs x <= 1.0 then 5.0 else 0.0)

                for way, values in everywhere 1 slope (points |> Array.map Array.singleton) do
                    Expect.equal values expected way
            }

            test "a number put in the place of a variable of a condition" {
                let x, y = Real.variable "x", Real.variable "y"
                let f = Real.where ((x .> 0.0) &&& (y .> 0.0)) (x + 10.0) (x - 10.0)
                let points = at16 [ 1.0; -1.0; 4.0 ] |> Array.map Array.singleton

                for value in [ 1.0; -1.0 ] do
                    let substituted (z: Vec) =
                        (Trace.substitute [| x; y |] [| z[0]; Real.constant value |] [| f |])[0]

                    let expected =
                        points
                        |> Array.map (fun p ->
                            if p[0] > 0.0 && value > 0.0 then
                                p[0] + 10.0
                            else
                                p[0] - 10.0)

                    for way, values in everywhere 1 substituted points do
                        Expect.equal values expected $"y = {value}, {way}"
            }

            test "a solver sees the same dynamics with a known condition as without" {
                let solve holds =
                    let step (x: Vec) (u: Vec) =
                        [| Real.where (holds x[0]) (x[0] + 0.1 * u[0]) (3.0 * x[0]) |]

                    let square (x: Real) = x * x
                    let cost = Cost.create (fun _ u -> 0.1 * square u[0]) (fun x -> square (x[0] - 1.0))
                    let problem = Problem.create (Dynamics.ofTraced 1 1 step) cost 20 [| 0.0 |]
                    (Ilqr.solve Ilqr.defaults problem (Array2D.zeroCreate 20 1)).Cost

                let plain = solve (fun x -> x .> -1000.0)
                Expect.equal (solve (fun x -> (x .> -1000.0) &&& always)) plain "cost"
                Expect.isLessThan plain 0.5 "it is solved"
            }
        ]
