module Research.Tests.BoxQpTests

open Expecto
open Research.Control
open Research.Tests.Generators

let private randomProgram seed =
    let random = Random seed
    let n = random.Whole(1, 8)
    let lower = Array.init n (fun _ -> random.Rng.Uniform(-1.0, 0.2))
    let upper = lower |> Array.map (fun low -> low + random.Rng.Uniform(0.1, 1.0))
    random.Positive(n, 0.01), random.Vector n, lower, upper

let private gradient (h: float[,]) (g: float[]) (x: float[]) =
    Array.init g.Length (fun i -> g[i] + Seq.sum (seq { for j in 0 .. g.Length - 1 -> h[i, j] * x[j] }))

[<Tests>]
let tests =
    testList
        "BoxQp"
        [
            testProperty "the conditions of Karush, Kuhn and Tucker hold" (fun (seed: int) ->
                let h, g, lower, upper = randomProgram seed
                let solution = BoxQp.solve h g lower upper
                Expect.equal solution.Status BoxQpConverged "status"
                let slope = gradient h g solution.X
                let scale = 1.0 + (g |> Seq.map abs |> Seq.max)

                for i in 0 .. g.Length - 1 do
                    let x = solution.X[i]
                    Expect.isTrue (lower[i] <= x && x <= upper[i]) "bounds"

                    if x > lower[i] && x < upper[i] then
                        Expect.isLessThan (abs slope[i] / scale) 1e-10 "free: no slope"
                    elif x = lower[i] then
                        Expect.isGreaterThan (slope[i] / scale) -1e-10 "at the lower bound: uphill inwards"
                    else
                        Expect.isLessThan (slope[i] / scale) 1e-10 "at the upper bound: uphill inwards")

            test "random programs do hit their bounds, and do not always" {
                let free =
                    [
                        for seed in 1..100 do
                            let h, g, lower, upper = randomProgram seed
                            yield! (BoxQp.solve h g lower upper).Free
                    ]

                let share = float (free |> List.filter id |> List.length) / float free.Length
                Expect.isTrue (share > 0.1 && share < 0.9) $"share of free coordinates {share}"
            }

            testProperty "wide bounds leave a linear system" (fun (seed: int) ->
                let h, g, _, _ = randomProgram seed
                let wide = Array.create g.Length infinity
                let solution = BoxQp.solve h g (Array.map (~-) wide) wide
                let expected = solve h (Array.map (~-) g)
                let scale = 1.0 + (expected |> Seq.map abs |> Seq.max)
                Expect.isLessThan (distance solution.X expected / scale) 1e-7 "solution")

            testProperty
                "the solution does not depend on the start, and a start at it needs no step"
                (fun (seed: int) ->
                    let h, g, lower, upper = randomProgram seed
                    let random = Random(seed + 1)
                    let one = BoxQp.solve h g lower upper
                    let other = BoxQp.solveFrom (random.Vector g.Length) h g lower upper
                    Expect.isLessThan (distance one.X other.X) 1e-7 "solution"
                    Expect.isLessThan (BoxQp.solveFrom one.X h g lower upper).Iterations 2 "warm start")

            test "what overflows is not called solved" {
                let h = array2D [ [ 1e-10; 0.0 ]; [ 0.0; 1e-10 ] ]

                let solution =
                    BoxQp.solve h [| 1e308; -1e308 |] [| -infinity; -infinity |] [| infinity; infinity |]

                Expect.equal solution.Status BoxQpNoImprovement "status"
            }

            test "what makes no sense says why" {
                let h = array2D [ [ 1.0; 0.0 ]; [ 0.0; 1.0 ] ]
                let status h g lower upper = (BoxQp.solve h g lower upper).Status
                let g, zero, one = [| 1.0; 1.0 |], [| 0.0; 0.0 |], [| 1.0; 1.0 |]

                let reason status =
                    match status with
                    | BoxQpIllPosed reason -> reason
                    | other -> failtest $"{other}"

                Expect.stringContains (reason (status h g one zero)) "crossed" "crossed bounds"
                Expect.stringContains (reason (status h [| 1.0 |] zero one)) "H is 2×2" "sizes"
                Expect.stringContains (reason (status h [| nan; 0.0 |] zero one)) "not finite" "NaN"

                Expect.equal
                    (status (array2D [ [ 1.0; 2.0 ]; [ 2.0; 1.0 ] ]) [| 0.1; -0.1 |] [| -9.0; -9.0 |] [| 9.0; 9.0 |])
                    BoxQpIndefinite
                    "indefinite"
            }

            test "equal bounds fix a number" {
                let h = array2D [ [ 2.0; 0.5 ]; [ 0.5; 1.0 ] ]
                let solution = BoxQp.solve h [| -1.0; -1.0 |] [| 0.3; -5.0 |] [| 0.3; 5.0 |]
                Expect.equal solution.X[0] 0.3 "fixed"
                // of what remains: x₁ = 1 − 0.5·0.3
                Expect.isLessThan (abs (solution.X[1] - 0.85)) 1e-9 "free"
            }
        ]
