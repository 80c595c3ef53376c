namespace Research.Models

open System
open Research.Kernels

/// The parameters of one output of a Gaussian process: lengthscales [d], the standard deviation of the function and that of the noise.
type Hyperparameters =
    {
        Lengthscales: float[]
        Signal: float
        Noise: float
    }

/// A penalty that keeps hyperparameters where numbers stay sound: Σ_d (ln(ℓ_d/scale_d)/ln LengthscaleRatio)^Power
/// + (ln(signal/noise)/ln SignalToNoise)^Power. Next to nothing inside the ratios, a wall outside. Source: PILCO 0.9.
type Curb =
    {
        LengthscaleRatio: float
        SignalToNoise: float
        Power: float
    }

/// The marginal likelihood of Gaussian processes with the squared-exponential kernel of automatic relevance determination.
[<RequireQualifiedAccess>]
module Likelihood =

    /// ln ℓ, ln signal, ln noise: [d + 2].
    let pack (hyper: Hyperparameters) : float[] =
        Array.append (Array.map log hyper.Lengthscales) [| log hyper.Signal; log hyper.Noise |]

    /// Hyperparameters from what `pack` made of them.
    let unpack (logs: float[]) : Hyperparameters =
        let d = logs.Length - 2

        {
            Lengthscales = Array.init d (fun i -> exp logs[i])
            Signal = exp logs[d]
            Noise = exp logs[d + 1]
        }

    let private centre (inputs: float[,]) : float[] =
        let n = inputs.GetLength 0

        Array.init (inputs.GetLength 1) (fun j ->
            let mutable sum = 0.0

            for i in 0 .. n - 1 do
                sum <- sum + inputs[i, j]

            sum / float (max n 1))

    let private about (mean: float[]) (lengthscales: float[]) (inputs: float[,]) : float[,] =
        inputs |> Array2D.mapi (fun _ j x -> (x - mean[j]) / lengthscales[j])

    /// Half the squared length of each row.
    let private half (x: float[,]) =
        Array.init (x.GetLength 0) (fun i ->
            let mutable sum = 0.0

            for j in 0 .. x.GetLength 1 - 1 do
                sum <- sum + x[i, j] * x[i, j]

            0.5 * sum)

    /// Half the squared distances from the centre, together, up to which |a|² + |b|² − 2ab has the digits of |a − b|² that matter.
    let private far = 1e4

    /// exp(−½ Σ_d (a_d − b_d)²/ℓ_d²) of points a:[n, d] and b:[k, d] → [n, k]. By products about the centre of a, which are fast; by differences for
    /// points so far from it that products would lose digits. No entry depends on other points of b.
    let correlations (lengthscales: float[]) (a: float[,]) (b: float[,]) : float[,] =
        let n, k, d = a.GetLength 0, b.GetLength 0, a.GetLength 1
        let mean = centre a
        let inA, inB = about mean lengthscales a, about mean lengthscales b
        let ofA, ofB = half inA, half inB
        let c = SmallMatrix.mul inA (SmallMatrix.transpose inB)

        for i in 0 .. n - 1 do
            for j in 0 .. k - 1 do
                c[i, j] <-
                    if ofA[i] + ofB[j] <= far then
                        Math.Min(0.0, c[i, j] - ofA[i] - ofB[j])
                    else
                        let mutable square = 0.0

                        for l in 0 .. d - 1 do
                            let r = (a[i, l] - b[j, l]) / lengthscales[l]
                            square <- square + r * r

                        -0.5 * square

        GaussianSums.Exponentiate(SmallMatrix.span c)
        c

    /// The Cholesky factor of signal²·C + noise²·I with the least jitter of 0, 1e-12, 1e-11, … times signal² on the diagonal that makes it
    /// work, and that jitter; None where none up to 1e-4 does.
    let factor (hyper: Hyperparameters) (correlations: float[,]) : (float[,] * float) option =
        let n = correlations.GetLength 0
        let variance = hyper.Signal * hyper.Signal

        let attempt jitter =
            let k = Array2D.copy correlations
            let numbers = SmallMatrix.span k

            for i in 0 .. numbers.Length - 1 do
                numbers[i] <- variance * numbers[i]

            for i in 0 .. n - 1 do
                k[i, i] <- variance * (1.0 + jitter) + hyper.Noise * hyper.Noise

            if Matrix.Cholesky(SmallMatrix.span k, n) then
                Some(k, jitter * variance)
            else
                None

        if not (Double.IsFinite(variance + hyper.Noise * hyper.Noise)) then
            None
        else
            0.0 :: [ for e in -12 .. -4 -> 10.0 ** float e ] |> List.tryPick attempt

    /// −ln p(y | X) = ½ yᵀK⁻¹y + ½ ln|K| + ½ n ln 2π with K = signal²·C + noise²·I, and its derivatives with respect to ln ℓ, ln signal and
    /// ln noise. inputs:[n, d] targets:[n]; infinite with NaN derivatives where K has no Cholesky factor.
    /// Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), equations 2.30 and 5.9.
    let negativeLog (inputs: float[,]) (targets: float[]) (logs: float[]) : float * float[] =
        let n, d = inputs.GetLength 0, inputs.GetLength 1

        if targets.Length <> n || logs.Length <> d + 2 then
            invalidArg
                (nameof targets)
                $"inputs of {n}×{d} need {n} targets and {d + 2} hyperparameters, and got {targets.Length} and {logs.Length}"

        let hyper = unpack logs
        let c = correlations hyper.Lengthscales inputs inputs

        match factor hyper c with
        | None -> infinity, Array.create logs.Length nan
        | Some(l, _) ->
            let alpha = Array.copy targets
            Matrix.Solve(Span.op_Implicit (SmallMatrix.span l), alpha.AsSpan(), n, 1)

            let mutable value =
                0.5 * SmallMatrix.dot targets alpha + 0.5 * float n * log (2.0 * Math.PI)

            for i in 0 .. n - 1 do
                value <- value + log l[i, i]

            let inverse = Matrix.InverseOfFactor(Span.op_Implicit (SmallMatrix.span l), n)
            let variance = hyper.Signal * hyper.Signal
            let rows = Array.zeroCreate n
            let mutable trace, total = 0.0, 0.0

            // W = (K⁻¹ − ααᵀ) ∘ signal² C, in the place of C
            for i in 0 .. n - 1 do
                let mutable sum = 0.0

                for j in 0 .. n - 1 do
                    let w = inverse[i * n + j] - alpha[i] * alpha[j]
                    let weighted = w * variance * c[i, j]

                    if i = j then
                        trace <- trace + w

                    c[i, j] <- weighted
                    sum <- sum + weighted

                rows[i] <- sum
                total <- total + sum

            // Σ w (xᵢ − xⱼ)²/ℓ² by products about the centre, or by differences where these would lose digits
            let points = about (centre inputs) hyper.Lengthscales inputs
            let isNear = half points |> Array.forall (fun h -> 2.0 * h <= far)

            let products =
                if isNear then
                    SmallMatrix.mul c points
                else
                    Array2D.zeroCreate 0 0

            value,
            Array.init (d + 2) (fun k ->
                if k < d then
                    let mutable sum = 0.0

                    for i in 0 .. n - 1 do
                        if isNear then
                            sum <- sum + points[i, k] * (rows[i] * points[i, k] - products[i, k])
                        else
                            for j in 0 .. i - 1 do
                                let r = (inputs[i, k] - inputs[j, k]) / hyper.Lengthscales[k]
                                sum <- sum + c[i, j] * r * r

                    sum
                elif k = d then
                    total
                else
                    hyper.Noise * hyper.Noise * trace)

    /// The penalty of a curb and its derivatives, for the scales [d] that lengthscales are compared with.
    let curb (curb: Curb) (scales: float[]) (logs: float[]) : float * float[] =
        let d = scales.Length
        let gradient = Array.zeroCreate logs.Length
        let mutable value = 0.0
        let ofLength, ofSignal = log curb.LengthscaleRatio, log curb.SignalToNoise

        for i in 0 .. d - 1 do
            let ratio = (logs[i] - log scales[i]) / ofLength
            value <- value + Math.Pow(abs ratio, curb.Power)

            gradient[i] <-
                curb.Power * Math.Pow(abs ratio, curb.Power - 1.0) / ofLength
                * Math.CopySign(1.0, ratio)

        let ratio = (logs[d] - logs[d + 1]) / ofSignal

        let slope =
            curb.Power * Math.Pow(abs ratio, curb.Power - 1.0) / ofSignal
            * Math.CopySign(1.0, ratio)

        gradient[d] <- slope
        gradient[d + 1] <- -slope
        value + Math.Pow(abs ratio, curb.Power), gradient
