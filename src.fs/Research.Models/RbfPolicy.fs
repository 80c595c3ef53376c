namespace Research.Models

open System
open Research.Kernels

/// A policy of radial basis functions, in the form of a Gaussian process without uncertainty: u_a = Σᵢ βᵢ exp(−½ Σ_d (x_d − z_id)²/ℓ_d²)
/// with β = (K + 10⁻⁴ I)⁻¹ y, so that it passes near the targets y at the centres z.
type RbfPolicy =
    {
        /// z, [n, d]
        Centres: float[,]
        /// y, [n, e]
        Targets: float[,]
        /// ℓ, [e, d]
        Lengthscales: float[,]
    }

/// Moments of such policies at normal inputs, with derivatives with respect to all parameters.
/// Source: Deisenroth and Rasmussen, PILCO (ICML 2011), §3.1; the two small numbers are those of PILCO 0.9.
[<RequireQualifiedAccess>]
module RbfPolicy =

    let private noise = 1e-4
    let private jitter = 1e-6

    /// Parameters: the centres, the targets and the logarithms of the lengthscales, each row after row.
    let pack (policy: RbfPolicy) : float[] =
        let flat (a: float[,]) = Array.ofSeq (Seq.cast<float> a)

        Array.concat
            [
                flat policy.Centres
                flat policy.Targets
                flat (Array2D.map log policy.Lengthscales)
            ]

    /// The policy of parameters: n centres of d numbers, e controls.
    let unpack (n: int) (d: int) (e: int) (parameters: float[]) : RbfPolicy =
        if parameters.Length <> n * d + n * e + e * d then
            invalidArg
                (nameof parameters)
                $"a policy of {n} centres of {d} numbers with {e} controls has {n * d + n * e + e * d} parameters, and got {parameters.Length}"

        let part from rows columns =
            Array2D.init rows columns (fun i j -> parameters[from + i * columns + j])

        {
            Centres = part 0 n d
            Targets = part (n * d) n e
            Lengthscales = Array2D.map exp (part (n * d + n * e) e d)
        }

    /// K and the factor of K + noise I, of one control; weights are NaN where there is none.
    let private weigh (centres: float[,]) (lengthscales: float[]) (targets: float[]) =
        let n = targets.Length
        let k = Likelihood.correlations lengthscales centres centres
        let factor = Array2D.copy k

        for i in 0 .. n - 1 do
            factor[i, i] <- factor[i, i] + noise

        let weights = Array.copy targets

        if Matrix.Cholesky(SmallMatrix.span factor, n) then
            Matrix.Solve(Span.op_Implicit (SmallMatrix.span factor), weights.AsSpan(), n, 1)
        else
            Array.Fill(weights, nan)

        k, factor, weights

    /// The policy as bumps, one set a control.
    let bumps (policy: RbfPolicy) : Bumps[] =
        Array.init (policy.Targets.GetLength 1) (fun a ->
            let lengthscales = policy.Lengthscales[a, *]
            let _, _, weights = weigh policy.Centres lengthscales policy.Targets[*, a]

            {
                Points = policy.Centres
                Lengthscales = lengthscales
                Variance = 1.0
                Weights = weights
                Reduction = None
            })

    /// The control at a state.
    let act (policy: RbfPolicy) : float[] -> float[] =
        let parts = bumps policy

        fun x ->
            parts
            |> Array.map (fun part ->
                let mutable sum = 0.0

                for i in 0 .. part.Weights.Length - 1 do
                    let mutable square = 0.0

                    for j in 0 .. x.Length - 1 do
                        let r = (x[j] - part.Points[i, j]) / part.Lengthscales[j]
                        square <- square + r * r

                    sum <- sum + part.Weights[i] * exp (-0.5 * square)

                sum)

    /// The way back of the weights of one control: derivatives with respect to centres, logarithms of lengthscales and targets.
    let private pullWeights
        (policy: RbfPolicy)
        (a: int)
        (k: float[,])
        (factor: float[,])
        (weights: float[])
        (derivatives: BumpSlopes)
        (ofCentres: float[,])
        (ofTargets: float[,])
        (ofLogs: float[,])
        =
        let n, d = policy.Centres.GetLength 0, policy.Centres.GetLength 1
        // y = (K + noise I) β: ȳ = (K + noise I)⁻¹ β̄, K̄ = −ȳ βᵀ
        let ofY = Array.copy derivatives.OfWeights
        Matrix.Solve(Span.op_Implicit (SmallMatrix.span factor), ofY.AsSpan(), n, 1)

        for j in 0 .. d - 1 do
            ofLogs[a, j] <- ofLogs[a, j] + derivatives.OfLogLengthscales[j]

        for i in 0 .. n - 1 do
            ofTargets[i, a] <- ofTargets[i, a] + ofY[i]

            for j in 0 .. d - 1 do
                ofCentres[i, j] <- ofCentres[i, j] + derivatives.OfPoints[i, j]

            for other in 0 .. i - 1 do
                let both = -(ofY[i] * weights[other] + ofY[other] * weights[i]) * k[i, other]

                for j in 0 .. d - 1 do
                    let l = policy.Lengthscales[a, j]
                    let r = (policy.Centres[i, j] - policy.Centres[other, j]) / l
                    ofCentres[i, j] <- ofCentres[i, j] - both * r / l
                    ofCentres[other, j] <- ofCentres[other, j] + both * r / l
                    ofLogs[a, j] <- ofLogs[a, j] + both * r * r

    /// Policies of n centres of d numbers with e controls, by their parameters.
    let family (n: int) (d: int) (e: int) : MomentFamily =
        let rooms = BumpRooms(d, n)

        let at (parameters: float[]) =
            let policy = unpack n d e parameters

            let weighed =
                Array.init e (fun a -> weigh policy.Centres policy.Lengthscales[a, *] policy.Targets[*, a])

            let parts =
                weighed
                |> Array.mapi (fun a (_, _, weights) ->
                    {
                        Points = policy.Centres
                        Lengthscales = policy.Lengthscales[a, *]
                        Variance = 1.0
                        Weights = weights
                        Reduction = None
                    })

            let prepared =
                parts
                |> Array.map (fun part -> Bump(part.Lengthscales, 1.0, part.Weights, null))

            let derivatives = parts |> Array.map (fun _ -> BumpSlopes(n, d))

            let apply x =
                let moments, back = BumpsAdjoint.apply parts prepared rooms derivatives x

                for a in 0 .. e - 1 do
                    moments.Covariance[a, a] <- moments.Covariance[a, a] + jitter

                moments, back

            let gradient () =
                let ofCentres, ofTargets, ofLogs =
                    Array2D.zeroCreate n d, Array2D.zeroCreate n e, Array2D.zeroCreate e d

                weighed
                |> Array.iteri (fun a (k, factor, weights) ->
                    pullWeights policy a k factor weights derivatives[a] ofCentres ofTargets ofLogs)

                [ ofCentres; ofTargets; ofLogs ] |> Seq.collect (Seq.cast<float>) |> Array.ofSeq

            {
                Inputs = d
                Outputs = e
                Apply = apply
            },
            gradient

        {
            Parameters = n * d + n * e + e * d
            Inputs = d
            Outputs = e
            At = at
        }
