namespace Research.Control

open System
open MathNet.Numerics.LinearAlgebra
open Research.Kernels

/// A normal belief about a state.
type Estimate =
    {
        /// [n]
        Mean: float[]
        /// [n,n]
        Covariance: float[,]
    }

/// What a measurement y told about the belief it came to: e = y − ŷ is what was not foreseen, S its covariance.
[<Struct>]
type Innovation =
    {
        /// ln p(y) under the belief, of the numbers that were measured
        LogLikelihood: float
        /// eᵀS⁻¹e: χ² with `Count` degrees of freedom where model and noise are right
        SquaredDistance: float
        /// numbers that were measured
        Count: int
        /// true when S is not positive definite or e not finite, and the belief was left as it stood
        IsLost: bool
    }

/// Covariance matrices, row by row.
[<RequireQualifiedAccess>]
module internal Covariance =

    /// A matrix as numbers, row by row.
    let flat (a: float[,]) : float[] =
        let result = Array.zeroCreate a.Length
        Buffer.BlockCopy(a, 0, result, 0, sizeof<float> * a.Length)
        result

    /// Numbers, row by row, as a matrix of n columns.
    let square (n: int) (a: float[]) : float[,] =
        Array2D.init n n (fun i j -> a[i * n + j])

    /// What is wrong with a covariance of n numbers, in words.
    let fault (name: string) (n: int) (a: float[,]) : string option =
        if Array2D.length1 a <> n || Array2D.length2 a <> n then
            Some $"{name} is {Array2D.length1 a}×{Array2D.length2 a}; it must be {n}×{n}"
        elif a |> Seq.cast<float> |> Seq.exists (Double.IsFinite >> not) then
            Some $"{name} holds a number that is not finite"
        else
            let a = Matrix<float>.Build.DenseOfArray a
            let size = a.FrobeniusNorm()

            if (a - a.Transpose()).FrobeniusNorm() > 1e-9 * size then
                Some $"{name} is not symmetric"
            elif
                (a.Evd Symmetricity.Symmetric).EigenValues
                |> Seq.exists (fun eigenvalue -> eigenvalue.Real < -1e-9 * size)
            then
                Some $"{name} has a negative eigenvalue"
            else
                None

    /// An exception that names the caller and all faults, where there are any.
    let check (caller: string) (faults: string option list) : unit =
        let faults = List.choose id faults

        if not faults.IsEmpty then
            invalidArg "model" (caller + " cannot use this model: " + String.concat "; " faults)

    /// Lower L of a = L Lᵀ for a positive semidefinite matrix; a pivot that is 0 but for rounding gives a column of zeros.
    let root (a: float[]) (n: int) (l: float[]) : unit =
        Array.Clear l

        for j in 0 .. n - 1 do
            let mutable pivot = a[j * n + j]

            for k in 0 .. j - 1 do
                pivot <- pivot - l[j * n + k] * l[j * n + k]

            if pivot > 1e-14 * a[j * n + j] then
                let diagonal = sqrt pivot
                l[j * n + j] <- diagonal

                for i in j + 1 .. n - 1 do
                    let mutable rest = a[i * n + j]

                    for k in 0 .. j - 1 do
                        rest <- rest - l[i * n + k] * l[j * n + k]

                    l[i * n + j] <- rest / diagonal

    /// L⁻¹ of a = L Lᵀ, row by row, with room for L; all NaN where a is not positive definite.
    let whitening (a: float[]) (n: int) (l: float[]) (inverse: float[]) : unit =
        Array.blit a 0 l 0 (n * n)
        Array.Clear inverse

        for i in 0 .. n - 1 do
            inverse[i * n + i] <- 1.0

        if Matrix.Cholesky(Span l, n) then
            Matrix.SolveLower(ReadOnlySpan l, Span inverse, n, n)
        else
            Array.Fill(inverse, nan)

/// A belief that filters change in place, and the memory that takes; `most` numbers are measured at a time. Matrices are row by row.
[<Sealed>]
type internal Belief(prior: Estimate, most: int) =
    let n = prior.Mean.Length
    let square () = Array.zeroCreate<float>(n * n)

    let mean, covariance, cross =
        Array.copy prior.Mean, Covariance.flat prior.Covariance, square ()

    let transposed, product = square (), square ()
    let present = Array.zeroCreate<int> most

    let slope, gain, weighted =
        Array.zeroCreate<float>(most * n), Array.zeroCreate<float>(most * n), Array.zeroCreate<float>(most * n)

    let noise, spread =
        Array.zeroCreate<float>(most * most), Array.zeroCreate<float>(most * most)

    let innovation, white = Array.zeroCreate<float> most, Array.zeroCreate<float> most

    /// What was measured, and how far it is from what was foreseen. The number of those.
    let select (measured: ReadOnlySpan<float>) (foreseen: float[]) =
        let mutable count = 0

        for i in 0 .. most - 1 do
            if not (Double.IsNaN measured[i]) then
                present[count] <- i
                innovation[count] <- measured[i] - foreseen[i]
                count <- count + 1

        count

    let pick (from: float[]) (into: float[]) (columns: int) (isSquare: bool) count =
        for i in 0 .. count - 1 do
            if isSquare then
                for j in 0 .. count - 1 do
                    into[i * count + j] <- from[present[i] * columns + present[j]]
            else
                Array.Copy(from, present[i] * columns, into, i * columns, columns)

    let part (a: float[]) count = Span<float>(a, 0, count)

    let read (a: float[]) count = ReadOnlySpan<float>(a, 0, count)

    /// With S in `spread` and the covariance of y and x [count, n] in `gain`: moves the mean, leaves S⁻¹ times the latter, Kᵀ, in `gain` and
    /// the factor of S in `spread`.
    let move count : Innovation =
        let isPositive = Matrix.Cholesky(part spread (count * count), count)
        Array.Copy(innovation, white, count)
        let mutable distance, logDeterminant = nan, 0.0

        if isPositive then
            Matrix.SolveLower(read spread (count * count), part white count, count, 1)
            distance <- 0.0

            for i in 0 .. count - 1 do
                distance <- distance + white[i] * white[i]
                logDeterminant <- logDeterminant + 2.0 * log spread[i * count + i]

        let isLost = not (Double.IsFinite distance)

        if not isLost then
            Matrix.Solve(read spread (count * count), part gain (count * n), count, n)

            for i in 0 .. n - 1 do
                for k in 0 .. count - 1 do
                    mean[i] <- mean[i] + gain[k * n + i] * innovation[k]

        {
            LogLikelihood =
                (if isLost then
                     nan
                 else
                     -0.5 * (float count * log (2.0 * Math.PI) + logDeterminant + distance))
            SquaredDistance = distance
            Count = count
            IsLost = isLost
        }

    member _.Mean = mean
    member _.Covariance = covariance

    /// Covariance of the state before the last prediction with the state after it.
    member _.Cross = cross

    /// Kᵀ of the last correction, one row a number that was measured.
    member _.Gain = gain

    /// P ← (P + Pᵀ)/2.
    member _.Symmetrise() =
        for i in 1 .. n - 1 do
            for j in 0 .. i - 1 do
                let middle = 0.5 * (covariance[i * n + j] + covariance[j * n + i])
                covariance[i * n + j] <- middle
                covariance[j * n + i] <- middle

    /// P ← A P Aᵀ + W, of A in rows that are `stride` apart.
    member this.Propagate(a: float[], stride: int, w: float[]) =
        for i in 0 .. n - 1 do
            for j in 0 .. n - 1 do
                transposed[j * n + i] <- a[i * stride + j]

        Array.Clear cross
        Matrix.AddProduct(cross, covariance, transposed, n, n, n)
        Array.blit w 0 covariance 0 (n * n)
        Matrix.AddProduct(covariance, transposed, cross, n, n, n, true)
        this.Symmetrise()

    /// Takes in y = ŷ + C (x − x̂) + v in the form of Joseph, P ← (I − KC) P (I − KC)ᵀ + K V Kᵀ, which keeps P positive whatever rounding does
    /// to K. C:[most, n], V:[most, most]; numbers of y that are NaN were not measured.
    member this.Correct(measured: ReadOnlySpan<float>, foreseen: float[], c: float[], v: float[]) : Innovation =
        let count = select measured foreseen
        pick c slope n false count
        pick v noise most true count
        Array.Clear(gain, 0, count * n)
        Matrix.AddProduct(part gain (count * n), read slope (count * n), covariance, count, n, n)

        for i in 0 .. count - 1 do
            for j in 0 .. count - 1 do
                let mutable s = noise[i * count + j]

                for k in 0 .. n - 1 do
                    s <- s + gain[i * n + k] * slope[j * n + k]

                spread[i * count + j] <- s

        let result = move count

        if not result.IsLost && count > 0 then
            // (I − KC)ᵀ, then P (I − KC)ᵀ, then P itself
            Array.Clear transposed

            for i in 0 .. n - 1 do
                transposed[i * n + i] <- 1.0

            Matrix.AddProduct(transposed, read slope (count * n), read gain (count * n), n, count, n, true, -1.0)
            Array.Clear product
            Matrix.AddProduct(product, covariance, transposed, n, n, n)
            Array.Clear covariance
            Matrix.AddProduct(covariance, transposed, product, n, n, n, true)
            Array.Clear(weighted, 0, count * n)

            Matrix.AddProduct(
                part weighted (count * n),
                read noise (count * count),
                read gain (count * n),
                count,
                count,
                n
            )

            Matrix.AddProduct(covariance, read gain (count * n), read weighted (count * n), n, count, n, true)
            this.Symmetrise()

        result

    /// Takes in y, of which S:[most, most] is the covariance and `joint` [most, n] that with the state: P ← P − K S Kᵀ.
    member this.CorrectBy(measured: ReadOnlySpan<float>, foreseen: float[], s: float[], joint: float[]) : Innovation =
        let count = select measured foreseen
        pick s spread most true count
        pick joint gain n false count
        Array.Copy(gain, weighted, count * n)
        let result = move count

        if not result.IsLost && count > 0 then
            Matrix.SolveLower(read spread (count * count), part weighted (count * n), count, n)

            Matrix.AddProduct(covariance, read weighted (count * n), read weighted (count * n), n, count, n, true, -1.0)

            this.Symmetrise()

        result
