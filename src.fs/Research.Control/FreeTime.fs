namespace Research.Control

open Research

/// Problems that choose how long they take.
///
/// All T steps last the same time h, and the first of them chooses it: states are [x; h; w] with w = 1 before the first step and 0 after it,
/// controls [u; v] with v the choice, so that a step lasts w v + (1 − w) h. Later choices count for nothing but ½(v − h)², which they can
/// make 0.
[<RequireQualifiedAccess>]
module FreeTime =

    let private duration (n: int) (m: int) (z: Vec) (u: Vec) : Real =
        let h, w = z[n], z[n + 1]
        w * u[m] + (1.0 - w) * h

    /// The problem over n + 2 states and m + 1 controls. `step h x u` is the next state after a time h, `stage h x u` the cost of that time,
    /// `terminal h x` the cost at the end; shortest ≤ h ≤ longest, and limits of u where there are any. Costs of the time taken are written
    /// like any other: `stage` = h gives the time itself.
    let problem
        (n: int)
        (m: int)
        (step: Real -> Vec -> Vec -> Vec)
        (stage: Real -> Vec -> Vec -> Real)
        (terminal: Real -> Vec -> Real)
        (horizon: int)
        (start: float[])
        (shortest: float, longest: float)
        (limits: (float[] * float[]) option)
        : Problem =
        if not (0.0 < shortest && shortest <= longest) then
            invalidArg (nameof shortest) $"a step cannot last from {shortest} to {longest}"

        let dynamics =
            Dynamics.ofTraced (n + 2) (m + 1) (fun z u ->
                let h = duration n m z u
                Array.append (step h z[.. n - 1] u[.. m - 1]) [| h; Real.Zero |])

        let cost =
            Cost.create
                (fun z u ->
                    let late = u[m] - z[n]

                    stage (duration n m z u) z[.. n - 1] u[.. m - 1]
                    + 0.5 * (1.0 - z[n + 1]) * (late * late))
                (fun z -> terminal z[n] z[.. n - 1])

        let lower, upper =
            match limits with
            | Some(lower, upper) -> lower, upper
            | None -> Array.create m -infinity, Array.create m infinity

        Problem.create dynamics cost horizon (Array.append start [| 0.5 * (shortest + longest); 1.0 |])
        |> Problem.withLimits (Array.append lower [| shortest |]) (Array.append upper [| longest |])

    /// Initial controls [T, m+1] from those of u [T, m] and a guess of h.
    let controls (u: float[,]) (h: float) : float[,] =
        let m = Array2D.length2 u
        Array2D.init (Array2D.length1 u) (m + 1) (fun t i -> if i < m then u[t, i] else h)

    /// A guess of states [T+1, n+2] from one of x [T+1, n] and a guess of h.
    let states (x: float[,]) (h: float) : float[,] =
        let n = Array2D.length2 x

        Array2D.init (Array2D.length1 x) (n + 2) (fun t i ->
            if i < n then x[t, i]
            elif i = n then h
            elif t = 0 then 1.0
            else 0.0)

    /// How long each step of a solution lasts.
    let stepOf (solution: Solution) : float =
        solution.X[1, Array2D.length2 solution.X - 2]

    /// A solution as one of the task with steps of the length found: states [T+1, n], controls [T, m], and gains and value function of those.
    let ofTask (solution: Solution) : Solution =
        let n, m = Array2D.length2 solution.X - 2, Array2D.length2 solution.U - 1

        { solution with
            X = solution.X[*, .. n - 1]
            U = solution.U[*, .. m - 1]
            Gains = solution.Gains |> Array.map (fun gains -> gains[.. m - 1, .. n - 1])
            ValueGradient = solution.ValueGradient[.. n - 1]
            ValueHessian = solution.ValueHessian[.. n - 1, .. n - 1]
        }

    /// A constraint on [x] as one on the states of the problem.
    let constrain (n: int) (m: int) (constraint': Constraint) : Constraint =
        { constraint' with
            Stage = fun s z u -> constraint'.Stage s z[.. n - 1] u[.. m - 1]
            Terminal = fun s z -> constraint'.Terminal s z[.. n - 1]
        }
