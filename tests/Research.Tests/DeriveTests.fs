module Research.Tests.DeriveTests

#nowarn "3391" // numbers stand for constants of a graph

open System
open Expecto
open Research
open Research.Tests.Generators
open Research.Tests.Graphs

/// both sides are exact but for rounding
let private rounding = 1e-9
/// error of first derivatives by differences, relative to max(1, |derivative|), beside their own estimate of it
let private differences = 1e-6

let private close tolerance (a: float) (b: float) message =
    let size = Math.Max(1.0, Math.Max(abs a, abs b))
    Expect.isTrue (abs (a - b) <= tolerance * size) $"{message}: {a} and {b}"

let private column (values: float[]) =
    Array.map (fun (v: float) -> [| Real.constant v |]) values

/// values and derivatives of a case, as numbers
let private at (case: Case) (outputs: Vec -> Vec -> Vec) =
    let x = Real.variables "x" case.Graph.Inputs
    Trace.evaluate x case.Point (outputs x (trace case.Graph x))

let private dot (a: float[]) (b: float[]) =
    Array.fold2 (fun s x y -> s + x * y) 0.0 a b

[<Tests>]
let tests =
    testList
        "Derive"
        [
            testPropertyWithConfig config "forward and reverse give one Jacobian"
            <| fun (Smooth case) ->
                let n, m = case.Graph.Inputs, case.Graph.Outputs

                let unit size i =
                    Array.init size (fun j -> if i = j then Real.One else Real.Zero)

                let byColumns =
                    at case (fun x y -> Derive.forward x (Array.init n (unit n)) y |> Array.concat)

                let byRows =
                    at case (fun x y -> Derive.reverse x (Array.init m (unit m)) y |> Array.concat)

                let chosen = at case (fun x y -> Derive.jacobian x y |> Seq.cast |> Seq.toArray)

                for k in 0 .. n * m - 1 do
                    close rounding byColumns[k] byRows[k] $"entry {k / n}, {k % n}"
                    close rounding byColumns[k] chosen[k] $"entry {k / n}, {k % n}"

            testPropertyWithConfig config "forward and reverse choose the same branches"
            <| fun (Kinked case) ->
                let n, m = case.Graph.Inputs, case.Graph.Outputs

                let unit size i =
                    Array.init size (fun j -> if i = j then Real.One else Real.Zero)

                let byColumns =
                    at case (fun x y -> Derive.forward x (Array.init n (unit n)) y |> Array.concat)

                let byRows =
                    at case (fun x y -> Derive.reverse x (Array.init m (unit m)) y |> Array.concat)

                for k in 0 .. n * m - 1 do
                    close rounding byColumns[k] byRows[k] $"entry {k / n}, {k % n}"

            testPropertyWithConfig config "the Jacobian equals differences"
            <| fun (Smooth case) ->
                let report = Check.derivatives differences (trace case.Graph) case.Point

                for entry in report.Entries do
                    // a graph may bend too fast for differences, which then say so
                    let isKnown = entry.Uncertainty < differences
                    Expect.isTrue (not isKnown || entry.Error <= differences) (string entry)

            testPropertyWithConfig config "J v forward, Jᵀw reverse, and wᵀJv either way"
            <| fun (Smooth case) ->
                let n, m = case.Graph.Inputs, case.Graph.Outputs
                let jacobian = at case (fun x y -> Derive.jacobian x y |> Seq.cast |> Seq.toArray)
                let row i = jacobian[i * n .. i * n + n - 1]

                let along =
                    at case (fun x y -> Derive.forward x (column case.Along) y |> Array.concat)

                let weights = [| Vec.ofFloats case.Weights |]
                let weighted = at case (fun x y -> (Derive.reverse x weights y)[0])

                for i in 0 .. m - 1 do
                    close rounding along[i] (dot (row i) case.Along) $"(J v) {i}"

                for j in 0 .. n - 1 do
                    let expected = Seq.sum (Seq.init m (fun i -> case.Weights[i] * jacobian[i * n + j]))
                    close rounding weighted[j] expected $"(Jᵀw) {j}"

                close rounding (dot case.Weights along) (dot weighted case.Along) "wᵀJv"

            testPropertyWithConfig config "the Hessian of a weighted sum is symmetric however it is made"
            <| fun (Smooth case) ->
                let n = case.Graph.Inputs
                let sum y = Vec.dot (Vec.ofFloats case.Weights) y

                let hessian =
                    at case (fun x y -> Derive.hessian x (sum y) |> Seq.cast |> Seq.toArray)

                let plain =
                    at case (fun x y -> Derive.jacobian x (Derive.gradient x (sum y)) |> Seq.cast |> Seq.toArray)

                let forwardTwice =
                    at case (fun x y ->
                        let seeds =
                            Array.init n (fun i -> Array.init n (fun j -> Real.constant (if i = j then 1.0 else 0.0)))

                        let first = (Derive.forward x seeds [| sum y |])[0]
                        Derive.forward x seeds first |> Array.concat)

                for i in 0 .. n - 1 do
                    for j in 0 .. n - 1 do
                        let entry = hessian[i * n + j]
                        close rounding entry plain[i * n + j] $"{i}, {j}: reverse, then Jacobian"
                        close rounding entry plain[j * n + i] $"{i}, {j}: transposed"
                        close rounding entry forwardTwice[i * n + j] $"{i}, {j}: forward, twice"

            test "derivatives that are zero whatever the numbers are never built" {
                let x = Real.variables "x" 4
                let y = [| sin x[0] * x[1]; Real.constant 3.0; x[3] |]
                let pattern = Derive.sparsity (Derive.jacobian x y)

                let expected =
                    array2D
                        [
                            [ true; true; false; false ]
                            [ false; false; false; false ]
                            [ false; false; false; true ]
                        ]

                Expect.equal pattern expected "Jacobian"
                let tall = Derive.sparsity (Derive.jacobian x[..0] y)
                Expect.equal tall (array2D [ [ true ]; [ false ]; [ false ] ]) "Jacobian, forward"
                let second = Derive.sparsity (Derive.hessian x (x[0] * x[0] + x[1] * x[2] + x[3]))
                let both = [ 0, 0; 1, 2; 2, 1 ]

                let nonzero =
                    [
                        for i in 0..3 do
                            for j in 0..3 do
                                if second[i, j] then
                                    i, j
                    ]

                Expect.equal nonzero both "Hessian"
            }

            test "a function of hundreds of variables has its gradient at the price of a few evaluations" {
                let x = Real.variables "x" 300
                let f = Vec.sum (Array.pairwise x |> Array.map (fun (a, b) -> sin (a * b)))
                let cost nodes = (Trace.order nodes).Length
                Expect.isLessThan (cost (Derive.gradient x f)) (5 * cost [ f ]) "nodes"
            }

            test "graphs of derivatives grow as their function does, through many choices too" {
                let step (x: Real) (y: Real) =
                    let clamped = Real.clamp -1.0 1.0 (x + sqrt (Real.max y 0.0))
                    x + 0.1 * clamped, Real.where (x .< y) (y - x) (sin y)

                let sizes steps =
                    let z = Real.variables "z" 2
                    let x, y = Seq.fold (fun (x, y) _ -> step x y) (z[0], z[1]) (seq { 1..steps })
                    let forward = Derive.forward z [| [| Real.One |]; [| Real.Zero |] |] [| x * y |]

                    [
                        (Trace.order (Derive.gradient z (x * y))).Length
                        (Trace.order forward[0]).Length
                    ]

                for short, long in List.zip (sizes 100) (sizes 200) do
                    Expect.isLessThan long (short * 5 / 2) "twice the steps, about twice the nodes"
            }

            test "second derivatives take the chosen branch too" {
                let f (z: Vec) =
                    Real.where (z[0] .> 0.0) (z[1] * sqrt z[0]) (4.0 * z[0] * z[0] + z[0] * z[1])

                let hessian = Diff.hessian f (Vec.ofFloats [ 0.0; 3.0 ]) |> Array2D.map Trace.number
                Expect.equal hessian (array2D [ [ 8.0; 1.0 ]; [ 1.0; 0.0 ] ]) "of 4x² + xy"
                let along = Diff.hessianv f (Vec.ofFloats [ 0.0; 3.0 ]) (Vec.ofFloats [ 1.0; 2.0 ])
                Expect.equal (Array.map Trace.number along) [| 10.0; 1.0 |] "Hessian times a vector"
            }

            testList
                "a branch that is not taken adds nothing, even where it has no derivative"
                [
                    let guarded: (string * (Real -> Real) * float * float) list =
                        [
                            "√x where x > 0", (fun x -> Real.where (x .> 0.0) (sqrt x) 0.0), 0.0, 0.0
                            "√x for x > 0, by steps", (fun x -> Real.where (x .> 0.0) (exp (2.0 * sqrt x)) x), 0.0, 1.0
                            "1/x where x ≠ 0", (fun x -> Real.where (x .= 0.0) (3.0 * x) (1.0 / x)), 0.0, 3.0
                            "√max(x, 0) below 0",
                            (fun x -> Real.where (x .> 0.0) (sqrt (Real.max x 0.0)) (2.0 * x)),
                            -1.0,
                            2.0
                            "√ of a branch", (fun x -> sqrt (Real.where (x .> 0.0) x 0.0)), -1.0, 0.0
                            "min of a root", (fun x -> Real.min (-x) (sqrt x)), 0.0, -1.0
                            "a root used twice under one condition",
                            (fun x ->
                                let root = sqrt x
                                Real.where (x .> 0.0) (root * root + 3.0 * root) (5.0 * x)),
                            0.0,
                            5.0
                            "a root used under two conditions",
                            (fun x ->
                                let root = sqrt x
                                Real.where (x .> 0.0) root x + Real.where (x .> 1.0) (2.0 * root) x),
                            0.0,
                            2.0
                            "one condition inside another",
                            (fun x -> Real.where (x .< 1.0) (Real.where (x .> 0.0) (sqrt x) (4.0 * x)) (log x)),
                            0.0,
                            4.0
                        ]

                    for name, f, x, expected in guarded do
                        test name {
                            let reverse = Diff.grad (fun z -> f z[0]) [| Real.constant x |]
                            Expect.equal (Trace.number (Diff.diff f (Real.constant x))) expected "forward"
                            Expect.equal (Trace.number reverse[0]) expected "reverse"

                            let derived = [| Diff.diff f; (fun z -> (Diff.grad (fun z -> f z[0]) [| z |])[0]) |]
                            let variable = Real.variable "x"

                            for d in derived do
                                let value = Trace.evaluate [| variable |] [| x |] [| d variable |]
                                Expect.equal value[0] expected "as a graph"
                        }
                ]

            test "outputs inside other outputs: the rows of a Jacobian are those of single outputs" {
                let h = 0.1

                // velocities from forces, positions from velocities, an energy from both, and one output twice
                let f (x: Vec) : Vec =
                    let v = [| x[2] + h * sin (x[0] * x[4]); x[3] + h * x[5] * exp x[1] |]
                    let q = [| x[0] + h * v[0]; x[1] + h * v[1] * v[0] |]
                    Array.concat [ q; v; [| q[0] * v[1] + v[0] * v[0]; v[0] |] ]

                // more inputs than outputs, so that the passes go backward
                let x = Real.variables "x" 8
                let outputs = f x
                let jacobian = Derive.jacobian x outputs
                let at = Array.init 8 (fun i -> 0.3 * float i - 0.7)

                for i in 0 .. outputs.Length - 1 do
                    let alone = Derive.gradient x outputs[i]

                    Expect.isLessThan
                        (distance (Trace.evaluate x at jacobian[i, *]) (Trace.evaluate x at alone))
                        1e-14
                        $"row {i}"
            }
        ]
