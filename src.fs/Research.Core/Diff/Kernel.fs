namespace Research

open System
open System.Runtime.InteropServices
open Microsoft.FSharp.NativeInterop
open Research.Kernels

#nowarn "9" "51" // native pointers: this file is the one place where spans become addresses

/// A compiled function: numbers in, numbers out, at one point or at many at once. 'T is float or float32. Thread-safe, and collected with
/// its machine code. All vector widths give the same bits, save where an argument of a sine or cosine is beyond ±1e5 (single precision:
/// ±1e4): then the whole call is redone with the library's functions, which may differ in the last place.
[<Sealed>]
type Kernel<'T when 'T: unmanaged> internal (inputs: int, parameters: int, fast: Program, exact: Lazy<Program>) =

    let bodies program =
        InstructionSets.available typeof<'T>
        |> List.map (fun set -> set.Lanes, lazy (Emit.compile set (program ())))
        |> List.toArray

    let fastBodies = bodies (fun () -> fast)
    let exactBodies = bodies (fun () -> exact.Value)

    let ahead (pointer: voidptr) (step: nativeint) =
        let address = NativePtr.toNativeInt (NativePtr.ofVoidPtr<byte> pointer)
        NativePtr.toVoidPtr (NativePtr.ofNativeInt<byte>(address + step * nativeint sizeof<'T>))

    /// One call on one width; true when it must be redone.
    let run (bodies: Bodies) (call: KernelCall) : bool =
        let mutable call = call
        let mutable redo = false
        use constants = fixed &bodies.Constants[bodies.ConstantsOffset]
        call.Constants <- NativePtr.toVoidPtr constants
        call.Work <- Scratch.OfThread bodies.Scratch

        if bodies.Pieces.Length = 1 then
            redo <- bodies.Pieces[0].Invoke(&&call)
        else
            let blocks = call.Blocks
            let mutable block = 0n
            call.Blocks <- 1n

            while block < blocks && not redo do
                for piece in bodies.Pieces do
                    redo <- piece.Invoke(&&call) || redo

                call.Input <- ahead call.Input call.InputStep
                call.Parameters <- ahead call.Parameters call.ParameterStep
                call.Output <- ahead call.Output call.OutputStep
                block <- block + 1n

        redo

    let invoke (width: int) (call: KernelCall) =
        let _, body = fastBodies[width]

        if run body.Value call then
            let _, body = exactBodies[width]
            run body.Value call |> ignore

    /// numbers that rows at a distance take up
    let needed rows row count =
        if rows = 0 || count = 0 then
            0
        else
            (rows - 1) * row + count

    /// A recurrence on one width; a negative step of the parameters runs through them from the last to the first. True when it must be
    /// redone: for the caller, or here.
    let scan
        width
        redoes
        (records: Span<'T>)
        recordRows
        (parameterValues: ReadOnlySpan<'T>)
        parameterStep
        steps
        : bool =
        let lanes = fst fastBodies[width]
        let outputs = fast.Outputs.Length
        let record = recordRows * lanes
        let room, shared = records.Length, parameterValues.Length
        let distance = abs parameterStep

        if not (recordRows >= max inputs outputs) then
            invalidArg "outputs" $"Kernel.Scan needs records of {max inputs outputs} rows or more, and got {recordRows}"

        if not (room >= (steps + 1) * record) then
            invalidArg
                "outputs"
                $"Kernel.Scan needs room for {steps + 1} records of {recordRows}×{lanes} numbers, and got {room}"

        if not (steps = 0 || shared >= (steps - 1) * distance + parameters) then
            invalidArg
                "outputs"
                $"Kernel.Scan needs {parameters} parameters a step at a distance of {distance} for {steps} steps, and got {shared}"

        use first = fixed &MemoryMarshal.GetReference records
        use parameter = fixed &MemoryMarshal.GetReference parameterValues
        let start = if parameterStep < 0 then (steps - 1) * distance else 0
        let mutable call = KernelCall()
        call.Input <- NativePtr.toVoidPtr first
        call.InputRow <- nativeint lanes
        call.InputStep <- nativeint record
        call.Parameters <- NativePtr.toVoidPtr (NativePtr.add parameter start)
        call.ParameterStep <- nativeint parameterStep
        call.Output <- NativePtr.toVoidPtr (NativePtr.add first record)
        call.OutputRow <- nativeint lanes
        call.OutputStep <- nativeint record
        call.Blocks <- nativeint steps

        if redoes then
            invoke width call
            false
        else
            run (snd fastBodies[width]).Value call

    /// Number of inputs of the function.
    member _.Inputs = inputs

    /// Number of parameters: numbers shared by all points of a call, which change without recompiling.
    member _.Parameters = parameters

    /// Number of outputs.
    member _.Outputs = fast.Outputs.Length

    /// Instructions a point, after sharing and fusion.
    member _.Instructions =
        fast.Ops |> Array.filter (fun op -> Operation.arity op > 0) |> Array.length

    /// How many instructions of each kind, most frequent first.
    member _.OperationCounts = fast.Ops |> Array.countBy id |> Array.sortByDescending snd

    /// The compiled function in readable form, one line an instruction in the order in which it runs: `t7 = FusedMultiplyAdd t3 x1 0.5`.
    member _.Listing: string =
        let text = Text.StringBuilder()

        let name i =
            match fast.Ops[i] with
            | Op.Constant -> fast.Values[i].ToString("R", Globalization.CultureInfo.InvariantCulture)
            | Op.Variable when fast.B[i] = 0 -> $"x{fast.A[i]}"
            | Op.Variable -> $"p{fast.A[i]}"
            | _ -> $"t{i}"

        for i in 0 .. fast.Ops.Length - 1 do
            let arity = Operation.arity fast.Ops[i]

            if arity > 0 then
                let arguments =
                    Seq.truncate arity [ fast.A[i]; fast.B[i]; fast.C[i] ]
                    |> Seq.map name
                    |> String.concat " "

                text.AppendLine $"{name i} = {fast.Ops[i]} {arguments}" |> ignore

        fast.Outputs
        |> Array.iteri (fun place i -> text.AppendLine $"result {place} = {name i}" |> ignore)

        text.ToString()

    /// Lanes of the widest body: the natural number of points for `Scan`.
    member _.Lanes = fst fastBodies[0]

    /// Evaluates the function at `count` points. Element i of point p is at i·inputRow + p of the inputs; result j of point p goes to
    /// j·outputRow + p of the outputs, which must not overlap the inputs. F# code that makes such calls in last place should be compiled with
    /// `<Tailcalls>false</Tailcalls>`: .NET 10.0 loses what is written through spans that a tail call passed on, when arrays move meanwhile.
    member _.Run
        (
            points: ReadOnlySpan<'T>,
            inputRow: int,
            parameterValues: ReadOnlySpan<'T>,
            results: Span<'T>,
            outputRow: int,
            count: int
        ) =
        let outputs = fast.Outputs.Length

        let given, room, shared = points.Length, results.Length, parameterValues.Length

        if not (count >= 0) then
            invalidArg "outputs" $"Kernel.Run needs 0 points or more, and got {count}"

        if not (inputRow >= count && outputRow >= count) then
            invalidArg
                "outputs"
                $"Kernel.Run needs rows as long as the {count} points, and got {inputRow} and {outputRow}"

        if not (given >= needed inputs inputRow count) then
            invalidArg
                "outputs"
                $"Kernel.Run needs {inputs} rows of {count} inputs at a distance of {inputRow}, and got {given} numbers"

        if not (room >= needed outputs outputRow count) then
            invalidArg
                "outputs"
                $"Kernel.Run needs room for {outputs} rows of {count} results at a distance of {outputRow}, and got {room}"

        if not (shared = parameters) then
            invalidArg "outputs" $"Kernel.Run needs {parameters} parameters, and got {shared}"

        use input = fixed &MemoryMarshal.GetReference points
        use parameter = fixed &MemoryMarshal.GetReference parameterValues
        use output = fixed &MemoryMarshal.GetReference results
        let mutable width = 0

        while fst fastBodies[width] > max count 1 do
            width <- width + 1

        let lanes = fst fastBodies[width]
        let mutable call = KernelCall()
        call.Input <- NativePtr.toVoidPtr input
        call.InputRow <- nativeint inputRow
        call.InputStep <- nativeint lanes
        call.Parameters <- NativePtr.toVoidPtr parameter
        call.Output <- NativePtr.toVoidPtr output
        call.OutputRow <- nativeint outputRow
        call.OutputStep <- nativeint lanes
        call.Blocks <- nativeint (count / lanes)

        if count > 0 then
            invoke width call

            // the last points that fill no block are done with their predecessors once more
            if count % lanes > 0 then
                call.Input <- NativePtr.toVoidPtr (NativePtr.add input (count - lanes))
                call.Output <- NativePtr.toVoidPtr (NativePtr.add output (count - lanes))
                call.Blocks <- 1n
                invoke width call

    /// Evaluates the function at `count` points laid out without gaps: element i of point p at i·count + p.
    member this.Run(points: ReadOnlySpan<'T>, parameterValues: ReadOnlySpan<'T>, results: Span<'T>, count: int) =
        this.Run(points, count, parameterValues, results, count, count)

    /// Evaluates the function at one point.
    member this.Run(point: 'T[], [<ParamArray>] parameterValues: 'T[]) : 'T[] =
        let results = Array.zeroCreate fast.Outputs.Length
        this.Run(ReadOnlySpan point, ReadOnlySpan parameterValues, Span results, 1)
        results

    /// Runs a recurrence in as many lanes as `Lanes`: `records` holds steps + 1 records of `recordRows` rows of `Lanes` numbers; step t reads
    /// its inputs from the first rows of record t and writes its outputs to the first rows of record t + 1. The parameters of step t, shared
    /// by all lanes, are those from t·parameterStep on.
    member _.Scan
        (records: Span<'T>, recordRows: int, parameterValues: ReadOnlySpan<'T>, parameterStep: int, steps: int)
        =
        scan 0 true records recordRows parameterValues parameterStep steps |> ignore

    /// True when there is a body of that many lanes, which `TryScan` needs.
    member _.HasLanes(lanes: int) =
        fastBodies |> Array.exists (fun (width, _) -> width = lanes)

    /// `Scan` in another number of lanes, one that `HasLanes`: the same bits as those lanes of `Scan`. False where `Scan` would have redone the
    /// call with the library's functions; then the records hold nothing of use.
    member _.TryScan
        (
            lanes: int,
            records: Span<'T>,
            recordRows: int,
            parameterValues: ReadOnlySpan<'T>,
            parameterStep: int,
            steps: int
        ) : bool =
        let mutable width = 0

        while width < fastBodies.Length && fst fastBodies[width] <> lanes do
            width <- width + 1

        if width = fastBodies.Length then
            invalidArg (nameof lanes) $"Kernel.TryScan got {lanes} lanes, and this machine has no body of that width"

        not (scan width false records recordRows parameterValues parameterStep steps)

    /// Runs a recurrence in one lane, from the last parameters to the first: step s reads record s, writes record s + 1, and takes the
    /// parameters from (steps − 1 − s)·parameterStep on.
    member _.FoldBack
        (records: Span<'T>, recordRows: int, parameterValues: ReadOnlySpan<'T>, parameterStep: int, steps: int)
        =
        scan (fastBodies.Length - 1) true records recordRows parameterValues -parameterStep steps
        |> ignore
