namespace Research.Environments

open System
open Research

/// A spatial arm of seven joints with the sizes of a KUKA LBR iiwa 14 R820.
[<RequireQualifiedAccess>]
module Manipulator =

    let private degrees = Math.PI / 180.0
    let private quarter = Math.PI / 2.0

    let private joint name offset rotation mass centre (xx, yy, zz) (reach: float) torque : Joint =
        {
            Name = name
            Offset = offset
            Rotation = rotation
            Mass = mass
            Centre = centre
            Inertia = [| xx; yy; zz; 0.0; 0.0; 0.0 |]
            Armature = 0.1
            Damping = 0.5
            Lower = -reach * degrees
            Upper = reach * degrees
            Torque = torque
        }

    /// Frames and ranges are those of the data sheet; masses, centres and inertias are the rounded ones that simulators use for this arm, not
    /// identified on one. Every motor adds 0.1 kg m² (assumed), every joint has a damping of 0.5 N m s/rad.
    let chain: Chain =
        {
            Joints =
                [|
                    joint
                        "A1"
                        [| 0.0; 0.0; 0.1575 |]
                        [| 0.0; 0.0; 0.0 |]
                        5.76
                        [| 0.0; -0.03; 0.12 |]
                        (0.033, 0.0333, 0.0123)
                        170.0
                        320.0
                    joint
                        "A2"
                        [| 0.0; 0.0; 0.2025 |]
                        [| quarter; 0.0; Math.PI |]
                        6.35
                        [| 0.0003; 0.059; 0.042 |]
                        (0.0305, 0.0304, 0.011)
                        120.0
                        320.0
                    joint
                        "A3"
                        [| 0.0; 0.2045; 0.0 |]
                        [| quarter; 0.0; Math.PI |]
                        3.5
                        [| 0.0; 0.03; 0.13 |]
                        (0.025, 0.0238, 0.0076)
                        170.0
                        176.0
                    joint
                        "A4"
                        [| 0.0; 0.0; 0.2155 |]
                        [| quarter; 0.0; 0.0 |]
                        3.5
                        [| 0.0; 0.067; 0.034 |]
                        (0.017, 0.0164, 0.006)
                        120.0
                        176.0
                    joint
                        "A5"
                        [| 0.0; 0.1845; 0.0 |]
                        [| -quarter; Math.PI; 0.0 |]
                        3.5
                        [| 0.0001; 0.021; 0.076 |]
                        (0.01, 0.0087, 0.00449)
                        170.0
                        110.0
                    joint
                        "A6"
                        [| 0.0; 0.0; 0.2155 |]
                        [| quarter; 0.0; 0.0 |]
                        1.8
                        [| 0.0; 0.0006; 0.0004 |]
                        (0.0049, 0.0047, 0.0036)
                        120.0
                        40.0
                    joint
                        "A7"
                        [| 0.0; 0.081; 0.0 |]
                        [| -quarter; Math.PI; 0.0 |]
                        1.2
                        [| 0.0; 0.0; 0.02 |]
                        (0.001, 0.001, 0.001)
                        175.0
                        40.0
                |]
            Gravity = [| 0.0; 0.0; -9.81 |]
            Tool = [| 0.0; 0.0; 0.045 |]
        }

    /// The chain with the mass of each link times a factor.
    let chainWith (factors: float[]) : Chain =
        let scaled (factor: float) (joint: Joint) =
            { joint with
                Mass = factor * joint.Mass
                Inertia = Array.map ((*) factor) joint.Inertia
            }

        { chain with
            Joints = Array.map2 scaled factors chain.Joints
        }

    /// where the tool is asked to go, m
    let goal = [| 0.45; 0.35; 0.55 |]

    let private scene: Scene =
        let kinematics =
            lazy (Compile.compile 14 (fun x -> ArticulatedBody.points chain x[..6] |> Array.concat))

        {
            XRange = -0.9, 1.1
            YRange = -0.1, 1.5
            Shapes =
                fun x ->
                    // seen from the side: x to the right, z up
                    let flat = kinematics.Value.Run x
                    let points = [ for i in 0..7 -> flat[3 * i], flat[3 * i + 2] ]

                    [
                        Disc(Goal, (goal[0], goal[2]), 0.04)
                        Segment(Ground, 0.02, (-0.9, 0.0), (1.1, 0.0))
                        Segment(Body, 0.1, (0.0, 0.0), points[0])
                        for a, b in List.pairwise points do
                            Segment(Limb, 0.07, a, b)
                        for point in points do
                            Disc(Body, point, 0.04)
                    ]
        }

    /// The task: move the tool to a place and hold it there.
    let environment: Research.Environments.Environment =
        let torques = chain.Joints |> Array.map _.Torque
        let rest = [| 0.0; 0.5; 0.0; -1.2; 0.0; 1.0; 0.0 |]

        let distance (x: Vec) =
            Vec.squaredNorm (Vec.sub (ArticulatedBody.tool chain x[..6]) (Vec.ofFloats goal))

        {
            Name = "manipulator"
            Summary = "move the tool of a seven-joint arm to a place and hold it there"
            Source = "KUKA LBR iiwa 14 R820: frames and ranges of the data sheet, rounded masses and inertias"
            States =
                [|
                    for joint in chain.Joints do
                        { Name = joint.Name; Unit = "rad" }
                    for joint in chain.Joints do
                        {
                            Name = $"{joint.Name} velocity"
                            Unit = "rad/s"
                        }
                |]
            Controls =
                chain.Joints
                |> Array.map (fun joint ->
                    {
                        Name = $"{joint.Name} torque"
                        Unit = "N m"
                    })
            TimeStep = 0.02
            Horizon = 50
            Step = fun h -> Integrator.semiImplicit h (ArticulatedBody.ode chain)
            Masses =
                Some
                    {
                        Names = chain.Joints |> Array.map (fun joint -> $"link of {joint.Name}")
                        Step = fun factors h -> Integrator.semiImplicit h (ArticulatedBody.ode (chainWith factors))
                    }
            Stage =
                fun h x u ->
                    let effort =
                        Vec.sum (Array.map2 (fun (u: Real) (most: float) -> (1.0 / (most * most)) * (u * u)) u torques)

                    h * (20.0 * distance x + 0.05 * Vec.squaredNorm x[7..] + 0.5 * effort)
            Terminal = fun x -> 100.0 * distance x + 2.0 * Vec.squaredNorm x[7..]
            Goal = None
            Start = Array.append rest (Array.zeroCreate 7)
            StartSpread = Array.append (Array.create 7 0.05) (Array.zeroCreate 7)
            Limits = Array.map (~-) torques, torques
            Constraints = []
            IsTerminal = fun _ -> false
            ControlSpread = 0.0
            Scene = scene
        }

    /// A ball in the way of the tool in `guarded`: centre and radius, m.
    let ball, ballRadius = [| 0.58; 0.2; 0.56 |], 0.12

    /// Largest rates of the joints, rad/s: those of the data sheet.
    let rates =
        [| 85.0; 85.0; 100.0; 75.0; 130.0; 135.0; 135.0 |] |> Array.map ((*) degrees)

    /// The task beside a ball that must not be touched.
    let guarded: Research.Environments.Environment =
        let tool (x: Vec) = ArticulatedBody.tool chain x[..6]
        let away (x: Vec) (place: float[]) = Vec.sub (tool x) (Vec.ofFloats place)
        let lower = chain.Joints |> Array.map _.Lower
        let upper = chain.Joints |> Array.map _.Upper

        { environment with
            Name = "manipulator-ball"
            Summary =
                "move the tool of a seven-joint arm around a ball to rest at a place, within the ranges and rates of its joints"
            Constraints =
                [
                    Constraint.terminalEquality "at rest at the goal" (fun x -> Array.append (away x goal) x[7..])
                    Constraint.between "joint ranges" lower upper (fun x -> x[..6])
                    Constraint.between "joint rates" (Array.map (~-) rates) rates (fun x -> x[7..])
                    Constraint.state "ball" (fun x -> [| ballRadius * ballRadius - Vec.squaredNorm (away x ball) |])
                ]
            Scene =
                { scene with
                    Shapes = fun x -> Disc(Ground, (ball[0], ball[2]), ballRadius) :: scene.Shapes x
                }
        }
