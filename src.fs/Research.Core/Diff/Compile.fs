namespace Research

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Threading

/// Programs compared by content, so that equal graphs share one kernel.
[<CustomEquality; NoComparison>]
type internal KernelKey =
    {
        Element: Type
        Inputs: int
        Parameters: int
        Program: Program
    }

    override key.Equals other =
        match other with
        | :? KernelKey as other ->
            let same (x: 'a[]) (y: 'a[]) = x.AsSpan().SequenceEqual(y.AsSpan())
            let p, q = key.Program, other.Program

            key.Element = other.Element
            && key.Inputs = other.Inputs
            && key.Parameters = other.Parameters
            && p.Ops = q.Ops
            && same p.A q.A
            && same p.B q.B
            && same p.C q.C
            && same
                (Array.map BitConverter.DoubleToInt64Bits p.Values)
                (Array.map BitConverter.DoubleToInt64Bits q.Values)
            && same p.Outputs q.Outputs
        | _ -> false

    override key.GetHashCode() =
        let mutable hash = HashCode()
        hash.Add(key.Inputs)
        Array.iter hash.Add key.Program.Ops
        Array.iter hash.Add key.Program.A
        Array.iter hash.Add key.Program.Outputs
        hash.ToHashCode()

/// Compiles traced functions to machine code. Compiling the same function twice gives the same kernel while the first is in use.
[<RequireQualifiedAccess>]
module Compile =

    let private kernels = ConcurrentDictionary<KernelKey, WeakReference>()

    let private compileGraph<'T when 'T: unmanaged>
        (inputs: Real[])
        (parameters: Real[])
        (outputs: Real[])
        : Kernel<'T> =
        let isSingle = typeof<'T> = typeof<float32>
        let fast = Schedule.order (Lower.lower isSingle true inputs parameters outputs)

        let exact =
            if fast.Guarded.Length = 0 then
                Lazy<Program>(fun () -> fast)
            else
                // a call that is cancelled leaves it to the next
                Lazy<Program>(
                    (fun () -> Schedule.order (Lower.lower isSingle false inputs parameters outputs)),
                    LazyThreadSafetyMode.PublicationOnly
                )

        let key =
            {
                Element = typeof<'T>
                Inputs = inputs.Length
                Parameters = parameters.Length
                Program = fast
            }

        let found =
            match kernels.TryGetValue key with
            | true, reference -> reference.Target
            | _ -> null

        match found with
        | :? Kernel<'T> as kernel -> kernel
        | _ ->
            for KeyValue(old, reference) in kernels do
                if not reference.IsAlive then
                    kernels.TryRemove old |> ignore

            let kernel = Kernel<'T>(inputs.Length, parameters.Length, fast, exact)
            kernels[key] <- WeakReference kernel
            kernel

    /// The kernel of a graph: outputs as functions of input variables, one value a point, and parameter variables, one value a call.
    let graph (inputs: Real[]) (parameters: Real[]) (outputs: Real[]) : Kernel<float> =
        compileGraph inputs parameters outputs

    /// The kernel of a graph in single precision.
    let graph32 (inputs: Real[]) (parameters: Real[]) (outputs: Real[]) : Kernel<float32> =
        compileGraph inputs parameters outputs

    /// The kernel of f: Rⁿ → Rᵐ.
    let compile (n: int) (f: Vec -> Vec) : Kernel<float> =
        let x, results = Signature.trace "the function" [ "x", n ] (fun given -> f given[0])
        graph x[0] [||] results

    /// The kernel of f: Rⁿ → Rᵐ in single precision.
    let compile32 (n: int) (f: Vec -> Vec) : Kernel<float32> =
        let x, results = Signature.trace "the function" [ "x", n ] (fun given -> f given[0])
        graph32 x[0] [||] results

    /// The kernel of f p: Rⁿ → Rᵐ, where the k parameters p change without recompiling.
    let withParameters (k: int) (n: int) (f: Vec -> Vec -> Vec) : Kernel<float> =
        let given, results =
            Signature.trace "the function" [ "p", k; "x", n ] (fun given -> f given[0] given[1])

        graph given[1] given[0] results

    /// One kernel of the value and the Jacobian of f: Rⁿ → Rᵐ: the m values, then the m×n derivatives, row after row.
    let valueAndJacobian (n: int) (f: Vec -> Vec) : Kernel<float> =
        let given, y = Signature.trace "the function" [ "x", n ] (fun given -> f given[0])
        let x = given[0]
        graph x [||] (Array.append y (Derive.jacobian x y |> Seq.cast<Real> |> Seq.toArray))
