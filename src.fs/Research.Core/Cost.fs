namespace Research

/// A cost Σₜ stage(sₜ, xₜ, uₜ) + terminal(s_T, x_T) of traced functions. The signals sₜ are numbers given for every step with the problem,
/// such as a moving target; a cost that needs none ignores them.
type Cost =
    {
        /// numbers a step that the cost reads besides state and control
        Signals: int
        Stage: Vec -> Vec -> Vec -> Real
        Terminal: Vec -> Vec -> Real
        /// residuals r with cost ½‖r‖², of stage and terminal: where given, Hessians are JᵀJ (Gauss–Newton), never indefinite
        Residuals: ((Vec -> Vec -> Vec -> Vec) * (Vec -> Vec -> Vec)) option
    }

/// Costs and their combinations.
[<RequireQualifiedAccess>]
module Cost =

    /// A cost from its two functions, stage x u and terminal x, with full Hessians.
    let create (stage: Vec -> Vec -> Real) (terminal: Vec -> Real) : Cost =
        {
            Signals = 0
            Stage = fun _ x u -> stage x u
            Terminal = fun _ x -> terminal x
            Residuals = None
        }

    /// A cost from functions that also read the signals of their step: stage s x u, terminal s x.
    let withSignals (signals: int) (stage: Vec -> Vec -> Vec -> Real) (terminal: Vec -> Vec -> Real) : Cost =
        {
            Signals = signals
            Stage = stage
            Terminal = terminal
            Residuals = None
        }

    /// ½‖r‖² of residuals r x u on every stage and r x at the end, with Gauss–Newton Hessians.
    let leastSquares (stage: Vec -> Vec -> Vec) (terminal: Vec -> Vec) : Cost =
        let half (r: Vec) = 0.5 * Vec.squaredNorm r

        {
            Signals = 0
            Stage = fun _ x u -> half (stage x u)
            Terminal = fun _ x -> half (terminal x)
            Residuals = Some((fun _ x u -> stage x u), (fun _ x -> terminal x))
        }

    /// ½ Σ wᵢ (xᵢ − zᵢ)². Weights and target of one length.
    let quadratic (weights: float[]) (target: Vec) (x: Vec) : Real =
        if weights.Length <> x.Length || target.Length <> x.Length then
            invalidArg
                (nameof weights)
                $"Cost.quadratic of {x.Length} numbers got {weights.Length} weights and a target of {target.Length}"

        let e = Vec.sub x target
        0.5 * Vec.sum (Array.map2 (fun (w: float) (d: Real) -> w * (d * d)) weights e)

    /// ½ xᵀ W x for a full matrix W.
    let quadraticForm (w: float[,]) (x: Vec) : Real =
        0.5 * Vec.dot x (Mat.mulVec (Mat.ofFloats w) x)

    /// Σ wᵢ (√(xᵢ²+αᵢ²) − αᵢ): quadratic near 0, linear far away (Tassa, Erez, Todorov 2012).
    let smoothAbs (weights: float[]) (alphas: float[]) (x: Vec) : Real =
        Vec.sum (Array.init x.Length (fun i -> weights[i] * Real.smoothAbs alphas[i] x[i]))

    /// Huber's loss of width δ: ½x² up to δ, δ(|x| − δ/2) beyond.
    let huber (delta: float) (x: Real) : Real =
        let size = abs x
        Real.where (size .<= Real.constant delta) (0.5 * (x * x)) (delta * (size - 0.5 * delta))

    /// The sum of two costs; signals of the first come first.
    let add (a: Cost) (b: Cost) : Cost =
        let split (s: Vec) = Array.splitAt a.Signals s

        {
            Signals = a.Signals + b.Signals
            Stage =
                fun s x u ->
                    let first, second = split s
                    a.Stage first x u + b.Stage second x u
            Terminal =
                fun s x ->
                    let first, second = split s
                    a.Terminal first x + b.Terminal second x
            Residuals =
                match a.Residuals, b.Residuals with
                | Some(stageA, terminalA), Some(stageB, terminalB) ->
                    Some(
                        (fun s x u ->
                            let first, second = split s
                            Array.append (stageA first x u) (stageB second x u)),
                        (fun s x ->
                            let first, second = split s
                            Array.append (terminalA first x) (terminalB second x))
                    )
                | _ -> None
        }

    /// A cost times a positive weight.
    let weighted (weight: float) (cost: Cost) : Cost =
        let root = Real.constant (sqrt weight)

        { cost with
            Stage = fun s x u -> weight * cost.Stage s x u
            Terminal = fun s x -> weight * cost.Terminal s x
            Residuals =
                cost.Residuals
                |> Option.map (fun (stage, terminal) ->
                    (fun s x u -> Vec.scale root (stage s x u)), (fun s x -> Vec.scale root (terminal s x)))
        }
