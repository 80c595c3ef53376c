namespace Research.Control

open System
open Research
open Research.Kernels

/// The scaled unscented transform: 2n + 1 points, at the mean and at a distance of α√(n + κ) standard deviations from it along the columns
/// of the root of the covariance.
type UnscentedOptions =
    {
        /// how far the points lie from the mean; 10⁻³ looks at the neighbourhood only, and costs as many digits as its square
        Alpha: float
        /// weight of the mean's point in covariances; 2 suits normal beliefs
        Beta: float
        Kappa: float
    }

/// The unscented Kalman filter, with additive noise: moments are those of points sent through the system, all in one batch; no derivatives.
/// Points are drawn anew for the update. Sources: Julier and Uhlmann (1997); Wan and van der Merwe (2000).
[<Sealed>]
type UnscentedKalmanFilter internal (options: UnscentedOptions, system: NoisySystem, prior: Estimate) =
    inherit
        StateEstimator(Belief(prior, Array2D.length1 system.V), system.Dynamics.ControlSize, Array2D.length1 system.V)

    let n, m, p =
        system.Dynamics.StateSize, system.Dynamics.ControlSize, Array2D.length1 system.V

    let count = 2 * n + 1
    let measure = Compile.compile n system.Measure
    let w, v = Covariance.flat system.W, Covariance.flat system.V
    let scale = options.Alpha * options.Alpha * (float n + options.Kappa)

    let meanWeight k =
        if k = 0 then 1.0 - float n / scale else 0.5 / scale

    let covarianceWeight k =
        meanWeight k
        + (if k = 0 then
               1.0 - options.Alpha * options.Alpha + options.Beta
           else
               0.0)

    let ofMean, ofCovariance =
        Array.init count meanWeight, Array.init count covarianceWeight

    let root = Array.zeroCreate<float>(n * n)
    let points = Array.zeroCreate<float>((n + m) * count)
    let images = Array.zeroCreate<float>(max n p * count)

    let foreseen, spread, joint =
        Array.zeroCreate<float> p, Array.zeroCreate<float>(p * p), Array.zeroCreate<float>(p * n)

    // deviations from the mean, one row a point: of the points, of their images, and of these with their weights
    let before = Array.zeroCreate<float>(count * n)

    let after, weighted =
        Array.zeroCreate<float>(count * max n p), Array.zeroCreate<float>(count * max n p)

    do
        Covariance.check
            "a filter"
            [
                if prior.Mean.Length <> n then
                    Some $"the prior mean has {prior.Mean.Length} numbers; the system has {n} states"

                if not (options.Alpha > 0.0 && scale > 0.0 && Double.IsFinite scale) then
                    Some
                        $"α = {options.Alpha} and κ = {options.Kappa} put the points nowhere: α > 0 and κ > −{n} are needed"

                Covariance.fault "the prior covariance" n prior.Covariance
            ]

    let draw (belief: Belief) =
        Covariance.root belief.Covariance n root
        let distance = sqrt scale

        for i in 0 .. n - 1 do
            for k in 0 .. count - 1 do
                let shift =
                    if k = 0 then 0.0
                    elif k <= n then distance * root[i * n + k - 1]
                    else -distance * root[i * n + k - 1 - n]

                before[k * n + i] <- shift
                points[i * count + k] <- belief.Mean[i] + shift

    /// Mean of the images, of `size` numbers each, and their deviations from it.
    let summarise (size: int) (mean: float[]) =
        for i in 0 .. size - 1 do
            let mutable sum = 0.0

            for k in 0 .. count - 1 do
                sum <- sum + ofMean[k] * images[i * count + k]

            mean[i] <- sum

            for k in 0 .. count - 1 do
                let deviation = images[i * count + k] - sum
                after[k * size + i] <- deviation
                weighted[k * size + i] <- ofCovariance[k] * deviation

    let rows (a: float[]) size = ReadOnlySpan<float>(a, 0, count * size)

    override this.Predict(control) =
        this.CheckControl control
        let belief = this.Belief
        draw belief

        for i in 0 .. m - 1 do
            Array.Fill(points, control[i], (n + i) * count, count)

        system.Dynamics.Step(ReadOnlySpan points, Span<float>(images, 0, n * count), count)
        summarise n belief.Mean
        Array.blit w 0 belief.Covariance 0 (n * n)
        Matrix.AddProduct(Span belief.Covariance, rows after n, rows weighted n, n, count, n, true)
        Array.Clear belief.Cross
        Matrix.AddProduct(Span belief.Cross, rows before n, rows weighted n, n, count, n, true)
        belief.Symmetrise()

    override this.Update(measurement) =
        this.CheckMeasurement measurement
        let belief = this.Belief
        draw belief

        measure.Run(
            ReadOnlySpan<float>(points, 0, n * count),
            ReadOnlySpan<float>.Empty,
            Span<float>(images, 0, p * count),
            count
        )

        summarise p foreseen
        Array.blit v 0 spread 0 (p * p)
        Matrix.AddProduct(Span spread, rows after p, rows weighted p, p, count, p, true)
        Array.Clear joint
        Matrix.AddProduct(Span joint, rows weighted p, rows before n, p, count, n, true)
        belief.CorrectBy(measurement, foreseen, spread, joint)

/// Unscented Kalman filters.
[<RequireQualifiedAccess>]
module UnscentedKalman =

    /// Points at 0.7 √n standard deviations: far enough to lose no digits, and with no negative weight in covariances, which so stay positive.
    let defaults: UnscentedOptions = { Alpha = 0.7; Beta = 2.0; Kappa = 0.0 }

    /// A filter from a prior belief. An exception where system and prior do not agree.
    let create (options: UnscentedOptions) (system: NoisySystem) (prior: Estimate) : UnscentedKalmanFilter =
        UnscentedKalmanFilter(options, system, prior)
