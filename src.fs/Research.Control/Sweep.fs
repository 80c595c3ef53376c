namespace Research.Control

open System
open Research
open Research.Kernels

/// The backward pass of a solver: from the local model of all steps to the laws of all steps and the value function at the start.
[<AbstractClass>]
type internal Sweep() =

    /// Goes to the end of the trajectory, with regularisation μ in state space and in control space.
    abstract Begin: workspace: Workspace * state: float * control: float -> unit

    /// Sweeps on over the steps from before `last` down to `first`. Returns −1, or a step at which Quu was not positive definite.
    abstract Continue: workspace: Workspace * first: int * last: int -> int

    /// Sweeps over all steps.
    member this.Run(workspace: Workspace, state: float, control: float) : int =
        this.Begin(workspace, state, control)
        this.Continue(workspace, 0, workspace.Row - 1)

    /// kᵀQu and ½kᵀQuu k, summed: the expected change of cost is α·Linear + α²·Quadratic.
    abstract Linear: float

    abstract Quadratic: float

    /// Mean of max |k|/(|u|+1).
    abstract Gradient: float

    /// Gradient [n] and Hessian [n·n] of the value function at the start.
    abstract Vx: float[]

    abstract Vxx: float[]

[<RequireQualifiedAccess>]
module internal Sweep =

    /// Any size, limits, gaps and second derivatives: dense linear algebra.
    type private DenseSweep(problem: Problem, backward: BackwardPass, gap: int, curvature: AddCurvature | null) =
        inherit Sweep()
        let lower, upper = problem.Limits |> Option.defaultValue ([||], [||])

        let mutable stateMu, controlMu = 0.0, 0.0

        override _.Begin(workspace, state, control) =
            stateMu <- state
            controlMu <- control
            backward.Begin(workspace.TerminalGradient, workspace.TerminalHessian)

        override _.Continue(workspace, first, last) =
            backward.Continue(
                workspace.Model,
                workspace.ModelSize,
                workspace.Laws,
                workspace.LawSize,
                first,
                last,
                stateMu,
                controlMu,
                lower,
                upper,
                curvature,
                gap
            )

        override _.Linear = backward.Linear
        override _.Quadratic = backward.Quadratic
        override _.Gradient = backward.Gradient
        override _.Vx = backward.Vx.ToArray()
        override _.Vxx = backward.Vxx.ToArray()

    /// Small systems: the recursion is itself a traced function of the local model, so that entries of it which are the same at every step
    /// (most of a Jacobian's zeros and ones, a quadratic cost's Hessian) fold into the code.
    type private TracedSweep(problem: Problem, model: Real[]) =
        inherit Sweep()

        let n, m = problem.Dynamics.StateSize, problem.Dynamics.ControlSize
        let pairs = n * (n + 1) / 2

        let pair i j =
            let i, j = max i j, min i j in i * (i + 1) / 2 + j

        // places in a record of the recursion
        let place =
            {|
                Vxx = n
                State = n + pairs
                Control = n + pairs + 1
                Linear = n + pairs + 2
                Quadratic = n + pairs + 3
                Gradient = n + pairs + 4
                Pivot = n + pairs + 5
                K = n + pairs + 6
            |}

        let inputs = place.K
        let rows = place.K + m + m * n

        let kernel =
            let state = Real.variables "v" inputs
            let parameters = Real.variables "p" (model.Length + 2 * m + m)

            let entry i =
                if model[i].IsConstant then model[i] else parameters[i]

            let matrix first rows columns : Mat =
                Array2D.init rows columns (fun i j -> entry (first + i * columns + j))

            let vector first count : Vec =
                Array.init count (fun i -> entry (first + i))

            let u: Vec = Array.sub parameters model.Length m
            let lower: Vec = Array.sub parameters (model.Length + m) m
            let upper: Vec = Array.sub parameters (model.Length + 2 * m) m
            let fx, fu = matrix 0 n n, matrix (n * n) n m
            let lx, lu = vector (n * n + n * m) n, vector (n * n + n * m + n) m
            let second = n * n + n * m + n + m

            let lxx, lux, luu =
                matrix second n n, matrix (second + n * n) m n, matrix (second + n * n + m * n) m m

            let v = Array.sub state 0 n
            let vv: Mat = Array2D.init n n (fun i j -> state[place.Vxx + pair i j])
            let muX, muU = state[place.State], state[place.Control]

            let symmetric (a: Mat) : Mat =
                Array2D.init (Array2D.length1 a) (Array2D.length1 a) (fun i j -> a[max i j, min i j])

            let add (a: Mat) (b: Mat) : Mat =
                Array2D.init (Array2D.length1 a) (Array2D.length2 a) (fun i j -> a[i, j] + b[i, j])

            let addV (a: Vec) (b: Vec) : Vec = Array.map2 (+) a b
            let scale (s: Real) (a: Mat) : Mat = Array2D.map (Sparse.mul s) a
            let fxT, fuT = Mat.transpose fx, Mat.transpose fu
            let va, vb = Sparse.matmul vv fx, Sparse.matmul vv fu
            let qx = addV lx (Array.init n (fun i -> Sparse.dot fxT[i, *] v))
            let qu = addV lu (Array.init m (fun i -> Sparse.dot fuT[i, *] v))
            let qxx = symmetric (add lxx (Sparse.matmul fxT va))
            let qux = add lux (Sparse.matmul fuT va)
            let quu = symmetric (add luu (Sparse.matmul fuT vb))
            let quxF = add qux (scale muX (Sparse.matmul fuT fx))

            let quuF =
                add (add quu (scale muX (Sparse.matmul fuT fu))) (scale muU (Mat.identity m))

            let k, gain: Vec * Mat =
                if m = 1 then
                    let inverse = 1.0 / quuF[0, 0]
                    let free = -(qu[0] * inverse)

                    if problem.Limits.IsSome then
                        let low, high = lower[0] - u[0], upper[0] - u[0]
                        let isFree = (free .>= low) &&& (free .<= high)

                        [| Real.clamp low high free |],
                        Array2D.map (fun q -> Real.where isFree (-(q * inverse)) Real.Zero) quxF
                    else
                        [| free |], Array2D.map (fun q -> -(q * inverse)) quxF
                else
                    let solve (b: Vec) =
                        Mat.solveCholesky quuF (Array.map (~-) b)

                    let columns = Array.init n (fun j -> solve quxF[*, j])
                    solve qu, Array2D.init m n (fun i j -> columns[j][i])

            let pivots =
                if m = 1 then
                    [| quuF[0, 0] |]
                else
                    (let l = Mat.cholesky quuF in Array.init m (fun i -> l[i, i]))

            let curved = Array.init m (fun i -> Sparse.dot quu[i, *] k)
            let gainT = Mat.transpose gain
            let bracket = addV curved qu
            let bracketM = add (Sparse.matmul quu gain) qux
            let quxT = Mat.transpose qux

            let v' =
                Array.init n (fun i -> qx[i] + Sparse.dot gainT[i, *] bracket + Sparse.dot quxT[i, *] k)

            let vv' = add qxx (add (Sparse.matmul gainT bracketM) (Sparse.matmul quxT gain))

            let size =
                Array.map2 (fun (k: Real) u -> abs k / (abs u + 1.0)) k u
                |> Array.reduce Real.max

            Compile.graph
                state
                parameters
                (Array.concat
                    [
                        v'
                        [|
                            for i in 0 .. n - 1 do
                                for j in 0..i do
                                    if i = j then vv'[i, i] else 0.5 * (vv'[i, j] + vv'[j, i])
                        |]
                        [|
                            muX
                            muU
                            state[place.Linear] + Sparse.dot k qu
                            state[place.Quadratic] + 0.5 * Sparse.dot k curved
                            state[place.Gradient] + size
                            Real.min state[place.Pivot] (Array.reduce Real.min pivots)
                        |]
                        k
                        gain |> Seq.cast<Real> |> Seq.toArray
                    ])

        let records = Array.zeroCreate<float>((problem.Horizon + 1) * rows)
        let last = problem.Horizon * rows

        override _.Begin(workspace, state, control) =
            Array.blit workspace.TerminalGradient 0 records 0 n

            for i in 0 .. n - 1 do
                for j in 0..i do
                    records[place.Vxx + pair i j] <- workspace.TerminalHessian[i * n + j]

            records[place.State] <- state
            records[place.Control] <- control
            records[place.Linear] <- 0.0
            records[place.Quadratic] <- 0.0
            records[place.Gradient] <- 0.0
            records[place.Pivot] <- infinity

        override _.Continue(workspace, first, end') =
            let from, steps = (problem.Horizon - end') * rows, end' - first

            kernel.FoldBack(
                Span(records, from, (steps + 1) * rows),
                rows,
                ReadOnlySpan(workspace.Model, first * workspace.ModelSize, steps * workspace.ModelSize),
                workspace.ModelSize,
                steps
            )

            let laws, lawSize = workspace.Laws, workspace.LawSize
            let count = m + m * n

            for t in first .. end' - 1 do
                let from = (problem.Horizon - t) * rows + place.K
                let law = t * lawSize + n + m

                for i in 0 .. count - 1 do
                    laws[law + i] <- records[from + i]

            if records[from + steps * rows + place.Pivot] > 0.0 then
                -1
            else
                first

        override _.Linear = records[last + place.Linear]
        override _.Quadratic = records[last + place.Quadratic]
        override _.Gradient = records[last + place.Gradient] / float problem.Horizon
        override _.Vx = Array.sub records last n

        override _.Vxx =
            Array.init (n * n) (fun k -> records[last + place.Vxx + pair (k / n) (k % n)])

    /// True where straight-line code of the recursion beats dense linear algebra: small, but not four states and one control, for which the
    /// dense backward pass has a step of its own.
    let private isTracedFaster n m =
        n * n * (n + m) <= 300 && not (n = 4 && m = 1)

    /// A sweep over a trajectory with gaps, of which that of each step stands at the place `gap` in its law.
    let ofGaps (problem: Problem) (backward: BackwardPass) (gap: int) (curvature: AddCurvature | null) : Sweep =
        DenseSweep(problem, backward, gap, curvature)

    /// The fastest sweep that the problem allows. `model` holds the expressions of the local model where they are traced.
    let create
        (problem: Problem)
        (backward: BackwardPass)
        (model: Real[] option)
        (curvature: AddCurvature | null)
        : Sweep =
        let n, m = problem.Dynamics.StateSize, problem.Dynamics.ControlSize

        match model, curvature with
        | Some model, null when isTracedFaster n m && (m = 1 || problem.Limits.IsNone) -> TracedSweep(problem, model)
        | _ -> DenseSweep(problem, backward, -1, curvature)
