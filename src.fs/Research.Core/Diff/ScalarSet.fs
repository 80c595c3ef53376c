namespace Research

open System
open System.Reflection
open System.Reflection.Emit
open Research.Kernels

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
