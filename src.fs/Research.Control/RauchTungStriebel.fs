namespace Research.Control

open MathNet.Numerics.LinearAlgebra

/// What all measurements, earlier and later ones, tell about the state at one time.
type SmoothedStep =
    {
        Estimate: Estimate
        /// covariance of the next state with this one, given all measurements, [n,n]; zeros at the last time
        LagOne: float[,]
    }

/// The smoother of Rauch, Tung and Striebel (1965), backward over what a filter recorded: with G = Cov(xₜ, xₜ₊₁) (P⁻ₜ₊₁)⁻¹,
///
///     x̂ₜ ← x̂ₜ + G (x̂ₜ₊₁ − x⁻ₜ₊₁)        Pₜ ← Pₜ + G (Pₜ₊₁ − P⁻ₜ₊₁) Gᵀ
///
/// Exact after the Kalman filter. After the extended filter it is the extended smoother, after the unscented one the unscented smoother
/// (Särkkä 2008): only the covariance of neighbouring states matters.
[<RequireQualifiedAccess>]
module RauchTungStriebel =

    /// The inverse of a covariance, on the space where it is not 0.
    let private pseudoInverse (a: Matrix<float>) =
        let scale = a.Diagonal().Map(fun d -> if d > 0.0 then 1.0 / sqrt d else 0.0)
        let scaled = a.MapIndexed(fun i j v -> v * scale[i] * scale[j])
        let eigen = scaled.Evd Symmetricity.Symmetric
        let values = eigen.EigenValues.Map(fun value -> value.Real)
        let cut = 1e-14 * float a.RowCount * values.Maximum()

        let inverse = values.Map(fun value -> if value > cut then 1.0 / value else 0.0)

        let half = eigen.EigenVectors

        let result =
            half * Matrix<float>.Build.DenseOfDiagonalVector inverse * half.Transpose()

        result.MapIndexed(fun i j v -> v * scale[i] * scale[j])

    /// What the whole of a record [T+1] tells about each of its times.
    let smooth (steps: FilterStep[]) : SmoothedStep[] =
        let matrix (a: float[,]) = Matrix<float>.Build.DenseOfArray a
        let vector (x: float[]) = Vector<float>.Build.DenseOfArray x
        let last = steps.Length - 1

        let result =
            steps
            |> Array.map (fun step ->
                {
                    Estimate = step.Filtered
                    LagOne = Array2D.zeroCreate step.Filtered.Mean.Length step.Filtered.Mean.Length
                })

        for t in last - 1 .. -1 .. 0 do
            let next, predicted, filtered =
                result[t + 1].Estimate, steps[t + 1].Predicted, steps[t].Filtered

            let before = matrix predicted.Covariance
            let gain = matrix steps[t + 1].Cross * pseudoInverse before
            let mean = vector filtered.Mean + gain * (vector next.Mean - vector predicted.Mean)
            let change = gain * (matrix next.Covariance - before) * gain.Transpose()
            let covariance = matrix filtered.Covariance + (change + change.Transpose()) * 0.5

            result[t] <-
                {
                    Estimate =
                        {
                            Mean = mean.ToArray()
                            Covariance = covariance.ToArray()
                        }
                    LagOne = (matrix next.Covariance * gain.Transpose()).ToArray()
                }

        result
