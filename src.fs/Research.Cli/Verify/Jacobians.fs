namespace Research.Cli.Verify

open Research.Models

/// All derivatives of moments, taken from ways back of unit adjoints, in the order of matrices that run columns first.
[<RequireQualifiedAccess>]
module Jacobians =

    let transposed (a: float[,]) =
        Array2D.init (Array2D.length2 a) (Array2D.length1 a) (fun i j -> a[j, i])

    /// The answers to a unit adjoint of every number of the mean, of the covariance (half for it and half for its mirror image) and of the
    /// cross.
    let private answers (d: int) (e: int) (ask: Moments -> 'a) : 'a[] * 'a[] * 'a[] =
        let rows count (seed: Moments -> int -> unit) =
            Array.init count (fun k ->
                let adjoint = Moments.zero d e
                seed adjoint k
                ask adjoint)

        rows e (fun adjoint k -> adjoint.Mean[k] <- 1.0),
        rows (e * e) (fun adjoint k ->
            let i, j = k % e, k / e
            adjoint.Covariance[i, j] <- adjoint.Covariance[i, j] + 0.5
            adjoint.Covariance[j, i] <- adjoint.Covariance[j, i] + 0.5),
        rows (d * e) (fun adjoint k -> adjoint.Cross[k % d, k / d] <- 1.0)

    /// The moments, and for mean, covariance and cross the derivatives with respect to the mean and to the covariance of the input.
    let ofInput (map: MomentMap) (x: Gaussian) : Moments * (float[] * float[])[] =
        let moments, back = map.Apply x

        let split (found: Gaussian[]) =
            Array.collect (fun (g: Gaussian) -> g.Mean) found,
            Array.collect (fun (g: Gaussian) -> Array.ofSeq (Seq.cast<float>(transposed g.Covariance))) found

        let mean, covariance, cross = answers map.Inputs map.Outputs back
        moments, Array.map split [| mean; covariance; cross |]

    /// For mean, covariance and cross the derivatives with respect to the parameters, in an order of choice.
    let ofParameters
        (family: MomentFamily)
        (order: float[] -> float[])
        (parameters: float[])
        (x: Gaussian)
        : float[][] =
        let ask adjoint =
            let map, gradient = family.At parameters
            snd (map.Apply x) adjoint |> ignore
            order (gradient ())

        let mean, covariance, cross = answers family.Inputs family.Outputs ask
        Array.map Array.concat [| mean; covariance; cross |]
