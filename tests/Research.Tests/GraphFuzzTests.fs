/// Random graphs, with conditions, ties and constants in every argument: values and derivatives to the third order, in every width and both
/// precisions and with numbers put in, against Taylor series in numbers of 31 digits.
module Research.Tests.GraphFuzzTests

open System
open System.Threading.Tasks
open Expecto
open Research
open Research.Tests.Graphs

/// A comparison, kink or size that rounding decides: nothing can be said of the point.
exception private Undecided

let private choice =
    { everything with
        Numbers = [| 0.0; 1.0; -1.0; 0.5; 3.0; 2.0; -2.0 |]
    }

/// How far apart plain values must be, in units of their rounding, to be told apart by every evaluation.
let private apart = 200.0

/// Which values depend on an input.
let private dependent (graph: Graph) : bool[] =
    let known = Collections.Generic.List(Array.create graph.Inputs true)

    for step in graph.Steps do
        known.Add(
            match step with
            | Number _ -> false
            | One(op, a) -> op <> Op.Sign && known[a]
            | Two(_, a, b) -> known[a] || known[b]
            | Choose(_, c, d) -> known[c] || known[d]
        )

    known.ToArray()

/// What is known of a point: the series of the output, or None where rounding decides something on the way. `single`: in single precision.
let private reference (single: bool) (graph: Graph) (x: float[]) (d: float[]) : Jet option =
    let unit = if single then 1.2e-7 else 2.3e-16
    let largest = if single then 1e4 else 1e30
    let jets = Collections.Generic.List<Jet>()

    /// which values are sizes, and of what: the library differentiates the square of a norm as the sum of squares
    let sizes = Collections.Generic.List<int list>()

    let depends = dependent graph

    let isExact (jet: Jet) =
        if single then jet.IsExactSingle else jet.IsExact

    let decide (a: Jet) (b: Jet) =
        let distance = Math.Abs (a.Value - b.Value).High

        if
            not (isExact a && isExact b)
            && not (Double.IsNaN distance)
            && distance <= apart * unit * (a.Errors[0] + b.Errors[0])
        then
            raise Undecided

    let zero = Jet.constant 0.0

    let compare op a b =
        decide jets[a] jets[b]
        let x, y = jets[a].Value, jets[b].Value

        if Double.IsNaN x.High || Double.IsNaN y.High then
            false
        else
            match op with
            | Op.Less -> DoubleDouble.isLess x y
            | Op.LessEqual -> not (DoubleDouble.isLess y x)
            | _ -> x.Equals y

    let components k =
        if sizes[k].IsEmpty then [ k ] else sizes[k]

    let add (jet: Jet) size =
        for k in 0 .. Jet.orders - 1 do
            let c = Math.Abs jet.Coefficients[k].High

            if c > largest || c > 0.0 && c < 1.0 / largest then
                raise Undecided

        jets.Add jet
        sizes.Add size

    try
        Array.iter2 (fun x d -> add (Jet.variable x d) []) x d

        for step in graph.Steps do
            match step with
            | Number value -> add (Jet.constant value) []
            | One(op, a) ->
                if op = Op.Abs || op = Op.Sign then
                    decide jets[a] zero

                add (Jet.unary op jets[a]) (if op = Op.Abs then components a else [])
            | Two(Op.Hypot, a, b) ->
                decide jets[a] zero
                decide jets[b] zero
                let parts = components a @ components b
                add (Jet.norm [ for k in parts -> jets[k] ]) parts
            | Two(Op.Mul, a, b) when a = b && not sizes[a].IsEmpty ->
                let squares = sizes[a] |> List.map (fun k -> Jet.mul jets[k] jets[k])
                add (List.reduce Jet.add squares) []
            | Two(Op.Mul, a, b) when not sizes[a].IsEmpty && not sizes[b].IsEmpty && jets[a].Number = 0.0 ->
                raise Undecided
            | Two(op, a, b) ->
                let p, q = jets[a], jets[b]

                let jet =
                    match op with
                    | Op.Add -> Jet.add p q
                    | Op.Sub -> Jet.sub p q
                    | Op.Mul -> Jet.mul p q
                    | Op.Div -> Jet.div p q
                    | Op.Pow ->
                        decide p zero
                        Jet.pow p q depends[b]
                    | Op.Atan2 ->
                        decide p zero
                        decide q zero

                        // the sign of a zero is nobody's promise
                        if p.Number = 0.0 && q.Number <= 0.0 then
                            raise Undecided

                        Jet.atan2 p q
                    | Op.Min
                    | Op.Max ->
                        decide p q

                        if Double.IsNaN p.Number || Double.IsNaN q.Number then
                            Jet.constant nan
                        elif
                            (op = Op.Min) = DoubleDouble.isLess q.Value p.Value
                            && not (p.Value.Equals q.Value)
                        then
                            q
                        else
                            p
                    | _ -> failwith $"{op}"

                add jet []
            | Choose(test, c, d) -> add (if holds compare test then jets[c] else jets[d]) []

        Some jets[jets.Count - 1]
    with Undecided ->
        None

/// f, f', f'' and f''' along d, at the inputs [x; d]: by a backward pass, forward over it, and backward over that.
let private derivatives (graph: Graph) : Real[] * Real[] =
    let n = graph.Inputs
    let x, d = Real.variables "x" n, Real.variables "d" n
    let f = (trace graph x)[0]
    let along (gradient: Vec) = Vec.dot gradient d
    let first = along (Derive.gradient x f)
    let seconds = Derive.forward x (Array.map Array.singleton d) [| first |]
    let second = seconds[0][0]
    let third = along (Derive.gradient x second)
    Array.append x d, [| f; first; second; third |]

let private factorials = [| 1.0; 1.0; 2.0; 6.0 |]

/// What differs, in words.
let private difference (single: bool) (jet: Jet) (found: float[]) : string option =
    let unit = if single then 1.2e-7 else 2.3e-16
    // to first order only is the error known
    let isSmall k =
        unit * jet.Errors[k] <= 1e-3 * Math.Max(1e-3, Math.Abs jet.Coefficients[k].High)

    Seq.initInfinite id
    |> Seq.take Jet.orders
    |> Seq.takeWhile (fun k ->
        Double.IsFinite jet.Coefficients[k].High
        && Double.IsFinite jet.Errors[k]
        && isSmall k)
    |> Seq.tryPick (fun k ->
        let expected = factorials[k] * jet.Coefficients[k].High

        // and what two roundings make of each other, as in the product of two numbers that should be 0
        let tolerance =
            32.0
            * unit
            * factorials[k]
            * (jet.Errors[k] + Math.Abs jet.Coefficients[k].High + 32.0 * unit)

        if Math.Abs(found[k] - expected) <= tolerance then
            None
        else
            Some $"derivative {k} is {found[k]:R}, and should be {expected:R} up to {tolerance:G2}")

let private inBatches (size: int) (kernel: Kernel<'T>) (points: 'T[][]) : 'T[][] =
    [|
        for batch in Array.chunkBySize size points do
            let count = batch.Length
            let rows = Array.init (kernel.Inputs * count) (fun k -> batch[k % count][k / count])
            let results = Array.zeroCreate (kernel.Outputs * count)
            kernel.Run(ReadOnlySpan rows, count, ReadOnlySpan<'T>.Empty, Span results, count, count)

            for p in 0 .. count - 1 do
                Array.init kernel.Outputs (fun k -> results[k * count + p])
    |]

/// Points of which many numbers are special, and many the same.
let private points (rng: Rng) (n: int) (count: int) =
    let special = [| 0.0; 1.0; -1.0; 0.5; 2.0; -2.0; 3.0 |]

    let pick (values: float[]) =
        values[int (rng.Uniform() * float values.Length)]

    Array.init count (fun _ ->
        let x =
            Array.init n (fun _ ->
                if rng.Uniform() < 0.4 then
                    pick special
                else
                    Math.Round(256.0 * rng.Uniform(-3.0, 3.0)) / 256.0)

        if n > 1 && rng.Uniform() < 0.2 then
            x[1] <- x[0]

        Array.append x (Array.init n (fun _ -> pick [| 1.0; -1.0; 0.5; 2.0 |])))

/// The checked points of a graph, and what is wrong.
let private check (seed: int) (count: int) : int * string list =
    let rng = Rng.OfSeed seed
    let inputs = 1 + int (3.0 * rng.Uniform())
    let size = 3 + int (7.0 * rng.Uniform())

    let codes =
        Array.init (codesOfStep * size) (fun _ -> int (rng.Uniform() * float (1 <<< 20)))

    let graph = decode choice inputs 1 codes
    let z, outputs = derivatives graph
    let points = points rng inputs count
    let half (p: float[]) = p[.. inputs - 1], p[inputs..]
    let plain = Compile.graph z [||] outputs
    let single = Compile.graph32 z [||] outputs
    let narrow = Array.map (Array.map float32) points

    let few = min 8 count

    let ways =
        [
            for size in [ 1; 4; count ] do
                $"{size} at a time", false, inBatches size plain points
            for size in [ 1; 8; count ] do
                $"{size} at a time in single precision",
                true,
                inBatches size single narrow |> Array.map (Array.map float)
            "node by node", false, Array.map (fun p -> Trace.evaluate z p outputs) points[.. few - 1]
            "folded",
            false,
            points[.. few - 1]
            |> Array.map (fun p -> Trace.substitute z (Array.map Real.constant p) outputs |> Array.map Trace.number)
        ]

    let mutable looked = 0

    let faults =
        [
            for isSingle in [ false; true ] do
                for p in 0 .. count - 1 do
                    match points[p] |> half ||> reference isSingle graph with
                    | None -> ()
                    | Some jet ->
                        for name, way, found in ways do
                            if way = isSingle && p < found.Length then
                                looked <- looked + 1

                                match difference isSingle jet found[p] with
                                | Some fault -> $"seed {seed}, {name}, at %A{points[p]}: {fault}\n%A{graph.Steps}"
                                | None -> ()
        ]

    looked, faults

[<Tests>]
let tests =
    testList
        "Graphs"
        [
            test "values and derivatives of random graphs are those of Taylor series in 31 digits" {
                let graphs, perGraph = Fuzz.cases 640, 512
                let results = Array.zeroCreate graphs

                Parallel.For(0, graphs, (fun k -> results[k] <- check (Fuzz.seed * 1_000_000 + k) perGraph))
                |> ignore

                let faults =
                    results
                    |> Seq.collect (snd >> Seq.truncate 1)
                    |> Seq.truncate 12
                    |> String.concat "\n"

                Expect.equal faults "" "faults"
                Expect.isGreaterThan (Array.sumBy fst results) (Fuzz.cases 1_000_000) "points looked at"
            }
        ]
