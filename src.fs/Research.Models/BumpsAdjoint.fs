namespace Research.Models

open System
open Research.Kernels

/// Moments of bumps without uncertainty whose way back also gives derivatives with respect to the bumps themselves.
/// Under the product of a bump and the distribution of x, x is normal too, and all derivatives are moments of that.
[<RequireQualifiedAccess>]
module internal BumpsAdjoint =

    /// The moments of bumps without uncertainty at a normal input, and a way back that adds to derivatives, one an output.
    let apply
        (bumps: Bumps[])
        (parts: Bump[])
        (rooms: BumpRooms)
        (targets: BumpSlopes[])
        (x: Gaussian)
        : Moments * (Moments -> Gaussian) =
        let d, e, n = x.Size, bumps.Length, bumps[0].Weights.Length
        let sigma = x.Covariance
        let centred = MomentMatching.centreAll bumps x.Mean
        let room = rooms.Take()
        let means = Array.init e (fun a -> BumpMean(parts[a], centred[a], sigma, room))

        // E[fₐ f_b], its derivatives by the input, and those by the bumps of a
        let products =
            Array2D.init e e (fun a b ->
                let slope, slopes = Gaussian.zero d, BumpSlopes(n, d)

                let value =
                    BumpPair.Run(
                        parts[a],
                        parts[b],
                        centred[a],
                        centred[b],
                        sigma,
                        slope.Mean,
                        slope.Covariance,
                        slopes,
                        room
                    )

                struct (value, slope, slopes))

        rooms.Give room

        let covariance =
            Array2D.init e e (fun a b ->
                let struct (value, _, _) = products[min a b, max a b]
                value - means[a].Value * means[b].Value)

        let pull (adjoint: Moments) =
            let target = Gaussian.zero d
            let room = rooms.Take()
            let s = Array2D.copy adjoint.Covariance
            SmallMatrix.symmetrise s

            for a in 0 .. e - 1 do
                let mutable ofMean = adjoint.Mean[a]

                for b in 0 .. e - 1 do
                    ofMean <- ofMean - 2.0 * s[a, b] * means[b].Value
                    let struct (_, slope, slopes) = products[a, b]
                    SmallMatrix.addVec target.Mean s[a, b] slope.Mean
                    SmallMatrix.add target.Covariance s[a, b] slope.Covariance
                    // E[f_b fₐ] depends on the bumps of a alike
                    targets[a].Add(2.0 * s[a, b], slopes)

                let cross = adjoint.Cross[*, a]
                means[a].Pull(ofMean, ReadOnlySpan cross, target.Mean, target.Covariance, room)
                means[a].PullBumps(ofMean, ReadOnlySpan cross, targets[a])

            rooms.Give room
            SmallMatrix.symmetrise target.Covariance
            target

        {
            Mean = means |> Array.map _.Value
            Covariance = covariance
            Cross = Array2D.init d e (fun i a -> means[a].Cross[i])
        },
        pull
