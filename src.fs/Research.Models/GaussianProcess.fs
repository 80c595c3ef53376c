namespace Research.Models

open System
open System.Threading
open Research
open Research.Kernels

/// Why data do not make a Gaussian process.
type GaussianProcessFault =
    /// sizes that do not agree, or numbers that are not finite
    | BadData of string
    /// the covariance of the data has no Cholesky factor with any jitter that is tried
    | Singular of output: int

/// How hyperparameters are found.
type TrainingOptions =
    {
        /// starts from drawn hyperparameters, beside the one from the scales of the data
        Restarts: int
        MaxIterations: int
        Curb: Curb
        Seed: int
        /// ends the training after the iteration that runs, with the hyperparameters found so far
        Cancellation: CancellationToken
    }

/// A Gaussian process for every output, conditioned on data, with mean zero before any.
type GaussianProcess =
    {
        /// [n, d]
        Inputs: float[,]
        /// [n, e]
        Targets: float[,]
        Hyperparameters: Hyperparameters[]
        /// Cholesky factors of signal²·C + noise²·I, one an output
        Factors: float[,][]
        /// K⁻¹y, one an output
        Weights: float[][]
        /// what had to be added to the diagonal, one an output
        Jitter: float[]
    }

    /// number of data, n
    member this.Count = this.Inputs.GetLength 0
    /// d
    member this.InputSize = this.Inputs.GetLength 1
    /// e
    member this.OutputSize = this.Targets.GetLength 1

/// A prediction at one input, for every output: the mean, how unsure it is (epistemic variance), and the noise (aleatoric variance).
type Prediction =
    {
        Mean: float[]
        Epistemic: float[]
        Aleatoric: float[]
    }

/// Regression with Gaussian processes: k(x, z) = signal² exp(−½ Σ_d (x_d − z_d)²/ℓ_d²).
/// Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), algorithm 2.1.
[<RequireQualifiedAccess>]
module GaussianProcess =

    /// The curb of PILCO 0.9.
    let defaults =
        {
            Restarts = 0
            MaxIterations = 300
            Curb =
                {
                    LengthscaleRatio = 100.0
                    SignalToNoise = 1000.0
                    Power = 30.0
                }
            Seed = 0
            Cancellation = CancellationToken.None
        }

    let internal check (inputs: float[,]) (targets: float[,]) : Result<unit, GaussianProcessFault> =
        let isFinite (a: float[,]) =
            a |> Seq.cast<float> |> Seq.forall Double.IsFinite

        if inputs.GetLength 0 <> targets.GetLength 0 then
            Error(BadData $"{inputs.GetLength 0} inputs need as many targets, and got {targets.GetLength 0}")
        elif inputs.GetLength 1 = 0 || targets.GetLength 1 = 0 then
            Error(BadData $"inputs of {inputs.GetLength 1} numbers and targets of {targets.GetLength 1}: none may be 0")
        elif not (isFinite inputs && isFinite targets) then
            Error(BadData "inputs or targets hold numbers that are not finite")
        else
            Ok()

    let private solve (factor: float[,]) (targets: float[]) =
        let weights = Array.copy targets
        Matrix.Solve(Span.op_Implicit (SmallMatrix.span factor), weights.AsSpan(), weights.Length, 1)
        weights

    /// The posterior with given hyperparameters, one an output. inputs:[n, d] targets:[n, e]; n = 0 is the prior.
    let condition
        (hyperparameters: Hyperparameters[])
        (inputs: float[,])
        (targets: float[,])
        : Result<GaussianProcess, GaussianProcessFault> =
        let d, e = inputs.GetLength 1, targets.GetLength 1

        if
            hyperparameters.Length <> e
            || hyperparameters |> Array.exists (fun hyper -> hyper.Lengthscales.Length <> d)
        then
            invalidArg
                (nameof hyperparameters)
                $"{e} outputs of {d} numbers need as many hyperparameters, and got {hyperparameters.Length}"

        check inputs targets
        |> Result.bind (fun () ->
            let factors =
                hyperparameters
                |> Array.map (fun hyper ->
                    let points = Likelihood.standardise inputs hyper.Lengthscales
                    Likelihood.factor hyper (Likelihood.correlations points points))

            match Array.tryFindIndex Option.isNone factors with
            | Some output -> Error(Singular output)
            | None ->
                let factors, jitter = factors |> Array.map Option.get |> Array.unzip

                Ok
                    {
                        Inputs = inputs
                        Targets = targets
                        Hyperparameters = hyperparameters
                        Factors = factors
                        Weights = Array.init e (fun a -> solve factors[a] targets[*, a])
                        Jitter = jitter
                    })

    /// Standard deviation with n − 1; a stand-in where it is 0 or there is none.
    let private spread (values: float[]) =
        let n = values.Length
        let mean = if n = 0 then 0.0 else Array.average values
        let square = values |> Array.sumBy (fun v -> (v - mean) * (v - mean))
        let deviation = if n > 1 then sqrt (square / float (n - 1)) else 0.0
        let size = Array.fold (fun m v -> max m (abs v)) 0.0 values

        if deviation > 1e-10 * size && deviation > 0.0 then
            deviation
        elif size > 0.0 then
            size
        else
            1.0

    /// The scales that lengthscales are compared with: standard deviations of the inputs.
    let inputScales (inputs: float[,]) : float[] =
        Array.init (inputs.GetLength 1) (fun j -> spread inputs[*, j])

    /// Hyperparameters from the scales of the data: ℓ the spread of the inputs, the signal that of the targets, the noise a tenth of it.
    let initial (inputs: float[,]) (targets: float[]) : Hyperparameters =
        let signal = spread targets

        {
            Lengthscales = inputScales inputs
            Signal = signal
            Noise = signal / 10.0
        }

    /// Hyperparameters of greatest marginal likelihood under the curb, for one output, from given ones; and the value −ln p plus penalty.
    /// By `Bfgs`: from 30 random starts on recorded data, MathNet's minimiser of limited memory finds as good values in fewer evaluations
    /// (1296 and 1715), but it ends with an exception where a line search meets a likelihood that is not finite.
    let train
        (options: TrainingOptions)
        (inputs: float[,])
        (targets: float[])
        (start: Hyperparameters)
        : Hyperparameters * float =
        let scales = inputScales inputs

        let objective logs =
            let value, gradient = Likelihood.negativeLog inputs targets logs
            let penalty, slope = Likelihood.curb options.Curb scales logs
            value + penalty, Array.map2 (+) gradient slope

        let search start =
            Bfgs.minimise
                { Bfgs.defaults with
                    MaxIterations = options.MaxIterations
                    GradientTolerance = 1e-5
                    ValueTolerance = 1e-11
                    Progress = fun _ _ _ -> not options.Cancellation.IsCancellationRequested
                }
                objective
                start

        let rng = Rng.OfSeed options.Seed
        let first = Likelihood.pack start

        let starts =
            first
            :: [
                for _ in 1 .. options.Restarts -> first |> Array.map (fun v -> v + rng.Normal())
            ]

        let best =
            starts
            |> List.map search
            |> List.minBy (fun found -> if Double.IsNaN found.Value then infinity else found.Value)

        Likelihood.unpack best.X, best.Value

    /// Trains hyperparameters for every output, each on a core of its own, from those given or from the scales of the data, and conditions on the
    /// data. The bits do not depend on the number of cores.
    let fitFrom
        (options: TrainingOptions)
        (start: Hyperparameters[] option)
        (inputs: float[,])
        (targets: float[,])
        : Result<GaussianProcess, GaussianProcessFault> =
        check inputs targets
        |> Result.bind (fun () ->
            let hyperparameters =
                Array.Parallel.init (targets.GetLength 1) (fun a ->
                    let column = targets[*, a]

                    let start =
                        match start with
                        | Some given -> given[a]
                        | None -> initial inputs column

                    if column.Length = 0 then
                        start
                    else
                        fst (train options inputs column start))

            condition hyperparameters inputs targets)

    /// Trains hyperparameters from the scales of the data, and conditions on the data. inputs:[n, d] targets:[n, e].
    let fit (options: TrainingOptions) (inputs: float[,]) (targets: float[,]) = fitFrom options None inputs targets

    /// The process after one more input [d] with its targets [e], with the same hyperparameters: a row is added to each factor, in n²
    /// operations. Where the new point coincides with an old one so closely that there is no factor, everything is factored again.
    let append
        (input: float[])
        (targets: float[])
        (gp: GaussianProcess)
        : Result<GaussianProcess, GaussianProcessFault> =
        let n, d, e = gp.Count, gp.InputSize, gp.OutputSize

        if input.Length <> d || targets.Length <> e then
            invalidArg
                (nameof input)
                $"a process of {d} inputs and {e} outputs got {input.Length} and {targets.Length} numbers"

        let inputs =
            Array2D.init (n + 1) d (fun i j -> if i < n then gp.Inputs[i, j] else input[j])

        let all =
            Array2D.init (n + 1) e (fun i j -> if i < n then gp.Targets[i, j] else targets[j])

        let grow a =
            let hyper = gp.Hyperparameters[a]
            let points = Likelihood.standardise inputs hyper.Lengthscales
            let last = Array2D.init 1 d (fun _ j -> points[n, j])
            let variance = hyper.Signal * hyper.Signal
            let row = Likelihood.correlations last points
            let side = Array2D.init n 1 (fun i _ -> variance * row[0, i])
            let old = gp.Factors[a]
            Matrix.SolveLower(Span.op_Implicit (SmallMatrix.span old), SmallMatrix.span side, n, 1)
            let mutable pivot = variance + hyper.Noise * hyper.Noise + gp.Jitter[a]

            for i in 0 .. n - 1 do
                pivot <- pivot - side[i, 0] * side[i, 0]

            if pivot > 0.0 && Double.IsFinite pivot then
                Some(
                    Array2D.init (n + 1) (n + 1) (fun i j ->
                        if i < n && j < n then old[i, j]
                        elif i = n && j < n then side[j, 0]
                        elif i = n then sqrt pivot
                        else 0.0)
                )
            else
                None

        check inputs all
        |> Result.bind (fun () ->
            let factors = Array.init e grow

            if Array.exists Option.isNone factors then
                condition gp.Hyperparameters inputs all
            else
                let factors = Array.map Option.get factors

                Ok
                    { gp with
                        Inputs = inputs
                        Targets = all
                        Factors = factors
                        Weights = Array.init e (fun a -> solve factors[a] all[*, a])
                    })

    /// Means and variances at inputs [k, d], one prediction an input.
    let predict (gp: GaussianProcess) (inputs: float[,]) : Prediction[] =
        let k, e = inputs.GetLength 0, gp.OutputSize

        if inputs.GetLength 1 <> gp.InputSize then
            invalidArg (nameof inputs) $"a process of {gp.InputSize} inputs got {inputs.GetLength 1}"

        let mean, variance = Array2D.zeroCreate k e, Array2D.zeroCreate k e

        for a in 0 .. e - 1 do
            let hyper = gp.Hyperparameters[a]
            let n = gp.Count

            let both =
                Array2D.init (n + k) gp.InputSize (fun i j -> if i < n then gp.Inputs[i, j] else inputs[i - n, j])

            let points = Likelihood.standardise both hyper.Lengthscales
            let c = Likelihood.correlations points[.. n - 1, *] points[n.., *]
            let signal = hyper.Signal * hyper.Signal

            for i in 0 .. n - 1 do
                for j in 0 .. k - 1 do
                    c[i, j] <- signal * c[i, j]
                    mean[j, a] <- mean[j, a] + gp.Weights[a].[i] * c[i, j]

            Matrix.SolveLower(Span.op_Implicit (SmallMatrix.span gp.Factors[a]), SmallMatrix.span c, n, k)

            for j in 0 .. k - 1 do
                variance[j, a] <- signal

                for i in 0 .. n - 1 do
                    variance[j, a] <- variance[j, a] - c[i, j] * c[i, j]

        Array.init k (fun j ->
            {
                Mean = mean[j, *]
                Epistemic = Array.map (fun v -> Math.Max(v, 0.0)) variance[j, *]
                Aleatoric = gp.Hyperparameters |> Array.map (fun hyper -> hyper.Noise * hyper.Noise)
            })

    /// The process as bumps with its uncertainty, for moments at normal inputs.
    let bumps (gp: GaussianProcess) : Bumps[] =
        let n = gp.Count

        Array.init gp.OutputSize (fun a ->
            let hyper = gp.Hyperparameters[a]
            let inverse = Array2D.zeroCreate n n

            Matrix
                .InverseOfFactor(Span.op_Implicit (SmallMatrix.span gp.Factors[a]), n)
                .AsSpan()
                .CopyTo(SmallMatrix.span inverse)

            {
                Points = gp.Inputs
                Lengthscales = hyper.Lengthscales
                Variance = hyper.Signal * hyper.Signal
                Weights = gp.Weights[a]
                Reduction = Some inverse
            })

    /// The moments of the process at normal inputs; noise is not part of the covariance.
    let moments (gp: GaussianProcess) : MomentMap = MomentMatching.ofBumps (bumps gp)

    /// The mean as dynamics x' = x + f(x, u), for a process from [x u] to differences of x: what solvers of optimal control take.
    let dynamics (gp: GaussianProcess) : Dynamics =
        let e, d = gp.OutputSize, gp.InputSize
        let parts = bumps gp

        let at (point: float[]) (value: float[]) (slope: float[,]) =
            for a in 0 .. e - 1 do
                let part = parts[a]
                value[a] <- point[a]

                for j in 0 .. d - 1 do
                    slope[a, j] <- if j = a then 1.0 else 0.0

                for i in 0 .. part.Weights.Length - 1 do
                    let mutable square = 0.0

                    for j in 0 .. d - 1 do
                        let r = (point[j] - part.Points[i, j]) / part.Lengthscales[j]
                        square <- square + r * r

                    let bump = part.Weights[i] * part.Variance * exp (-0.5 * square)
                    value[a] <- value[a] + bump

                    for j in 0 .. d - 1 do
                        let l = part.Lengthscales[j]
                        slope[a, j] <- slope[a, j] - bump * (point[j] - part.Points[i, j]) / (l * l)

        { new Dynamics(e, d - e) with
            member _.Step(points, results, count) =
                let point, value, slope =
                    Array.zeroCreate d, Array.zeroCreate e, Array2D.zeroCreate e d

                for p in 0 .. count - 1 do
                    for j in 0 .. d - 1 do
                        point[j] <- points[j * count + p]

                    at point value slope

                    for a in 0 .. e - 1 do
                        results[a * count + p] <- value[a]

            member _.Linearise(points, results, count) =
                let point, value, slope =
                    Array.zeroCreate d, Array.zeroCreate e, Array2D.zeroCreate e d

                for p in 0 .. count - 1 do
                    for j in 0 .. d - 1 do
                        point[j] <- points[j * count + p]

                    at point value slope

                    for a in 0 .. e - 1 do
                        for j in 0 .. d - 1 do
                            results[(a * d + j) * count + p] <- slope[a, j]

            member _.HasCurvature = false

            member _.AddCurvature(_, _, _) =
                invalidOp "the mean of a Gaussian process gives no second derivatives here"

            member _.Traced = ValueNone
        }
