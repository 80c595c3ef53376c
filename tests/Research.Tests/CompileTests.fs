module Research.Tests.CompileTests

open System
open System.Runtime.CompilerServices
open System.Threading.Tasks
open Expecto
open Research
open Research.Environments
open Research.Tests.Generators

/// The kernel on arrays: element i of point p at i·row + p.
let private runRows (kernel: Kernel<'T>) (points: 'T[]) inputRow (parameters: 'T[]) (results: 'T[]) outputRow count =
    kernel.Run(ReadOnlySpan points, inputRow, ReadOnlySpan parameters, Span results, outputRow, count)

let private run (kernel: Kernel<'T>) (points: 'T[]) (results: 'T[]) count =
    runRows kernel points count [||] results count count

let private scan (kernel: Kernel<float>) (records: float[]) rows (parameters: float[]) step steps =
    kernel.Scan(Span records, rows, ReadOnlySpan parameters, step, steps)

let private foldBack (kernel: Kernel<float>) (records: float[]) rows (parameters: float[]) step steps =
    kernel.FoldBack(Span records, rows, ReadOnlySpan parameters, step, steps)

/// Values of a function at points, in batches of one size: from 8 points a batch runs in 512 bits, from 4 in 256, below in scalars.
let private inBatches (size: int) (kernel: Kernel<float>) (points: float[]) =
    let results: float[] = Array.zeroCreate points.Length

    for first in 0..size .. points.Length - size do
        let batch = Array.zeroCreate size
        run kernel (Array.sub points first size) batch size
        Array.blit batch 0 results first size

    results

/// Where results differ from those of other widths, and in what; empty where they do not.
let private differencesOf (points: float[]) (expected: float[]) (ours: float[]) =
    let places =
        [
            for i in 0 .. points.Length - 1 do
                if not (expected[i].Equals ours[i]) then
                    i
        ]

    match places with
    | [] -> ""
    | first :: _ ->
        $"{places.Length} of {points.Length} differ, from {first} to {List.last places}: at {points[first]:R} {ours[first]:R} instead of {expected[first]:R}"

let private ulps (expected: float) (ours: float) =
    if expected.Equals ours || expected = ours then
        0.0
    elif Double.IsNaN expected || Double.IsNaN ours then
        infinity
    else
        abs (ours - expected) / (Math.BitIncrement(abs expected) - abs expected)

/// Name, traced, by the library, range, and the error in units in the last place that is stated for it.
let private functions: (string * (Real -> Real) * (float -> float) * float * float * float) list =
    [
        "sin", sin, sin, -1e4, 1e4, 2.0
        "cos", cos, cos, -1e4, 1e4, 2.0
        "tan", tan, tan, -10.0, 10.0, 4.0
        "exp", exp, exp, -700.0, 700.0, 2.0
        "log", log, log, 1e-12, 1e12, 1.0
        "log1p", Real.log1p, Operation.log1p, -0.99, 5.0, 2.0
        "expm1", Real.expm1, Operation.expm1, -5.0, 5.0, 5.0
        "tanh", tanh, tanh, -5.0, 5.0, 3.0
        "sigmoid", Real.sigmoid, Operation.sigmoid, -40.0, 40.0, 4.0
        "softplus", Real.softplus, Operation.softplus, -30.0, 30.0, 6.0
        "sqrt", sqrt, sqrt, 0.0, 1e6, 0.0
        "abs", abs, abs, -5.0, 5.0, 0.0
        "sign", Real.sign, Operation.sign, -5.0, 5.0, 0.0
        "asin", asin, asin, -1.0, 1.0, 0.0
        "acos", acos, acos, -1.0, 1.0, 0.0
        "atan", atan, atan, -9.0, 9.0, 0.0
        "sinh", sinh, sinh, -9.0, 9.0, 0.0
        "cosh", cosh, cosh, -9.0, 9.0, 0.0
        "erf", Real.erf, Operation.evaluate Op.Erf >> (fun f -> f 0.0 0.0), -4.0, 4.0, 0.0
        "x³", (fun x -> x ** Real.constant 3.0), (fun x -> Math.Pow(x, 3.0)), -4.0, 4.0, 1.5
        "x^−2", (fun x -> x ** Real.constant -2.0), (fun x -> Math.Pow(x, -2.0)), 0.1, 4.0, 2.0
        "x^0.3", (fun x -> x ** Real.constant 0.3), (fun x -> Math.Pow(x, 0.3)), 0.1, 4.0, 0.0
    ]

/// A kernel that has run and that nothing holds any more; not inlined, so that no register of the caller holds it either.
[<MethodImpl(MethodImplOptions.NoInlining)>]
let private forgottenKernel () =
    let kernel = Compile.compile 2 (fun x -> [| 0.123 * x[0] + exp x[1] |])
    kernel.Run([| 1.0; 2.0 |]) |> ignore
    WeakReference kernel

let private specials =
    [|
        0.0
        -0.0
        nan
        infinity
        -infinity
        1e-310
        5e-324
        1e300
        -1e300
        709.9
        -745.5
        1e22
    |]

let private cartPole (z: Vec) =
    Integrator.rk4 (Real.constant 0.02) CartPole.ode z[..3] z[4..]

[<Tests>]
let tests =
    testList
        "Compile"
        [
            for name, traced, library, low, high, bound in functions do
                test $"{name} is within {bound} units in the last place, the same in all widths" {
                    let kernel = Compile.compile 1 (fun x -> [| traced x[0] |])
                    let rng = Rng.OfSeed 1
                    let points = Array.init 20000 (fun _ -> rng.Uniform(low, high))
                    let wide = inBatches 8 kernel points
                    let worst = Array.map2 (fun x y -> ulps (library x) y) points wide |> Array.max
                    Expect.isLessThanOrEqual worst bound "error"
                    let differences = differencesOf points wide
                    Expect.equal (differences (inBatches 4 kernel points)) "" "256 bits"
                    Expect.equal (differences (inBatches 1 kernel points)) "" "scalar"
                }

                test $"{name} of zeros, infinities, NaN, tiny and huge numbers" {
                    let kernel = Compile.compile 1 (fun x -> [| traced x[0] |])

                    for size in [ 12; 4; 1 ] do
                        let ours = inBatches size kernel specials

                        for x, y in Array.zip specials ours do
                            Expect.isLessThanOrEqual
                                (ulps (library x) y)
                                (max bound 4.0)
                                $"{name} {x} = {library x}, not {y}, in batches of {size}"
                }

            test "two-argument operations, comparisons and choices" {
                let operations: (string * (Real -> Real -> Real) * (float -> float -> float)) list =
                    [
                        "min", Real.min, (fun a b -> Math.Min(a, b))
                        "max", Real.max, (fun a b -> Math.Max(a, b))
                        "atan2", atan2, (fun a b -> Math.Atan2(a, b))
                        "hypot", Real.hypot, (fun a b -> Double.Hypot(a, b))
                        "pow", (fun a b -> a ** b), (fun a b -> Math.Pow(a, b))
                        "<", (fun a b -> Real.where (a .< b) a b), (fun a b -> if a < b then a else b)
                        "≤",
                        (fun a b -> Real.where (a .<= b) Real.One Real.Zero),
                        (fun a b -> if a <= b then 1.0 else 0.0)
                        "=",
                        (fun a b -> Real.where (a .= b) Real.One Real.Zero),
                        (fun a b -> if a = b then 1.0 else 0.0)
                        "and",
                        (fun a b -> Real.where ((a .< b) &&& (a .> Real.Zero)) Real.One Real.Zero),
                        (fun a b -> if a < b && a > 0.0 then 1.0 else 0.0)
                        "or",
                        (fun a b -> Real.where ((a .< b) ||| (a .> Real.Zero)) Real.One Real.Zero),
                        (fun a b -> if a < b || a > 0.0 then 1.0 else 0.0)
                        "not",
                        (fun a b -> Real.where (Condition.op_LogicalNot (a .< b)) Real.One Real.Zero),
                        (fun a b -> if a < b then 0.0 else 1.0)
                    ]

                let numbers = [| -2.5; -1.0; 0.0; 0.5; 1.0; 3.0; nan; infinity |]
                let pairs = Array.allPairs numbers numbers
                let count = pairs.Length

                for name, traced, library in operations do
                    let kernel = Compile.compile 2 (fun x -> [| traced x[0] x[1] |])
                    let points = Array.append (Array.map fst pairs) (Array.map snd pairs)
                    let results = Array.zeroCreate count
                    run kernel points results count

                    for k in 0 .. count - 1 do
                        let a, b = pairs[k]
                        let expected = library a b
                        let scalar = kernel.Run([| a; b |])
                        Expect.equal (ulps expected results[k]) 0.0 $"{name} of {a} and {b} in vectors"
                        Expect.equal (ulps expected scalar[0]) 0.0 $"{name} of {a} and {b} in scalars"
            }

            test "a batch of any size gives what single points give" {
                let kernel = Compile.valueAndJacobian 5 cartPole
                let rng = Rng.OfSeed 2

                for count in 0..41 do
                    let row = count + 3
                    let points = Array.init (5 * row) (fun _ -> rng.Uniform(-2.0, 2.0))
                    let results = Array.create (kernel.Outputs * row) -7.0
                    runRows kernel points row [||] results row count

                    for p in 0 .. count - 1 do
                        let single = kernel.Run(Array.init 5 (fun i -> points[i * row + p]))
                        let batched = Array.init kernel.Outputs (fun j -> results[j * row + p])
                        Expect.equal batched single $"point {p} of {count}"

                    for j in 0 .. kernel.Outputs - 1 do
                        for p in count .. row - 1 do
                            Expect.equal results[j * row + p] -7.0 "nothing is written beyond the batch"
            }

            testProperty "compiled is interpreted, to rounding" (fun (seed: int) ->
                let random = Random seed
                let variables = Real.variables "x" 5
                let y = cartPole variables

                let all =
                    Array.append y (Derive.jacobian variables y |> Seq.cast<Real> |> Seq.toArray)

                let point = random.Vector 5
                let expected = Trace.evaluate variables point all
                let ours = (Compile.graph variables [||] all).Run point
                let scale = 1.0 + (expected |> Seq.map abs |> Seq.max)
                Expect.isLessThan (distance expected ours / scale) 1e-14 "values")

            testPropertyWithConfig
                Graphs.config
                "random graphs with their Jacobians: compiled is interpreted"
                (fun (Graphs.Kinked case) ->
                    let x = Real.variables "x" case.Graph.Inputs
                    let y = Graphs.trace case.Graph x
                    let all = Array.append y (Derive.jacobian x y |> Seq.cast<Real> |> Seq.toArray)
                    let expected = Trace.evaluate x case.Point all
                    let kernel = Compile.graph x [||] all
                    let count = 9
                    let points = case.Point |> Array.collect (Array.create count)
                    let results = Array.zeroCreate (all.Length * count)
                    run kernel points results count

                    for j in 0 .. all.Length - 1 do
                        let error = abs (results[j * count] - expected[j]) / Math.Max(1.0, abs expected[j])

                        Expect.isTrue
                            (error < 1e-8 || results[j * count].Equals expected[j])
                            $"output {j}: {results[j * count]} and {expected[j]}")

            test "a graph of many pieces" {
                // a recurrence long enough for several methods, whose early values are used late
                let f (x: Vec) =
                    let states = Collections.Generic.List<Real>([ x[0]; x[1] ])

                    for i in 1..1500 do
                        let a, b = states[states.Count - 1], states[states.Count - 2]
                        states.Add(sin (a + 0.3 * b) + 0.01 * states[i / 2])

                    [| states[states.Count - 1]; Vec.sum (states.ToArray()) |]

                let kernel = Compile.compile 2 f
                Expect.isGreaterThan kernel.Instructions 10000 "instructions"
                let rng = Rng.OfSeed 3
                let variables = Real.variables "x" 2
                let graph = f variables
                let points = Array.init 40 (fun _ -> rng.Uniform(-1.0, 1.0))
                let results = Array.zeroCreate 40
                run kernel points results 20

                for p in 0..19 do
                    let expected = Trace.evaluate variables [| points[p]; points[20 + p] |] graph
                    Expect.isLessThan (abs (results[p] - expected[0])) 1e-9 "last"
                    Expect.isLessThan (abs (results[20 + p] - expected[1])) 1e-7 "sum"
                    Expect.equal (kernel.Run [| points[p]; points[20 + p] |]) [| results[p]; results[20 + p] |] "scalar"
            }

            test "single precision" {
                let kernel =
                    Compile.compile32 1 (fun x ->
                        [| sin x[0]; exp x[0]; log (abs x[0]); tanh x[0]; Real.softplus x[0] |])

                let rng = Rng.OfSeed 4
                let points = Array.init 1000 (fun _ -> float32 (rng.Uniform(-20.0, 20.0)))
                let results = Array.zeroCreate 5000
                run kernel points results 1000

                for p in 0..999 do
                    let x = float points[p]
                    let expected = [| sin x; exp x; log (abs x); tanh x; Operation.softplus x |]

                    for j in 0..4 do
                        let error =
                            abs (float results[j * 1000 + p] - expected[j]) / (1e-3 + abs expected[j])

                        Expect.isLessThan error 1e-6 $"output {j} at {x}"

                let single = kernel.Run [| points[0] |]
                Expect.equal single (Array.init 5 (fun j -> results[j * 1000])) "scalar"
            }

            test "the listing shows shared and fused instructions" {
                let kernel =
                    Compile.withParameters 1 2 (fun p x -> [| x[0] * x[1] + p[0]; x[0] * x[1] + p[0] - 2.5 |])

                let lines = kernel.Listing.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                Expect.equal kernel.Instructions 2 "the product is fused, the sum shared"
                Expect.equal lines.Length 4 "two instructions, two results"
                Expect.stringContains kernel.Listing "FusedMultiplyAdd x0 x1 p0" "the fused product"
                Expect.stringContains kernel.Listing "2.5" "the constant"
            }

            test "parameters change without another kernel" {
                let kernel = Compile.withParameters 2 1 (fun p x -> [| p[0] * x[0] + p[1] |])
                Expect.equal (kernel.Run([| 3.0 |], 2.0, 1.0)) [| 7.0 |] "one"
                let results = Array.zeroCreate 9
                runRows kernel (Array.init 9 float) 9 [| -1.0; 10.0 |] results 9 9
                Expect.equal results (Array.init 9 (fun i -> 10.0 - float i)) "other, in vectors"
            }

            test "equal graphs share a kernel, others do not, and kernels can be collected" {
                let f (x: Vec) = [| sin x[0] * x[1] |]

                let one, same, other =
                    Compile.compile 2 f, Compile.compile 2 f, Compile.compile 2 (fun x -> [| cos x[0] * x[1] |])

                Expect.isTrue (Object.ReferenceEquals(one, same)) "equal graphs"
                Expect.isFalse (Object.ReferenceEquals(one, other)) "different graphs"

                let forgotten = forgottenKernel ()
                let mutable tries = 0

                while forgotten.IsAlive && tries < 20 do
                    GC.Collect()
                    GC.WaitForPendingFinalizers()
                    tries <- tries + 1

                Expect.isFalse forgotten.IsAlive "collected"
            }

            test "threads may share a kernel" {
                let kernel = Compile.valueAndJacobian 5 cartPole
                let points = Array.init (5 * 64) (fun i -> sin (float i))
                let expected = Array.zeroCreate (kernel.Outputs * 64)
                run kernel points expected 64

                Parallel.For(
                    0,
                    200,
                    fun _ ->
                        let results = Array.zeroCreate (kernel.Outputs * 64)
                        run kernel points results 64

                        if results <> expected then
                            failtest "a thread got other numbers"
                )
                |> ignore
            }

            test "a recurrence is its steps, in many lanes forwards and in one lane backwards" {
                let x, s = Real.variables "x" 2, Real.variables "s" 1
                let kernel = Compile.graph x s [| x[1]; sin x[0] + s[0] |]
                let lanes, steps = kernel.Lanes, 17
                let signals = Array.init steps (fun t -> 0.1 * float t)
                let records = Array.zeroCreate ((steps + 1) * 2 * lanes)

                for lane in 0 .. lanes - 1 do
                    records[lane] <- float lane

                scan kernel records 2 signals 1 steps

                for lane in 0 .. lanes - 1 do
                    let mutable state = [| float lane; 0.0 |]

                    for t in 0 .. steps - 1 do
                        state <- kernel.Run(state, signals[t])

                    Expect.equal
                        [| records[steps * 2 * lanes + lane]; records[(steps * 2 + 1) * lanes + lane] |]
                        state
                        $"lane {lane}"

                let single = Array.zeroCreate ((steps + 1) * 2)
                single[0] <- 0.5
                foldBack kernel single 2 signals 1 steps
                let mutable state = [| 0.5; 0.0 |]

                for t in steps - 1 .. -1 .. 0 do
                    state <- kernel.Run(state, signals[t])

                Expect.equal single[steps * 2 ..] state "backwards"
            }

            test "a recurrence in fewer lanes gives the bits of those lanes, unless it would have to be redone" {
                let x = Real.variables "x" 2
                let kernel = Compile.graph x [||] [| x[1]; 1.1 * x[1] + sin x[0] |]
                let lanes, steps = kernel.Lanes, 40

                let start width scale =
                    let records = Array.zeroCreate<float>((steps + 1) * 2 * width)

                    for lane in 0 .. width - 1 do
                        records[lane] <- scale * float lane
                        records[width + lane] <- 1.0

                    records

                let all = start lanes 0.3
                scan kernel all 2 [||] 0 steps

                for width in [ 1; lanes / 2; lanes ] do
                    if kernel.HasLanes width then
                        let some = start width 0.3

                        Expect.isTrue
                            (kernel.TryScan(width, Span some, 2, ReadOnlySpan<float>.Empty, 0, steps))
                            $"{width} lanes"

                        for row in 0 .. 2 * (steps + 1) - 1 do
                            Expect.equal
                                some[row * width .. row * width + width - 1]
                                all[row * lanes .. row * lanes + width - 1]
                                $"row {row}"

                        let far = start width 1e6
                        far[0] <- 1e6

                        Expect.isFalse
                            (kernel.TryScan(width, Span far, 2, ReadOnlySpan<float>.Empty, 0, steps))
                            "arguments too large"

                Expect.throwsT<ArgumentException>
                    (fun () ->
                        kernel.TryScan(3, Span(start 3 1.0), 2, ReadOnlySpan<float>.Empty, 0, steps)
                        |> ignore)
                    "no such width"
            }

            test "tracing, deriving and compiling end once they are cancelled, and can be done again" {
                let long (x: Vec) =
                    Seq.fold (fun y k -> sin (y + x[k % 2] * float k)) x[0] (seq { 1..3000 })

                let x = Real.variables "x" 2
                let y = long x
                use source = new Threading.CancellationTokenSource()

                let stages: (string * (unit -> unit)) list =
                    [
                        "trace", (fun () -> long x |> ignore)
                        "derive", (fun () -> Derive.gradient x y |> ignore)
                        "substitute", (fun () -> Trace.substitute x [| x[1]; x[0] |] [| y |] |> ignore)
                        "compile", (fun () -> Compile.graph x [||] [| y |] |> ignore)
                    ]

                for _, work in stages do
                    Tracing.cancellable source.Token work

                source.Cancel()

                for stage, work in stages do
                    Expect.throwsT<OperationCanceledException> (fun () -> Tracing.cancellable source.Token work) stage
                    work ()

                let point = [| 0.3; -0.7 |]
                Expect.equal ((Compile.graph x [||] [| y |]).Run point) (Trace.evaluate x point [| y |]) "as ever"
            }

            test "wrong shapes are named" {
                let kernel = Compile.withParameters 1 2 (fun p x -> [| p[0] * x[0] + x[1] |])
                let message (act: unit -> unit) = (Expect.throwsC act id).Message

                Expect.stringContains
                    (message (fun () -> kernel.Run([| 1.0; 2.0 |]) |> ignore))
                    "1 parameters, and got 0"
                    "parameters"

                Expect.stringContains
                    (message (fun () -> kernel.Run([| 1.0 |], 2.0) |> ignore))
                    "2 rows of 1 inputs"
                    "inputs"

                let noRoom () =
                    runRows kernel [| 1.0; 2.0; 3.0; 4.0 |] 2 [| 1.0 |] [| 0.0 |] 2 2

                Expect.stringContains (message noRoom) "room for 1 rows of 2 results" "outputs"
                let stranger = Real.variable "stranger"

                Expect.stringContains
                    (message (fun () -> Compile.compile 1 (fun x -> [| x[0] + stranger |]) |> ignore))
                    "'stranger'"
                    "a variable of nobody"
            }
        ]
