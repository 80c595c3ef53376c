namespace Research

open System

/// One derivative that was compared.
type CheckedDerivative =
    {
        /// "Jacobian" or "Hessian"
        Of: string
        Row: int
        Column: int
        Exact: float
        /// the value by differences
        Difference: float
        /// how far the value by differences may itself be off
        Uncertainty: float
        /// |exact − difference| ÷ max(1, |exact|, |difference|); infinite where one of them is not finite and the other differs
        Error: float
    }

    override this.ToString() =
        $"{this.Of}[{this.Row},{this.Column}]: exact {this.Exact:R}, by differences {this.Difference:R} ± {this.Uncertainty:g2}, error {this.Error:g3}"

/// What a comparison of derivatives with differences found.
type DerivativeReport =
    {
        Point: float[]
        Tolerance: float
        /// every entry, largest error first
        Entries: CheckedDerivative[]
    }

    /// The entries whose error is above the tolerance.
    member this.Faults: CheckedDerivative[] =
        this.Entries |> Array.filter (fun entry -> not (entry.Error <= this.Tolerance))

    /// True when every entry is within the tolerance.
    member this.Agrees: bool = this.Faults.Length = 0

    override this.ToString() =
        let point = String.Join(", ", Vec.ofFloats this.Point)
        let head = $"{this.Entries.Length} derivatives at ({point})"

        if this.Entries.Length = 0 then
            head
        elif this.Agrees then
            $"{head} agree with differences to {this.Tolerance:g2}; the largest error: {this.Entries[0]}"
        else
            let shown = this.Faults |> Array.truncate 10 |> Array.map string
            let lines = String.concat $"{Environment.NewLine}  " shown
            $"{head}: {this.Faults.Length} differ by more than {this.Tolerance:g2}{Environment.NewLine}  {lines}"

/// Derivatives compared with differences.
[<RequireQualifiedAccess>]
module Check =

    let private widest = 0.05
    let private rows = 9

    /// df/dx of a numeric vector function along one line at 0, element by element, with an estimate of its error: central differences with
    /// steps h, h/2, h/4, … extrapolated to h = 0; of all extrapolations the one whose error estimate is least.
    /// Source: Ridders, Accurate computation of F'(x) and F'(x)F''(x) (1982).
    let differences (scale: float) (f: float -> float[]) : struct (float * float)[] =
        let first = widest * Math.Max(1.0, abs scale)

        let central =
            Array.init rows (fun k ->
                let h = first * 0.5 ** float k
                Array.map2 (fun ahead behind -> (ahead - behind) / (2.0 * h)) (f h) (f -h))

        Array.init central[0].Length (fun output ->
            let table = Array2D.create rows rows nan
            let mutable best = central[rows - 1][output]
            let mutable error = infinity

            for k in 0 .. rows - 1 do
                table[k, 0] <- central[k][output]

                for j in 1..k do
                    let factor = 4.0 ** float j
                    table[k, j] <- (factor * table[k, j - 1] - table[k - 1, j - 1]) / (factor - 1.0)

                    let doubt =
                        Math.Max(abs (table[k, j] - table[k, j - 1]), abs (table[k, j] - table[k - 1, j - 1]))

                    if doubt < error then
                        error <- doubt
                        best <- table[k, j]

            struct (best, error))

    /// f'(x) of a numeric function, with an estimate of its error.
    let difference (f: float -> float) (x: float) : struct (float * float) =
        (differences x (fun h -> [| f (x + h) |]))[0]

    let private entry kind row column (exact: float) (struct (difference: float, uncertainty)) =
        let size = Math.Max(1.0, Math.Max(abs exact, abs difference))

        let error =
            if exact = difference then
                0.0
            elif Double.IsFinite exact && Double.IsFinite difference then
                abs (exact - difference) / size
            else
                infinity

        {
            Of = kind
            Row = row
            Column = column
            Exact = exact
            Difference = difference
            Uncertainty = uncertainty
            Error = error
        }

    let private jacobianEntries kind (f: Vec -> Vec) (x: float[]) =
        let variables = Real.variables "x" x.Length
        let value = f variables
        let exact = Derive.jacobian variables value

        let exactValues =
            Trace.evaluate variables x (exact |> Seq.cast<Real> |> Seq.toArray)

        [|
            for column in 0 .. x.Length - 1 do
                let along h =
                    let near = Array.copy x
                    near[column] <- x[column] + h
                    Trace.evaluate variables near value

                let found = differences x[column] along

                for row in 0 .. value.Length - 1 do
                    entry kind row column exactValues[row * x.Length + column] found[row]
        |]

    /// Compares the Jacobian of f: Rⁿ → Rᵐ at x with extrapolated central differences; where m = 1 also the Hessian, with differences of the
    /// gradient. An entry is at fault where its error is above the tolerance, or where it is not a number.
    let derivatives (tolerance: float) (f: Vec -> Vec) (x: float[]) : DerivativeReport =
        let first = jacobianEntries "Jacobian" f x
        let isScalar = first.Length = x.Length && x.Length > 0

        let second =
            if isScalar then
                jacobianEntries "Hessian" (Diff.grad (fun z -> (f z)[0])) x
            else
                [||]

        {
            Point = x
            Tolerance = tolerance
            Entries = Array.append first second |> Array.sortByDescending _.Error
        }
