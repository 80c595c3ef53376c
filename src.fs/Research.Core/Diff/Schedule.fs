namespace Research

open System.Collections.Generic

/// The order in which a program is computed. Any order that puts arguments first is right; a good one needs few values at a time, so that
/// they stay in registers.
[<RequireQualifiedAccess>]
module internal Schedule =

    /// Above this many outputs times instructions the search for an order of the outputs is not worth its time.
    let private searchLimit = 4_000_000L

    /// Orders the instructions depth first from the outputs, and the outputs by what each still needs when its turn comes: those that share
    /// most with what has just been computed come next.
    let order (program: Program) : Program =
        let n = program.Ops.Length
        let isLeaf i = Operation.arity program.Ops[i] = 0
        let placed = Array.zeroCreate<bool> n
        let visited = Array.create n -1
        let sorted = List<int>()
        let stack = Stack<struct (int * bool)>()

        let arguments i =
            [| program.A[i]; program.B[i]; program.C[i] |] |> Array.filter (fun j -> j >= 0)

        // longest chain below a node: the longer argument is computed first
        let depth = Array.zeroCreate<int> n

        for i in 0 .. n - 1 do
            if not (isLeaf i) then
                depth[i] <- 1 + Seq.max (arguments i |> Seq.map (fun j -> depth[j]))

        let deepestLast =
            Array.init n (fun i ->
                if isLeaf i then
                    [||]
                else
                    arguments i |> Array.sortBy (fun j -> depth[j]))

        /// walks what the output still needs; `visit` says whether a node is new
        let walk (root: int) (visit: int -> bool) (leave: int -> unit) =
            Tracing.check ()
            stack.Push(struct (root, false))

            while stack.Count > 0 do
                let struct (i, ready) = stack.Pop()

                if ready then
                    leave i
                elif visit i then
                    stack.Push(struct (i, true))

                    for j in deepestLast[i] do
                        stack.Push(struct (j, false))

        let place root =
            walk
                root
                (fun i ->
                    let isNew = not placed[i]
                    placed[i] <- true
                    isNew)
                sorted.Add

        let mutable round = 0

        let missing root =
            round <- round + 1
            let mutable count = 0

            walk
                root
                (fun i ->
                    if placed[i] || visited[i] = round then
                        false
                    else
                        visited[i] <- round
                        count <- count + 1
                        true)
                ignore

            count

        let waiting = List<int>(Seq.distinct program.Outputs)

        if int64 waiting.Count * int64 n > searchLimit then
            Seq.iter place waiting
        else
            while waiting.Count > 0 do
                let next = waiting |> Seq.minBy missing
                place next
                waiting.Remove next |> ignore

        let position = Array.zeroCreate<int> n
        Seq.iteri (fun place i -> position[i] <- place) sorted
        let order = sorted.ToArray()

        let moved (argument: int[]) =
            order
            |> Array.map (fun i ->
                if isLeaf i || argument[i] < 0 then
                    argument[i]
                else
                    position[argument[i]])

        { program with
            Ops = order |> Array.map (fun i -> program.Ops[i])
            A = moved program.A
            B = moved program.B
            C = moved program.C
            Values = order |> Array.map (fun i -> program.Values[i])
            Outputs = program.Outputs |> Array.map (fun i -> position[i])
            Guarded = program.Guarded |> Array.map (fun i -> position[i])
        }
