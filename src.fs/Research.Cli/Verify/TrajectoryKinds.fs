namespace Research.Cli.Verify

open System
open Research
open Research.Control
open Research.Environments

/// Cases whose solution is iterated: ours must start where the recorded one did and reach a cost no higher.
[<RequireQualifiedAccess>]
module TrajectoryKinds =

    let private tolerance = 1e-6

    /// the recorded cost of the recorded controls must be what our model makes of them
    let private modelTolerance = 1e-9

    /// the states that our model makes of recorded controls, where small errors grow along an unstable motion
    let private stateTolerance = 1e-8

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

    /// What our model makes of recorded controls [T, m]: their cost is the recorded one, and their states are, where they were recorded.
    let private ofModel tolerance (problem: Problem) (recorded: Field) (cost: string) (controls: float[,]) =
        let trajectory =
            Ilqr.solve { tight with MaxIterations = 0 } { problem with Constraints = [] } controls

        [
            Comparison.numbers
                tolerance
                "cost of the recorded controls"
                [ Json.number (Json.get cost recorded) ]
                [ trajectory.Cost ]

            match Json.tryGet "x" recorded with
            | Some x ->
                let states = Json.matrixOf (problem.Horizon + 1) problem.Dynamics.StateSize x

                Comparison.numbers
                    stateTolerance
                    "states of the recorded controls"
                    (Seq.cast<float> states)
                    (Seq.cast<float> trajectory.X)
            | None -> ()
        ]

    /// What our model says of the cost of first controls.
    let private firstCost (problem: Problem) (recorded: Field) (controls: float[,]) : Comparison =
        let cost = (Ilqr.solve { tight with MaxIterations = 0 } problem controls).Cost
        Comparison.numbers modelTolerance "initial cost" [ Json.number recorded ] [ cost ]

    let private controlsOf (problem: Problem) (recorded: Field) : float[,] =
        Json.matrixOf problem.Horizon problem.Dynamics.ControlSize (Json.get "u" recorded)

    let private outcome name (problem: Problem) (recorded: Field) (solve: unit -> Solution) =
        let cost = Json.number (Json.get "final_cost" recorded)

        let ofModel =
            match Json.tryGet "u" recorded with
            | Some _ -> ofModel modelTolerance problem recorded "final_cost" (controlsOf problem recorded)
            | None -> []

        {
            Case = name
            Comparisons =
                Comparison.reached tolerance "cost above the recorded" cost (solve().Cost)
                :: ofModel
            Failure = None
        }

    let private withBounds (bounds: (float[] * float[]) option) (problem: Problem) = { problem with Limits = bounds }

    /// Cart-pole swing-up, free or with |u| ≤ umax.
    let cartPole (case: Field) : CaseResult list =
        let environment = CartPole.environment
        let h = environment.TimeStep
        let horizon = (Json.items (Json.get "u" case)).Length

        if horizon = 0 then
            Json.wrong "at least one control is" (Json.get "u" case)

        let bounds =
            Json.tryGet "umax" case
            |> Option.map (fun umax -> [| -(Json.positive umax) |], [| Json.positive umax |])

        let problem =
            Problem.create (environment.Dynamics h) (environment.Cost h) horizon environment.Start
            |> withBounds bounds

        let name =
            match bounds with
            | Some(_, upper) -> $"cart-pole, |u| ≤ {upper[0]}"
            | None -> "cart-pole, free"

        [
            outcome name problem case (fun () -> Ilqr.solve tight problem (Array2D.zeroCreate horizon 1))
        ]

    /// Tassa's car: iLQR from the given controls; full DDP, where recorded, from the converged iLQR controls.
    let car (case: Field) : CaseResult list =
        let environment = Car.environment
        let h = environment.TimeStep

        let start, controls =
            Json.vectorOf 4 (Json.get "x0" case), Json.matrixWith 2 (Json.get "u0" case)

        let problem =
            Problem.create (environment.Dynamics h) (environment.Cost h) (Array2D.length1 controls) start
            |> withBounds (Some environment.Limits)

        let ilqr = lazy (Ilqr.solve tassa problem controls)

        [
            match Json.tryGet "initial_cost" case with
            | Some cost ->
                {
                    Case = "car, start"
                    Comparisons = [ firstCost problem cost controls ]
                    Failure = None
                }
            | None -> ()

            for field, recorded in Json.members case do
                let isSolution =
                    recorded.Value.ValueKind = Text.Json.JsonValueKind.Object
                    && (Json.tryGet "u" recorded).IsSome

                if isSolution && field.Contains "ddp" then
                    outcome $"car, {field}" problem recorded (fun () -> Ddp.solve tassa problem ilqr.Value.U)
                elif isSolution then
                    outcome $"car, {field}" problem recorded (fun () -> ilqr.Value)
        ]

    /// Tassa's random linear problem, with and without limits.
    let linear (case: Field) : CaseResult list =
        let b = Json.matrix (Json.get "B" case)
        let n, m = Array2D.length1 b, Array2D.length2 b

        let square size name =
            Json.matrixOf size size (Json.get name case)

        let a, q, r = square n "A", square n "Q", square m "R"
        let controls = Json.matrixWith m (Json.get "u0" case)
        let limits = Json.matrixOf m 2 (Json.get "lims" case)

        for i in 0 .. m - 1 do
            if not (limits[i, 0] < limits[i, 1]) then
                let rows = Json.items (Json.get "lims" case)
                Json.wrong "a lower limit that is below the upper is" rows[i]

        let dynamics =
            Dynamics.ofTraced n m (fun x u -> Vec.add (Mat.mulVec (Mat.ofFloats a) x) (Mat.mulVec (Mat.ofFloats b) u))

        let cost =
            Cost.create (fun x u -> Cost.quadraticForm q x + Cost.quadraticForm r u) (Cost.quadraticForm q)

        let free =
            Problem.create dynamics cost (Array2D.length1 controls) (Json.vectorOf n (Json.get "x0" case))

        [
            match Json.tryGet "initial_cost" case with
            | Some initial ->
                {
                    Case = "linear, start"
                    Comparisons = [ firstCost free initial controls ]
                    Failure = None
                }
            | None -> ()

            for name, problem in
                [
                    "limited", withBounds (Some(limits[*, 0], limits[*, 1])) free
                    "unlimited", free
                ] do
                match Json.tryGet name case with
                | Some recorded ->
                    outcome $"linear, {name}" problem recorded (fun () -> Ilqr.solve tassa problem controls)
                | None -> ()
        ]

    /// A task with constraints, from no control: the same optimum as the recorded one, and no constraint violated.
    let constrained (case: Field) : CaseResult list =
        let name = Json.text (Json.get "problem" case)

        match Environments.find name with
        | Error _ -> Json.wrong "the name of a problem that 'list' shows is" (Json.get "problem" case)
        | Ok environment ->
            let problem = environment.Problem
            let cost = Json.number (Json.get "cost" case)

            let ofModel = ofModel 1e-7 problem case "cost" (controlsOf problem case)

            let solution =
                Constrained.solve
                    Constrained.defaults
                    problem
                    (Array2D.zeroCreate problem.Horizon problem.Dynamics.ControlSize)

            [
                {
                    Case = name
                    Comparisons =
                        Comparison.numbers tolerance "cost" [ cost ] [ solution.Solution.Cost ]
                        :: {
                               Quantity = "violation"
                               Error = solution.Feasibility
                               Tolerance = 1e-8
                           }
                        :: ofModel
                    Failure = None
                }
            ]
