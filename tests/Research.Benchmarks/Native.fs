namespace Research.Benchmarks

open System
open System.Diagnostics
open System.Globalization
open System.IO
open System.Text.RegularExpressions

/// The C++ baselines: compiled and run here, in the same run as ours.
[<RequireQualifiedAccess>]
module Native =

    let private folder = Path.Combine(__SOURCE_DIRECTORY__, "baseline")

    let private run (program: string) (arguments: string) : string =
        use proc =
            match Process.Start(ProcessStartInfo(program, arguments, RedirectStandardOutput = true)) with
            | null -> failwith $"{program} did not start"
            | started -> started

        let output = proc.StandardOutput.ReadToEnd()
        proc.WaitForExit()

        if proc.ExitCode <> 0 then
            failwith $"{program} {arguments} ended with exit code {proc.ExitCode}"

        output

    let private build (source: string) (flags: string) (libraries: string) : string =
        let target =
            Path.Combine(
                Path.GetTempPath(),
                $"research-{Path.GetFileNameWithoutExtension source}-{Environment.ProcessId}"
            )

        run "g++" $"-O3 -march=native {flags} {Path.Combine(folder, source)} -o {target} {libraries}"
        |> ignore

        target

    /// Output of ilqr.cpp: derivatives, passes and whole iterations of a hand-derived iLQR, and Riccati recursions of Eigen.
    let ilqr: Lazy<string> = lazy (run (build "ilqr.cpp" "-I/usr/include/eigen3" "") "")

    /// Output of simd.cpp: hand-derived Jacobians, vectorised by hand.
    let simd: Lazy<string> =
        lazy (run (build "simd.cpp" "-ffast-math -DW=8" "-lmvec -lm") "")

    /// The number that follows a text in the first line that holds all the marks.
    let number (output: string) (marks: string list) (before: string) : float =
        let line =
            output.Split '\n'
            |> Array.tryFind (fun line -> marks |> List.forall line.Contains)

        match line with
        | None -> failwith $"the baseline printed no line with {marks}"
        | Some line ->
            let found = Regex.Match(line, Regex.Escape before + @"\s*([0-9.eE+-]+)")
            Double.Parse(found.Groups[1].Value, CultureInfo.InvariantCulture)
