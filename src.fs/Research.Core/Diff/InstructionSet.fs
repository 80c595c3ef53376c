namespace Research

open System
open System.Reflection
open System.Reflection.Emit
open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open Research.Kernels

/// How one machine width spells the operations of a program. The operations are emitted as calls that the JIT knows as single instructions:
/// it never has to inline, which it stops doing in large methods.
[<AbstractClass>]
type internal InstructionSet(element: Type, vector: Type, lanes: int) =

    static member Method(owner: Type, name: string, arguments: Type list, [<ParamArray>] generic: Type[]) : MethodInfo =
        let isMatch (candidate: MethodInfo) =
            candidate.Name = name
            && candidate.IsGenericMethodDefinition = (generic.Length > 0)
            && candidate.GetParameters().Length = arguments.Length
            && (generic.Length = 0 || candidate.GetGenericArguments().Length = generic.Length)

        let close (candidate: MethodInfo) =
            if generic.Length > 0 then
                candidate.MakeGenericMethod generic
            else
                candidate

        owner.GetMethods(BindingFlags.Static ||| BindingFlags.Public)
        |> Seq.filter isMatch
        |> Seq.map close
        |> Seq.find (fun candidate ->
            List.forall2
                (fun (parameter: ParameterInfo) argument -> parameter.ParameterType = argument)
                (List.ofArray (candidate.GetParameters()))
                arguments)

    /// float or float32.
    member _.Element = element

    /// What a value is on the evaluation stack.
    member _.Vector = vector

    /// Points at a time.
    member _.Lanes = lanes

    /// Bytes of one number.
    member _.Size = if element = typeof<float32> then 4 else 8

    /// Pushes a number of the element type.
    member this.Number(il: ILGenerator, value: float) =
        if this.Size = 4 then
            il.Emit(OpCodes.Ldc_R4, float32 value)
        else
            il.Emit(OpCodes.Ldc_R8, value)

    /// Number → the same number in all lanes.
    abstract Broadcast: ILGenerator -> unit

    /// Address → value.
    abstract Load: ILGenerator -> unit

    /// Address, value → nothing.
    abstract Store: ILGenerator -> unit

    /// Pushes the result of an operation; `load i` pushes its argument i.
    abstract Operation: il: ILGenerator * op: Op * load: (int -> unit) -> unit

    /// Guard, value → greater of the guard and the value's size.
    abstract Guard: ILGenerator -> unit

    /// Value, number → whether any lane is greater.
    abstract Exceeds: ILGenerator -> unit

/// Constants of the representation of numbers in one precision.
type internal Bits =
    {
        FractionBits: int
        Bias: int64
        One: int64
        /// one, less √½: added to a number's bits it moves the octave [√½, √2) onto one exponent
        Centre: int64
        ExponentMask: int64
        /// bits of 2^FractionBits, and the same number plus the bias
        Shift: int64
        ShiftValue: float
    }

    static member Of(element: Type) =
        if element = typeof<float32> then
            {
                FractionBits = 23
                Bias = 127L
                One = 0x3F800000L
                Centre = 0x3F800000L - 0x3F3504F3L
                ExponentMask = int64 0xFF800000
                Shift = 0x4B000000L
                ShiftValue = 8388608.0 + 127.0
            }
        else
            {
                FractionBits = 52
                Bias = 1023L
                One = 0x3FF0000000000000L
                Centre = 0x3FF0000000000000L - 0x3FE6A09E667F3BCDL
                ExponentMask = 0xFFF0000000000000L
                Shift = 0x4330000000000000L
                ShiftValue = 4503599627370496.0 + 1023.0
            }

/// One number at a time. A condition is 1 or 0.
type internal ScalarSet(element: Type) =
    inherit InstructionSet(element, element, 1)

    let isSingle = element = typeof<float32>
    let bits = Bits.Of element
    let integer = if isSingle then typeof<int> else typeof<int64>
    let math = if isSingle then typeof<MathF> else typeof<Math>

    let direct (owner: Type) name arity =
        InstructionSet.Method(owner, name, List.replicate arity element)

    let fma = direct math "FusedMultiplyAdd" 3
    let conversions = typeof<BitConverter>

    let toBits =
        InstructionSet.Method(
            conversions,
            (if isSingle then
                 "SingleToInt32Bits"
             else
                 "DoubleToInt64Bits"),
            [ element ]
        )

    let ofBits =
        InstructionSet.Method(
            conversions,
            (if isSingle then
                 "Int32BitsToSingle"
             else
                 "Int64BitsToDouble"),
            [ integer ]
        )

    let toNumber (il: ILGenerator) =
        il.Emit(if isSingle then OpCodes.Conv_R4 else OpCodes.Conv_R8)

    let whole (il: ILGenerator) (value: int64) =
        if isSingle then
            il.Emit(OpCodes.Ldc_I4, int value)
        else
            il.Emit(OpCodes.Ldc_I8, value)

    override _.Broadcast _ = ()

    override _.Load il =
        il.Emit(if isSingle then OpCodes.Ldind_R4 else OpCodes.Ldind_R8)

    override _.Store il =
        il.Emit(if isSingle then OpCodes.Stind_R4 else OpCodes.Stind_R8)

    override this.Guard il =
        il.Emit(OpCodes.Call, InstructionSet.Method(math, "Abs", [ element ]))
        il.Emit(OpCodes.Call, direct element "MaxNative" 2)

    override _.Exceeds il = il.Emit OpCodes.Cgt

    override this.Operation(il, op, load) =
        let arguments () =
            for i in 0 .. Operation.arity op - 1 do
                load i

        let code (opcode: OpCode) =
            arguments ()
            il.Emit opcode

        let call (target: MethodInfo) =
            arguments ()
            il.Emit(OpCodes.Call, target)

        let pushBits i =
            load i
            il.Emit(OpCodes.Call, toBits)

        let fromBits () = il.Emit(OpCodes.Call, ofBits)

        match op with
        | Op.Neg -> code OpCodes.Neg
        | Op.Add -> code OpCodes.Add
        | Op.Sub -> code OpCodes.Sub
        | Op.Mul
        | Op.And -> code OpCodes.Mul
        | Op.Div -> code OpCodes.Div
        | Op.Abs
        | Op.Sqrt -> call (direct math (string op) 1)
        | Op.Min
        | Op.Max -> call (direct math (string op) 2)
        | Op.Or -> call (direct math "Max" 2)
        | Op.Less ->
            code OpCodes.Clt
            toNumber il
        | Op.Equal ->
            code OpCodes.Ceq
            toNumber il
        | Op.LessEqual ->
            code OpCodes.Cgt_Un
            il.Emit OpCodes.Ldc_I4_0
            il.Emit OpCodes.Ceq
            toNumber il
        | Op.Not ->
            this.Number(il, 1.0)
            load 0
            il.Emit OpCodes.Sub
        | Op.FusedMultiplyAdd -> call fma
        | Op.FusedNegateMultiplyAdd ->
            load 0
            il.Emit OpCodes.Neg
            load 1
            load 2
            il.Emit(OpCodes.Call, fma)
        | Op.FusedMultiplySubtract ->
            arguments ()
            il.Emit OpCodes.Neg
            il.Emit(OpCodes.Call, fma)
        | Op.Odd ->
            pushBits 0
            whole il 1L
            il.Emit OpCodes.And
            toNumber il
        | Op.FlipByHalfTurn ->
            pushBits 0
            pushBits 1
            whole il 2L
            il.Emit OpCodes.And
            il.Emit(OpCodes.Ldc_I4, (if isSingle then 30 else 62))
            il.Emit OpCodes.Shl
            il.Emit OpCodes.Xor
            fromBits ()
        | Op.PowerOfTwo ->
            pushBits 0
            whole il bits.Bias
            il.Emit OpCodes.Add
            il.Emit(OpCodes.Ldc_I4, bits.FractionBits)
            il.Emit OpCodes.Shl
            fromBits ()
        | Op.Exponent ->
            pushBits 0
            whole il bits.Centre
            il.Emit OpCodes.Add
            il.Emit(OpCodes.Ldc_I4, bits.FractionBits)
            il.Emit OpCodes.Shr_Un
            whole il bits.Shift
            il.Emit OpCodes.Or
            fromBits ()
            this.Number(il, bits.ShiftValue)
            il.Emit OpCodes.Sub
        | Op.Mantissa ->
            pushBits 0
            pushBits 0
            whole il bits.Centre
            il.Emit OpCodes.Add
            whole il bits.ExponentMask
            il.Emit OpCodes.And
            il.Emit OpCodes.Sub
            whole il bits.One
            il.Emit OpCodes.Add
            fromBits ()
        | _ ->
            match typeof<Lane>.GetMethod(string op) with
            | null -> failwith $"there is no {op} of one number"
            | found -> call (found.MakeGenericMethod element)

/// Vector256 or Vector512. A condition is a mask of all ones or all zeros.
type internal VectorSet(element: Type, owner: Type, definition: Type, functions: Type, bytes: int) =
    inherit
        InstructionSet(
            element,
            definition.MakeGenericType element,
            bytes / (if element = typeof<float32> then 4 else 8)
        )

    let isSingle = element = typeof<float32>
    let bits = Bits.Of element
    let integer = if isSingle then typeof<int> else typeof<int64>
    let vector = definition.MakeGenericType element
    let integers = definition.MakeGenericType integer

    let over (kind: Type) (name: string) arity =
        InstructionSet.Method(owner, name, List.replicate arity (definition.MakeGenericType kind), kind)

    let simple = over element

    let fma =
        InstructionSet.Method(owner, "FusedMultiplyAdd", [ vector; vector; vector ])

    let reinterpret = InstructionSet.Method(owner, "As", [ vector ], element, integer)

    let reinterpretBack =
        InstructionSet.Method(owner, "As", [ integers ], integer, element)

    let createInteger = InstructionSet.Method(owner, "Create", [ integer ])

    let shiftLeft =
        InstructionSet.Method(integers, "op_LeftShift", [ integers; typeof<int> ])

    let shiftRight =
        InstructionSet.Method(integers, "op_UnsignedRightShift", [ integers; typeof<int> ])

    let create = InstructionSet.Method(owner, "Create", [ element ])

    let operator (kind: Type) name arity =
        InstructionSet.Method(kind, $"op_{name}", List.replicate arity kind)

    /// −a·b + c and a·b − c where the processor has them, which the portable operations do not
    let fused name =
        let candidates =
            if bytes = 64 then
                [ Avx512F.IsSupported, typeof<Avx512F>, $"Fused{name}" ]
            else
                [ Fma.IsSupported, typeof<Fma>, name ]

        candidates
        |> List.tryPick (fun (isSupported, owner, name) ->
            if isSupported then
                Some(InstructionSet.Method(owner, name, [ vector; vector; vector ]))
            else
                None)

    let negateMultiplyAdd = fused "MultiplyAddNegated"
    let multiplySubtract = fused "MultiplySubtract"

    let whole (il: ILGenerator) (value: int64) =
        if isSingle then
            il.Emit(OpCodes.Ldc_I4, int value)
        else
            il.Emit(OpCodes.Ldc_I8, value)

        il.Emit(OpCodes.Call, createInteger)

    override _.Broadcast il = il.Emit(OpCodes.Call, create)

    override _.Load il =
        il.Emit(OpCodes.Unaligned, 1uy)
        il.Emit(OpCodes.Ldobj, vector)

    override _.Store il =
        il.Emit(OpCodes.Unaligned, 1uy)
        il.Emit(OpCodes.Stobj, vector)

    override _.Guard il =
        il.Emit(OpCodes.Call, simple "Abs" 1)
        il.Emit(OpCodes.Call, simple "MaxNative" 2)

    override _.Exceeds il =
        il.Emit(OpCodes.Call, create)
        il.Emit(OpCodes.Call, simple "GreaterThanAny" 2)

    override this.Operation(il, op, loadArgument) =
        let arguments () =
            for i in 0 .. Operation.arity op - 1 do
                loadArgument i

        let emit (target: MethodInfo) = il.Emit(OpCodes.Call, target)

        let call name =
            arguments ()
            emit (simple name (Operation.arity op))

        let operation name =
            arguments ()
            emit (operator vector name (Operation.arity op))

        let negate () =
            emit (operator vector "UnaryNegation" 1)

        let integerOperation name = emit (operator integers name 2)

        let pushBits i =
            loadArgument i
            emit reinterpret

        let fromBits () = emit reinterpretBack

        match op with
        | Op.Neg -> operation "UnaryNegation"
        | Op.Add -> operation "Addition"
        | Op.Sub -> operation "Subtraction"
        | Op.Mul -> operation "Multiply"
        | Op.Div -> operation "Division"
        | Op.Abs
        | Op.Sqrt
        | Op.Min
        | Op.Max -> call (string op)
        | Op.Less -> call "LessThan"
        | Op.LessEqual -> call "LessThanOrEqual"
        | Op.Equal -> call "Equals"
        | Op.And -> operation "BitwiseAnd"
        | Op.Or -> operation "BitwiseOr"
        | Op.Not -> operation "OnesComplement"
        | Op.Where -> call "ConditionalSelect"
        | Op.FusedMultiplyAdd ->
            arguments ()
            emit fma
        | Op.FusedNegateMultiplyAdd ->
            match negateMultiplyAdd with
            | Some instruction ->
                arguments ()
                emit instruction
            | None ->
                loadArgument 0
                negate ()
                loadArgument 1
                loadArgument 2
                emit fma
        | Op.FusedMultiplySubtract ->
            arguments ()

            match multiplySubtract with
            | Some instruction -> emit instruction
            | None ->
                negate ()
                emit fma
        | Op.Odd ->
            pushBits 0
            whole il 1L
            integerOperation "BitwiseAnd"
            whole il 1L
            emit (over integer "Equals" 2)
            fromBits ()
        | Op.FlipByHalfTurn ->
            pushBits 0
            pushBits 1
            whole il 2L
            integerOperation "BitwiseAnd"
            il.Emit(OpCodes.Ldc_I4, (if isSingle then 30 else 62))
            emit shiftLeft
            integerOperation "ExclusiveOr"
            fromBits ()
        | Op.PowerOfTwo ->
            pushBits 0
            whole il bits.Bias
            integerOperation "Addition"
            il.Emit(OpCodes.Ldc_I4, bits.FractionBits)
            emit shiftLeft
            fromBits ()
        | Op.Exponent ->
            pushBits 0
            whole il bits.Centre
            integerOperation "Addition"
            il.Emit(OpCodes.Ldc_I4, bits.FractionBits)
            emit shiftRight
            whole il bits.Shift
            integerOperation "BitwiseOr"
            fromBits ()
            this.Number(il, bits.ShiftValue)
            emit create
            emit (operator vector "Subtraction" 2)
        | Op.Mantissa ->
            pushBits 0
            pushBits 0
            whole il bits.Centre
            integerOperation "Addition"
            whole il bits.ExponentMask
            integerOperation "BitwiseAnd"
            integerOperation "Subtraction"
            whole il bits.One
            integerOperation "Addition"
            fromBits ()
        | _ ->
            match functions.GetMethod(string op) with
            | null -> failwith $"{owner.Name} has no {op}"
            | found ->
                arguments ()
                emit (found.MakeGenericMethod element)

[<RequireQualifiedAccess>]
module internal InstructionSets =

    /// The widths that this machine runs in hardware, widest first; one number at a time comes last.
    let available (element: Type) : InstructionSet list =
        [
            if Vector512.IsHardwareAccelerated then
                VectorSet(element, typeof<Vector512>, typedefof<Vector512<_>>, typeof<Lanes512>, 64)
            if Vector256.IsHardwareAccelerated then
                VectorSet(element, typeof<Vector256>, typedefof<Vector256<_>>, typeof<Lanes256>, 32)
            ScalarSet element
        ]
