namespace Research

open System
open System.Collections.Generic
open System.Text

/// Walks over traced graphs: order, substitution, evaluation, counts, listings.
[<RequireQualifiedAccess>]
module Trace =

    let private arguments (node: Real) =
        match Operation.arity node.Op with
        | 0 -> [||]
        | 1 -> [| node.A |]
        | 2 -> [| node.A; node.B |]
        | _ -> [| node.A; node.B; node.C |]

    /// Every node that the outputs depend on, arguments before what uses them.
    let order (outputs: Real seq) : Real[] =
        let sorted = List<Real>()
        let seen = HashSet<Real>(HashIdentity.Reference)
        let pending = Stack<struct (Real * bool)>()

        for output in outputs do
            pending.Push(struct (output, false))

            while pending.Count > 0 do
                if seen.Count &&& 4095 = 0 then
                    Tracing.check ()

                let struct (node, ready) = pending.Pop()

                if ready then
                    sorted.Add node
                elif seen.Add node then
                    pending.Push(struct (node, true))

                    match Operation.arity node.Op with
                    | 0 -> ()
                    | 1 -> pending.Push(struct (node.A, false))
                    | 2 ->
                        pending.Push(struct (node.B, false))
                        pending.Push(struct (node.A, false))
                    | _ ->
                        pending.Push(struct (node.C, false))
                        pending.Push(struct (node.B, false))
                        pending.Push(struct (node.A, false))

        sorted.ToArray()

    /// Trees of hypots are looked through to this depth: enough for norms of 4096 numbers.
    let internal deepestNorm = 12

    /// The numbers of whose squares x² is the sum, where x is a size or a norm: hypot(hypot(a, b), |c|)² = a² + b² + c².
    let internal components (x: Real) : Real list =
        let rec look depth (x: Real) rest =
            match x.Op with
            | Op.Abs when depth > 0 -> look (depth - 1) x.A rest
            | Op.Hypot when depth > 0 -> look (depth - 1) x.A (look (depth - 1) x.B rest)
            | _ -> x :: rest

        look deepestNorm x []

    /// The node of the same operation on other arguments, simplified anew.
    let private rebuild (node: Real) (a: Real) (b: Real) (c: Real) : Real =
        match node.Op with
        | Op.Neg -> -a
        | Op.Add -> a + b
        | Op.Sub -> a - b
        | Op.Mul -> a * b
        | Op.Div -> a / b
        | Op.Pow -> Real.Pow(a, b)
        | Op.Where -> Real.Where(Condition a, b, c)
        | op when Operation.arity op = 1 -> Real.Unary(op, a)
        | op -> Real.Binary(op, a, b)

    /// The outputs with each variable replaced by the expression at its place. Simplifies again what the replacement makes simpler.
    let substitute (variables: Real[]) (replacements: Real[]) (outputs: Real[]) : Real[] =
        if variables.Length <> replacements.Length then
            invalidArg
                (nameof replacements)
                $"Trace.substitute needs one replacement a variable, and got {replacements.Length} for {variables.Length}"

        let image = Dictionary<Real, Real>(HashIdentity.Reference)
        Array.iter2 (fun variable replacement -> image[variable] <- replacement) variables replacements

        for node in order outputs do
            if not (image.ContainsKey node) then
                let arity = Operation.arity node.Op

                if arity = 0 then
                    image[node] <- node
                else
                    let a = image[node.A]
                    let b = if arity > 1 then image[node.B] else a
                    let c = if arity > 2 then image[node.C] else a

                    let unchanged =
                        Object.ReferenceEquals(a, node.A)
                        && (arity < 2 || Object.ReferenceEquals(b, node.B))
                        && (arity < 3 || Object.ReferenceEquals(c, node.C))

                    image[node] <- if unchanged then node else rebuild node a b c

        outputs |> Array.map (fun output -> image[output])

    /// The values of the outputs at given values of the variables, node by node: slow, exact to the letter of `Operation.evaluate`, and the
    /// reference for compiled code.
    let evaluate (variables: Real[]) (values: float[]) (outputs: Real[]) : float[] =
        if variables.Length <> values.Length then
            invalidArg
                (nameof values)
                $"Trace.evaluate needs one value a variable, and got {values.Length} for {variables.Length}"

        let value = Dictionary<Real, float>(HashIdentity.Reference)
        Array.iter2 (fun variable number -> value[variable] <- number) variables values

        for node in order outputs do
            if not (value.ContainsKey node) then
                value[node] <-
                    match node.Op with
                    | Op.Constant -> node.Value
                    | Op.Variable ->
                        invalidArg (nameof variables) $"the variable '{node}' is used, but no value is given for it"
                    | op ->
                        let arity = Operation.arity op
                        let a = value[node.A]
                        let b = if arity > 1 then value[node.B] else 0.0
                        let c = if arity > 2 then value[node.C] else 0.0
                        Operation.evaluate op a b c

        outputs |> Array.map (fun output -> value[output])

    /// The number that a constant stands for; an exception of anything that still holds a variable.
    let number (x: Real) : float =
        if x.IsConstant then
            x.Value
        else
            invalidArg (nameof x) $"{x} still depends on a variable: it has no value of its own"

    /// How many nodes of each operation the outputs take, most frequent first, shared nodes counted once.
    let operationCounts (outputs: Real seq) : (Op * int)[] =
        order outputs
        |> Array.countBy (fun node -> node.Op)
        |> Array.sortByDescending snd

    /// A readable listing, one line a node: `t3 = Mul t1 t2`.
    let listing (outputs: Real[]) : string =
        let text = StringBuilder()
        let names = Dictionary<Real, string>(HashIdentity.Reference)

        for node in order outputs do
            if Operation.arity node.Op = 0 then
                names[node] <- node.ToString()
            else
                let name = $"t{names.Count}"

                let given =
                    arguments node
                    |> Array.map (fun argument -> names[argument])
                    |> String.concat " "

                names[node] <- name

                text.Append(name).Append(" = ").Append(node.Op).Append(' ').AppendLine given
                |> ignore

        for i in 0 .. outputs.Length - 1 do
            text.Append("result ").Append(i).Append(" = ").AppendLine names[outputs[i]]
            |> ignore

        text.ToString()
