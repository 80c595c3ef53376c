namespace Research

open System
open System.Collections.Generic
open System.Reflection.Emit
open Research.Kernels

/// The bodies of a program in one width, to be called in order for each block, with the bytes of scratch memory that they share and the
/// constants that they read.
type internal Bodies =
    {
        Lanes: int
        Scratch: int
        Constants: byte[]
        ConstantsOffset: int
        Pieces: KernelBody[]
    }

/// Writes a program as machine code: straight-line intermediate language in a loop over blocks, for one vector width. Which values are in
/// registers is decided here, by evicting the one whose next use is farthest (Belady 1966), because the JIT puts what does not fit on an
/// unaligned stack. A large program becomes several methods, because the JIT stops optimising methods that are too large.
[<RequireQualifiedAccess>]
module internal Emit =

    /// Instructions a method.
    let private pieceSize = 600

    /// Values held in registers at a time, of 16 (scalar, 256 bits) or 32 (512 bits); the rest is for operands.
    let private registers (set: InstructionSet) =
        if set.Lanes * set.Size = 64 then 26 else 12

    let private field name =
        match typeof<KernelCall>.GetField(name: string) with
        | null -> failwith $"KernelCall has no field {name}"
        | found -> found

    /// Places in scratch memory, shared by all pieces: a value keeps its place from its eviction, or the end of its piece, to its last use.
    type private Places() =
        let free = Stack<int>()
        let mutable count = 0

        member _.Count = count

        member _.Take() =
            if free.Count > 0 then
                free.Pop()
            else
                count <- count + 1
                count - 1

        member _.Give place = free.Push place

    /// What every piece of a program needs to know.
    type private Plan =
        {
            Program: Program
            Set: InstructionSet
            /// positions of the instructions that use a value, in order; results and the ends of pieces count as uses where they are needed
            Uses: int[][]
            /// how many uses of a value lie behind
            Used: int[]
            /// where a value is while it is in a register
            Register: (LocalBuilder | null)[]
            /// scratch place of a value, −1 while it has none
            Place: int[]
            Places: Places
            /// index into the table of constants, −1 of anything else
            Constant: int[]
        }

    let private isLeaf (program: Program) i = Operation.arity program.Ops[i] = 0

    let private emitPiece (plan: Plan) (first: int) (last: int) : KernelBody =
        let program, set = plan.Program, plan.Set
        let ops, size = program.Ops, set.Size
        let isFinal = last = ops.Length - 1

        let results =
            program.Outputs
            |> Array.indexed
            |> Array.filter (fun (_, i) ->
                if isLeaf program i then
                    isFinal
                else
                    i >= first && i <= last)
            |> Array.groupBy snd
            |> dict

        let guarded =
            HashSet<int>(
                program.Guarded
                |> Array.filter (fun i ->
                    if isLeaf program i then
                        isFinal
                    else
                        i >= first && i <= last)
            )

        let dynamicMethod =
            DynamicMethod(
                "kernel",
                typeof<bool>,
                [| typeof<KernelCall>.MakePointerType() |],
                typeof<KernelCall>.Module,
                true
            )

        let il = dynamicMethod.GetILGenerator()

        let fromCall name inElements =
            let local = il.DeclareLocal typeof<nativeint>
            il.Emit OpCodes.Ldarg_0
            il.Emit(OpCodes.Ldfld, field name)

            if inElements then
                il.Emit(OpCodes.Ldc_I4, size)
                il.Emit OpCodes.Conv_I
                il.Emit OpCodes.Mul

            il.Emit(OpCodes.Stloc, local)
            local

        let input = fromCall "Input" false
        let inputRow = fromCall "InputRow" true
        let inputStep = fromCall "InputStep" true
        let parameters = fromCall "Parameters" false
        let parameterStep = fromCall "ParameterStep" true
        let output = fromCall "Output" false
        let outputRow = fromCall "OutputRow" true
        let outputStep = fromCall "OutputStep" true
        let work = fromCall "Work" false
        let constants = fromCall "Constants" false
        let blocks = fromCall "Blocks" false

        let offset (pointer: LocalBuilder) (bytes: int) =
            il.Emit(OpCodes.Ldloc, pointer)

            if bytes > 0 then
                il.Emit(OpCodes.Ldc_I4, bytes)
                il.Emit OpCodes.Conv_I
                il.Emit OpCodes.Add

        let row (pointer: LocalBuilder) (distance: LocalBuilder) (i: int) =
            il.Emit(OpCodes.Ldloc, pointer)

            if i > 0 then
                il.Emit(OpCodes.Ldloc, distance)
                il.Emit(OpCodes.Ldc_I4, i)
                il.Emit OpCodes.Conv_I
                il.Emit OpCodes.Mul
                il.Emit OpCodes.Add

        let guard = il.DeclareLocal set.Vector
        set.Number(il, 0.0)
        set.Broadcast il
        il.Emit(OpCodes.Stloc, guard)

        let top = il.DefineLabel()
        let bottom = il.DefineLabel()
        il.MarkLabel top
        il.Emit(OpCodes.Ldloc, blocks)
        il.Emit OpCodes.Ldc_I4_0
        il.Emit OpCodes.Conv_I
        il.Emit(OpCodes.Ble, bottom)

        /// the values in registers, and the register of each
        let held = List<int>()
        let register = plan.Register
        let idle = Stack<LocalBuilder>()

        let isHeld i = not (isNull register[i])

        let push i =
            match register[i] with
            | null -> failwith "the value is in no register"
            | local -> il.Emit(OpCodes.Ldloc, local)

        let release i =
            match register[i] with
            | null -> ()
            | local ->
                idle.Push local
                register[i] <- null
                held.Remove i |> ignore

        /// next use of a value at or after an instruction, which only ever grows; int.MaxValue when there is none
        let nextUse i at =
            let uses = plan.Uses[i]
            let mutable k = plan.Used[i]

            while k < uses.Length && uses[k] < at do
                k <- k + 1

            plan.Used[i] <- k
            if k < uses.Length then uses[k] else Int32.MaxValue

        let bytesOf place = place * size * set.Lanes

        let store (value: unit -> unit) (address: unit -> unit) =
            address ()
            value ()
            set.Store il

        let spill i =
            if plan.Place[i] < 0 && not (isLeaf program i) then
                let place = plan.Places.Take()
                plan.Place[i] <- place
                store (fun () -> push i) (fun () -> offset work (bytesOf place))

        /// Makes room for one more value, with regard to uses after an instruction.
        let makeRoom at =
            if held.Count >= registers set then
                let mutable victim = held[0]
                let mutable farthest = nextUse victim (at + 1)

                for candidate in held do
                    let next = nextUse candidate (at + 1)

                    if next > farthest then
                        victim <- candidate
                        farthest <- next

                spill victim
                release victim

        let fetch i =
            match ops[i] with
            | Op.Constant when set.Lanes = 1 -> set.Number(il, program.Values[i])
            | Op.Constant ->
                offset constants (bytesOf plan.Constant[i])
                set.Load il
            | Op.Variable when program.B[i] = 0 ->
                row input inputRow program.A[i]
                set.Load il
            | Op.Variable ->
                offset parameters (program.A[i] * size)
                il.Emit(if size = 4 then OpCodes.Ldind_R4 else OpCodes.Ldind_R8)
                set.Broadcast il
            | _ ->
                offset work (bytesOf plan.Place[i])
                set.Load il

        let load i = if isHeld i then push i else fetch i

        let hold i at =
            makeRoom at

            let local =
                if idle.Count > 0 then
                    idle.Pop()
                else
                    il.DeclareLocal set.Vector

            il.Emit(OpCodes.Stloc, local)
            register[i] <- local
            held.Add i

        let watch i =
            if guarded.Contains i then
                il.Emit(OpCodes.Ldloc, guard)
                load i
                set.Guard il
                il.Emit(OpCodes.Stloc, guard)

        let storeResults i =
            match results.TryGetValue i with
            | true, found ->
                for place, _ in found do
                    store (fun () -> load i) (fun () -> row output outputRow place)
            | _ -> ()

        /// Brings an argument into a register when it is wanted again soon, before the instruction that needs it.
        let prepare i at =
            if
                not (isHeld i)
                && ops[i] <> Op.Constant
                && nextUse i (at + 1) - at < registers set
            then
                fetch i
                hold i at

        let free i at =
            if plan.Place[i] >= 0 && nextUse i (at + 1) = Int32.MaxValue then
                plan.Places.Give plan.Place[i]
                plan.Place[i] <- -2

        for at in first..last do
            if not (isLeaf program at) then
                let arguments =
                    [| program.A[at]; program.B[at]; program.C[at] |]
                    |> Array.filter (fun j -> j >= 0)

                for i in Seq.distinct arguments do
                    prepare i at

                set.Operation(il, ops[at], (fun k -> load arguments[k]))

                for i in Seq.distinct arguments do
                    if nextUse i (at + 1) = Int32.MaxValue then
                        release i
                        free i at

                hold at at
                watch at
                storeResults at

                if nextUse at (at + 1) = Int32.MaxValue then
                    release at

        if isFinal then
            for i in program.Guarded do
                if isLeaf program i then
                    watch i

            for KeyValue(i, _) in results do
                if isLeaf program i then
                    storeResults i
        else
            for i in held do
                spill i

        for i in held.ToArray() do
            release i

        let advance (pointer: LocalBuilder) (distance: LocalBuilder) =
            il.Emit(OpCodes.Ldloc, pointer)
            il.Emit(OpCodes.Ldloc, distance)
            il.Emit OpCodes.Add
            il.Emit(OpCodes.Stloc, pointer)

        advance input inputStep
        advance parameters parameterStep
        advance output outputStep
        il.Emit(OpCodes.Ldloc, blocks)
        il.Emit OpCodes.Ldc_I4_1
        il.Emit OpCodes.Conv_I
        il.Emit OpCodes.Sub
        il.Emit(OpCodes.Stloc, blocks)
        il.Emit(OpCodes.Br, top)
        il.MarkLabel bottom
        il.Emit(OpCodes.Ldloc, guard)
        set.Number(il, program.Limit)
        set.Exceeds il
        il.Emit OpCodes.Ret
        dynamicMethod.CreateDelegate(typeof<KernelBody>) :?> KernelBody

    /// Last position of each run of `pieceSize` instructions.
    let private cuts (program: Program) =
        let ends = List<int>()
        let mutable count = 0

        for i in 0 .. program.Ops.Length - 1 do
            if not (isLeaf program i) then
                if count = pieceSize then
                    ends.Add(i - 1)
                    count <- 0

                count <- count + 1

        ends.Add(program.Ops.Length - 1)
        ends.ToArray()

    let private constantTable (set: InstructionSet) (program: Program) (index: int[]) =
        let values =
            [|
                for i in 0 .. index.Length - 1 do
                    if index[i] >= 0 then
                        program.Values[i]
            |]

        let struct (table, offset) =
            Scratch.Allocate(max 1 (values.Length * set.Lanes * set.Size))

        values
        |> Array.iteri (fun k value ->
            for lane in 0 .. set.Lanes - 1 do
                let at = Span(table, offset + (k * set.Lanes + lane) * set.Size, set.Size)

                if set.Size = 4 then
                    BitConverter.TryWriteBytes(at, float32 value) |> ignore
                else
                    BitConverter.TryWriteBytes(at, value) |> ignore)

        table, offset

    /// Compiles a program for one width.
    let compile (set: InstructionSet) (program: Program) : Bodies =
        if not Runtime.CompilerServices.RuntimeFeature.IsDynamicCodeSupported then
            raise (
                PlatformNotSupportedException
                    "functions are compiled to machine code as the program runs, and this program was built for compilation ahead of time: set the property PublishAot to false (file-based apps: #:property PublishAot=false)"
            )

        let n = program.Ops.Length
        let uses = Array.init n (fun _ -> List<int>())

        for i in 0 .. n - 1 do
            if not (isLeaf program i) then
                for j in [| program.A[i]; program.B[i]; program.C[i] |] do
                    if j >= 0 then
                        uses[j].Add i

        let mutable constants = 0

        let constant =
            Array.init n (fun i ->
                if program.Ops[i] = Op.Constant && set.Lanes > 1 then
                    constants <- constants + 1
                    constants - 1
                else
                    -1)

        let plan =
            {
                Program = program
                Set = set
                Uses = uses |> Array.map (fun list -> list.ToArray())
                Used = Array.zeroCreate n
                Register = Array.create n null
                Place = Array.create n -1
                Places = Places()
                Constant = constant
            }

        let ends = cuts program

        let pieces =
            ends
            |> Array.mapi (fun k last -> emitPiece plan (if k = 0 then 0 else ends[k - 1] + 1) last)

        let table, offset = constantTable set program constant

        {
            Lanes = set.Lanes
            Scratch = plan.Places.Count * set.Lanes * set.Size
            Constants = table
            ConstantsOffset = offset
            Pieces = pieces
        }
