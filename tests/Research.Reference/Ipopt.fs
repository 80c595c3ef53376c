namespace Research.Reference

open System
open System.Runtime.InteropServices

/// The C interface of Ipopt 3.11 (Wächter and Biegler 2006), as Debian's coinor-libipopt1v5 has it.
module private Native =

    type Value = delegate of int * nativeint * int * nativeint * nativeint -> int
    type Gradient = delegate of int * nativeint * int * nativeint * nativeint -> int
    type Constraints = delegate of int * nativeint * int * int * nativeint * nativeint -> int

    type Jacobian = delegate of int * nativeint * int * int * int * nativeint * nativeint * nativeint * nativeint -> int

    type Hessian =
        delegate of
            int * nativeint * int * float * int * nativeint * int * int * nativeint * nativeint * nativeint * nativeint ->
                int

    type Progress =
        delegate of int * int * float * float * float * float * float * float * float * float * int * nativeint -> int

    [<Literal>]
    let library = "libipopt.so.1"

    [<DllImport(library)>]
    extern nativeint CreateIpoptProblem(
        int n,
        float[] lower,
        float[] upper,
        int m,
        float[] least,
        float[] most,
        int jacobian,
        int hessian,
        int indexStyle,
        Value f,
        Constraints g,
        Gradient gradient,
        Jacobian jacobianOf,
        Hessian hessianOf
    )

    [<DllImport(library)>]
    extern void FreeIpoptProblem(nativeint problem)

    [<DllImport(library)>]
    extern int AddIpoptStrOption(
        nativeint problem,
        [<MarshalAs(UnmanagedType.LPStr)>] string key,
        [<MarshalAs(UnmanagedType.LPStr)>] string value
    )

    [<DllImport(library)>]
    extern int AddIpoptNumOption(nativeint problem, [<MarshalAs(UnmanagedType.LPStr)>] string key, float value)

    [<DllImport(library)>]
    extern int AddIpoptIntOption(nativeint problem, [<MarshalAs(UnmanagedType.LPStr)>] string key, int value)

    [<DllImport(library)>]
    extern int SetIntermediateCallback(nativeint problem, Progress progress)

    [<DllImport(library)>]
    extern int IpoptSolve(
        nativeint problem,
        [<In; Out>] float[] z,
        [<In; Out>] float[] g,
        [<In; Out>] float[] objective,
        [<In; Out>] float[] multipliers,
        [<In; Out>] float[] lower,
        [<In; Out>] float[] upper,
        nativeint user
    )

/// A nonlinear program: minimise f(z) over lower ≤ z ≤ upper with least ≤ g(z) ≤ most.
type Program =
    {
        Lower: float[]
        Upper: float[]
        Least: float[]
        Most: float[]
        /// places (row, column) of the numbers of the Jacobian of g, and of the lower triangle of the Hessian of the Lagrangian
        JacobianPlaces: struct (int * int)[]
        HessianPlaces: struct (int * int)[]
        Value: float[] -> float
        Gradient: float[] -> float[]
        Constraints: float[] -> float[]
        Jacobian: float[] -> float[]
        /// of σ f + λᵀg: z σ λ
        Hessian: float[] -> float -> float[] -> float[]
    }

/// Where Ipopt ended.
type Answer =
    {
        /// 0 is "solved", 1 "to an acceptable level"; the rest are Ipopt's ApplicationReturnStatus
        Status: int
        Cost: float
        Z: float[]
        Iterations: int
        Seconds: float
    }

[<RequireQualifiedAccess>]
module Ipopt =

    let private read (from: nativeint) count =
        let values = Array.zeroCreate<float> count
        Marshal.Copy(from, values, 0, count)
        values

    let private write (values: float[]) (target: nativeint) =
        Marshal.Copy(values, 0, target, values.Length)

    let private places (all: struct (int * int)[]) (rows: nativeint) (columns: nativeint) =
        Marshal.Copy(all |> Array.map (fun struct (row, _) -> row), 0, rows, all.Length)
        Marshal.Copy(all |> Array.map (fun struct (_, column) -> column), 0, columns, all.Length)

    /// Solves from a first guess, to a tolerance of 1e−11, without the usual relaxation of bounds.
    let solve (program: Program) (guess: float[]) : Answer =
        let n, m = program.Lower.Length, program.Least.Length

        let value =
            Native.Value(fun _ z _ target _ ->
                write [| program.Value(read z n) |] target
                1)

        let gradient =
            Native.Gradient(fun _ z _ target _ ->
                write (program.Gradient(read z n)) target
                1)

        let constraints =
            Native.Constraints(fun _ z _ _ target _ ->
                write (program.Constraints(read z n)) target
                1)

        let jacobian =
            Native.Jacobian(fun _ z _ _ _ rows columns target _ ->
                if target = 0n then
                    places program.JacobianPlaces rows columns
                else
                    write (program.Jacobian(read z n)) target

                1)

        let hessian =
            Native.Hessian(fun _ z _ sigma _ lambda _ _ rows columns target _ ->
                if target = 0n then
                    places program.HessianPlaces rows columns
                else
                    write (program.Hessian (read z n) sigma (read lambda m)) target

                1)

        let mutable iterations = 0

        let progress =
            Native.Progress(fun _ count _ _ _ _ _ _ _ _ _ _ ->
                iterations <- count
                1)

        let problem =
            Native.CreateIpoptProblem(
                n,
                program.Lower,
                program.Upper,
                m,
                program.Least,
                program.Most,
                program.JacobianPlaces.Length,
                program.HessianPlaces.Length,
                0,
                value,
                constraints,
                gradient,
                jacobian,
                hessian
            )

        try
            let require done' =
                if done' = 0 then
                    failwith "Ipopt does not know an option"

            for key, text in [ "sb", "yes"; "mu_strategy", "adaptive" ] do
                require (Native.AddIpoptStrOption(problem, key, text))

            for key, number in [ "tol", 1e-11; "constr_viol_tol", 1e-11; "bound_relax_factor", 0.0 ] do
                require (Native.AddIpoptNumOption(problem, key, number))

            for key, number in [ "print_level", 0; "max_iter", 3000 ] do
                require (Native.AddIpoptIntOption(problem, key, number))

            require (Native.SetIntermediateCallback(problem, progress))
            let z, objective = Array.copy guess, [| nan |]
            let clock = Diagnostics.Stopwatch.StartNew()

            let status =
                Native.IpoptSolve(
                    problem,
                    z,
                    Array.zeroCreate m,
                    objective,
                    Array.zeroCreate m,
                    Array.zeroCreate n,
                    Array.zeroCreate n,
                    0n
                )

            let seconds = clock.Elapsed.TotalSeconds

            for kept in [ box value; gradient; constraints; jacobian; hessian; progress ] do
                GC.KeepAlive kept

            {
                Status = status
                Cost = objective[0]
                Z = z
                Iterations = iterations
                Seconds = seconds
            }
        finally
            Native.FreeIpoptProblem problem
