namespace Research.Models

open System
open System.Threading
open Research
open Research.Kernels

/// The fully independent training conditional: a Gaussian process whose data speak through m inducing inputs z. With K_mm = L Lᵀ,
/// V = L⁻¹ K_mn, Λ = diag(K_nn − VᵀV) + noise²·I and B = I + V Λ⁻¹ Vᵀ: β = L⁻ᵀ B⁻¹ V Λ⁻¹ y, and the uncertainty is
/// s − k(x)ᵀ L⁻ᵀ (I − B⁻¹) L⁻¹ k(x). B is well conditioned, where K_mm + K_mn Λ⁻¹ K_nm = L B Lᵀ may be worse than K_mm.
/// Source: Snelson and Ghahramani, Sparse Gaussian Processes using Pseudo-inputs (NIPS 2006).
[<RequireQualifiedAccess>]
module SparseGaussianProcess =

    /// on the diagonal of K_mm, as PILCO 0.9 has it
    let private ridge = 1e-6

    /// What one output is made of.
    type private Parts =
        {
            /// K_mn, [m, n]
            Across: float[,]
            /// K_mm without its ridge
            Inner: float[,]
            /// L⁻¹, [m, m]
            Whitening: float[,]
            /// V, [m, n]
            Whitened: float[,]
            /// V Λ⁻¹, [m, n]
            Weighted: float[,]
            /// Cholesky factor of B
            Factor: float[,]
            /// Λ
            Noise: float[]
            /// B⁻¹ V Λ⁻¹ y
            Weights: float[]
        }

    let private readOnly (a: float[,]) : ReadOnlySpan<float> = Span.op_Implicit (SmallMatrix.span a)

    let private identity (m: int) =
        Array2D.init m m (fun i j -> if i = j then 1.0 else 0.0)

    let private parts
        (hyper: Hyperparameters)
        (inputs: float[,])
        (targets: float[])
        (inducing: float[,])
        : Parts option =
        let n, m, d = inputs.GetLength 0, inducing.GetLength 0, inputs.GetLength 1
        let variance = hyper.Signal * hyper.Signal

        let inner =
            Likelihood.correlations hyper.Lengthscales inducing inducing
            |> Array2D.map (fun c -> variance * c)

        let across =
            Likelihood.correlations hyper.Lengthscales inducing inputs
            |> Array2D.map (fun c -> variance * c)

        let innerFactor = Array2D.copy inner

        for i in 0 .. m - 1 do
            innerFactor[i, i] <- innerFactor[i, i] + ridge

        if not (Matrix.Cholesky(SmallMatrix.span innerFactor, m)) then
            None
        else
            let whitened = Array2D.copy across
            Matrix.SolveLower(readOnly innerFactor, SmallMatrix.span whitened, m, n)

            let noise =
                Array.init n (fun i ->
                    let mutable sum = variance + hyper.Noise * hyper.Noise

                    for k in 0 .. m - 1 do
                        sum <- sum - whitened[k, i] * whitened[k, i]

                    sum)

            let weighted = Array2D.init m n (fun k i -> whitened[k, i] / noise[i])
            let factor = identity m
            SmallMatrix.addProduct factor false 1.0 weighted (SmallMatrix.transpose whitened)

            if
                Array.forall (fun v -> v > 0.0) noise
                && Matrix.Cholesky(SmallMatrix.span factor, m)
            then
                let weights = SmallMatrix.mulVec weighted targets
                Matrix.Solve(readOnly factor, weights.AsSpan(), m, 1)
                let whitening = identity m
                Matrix.SolveLower(readOnly innerFactor, SmallMatrix.span whitening, m, m)

                Some
                    {
                        Across = across
                        Inner = inner
                        Whitening = whitening
                        Whitened = whitened
                        Weighted = weighted
                        Factor = factor
                        Noise = noise
                        Weights = weights
                    }
            else
                None

    /// Refuses inducing inputs that are none, or not of the inputs' size.
    let private checkInducing (inputs: float[,]) (inducing: float[,]) =
        let d, m, found = inputs.GetLength 1, inducing.GetLength 0, inducing.GetLength 1

        if m = 0 || found <> d then
            invalidArg
                (nameof inducing)
                $"inputs of {d} numbers need one inducing input of {d} or more, and got {m} of {found}"

    /// −ln p(y) of one output, and its derivatives with respect to the inducing inputs [m, d]; infinite with NaN where a matrix has no
    /// factor. With Q = VᵀV and r = (Q + Λ)⁻¹ y = Λ⁻¹(y − Vᵀ B⁻¹ V Λ⁻¹ y), all derivatives are traces of ½((Q + Λ)⁻¹ − r rᵀ) with dQ off
    /// the diagonal.
    let negativeLog
        (hyper: Hyperparameters)
        (inputs: float[,])
        (targets: float[])
        (inducing: float[,])
        : float * float[,] =
        let n, m, d = inputs.GetLength 0, inducing.GetLength 0, inputs.GetLength 1
        checkInducing inputs inducing

        if targets.Length <> n || hyper.Lengthscales.Length <> d then
            invalidArg
                (nameof targets)
                $"inputs of {n}×{d} need {n} targets and {d} lengthscales, and got {targets.Length} and {hyper.Lengthscales.Length}"

        match parts hyper inputs targets inducing with
        | None -> infinity, Array2D.create m d nan
        | Some p ->
            let fitted = SmallMatrix.mulVec (SmallMatrix.transpose p.Whitened) p.Weights
            let r = Array.init n (fun i -> (targets[i] - fitted[i]) / p.Noise[i])

            let mutable value =
                0.5 * SmallMatrix.dot targets r + 0.5 * float n * log (2.0 * Math.PI)

            for i in 0 .. n - 1 do
                value <- value + 0.5 * log p.Noise[i]

            for k in 0 .. m - 1 do
                value <- value + log p.Factor[k, k]

            // U = K_mm⁻¹ K_mn = L⁻ᵀ V; M = (Q + Λ)⁻¹ − r rᵀ without its diagonal D: dφ = Σ M_ij dQ_ij/2 over i ≠ j.
            // ∂φ/∂K_mn = U (M − D), ∂φ/∂K_mm = −½ U (M − D) Uᵀ, with U (Q + Λ)⁻¹ = L⁻ᵀ B⁻¹ V Λ⁻¹
            let u = SmallMatrix.mulTransposed p.Whitening p.Whitened
            let inner = Array2D.copy p.Weighted
            Matrix.Solve(readOnly p.Factor, SmallMatrix.span inner, m, n)
            let solved = SmallMatrix.mulTransposed p.Whitening inner
            let along = SmallMatrix.mulVec u r

            let diagonal =
                Array.init n (fun i ->
                    let mutable sum = 0.0

                    for k in 0 .. m - 1 do
                        sum <- sum + p.Whitened[k, i] * inner[k, i]

                    (1.0 - sum) / p.Noise[i] - r[i] * r[i])

            let ofAcross =
                Array2D.init m n (fun k i -> solved[k, i] - along[k] * r[i] - u[k, i] * diagonal[i])

            let ofInner = SmallMatrix.mul ofAcross (SmallMatrix.transpose u)
            let gradient = Array2D.zeroCreate m d

            for k in 0 .. m - 1 do
                for j in 0 .. d - 1 do
                    let l = hyper.Lengthscales[j]
                    let mutable sum = 0.0

                    for i in 0 .. n - 1 do
                        sum <- sum - ofAcross[k, i] * p.Across[k, i] * (inducing[k, j] - inputs[i, j])

                    for i in 0 .. m - 1 do
                        let both = 0.5 * (ofInner[k, i] + ofInner[i, k])
                        sum <- sum + both * p.Inner[k, i] * (inducing[k, j] - inducing[i, j])

                    gradient[k, j] <- sum / (l * l)

            value, gradient

    let private inverse (factor: float[,]) : float[,] =
        let n = factor.GetLength 0
        let result = Array2D.zeroCreate n n
        Matrix.InverseOfFactor(readOnly factor, n).AsSpan().CopyTo(SmallMatrix.span result)
        result

    /// The process as bumps at its inducing inputs, one [m, d] an output, with its uncertainty, for moments at normal inputs: what
    /// MomentMatching.ofBumps takes. hyperparameters, inducing: one an output. inputs:[n, d] targets:[n, e].
    let bumps
        (hyperparameters: Hyperparameters[])
        (inputs: float[,])
        (targets: float[,])
        (inducing: float[,][])
        : Result<Bumps[], GaussianProcessFault> =
        let e = targets.GetLength 1

        if hyperparameters.Length <> e || inducing.Length <> e then
            invalidArg
                (nameof inducing)
                $"{e} outputs got {hyperparameters.Length} hyperparameters and {inducing.Length} sets of inducing inputs"

        Array.iter (checkInducing inputs) inducing

        GaussianProcess.check inputs targets
        |> Result.bind (fun () ->
            let all =
                Array.init e (fun a -> parts hyperparameters[a] inputs targets[*, a] inducing[a])

            match Array.tryFindIndex Option.isNone all with
            | Some output -> Error(Singular output)
            | None ->
                Ok(
                    Array.init e (fun a ->
                        let part = all[a].Value
                        // I − B⁻¹, then between L⁻ᵀ and L⁻¹
                        let known = identity part.Weights.Length
                        SmallMatrix.add known -1.0 (inverse part.Factor)

                        let reduction =
                            SmallMatrix.mulTransposed part.Whitening (SmallMatrix.mul known part.Whitening)

                        SmallMatrix.symmetrise reduction

                        {
                            Points = inducing[a]
                            Lengthscales = hyperparameters[a].Lengthscales
                            Variance = hyperparameters[a].Signal * hyperparameters[a].Signal
                            Weights = SmallMatrix.mulVec (SmallMatrix.transpose part.Whitening) part.Weights
                            Reduction = Some reduction
                        })
                ))

    /// Inducing inputs [m, d] shared by all outputs, of least total −ln p(y), from given ones; and that total. Outputs are shared among the cores,
    /// with the same bits. A search that is cancelled ends after the iteration that runs, with what it has.
    let optimise
        (cancellation: CancellationToken)
        (maxIterations: int)
        (hyperparameters: Hyperparameters[])
        (inputs: float[,])
        (targets: float[,])
        (start: float[,])
        : float[,] * float =
        let m, d = start.GetLength 0, start.GetLength 1

        let shape (x: float[]) =
            Array2D.init m d (fun i j -> x[i * d + j])

        let objective x =
            let parts =
                hyperparameters
                |> Array.Parallel.mapi (fun a hyper -> negativeLog hyper inputs targets[*, a] (shape x))

            let gradient = Array2D.zeroCreate m d

            for _, slope in parts do
                SmallMatrix.add gradient 1.0 slope

            Array.sumBy fst parts, Array.ofSeq (Seq.cast<float> gradient)

        let found =
            Bfgs.minimise
                { Bfgs.defaults with
                    MaxIterations = maxIterations
                    Progress = fun _ _ _ -> not cancellation.IsCancellationRequested
                }
                objective
                (Array.ofSeq (Seq.cast<float> start))

        shape found.X, found.Value
