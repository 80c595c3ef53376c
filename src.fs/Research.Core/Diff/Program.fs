namespace Research

open System
open System.Collections.Generic

/// A graph as the compiler sees it: instructions in order, each naming its arguments by index.
type internal Program =
    {
        Ops: Op[]
        A: int[]
        B: int[]
        C: int[]
        /// value of a constant
        Values: float[]
        Outputs: int[]
        /// instructions whose size must stay below a limit for the fast functions to hold
        Guarded: int[]
        Limit: float
    }

/// Collects instructions, each distinct one once.
type internal ProgramBuilder() =
    let ops = List<Op>()
    let a = List<int>()
    let b = List<int>()
    let c = List<int>()
    let values = List<float>()
    let known = Dictionary<struct (Op * int * int * int * int64), int>()

    member _.Emit(op, x, y, z, value: float) =
        let x, y = if Operation.isCommutative op && x > y then y, x else x, y
        let key = struct (op, x, y, z, BitConverter.DoubleToInt64Bits value)

        match known.TryGetValue key with
        | true, index -> index
        | _ ->
            if ops.Count &&& 4095 = 0 then
                Tracing.check ()

            let index = ops.Count
            known.Add(key, index)
            ops.Add op
            a.Add x
            b.Add y
            c.Add z
            values.Add value
            index

    member this.Constant value =
        this.Emit(Op.Constant, -1, -1, -1, value)

    member this.Unary op x = this.Emit(op, x, -1, -1, 0.0)
    member this.Binary op x y = this.Emit(op, x, y, -1, 0.0)
    member this.Ternary op x y z = this.Emit(op, x, y, z, 0.0)
    member this.Add x y = this.Binary Op.Add x y
    member this.Sub x y = this.Binary Op.Sub x y
    member this.Mul x y = this.Binary Op.Mul x y
    member this.Div x y = this.Binary Op.Div x y
    member this.Fma x y z = this.Ternary Op.FusedMultiplyAdd x y z
    member this.Where test yes no = this.Ternary Op.Where test yes no

    /// Σ cᵢ zⁱ by Estrin's scheme: pairs first, so that the terms do not wait for each other.
    member this.Polynomial (z: int) (coefficients: float list) =
        let rec combine power (terms: int list) =
            match terms with
            | [ last ] -> last
            | _ ->
                let pair (terms: int list) =
                    match terms with
                    | [ low; high ] -> this.Fma high power low
                    | _ -> terms.Head

                terms |> List.chunkBySize 2 |> List.map pair |> combine (this.Mul power power)

        coefficients |> List.map this.Constant |> combine z

    /// The program with multiplications fused where their only use is an addition, and without the instructions that nothing uses.
    member _.Finish(outputs: int[], guarded: int[], limit) =
        let ops, a, b, c, values =
            ops.ToArray(), a.ToArray(), b.ToArray(), c.ToArray(), values.ToArray()

        let uses = Array.zeroCreate ops.Length

        let use' i =
            if i >= 0 then
                uses[i] <- uses[i] + 1

        let leaf i = Operation.arity ops[i] = 0

        for i in 0 .. ops.Length - 1 do
            if not (leaf i) then
                use' a[i]
                use' b[i]
                use' c[i]

        Array.iter use' outputs
        Array.iter use' guarded

        for i in 0 .. ops.Length - 1 do
            let x, y = a[i], b[i]
            let product j = ops[j] = Op.Mul && uses[j] = 1

            let fuse op p rest =
                ops[i] <- op
                a[i] <- a[p]
                b[i] <- b[p]
                c[i] <- rest

            match ops[i] with
            | Op.Add when product y -> fuse Op.FusedMultiplyAdd y x
            | Op.Add when product x -> fuse Op.FusedMultiplyAdd x y
            | Op.Sub when product y -> fuse Op.FusedNegateMultiplyAdd y x
            | Op.Sub when product x -> fuse Op.FusedMultiplySubtract x y
            | _ -> ()

        let needed = Array.zeroCreate ops.Length
        Array.iter (fun i -> needed[i] <- true) outputs

        for i in ops.Length - 1 .. -1 .. 0 do
            if needed[i] && not (leaf i) then
                for j in [| a[i]; b[i]; c[i] |] do
                    if j >= 0 then
                        needed[j] <- true

        let kept = Array.filter (fun i -> needed[i]) [| 0 .. ops.Length - 1 |]
        let place = Array.create ops.Length -1
        Array.iteri (fun position i -> place[i] <- position) kept

        let moved (arguments: int[]) =
            kept
            |> Array.map (fun i ->
                if leaf i || arguments[i] < 0 then
                    arguments[i]
                else
                    place[arguments[i]])

        {
            Ops = kept |> Array.map (fun i -> ops[i])
            A = moved a
            B = moved b
            C = moved c
            Values = kept |> Array.map (fun i -> values[i])
            Outputs = outputs |> Array.map (fun i -> place[i])
            Guarded = guarded |> Array.filter (fun i -> needed[i]) |> Array.map (fun i -> place[i])
            Limit = limit
        }
