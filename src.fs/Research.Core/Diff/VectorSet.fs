namespace Research

open System
open System.Reflection
open System.Reflection.Emit
open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open Research.Kernels

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
