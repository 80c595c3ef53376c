module Research.Tests.EnvironmentsTests

open System
open System.IO
open System.Text.Json
open Expecto
open Research
open Research.Environments

let private golden (file: string) =
    let path = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", file)
    let document = JsonDocument.Parse(File.ReadAllText path)
    document.RootElement.GetProperty("cases").EnumerateArray() |> Seq.toList

let private row (element: JsonElement) : float[] =
    if element.ValueKind = JsonValueKind.Number then
        [| element.GetDouble() |]
    else
        [| for number in element.EnumerateArray() -> number.GetDouble() |]

let private rows (element: JsonElement) =
    [| for entry in element.EnumerateArray() -> row entry |]

let private numbers (x: Vec) = Array.map Trace.number x

let private step (environment: Environment) (x: float[]) (u: float[]) =
    environment.Step (Real.constant environment.TimeStep) (Vec.ofFloats x) (Vec.ofFloats u)
    |> numbers

/// programs that order the same operations differently
let private recorded = 1e-9

let private near tolerance (a: float) (b: float) message =
    Expect.isTrue (abs (a - b) <= tolerance * Math.Max(1.0, abs b)) $"{message}: {a} and {b}"

/// every recorded state follows from the one before
let private follows environment (x: float[][]) (u: float[][]) =
    for t in 0 .. u.Length - 1 do
        let next = step environment x[t] u[t]
        let expected = x[t + 1]

        next
        |> Array.iteri (fun i v -> near recorded v expected[i] $"state {i} after step {t}")

let private totalCost (environment: Environment) (x: float[][]) (u: float[][]) =
    let stage t =
        environment.Stage (Real.constant environment.TimeStep) (Vec.ofFloats x[t]) (Vec.ofFloats u[t])
        |> Trace.number

    Seq.sum (Seq.init u.Length stage)
    + Trace.number (environment.Terminal(Vec.ofFloats x[u.Length]))

let private rollout (environment: Environment) start (u: float[][]) = Array.scan (step environment) start u

/// random points of an environment: states within a few units, controls within limits or a few units
let private points (environment: Environment) count =
    let rng = Rng.OfSeed 11
    let lower, upper = environment.Limits

    List.init count (fun _ ->
        let x = environment.Start |> Array.map (fun v -> v + 0.7 * rng.Normal())

        let u =
            Array.init lower.Length (fun i -> rng.Uniform(Math.Max(lower[i], -3.0), Math.Min(upper[i], 3.0)))

        x, u)

/// Power that goes into the energy of a system along its motion: ∇E(x)·f(x, u).
let private power (energy: Vec -> Real) (ode: Vec -> Vec -> Vec) x u =
    let at = Vec.ofFloats x
    Trace.number (Diff.gradv energy at (ode at (Vec.ofFloats u)))

let private squared (a: Real) = a * a

let private energyTests =
    let expect name energy ode (supplied: float[] -> float[] -> float) environment =
        test name {
            for x, u in points environment 20 do
                near 1e-10 (power energy ode x u) (supplied x u) $"power at %A{x}, %A{u}"
        }

    testList
        "energy changes by what the control puts in and friction takes out"
        [
            expect
                "pendulum"
                (fun x ->
                    0.5 * Pendulum.inertia * squared x[1]
                    - 0.5 * Pendulum.mass * Pendulum.gravity * Pendulum.length * cos x[0])
                Pendulum.ode
                (fun x u -> u[0] * x[1] - Pendulum.damping * x[1] * x[1])
                Pendulum.environment

            expect
                "cart-pole with a point mass"
                (fun x ->
                    let l = CartPole.poleLength
                    let across = x[2] + l * cos x[1] * x[3]
                    let up = l * sin x[1] * x[3]

                    0.5 * CartPole.cartMass * squared x[2]
                    + 0.5 * CartPole.poleMass * (squared across + squared up)
                    - CartPole.poleMass * CartPole.gravity * l * cos x[1])
                CartPole.ode
                (fun x u -> u[0] * x[2])
                CartPole.environment

            expect
                "cart-pole with a rod"
                (fun x ->
                    let m, l = CartPole.pilcoMass, CartPole.pilcoLength
                    let across = x[2] + 0.5 * l * cos x[1] * x[3]
                    let up = 0.5 * l * sin x[1] * x[3]

                    0.5 * m * squared x[2]
                    + 0.5 * m * (squared across + squared up)
                    + 0.5 * (m * l * l / 12.0) * squared x[3]
                    - 0.5 * m * CartPole.pilcoGravity * l * cos x[1])
                CartPole.pilcoOde
                (fun x u -> (u[0] - CartPole.pilcoFriction * x[2]) * x[2])
                CartPole.pilco

            expect
                "acrobot"
                (fun x ->
                    let l1, c1, c2 = Acrobot.length1, Acrobot.centre1, Acrobot.centre2
                    let both, w = x[0] + x[1], x[2] + x[3]
                    let across = l1 * cos x[0] * x[2] + c2 * cos both * w
                    let up = l1 * sin x[0] * x[2] + c2 * sin both * w
                    let height1 = -c1 * cos x[0]
                    let height2 = -l1 * cos x[0] - c2 * cos both

                    0.5 * (Acrobot.mass1 * c1 * c1 + Acrobot.inertia1) * squared x[2]
                    + 0.5 * Acrobot.mass2 * (squared across + squared up)
                    + 0.5 * Acrobot.inertia2 * squared w
                    + Acrobot.gravity * (Acrobot.mass1 * height1 + Acrobot.mass2 * height2))
                Acrobot.ode
                (fun x u -> u[0] * x[3])
                Acrobot.environment
        ]

let private cross (a: Vec) (b: Vec) : Vec =
    [|
        a[1] * b[2] - a[2] * b[1]
        a[2] * b[0] - a[0] * b[2]
        a[0] * b[1] - a[1] * b[0]
    |]

let private aircraftTests =
    /// Rz(yaw) Ry(pitch) Rx(roll), as a product of the three
    let attitude (x: Vec) : Mat =
        let turn i j (angle: Real) : Mat =
            Array2D.init 3 3 (fun a b ->
                if a = b then
                    (if a = i || a = j then cos angle else Real.constant 1.0)
                elif (a, b) = (i, j) then
                    -(sin angle)
                elif (a, b) = (j, i) then
                    sin angle
                else
                    Real.Zero)

        // about z the x axis turns to y, about y z to x, about x y to z
        Mat.matmul (turn 0 1 x[5]) (Mat.matmul (turn 2 0 x[4]) (turn 1 2 x[3]))

    let inertia = Vec.ofFloats Quadrotor.inertia
    let spin (x: Vec) : Vec = Array.map2 (*) inertia x[9..]

    testList
        "aircraft"
        [
            test "a quadrotor's momentum, angular momentum and energy change by its rotors and its weight" {
                let places =
                    [ [ 1.0; 0.0; 0.0 ]; [ 0.0; 1.0; 0.0 ]; [ -1.0; 0.0; 0.0 ]; [ 0.0; -1.0; 0.0 ] ]

                for x, u in points Quadrotor.environment 20 do
                    let at = Vec.ofFloats x
                    let thrusts = Vec.ofFloats u
                    let rates = Quadrotor.ode at thrusts
                    let lift = [| Real.Zero; Real.Zero; Vec.sum thrusts |]

                    // r × F of each rotor, and its drag, which alternates
                    let torque =
                        places
                        |> List.mapi (fun i place ->
                            let arm = Vec.scale (Real.constant Quadrotor.arm) (Vec.ofFloats place)
                            let drag = (if i % 2 = 0 then Quadrotor.drag else -Quadrotor.drag) * thrusts[i]

                            Vec.add (cross arm [| Real.Zero; Real.Zero; thrusts[i] |]) [| Real.Zero; Real.Zero; drag |])
                        |> List.reduce Vec.add

                    let turned v = Mat.mulVec (attitude at) v

                    let change (quantity: Vec -> Vec) =
                        numbers (Diff.jacobianv quantity at rates)

                    let same (found: float[]) (expected: Vec) message =
                        Array.iter2 (fun a b -> near 1e-10 a (Trace.number b) message) found expected

                    let weight = Vec.ofFloats [ 0.0; 0.0; -Quadrotor.mass * Quadrotor.gravity ]
                    same (change (fun x -> x[..2])) at[6..8] "velocity"

                    same
                        (change (fun x -> Vec.scale (Real.constant Quadrotor.mass) x[6..8]))
                        (Vec.add (turned lift) weight)
                        "momentum"

                    same
                        (change (fun x -> Mat.mulVec (attitude x) (spin x)))
                        (turned torque)
                        "angular momentum, in the world"

                    same
                        (change (fun x -> [| Vec.squaredNorm (spin x) |]))
                        [| 2.0 * Vec.dot (spin at) torque |]
                        "and its size"

                    let energy (x: Vec) =
                        [|
                            0.5 * Quadrotor.mass * Vec.squaredNorm x[6..8]
                            + 0.5 * Vec.dot x[9..] (spin x)
                            + Quadrotor.mass * Quadrotor.gravity * x[2]
                        |]

                    same (change energy) [| Vec.dot (turned lift) at[6..8] + Vec.dot torque at[9..] |] "energy"
            }

            test "a planar quadrotor's momentum, rate and energy change by its rotors and its weight" {
                let mass, inertia = Quadrotor.mass, Quadrotor.inertia[1]

                for x, u in points PlanarQuadrotor.environment 20 do
                    let rates = numbers (PlanarQuadrotor.ode (Vec.ofFloats x) (Vec.ofFloats u))
                    let lift, torque = u[0] + u[1], Quadrotor.arm * (u[1] - u[0])
                    Array.iter2 (fun a b -> near 1e-12 a b "velocity") rates[..2] x[3..]
                    // the thrust is across the line of the rotors, up when it is level
                    near 1e-12 (mass * rates[3]) (-lift * sin x[2]) "momentum along"
                    near 1e-12 (mass * rates[4]) (lift * cos x[2] - mass * Quadrotor.gravity) "momentum up"
                    near 1e-12 (inertia * rates[5]) torque "angular momentum"

                    let energy (x: Vec) =
                        0.5 * mass * (squared x[3] + squared x[4])
                        + 0.5 * inertia * squared x[5]
                        + mass * Quadrotor.gravity * x[1]

                    let supplied = lift * (cos x[2] * x[4] - sin x[2] * x[3]) + torque * x[5]
                    near 1e-10 (power energy PlanarQuadrotor.ode x u) supplied "energy"
            }
        ]

let private modelTests =
    testList
        "models"
        [
            for environment in Environments.all do
                test $"derivatives of {environment.Name} equal differences" {
                    let n = environment.States.Length
                    let h = Real.constant environment.TimeStep

                    let stage (z: Vec) =
                        [| environment.Stage h z[.. n - 1] z[n..] |]

                    let next (z: Vec) = environment.Step h z[.. n - 1] z[n..]

                    for x, u in points environment 3 do
                        for name, report in
                            [
                                "step", Check.derivatives 1e-7 next (Array.append x u)
                                "stage", Check.derivatives 1e-7 stage (Array.append x u)
                                "terminal", Check.derivatives 1e-7 (environment.Terminal >> Array.singleton) x
                            ] do
                            Expect.isTrue report.Agrees $"{name}: {report}"
                }

            test "what hangs or stands still stays so without control" {
                let up, still = Math.PI, 0.0

                let places =
                    [
                        Pendulum.environment, [ [| still; still |]; [| up; still |] ]
                        CartPole.environment, [ [| 0.3; still; 0.0; 0.0 |]; [| 0.3; up; 0.0; 0.0 |] ]
                        CartPole.pilco, [ [| 0.3; still; 0.0; 0.0 |]; [| 0.3; up; 0.0; 0.0 |] ]
                        Acrobot.environment,
                        [ for a, b in [ 0.0, 0.0; up, 0.0; 0.0, up; up, up ] -> [| a; b; 0.0; 0.0 |] ]
                        CartDoublePendulum.environment,
                        [
                            for a, b in [ 0.0, 0.0; up, 0.0; 0.0, up; up, up ] -> [| 0.3; 0.0; 0.0; 0.0; a; b |]
                        ]
                        DoublePendulum.environment,
                        [ for a, b in [ 0.0, 0.0; up, 0.0; 0.0, up; up, up ] -> [| 0.0; 0.0; a; b |] ]
                        Unicycle.environment, [ Array.zeroCreate 12 ]
                        Arm.environment 3, [ [| up; 0.0; up; 0.0; 0.0; 0.0 |] ]
                        Swimmer.environment 3, [ [| 0.3; 0.2; 0.5; -0.4; 0.7; 0.0; 0.0; 0.0; 0.0; 0.0 |] ]
                        Car.environment, [ [| 1.0; 2.0; 0.5; 0.0 |] ]
                        DoubleIntegrator.environment, [ [| 1.0; 0.0 |] ]
                    ]

                for environment, states in places do
                    for x in states do
                        let next = step environment x (Array.zeroCreate environment.Controls.Length)
                        Array.iter2 (fun a b -> near 1e-12 a b $"{environment.Name} at %A{x}") next x
            }

            test "a car's front axle rolls where its front wheels point" {
                // the front axle moves f = h v along the heading plus the wheel angle
                let d = Car.axles

                for x, u in points Car.environment 20 do
                    let x = [| x[0]; x[1]; x[2]; 3.0 * x[3] |]
                    let next = step Car.environment x u

                    let front (s: float[]) =
                        s[0] + d * cos s[2], s[1] + d * sin s[2]

                    let (beforeX, beforeY), (afterX, afterY) = front x, front next
                    let rolled = Car.environment.TimeStep * x[3]
                    near 1e-12 (afterX - beforeX) (rolled * cos (x[2] + u[0])) "x"
                    near 1e-12 (afterY - beforeY) (rolled * sin (x[2] + u[0])) "y"
                    // and the rear axle moves along the body only
                    let sideways = -(next[0] - x[0]) * sin x[2] + (next[1] - x[1]) * cos x[2]
                    near 1e-12 sideways 0.0 "rear axle"
            }

            test "the double integrator is exact for any step" {
                let coarse =
                    DoubleIntegrator.step (Real.constant 0.4) (Vec.ofFloats [ 1.0; 0.5 ]) (Vec.ofFloats [ -2.0 ])

                let half x =
                    DoubleIntegrator.step (Real.constant 0.2) x (Vec.ofFloats [ -2.0 ])

                let fine = half (half (Vec.ofFloats [ 1.0; 0.5 ]))
                Array.iter2 (fun a b -> near 1e-14 (Trace.number a) (Trace.number b) "state") coarse fine
            }

            test "the recorded cart-pole swing-up follows from the model, and costs what was recorded" {
                for case in golden "cartpole.json" do
                    let x, u = rows (case.GetProperty "x"), rows (case.GetProperty "u")
                    follows CartPole.environment x u
                    let cost = totalCost CartPole.environment x u
                    near recorded cost (case.GetProperty("final_cost").GetDouble()) "cost"
            }

            test "the recorded parking of the car follows from the model, and costs what was recorded" {
                for case in golden "ilqg-car.json" do
                    let solved = case.GetProperty "ilqr"
                    let x, u = rows (solved.GetProperty "x"), rows (solved.GetProperty "u")
                    follows Car.environment x u
                    let cost = totalCost Car.environment x u
                    near recorded cost (solved.GetProperty("final_cost").GetDouble()) "cost"
                    let first = rows (case.GetProperty "u0")
                    let start = rollout Car.environment (row (case.GetProperty "x0")) first
                    let cost = totalCost Car.environment start first
                    near recorded cost (case.GetProperty("initial_cost").GetDouble()) "cost of the first controls"
            }
        ]

let private registryTests =
    testList
        "registry"
        [
            test "environments are complete, and their sizes agree" {
                let names = Environments.all |> List.map _.Name
                Expect.equal (List.distinct names) names "names"

                for e in Environments.all do
                    let n, m = e.States.Length, e.Controls.Length
                    let lower, upper = e.Limits
                    Expect.equal (e.Start.Length, e.StartSpread.Length) (n, n) $"{e.Name}: start"
                    Expect.equal (lower.Length, upper.Length) (m, m) $"{e.Name}: limits"
                    Expect.isTrue (Array.forall2 (<) lower upper) $"{e.Name}: limits in order"
                    Expect.isGreaterThan e.Horizon 0 e.Name
                    Expect.isGreaterThan e.TimeStep 0.0 e.Name
                    Expect.hasLength (step e e.Start (Array.zeroCreate m)) n $"{e.Name}: next state"
                    Expect.isNonEmpty (e.Scene.Shapes e.Start) $"{e.Name}: picture"

                    for text in [ e.Summary; e.Source ] do
                        Expect.isNotWhitespace text e.Name

                    for quantity in Array.append e.States e.Controls do
                        Expect.isNotWhitespace quantity.Name e.Name
                        Expect.isNotWhitespace quantity.Unit e.Name
            }

            test "with all masses as they are the plant is the model" {
                for e in Environments.all do
                    match e.Masses with
                    | None ->
                        Expect.throwsC (fun () -> e.Plant(0.01, [| 1.0 |]) |> ignore) (fun error ->
                            Expect.stringContains error.Message "has 0 masses" "message")
                    | Some masses ->
                        let ones = Array.create masses.Names.Length 1.0

                        for x, u in points e 5 do
                            let next =
                                masses.Step ones (Real.constant e.TimeStep) (Vec.ofFloats x) (Vec.ofFloats u)

                            Array.iter2 (fun a b -> near 1e-12 a (Trace.number b) e.Name) (step e x u) next
            }

            test "where nothing rubs, all masses times a factor are all controls divided by it" {
                for e in
                    [
                        CartPole.environment
                        Acrobot.environment
                        Quadrotor.environment
                        PlanarQuadrotor.environment
                        DoubleIntegrator.environment
                        Unicycle.environment
                    ] do
                    let masses = e.Masses.Value
                    let factors = Array.create masses.Names.Length 1.3

                    for x, u in points e 5 do
                        let next =
                            masses.Step factors (Real.constant e.TimeStep) (Vec.ofFloats x) (Vec.ofFloats u)

                        Array.iter2
                            (fun a b -> near 1e-9 a (Trace.number b) e.Name)
                            (step e x (Array.map (fun v -> v / 1.3) u))
                            next
            }

            test "distances from the goal know turns, and leave velocities out" {
                let distance x =
                    Option.get (CartPole.environment.DistanceFromGoal x)

                near 1e-12 0.0 (distance [| 1.0; -Math.PI; 9.0; 9.0 |]) "the other way up"
                near 1e-12 0.5 (distance [| 0.5; Math.PI + 0.1; 0.0; 0.0 |]) "the larger of two"
                Expect.isNone (Manipulator.environment.DistanceFromGoal Manipulator.environment.Start) "no goal"
            }

            test "no task begins where it ends: a fallen state ends it, the start and its neighbours do not" {
                let off = [| 10.1; 0.0; 0.0; 0.0 |]

                // states in which an episode is over; nowhere where nothing is named
                let fallen =
                    Map
                        [
                            "cartpole", [ off; Array.map (~-) off ]
                            "cartpole-pilco", [ off; Array.map (~-) off ]
                            "cartpole-rail", [ off; Array.map (~-) off ]
                            "cart-double-pole", [ [| 10.1; 0.0; 0.0; 0.0; 0.0; 0.0 |] ]
                            "hopper", [ [| 0.0; 0.29; 0.0; 0.0; 0.0; 0.0; 0.0; 0.0; 0.0; 0.0 |] ]
                            for name in [ "quadrotor"; "quadrotor-pillars" ] do
                                name,
                                [
                                    for pitch in [ 1.6; -1.6 ] -> Array.init 12 (fun i -> if i = 4 then pitch else 0.0)
                                ]
                            "unicycle",
                            [
                                for i in [ 7; 10 ] do
                                    for angle in [ 1.6; -1.6 ] -> Array.init 12 (fun j -> if i = j then angle else 0.0)
                            ]
                        ]

                for e in Environments.all do
                    Expect.isFalse (e.IsTerminal e.Start) $"{e.Name} at its start"
                    let first = Episodes(e, 50).Reset 1

                    for b in 0..49 do
                        Expect.isFalse (e.IsTerminal first[b, *]) $"{e.Name} at a first state"

                    e.Goal
                    |> Option.iter (fun goal -> Expect.isFalse (e.IsTerminal goal) $"{e.Name} at its goal")

                    match Map.tryFind e.Name fallen with
                    | Some states ->
                        for x in states do
                            Expect.isTrue (e.IsTerminal x) $"{e.Name} at %A{x}"
                    | None ->
                        for x, _ in points e 50 do
                            Expect.isFalse (e.IsTerminal(Array.map ((*) 10.0) x)) $"{e.Name} at %A{x}"
            }

            test "environments are found by name" {
                for e in Environments.all do
                    let found = Expect.wantOk (Environments.find e.Name) e.Name
                    Expect.equal found.Name e.Name "name"
            }

            test "a wrong name is answered with the nearest, and with all there are" {
                let message = Expect.wantError (Environments.find "cart-pole") "not a name"
                Expect.stringContains message "Did you mean 'cartpole'?" "guess"

                for e in Environments.all do
                    Expect.stringContains message e.Name "all names"

                let message = Expect.wantError (Environments.find "helicopter") "not a name"
                Expect.isFalse (message.Contains "Did you mean") "nothing near"
            }
        ]

[<Tests>]
let tests =
    testList "Environments" [ modelTests; energyTests; aircraftTests; registryTests ]
