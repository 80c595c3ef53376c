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
        /// true when S is not positive definite or e not finite, and the belief was left as it stood: so with an exact sensor that measures again
        /// what is known
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

    /// A root of a covariance, row by row.
    let rootOf (a: float[,]) : float[] =
        let n = Array2D.length1 a
        let l = Array.zeroCreate (n * n)
        root (flat a) n l
        l

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

/// A belief that filters change in place, and the memory that takes; `most` numbers are measured at a time. It is held as a root S of its
/// covariance P = S Sᵀ, lower triangular, and changed by rotations of arrays of roots alone: no covariance is ever the difference of two, so
/// that none turns negative, and variances far apart keep their digits, with exact sensors and exact processes too. Sources: Kaminski, Bryson,
/// Schmidt, Discrete square root filtering: a survey of current techniques (1971); Kailath, Sayed, Hassibi, Linear Estimation (2000), chapter
/// 12. Matrices are row by row, arrays of roots column by column.
[<Sealed>]
type internal Belief(prior: Estimate, most: int) =
    let n = prior.Mean.Length
    let mean = Array.copy prior.Mean
    let root = Array.zeroCreate<float>(n * n)

    let covariance, cross =
        Array.zeroCreate<float>(n * n), Array.zeroCreate<float>(n * n)


    do
        // filters name what is wrong with a prior
        if prior.Covariance.Length = n * n then
            Covariance.root (Covariance.flat prior.Covariance) n root

    let mutable isSquared = false
    let mutable array = Array.zeroCreate<float>((n + most) * (n + most))
    let present = Array.zeroCreate<int> most
    let gain = Array.zeroCreate<float>(most * n)
    let innovation, white = Array.zeroCreate<float> most, Array.zeroCreate<float> most
    let shed = Array.zeroCreate<float>(n + most)

    let room rows columns =
        if array.Length < rows * columns then
            array <- Array.zeroCreate (rows * columns)

        Array.Clear(array, 0, rows * columns)

    /// What was measured, and how far it is from what was foreseen. The number of those.
    let select (measured: ReadOnlySpan<float>) (foreseen: float[]) =
        let mutable count = 0

        for i in 0 .. most - 1 do
            if not (Double.IsNaN measured[i]) then
                present[count] <- i
                innovation[count] <- measured[i] - foreseen[i]
                count <- count + 1

        count

    /// The lower triangle below and right of a place of the array becomes the root.
    let keep rows first =
        for i in 0 .. n - 1 do
            for j in 0 .. n - 1 do
                root[i * n + j] <-
                    if j <= i then
                        array[(first + j) * rows + first + i]
                    else
                        0.0

        isSquared <- false

    /// L Lᵀ − z zᵀ in place of L Lᵀ, of L in the array and z in `shed`; false, with L spoilt, where that is not positive.
    let downdate rows =
        let mutable isPositive = true

        for k in 0 .. rows - 1 do
            let pivot = array[k * rows + k]
            let square = (pivot - shed[k]) * (pivot + shed[k])

            if isPositive && (square > 0.0 || shed[k] = 0.0) then
                let next = sqrt square

                let c, s =
                    (if pivot = 0.0 then 1.0 else next / pivot), (if pivot = 0.0 then 0.0 else shed[k] / pivot)

                array[k * rows + k] <- next

                for i in k + 1 .. rows - 1 do
                    array[k * rows + i] <- (array[k * rows + i] - s * shed[i]) / c
                    shed[i] <- c * shed[i] - s * array[k * rows + i]
            else
                isPositive <- false

        isPositive

    /// With rows of what was measured above rows of the state in the array, triangular: moves the mean, and leaves Kᵀ in `gain`.
    let move rows count : Innovation =
        let mutable isPositive = true
        let mutable distance, logDeterminant = 0.0, 0.0

        for i in 0 .. count - 1 do
            let mutable size, rest = 0.0, innovation[i]

            for j in 0..i do
                size <- Double.Hypot(size, array[j * rows + i])

            for j in 0 .. i - 1 do
                rest <- rest - array[j * rows + i] * white[j]

            let pivot = array[i * rows + i]
            isPositive <- isPositive && pivot > 1e-13 * size
            white[i] <- rest / pivot
            distance <- distance + white[i] * white[i]
            logDeterminant <- logDeterminant + 2.0 * log pivot

        let isLost = not (isPositive && Double.IsFinite distance)

        if not isLost then
            for i in 0 .. n - 1 do
                // K̄ of P Cᵀ = K̄ Lᵀ, and K = K̄ L⁻¹
                for k in 0 .. count - 1 do
                    gain[k * n + i] <- array[k * rows + count + i]
                    mean[i] <- mean[i] + gain[k * n + i] * white[k]

                for k in count - 1 .. -1 .. 0 do
                    for j in k + 1 .. count - 1 do
                        gain[k * n + i] <- gain[k * n + i] - array[k * rows + j] * gain[j * n + i]

                    gain[k * n + i] <- gain[k * n + i] / array[k * rows + k]

            keep rows count

        {
            LogLikelihood =
                (if isLost then
                     nan
                 else
                     -0.5 * (float count * log (2.0 * Math.PI) + logDeterminant + distance))
            SquaredDistance = (if isLost then nan else distance)
            Count = count
            IsLost = isLost
        }

    member _.Mean = mean

    /// S, of which no other is kept.
    member _.Root = root

    /// P = S Sᵀ.
    member _.Covariance =
        if not isSquared then
            isSquared <- true

            for i in 0 .. n - 1 do
                for j in 0..i do
                    let mutable sum = 0.0

                    for k in 0..j do
                        sum <- sum + root[i * n + k] * root[j * n + k]

                    covariance[i * n + j] <- sum
                    covariance[j * n + i] <- sum

        covariance

    /// Covariance of the state before the last prediction with the state after it.
    member _.Cross = cross

    /// Kᵀ of the last correction, one row a number that was measured.
    member _.Gain = gain

    /// P ← A P Aᵀ + W, of A in rows that are `stride` apart and a root of W: S ← triangle of [A S, √W].
    member _.Propagate(a: float[], stride: int, w: float[]) =
        room n (2 * n)

        for i in 0 .. n - 1 do
            for j in 0 .. n - 1 do
                let mutable sum = 0.0

                for k in j .. n - 1 do
                    sum <- sum + a[i * stride + k] * root[k * n + j]

                array[j * n + i] <- sum
                array[(n + j) * n + i] <- w[i * n + j]

        for i in 0 .. n - 1 do
            for j in 0 .. n - 1 do
                let mutable sum = 0.0

                for k in 0..i do
                    sum <- sum + root[i * n + k] * array[k * n + j]

                cross[i * n + j] <- sum

        Matrix.LowerTriangle(Span array, n, 2 * n)
        keep n 0

    /// P ← Σ wₖ dₖ dₖᵀ + W, of deviations of `size` numbers each, one row a point, and a root of W. The weight of the first may be negative.
    member _.Gather(deviations: float[], weights: float[], w: float[]) =
        let count = weights.Length
        room n (count + n)

        for k in 0 .. count - 1 do
            let weight = sqrt (Math.Max(0.0, weights[k]))

            for i in 0 .. n - 1 do
                array[k * n + i] <- weight * deviations[k * n + i]

        for j in 0 .. n - 1 do
            for i in 0 .. n - 1 do
                array[(count + j) * n + i] <- w[i * n + j]

        Matrix.LowerTriangle(Span array, n, count + n)
        keep n 0

        if weights[0] < 0.0 then
            for i in 0 .. n - 1 do
                shed[i] <- sqrt -weights[0] * deviations[i]

            if downdate n then
                keep n 0

    /// Takes in y = ŷ + C (x − x̂) + v: [√V, C S; 0, S] becomes [L, 0; K̄, S]. C:[most, n], and a root of V [most, most]; numbers of y that are
    /// NaN were not measured.
    member _.Correct(measured: ReadOnlySpan<float>, foreseen: float[], c: float[], v: float[]) : Innovation =
        let count = select measured foreseen
        let rows = count + n
        room rows (most + n)

        for r in 0 .. count - 1 do
            for k in 0 .. most - 1 do
                array[k * rows + r] <- v[present[r] * most + k]

            for k in 0 .. n - 1 do
                let mutable sum = 0.0

                for l in k .. n - 1 do
                    sum <- sum + c[present[r] * n + l] * root[l * n + k]

                array[(most + k) * rows + r] <- sum

        for i in 0 .. n - 1 do
            for k in 0..i do
                array[(most + k) * rows + count + i] <- root[i * n + k]

        Matrix.LowerTriangle(Span array, rows, most + n)
        move rows count

    /// Takes in y, which points of the state would have foreseen as ŷ + images: [√w images, √V; √w points, 0] becomes [L, 0; K̄, S].
    /// Deviations [points, most] and [points, n], and a root of V.
    member _.CorrectBy
        (
            measured: ReadOnlySpan<float>,
            foreseen: float[],
            images: float[],
            points: float[],
            weights: float[],
            v: float[]
        ) : Innovation =
        let count = select measured foreseen
        let rows, columns = count + n, weights.Length

        let gather () =
            room rows (columns + most)

            for k in 0 .. columns - 1 do
                let weight = sqrt (Math.Max(0.0, weights[k]))

                for r in 0 .. count - 1 do
                    array[k * rows + r] <- weight * images[k * most + present[r]]

                for i in 0 .. n - 1 do
                    array[k * rows + count + i] <- weight * points[k * n + i]

            for k in 0 .. most - 1 do
                for r in 0 .. count - 1 do
                    array[(columns + k) * rows + r] <- v[present[r] * most + k]

            Matrix.LowerTriangle(Span array, rows, columns + most)

        gather ()

        if weights[0] < 0.0 then
            for r in 0 .. count - 1 do
                shed[r] <- sqrt -weights[0] * images[present[r]]

            for i in 0 .. n - 1 do
                shed[count + i] <- sqrt -weights[0] * points[i]

            if not (downdate rows) then
                gather ()

        move rows count
