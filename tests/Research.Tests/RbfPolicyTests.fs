module Research.Tests.RbfPolicyTests

open Expecto
open Research.Models
open Research.Tests.Generators
open Research.Tests.MomentMatchingTests

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

let private familyOf (policy: RbfPolicy) =
    RbfPolicy.family (policy.Centres.GetLength 0) (policy.Centres.GetLength 1) (policy.Targets.GetLength 1)

[<Tests>]
let tests =
    testList
        "RbfPolicy"
        [
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
