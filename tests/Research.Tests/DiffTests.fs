module Research.Tests.DiffTests

open System
open Expecto
open Research

let private number (x: Real) = Trace.number x
let private numbers (x: Vec) = Array.map Trace.number x
let private table (m: Mat) = Array2D.map Trace.number m
let private c (x: float) = Real.constant x
let private vec (values: float list) = Vec.ofFloats values

/// rounding of a few operations on numbers near 1
let private rounding = 1e-12

let private close (found: float) (expected: float) message =
    Expect.isTrue (abs (found - expected) <= rounding * Math.Max(1.0, abs expected)) $"{message}: {found}, {expected}"

let private closeAll (found: float[]) (expected: float[]) message =
    Expect.hasLength found expected.Length message
    Array.iteri (fun i e -> close found[i] e $"{message} [{i}]") expected

let private closeTable (found: float[,]) (expected: float list list) message =
    let wanted = array2D expected
    let shape m = Array2D.length1 m, Array2D.length2 m
    Expect.equal (shape found) (shape wanted) message
    Array2D.iteri (fun i j e -> close found[i, j] e $"{message} [{i},{j}]") wanted

/// f(x, y) = x²y + sin y with its derivatives by hand
let private f (z: Vec) : Real = z[0] * z[0] * z[1] + sin z[1]

let private x, y = 1.3, -0.4
let private point = vec [ x; y ]
let private value = x * x * y + sin y
let private gradient = [| 2.0 * x * y; x * x + cos y |]
let private hessian = [ [ 2.0 * y; 2.0 * x ]; [ 2.0 * x; -(sin y) ] ]

/// g(x, y) = (x y, x − y³, eˣ) with its Jacobian by hand
let private g (z: Vec) : Vec =
    [| z[0] * z[1]; z[0] - z[1] ** 3.0; exp z[0] |]

let private gValue = [| x * y; x - y * y * y; exp x |]
let private jacobian = [ [ y; x ]; [ 1.0; -3.0 * y * y ]; [ exp x; 0.0 ] ]
let private v = [| 0.7; -1.1 |]
let private w = [| 0.5; 2.0; -1.5 |]

let private dot a b =
    Seq.sum (Seq.map2 (fun (p: float) q -> p * q) a b)

let private times (m: float list list) (a: float[]) = [| for row in m -> dot row a |]

let private transforms =
    testList
        "transforms are what they are called"
        [
            test "diff, diff2, diffn of a scalar function" {
                let wave (t: Real) = sin (2.0 * t)

                let expected n =
                    2.0 ** float n * sin (2.0 * x + float n * Math.PI / 2.0)

                close (number (Diff.diff wave (c x))) (expected 1) "diff"
                close (number (Diff.diff2 wave (c x))) (expected 2) "diff2"

                for n in 0..6 do
                    let value, derivative = Diff.fdiffn n wave (c x)
                    close (number value) (expected 0) "value"
                    close (number derivative) (expected n) $"diffn {n}"
                    close (number (Diff.diffn n wave (c x))) (expected n) $"diffn {n}"

                let value, derivative = Diff.fdiff wave (c x)
                close (number value) (expected 0) "fdiff"
                close (number derivative) (expected 1) "fdiff"
                let value, derivative = Diff.fdiff2 wave (c x)
                close (number value) (expected 0) "fdiff2"
                close (number derivative) (expected 2) "fdiff2"
                Expect.throws (fun () -> Diff.diffn -1 wave (c x) |> ignore) "negative order"
            }

            test "diffv of a curve" {
                let curve (t: Real) = [| cos t; sin t; t |]
                let value, slope = Diff.fdiffv curve (c x)
                closeAll (numbers value) [| cos x; sin x; x |] "value"
                closeAll (numbers slope) [| -(sin x); cos x; 1.0 |] "slope"
                closeAll (numbers (Diff.diffv curve (c x))) (numbers slope) "diffv"
            }

            test "grad, gradv and their f variants" {
                let value', gradient' = Diff.fgrad f point
                close (number value') value "value"
                closeAll (numbers gradient') gradient "fgrad"
                closeAll (numbers (Diff.grad f point)) gradient "grad"
                let value', slope = Diff.fgradv f point (Vec.ofFloats v)
                close (number value') value "value"
                close (number slope) (dot gradient v) "fgradv"
                close (number (Diff.gradv f point (Vec.ofFloats v))) (dot gradient v) "gradv"
            }

            test "hessian, hessianv, gradhessian, gradhessianv, laplacian and their f variants" {
                let product = times hessian v
                let direction = Vec.ofFloats v
                closeTable (table (Diff.hessian f point)) hessian "hessian"
                closeAll (numbers (Diff.hessianv f point direction)) product "hessianv"
                let value1, h = Diff.fhessian f point
                closeTable (table h) hessian "fhessian"
                let value2, hv = Diff.fhessianv f point direction
                closeAll (numbers hv) product "fhessianv"
                let value3, g3, h3 = Diff.fgradhessian f point
                closeAll (numbers g3) gradient "fgradhessian"
                closeTable (table h3) hessian "fgradhessian"
                let g4, h4 = Diff.gradhessian f point
                closeAll (numbers g4) gradient "gradhessian"
                closeTable (table h4) hessian "gradhessian"
                let value5, g5, h5 = Diff.fgradhessianv f point direction
                close (number g5) (dot gradient v) "fgradhessianv"
                closeAll (numbers h5) product "fgradhessianv"
                let g6, h6 = Diff.gradhessianv f point direction
                close (number g6) (dot gradient v) "gradhessianv"
                closeAll (numbers h6) product "gradhessianv"
                let trace = hessian[0][0] + hessian[1][1]
                let value7, l = Diff.flaplacian f point
                close (number l) trace "flaplacian"
                close (number (Diff.laplacian f point)) trace "laplacian"

                for found in [ value1; value2; value3; value5; value7 ] do
                    close (number found) value "value"
            }

            test "jacobian, jacobianv, jacobianTv and their f variants" {
                let byColumn = times jacobian v
                let byRow = times (List.transpose jacobian) w
                closeTable (table (Diff.jacobian g point)) jacobian "jacobian"
                closeAll (numbers (Diff.jacobianv g point (Vec.ofFloats v))) byColumn "jacobianv"
                closeAll (numbers (Diff.jacobianTv g point (Vec.ofFloats w))) byRow "jacobianTv"
                let value1, j = Diff.fjacobian g point
                closeTable (table j) jacobian "fjacobian"
                let value2, jv = Diff.fjacobianv g point (Vec.ofFloats v)
                closeAll (numbers jv) byColumn "fjacobianv"
                let value3, jw = Diff.fjacobianTv g point (Vec.ofFloats w)
                closeAll (numbers jw) byRow "fjacobianTv"

                for found in [ value1; value2; value3 ] do
                    closeAll (numbers found) gValue "value"
            }

            test "curl and divergence of a field" {
                // (y z, x² , x y z): curl (x z, y − y z, 2x − z), divergence x y
                let field (p: Vec) =
                    [| p[1] * p[2]; p[0] * p[0]; p[0] * p[1] * p[2] |]

                let px, py, pz = 0.4, 1.2, -0.9
                let p = vec [ px; py; pz ]
                let curl = [| px * pz; py - py * pz; 2.0 * px - pz |]
                closeAll (numbers (Diff.curl field p)) curl "curl"
                close (number (Diff.divergence field p)) (px * py) "divergence"
                let value, found, divergence = Diff.fcurldivergence field p
                closeAll (numbers value) [| py * pz; px * px; px * py * pz |] "value"
                closeAll (numbers found) curl "fcurldivergence"
                close (number divergence) (px * py) "fcurldivergence"
                closeAll (numbers (snd (Diff.fcurl field p))) curl "fcurl"
                close (number (snd (Diff.fdivergence field p))) (px * py) "fdivergence"
                closeAll (numbers (fst (Diff.curldivergence field p))) curl "curldivergence"
                let potential (p: Vec) = p[0] * exp p[1] * sin p[2]
                closeAll (numbers (Diff.curl (Diff.grad potential) p)) [| 0.0; 0.0; 0.0 |] "curl of a gradient"
                close (number (Diff.divergence (Diff.curl field) p)) 0.0 "divergence of a curl"
                let divergence = Diff.divergence (Diff.grad potential) p
                close (number (Diff.laplacian potential p)) (number divergence) "laplacian"
            }

            test "the Hessian of a weighted sum is the weighted sum of Hessians" {
                let weights = Vec.ofFloats w
                let value, h = Diff.fhessianT g point weights
                close (number value) (dot gValue w) "value"
                let each = [ for i in 0..2 -> table (Diff.hessian (fun z -> (g z)[i]) point) ]

                for i in 0..1 do
                    for j in 0..1 do
                        close
                            (number h[i, j])
                            (Seq.sum (Seq.mapi (fun k (m: float[,]) -> w[k] * m[i, j]) each))
                            $"{i},{j}"
            }

            test "sizes that do not fit are named" {
                let fault = Expect.throwsC (fun () -> Diff.jacobianTv g point point |> ignore) id
                Expect.stringContains fault.Message "2 for 3" "jacobianTv"
                let fault = Expect.throwsC (fun () -> Diff.curl g point |> ignore) id
                Expect.stringContains fault.Message "2 to 3" "curl"
                let fault = Expect.throwsC (fun () -> Diff.divergence g point |> ignore) id
                Expect.stringContains fault.Message "2 to 3" "divergence"

                let fault =
                    Expect.throwsC (fun () -> Diff.jacobianv g point (vec [ 1.0 ]) |> ignore) id

                Expect.stringContains fault.Message "1 for 2" "jacobianv"

                let fault =
                    Expect.throwsC (fun () -> Diff.hessianv f point (vec [ 1.0 ]) |> ignore) id

                Expect.stringContains fault.Message "1 for 2" "hessianv"
            }
        ]

let private nesting =
    testList
        "nesting confuses no perturbations"
        [
            test "d/dx (x · d/dy (x + y)) is 1" {
                // Siskind and Pearlmutter, Perturbation confusion and referential transparency (2005)
                let outer (x: Real) = x * Diff.diff (fun y -> x + y) Real.One
                Expect.equal (number (Diff.diff outer (c 1.0))) 1.0 "not 2"
            }

            test "d/dx (x · d/dy (x · y)) is 2x" {
                let outer (x: Real) = x * Diff.diff (fun y -> x * y) (c 2.0)
                close (number (Diff.diff outer (c 3.0))) 6.0 "2x"
            }

            test "a curried function, differentiated as it is applied" {
                // Manzyuk and others, Perturbation confusion in forward automatic differentiation of higher-order functions (2019)
                let shift (offset: Real) (f: Real -> Real) (x: Real) = f (x + offset)
                let d = fun f x -> Diff.diff (fun offset -> shift offset f x) (c 0.0)
                close (number (d (d exp) (c 1.0))) (exp 1.0) "twice"
            }

            test "the inner transform at a point that depends on the outer" {
                let outer (x: Real) = Diff.diff (fun y -> y * y * y * x) x
                // 3x²·x = 3x³, derivative 9x²
                close (number (Diff.diff outer (c 2.0))) 36.0 "9x²"
            }

            test "gradients of gradients make the Hessian" {
                let row i =
                    Diff.grad (fun z -> (Diff.grad f z)[i]) point

                closeTable (array2D [ numbers (row 0); numbers (row 1) ]) hessian "rows"
            }

            test "reverse inside forward inside reverse" {
                let slope z =
                    Diff.gradv (fun z -> Vec.squaredNorm (Diff.grad f z)) z (Vec.ofFloats v)
                // ∇(2 (∇f)ᵀ H v) checked by differences of the exact inner function
                let report = Check.derivatives 1e-8 (slope >> Array.singleton) [| x; y |]
                Expect.isTrue report.Agrees (string report)
            }

            test "transforms compose with >>" {
                let total = Diff.grad f >> Vec.sum
                let rows = List.transpose hessian |> List.map List.sum |> List.toArray
                closeAll (numbers (Diff.grad total point)) rows "sums of columns"
            }

            test "diff nested n times is diffn" {
                let t (x: Real) = exp (sin x)
                let nested = t |> Diff.diff |> Diff.diff |> Diff.diff
                close (number (nested (c 0.3))) (number (Diff.diffn 3 t (c 0.3))) "third"
            }
        ]

let private constants =
    testList
        "constants are differentiated like anything else"
        [
            test "diff2 and diffn of a function with a constant lower derivative are 0" {
                Expect.equal (number (Diff.diff2 (fun t -> 5.0 * t) (c 2.0))) 0.0 "diff2 of 5x"
                Expect.equal (number (Diff.diffn 3 (fun t -> 5.0 * t * t) (c 2.0))) 0.0 "diffn 3 of 5x²"
                Expect.equal (number (Diff.diffn 7 id (c 2.0))) 0.0 "diffn 7 of x"
            }

            test "derivatives of a constant are 0" {
                Expect.equal (number (Diff.diff (fun _ -> c 5.0) (c 2.0))) 0.0 "diff"
                Expect.equal (numbers (Diff.grad (fun _ -> c 5.0) point)) [| 0.0; 0.0 |] "grad"
                Expect.equal (table (Diff.hessian (fun _ -> c 5.0) point)) (Array2D.zeroCreate 2 2) "hessian"
                Expect.equal (numbers (Diff.diffv (fun _ -> [| c 5.0; c 6.0 |]) (c 2.0))) [| 0.0; 0.0 |] "diffv"
            }

            test "vectors with constant entries" {
                let mixed (z: Vec) =
                    [| z[0]; c 3.0; z[0] * z[1]; Real.Zero |]

                let expected = [ [ 1.0; 0.0 ]; [ 0.0; 0.0 ]; [ y; x ]; [ 0.0; 0.0 ] ]
                closeTable (table (Diff.jacobian mixed point)) expected "jacobian"
                closeAll (numbers (Diff.jacobianv mixed point (Vec.ofFloats v))) (times expected v) "jacobianv"
                let weights = [| 1.0; 2.0; 3.0; 4.0 |]
                let product = times (List.transpose expected) weights
                closeAll (numbers (Diff.jacobianTv mixed point (Vec.ofFloats weights))) product "jacobianTv"
                let length (z: Vec) = Vec.norm [| z[0]; c 3.0 |]
                closeAll (numbers (Diff.grad length (vec [ 4.0; 1.0 ]))) [| 0.8; 0.0 |] "grad of a norm"
            }

            test "the gradient of ‖x‖ at 0 is 0" {
                Expect.equal (numbers (Diff.grad Vec.norm (vec [ 0.0; 0.0; 0.0 ]))) [| 0.0; 0.0; 0.0 |] "gradient"
            }

            test "the value comes unchanged" {
                let f (z: Vec) = sin z[0] / exp z[1]
                let z = Real.variables "z" 2
                let value, _ = Diff.fgrad f z
                let found = Trace.evaluate z [| 0.3; 0.4 |] [| value; f z |]
                Expect.equal found[0] found[1] "to the bit"
            }
        ]

[<Tests>]
let tests = testList "Diff" [ transforms; nesting; constants ]
