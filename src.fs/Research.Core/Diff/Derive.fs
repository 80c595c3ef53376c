namespace Research

open System
open System.Collections.Generic

/// Derivatives of traced graphs with respect to variables, as new graphs. A derivative that is zero whatever the numbers is never built, so
/// structural zeros cost nothing and can be read off: they are the constant 0.
[<RequireQualifiedAccess>]
module Derive =

    let rec private isSameNorm depth (x: Real) (y: Real) =
        Object.ReferenceEquals(x, y)
        || depth > 0
           && x.Op = y.Op
           && (match x.Op with
               | Op.Abs -> isSameNorm (depth - 1) x.A y.A
               | Op.Hypot -> isSameNorm (depth - 1) x.A y.A && isSameNorm (depth - 1) x.B y.B
               | _ -> false)

    /// The square of a size, |x|² or ‖x‖². It is smooth where the size itself is not, so it must not be differentiated through it.
    let private isSquaredNorm (node: Real) =
        (node.A.Op = Op.Abs || node.A.Op = Op.Hypot)
        && isSameNorm Trace.deepestNorm node.A node.B

    /// What a node depends on, and its derivative by each. Every rule holds to all orders: the derivative of what stands here is the second
    /// derivative. So nothing is made of a value that saturates (1 − tanh² is 0 where tanh is 1), no square overflows before its root is
    /// taken, and a guard hides nothing but the point that it guards.
    let private partials (node: Real) : struct (Real * Real) list =
        let a, b = node.A, node.B
        let zero, one = Real.Zero, Real.One
        let unary derivative = [ struct (a, derivative) ]
        let binary byA byB = [ struct (a, byA); struct (b, byB) ]

        /// what a function makes of a length, and 0 with all its derivatives where the length is 0
        let awayFromOrigin (length: Real) =
            let atOrigin = length .= zero
            let positive = Real.where atOrigin one length
            fun (quotient: Real -> Real) -> Real.where atOrigin zero (quotient positive)

        match node.Op with
        | Op.Neg -> unary (-one)
        | Op.Abs -> unary (Real.Signum a)
        | Op.Sqrt -> unary (0.5 / node)
        | Op.Exp -> unary node
        | Op.Log -> unary (1.0 / a)
        | Op.Log1p -> unary (1.0 / (1.0 + a))
        | Op.Expm1 -> unary (exp a)
        | Op.Sin -> unary (cos a)
        | Op.Cos -> unary (-(sin a))
        | Op.Tan -> unary (1.0 + node * node)
        | Op.Asin -> unary (1.0 / sqrt (1.0 - a * a))
        | Op.Acos -> unary (-1.0 / sqrt (1.0 - a * a))
        | Op.Atan -> unary (1.0 / (1.0 + a * a))
        | Op.Sinh -> unary (cosh a)
        | Op.Cosh -> unary (sinh a)
        | Op.Tanh -> unary (4.0 * Real.Unary(Op.LogisticDensity, 2.0 * a))
        | Op.Sigmoid -> unary (Real.Unary(Op.LogisticDensity, a))
        | Op.LogisticDensity -> unary (-(node * tanh (0.5 * a)))
        | Op.Softplus -> unary (Real.sigmoid a)
        | Op.Erf -> unary (2.0 / sqrt Math.PI * exp (-(a * a)))
        | Op.Add -> binary one one
        | Op.Sub -> binary one -one
        | Op.Mul when isSquaredNorm node -> Trace.components a |> List.map (fun x -> struct (x, 2.0 * x))
        | Op.Mul -> binary b a
        | Op.Div ->
            let inverse = 1.0 / b
            binary inverse -(node * inverse)
        | Op.Pow ->
            let slope = b * Real.Pow(a, b - 1.0)

            if b.IsConstant then
                unary slope
            else
                let atZero = a .= zero
                // x⁰ is 1 for every x, 0 among them, where the slope above would be 0·∞
                let byBase = Real.where (atZero &&& (b .= zero)) zero slope
                binary byBase (Real.where atZero zero (node * log (Real.where atZero one a)))
        | Op.Atan2 ->
            let away = awayFromOrigin (Real.hypot a b)
            binary (away (fun length -> b / length / length)) (away (fun length -> -(a / length / length)))
        | Op.Hypot ->
            let away = awayFromOrigin node

            Trace.components node
            |> List.map (fun x -> struct (x, away (fun length -> x / length)))
        | Op.Min ->
            let first = a .<= b
            binary (Real.where first one zero) (Real.where first zero one)
        | Op.Max ->
            let first = a .>= b
            binary (Real.where first one zero) (Real.where first zero one)
        | _ -> []

    let private isZero (x: Real) = x.IsConstant && x.Value = 0.0

    /// Whether a partial derivative of the operation can be infinite or NaN where its value is not wanted.
    let private isSingular (op: Op) =
        match op with
        | Op.Sqrt
        | Op.Exp
        | Op.Log
        | Op.Log1p
        | Op.Expm1
        | Op.Asin
        | Op.Acos
        | Op.Sinh
        | Op.Cosh
        | Op.Div
        | Op.Pow
        | Op.Atan2 -> true
        | _ -> false

    /// The condition c and the value y of where(c, y, 0) or where(not c, 0, y). Such derivatives come from branches; products and sums of
    /// them keep that form, so that a branch not taken adds 0 even where a derivative within it is infinite or NaN.
    let private guarded (x: Real) : struct (Real * Real) voption =
        if x.Op <> Op.Where then
            ValueNone
        elif isZero x.C then
            ValueSome(struct (x.A, x.B))
        elif isZero x.B then
            ValueSome(struct (Real.Unary(Op.Not, x.A), x.C))
        else
            ValueNone

    let private same (c: Real) (d: Real) =
        Object.ReferenceEquals(c, d)
        || c.Op = Op.Not && d.Op = Op.Not && Object.ReferenceEquals(c.A, d.A)

    let private isNegationOf (c: Real) (d: Real) =
        d.Op = Op.Not && Object.ReferenceEquals(d.A, c)

    /// where(condition, x, 0).
    let private onlyWhere (condition: Real) (x: Real) : Real =
        let choose (c: Real) y =
            if c.Op = Op.Not then
                Real.Where(Condition c.A, Real.Zero, y)
            else
                Real.Where(Condition c, y, Real.Zero)

        match guarded x with
        | ValueSome(struct (inner, y)) when not (same condition inner) ->
            choose (Real.Binary(Op.And, condition, inner)) y
        | ValueSome(struct (_, y)) -> choose condition y
        | ValueNone -> if isZero x then x else choose condition x

    let rec private times (partial: Real) (tangent: Real) : Real =
        match guarded partial, guarded tangent with
        | ValueSome(struct (condition, p)), _ -> onlyWhere condition (times p tangent)
        | _, ValueSome(struct (condition, t)) -> onlyWhere condition (times partial t)
        | _ -> partial * tangent

    /// a + b. `keep`: whether a singular derivative may yet be multiplied by the sum, so that its condition must be kept.
    let private plus (keep: bool) (a: Real) (b: Real) : Real =
        match guarded a, guarded b with
        | ValueSome(struct (c, x)), ValueSome(struct (d, y)) when same c d -> onlyWhere c (x + y)
        | ValueSome(struct (c, x)), ValueSome(struct (d, y)) when isNegationOf c d -> Real.Where(Condition c, x, y)
        | ValueSome(struct (c, x)), ValueSome(struct (d, y)) when isNegationOf d c -> Real.Where(Condition d, y, x)
        | ValueSome(struct (c, _)), ValueSome(struct (d, _)) when keep -> onlyWhere (Real.Binary(Op.Or, c, d)) (a + b)
        | _ -> a + b

    /// The given order without the nodes that no variable reaches.
    let private active (variables: Real[]) (nodes: Real[]) : Real[] =
        let reached = HashSet<Real>(variables, HashIdentity.Reference)

        nodes
        |> Array.filter (fun node ->
            let arity = Operation.arity node.Op

            arity > 0
            && not (Operation.isCondition node.Op)
            && (reached.Contains node.A
                || (arity > 1 && reached.Contains node.B)
                || (arity > 2 && reached.Contains node.C))
            && reached.Add node)

    /// Derivatives of every output along several directions at once. seeds:[variables][directions] holds the tangents of the variables;
    /// the result is [outputs][directions]. Forward mode: one pass, whatever the number of outputs.
    let forward (variables: Real[]) (seeds: Real[][]) (outputs: Real[]) : Real[][] =
        let directions = if seeds.Length = 0 then 0 else seeds[0].Length
        let none: Real[] = Array.create directions Real.Zero
        let tangents = Dictionary<Real, Real[]>(HashIdentity.Reference)
        Array.iter2 (fun variable seed -> tangents[variable] <- seed) variables seeds

        let tangentOf (node: Real) =
            match tangents.TryGetValue node with
            | true, tangent -> tangent
            | _ -> none

        let nodes = active variables (Trace.order outputs)
        let keep = nodes |> Array.exists (fun node -> isSingular node.Op)

        for node in nodes do
            if node.Op = Op.Where then
                let yes, no = tangentOf node.B, tangentOf node.C
                tangents[node] <- Array.map2 (fun y n -> Real.Where(Condition node.A, y, n)) yes no
            else
                let terms =
                    partials node
                    |> List.map (fun (struct (argument, partial)) -> struct (partial, tangentOf argument))

                tangents[node] <-
                    Array.init directions (fun k ->
                        terms
                        |> List.fold
                            (fun sum (struct (partial, tangent)) ->
                                if isZero partial || isZero tangent[k] then
                                    sum
                                else
                                    plus keep sum (times partial tangent[k]))
                            Real.Zero)

        Array.map tangentOf outputs

    /// Derivatives of weighted sums of the outputs by every variable. weights:[sums][outputs]; the result is [sums][variables]. Reverse
    /// mode: one pass a sum, whatever the number of variables.
    let reverse (variables: Real[]) (weights: Real[][]) (outputs: Real[]) : Real[][] =
        let nodes = active variables (Trace.order outputs)
        let isActive = HashSet<Real>(Seq.append variables nodes, HashIdentity.Reference)
        let exposed = HashSet<Real>(HashIdentity.Reference)

        for node in nodes do
            let leadsOn (argument: Real) =
                not (isNull (box argument)) && exposed.Contains argument

            if isSingular node.Op || leadsOn node.A || leadsOn node.B || leadsOn node.C then
                exposed.Add node |> ignore

        let known = Dictionary<Real, struct (Real * Real) list>(HashIdentity.Reference)

        let partialsOf node =
            match known.TryGetValue node with
            | true, found -> found
            | _ ->
                let fresh = partials node
                known[node] <- fresh
                fresh

        weights
        |> Array.map (fun weight ->
            let adjoints = Dictionary<Real, Real>(HashIdentity.Reference)

            let add (node: Real) (contribution: Real) =
                if isActive.Contains node && not (isZero contribution) then
                    adjoints[node] <-
                        match adjoints.TryGetValue node with
                        | true, sum -> plus (exposed.Contains node) sum contribution
                        | _ -> contribution

            Array.iter2 add outputs weight

            for i in nodes.Length - 1 .. -1 .. 0 do
                let node = nodes[i]

                match adjoints.TryGetValue node with
                | true, adjoint when node.Op = Op.Where ->
                    add node.B (onlyWhere node.A adjoint)
                    add node.C (onlyWhere (Real.Unary(Op.Not, node.A)) adjoint)
                | true, adjoint ->
                    for struct (argument, partial) in partialsOf node do
                        if not (isZero partial) then
                            add argument (times partial adjoint)
                | _ -> ()

            variables
            |> Array.map (fun variable ->
                match adjoints.TryGetValue variable with
                | true, adjoint -> adjoint
                | _ -> Real.Zero))

    let private unit n i =
        Array.init n (fun j -> if i = j then Real.One else Real.Zero)

    /// Rows of a Jacobian by reverse passes. A pass stops at other outputs, whose rows are known: positions that an integrator makes of
    /// velocities cost a few products instead of the whole way back.
    let private rowsByReverse (variables: Real[]) (outputs: Real[]) : Vec[] =
        let place = Dictionary<Real, int>(HashIdentity.Reference)

        outputs
        |> Array.iteri (fun i output ->
            if Operation.arity output.Op > 0 then
                place.TryAdd(output, i) |> ignore)

        let innerOf =
            outputs
            |> Array.mapi (fun i output ->
                Trace.order [ output ]
                |> Array.filter (fun node ->
                    match place.TryGetValue node with
                    | true, k -> k <> i && not (Object.ReferenceEquals(node, output))
                    | _ -> false))

        let rows = Array.zeroCreate<Vec> outputs.Length

        let plain =
            [|
                for i in 0 .. outputs.Length - 1 do
                    if innerOf[i].Length = 0 then
                        i
            |]

        reverse variables (Array.init plain.Length (unit plain.Length)) (plain |> Array.map (fun i -> outputs[i]))
        |> Array.iteri (fun k row -> rows[plain[k]] <- row)

        // an output comes after those inside it: fewer of them are inside those
        let rest =
            [| 0 .. outputs.Length - 1 |]
            |> Array.filter (fun i -> innerOf[i].Length > 0)
            |> Array.sortBy (fun i -> innerOf[i].Length)

        for i in rest do
            let inner = innerOf[i]
            let stand = Real.variables "y" inner.Length
            let cut = Trace.substitute inner stand [| outputs[i] |]
            let row = (reverse (Array.append variables stand) [| [| Real.One |] |] cut)[0]
            let partials = Trace.substitute stand inner row
            let sum = Array.copy partials[.. variables.Length - 1]

            inner
            |> Array.iteri (fun k node ->
                let weight = partials[variables.Length + k]

                if not (isZero weight) then
                    let other = rows[place[node]]

                    for j in 0 .. variables.Length - 1 do
                        if not (isZero other[j]) then
                            sum[j] <- sum[j] + weight * other[j])

            rows[i] <- sum

        rows

    /// Jacobian [outputs, variables], by whichever of the two modes takes fewer passes.
    let jacobian (variables: Real[]) (outputs: Real[]) : Mat =
        let n, m = variables.Length, outputs.Length

        if n <= m then
            let rows = forward variables (Array.init n (unit n)) outputs
            Array2D.init m n (fun i j -> rows[i][j])
        else
            let rows = rowsByReverse variables outputs
            Array2D.init m n (fun i j -> rows[i][j])

    /// Gradient of one output.
    let gradient (variables: Real[]) (output: Real) : Vec =
        (reverse variables [| [| Real.One |] |] [| output |])[0]

    /// Hessian of one output, forward over reverse; both triangles hold the same nodes.
    let hessian (variables: Real[]) (output: Real) : Mat =
        let n = variables.Length
        let rows = forward variables (Array.init n (unit n)) (gradient variables output)
        Array2D.init n n (fun i j -> if i >= j then rows[i][j] else rows[j][i])

    /// Which entries of a Jacobian or Hessian can be other than zero.
    let sparsity (derivative: Mat) : bool[,] =
        derivative |> Array2D.map (isZero >> not)
