module Research.Tests.TraceTests

open System
open System.Collections.Generic
open Expecto
open Research
open Research.Tests.Graphs

[<Tests>]
let tests =
    testList
        "Trace"
        [
            test "order gives every node once, and the inputs of a sum before the sum" {
                let x = Real.variables "x" 2
                let product = x[0] * x[1]
                let sum = product + sin product
                let nodes = Trace.order [ sum; product ]
                Expect.hasLength nodes 5 "x₀, x₁, product, sine, sum"
                Expect.hasLength (HashSet<Real>(nodes, HashIdentity.Reference)) 5 "each once"

                let place node =
                    Array.findIndex (fun other -> Object.ReferenceEquals(node, other)) nodes

                Expect.isLessThan (place x[0]) (place product) "argument first"
                Expect.isLessThan (place product) (place sum) "argument first"
            }

            test "a chain far longer than a stack is deep is walked" {
                let x = Real.variable "x"
                let long = Seq.fold (fun y _ -> sin y) x (seq { 1..200_000 })
                Expect.hasLength (Trace.order [ long ]) 200_001 "nodes"
            }

            testPropertyWithConfig config "substitution is composition"
            <| fun (Smooth inner) (Smooth outer) ->
                // as many outputs as the outer graph has inputs
                let middle z =
                    Array.init outer.Graph.Inputs (fun i -> (trace inner.Graph z)[i % inner.Graph.Outputs])

                let z = Real.variables "z" inner.Graph.Inputs
                let y = Real.variables "y" outer.Graph.Inputs
                let composed = Trace.substitute y (middle z) (trace outer.Graph y)
                let found = Trace.evaluate z inner.Point composed
                let at = raw inner.Graph inner.Point

                let expected =
                    raw outer.Graph (Array.init outer.Graph.Inputs (fun i -> at[i % at.Length]))

                for i in 0 .. expected.Length - 1 do
                    let size = Math.Max(1.0, abs expected[i])

                    let isSame =
                        abs (found[i] - expected[i]) <= 1e-9 * size || not (Double.IsFinite expected[i])

                    Expect.isTrue isSame $"output {i}: {found[i]}, {expected[i]}"

            test "substitution simplifies anew, and leaves what does not change as it is" {
                let x, y = Real.variable "x", Real.variable "y"
                let untouched = sin y
                let image = Trace.substitute [| x |] [| Real.One |] [| x * y; untouched |]
                Expect.isTrue (Object.ReferenceEquals(image[0], y)) "1·y is y"
                Expect.isTrue (Object.ReferenceEquals(image[1], untouched)) "the same node"
            }

            test "substitution replaces all variables at once" {
                let x, y = Real.variable "x", Real.variable "y"
                let image = Trace.substitute [| x; y |] [| y; x |] [| x - 2.0 * y |]
                Expect.equal (Trace.evaluate [| x; y |] [| 5.0; 3.0 |] image) [| 3.0 - 10.0 |] "y − 2x"
            }

            test "evaluation names a variable without a value" {
                let x, y = Real.variable "x", Real.variable "missing"

                let fault =
                    Expect.throwsC (fun () -> Trace.evaluate [| x |] [| 1.0 |] [| x + y |] |> ignore) id

                Expect.stringContains fault.Message "missing" "message"
            }

            test "counts that do not fit are named" {
                let x = Real.variables "x" 2
                let short = Expect.throwsC (fun () -> Trace.evaluate x [| 1.0 |] x |> ignore) id
                Expect.stringContains short.Message "1 for 2" "values"

                let replaced =
                    Expect.throwsC (fun () -> Trace.substitute x [| x[0] |] x |> ignore) id

                Expect.stringContains replaced.Message "1 for 2" "replacements"
            }

            test "only a constant has a number" {
                Expect.equal (Trace.number (sqrt (Real.constant 9.0))) 3.0 "constant"
                Expect.throws (fun () -> Trace.number (Real.variable "x") |> ignore) "variable"
            }

            test "shared nodes are counted once" {
                let x = Real.variable "x"
                let wave = sin x
                let counts = dict (Trace.operationCounts [ wave * wave + wave ])
                Expect.equal (counts[Op.Sin], counts[Op.Mul], counts[Op.Add], counts[Op.Variable]) (1, 1, 1, 1) "counts"
            }

            test "a listing has a line a node and a line a result" {
                let x = Real.variable "angle"
                let lines = (Trace.listing [| sin x * 2.0; x |]).Trim().Split Environment.NewLine
                Expect.hasLength lines 4 "sine, product, two results"
                Expect.stringContains lines[0] "Sin angle" "sine"
                Expect.stringContains lines[3] "angle" "second result"
            }
        ]
