module Research.Tests.SparseGaussianProcessTests

open System.Threading
open Expecto
open Research.Models
open Research.Tests.Generators
open Research.Tests.MomentMatchingTests

let private hyper d =
    {
        Lengthscales = Array.create d 1.0
        Signal = 1.2
        Noise = 0.2
    }

[<Tests>]
let tests =
    testList
        "SparseGaussianProcess"
        [
            testProperty "inducing inputs at all data are the exact process" (fun (seed: int) ->
                let random = Random seed
                let d, n = random.Whole(1, 3), random.Whole(1, 8)
                // points apart from each other, so that the ridge hardly counts
                let inputs = Array2D.init n d (fun i _ -> float i + 0.1 * random.Rng.Normal())
                let targets = random.Matrix(n, 2)
                let hypers = [| hyper d; hyper d |]
                let x = gaussian (random.Vector d) (random.Positive(d, 0.1))

                match
                    SparseGaussianProcess.bumps hypers inputs targets [| inputs; inputs |],
                    GaussianProcess.condition hypers inputs targets
                with
                | Ok sparse, Ok exact ->
                    let ours = MomentMap.apply (MomentMatching.ofBumps sparse) x
                    let reference = MomentMap.apply (GaussianProcess.moments exact) x
                    Expect.isLessThan (distance ours.Mean reference.Mean) 1e-4 "mean"
                    Expect.isLessThan (distance (flat ours.Covariance) (flat reference.Covariance)) 1e-4 "covariance"
                | other -> failtest $"{other}")

            testProperty "derivatives with respect to inducing inputs are differences" (fun (seed: int) ->
                let random = Random seed
                let d, n, m = random.Whole(1, 3), random.Whole(5, 15), random.Whole(1, 4)

                let inputs, targets, inducing =
                    random.Matrix(n, d), random.Vector n, random.Matrix(m, d)

                let along = random.Matrix(m, d)

                let value z =
                    fst (SparseGaussianProcess.negativeLog (hyper d) inputs targets z)

                let _, gradient =
                    SparseGaussianProcess.negativeLog (hyper d) inputs targets inducing

                let h = 1e-4

                let at s =
                    value (map2 (fun a b -> a + s * b) inducing along)

                let reference = (8.0 * (at h - at -h) - (at (2.0 * h) - at (-2.0 * h))) / (12.0 * h)
                let ours = Seq.sum (Seq.map2 (*) (flat gradient) (flat along))
                // inducing inputs that nearly coincide leave a condition of 1e6 to the differences
                Expect.isLessThan (abs (ours - reference) / (1.0 + abs reference)) 1e-4 "along a direction")

            test "optimised inducing inputs are likelier" {
                let random = Random 2
                let inputs = Array2D.init 60 1 (fun i _ -> float i / 10.0)

                let targets =
                    Array2D.init 60 1 (fun i _ -> sin (float i / 10.0) + 0.1 * random.Rng.Normal())

                let start = Array2D.init 6 1 (fun i _ -> 0.1 * float i)

                let first, _ =
                    SparseGaussianProcess.negativeLog (hyper 1) inputs targets[*, 0] start

                let found, value =
                    SparseGaussianProcess.optimise CancellationToken.None 200 [| hyper 1 |] inputs targets start

                Expect.isLessThan value (first - 10.0) "value"

                let again, gradient =
                    SparseGaussianProcess.negativeLog (hyper 1) inputs targets[*, 0] found

                Expect.equal again value "value of what was found"
                Expect.isLessThan (Seq.max (Seq.map abs (flat gradient))) 1e-2 "stationary"

                let cancelled = CancellationToken true

                Expect.equal
                    (SparseGaussianProcess.optimise cancelled 200 [| hyper 1 |] inputs targets start)
                    (SparseGaussianProcess.optimise CancellationToken.None 1 [| hyper 1 |] inputs targets start)
                    "a cancelled search ends after an iteration"
            }

            test "bad data and inducing inputs that do not fit are named" {
                let inputs, targets = array2D [ [ 0.0 ]; [ 1.0 ] ], array2D [ [ 1.0 ]; [ 2.0 ] ]

                let bumps inputs targets inducing =
                    SparseGaussianProcess.bumps [| hyper 1 |] inputs targets [| inducing |]

                let says (words: string) =
                    function
                    | Error(BadData text) -> Expect.stringContains text words "message"
                    | other -> failtest $"{other}"

                bumps (array2D [ [ nan ]; [ 1.0 ] ]) targets inputs |> says "not finite"

                bumps inputs (array2D [ [ 1.0 ] ]) inputs
                |> says "2 inputs need as many targets, and got 1"

                for inducing, words in [ Array2D.zeroCreate 0 1, "got 0 of 1"; Array2D.zeroCreate 3 2, "got 3 of 2" ] do
                    Expect.throwsC (fun () -> bumps inputs targets inducing |> ignore) (fun error ->
                        Expect.stringContains error.Message words "inducing inputs")

                // the same inducing input twice leaves the ridge alone to hold its covariance, which is enough
                match bumps inputs targets (array2D [ [ 0.5 ]; [ 0.5 ] ]) with
                | Ok parts ->
                    let moments =
                        MomentMap.apply (MomentMatching.ofBumps parts) (gaussian [| 0.5 |] (array2D [ [ 0.1 ] ]))

                    Expect.isTrue (System.Double.IsFinite moments.Covariance[0, 0]) "moments"
                | Error fault -> failtest $"{fault}"
            }
        ]
