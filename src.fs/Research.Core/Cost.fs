namespace Research

/// A cost Σₜ stage(sₜ, xₜ, uₜ) + terminal(s_T, x_T) of traced functions. The signals sₜ are numbers given for every step with the problem,
/// such as a moving target; a cost that needs none ignores them. Every part is a function plus ½‖r‖² of residuals r: the Hessian of the
/// function is taken as it is, that of the squares as JᵀJ (Gauss–Newton), which is never indefinite.
type Cost =
    {
        /// numbers a step that the cost reads besides state and control
        Signals: int
        /// of s x u
        Stage: Vec -> Vec -> Vec -> Real
        /// of s x
        Terminal: Vec -> Vec -> Real
        /// residuals r s x u on every stage; empty where there are none
        StageResiduals: Vec -> Vec -> Vec -> Vec
        /// residuals r s x at the end; empty where there are none
        TerminalResiduals: Vec -> Vec -> Vec
    }

    /// The whole cost of a stage.
    member cost.AtStage (s: Vec) (x: Vec) (u: Vec) : Real =
        cost.Stage s x u + 0.5 * Vec.squaredNorm (cost.StageResiduals s x u)

    /// The whole cost at the end.
    member cost.AtEnd (s: Vec) (x: Vec) : Real =
        cost.Terminal s x + 0.5 * Vec.squaredNorm (cost.TerminalResiduals s x)

/// Costs and their combinations.
[<RequireQualifiedAccess>]
module Cost =

    /// A cost from functions that also read the signals of their step: stage s x u, terminal s x.
    let withSignals (signals: int) (stage: Vec -> Vec -> Vec -> Real) (terminal: Vec -> Vec -> Real) : Cost =
        {
            Signals = signals
            Stage = stage
            Terminal = terminal
            StageResiduals = fun _ _ _ -> [||]
            TerminalResiduals = fun _ _ -> [||]
        }

    /// A cost from its two functions, stage x u and terminal x, with full Hessians.
    let create (stage: Vec -> Vec -> Real) (terminal: Vec -> Real) : Cost =
        withSignals 0 (fun _ x u -> stage x u) (fun _ x -> terminal x)

    /// ½‖r‖² of residuals r s x u on every stage and r s x at the end, with Gauss–Newton Hessians.
    let residuals (signals: int) (stage: Vec -> Vec -> Vec -> Vec) (terminal: Vec -> Vec -> Vec) : Cost =
        {
            Signals = signals
            Stage = fun _ _ _ -> Real.Zero
            Terminal = fun _ _ -> Real.Zero
            StageResiduals = stage
            TerminalResiduals = terminal
        }

    /// ½‖r‖² of residuals r x u on every stage and r x at the end, with Gauss–Newton Hessians.
    let leastSquares (stage: Vec -> Vec -> Vec) (terminal: Vec -> Vec) : Cost =
        residuals 0 (fun _ x u -> stage x u) (fun _ x -> terminal x)

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
        if weights.Length <> x.Length || alphas.Length <> x.Length then
            invalidArg
                (nameof weights)
                $"Cost.smoothAbs of {x.Length} numbers got {weights.Length} weights and {alphas.Length} widths"

        Vec.sum (Array.init x.Length (fun i -> weights[i] * Real.smoothAbs alphas[i] x[i]))

    /// Huber's loss of width δ: ½x² up to δ, δ(|x| − δ/2) beyond.
    let huber (delta: float) (x: Real) : Real =
        let size = abs x
        Real.where (size .<= Real.constant delta) (0.5 * (x * x)) (delta * (size - 0.5 * delta))

    /// The sum of two costs; signals of the first come first.
    let add (a: Cost) (b: Cost) : Cost =
        let both combine first second (s: Vec) =
            let s1, s2 = Array.splitAt a.Signals s
            combine (first s1) (second s2)

        {
            Signals = a.Signals + b.Signals
            Stage = both (fun f g x u -> f x u + g x u) a.Stage b.Stage
            Terminal = both (fun f g x -> f x + g x) a.Terminal b.Terminal
            StageResiduals = both (fun f g x u -> Array.append (f x u) (g x u)) a.StageResiduals b.StageResiduals
            TerminalResiduals = both (fun f g x -> Array.append (f x) (g x)) a.TerminalResiduals b.TerminalResiduals
        }

    /// A cost times a positive weight.
    let weighted (weight: float) (cost: Cost) : Cost =
        let root = Real.constant (sqrt weight)

        { cost with
            Stage = fun s x u -> weight * cost.Stage s x u
            Terminal = fun s x -> weight * cost.Terminal s x
            StageResiduals = fun s x u -> Vec.scale root (cost.StageResiduals s x u)
            TerminalResiduals = fun s x -> Vec.scale root (cost.TerminalResiduals s x)
        }
