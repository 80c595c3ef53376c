namespace Research.Agents

open System
open Research
open Research.Models
open Research.Environments

/// A low-cost arm that stacks blocks. Four hobby servos (base, shoulder, elbow, wrist) take set points twice a second; nothing measures the
/// joints. A depth camera sees the centre of the block in the gripper, and that is all the learner is given. The servos lag, are limited in
/// speed, stop beside their set points, and their gears have play.
///
/// The task is that of Deisenroth, Rasmussen and Fox, Learning to Control a Low-Cost Manipulator using Data-Efficient Reinforcement Learning
/// (RSS 2011). The arm's sizes and faults are ours, of the order of what such arms have.
[<RequireQualifiedAccess>]
module BlockStacking =

    /// height of the shoulder above the table, upper arm, forearm, hand to the centre of the block, m
    let shoulder, upperArm, forearm, hand = 0.07, 0.146, 0.187, 0.09

    /// edge of a block, m
    let block = 0.025

    /// where the tower stands on the table, x and y in m
    let tower = 0.27, 0.0

    /// time of a step in s, steps of a rollout
    let timeStep, horizon = 0.5, 10

    /// time constant of the servos in s, their highest speed in rad/s, half of the play of their gears in rad
    let private lag, speed, play = 0.15, 1.5, 0.015

    /// what each servo stops beside its set point, rad
    let private bias = [| 0.03; -0.04; 0.03; -0.02 |]

    /// standard deviation of the camera in each direction, m
    let cameraNoise = 0.003

    /// set points at the start of a rollout, from which controls count: the block held up beside the tower
    let private home = [| -0.7; 1.25; -1.35; -0.6 |]

    /// Places [x, y, z] along the arm at joint angles: shoulder, elbow, wrist, centre of the block.
    let places (q: float[]) : (float * float * float)[] =
        let at (r: float) z = r * cos q[0], r * sin q[0], z
        let a1, a2, a3 = q[1], q[1] + q[2], q[1] + q[2] + q[3]
        let r1, z1 = upperArm * cos a1, shoulder + upperArm * sin a1
        let r2, z2 = r1 + forearm * cos a2, z1 + forearm * sin a2

        [|
            at 0.0 shoulder
            at r1 z1
            at r2 z2
            at (r2 + hand * cos a3) (z2 + hand * sin a3)
        |]

    /// Centre of the block at joint angles, m.
    let centre (q: float[]) : float[] =
        let x, y, z = Array.last (places q)
        [| x; y; z |]

    // the plant's state: four motors, four joints
    let private joints (plant: float[]) = plant[4..7]

    /// The joints over one step, in the given number of equal parts: states of the plant, the first left out.
    let private travel (parts: int) (plant: float[]) (u: float[]) : float[] list =
        let h = timeStep / float parts

        let step (plant: float[]) =
            let motors =
                Array.init 4 (fun i ->
                    let rate = (home[i] + u[i] + bias[i] - plant[i]) / lag
                    plant[i] + h * Math.Clamp(rate, -speed, speed))

            // a joint is carried along only where the motor has crossed the play
            let joints =
                Array.init 4 (fun i -> Math.Clamp(plant[4 + i], motors[i] - play, motors[i] + play))

            Array.append motors joints

        List.init parts id |> List.scan (fun state _ -> step state) plant |> List.tail

    let private parts = 50

    /// Blocks at rest in the tower below a level: their centres.
    let private rest (level: int) : float[] list =
        [
            for i in 0 .. level - 1 -> [| fst tower; snd tower; (float i + 0.5) * block |]
        ]

    /// height above its place from which a block is let go, m
    let private clearance = 0.015

    /// Where a block of a level belongs: just above its place, from where it is let go.
    let target (level: int) : float[] =
        [| fst tower; snd tower; (float level + 0.5) * block + clearance |]

    /// Steps of a rollout in which the block touched a block of a tower of a given level.
    let collisions (level: int) (rollout: Rollout) : int =
        let touches (p: float[]) =
            rest level
            |> List.exists (fun other -> Array.forall2 (fun (a: float) b -> abs (a - b) < block) p other)

        Seq.init rollout.Steps (fun t ->
            travel parts rollout.Plant[t, *] rollout.Controls[t, *]
            |> List.exists (joints >> centre >> touches))
        |> Seq.filter id
        |> Seq.length

    /// Distance from a place in a half-width that suits it, as a loss.
    let private near (place: float[]) (width: float) : Loss =
        let identity = Array2D.init 3 3 (fun i j -> if i = j then 1.0 else 0.0)

        {
            Features = identity
            Angles = [||]
            Rows = identity
            Target = place
            Width = width
        }

    let private scene (level: int) : Scene =
        {
            XRange = -0.1, 0.45
            YRange = 0.0, 0.35
            Shapes =
                fun plant ->
                    let along = places (joints plant) |> Array.map (fun (x, _, z) -> x, z)

                    [
                        Segment(Ground, 0.004, (-0.1, 0.0), (0.45, 0.0))
                        for other in rest level do
                            Box(Ground, (other[0], other[2]), block, block, 0.0)
                        let goal = target level
                        Box(Goal, (goal[0], goal[2]), block, block, 0.0)
                        Segment(Ground, 0.03, (0.0, 0.0), along[0])

                        for i in 0..2 do
                            Segment(Limb, 0.012, along[i], along[i + 1])

                        Box(Body, along[3], block, block, 0.0)
                    ]
        }

    /// Stacking a block onto a tower of `level` blocks; where the tower is to be avoided, its blocks are penalties of the loss.
    let scenario (level: int) (avoids: bool) : Scenario =
        if level < 0 || level > 5 then
            invalidArg (nameof level) $"a tower has 0 to 5 blocks, and {level} were asked for"

        let still = Array.map2 (+) home bias
        let start = Array.append still still
        let goal = target level

        {
            Name =
                if avoids then
                    $"stacking-{level}"
                else
                    $"stacking-{level}-unguarded"
            Summary = $"learn to bring a block onto a tower of {level} with a low-cost arm that measures no joint"
            Source = "the task of Deisenroth, Rasmussen and Fox (RSS 2011), with an arm of our own"
            States = [| for name in [ "x"; "y"; "z" ] -> { Name = name; Unit = "m" } |]
            Controls =
                [|
                    for name in [ "base"; "shoulder"; "elbow"; "wrist" ] -> { Name = name; Unit = "rad" }
                |]
            TimeStep = timeStep
            Horizon = horizon
            Advance = fun plant u -> List.last (travel parts plant u)
            Observe = joints >> centre
            Measure = fun rng plant -> centre (joints plant) |> Array.map (fun x -> x + cameraNoise * rng.Normal())
            Starts = [| start |]
            // the arm is put up by hand, and its joints are then where their motors are
            StartSpread = Array.create 8 0.01
            ModelSpread = Array.create 3 0.01
            Limits = [| 1.0; 0.7; 0.7; 0.7 |]
            RandomShare = 1.0
            Angles = [||]
            DynamicsInputs = [| 0; 1; 2 |]
            PolicyInputs = [| 0; 1; 2 |]
            Policy = Linear
            Loss = near goal 0.05
            Penalties =
                if avoids then
                    [ for other in rest level -> 1.0, near other (0.75 * block) ]
                else
                    []
            LineSearches = 50
            Evaluations = 20
            Inducing = 300
            RandomRollouts = 1
            Trials = 10
            IsFallen = fun _ -> false
            Distance =
                fun plant ->
                    Array.map2 (fun a b -> (a - b) * (a - b)) (centre (joints plant)) goal
                    |> Array.sum
                    |> sqrt
            Reach = 0.015
            Scene = scene level
        }
