namespace Research.Environments

open Research

/// A link of a chain in the plane: a line from its origin, the joint to the link before.
type PlanarLink =
    {
        /// kg
        Mass: float
        /// moment of inertia about the centre of mass, kg m²
        Inertia: float
        /// distance along the link from its origin to the centre of mass, m
        Centre: float
        /// distance along the link from its origin to the joint of the link behind it, m
        Joint: float
        /// direction of the link against that of the link before, or the x axis, at angle 0, rad
        Rest: float
    }

/// Where a link is and how it moves, in the axes of the world.
type PlanarMotion =
    {
        /// [2]
        Direction: Vec
        /// [2]
        Origin: Vec
        /// of the origin [2]
        Velocity: Vec
        /// angular velocity
        Rate: Real
    }

/// The dynamics of chains of links in the plane, on a pivot or adrift, by one recursion from link to link: O(n). A joint of the plane
/// hands on nothing of a link behind it but a force, which is linear in the acceleration of the joint: f = W a + g, W [2, 2] the mass
/// that is felt there. It is the articulated-body algorithm (Featherstone, Rigid Body Dynamics Algorithms, 2008, chapter 7) in the axes
/// of the world, where there is nothing to rotate.
///
/// Coordinates adrift: q = [x, y of the first origin, angle of the first link, angles of the joints]; on a pivot without x and y.
[<RequireQualifiedAccess>]
module PlanarChain =

    /// A homogeneous rod.
    let rod (mass: float) (length: float) : PlanarLink =
        {
            Mass = mass
            Inertia = mass * length * length / 12.0
            Centre = length / 2.0
            Joint = length
            Rest = 0.0
        }

    /// The point of a link at a distance from its origin [2].
    let place (link: PlanarMotion) (distance: float) : Vec =
        Vec.add link.Origin (Vec.scale (Real.constant distance) link.Direction)

    /// Velocity of that point [2].
    let velocity (link: PlanarMotion) (distance: float) : Vec =
        let turning = distance * link.Rate

        [|
            link.Velocity[0] - turning * link.Direction[1]
            link.Velocity[1] + turning * link.Direction[0]
        |]

    /// The load [moment about the origin, x, y] of a force [2] on a link at a distance from its origin.
    let load (link: PlanarMotion) (distance: float) (force: Vec) : Vec =
        let moment =
            distance * (link.Direction[0] * force[1] - link.Direction[1] * force[0])

        [| moment; force[0]; force[1] |]

    let private size (links: PlanarLink[]) operation more (vectors: Vec list) =
        for vector in vectors do
            if vector.Length <> links.Length + more then
                invalidArg
                    (nameof links)
                    $"{operation} of {links.Length} links needs {links.Length + more} numbers, and got {vector.Length}"

    /// Motion of all links adrift. q, v: [n + 2].
    let motions (links: PlanarLink[]) (q: Vec) (v: Vec) : PlanarMotion[] =
        size links "the motion" 2 [ q; v ]
        let mutable angle, rate = Real.Zero, Real.Zero
        let mutable origin, speed = q[..1], v[..1]

        links
        |> Array.mapi (fun i link ->
            angle <- angle + q[i + 2] + link.Rest
            rate <- rate + v[i + 2]

            let motion =
                {
                    Direction = [| cos angle; sin angle |]
                    Origin = origin
                    Velocity = speed
                    Rate = rate
                }

            origin <- place motion link.Joint
            speed <- velocity motion link.Joint
            motion)

    /// Motion of all links on a pivot at the origin of the plane. q, v: [n].
    let motionsOnPivot (links: PlanarLink[]) (q: Vec) (v: Vec) : PlanarMotion[] =
        let still = [| Real.Zero; Real.Zero |]
        motions links (Array.append still q) (Array.append still v)

    /// What a link and all behind it make of an acceleration [α; a] of its origin: moment J α + b·a + moment, force b α + M a + force.
    type private Felt =
        {
            J: Real
            B: Vec
            M: Mat
            Moment: Real
            Force: Vec
        }

    let private alone (link: PlanarLink) (motion: PlanarMotion) (load: Vec) : Felt =
        let m = Real.constant link.Mass
        let first = Vec.scale (Real.constant (link.Mass * link.Centre)) motion.Direction
        let square = motion.Rate * motion.Rate

        {
            J = Real.constant (link.Inertia + link.Mass * link.Centre * link.Centre)
            B = [| -first[1]; first[0] |]
            M = array2D [ [ m; Real.Zero ]; [ Real.Zero; m ] ]
            Moment = -load[0]
            Force = [| -(square * first[0]) - load[1]; -(square * first[1]) - load[2] |]
        }

    /// Acceleration of a joint from that of the origin of the link before it.
    let private carried (link: PlanarLink) (motion: PlanarMotion) (alpha: Real) (a: Vec) : Vec =
        let r = Vec.scale (Real.constant link.Joint) motion.Direction
        let square = motion.Rate * motion.Rate

        [| a[0] - alpha * r[1] - square * r[0]; a[1] + alpha * r[0] - square * r[1] |]

    /// A link with the one behind it, whose joint has the torque τ.
    let private joined (link: PlanarLink) (motion: PlanarMotion) (before: Felt) (behind: Felt) (torque: Real) : Felt =
        let share = Vec.scale (1.0 / behind.J) behind.B

        let w =
            Array2D.init 2 2 (fun i j -> behind.M[i, j] - share[max i j] * behind.B[min i j])

        let r = Vec.scale (Real.constant link.Joint) motion.Direction
        let normal = [| -r[1]; r[0] |]
        let wn = Sparse.mulVec w normal
        let drift = Vec.scale (-(motion.Rate * motion.Rate)) r

        let force =
            Vec.add (Vec.add behind.Force (Sparse.mulVec w drift)) (Vec.scale (torque - behind.Moment) share)

        {
            J = before.J + Sparse.dot normal wn
            B = Vec.add before.B wn
            M = Array2D.init 2 2 (fun i j -> before.M[i, j] + w[i, j])
            Moment = before.Moment + Sparse.dot normal force + torque
            Force = Vec.add before.Force force
        }

    /// What is felt at every origin. Torques of the joints: [n − 1].
    let private felt (links: PlanarLink[]) (motions: PlanarMotion[]) (torques: Vec) (loads: Vec[]) : Felt[] =
        size links "the dynamics" -1 [ torques ]
        let felt = Array.map3 alone links motions loads

        for i in links.Length - 1 .. -1 .. 1 do
            felt[i - 1] <- joined links[i - 1] motions[i - 1] felt[i - 1] felt[i] torques[i - 1]

        felt

    /// Accelerations of the joints from that of the first link [α; a].
    let private outward
        (links: PlanarLink[])
        (motions: PlanarMotion[])
        (felt: Felt[])
        (torques: Vec)
        (alpha: Real)
        (a: Vec)
        : Vec =
        let mutable alpha, a = alpha, a

        Array.init (links.Length - 1) (fun i ->
            a <- carried links[i] motions[i] alpha a
            let part = felt[i + 1]

            let next = (torques[i] - part.Moment - Sparse.dot part.B a) / part.J

            let relative = next - alpha
            alpha <- next
            relative)

    /// Accelerations v̇ [n + 2] of a chain adrift under torques of its joints [n − 1] and loads of its links [n][3].
    let forward (links: PlanarLink[]) (motions: PlanarMotion[]) (torques: Vec) (loads: Vec[]) : Vec =
        let felt = felt links motions torques loads
        let b = felt[0]

        let whole =
            array2D
                [
                    [ b.M[0, 0]; b.M[0, 1]; b.B[0] ]
                    [ b.M[0, 1]; b.M[1, 1]; b.B[1] ]
                    [ b.B[0]; b.B[1]; b.J ]
                ]

        let first = Mat.solveCholesky whole [| -b.Force[0]; -b.Force[1]; -b.Moment |]
        Array.append first (outward links motions felt torques first[2] first[..1])

    /// Accelerations q̈ [n] of a chain on a pivot under torques of the pivot and the joints [n] and loads of its links [n][3].
    let forwardOnPivot (links: PlanarLink[]) (motions: PlanarMotion[]) (torques: Vec) (loads: Vec[]) : Vec =
        let felt = felt links motions torques[1..] loads
        let alpha = (torques[0] - felt[0].Moment) / felt[0].J

        Array.append [| alpha |] (outward links motions felt torques[1..] alpha [| Real.Zero; Real.Zero |])
