namespace Research.Environments

open System
open Research

/// A joint that turns about the z axis of its own frame, and the link that it carries. Metres, radians, kilograms.
type Joint =
    {
        Name: string
        /// origin of the frame in that of the link before, at any angle
        Offset: float[]
        /// roll, pitch and yaw of the frame in that of the link before, at angle 0: R = Rz(yaw) Ry(pitch) Rx(roll)
        Rotation: float[]
        Mass: float
        /// centre of mass of the link in the frame
        Centre: float[]
        /// inertia of the link about its centre of mass: xx, yy, zz, xy, xz, yz
        Inertia: float[]
        /// inertia of the motor as the joint feels it, kg m²
        Armature: float
        /// torque against the motion, N m s/rad
        Damping: float
        /// range of the angle
        Lower: float
        Upper: float
        /// largest torque, N m
        Torque: float
    }

/// A chain of joints, each on the link of the one before; the first stands on the ground.
type Chain =
    {
        Joints: Joint[]
        /// acceleration of falling things, m/s², in the frame of the ground
        Gravity: float[]
        /// a point of the last link, in its frame
        Tool: float[]
    }

/// The dynamics of chains of rigid bodies, by recursions from link to link. Constant zeros of frames and inertias cost nothing. Source:
/// Featherstone, Rigid Body Dynamics Algorithms (2008), chapters 5 to 7.
[<RequireQualifiedAccess>]
module ArticulatedBody =

    let private rotationX (a: float) =
        array2D [ [ 1.0; 0.0; 0.0 ]; [ 0.0; cos a; -sin a ]; [ 0.0; sin a; cos a ] ]

    let private rotationY (a: float) =
        array2D [ [ cos a; 0.0; sin a ]; [ 0.0; 1.0; 0.0 ]; [ -sin a; 0.0; cos a ] ]

    let private rotationZ (a: float) =
        array2D [ [ cos a; -sin a; 0.0 ]; [ sin a; cos a; 0.0 ]; [ 0.0; 0.0; 1.0 ] ]

    /// Rotation from a joint's frame at angle 0 to that of the link before, Rz(yaw) Ry(pitch) Rx(roll), with what rounding left of zeros and
    /// ones made whole: [3, 3].
    let placement (joint: Joint) : float[,] =
        let product (a: float[,]) (b: float[,]) =
            Array2D.init 3 3 (fun i j -> Seq.sum (seq { for k in 0..2 -> a[i, k] * b[k, j] }))

        product (product (rotationZ joint.Rotation[2]) (rotationY joint.Rotation[1])) (rotationX joint.Rotation[0])
        |> Array2D.map (fun value ->
            let whole = Math.Round value
            if abs (value - whole) < 1e-15 then whole else value)

    let private add (a: Mat) (b: Mat) : Mat =
        Array2D.init 3 3 (fun i j -> a[i, j] + b[i, j])

    /// [r]× with [r]× v = r × v
    let private skew (r: Vec) : Mat =
        array2D
            [
                [ Real.Zero; -r[2]; r[1] ]
                [ r[2]; Real.Zero; -r[0] ]
                [ -r[1]; r[0]; Real.Zero ]
            ]

    /// R A Rᵀ of a symmetric matrix
    let private turned (r: Mat) (a: Mat) : Mat =
        let half = Sparse.matmul r a
        Array2D.init 3 3 (fun i j -> Sparse.dot half[max i j, *] r[min i j, *])

    /// What is known of a link before anything moves.
    type private Link =
        {
            Placement: Mat
            Offset: Vec
            Mass: float
            Centre: Vec
            /// inertia about the origin of the frame
            Inertia: Mat
        }

    let private link (joint: Joint) : Link =
        let c, m = joint.Centre, joint.Mass
        let i = joint.Inertia

        let about =
            array2D [ [ i[0]; i[3]; i[4] ]; [ i[3]; i[1]; i[5] ]; [ i[4]; i[5]; i[2] ] ]

        let square = c[0] * c[0] + c[1] * c[1] + c[2] * c[2]

        {
            Placement = Mat.ofFloats (placement joint)
            Offset = Vec.ofFloats joint.Offset
            Mass = m
            Centre = Vec.ofFloats c
            Inertia =
                Array2D.init 3 3 (fun a b -> about[a, b] + m * ((if a = b then square else 0.0) - c[a] * c[b]))
                |> Mat.ofFloats
        }

    /// Rotation from a link's frame to that of the link before: its placement times a turn by q about z.
    let private toParent (link: Link) (q: Real) : Mat =
        let s, c = sin q, cos q

        Sparse.matmul
            link.Placement
            (array2D
                [
                    [ c; -s; Real.Zero ]
                    [ s; c; Real.Zero ]
                    [ Real.Zero; Real.Zero; Real.One ]
                ])

    let private z = Vec.ofFloats [ 0.0; 0.0; 1.0 ]

    let private motions (links: Link[]) (q: Vec) (rates: Vec) =
        let mutable omega, velocity =
            Vec.ofFloats [ 0.0; 0.0; 0.0 ], Vec.ofFloats [ 0.0; 0.0; 0.0 ]

        Array.init links.Length (fun i ->
            let r = toParent links[i] q[i]
            let back = Mat.transpose r
            velocity <- Sparse.mulVec back (Vec.add velocity (Sparse.cross omega links[i].Offset))
            omega <- Vec.add (Sparse.mulVec back omega) (Sparse.scale rates[i] z)

            {|
                Rotation = r
                Omega = omega
                Velocity = velocity
            |})

    /// Rate of change of a link's momentum as far as it comes from its velocity: torque about the origin, and force.
    let private bias (link: Link) (omega: Vec) (velocity: Vec) : Vec * Vec =
        let m = Real.constant link.Mass
        let linear = Vec.scale m (Vec.add velocity (Sparse.cross omega link.Centre))

        let angular =
            Vec.add (Sparse.mulVec link.Inertia omega) (Sparse.scale m (Sparse.cross link.Centre velocity))

        Vec.add (Sparse.cross omega angular) (Sparse.cross velocity linear), Sparse.cross omega linear

    let private size (chain: Chain) operation (vectors: Vec list) =
        for vector in vectors do
            if vector.Length <> chain.Joints.Length then
                invalidArg
                    (nameof chain)
                    $"{operation} of a chain of {chain.Joints.Length} joints got a vector of {vector.Length} numbers"

    /// Accelerations q̈ [n] of a chain of n joints at angles q, with rates q̇, under torques τ: the articulated-body algorithm, O(n).
    let forward (chain: Chain) (q: Vec) (rates: Vec) (torques: Vec) : Vec =
        size chain "forward dynamics" [ q; rates; torques ]
        let links = chain.Joints |> Array.map link
        let n = links.Length
        let moving = motions links q rates

        // velocity-product accelerations: v × s q̇
        let c =
            moving
            |> Array.mapi (fun i body ->
                let s = Sparse.scale rates[i] z
                Sparse.cross body.Omega s, Sparse.cross body.Velocity s)

        // articulated inertias [J H; Hᵀ M] and bias forces, from the tip to the ground
        let inertias =
            links
            |> Array.map (fun link ->
                let m = Real.constant link.Mass

                link.Inertia,
                Array2D.map (Sparse.mul m) (skew link.Centre),
                Array2D.map (Sparse.mul m) (Mat.identity 3))

        let forces =
            Array.map2
                (fun
                    link
                    (body:
                        {|
                            Rotation: Mat
                            Omega: Vec
                            Velocity: Vec
                        |}) -> bias link body.Omega body.Velocity)
                links
                moving

        let handles = Array.zeroCreate<Vec * Vec * Real * Real> n

        for i in n - 1 .. -1 .. 0 do
            let j, h, m = inertias[i]
            let torque, force = forces[i]
            let upper, lower = j[*, 2], h[2, *]
            let inverse = 1.0 / (j[2, 2] + chain.Joints[i].Armature)
            let u = torques[i] - chain.Joints[i].Damping * rates[i] - torque[2]
            handles[i] <- (upper, lower, inverse, u)

            if i > 0 then
                let us, ls = Sparse.scale inverse upper, Sparse.scale inverse lower

                let j =
                    Array2D.init 3 3 (fun a b -> j[a, b] - Sparse.mul us[max a b] upper[min a b])

                let h = Array2D.init 3 3 (fun a b -> h[a, b] - Sparse.mul us[a] lower[b])

                let m =
                    Array2D.init 3 3 (fun a b -> m[a, b] - Sparse.mul ls[max a b] lower[min a b])

                let cAngular, cLinear = c[i]

                let torque =
                    Array.init 3 (fun a ->
                        torque[a]
                        + Sparse.dot j[a, *] cAngular
                        + Sparse.dot h[a, *] cLinear
                        + Sparse.mul us[a] u)

                let force =
                    Array.init 3 (fun a ->
                        force[a]
                        + Sparse.dot h[*, a] cAngular
                        + Sparse.dot m[a, *] cLinear
                        + Sparse.mul ls[a] u)

                // into the frame of the link before
                let r = moving[i].Rotation
                let offset = skew links[i].Offset
                let m' = turned r m
                let h' = Sparse.matmul (Sparse.matmul r h) (Mat.transpose r)
                let rm = Sparse.matmul offset m'
                let rh = Sparse.matmul offset (Mat.transpose h')
                let rmr = Sparse.matmul rm offset
                let j' = turned r j

                let shifted =
                    Array2D.init 3 3 (fun a b ->
                        let a, b = max a b, min a b
                        j'[a, b] + (rh[a, b] + rh[b, a]) - rmr[a, b])

                let before, coupling, mass = inertias[i - 1]
                inertias[i - 1] <- (add before shifted, add coupling (add h' rm), add mass m')
                let force' = Sparse.mulVec r force
                let torque' = Vec.add (Sparse.mulVec r torque) (Sparse.cross links[i].Offset force')
                let torqueBefore, forceBefore = forces[i - 1]
                forces[i - 1] <- (Vec.add torqueBefore torque', Vec.add forceBefore force')

        // accelerations, from the ground to the tip; the ground accelerates upward instead of gravity pulling down
        let mutable angular = Vec.ofFloats [ 0.0; 0.0; 0.0 ]
        let mutable linear = Vec.ofFloats chain.Gravity |> Array.map (~-)

        Array.init n (fun i ->
            let back = Mat.transpose moving[i].Rotation
            let cAngular, cLinear = c[i]

            let linear' =
                Sparse.mulVec back (Vec.add linear (Sparse.cross angular links[i].Offset))

            let angular' = Vec.add (Sparse.mulVec back angular) cAngular
            let linear' = Vec.add linear' cLinear
            let upper, lower, inverse, u = handles[i]

            let acceleration =
                (u - Sparse.dot upper angular' - Sparse.dot lower linear') * inverse

            angular <- Vec.add angular' (Sparse.scale acceleration z)
            linear <- linear'
            acceleration)

    /// Torques τ [n] that give a chain of n joints the accelerations q̈ at angles q with rates q̇: the recursive Newton–Euler algorithm.
    let inverse (chain: Chain) (q: Vec) (rates: Vec) (accelerations: Vec) : Vec =
        size chain "inverse dynamics" [ q; rates; accelerations ]
        let links = chain.Joints |> Array.map link
        let n = links.Length
        let moving = motions links q rates
        let mutable angular = Vec.ofFloats [ 0.0; 0.0; 0.0 ]
        let mutable linear = Vec.ofFloats chain.Gravity |> Array.map (~-)

        let forces =
            Array.init n (fun i ->
                let body = moving[i]
                let back = Mat.transpose body.Rotation
                let s = Sparse.scale rates[i] z

                linear <-
                    Vec.add
                        (Sparse.mulVec back (Vec.add linear (Sparse.cross angular links[i].Offset)))
                        (Sparse.cross body.Velocity s)

                angular <-
                    Vec.add
                        (Vec.add (Sparse.mulVec back angular) (Sparse.cross body.Omega s))
                        (Sparse.scale accelerations[i] z)

                let m = Real.constant links[i].Mass
                let torque, force = bias links[i] body.Omega body.Velocity

                Vec.add
                    torque
                    (Vec.add
                        (Sparse.mulVec links[i].Inertia angular)
                        (Sparse.scale m (Sparse.cross links[i].Centre linear))),
                Vec.add force (Vec.scale m (Vec.add linear (Sparse.cross angular links[i].Centre))))

        let torques = Array.zeroCreate n

        for i in n - 1 .. -1 .. 0 do
            let torque, force = forces[i]

            torques[i] <-
                torque[2]
                + chain.Joints[i].Damping * rates[i]
                + chain.Joints[i].Armature * accelerations[i]

            if i > 0 then
                let force' = Sparse.mulVec moving[i].Rotation force

                let torque' =
                    Vec.add (Sparse.mulVec moving[i].Rotation torque) (Sparse.cross links[i].Offset force')

                let torqueBefore, forceBefore = forces[i - 1]
                forces[i - 1] <- (Vec.add torqueBefore torque', Vec.add forceBefore force')

        torques

    /// Mass matrix M(q) [n, n] of M q̈ + … = τ, column by column from `inverse`.
    let massMatrix (chain: Chain) (q: Vec) : Mat =
        let n = chain.Joints.Length
        let still = Array.create n Real.Zero

        let weightless =
            { chain with
                Gravity = [| 0.0; 0.0; 0.0 |]
            }

        let columns =
            Array.init n (fun k ->
                inverse weightless q still (Array.init n (fun i -> if i = k then Real.One else Real.Zero)))

        Array2D.init n n (fun i j -> columns[j][i])

    /// Where the joints and then the tool are, in the frame of the ground: n + 1 points [3].
    let points (chain: Chain) (q: Vec) : Vec[] =
        size chain "kinematics" [ q ]
        let links = chain.Joints |> Array.map link
        let mutable rotation = Mat.identity 3
        let mutable origin = Vec.ofFloats [ 0.0; 0.0; 0.0 ]

        let joints =
            Array.init links.Length (fun i ->
                origin <- Vec.add origin (Sparse.mulVec rotation links[i].Offset)
                rotation <- Sparse.matmul rotation (toParent links[i] q[i])
                origin)

        Array.append joints [| Vec.add origin (Sparse.mulVec rotation (Vec.ofFloats chain.Tool)) |]

    /// Where the tool is, in the frame of the ground [3].
    let tool (chain: Chain) (q: Vec) : Vec = Array.last (points chain q)

    /// Kinetic plus potential energy, J.
    let energy (chain: Chain) (q: Vec) (rates: Vec) : Real =
        let links = chain.Joints |> Array.map link
        let moving = motions links q rates
        let mutable rotation = Mat.identity 3
        let mutable origin = Vec.ofFloats [ 0.0; 0.0; 0.0 ]
        let mutable total = Real.Zero

        for i in 0 .. links.Length - 1 do
            let link, body = links[i], moving[i]
            origin <- Vec.add origin (Sparse.mulVec rotation link.Offset)
            rotation <- Sparse.matmul rotation body.Rotation
            let centre = Vec.add origin (Sparse.mulVec rotation link.Centre)
            let spin = Sparse.dot body.Omega (Sparse.mulVec link.Inertia body.Omega)

            let slide =
                Vec.squaredNorm body.Velocity
                + 2.0 * Sparse.dot body.Velocity (Sparse.cross body.Omega link.Centre)

            total <-
                total
                + 0.5
                  * (spin + link.Mass * slide + chain.Joints[i].Armature * (rates[i] * rates[i]))
                - link.Mass * Sparse.dot (Vec.ofFloats chain.Gravity) centre

        total

    /// ẋ of x = [q; q̇] under torques u.
    let ode (chain: Chain) (x: Vec) (u: Vec) : Vec =
        let n = chain.Joints.Length
        Array.append x[n..] (forward chain x[.. n - 1] x[n..] u)
