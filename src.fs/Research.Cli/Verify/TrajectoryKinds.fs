namespace Research.Cli.Verify

open System
open System.Text.Json
open Research
open Research.Control
open Research.Environments

/// Cases whose solution is iterated: ours must start where the recorded one did and reach a cost no higher.
[<RequireQualifiedAccess>]
module TrajectoryKinds =

    let private tolerance = 1e-6

    /// the recorded cost of the recorded controls must be what our model makes of them
    let private modelTolerance = 1e-9

    let private tight =
        { Ilqr.defaults with
            CostTolerance = 1e-12
            GradientTolerance = 1e-9
            MaxIterations = 1000
        }

    /// what the programs that recorded the ilqg cases used: from one start another regularisation may lead to another local optimum
    let private tassa =
        { tight with
            Regularisation = ControlSpace
        }

    /// Cost of controls, by our model.
    let private costOf (problem: Problem) (controls: float[,]) =
        (Ilqr.solve { tight with MaxIterations = 0 } problem controls).Cost

    let private outcome name (problem: Problem) (recorded: JsonElement) (solution: Solution) =
        let cost = Json.number (Json.get "final_cost" recorded)

        let ofModel =
            match Json.tryGet "u" recorded with
            | Some u ->
                [
                    Comparison.numbers
                        modelTolerance
                        "cost of the recorded controls"
                        [ cost ]
                        [ costOf problem (Json.matrix u) ]
                ]
            | None -> []

        {
            Case = name
            Comparisons =
                Comparison.reached tolerance "cost above the recorded" cost solution.Cost
                :: ofModel
            Failure = None
        }

    let private withBounds (bounds: (float[] * float[]) option) (problem: Problem) = { problem with Limits = bounds }

    /// Cart-pole swing-up, free or with |u| ≤ umax.
    let cartPole (case: JsonElement) : CaseResult list =
        let environment = CartPole.environment
        let h = environment.TimeStep
        let horizon = (Json.get "u" case).GetArrayLength()

        let bounds =
            Json.tryGet "umax" case
            |> Option.map (fun umax -> [| -(Json.number umax) |], [| Json.number umax |])

        let problem =
            Problem.create (environment.Dynamics h) (environment.Cost h) horizon environment.Start
            |> withBounds bounds

        // the recorded controls may be numbers or arrays of one
        let controls = Json.flat (Json.get "u" case) |> List.toArray
        let cost = Json.number (Json.get "final_cost" case)
        let solution = Ilqr.solve tight problem (Array2D.zeroCreate horizon 1)

        let name =
            match bounds with
            | Some(_, upper) -> $"cart-pole, |u| ≤ {upper[0]}"
            | None -> "cart-pole, free"

        [
            {
                Case = name
                Comparisons =
                    [
                        Comparison.reached tolerance "cost above the recorded" cost solution.Cost
                        Comparison.numbers
                            modelTolerance
                            "cost of the recorded controls"
                            [ cost ]
                            [ costOf problem (Array2D.init horizon 1 (fun t _ -> controls[t])) ]
                    ]
                Failure = None
            }
        ]

    /// Tassa's car: iLQR from the given controls; full DDP, where recorded, from the converged iLQR controls.
    let car (case: JsonElement) : CaseResult list =
        let environment = Car.environment
        let h = environment.TimeStep

        let start, controls =
            Json.vector (Json.get "x0" case), Json.matrix (Json.get "u0" case)

        let problem =
            Problem.create (environment.Dynamics h) (environment.Cost h) (Array2D.length1 controls) start
            |> withBounds (Some environment.Limits)

        let ilqr = lazy (Ilqr.solve tassa problem controls)

        [
            match Json.tryGet "initial_cost" case with
            | Some cost ->
                {
                    Case = "car, start"
                    Comparisons =
                        [
                            Comparison.numbers
                                modelTolerance
                                "initial cost"
                                [ Json.number cost ]
                                [ costOf problem controls ]
                        ]
                    Failure = None
                }
            | None -> ()

            for field in case.EnumerateObject() do
                let isSolution =
                    field.Value.ValueKind = JsonValueKind.Object
                    && (Json.tryGet "u" field.Value).IsSome

                if isSolution && field.Name.Contains "ddp" then
                    outcome $"car, {field.Name}" problem field.Value (Ddp.solve tassa problem ilqr.Value.U)
                elif isSolution then
                    outcome $"car, {field.Name}" problem field.Value ilqr.Value
        ]

    /// Tassa's random linear problem, with and without limits.
    let linear (case: JsonElement) : CaseResult list =
        let matrix name = Json.matrix (Json.get name case)
        let a, b, q, r = matrix "A", matrix "B", matrix "Q", matrix "R"
        let controls, limits = matrix "u0", matrix "lims"
        let n, m = Array2D.length1 a, Array2D.length2 b

        let dynamics =
            Dynamics.ofTraced n m (fun x u -> Vec.add (Mat.mulVec (Mat.ofFloats a) x) (Mat.mulVec (Mat.ofFloats b) u))

        let cost =
            Cost.create (fun x u -> Cost.quadraticForm q x + Cost.quadraticForm r u) (Cost.quadraticForm q)

        let free =
            Problem.create dynamics cost (Array2D.length1 controls) (Json.vector (Json.get "x0" case))

        [
            match Json.tryGet "initial_cost" case with
            | Some initial ->
                {
                    Case = "linear, start"
                    Comparisons =
                        [
                            Comparison.numbers
                                modelTolerance
                                "initial cost"
                                [ Json.number initial ]
                                [ costOf free controls ]
                        ]
                    Failure = None
                }
            | None -> ()

            for name, problem in
                [
                    "limited", withBounds (Some(limits[*, 0], limits[*, 1])) free
                    "unlimited", free
                ] do
                match Json.tryGet name case with
                | Some recorded -> outcome $"linear, {name}" problem recorded (Ilqr.solve tassa problem controls)
                | None -> ()
        ]

    /// A task with constraints, from no control: the same optimum as the recorded one, and no constraint violated.
    let constrained (case: JsonElement) : CaseResult list =
        let name = (Json.get "problem" case).GetString() |> string

        match Environments.find name with
        | Error message -> failwith message
        | Ok environment ->
            let problem = environment.Problem
            let cost = Json.number (Json.get "cost" case)

            let solution =
                Constrained.solve
                    Constrained.defaults
                    problem
                    (Array2D.zeroCreate problem.Horizon problem.Dynamics.ControlSize)

            let ofModel =
                costOf { problem with Constraints = [] } (Json.matrix (Json.get "u" case))

            [
                {
                    Case = name
                    Comparisons =
                        [
                            Comparison.numbers tolerance "cost" [ cost ] [ solution.Solution.Cost ]
                            {
                                Quantity = "violation"
                                Error = solution.Feasibility
                                Tolerance = 1e-8
                            }
                            Comparison.numbers 1e-7 "cost of the recorded controls" [ cost ] [ ofModel ]
                        ]
                    Failure = None
                }
            ]
