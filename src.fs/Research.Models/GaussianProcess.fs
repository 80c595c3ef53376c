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

    /// Largest size of a number in the data.
    let private most = 1e100

    let internal check (inputs: float[,]) (targets: float[,]) : Result<unit, GaussianProcessFault> =
        let isFinite (a: float[,]) =
            a |> Seq.cast<float> |> Seq.forall Double.IsFinite

        let isOrdinary (a: float[,]) =
            a |> Seq.cast<float> |> Seq.forall (fun x -> abs x <= most)

        if inputs.GetLength 0 <> targets.GetLength 0 then
            Error(BadData $"{inputs.GetLength 0} inputs need as many targets, and got {targets.GetLength 0}")
        elif inputs.GetLength 1 = 0 || targets.GetLength 1 = 0 then
            Error(BadData $"inputs of {inputs.GetLength 1} numbers and targets of {targets.GetLength 1}: none may be 0")
        elif not (isFinite inputs && isFinite targets) then
            Error(BadData "inputs or targets hold numbers that are not finite")
        elif not (isOrdinary inputs) then
            Error(
                BadData $"an input is beyond {most:G1} in size, and squares of such numbers overflow: take other units"
            )
        elif not (isOrdinary targets) then
            Error(
                BadData $"a target is beyond {most:G1} in size, and squares of such numbers overflow: take other units"
            )
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

        let unfit =
            [
                for output, hyper in Array.indexed hyperparameters do
                    let wrong name (value: float) asked =
                        $"{name} of output {output} is {value}; it must be {asked}"

                    for j, l in Array.indexed hyper.Lengthscales do
                        if not (l > 0.0 && Double.IsFinite l) then
                            wrong $"lengthscale {j}" l "above 0, and finite"

                    if not (hyper.Signal > 0.0 && Double.IsFinite hyper.Signal) then
                        wrong "the signal" hyper.Signal "above 0, and finite"

                    if not (hyper.Noise >= 0.0 && Double.IsFinite hyper.Noise) then
                        wrong "the noise" hyper.Noise "0 or more, and finite"
            ]

        check inputs targets
        |> Result.bind (fun () ->
            if unfit.IsEmpty then
                Ok()
            else
                Error(BadData(String.concat "; " unfit)))
        |> Result.bind (fun () ->
            let factors =
                hyperparameters
                |> Array.map (fun hyper ->
                    Likelihood.factor hyper (Likelihood.correlations hyper.Lengthscales inputs inputs))

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

    /// Targets up to this size are 0: nothing says how large the function could be, and its likelihood grows without end as it shrinks.
    let private negligible = 1e-100

    /// Hyperparameters of an output whose targets are all 0: it stays 0, to 10⁻⁶.
    let private silent (inputs: float[,]) : Hyperparameters =
        {
            Lengthscales = inputScales inputs
            Signal = 1e-6
            Noise = 1e-7
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
    /// data. The bits do not depend on the number of cores. An output whose targets are all 0, such as the change of a state that never moves, is not
    /// trained: it has a signal of 1e-6 and a noise of 1e-7.
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
                    elif column |> Array.forall (fun y -> abs y <= negligible) then
                        silent inputs
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
            let variance = hyper.Signal * hyper.Signal

            let row =
                Likelihood.correlations hyper.Lengthscales (Array2D.init 1 d (fun _ j -> input[j])) inputs

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

            let c = Likelihood.correlations hyper.Lengthscales gp.Inputs inputs
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

    /// Least ratio of noise and signal in what moments make of the uncertainty: sums over pairs of data lose as many digits as its square has.
    let private leastNoise = 1e-4

    /// The process as bumps with its uncertainty, for moments at normal inputs.
    let bumps (gp: GaussianProcess) : Bumps[] =
        let n = gp.Count

        Array.init gp.OutputSize (fun a ->
            let hyper = gp.Hyperparameters[a]
            let inverse = Array2D.zeroCreate n n

            let factor =
                if hyper.Noise >= leastNoise * hyper.Signal then
                    gp.Factors[a]
                else
                    let held =
                        { hyper with
                            Noise = leastNoise * hyper.Signal
                        }

                    match Likelihood.factor held (Likelihood.correlations hyper.Lengthscales gp.Inputs gp.Inputs) with
                    | Some(factor, _) -> factor
                    | None -> gp.Factors[a]

            Matrix
                .InverseOfFactor(Span.op_Implicit (SmallMatrix.span factor), n)
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
        let e, d, n = gp.OutputSize, gp.InputSize, gp.Count
        let centres = Array.init (n * d) (fun k -> gp.Inputs[k / d, k % d])

        let scales =
            gp.Hyperparameters
            |> Array.map (fun hyper -> hyper.Lengthscales |> Array.map (fun l -> sqrt 0.5 / l))

        let weights =
            Array.init e (fun a ->
                let variance = gp.Hyperparameters[a].Signal ** 2.0
                gp.Weights[a] |> Array.map (fun w -> w * variance))

        { new Dynamics(e, d - e) with
            member _.Step(points, results, count) =
                points.Slice(0, e * count).CopyTo results

                for a in 0 .. e - 1 do
                    BumpSums.Add(
                        points,
                        count,
                        ReadOnlySpan centres,
                        ReadOnlySpan scales[a],
                        ReadOnlySpan weights[a],
                        results.Slice(a * count, count)
                    )

            member _.Linearise(points, results, count) =
                let slope = Array.zeroCreate d

                for p in 0 .. count - 1 do
                    for a in 0 .. e - 1 do
                        for j in 0 .. d - 1 do
                            slope[j] <- if j = a then 1.0 else 0.0

                        for i in 0 .. n - 1 do
                            let mutable square = 0.0

                            for j in 0 .. d - 1 do
                                let r = (points[j * count + p] - gp.Inputs[i, j]) * scales[a].[j]
                                square <- square + r * r

                            let bump = weights[a].[i] * exp -square

                            for j in 0 .. d - 1 do
                                // (x − z)/ℓ², of scales √½/ℓ
                                let s = scales[a].[j]
                                slope[j] <- slope[j] - 2.0 * bump * (points[j * count + p] - gp.Inputs[i, j]) * s * s

                        for j in 0 .. d - 1 do
                            results[(a * d + j) * count + p] <- slope[j]

            member _.HasCurvature = false

            member _.AddCurvature(_, _, _) =
                invalidOp "the mean of a Gaussian process gives no second derivatives here"

            member _.Traced = ValueNone
        }
