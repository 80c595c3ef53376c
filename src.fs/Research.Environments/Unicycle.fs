namespace Research.Environments

open System
open Research

/// A robot on one wheel: a frame on the axle of the wheel, and on top of the frame a turntable whose reaction turns the robot. The wheel
/// rolls on a plane without slipping, so that the contact point can only go where the wheel points.
///
/// Axes: i points ahead, j to the left along the axle, k up in the plane of the wheel. θ tilts k to the left, φ turns i from the x axis
/// against the clock as seen from above, ψw turns the wheel and ψf the frame about j (forward is positive, both from the upright in the
/// plane of the wheel), ψt turns the turntable against the frame.
[<RequireQualifiedAccess>]
module Unicycle =

    /// masses of the wheel, the frame and the turntable, kg
    let wheelMass, frameMass, tableMass = 1.0, 23.5, 10.0
    /// radius of the wheel; distances from the axle to the centre of the frame, and from there to the turntable, m
    let radius, frameHeight, tableHeight = 0.225, 0.54, 0.27
    /// moments of inertia of the wheel about its centre along its axes, kg m²: ahead, along the axle, up
    let wheelInertia = [| 0.0242; 0.0484; 0.0242 |]
    /// those of the frame, kg m²
    let frameInertia = [| 0.4608; 0.8292; 0.4248 |]
    /// those of the turntable, kg m²
    let tableInertia = [| 1.3; 1.3; 0.2 |]
    /// m/s²
    let gravity = 9.82

    /// Mass and principal moments of the parts in the order of `velocities`, those of each times a factor of its own.
    let private inertias (factors: float[]) (frameInertia: float[]) : Vec =
        [|
            let parts =
                [ wheelMass, wheelInertia; frameMass, frameInertia; tableMass, tableInertia ]

            for factor, (mass, inertia) in Seq.zip factors parts do
                yield! Array.create 3 (factor * mass)
                yield! Array.map ((*) factor) inertia
        |]
        |> Vec.ofFloats

    /// From the axes of the wheel to those of the frame, which is pitched by ψf about j.
    let private pitched (s: Real) (c: Real) (v: Vec) : Vec =
        [|
            Sparse.mul c v[0] - Sparse.mul s v[2]
            v[1]
            Sparse.mul s v[0] + Sparse.mul c v[2]
        |]

    /// Velocity of the centre and angular velocity of wheel, frame and turntable, 18 numbers: the wheel's along i, j, k, the others'
    /// along the axes of the frame. Linear in the speeds [θ̇, φ̇, ψ̇w, ψ̇f, ψ̇t].
    let private velocities (tilt: Real) (pitch: Real) (speeds: Vec) : Vec =
        let toFrame = pitched (sin pitch) (cos pitch)
        let axes = [| -speeds[0]; -(sin tilt * speeds[1]); cos tilt * speeds[1] |]
        let wheel = [| axes[0]; axes[1] + speeds[2]; axes[2] |]
        let axle = [| radius * wheel[1]; -(radius * wheel[0]); Real.Zero |]
        let frame = toFrame [| axes[0]; axes[1] + speeds[3]; axes[2] |]
        let table = [| frame[0]; frame[1]; frame[2] + speeds[4] |]

        let at height =
            Vec.add (toFrame axle) [| height * frame[1]; -(height * frame[0]); Real.Zero |]

        Vec.concat [ axle; wheel; at frameHeight; frame; at (frameHeight + tableHeight); table ]

    /// As `odeWith`, with an inertia of the frame of its own where speeds change.
    let private rates (factors: float[]) (acceleratedFrame: float[]) (x: Vec) (u: Vec) : Vec =
        let turned, accelerated =
            inertias factors frameInertia, inertias factors acceleratedFrame

        let speeds, tilt, heading, pitch = x[..4], x[7], x[8], x[10]
        let toFrame = pitched (sin pitch) (cos pitch)
        let jacobian = Diff.jacobian (velocities tilt pitch) speeds
        let motion = velocities tilt pitch speeds

        let drift =
            Diff.jacobianv (fun q -> velocities q[0] q[1] speeds) [| tilt; pitch |] [| speeds[0]; speeds[3] |]

        let momentum = Array.map2 Sparse.mul turned motion
        let axes = [| -speeds[0]; -(sin tilt * speeds[1]); cos tilt * speeds[1] |]
        let frame = motion[9..11]

        let turning =
            Vec.concat
                [
                    for first, omega in [ 0, axes; 3, axes; 6, frame; 9, frame; 12, frame; 15, frame ] do
                        Sparse.cross omega momentum[first .. first + 2]
                ]

        let up = [| Real.Zero; -(sin tilt); cos tilt |]
        let still = Array.create 3 Real.Zero

        let weight (mass: float) direction =
            Vec.scale (Real.constant (-mass * gravity)) direction

        let weights =
            Vec.concat
                [
                    weight (factors[0] * wheelMass) up
                    still
                    weight (factors[1] * frameMass) (toFrame up)
                    still
                    weight (factors[2] * tableMass) (toFrame up)
                    still
                ]

        let load =
            Vec.sub weights (Vec.add (Array.map2 Sparse.mul accelerated drift) turning)

        let torques = [| Real.Zero; Real.Zero; u[1]; -u[1]; u[0] |]

        let mass =
            Array2D.init 5 5 (fun i j -> Sparse.dot jacobian[*, i] (Array.map2 Sparse.mul accelerated jacobian[*, j]))

        let forces = Array.init 5 (fun i -> torques[i] + Sparse.dot jacobian[*, i] load)
        let rolled = radius * speeds[2]

        Vec.concat
            [
                Mat.solveCholesky mass forces
                [| rolled * cos heading; rolled * sin heading |]
                speeds
            ]

    /// ẋ of x = [θ̇, φ̇, ψ̇w, ψ̇f, ψ̇t, x, y, θ, φ, ψw, ψf, ψt], (x, y) the contact point, under torques u = [turntable, wheel]: the
    /// turntable's acts between frame and turntable, the wheel's between frame and wheel. Kane's equations in the five speeds s, with
    /// the momenta p = I w(q) s of the parts in axes that turn with Ω, and J = ∂(w s)/∂s:
    ///
    ///     Jᵀ I J ṡ = τ − Jᵀ (I ẇ s + Ω × p − weight)
    ///
    /// Constants: the unicycle scenario of PILCO 0.9 (Deisenroth and Rasmussen 2011). The equations are ours.
    /// Source of the method: Kane and Levinson, Dynamics: Theory and Applications (1985).
    ///
    /// The masses of wheel, frame and turntable, with their inertias, each times a factor of its own.
    let odeWith (factors: float[]) : Vec -> Vec -> Vec = rates factors frameInertia

    /// ẋ with the masses above.
    let ode: Vec -> Vec -> Vec = odeWith [| 1.0; 1.0; 1.0 |]

    /// ẋ as PILCO 0.9 has it, for comparisons with what that program recorded. It is `ode` but for the frame's moment about the axle:
    /// wherever an acceleration multiplies it, the wheel's stands in its place, so that energy is not kept. The accelerations of wheel and
    /// pitch differ from those of `ode`, by 23 % and 13 % at a state of moderate angles; those of tilt, heading and turntable do not.
    let pilcoOde: Vec -> Vec -> Vec =
        rates [| 1.0; 1.0; 1.0 |] [| frameInertia[0]; wheelInertia[1]; frameInertia[2] |]

    /// What is seen from the robot: velocity of the contact point in the plane (2), velocity and place of the origin along i and to the
    /// left of it (2 and 2), of a state x.
    let contact (x: Vec) : Vec =
        let c, s = cos x[8], sin x[8]
        let rolled = radius * x[2]
        let ahead, left = -(c * x[5] + s * x[6]), s * x[5] - c * x[6]
        [| rolled * c; rolled * s; x[1] * left - rolled; -(x[1] * ahead); ahead; left |]

    /// A point of the robot, `along` i, `left` along j, `height` along k from the contact point, as a picture shows it: from ahead, the
    /// right and above.
    let private project (x: float[]) (along: float) (left: float) (height: float) =
        let tilt, heading = x[7], x[8]
        let side = left * cos tilt + height * sin tilt
        let px = x[5] + along * cos heading - side * sin heading
        let py = x[6] + along * sin heading + side * cos heading
        let pz = height * cos tilt - left * sin tilt
        0.85 * px - 0.5 * py, 0.9 * pz + 0.2 * px + 0.35 * py

    let private scene: Scene =
        let ring count point =
            let at k =
                point (2.0 * Math.PI * float k / float count)

            [ for k in 0 .. count - 1 -> at k, at (k + 1) ]

        {
            XRange = -1.6, 1.1
            YRange = -0.5, 1.5
            Shapes =
                fun x ->
                    let at = project x
                    let s, c = sin x[10], cos x[10]
                    let top = frameHeight + tableHeight

                    let wheel angle =
                        at (radius * cos angle) 0.0 (radius - radius * sin angle)

                    let table angle =
                        let ahead, left = 0.3 * cos (x[11] + angle), 0.3 * sin (x[11] + angle)
                        at (top * s + c * ahead) left (radius + top * c - s * ahead)

                    let ground px py =
                        0.85 * px - 0.5 * py, 0.2 * px + 0.35 * py

                    [
                        for k in -3 .. 2 do
                            let place = 0.5 * float k
                            Segment(Ground, 0.006, ground -1.5 place, ground 1.0 place)
                            Segment(Ground, 0.006, ground place -1.5, ground place 1.0)
                        Disc(Goal, ground 0.0 0.0, 0.05)
                        for a, b in ring 16 wheel do
                            Segment(Body, 0.03, a, b)
                        for turn in 0..3 do
                            let angle = x[9] + 0.5 * Math.PI * float turn
                            Segment(Body, 0.012, at 0.0 0.0 radius, wheel angle)
                        Segment(Limb, 0.04, at 0.0 0.0 radius, at (top * s) 0.0 (radius + top * c))
                        for a, b in ring 16 table do
                            Segment(Limb, 0.025, a, b)
                        for turn in 0..3 do
                            Segment(
                                Limb,
                                0.012,
                                at (top * s) 0.0 (radius + top * c),
                                table (0.5 * Math.PI * float turn)
                            )
                    ]
        }

    /// The task: ride to a place ahead and to the left, and stand there.
    let environment: Research.Environments.Environment =
        // no weight on how far wheel and turntable have turned
        let weights speed place tilt heading pitch =
            [|
                speed
                speed
                0.01 * speed
                speed
                0.01 * speed
                place
                place
                tilt
                heading
                0.0
                pitch
                0.0
            |]

        let upright = Vec.ofFloats (Array.zeroCreate 12)

        {
            Name = "unicycle"
            Summary = "ride on one wheel to a place ahead and to the left, and stand there"
            Source = "unicycle scenario of PILCO 0.9 (Deisenroth and Rasmussen 2011), with equations of our own"
            States =
                [|
                    for name, unit in
                        [
                            "tilt rate", "rad/s"
                            "heading rate", "rad/s"
                            "wheel rate", "rad/s"
                            "pitch rate", "rad/s"
                            "turntable rate", "rad/s"
                            "x", "m"
                            "y", "m"
                            "tilt", "rad"
                            "heading", "rad"
                            "wheel angle", "rad"
                            "pitch", "rad"
                            "turntable angle", "rad"
                        ] do
                        { Name = name; Unit = unit }
                |]
            Controls =
                [|
                    {
                        Name = "turntable torque"
                        Unit = "N m"
                    }
                    { Name = "wheel torque"; Unit = "N m" }
                |]
            TimeStep = 0.05
            Horizon = 80
            Step = fun h -> Integrator.rk4 h ode
            Masses =
                Some
                    {
                        Names = [| "wheel"; "frame"; "turntable" |]
                        Step = fun factors h -> Integrator.rk4 h (odeWith factors)
                    }
            Stage =
                fun h x u ->
                    h
                    * (Cost.quadratic (weights 0.1 1.0 1.0 0.1 1.0) upright x
                       + 0.001 * Vec.squaredNorm u)
            Terminal = Cost.quadratic (weights 20.0 50.0 50.0 5.0 50.0) upright
            Goal = None
            Start = [| 0.0; 0.0; 0.0; 0.0; 0.0; -1.0; -0.4; 0.0; 0.0; 0.0; 0.0; 0.0 |]
            StartSpread = [| yield! Array.create 5 0.02; 0.1; 0.1; yield! Array.create 5 0.02 |]
            Limits = [| -10.0; -50.0 |], [| 10.0; 50.0 |]
            Constraints = []
            IsTerminal = fun x -> abs x[7] > Math.PI / 2.0 || abs x[10] > Math.PI / 2.0
            ControlSpread = 0.0
            Scene = scene
        }
