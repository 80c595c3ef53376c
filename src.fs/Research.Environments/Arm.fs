namespace Research.Environments

open System
open Research

/// Links in a vertical plane, one on the end of the other, with a motor at every joint. All angles 0: hanging down; each is measured
/// from the link before.
[<RequireQualifiedAccess>]
module Arm =

    /// length and mass of all links together, m and kg
    let length, mass = 1.0, 2.0
    /// m/s²
    let gravity = 9.81
    /// share of the torque that would hold all links behind a joint level, of which its motor is capable
    let strength = 0.7

    /// n equal rods.
    let links (n: int) : PlanarLink[] =
        if n < 1 then
            invalidArg (nameof n) $"an arm has one link or more, and {n} were asked for"

        Array.init n (fun i ->
            { PlanarChain.rod (mass / float n) (length / float n) with
                Rest = if i = 0 then -Math.PI / 2.0 else 0.0
            })

    /// Largest torques of the joints of an arm of n links, N m.
    let torques (n: int) : float[] =
        Array.init n (fun i ->
            let share = float (n - i) / float n
            strength * (share * mass) * gravity * (share * length / 2.0))

    let private weights (links: PlanarLink[]) (motions: PlanarMotion[]) =
        Array.map2
            (fun (link: PlanarLink) motion ->
                PlanarChain.load motion link.Centre (Vec.ofFloats [ 0.0; -link.Mass * gravity ]))
            links
            motions

    let private odeOf (links: PlanarLink[]) (x: Vec) (u: Vec) : Vec =
        let n = links.Length
        let motions = PlanarChain.motionsOnPivot links x[.. n - 1] x[n..]
        Array.append x[n..] (PlanarChain.forwardOnPivot links motions u (weights links motions))

    /// ẋ of x = [q; q̇] of an arm of n links under torques u [n].
    let ode (n: int) : Vec -> Vec -> Vec = odeOf (links n)

    /// Where the end of the arm is [2]. q: [n].
    let tip (n: int) (q: Vec) : Vec =
        let still = Array.create n Real.Zero
        PlanarChain.place (Array.last (PlanarChain.motionsOnPivot (links n) q still)) (length / float n)

    let private scene (n: int) : Scene =
        {
            XRange = -1.25, 1.25
            YRange = -1.25, 1.25
            Shapes =
                fun x ->
                    let directions = Array.scan (+) (x[0] - Math.PI / 2.0) x[1 .. n - 1]

                    let points =
                        Array.scan
                            (fun (px, py) angle -> px + length / float n * cos angle, py + length / float n * sin angle)
                            (0.0, 0.0)
                            directions
                        |> Array.toList

                    let width i = 0.09 - 0.05 * float i / float n

                    [
                        Disc(Goal, (0.0, length), 0.05)
                        for i, (a, b) in List.indexed (List.pairwise points) do
                            Segment((if i % 2 = 0 then Body else Limb), width i, a, b)
                        for i, point in List.indexed (List.tail points) do
                            Disc(Limb, point, 0.55 * width i)
                        Disc(Ground, (0.0, 0.0), 0.06)
                    ]
        }

    /// The task for an arm of n links: arm2, arm3, and so on.
    let environment (n: int) : Research.Environments.Environment =
        let most = torques n
        let goal = Array.append [| Math.PI |] (Array.zeroCreate (2 * n - 1))
        let terminal = Array.append (Array.create n 100.0) (Array.create n 5.0)

        {
            Name = $"arm{n}"
            Summary = $"swing up an arm of {n} links with motors too weak to lift it at once"
            Source = "equal rods of 1 m and 2 kg together; constants of our own"
            States =
                [|
                    for i in 1..n do
                        { Name = $"joint {i}"; Unit = "rad" }
                    for i in 1..n do
                        {
                            Name = $"joint {i} velocity"
                            Unit = "rad/s"
                        }
                |]
            Controls = [| for i in 1..n -> { Name = $"torque {i}"; Unit = "N m" } |]
            TimeStep = 0.02
            Horizon = 125
            Step = fun h -> Integrator.rk4 h (ode n)
            Masses =
                Some
                    {
                        Names = [| for i in 1..n -> $"link {i}" |]
                        Step = fun factors h -> Integrator.rk4 h (odeOf (PlanarChain.heavier factors (links n)))
                    }
            Stage =
                fun h x u ->
                    let miss = Vec.sub (tip n x[.. n - 1]) (Vec.ofFloats [ 0.0; length ])
                    let effort = Array.map2 (fun (u: Real) (most: float) -> u / most) u most

                    h
                    * (0.5 * Vec.squaredNorm miss
                       + 0.1 * Vec.squaredNorm x[1 .. n - 1]
                       + 0.005 * Vec.squaredNorm x[n..]
                       + 0.05 * Vec.squaredNorm effort)
            Terminal = Cost.quadratic terminal (Vec.ofFloats goal)
            Goal = Some goal
            Start = Array.zeroCreate (2 * n)
            StartSpread = Array.create (2 * n) 0.05
            Limits = Array.map (~-) most, most
            Constraints = []
            IsTerminal = fun _ -> false
            ControlSpread = 0.05
            Scene = scene n
        }
