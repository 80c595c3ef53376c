namespace Research.Cli

open System
open Research
open Research.Environments

/// Numbers of the command line that decide how much memory and time is asked for, checked before it is.
[<RequireQualifiedAccess>]
module Sizes =

    /// Most time steps that are planned or simulated.
    let mostSteps = 10_000_000

    /// Most iterations, each of which is kept for the report.
    let private mostIterations = 10_000_000

    /// Bytes that a solver and its files keep a time step, about: first and second derivatives of dynamics and cost, the candidates of a line
    /// search, gains, and the numbers as text.
    let private bytesOfStep (environment: Environment) : float =
        let size = float (environment.States.Length + environment.Controls.Length)
        8.0 * (4.0 * size * size + 60.0 * size)

    /// Whether a horizon of so many steps can be planned in the memory of this machine.
    let horizon (environment: Environment) (steps: int) : Result<unit, Fault> =
        let memory = float (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)
        let fitting = 0.5 * memory / bytesOfStep environment
        let most = min mostSteps (int fitting)

        if steps < 1 then
            Fault.usage $"--horizon {steps}: at least 1 step is needed."
        elif steps > most then
            Fault.usage
                $"--horizon {steps}: at most {most} steps of {environment.Name} fit in the memory of this machine."
        else
            Ok()

    /// Whether a number of iterations makes sense, for the option of that name.
    let iterations (option: string) (count: int) : Result<unit, Fault> =
        if count < 1 then
            Fault.usage $"--{option} {count}: at least 1 is needed."
        elif count > mostIterations then
            Fault.usage $"--{option} {count}: at most {mostIterations} are kept."
        else
            Ok()

    /// Whether a time step is one that the model takes.
    let timeStep (environment: Environment) (seconds: float) : Result<unit, Fault> =
        if not (seconds > 0.0 && Double.IsFinite seconds) then
            Fault.usage $"--dt {seconds}: a time step is a positive number of seconds."
        elif seconds = environment.TimeStep then
            Ok()
        else
            try
                environment.Step
                    (Real.constant seconds)
                    (Real.variables "x" environment.States.Length)
                    (Real.variables "u" environment.Controls.Length)
                |> ignore

                Ok()
            with :? ArgumentException as refusal ->
                let reason = (refusal.Message.Split " (Parameter")[0]
                Fault.usage $"--dt {seconds}: {reason}."
