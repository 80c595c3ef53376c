module Research.Tests.MomentMatchingTests

open System
open Expecto
open Research.Models
open Research.Tests.Generators

let gaussian (mean: float[]) (covariance: float[,]) : Gaussian =
    { Mean = mean; Covariance = covariance }

/// All derivatives of the moments, from ways back of unit adjoints: for each of mean, covariance (symmetrised in its two indices) and cross,
/// the rows ∂/∂m and ∂/∂Σ, in the reference's order, columns first.
let jacobians (map: MomentMap) (x: Gaussian) =
    let d, e = map.Inputs, map.Outputs
    let moments, back = map.Apply x

    let rows count (seed: int -> Moments -> unit) =
        let found =
            Array.init count (fun k ->
                let adjoint = Moments.zero d e
                seed k adjoint
                back adjoint)

        array2D (found |> Array.map _.Mean),
        array2D (
            found
            |> Array.map (fun g -> Array.ofSeq (Seq.cast<float>(transposed g.Covariance)))
        )

    let ofMean = rows e (fun k adjoint -> adjoint.Mean[k] <- 1.0)

    let ofCovariance =
        rows (e * e) (fun k adjoint ->
            let i, j = k % e, k / e
            adjoint.Covariance[i, j] <- adjoint.Covariance[i, j] + 0.5
            adjoint.Covariance[j, i] <- adjoint.Covariance[j, i] + 0.5)

    let ofCross = rows (d * e) (fun k adjoint -> adjoint.Cross[k % d, k / d] <- 1.0)
    moments, ofMean, ofCovariance, ofCross

let compare (tolerance: float) (name: string) (reference: float[,]) (ours: float[,]) =
    Expect.isLessThan (Golden.relative (flat reference) (flat ours)) tolerance name

let private diagonal (entries: float[]) =
    Array2D.init entries.Length entries.Length (fun i j -> if i = j then entries[i] else 0.0)

/// A process on random data with one output or more.
let randomProcess (random: Random) n d e =
    let inputs = random.Matrix(n, d)

    let hyper () =
        {
            Lengthscales = Array.init d (fun _ -> random.Rng.Uniform(0.5, 2.0))
            Signal = random.Rng.Uniform(0.5, 2.0)
            Noise = 0.1
        }

    match GaussianProcess.condition (Array.init e (fun _ -> hyper ())) inputs (random.Matrix(n, e)) with
    | Ok gp -> gp
    | Error fault -> failtest $"{fault}"

[<Tests>]
let tests =
    testList
        "MomentMatching"
        [
            test "the bits do not depend on how many cores share the pairs of outputs" {
                let random = Random 7
                let gp = randomProcess random 100 3 5
                let x = gaussian (random.Vector 3) (random.Positive(3, 0.1))
                let bumps = GaussianProcess.bumps gp

                // ten thousand terms a pair: fifteen pairs are shared, the three of two outputs are not
                let all, back = (MomentMatching.ofBumps bumps).Apply x

                for a, b in [ 0, 1; 2, 4; 0, 4 ] do
                    let two, backOfTwo = (MomentMatching.ofBumps [| bumps[a]; bumps[b] |]).Apply x
                    Expect.equal all.Covariance[a, b] two.Covariance[0, 1] $"covariance of {a} and {b}"
                    Expect.equal all.Covariance[b, b] two.Covariance[1, 1] $"variance of {b}"
                    let adjoint, ofTwo = Moments.zero 3 5, Moments.zero 3 2
                    adjoint.Covariance[a, b] <- 1.0
                    ofTwo.Covariance[0, 1] <- 1.0
                    Expect.equal (back adjoint) (backOfTwo ofTwo) $"way back of {a} and {b}"
            }

            testPropertyWithConfig
                { FsCheckConfig.defaultConfig with
                    maxTest = 5
                }
                "moments are those of many draws"
                (fun (seed: int) ->
                    let random = Random seed
                    let d, e = random.Whole(1, 3), 2
                    let gp = randomProcess random (random.Whole(1, 12)) d e
                    let x = gaussian (random.Vector d) (scaled 0.3 (random.Positive(d, 0.1)))
                    let moments = MomentMap.apply (GaussianProcess.moments gp) x
                    let count = 20000
                    let draws = Array.init count (fun _ -> Gaussian.sample random.Rng x)
                    let answers = GaussianProcess.predict gp (array2D draws)

                    let average f =
                        Seq.sum (Seq.init count f) / float count

                    for a in 0 .. e - 1 do
                        let mean = average (fun k -> answers[k].Mean[a])
                        Expect.isLessThan (abs (mean - moments.Mean[a])) 0.06 "mean"

                        let variance =
                            average (fun k -> answers[k].Epistemic[a] + (answers[k].Mean[a] - mean) ** 2.0)

                        Expect.isLessThan (abs (variance - moments.Covariance[a, a])) 0.12 "variance"

                        for i in 0 .. d - 1 do
                            let covariance = average (fun k -> (draws[k].[i] - x.Mean[i]) * answers[k].Mean[a])
                            let ours = (times x.Covariance moments.Cross)[i, a]
                            Expect.isLessThan (abs (covariance - ours)) 0.12 "input and output"

                    let product =
                        average (fun k ->
                            (answers[k].Mean[0] - moments.Mean[0]) * (answers[k].Mean[1] - moments.Mean[1]))

                    Expect.isLessThan (abs (product - moments.Covariance[0, 1])) 0.12 "covariance of outputs")

            testProperty "wide inputs leave covariances positive semidefinite" (fun (seed: int) ->
                let random = Random seed
                let d, e = random.Whole(1, 4), random.Whole(1, 4)
                let gp = randomProcess random (random.Whole(1, 20)) d e
                let width = 10.0 ** random.Rng.Uniform(-6.0, 3.0)
                let x = gaussian (random.Vector d) (scaled width (random.Positive(d, 0.0)))
                let moments = MomentMap.apply (GaussianProcess.moments gp) x
                let joint = times x.Covariance moments.Cross

                let all =
                    Array2D.init (d + e) (d + e) (fun i j ->
                        match i < d, j < d with
                        | true, true -> x.Covariance[i, j]
                        | true, false -> joint[i, j - d]
                        | false, true -> joint[j, i - d]
                        | _ -> moments.Covariance[i - d, j - d])

                // in units of the standard deviations, so that width does not hide a small negative number
                let unit' =
                    Array2D.init (d + e) (d + e) (fun i j -> all[i, j] / sqrt (all[i, i] * all[j, j]))

                let eigen =
                    (MathNet.Numerics.LinearAlgebra.Matrix<float>.Build.DenseOfArray unit').Evd()

                let least = eigen.EigenValues |> Seq.map _.Real |> Seq.min
                Expect.isGreaterThan least -1e-7 "least eigenvalue")

            testProperty "a certain input gives the prediction at the point" (fun (seed: int) ->
                let random = Random seed
                let d, e = random.Whole(1, 4), random.Whole(1, 3)
                let gp = randomProcess random (random.Whole(1, 30)) d e
                let point = random.Vector d

                let moments =
                    MomentMap.apply (GaussianProcess.moments gp) (gaussian point (Array2D.zeroCreate d d))

                let prediction = (GaussianProcess.predict gp (array2D [ point ]))[0]
                Expect.isLessThan (distance moments.Mean prediction.Mean) 1e-9 "mean"

                for a in 0 .. e - 1 do
                    Expect.isLessThan (abs (moments.Covariance[a, a] - prediction.Epistemic[a])) 1e-9 "variance"

                    for b in 0 .. e - 1 do
                        if a <> b then
                            Expect.isLessThan (abs moments.Covariance[a, b]) 1e-9 "outputs are independent")

            test "wrong sizes are named" {
                let gp = randomProcess (Random 1) 5 3 2

                Expect.throwsC
                    (fun () -> MomentMap.apply (GaussianProcess.moments gp) (Gaussian.zero 2) |> ignore)
                    (fun error -> Expect.stringContains error.Message "a map of 3 numbers got a mean of 2" "belief")

                Expect.throwsC
                    (fun () ->
                        MomentMap.compose (GaussianProcess.moments gp) (GaussianProcess.moments gp)
                        |> ignore)
                    (fun error ->
                        Expect.stringContains error.Message "3 numbers cannot follow one that gives 2" "chain")

                Expect.throwsC
                    (fun () ->
                        let belief = gaussian [| 0.0; 0.0; 0.0 |] (diagonal [| 1.0; -0.5; 1.0 |])
                        MomentMap.apply (GaussianProcess.moments gp) belief |> ignore)
                    (fun error ->
                        Expect.stringContains
                            error.Message
                            "a covariance of 3×3 that is not positive semidefinite: its least eigenvalue is -0.5"
                            "belief")

                Expect.throwsC
                    (fun () ->
                        let belief = gaussian [| 0.0; 0.0; 0.0 |] (diagonal [| 1.0; nan; 1.0 |])
                        MomentMap.apply (GaussianProcess.moments gp) belief |> ignore)
                    (fun error -> Expect.stringContains error.Message "not finite" "belief")

                let part = (GaussianProcess.bumps gp)[0]

                Expect.throwsC
                    (fun () -> MomentMatching.ofBumps [| { part with Weights = [| 1.0 |] } |] |> ignore)
                    (fun error -> Expect.stringContains error.Message "5×3 points, 1 weights" "bumps")
            }
        ]
