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
/// Points are drawn anew for the update. In square-root form (van der Merwe and Wan 2001), in which no covariance is subtracted: where a weight is
/// negative and would leave none that is positive, it is left out. Sources: Julier and Uhlmann (1997); Wan and van der Merwe (2000).
[<Sealed>]
type UnscentedKalmanFilter internal (options: UnscentedOptions, system: NoisySystem, prior: Estimate) =
    inherit
        StateEstimator(Belief(prior, Array2D.length1 system.V), system.Dynamics.ControlSize, Array2D.length1 system.V)

    let n, m, p =
        system.Dynamics.StateSize, system.Dynamics.ControlSize, Array2D.length1 system.V

    let count = 2 * n + 1
    let measure = Compile.compile n system.Measure
    let w, v = Covariance.rootOf system.W, Covariance.rootOf system.V
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

    let points = Array.zeroCreate<float>((n + m) * count)
    let images = Array.zeroCreate<float>(max n p * count)

    let foreseen = Array.zeroCreate<float> p

    // deviations from the mean, one row a point: of the points, and of their images
    let before, after =
        Array.zeroCreate<float>(count * n), Array.zeroCreate<float>(count * max n p)

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
        let root, distance = belief.Root, sqrt scale

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
                after[k * size + i] <- images[i * count + k] - sum

    override this.Predict(control) =
        this.CheckControl control
        let belief = this.Belief
        draw belief

        for i in 0 .. m - 1 do
            Array.Fill(points, control[i], (n + i) * count, count)

        system.Dynamics.Step(ReadOnlySpan points, Span<float>(images, 0, n * count), count)
        summarise n belief.Mean

        for i in 0 .. n - 1 do
            for j in 0 .. n - 1 do
                let mutable sum = 0.0

                for k in 0 .. count - 1 do
                    sum <- sum + ofCovariance[k] * before[k * n + i] * after[k * n + j]

                belief.Cross[i * n + j] <- sum

        belief.Gather(after, ofCovariance, w)

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
        belief.CorrectBy(measurement, foreseen, after, before, ofCovariance, v)

/// Unscented Kalman filters.
[<RequireQualifiedAccess>]
module UnscentedKalman =

    /// Points at 0.7 √n standard deviations: far enough to lose no digits, and with no negative weight in covariances.
    let defaults: UnscentedOptions = { Alpha = 0.7; Beta = 2.0; Kappa = 0.0 }

    /// A filter from a prior belief. An exception where system and prior do not agree.
    let create (options: UnscentedOptions) (system: NoisySystem) (prior: Estimate) : UnscentedKalmanFilter =
        UnscentedKalmanFilter(options, system, prior)
