namespace Research

/// A constraint on trajectories, from traced functions that read the same signals as the cost: every element of g is 0, or at most 0.
type Constraint =
    {
        /// what reports call it
        Name: string
        /// g = 0; otherwise g ≤ 0
        IsEquality: bool
        /// g of s x u at the steps 0 … T−1; empty where it has none. An element that does not read the control is left out at step 0, where
        /// the start decides it.
        Stage: Vec -> Vec -> Vec -> Vec
        /// g of s x at the end; empty where it has none
        Terminal: Vec -> Vec -> Vec
    }

/// Ways to state constraints.
[<RequireQualifiedAccess>]
module Constraint =

    let private create name isEquality stage terminal =
        {
            Name = name
            IsEquality = isEquality
            Stage = stage
            Terminal = terminal
        }

    let private noStage: Vec -> Vec -> Vec -> Vec = fun _ _ _ -> [||]
    let private noTerminal: Vec -> Vec -> Vec = fun _ _ -> [||]

    /// g x u ≤ 0 at every step.
    let path (name: string) (g: Vec -> Vec -> Vec) : Constraint =
        create name false (fun _ x u -> g x u) noTerminal

    /// g x u = 0 at every step.
    let pathEquality (name: string) (g: Vec -> Vec -> Vec) : Constraint =
        create name true (fun _ x u -> g x u) noTerminal

    /// g x ≤ 0 at every step after the start, and at the end.
    let state (name: string) (g: Vec -> Vec) : Constraint =
        create name false (fun _ x _ -> g x) (fun _ x -> g x)

    /// g x = 0 at every step after the start, and at the end.
    let stateEquality (name: string) (g: Vec -> Vec) : Constraint =
        create name true (fun _ x _ -> g x) (fun _ x -> g x)

    /// g x ≤ 0 at the end.
    let terminal (name: string) (g: Vec -> Vec) : Constraint =
        create name false noStage (fun _ x -> g x)

    /// g x = 0 at the end.
    let terminalEquality (name: string) (g: Vec -> Vec) : Constraint =
        create name true noStage (fun _ x -> g x)

    /// lower ≤ g x ≤ upper at every step after the start, and at the end. Infinite bounds are none. An exception where sizes differ.
    let between (name: string) (lower: float[]) (upper: float[]) (g: Vec -> Vec) : Constraint =
        state name (fun x ->
            let value = g x

            if value.Length <> lower.Length || value.Length <> upper.Length then
                invalidArg
                    (nameof lower)
                    $"Constraint.between of {value.Length} numbers got {lower.Length} lower and {upper.Length} upper bounds"

            [|
                for i in 0 .. value.Length - 1 do
                    if System.Double.IsFinite lower[i] then
                        lower[i] - value[i]

                    if System.Double.IsFinite upper[i] then
                        value[i] - upper[i]
            |])
