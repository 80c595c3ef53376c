namespace Research.Models

open System

/// u = W x + b as a policy of normal variables. Parameters: W, row after row, then b.
[<RequireQualifiedAccess>]
module LinearPolicy =

    /// Parameters of W:[controls, inputs] and b:[controls].
    let pack (w: float[,]) (b: float[]) : float[] =
        Array.append (Array.ofSeq (Seq.cast<float> w)) b

    /// W:[controls, inputs] and b:[controls] of parameters.
    let unpack (inputs: int) (controls: int) (parameters: float[]) : float[,] * float[] =
        Array2D.init controls inputs (fun i j -> parameters[i * inputs + j]), parameters[controls * inputs ..]

    /// Linear policies of a number of inputs and controls, by their parameters.
    let family (inputs: int) (controls: int) : MomentFamily =
        let d, e = inputs, controls
        let count = e * d + e

        let at (parameters: float[]) =
            if parameters.Length <> count then
                invalidArg
                    (nameof parameters)
                    $"a linear policy of {d} inputs and {e} controls has {count} parameters, and got {parameters.Length}"

            let w, b = unpack d e parameters
            let wT = SmallMatrix.transpose w
            let ofW, ofB = Array2D.zeroCreate e d, Array.zeroCreate e

            let apply (x: Gaussian) =
                let ws = SmallMatrix.mul w x.Covariance
                let mean = SmallMatrix.mulVec w x.Mean
                SmallMatrix.addVec mean 1.0 b

                {
                    Mean = mean
                    Covariance = SmallMatrix.mul ws wT
                    Cross = Array2D.copy wT
                },
                fun (adjoint: Moments) ->
                    let both = Array2D.copy adjoint.Covariance
                    SmallMatrix.symmetrise both
                    SmallMatrix.addVec ofB 1.0 adjoint.Mean
                    SmallMatrix.addOuter ofW 1.0 adjoint.Mean x.Mean
                    SmallMatrix.add ofW 1.0 (SmallMatrix.transpose adjoint.Cross)
                    SmallMatrix.addProduct ofW false 2.0 both ws

                    {
                        Mean = SmallMatrix.mulVec wT adjoint.Mean
                        Covariance = SmallMatrix.mul (SmallMatrix.mul wT both) w
                    }

            {
                Inputs = d
                Outputs = e
                Apply = apply
            },
            fun () -> pack ofW ofB

        {
            Parameters = count
            Inputs = d
            Outputs = e
            At = at
        }
