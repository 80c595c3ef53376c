namespace Research

open System
open System.Reflection
open System.Reflection.Emit

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
