module Research.Tests.RbfPolicyTests

open System.Text.Json
open Expecto
open Research.Models
open Research.Tests.Generators
open Research.Tests.MomentMatchingTests

/// The original's policy of a case, which holds the logarithms of lengthscales above two that do not count.
let ofCase (case: JsonElement) : RbfPolicy =
    let hyp = Golden.matrix "hyp_raw" case
    let d = hyp.GetLength 0 - 2

    let column name =
        Golden.property name case
        |> Golden.items
        |> Array.map Golden.vectorOf
        |> array2D

    {
        Centres = column "inputs"
        Targets = column "targets"
        Lengthscales = Array2D.init (hyp.GetLength 1) d (fun a i -> exp hyp[i, a])
    }

/// Our derivatives [n d + n e + e d] in the original's order: hyperparameters, inputs, targets, columns first.
let toOriginal (n: int) (d: int) (e: int) (ours: float[]) : float[] =
    [|
        for a in 0 .. e - 1 do
            for i in 0 .. d + 1 do
                if i < d then ours[n * d + n * e + a * d + i] else 0.0
        for j in 0 .. d - 1 do
            for i in 0 .. n - 1 do
                ours[i * d + j]
        for a in 0 .. e - 1 do
            for i in 0 .. n - 1 do
                ours[n * d + i * e + a]
    |]

/// Derivatives of the moments with respect to the parameters: of the mean, the covariance and the cross, columns first.
let parameterJacobians (family: MomentFamily) (parameters: float[]) (x: Gaussian) =
    let d, e = family.Inputs, family.Outputs

    let rows count (seed: int -> Moments -> unit) =
        Array.init count (fun k ->
            let map, gradient = family.At parameters
            let _, back = map.Apply x
            let adjoint = Moments.zero d e
            seed k adjoint
            back adjoint |> ignore
            gradient ())

    rows e (fun k adjoint -> adjoint.Mean[k] <- 1.0),
    rows (e * e) (fun k adjoint ->
        let i, j = k % e, k / e
        adjoint.Covariance[i, j] <- adjoint.Covariance[i, j] + 0.5
        adjoint.Covariance[j, i] <- adjoint.Covariance[j, i] + 0.5),
    rows (d * e) (fun k adjoint -> adjoint.Cross[k % d, k / d] <- 1.0)

let private check (name: string) (cross: string) (family: MomentFamily) (policy: RbfPolicy) (case: JsonElement) =
    let n, d, e =
        policy.Centres.GetLength 0, policy.Centres.GetLength 1, policy.Targets.GetLength 1

    let parameters = RbfPolicy.pack policy

    // sums of products of weights cancel to numbers near 1: where their rounding shows, the original is that far from the exact number too
    let largest =
        RbfPolicy.bumps policy |> Seq.collect _.Weights |> Seq.map abs |> Seq.max

    let tolerance = if largest * largest * 2.2e-16 > 1e-9 then 1e-6 else 1e-9
    TrigonometricTests.compareAll tolerance name cross (fst (family.At parameters)) case
    let x = gaussian (Golden.vector "m" case) (Golden.matrix "s" case)
    let ofMean, ofCovariance, ofCross = parameterJacobians family parameters x

    let original rows =
        rows |> Array.map (toOriginal n d e) |> array2D

    compare tolerance $"{name} dMdp" (Golden.matrix "dMdp" case) (original ofMean)
    compare tolerance $"{name} dSdp" (Golden.matrix "dSdp" case) (original ofCovariance)
    compare tolerance $"{name} d{cross}dp" (Golden.matrix $"d{cross}dp" case) (original ofCross)

let private familyOf (policy: RbfPolicy) =
    RbfPolicy.family (policy.Centres.GetLength 0) (policy.Centres.GetLength 1) (policy.Targets.GetLength 1)

[<Tests>]
let tests =
    testList
        "RbfPolicy"
        [
            test "moments and all their derivatives, by parameters too, are those of the original" {
                for case in TrigonometricTests.part "rbf-policy" do
                    let policy = ofCase case
                    check $"{policy.Centres.GetLength 0} centres" "V" (familyOf policy) policy case
            }

            test "squashed policies are a composition" {
                for case in TrigonometricTests.part "squashed-policy" do
                    let policy = ofCase (Golden.property "policy" case)

                    let family =
                        MomentFamily.compose (familyOf policy) (Trigonometric.squash (Golden.vector "maxU" case))

                    check $"{policy.Centres.GetLength 0} centres, squashed" "C" family policy case
            }

            test "a certain state gives the control at the state" {
                let random = Random 3

                let policy =
                    {
                        Centres = random.Matrix(7, 3)
                        Targets = random.Matrix(7, 2)
                        Lengthscales = Array2D.map exp (random.Matrix(2, 3))
                    }

                let x = random.Vector 3
                let map, _ = (familyOf policy).At(RbfPolicy.pack policy)
                let moments = MomentMap.apply map (gaussian x (Array2D.zeroCreate 3 3))
                Expect.isLessThan (distance moments.Mean (RbfPolicy.act policy x)) 1e-12 "control"
            }

            test "parameters go there and back, and a wrong number of them is named" {
                let random = Random 4

                let policy =
                    {
                        Centres = random.Matrix(4, 3)
                        Targets = random.Matrix(4, 2)
                        Lengthscales = Array2D.map exp (random.Matrix(2, 3))
                    }

                let again = RbfPolicy.unpack 4 3 2 (RbfPolicy.pack policy)
                Expect.isLessThan (distance (flat again.Lengthscales) (flat policy.Lengthscales)) 1e-14 "lengthscales"
                Expect.equal again.Centres policy.Centres "centres"
                Expect.equal again.Targets policy.Targets "targets"

                Expect.throwsC (fun () -> RbfPolicy.unpack 4 3 2 [| 0.0 |] |> ignore) (fun error ->
                    Expect.stringContains error.Message "has 26 parameters, and got 1" "")
            }
        ]
