namespace Research

/// Differentiation of traced functions, with the names and the argument order of DiffSharp. Every transform takes a function and gives a
/// function, so they nest and compose: `grad (grad f >> Vec.sum)`. Each differentiates by variables of its own, so nesting confuses nothing.
/// A name with f in front returns the value of the function too, first.
module Diff =

    let private fresh (x: Vec) = Real.variables "x" x.Length

    /// Traces f at variables of its own, derives, and puts x back in their place.
    let private at (x: Vec) (build: Vec -> Vec) : Vec =
        let variables = fresh x
        Trace.substitute variables x (build variables)

    let private direction operation (x: Vec) (v: Vec) =
        if x.Length <> v.Length then
            invalidArg
                (nameof v)
                $"Diff.{operation} needs a direction of as many elements as the point, and got {v.Length} for {x.Length}"

    let private scalarOutputs operation (x: Vec) (y: Vec) =
        if x.Length <> y.Length then
            invalidArg
                "f"
                $"Diff.{operation} needs a function from a space to itself, and got one from {x.Length} to {y.Length} dimensions"

    /// Value and Jacobian of f: Rⁿ → Rᵐ at x. → [m], [m,n].
    let fjacobian (f: Vec -> Vec) (x: Vec) : Vec * Mat =
        let variables = fresh x
        let y = f variables
        let j = Derive.jacobian variables y
        let m, n = y.Length, x.Length
        let flat = Array.init (m * n) (fun k -> j[k / n, k % n])
        let image = Trace.substitute variables x (Array.append y flat)
        Array.sub image 0 m, Array2D.init m n (fun i k -> image[m + i * n + k])

    /// Jacobian ∂fᵢ/∂xⱼ of f: Rⁿ → Rᵐ at x. → [m,n].
    let jacobian f x = snd (fjacobian f x)

    /// Value and Jacobian–vector product J v.
    let fjacobianv (f: Vec -> Vec) (x: Vec) (v: Vec) : Vec * Vec =
        direction "jacobianv" x v
        let mutable m = 0

        let image =
            at (Array.append x v) (fun both ->
                let variables, direction = Array.splitAt x.Length both
                let y = f variables
                m <- y.Length
                let tangents = Derive.forward variables (direction |> Array.map Array.singleton) y
                Array.append y (Array.map Array.head tangents))

        Array.splitAt m image

    /// Jacobian–vector product J v: the derivative of f along v.
    let jacobianv f x v = snd (fjacobianv f x v)

    /// Value and vector–Jacobian product Jᵀ w.
    let fjacobianTv (f: Vec -> Vec) (x: Vec) (w: Vec) : Vec * Vec =
        let image =
            at (Array.append x w) (fun both ->
                let variables, weights = Array.splitAt x.Length both
                let y = f variables

                if y.Length <> w.Length then
                    invalidArg
                        (nameof w)
                        $"Diff.jacobianTv needs one weight an output, and got {w.Length} for {y.Length}"

                let rows = Derive.reverse variables [| weights |] y
                Array.append y rows[0])

        Array.splitAt w.Length image

    /// Vector–Jacobian product Jᵀ w.
    let jacobianTv f x w = snd (fjacobianTv f x w)

    /// Value and gradient of f: Rⁿ → R.
    let fgrad (f: Vec -> Real) (x: Vec) : Real * Vec =
        let image =
            at x (fun variables ->
                let y = f variables
                Array.append [| y |] (Derive.gradient variables y))

        image[0], Array.tail image

    /// Gradient of f: Rⁿ → R at x.
    let grad f x = snd (fgrad f x)

    /// Value and directional derivative ∇f·v.
    let fgradv (f: Vec -> Real) (x: Vec) (v: Vec) : Real * Real =
        let y, d = fjacobianv (f >> Array.singleton) x v
        y[0], d[0]

    /// Directional derivative ∇f·v.
    let gradv f x v = snd (fgradv f x v)

    /// Value, gradient and Hessian of f: Rⁿ → R.
    let fgradhessian (f: Vec -> Real) (x: Vec) : Real * Vec * Mat =
        let n = x.Length

        let image =
            at x (fun variables ->
                let y = f variables
                let h = Derive.hessian variables y

                Array.concat
                    [
                        [| y |]
                        Derive.gradient variables y
                        Array.init (n * n) (fun k -> h[k / n, k % n])
                    ])

        image[0], Array.sub image 1 n, Array2D.init n n (fun i j -> image[1 + n + i * n + j])

    /// Gradient and Hessian.
    let gradhessian f x =
        let _, g, h = fgradhessian f x
        g, h

    /// Value and Hessian.
    let fhessian f x =
        let y, _, h = fgradhessian f x
        y, h

    /// Hessian ∂²f/∂xᵢ∂xⱼ of f: Rⁿ → R at x. → [n,n].
    let hessian f x = snd (fhessian f x)

    /// Value, directional derivative ∇f·v and Hessian–vector product H v.
    let fgradhessianv (f: Vec -> Real) (x: Vec) (v: Vec) : Real * Real * Vec =
        direction "hessianv" x v

        let image =
            at (Array.append x v) (fun both ->
                let variables, direction = Array.splitAt x.Length both
                let y = f variables
                let seeds = direction |> Array.map Array.singleton

                let derived =
                    Derive.forward variables seeds (Array.append [| y |] (Derive.gradient variables y))

                Array.append [| y |] (Array.map Array.head derived))

        image[0], image[1], Array.skip 2 image

    /// Directional derivative ∇f·v and Hessian–vector product H v.
    let gradhessianv f x v =
        let _, g, h = fgradhessianv f x v
        g, h

    /// Value and Hessian–vector product H v.
    let fhessianv f x v =
        let y, _, h = fgradhessianv f x v
        y, h

    /// Hessian–vector product H v.
    let hessianv f x v = snd (fhessianv f x v)

    /// Value and Hessian of the weighted sum λᵀf(x) of f: Rⁿ → Rᵐ, as one graph: what differential dynamic programming needs of dynamics.
    let fhessianT (f: Vec -> Vec) (x: Vec) (lambda: Vec) : Real * Mat =
        fhessian (fun z -> Vec.dot lambda (f z)) x

    /// Value and derivative of a curve f: R → Rᵐ.
    let fdiffv (f: Real -> Vec) (x: Real) : Vec * Vec =
        fjacobianv (fun z -> f z[0]) [| x |] [| Real.One |]

    /// Derivative of a curve f: R → Rᵐ.
    let diffv f x = snd (fdiffv f x)

    /// Value and derivative of f: R → R.
    let fdiff (f: Real -> Real) (x: Real) : Real * Real =
        let y, d = fdiffv (f >> Array.singleton) x
        y[0], d[0]

    /// Derivative of f: R → R at x.
    let diff f x = snd (fdiff f x)

    /// Value and n-th derivative of f: R → R; n = 0 is f itself.
    let fdiffn (n: int) (f: Real -> Real) (x: Real) : Real * Real =
        if n < 0 then
            invalidArg (nameof n) $"Diff.diffn needs an order of 0 or more, and got {n}"

        let image =
            at [| x |] (fun variables ->
                let seeds = [| [| Real.One |] |]

                let derive (y: Real) =
                    let tangents = Derive.forward variables seeds [| y |]
                    tangents[0][0]

                let y = f variables[0]
                [| y; Seq.fold (fun d _ -> derive d) y (seq { 1..n }) |])

        image[0], image[1]

    /// n-th derivative of f: R → R.
    let diffn n f x = snd (fdiffn n f x)

    /// Value and second derivative of f: R → R.
    let fdiff2 f x = fdiffn 2 f x

    /// Second derivative of f: R → R.
    let diff2 f x = diffn 2 f x

    /// Value and Laplacian Σ ∂²f/∂xᵢ².
    let flaplacian (f: Vec -> Real) (x: Vec) : Real * Real =
        let y, h = fhessian f x
        y, Vec.sum (Array.init x.Length (fun i -> h[i, i]))

    /// Laplacian Σ ∂²f/∂xᵢ².
    let laplacian f x = snd (flaplacian f x)

    /// Value and divergence Σ ∂fᵢ/∂xᵢ of a vector field.
    let fdivergence (f: Vec -> Vec) (x: Vec) : Vec * Real =
        let y, j = fjacobian f x
        scalarOutputs "divergence" x y
        y, Vec.sum (Array.init x.Length (fun i -> j[i, i]))

    /// Divergence Σ ∂fᵢ/∂xᵢ of a vector field.
    let divergence f x = snd (fdivergence f x)

    /// Value, curl and divergence of a vector field in three dimensions.
    let fcurldivergence (f: Vec -> Vec) (x: Vec) : Vec * Vec * Real =
        let y, j = fjacobian f x

        if x.Length <> 3 || y.Length <> 3 then
            invalidArg
                (nameof f)
                $"Diff.curl needs a field in three dimensions, and got one from {x.Length} to {y.Length}"

        let curl = [| j[2, 1] - j[1, 2]; j[0, 2] - j[2, 0]; j[1, 0] - j[0, 1] |]
        y, curl, j[0, 0] + j[1, 1] + j[2, 2]

    /// Curl and divergence of a vector field in three dimensions.
    let curldivergence f x =
        let _, c, d = fcurldivergence f x
        c, d

    /// Value and curl of a vector field in three dimensions.
    let fcurl f x =
        let y, c, _ = fcurldivergence f x
        y, c

    /// Curl of a vector field in three dimensions.
    let curl f x = snd (fcurl f x)
