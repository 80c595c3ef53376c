module Research.Tests.CommandLineTests

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open Expecto
open Research.Tests.TemporaryFolder

let private start (arguments: string list) =
    ProcessStartInfo(
        "dotnet",
        Path.Combine(AppContext.BaseDirectory, "Research.Cli.dll") :: arguments,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        WorkingDirectory = Path.GetTempPath()
    )
    |> Process.Start
    |> nonNull

/// Runs the program as a user does: exit code, standard output, standard error.
let private research (arguments: string list) =
    use running = start arguments
    let error = running.StandardError.ReadToEndAsync()
    let output = running.StandardOutput.ReadToEnd()
    running.WaitForExit()
    running.ExitCode, output, error.Result

let private solved (arguments: string list) =
    let code, output, error = research ("solve" :: arguments @ [ "--json" ])
    Expect.equal (code, error) (0, "") "solved, and silent"
    JsonDocument.Parse output

let private values (group: string) (document: JsonDocument) =
    document.RootElement.GetProperty(group).EnumerateArray()
    |> Seq.collect (fun series -> series.GetProperty("values").EnumerateArray())
    |> Seq.map _.GetDouble()
    |> Seq.toArray

/// One line on standard error that holds all the words, and the exit code of a wrong command line.
let private isRefused (arguments: string list) (words: string list) =
    let code, output, error = research arguments
    Expect.equal (code, output) (2, "") "a wrong command line prints no result"
    Expect.hasLength (error.TrimEnd().Split '\n') 1 "one line"

    for word in words do
        Expect.stringContains error word "what was wrong, and what would be right"

[<Tests>]
let tests =
    testList
        "CommandLine"
        [
            test "the same command gives the same bits" {
                use first =
                    solved [ "car"; "--seed"; "7"; "--horizon"; "60"; "--max-iterations"; "1000" ]

                use second =
                    solved [ "car"; "--seed"; "7"; "--horizon"; "60"; "--max-iterations"; "1000" ]

                for group in [ "states"; "controls" ] do
                    Expect.equal (values group first) (values group second) group
            }

            test "limits hold, and a problem that needs more force touches them" {
                use document = solved [ "cartpole"; "--limits"; "-5,5" ]
                let controls = values "controls" document
                Expect.all controls (fun u -> abs u <= 5.0) "within"
                Expect.exists controls (fun u -> abs u = 5.0) "at a limit"
            }

            test "the time that is found is the best of all" {
                // linear and quadratic at any fixed time, so that there is one solution
                use document =
                    solved [ "double-integrator"; "--free-time"; "1,8"; "--time-weight"; "0.1" ]

                let number (document: JsonDocument) (name: string) =
                    document.RootElement.GetProperty(name).GetDouble()

                let found = number document "time_step"
                Expect.isTrue (1.0 / 60.0 < found && found < 8.0 / 60.0) "inside its bounds"

                let cost (h: float) =
                    use document = solved [ "double-integrator"; "--dt"; h.ToString "R" ]
                    number document "cost" + 60.0 * 0.1 * h

                let least = number document "cost"
                Expect.isLessThan (abs (cost found - least)) 1e-6 "the same motion costs the same"

                for other in [ 0.9 * found; 1.1 * found ] do
                    Expect.isGreaterThan (cost other) (least + 1e-4) "another time costs more"
            }

            test "with the time free constraints hold as ever" {
                use document = solved [ "car-parking"; "--free-time"; "3,12"; "--time-weight"; "1" ]

                let root = document.RootElement
                let found = root.GetProperty("time_step").GetDouble()
                Expect.isTrue (0.03 < found && found < 0.12) "inside its bounds"
                Expect.isLessThan (root.GetProperty("violation").GetDouble()) 1e-8 "parked"
                let states = values "states" document |> Array.chunkBySize 101
                Expect.hasLength states 4 "the states of the car and no others"
                Expect.all states (fun state -> abs (Array.last state) < 1e-7) "at rest at the origin"
            }

            test "a time may be chosen from a line of states, and without a weight" {
                use document =
                    solved
                        [
                            "cartpole"
                            "--free-time"
                            "0.5,4"
                            "--shooting"
                            "multiple"
                            "--limits"
                            "-20,20"
                        ]

                let found = document.RootElement.GetProperty("time_step").GetDouble()
                Expect.isTrue (0.005 <= found && found <= 0.04) "inside its bounds"
                Expect.hasLength (values "controls" document) 100 "the force and no other control"
            }

            test "files are written where they are wanted, and readable" {
                atPath (fun folder ->
                    let code, output, _ = research [ "solve"; "double-integrator"; "--output"; folder ]

                    Expect.equal code 0 "solved"
                    Expect.stringContains output "report.html" "says where"
                    use _ = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "result.json")))

                    for name in
                        [
                            "report.html"
                            "motion.svg"
                            "trajectories.png"
                            "convergence.png"
                            "command.txt"
                        ] do
                        Expect.isGreaterThan (FileInfo(Path.Combine(folder, name)).Length) 0L name)
            }

            test "a solver that stops short says so by its exit code" {
                let code, output, _ =
                    research [ "solve"; "cartpole"; "--max-iterations"; "2"; "--json" ]

                use document = JsonDocument.Parse output
                Expect.equal code 1 "stopped short"
                Expect.isFalse (document.RootElement.GetProperty("converged").GetBoolean()) "and in the result"
            }

            test "a command that is stopped while it compiles ends as interrupted" {
                if not (OperatingSystem.IsWindows()) then
                    // graphs as large as are taken
                    use running = start [ "solve"; "hopper"; "--dt"; "0.05"; "--json" ]
                    Threading.Thread.Sleep 600
                    use signal = Process.Start("kill", $"-TERM {running.Id}")
                    let error = running.StandardError.ReadToEndAsync()
                    Expect.isTrue (running.WaitForExit 20_000) "it ends"
                    Expect.equal running.ExitCode 130 $"as interrupted: {error.Result}"
            }

            test "a run that is stopped writes what it found" {
                if not (OperatingSystem.IsWindows()) then
                    atPath (fun folder ->
                        // more work than anyone waits for
                        let endless =
                            [ "--horizon"; "20000"; "--dt"; "0.0005"; "--max-iterations"; "1000000" ]

                        use running =
                            start ([ "solve"; "acrobot"; "--no-report"; "--output"; folder ] @ endless)

                        let firstLine = running.StandardError.ReadLine()
                        Expect.stringContains (string firstLine) "iteration" "progress in plain lines"
                        use signal = Process.Start("kill", $"-TERM {running.Id}")
                        signal.WaitForExit()
                        Expect.isTrue (running.WaitForExit 20_000) "it ends"
                        Expect.equal running.ExitCode 130 "as interrupted"

                        use document =
                            JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "result.json")))

                        Expect.equal (document.RootElement.GetProperty("status").GetString()) "interrupted" "status"
                        Expect.isGreaterThan (document.RootElement.GetProperty("iterations").GetArrayLength()) 0 "work")
            }

            test "mpc: the same seed gives the same masses, pushes and motion, and another seed others" {
                let run seed =
                    let code, output, error =
                        research
                            [
                                "mpc"
                                "cartpole"
                                "--mismatch"
                                "0.2"
                                "--disturb"
                                "0.3"
                                "--rate"
                                "10"
                                "--seed"
                                seed
                                "--limits"
                                "-20,20"
                                "--json"
                            ]

                    Expect.equal (code, error) (0, "") "at the goal, and silent"
                    JsonDocument.Parse output

                use first = run "1"
                use second = run "1"
                use other = run "4"

                let times (document: JsonDocument) =
                    document.RootElement.GetProperty("events").GetRawText()

                Expect.equal (values "states" first) (values "states" second) "motion"
                Expect.equal (times first) (times second) "pushes"
                Expect.notEqual (times first) (times other) "other pushes"
                Expect.notEqual (values "states" first) (values "states" other) "other motion"
                Expect.all (values "controls" first) (fun u -> abs u <= 20.0) "within limits"
                let replans = (first.RootElement.GetProperty "measurements").Item 0
                // twice 100 steps of 0.02 s, and ten replans a second
                Expect.equal (replans.GetProperty("times").GetArrayLength()) 40 "replans"

                Expect.stringContains
                    (first.RootElement.GetProperty("options").GetProperty("masses of the plant").GetString()
                     |> string)
                    "cart × "
                    "what the plant is"
            }

            test "mpc: a controller that cannot hold its system says so by its exit code, and writes its files" {
                atPath (fun folder ->
                    let code, output, _ =
                        research
                            [
                                "mpc"
                                "cartpole"
                                "--limits"
                                "-0.1,0.1"
                                "--duration"
                                "1.5"
                                "--output"
                                folder
                            ]

                    Expect.equal code 1 "not at the goal"
                    Expect.stringContains output "not at the goal" "in words"
                    Expect.stringContains output "replans: median" "times"
                    let report = File.ReadAllText(Path.Combine(folder, "report.html"))
                    Expect.stringContains report "id=\"measurements\"" "replans in the report"
                    Expect.isTrue (File.Exists(Path.Combine(folder, "trajectories.png"))) "plots"
                    Expect.isFalse (File.Exists(Path.Combine(folder, "convergence.png"))) "of what there is")
            }

            test "mpc: a run that is stopped writes what it did" {
                if not (OperatingSystem.IsWindows()) then
                    atPath (fun folder ->
                        use running =
                            start [ "mpc"; "cartpole"; "--duration"; "20000"; "--no-report"; "--output"; folder ]

                        let firstLine = running.StandardError.ReadLine()
                        Expect.stringContains (string firstLine) "replan" "progress in plain lines"
                        use signal = Process.Start("kill", $"-TERM {running.Id}")
                        signal.WaitForExit()
                        Expect.isTrue (running.WaitForExit 60_000) "it ends"
                        Expect.equal running.ExitCode 130 "as interrupted"

                        use document =
                            JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "result.json")))

                        Expect.equal (document.RootElement.GetProperty("status").GetString()) "interrupted" "status"
                        Expect.isGreaterThan (values "controls" document).Length 10 "steps")
            }

            test "bench: every time is there and positive, and a median is no more than what 99 % do not exceed" {
                let code, output, error = research [ "bench"; "double-integrator"; "--json" ]
                Expect.equal (code, error) (0, "") "measured, and silent"
                use document = JsonDocument.Parse output
                let problem = (document.RootElement.GetProperty "problems").Item 0
                Expect.equal (problem.GetProperty("name").GetString()) "double-integrator" "the problem"
                let rows = problem.GetProperty("seconds").EnumerateArray() |> Seq.toList
                Expect.hasLength rows 5 "five times"

                for row in rows do
                    let median, most =
                        row.GetProperty("median").GetDouble(), row.GetProperty("p99").GetDouble()

                    Expect.isGreaterThan median 0.0 "a time"
                    Expect.isGreaterThanOrEqual most median "in order"
            }

            test "a wrong command line is refused in one line" {
                isRefused [ "solve"; "cartpol" ] [ "cartpol"; "cartpole"; "pendulum" ]
                isRefused [ "solve"; "cartpole"; "--limits"; "5" ] [ "--limits 5"; "LO,HI"; "force" ]
                isRefused [ "solve"; "cartpole"; "--limits"; "5,-5" ] [ "5"; "not below" ]
                isRefused [ "solve"; "cartpole"; "--horizon"; "0" ] [ "--horizon 0"; "1 step" ]
                isRefused [ "solve"; "cartpole"; "--dt"; "-0.1" ] [ "--dt"; "positive" ]
                isRefused [ "solve"; "cartpole"; "--free-time"; "2" ] [ "--free-time 2"; "comma"; "1,4" ]
                isRefused [ "solve"; "cartpole"; "--free-time"; "4,1" ] [ "--free-time 4,1"; "not below" ]
                isRefused [ "solve"; "cartpole"; "--free-time"; "0,1" ] [ "--free-time 0,1"; "positive" ]
                isRefused [ "solve"; "cartpole"; "--free-time"; "1,x" ] [ "--free-time 1,x"; "not two numbers" ]
                isRefused [ "solve"; "cartpole"; "--time-weight"; "1" ] [ "--time-weight 1"; "--free-time" ]

                isRefused
                    [ "solve"; "cartpole"; "--free-time"; "1,4"; "--time-weight"; "-1" ]
                    [ "--time-weight -1"; "0" ]

                isRefused [ "mpc"; "cartpol" ] [ "cartpol"; "cartpole" ]
                isRefused [ "mpc"; "cartpole"; "--rate"; "100" ] [ "--rate 100"; "50 times" ]
                isRefused [ "mpc"; "cartpole"; "--rate"; "0.2" ] [ "--rate 0.2"; "0.5 replans" ]
                isRefused [ "mpc"; "cartpole"; "--mismatch"; "1.5" ] [ "--mismatch 1.5"; "0.2" ]
                isRefused [ "mpc"; "car"; "--mismatch"; "0.2" ] [ "car"; "mass" ]
                isRefused [ "mpc"; "cartpole"; "--disturb"; "-1" ] [ "--disturb -1"; "0.3" ]
                isRefused [ "mpc"; "cartpole"; "--deadline"; "0" ] [ "--deadline 0"; "milliseconds" ]
                isRefused [ "mpc"; "cartpole"; "--duration"; "1e12" ] [ "--duration"; "200000 s" ]
                isRefused [ "bench"; "cartpol" ] [ "cartpol"; "cartpole" ]
                isRefused [ "solve"; "cartpole"; "--swing" ] [ "--swing"; "--help" ]
                isRefused [ "verify"; "--tolerance"; "nan"; "x" ] [ "--tolerance NaN"; "positive" ]
            }

            test "sizes are checked before memory is asked for" {
                for command in [ "solve"; "mpc" ] do
                    for steps in [ "100000000"; "2147483646"; "2147483647" ] do
                        isRefused [ command; "cartpole"; "--horizon"; steps ] [ $"--horizon {steps}"; "at most" ]

                    for seconds in [ "0.5"; "2"; "10"; "1e300" ] do
                        isRefused [ command; "hopper"; "--dt"; seconds ] [ "--dt"; "0.05 s" ]

                for count in [ "1000000000"; "2147483647" ] do
                    isRefused
                        [ "solve"; "pendulum"; "--max-iterations"; count ]
                        [ $"--max-iterations {count}"; "10000000" ]

                    isRefused [ "mpc"; "pendulum"; "--iterations"; count ] [ $"--iterations {count}"; "10000000" ]
            }

            test "a wrong word is answered with the one that was perhaps meant" {
                for words, meant in
                    [
                        [ "solv"; "cartpole" ], "solve"
                        [ "SOLVE"; "cartpole" ], "solve"
                        [ "solve"; "CARTPOLE" ], "cartpole"
                        [ "solve"; "cartpole"; "--horizn"; "3" ], "--horizon"
                        [ "solve"; "cartpole"; "--horizon=3" ], "--horizon"
                        [ "mpc"; "cartpole"; "--distrub"; "3" ], "--disturb"
                        [ "learn"; "pilc" ], "pilco"
                        [ "learn"; "pilco"; "--scenaro"; "pendulum" ], "--scenario"
                        [ "learn"; "pilco"; "--scenario"; "pendulm" ], "pendulum"
                        [ "list"; "--scenario" ], "--scenarios"
                    ] do
                    isRefused words [ $"Did you mean '{meant}'?" ]
            }

            test "help of a command shows its own examples and exit codes, and that of the program one of each" {
                let help words =
                    let code, output, error = research (words @ [ "--help" ])
                    Expect.equal (code, error) (0, "") "shown"
                    output

                let solve, learn, all = help [ "solve" ], help [ "learn"; "pilco" ], help []
                Expect.stringContains solve "solve pendulum --limits" "its examples"
                Expect.stringContains solve "stopped short" "its exit codes"
                Expect.isFalse (solve.Contains "learnt" || solve.Contains "verify tests") "no others"
                Expect.stringContains learn "the task was learnt" "its exit codes"
                Expect.isFalse (learn.Contains "solve cartpole") "no others"

                for command in [ "solve"; "mpc"; "bench"; "learn"; "list"; "verify" ] do
                    Expect.stringContains all $"Research.Cli {command}" command
            }

            test "output that cannot be written is exit code 3, without a trace of the stack" {
                if OperatingSystem.IsLinux() then
                    for command in
                        [
                            "list"
                            "list --json"
                            "--help"
                            "verify dare.json"
                            "solve double-integrator"
                        ] do
                        for closed in [ "> /dev/full"; ">&-" ] do
                            let program = Path.Combine(AppContext.BaseDirectory, "Research.Cli.dll")
                            let folder = Path.Combine(Path.GetTempPath(), $"research-tests-{Guid.NewGuid():N}")
                            let golden = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden")

                            let writes =
                                if command.StartsWith "solve" then
                                    $" --no-report --output {folder}"
                                else
                                    ""

                            use running =
                                ProcessStartInfo(
                                    "sh",
                                    [ "-c"; $"dotnet {program} {command}{writes} {closed}" ],
                                    RedirectStandardError = true,
                                    WorkingDirectory = golden
                                )
                                |> Process.Start
                                |> nonNull

                            let error = running.StandardError.ReadToEnd()
                            running.WaitForExit()

                            if Directory.Exists folder then
                                Directory.Delete(folder, recursive = true)

                            Expect.equal running.ExitCode 3 $"{command} {closed}: {error}"
                            Expect.hasLength (error.TrimEnd().Split '\n') 1 $"one line: {error}"
            }

            test "a learner goes on where it stopped, with the same numbers" {
                atPath (fun folder ->
                    let small =
                        [
                            "--scenario"
                            "pendulum"
                            "--basis"
                            "3"
                            "--line-searches"
                            "3"
                            "--seed"
                            "4"
                        ]

                    let learn arguments =
                        let code, output, error = research ("learn" :: "pilco" :: arguments @ [ "--json" ])
                        Expect.equal (code, error) (1, "") "not solved, and silent"
                        use document = JsonDocument.Parse output

                        document.RootElement.GetProperty("trials").EnumerateArray()
                        |> Seq.map _.GetProperty("losses").GetRawText()
                        |> Seq.toList

                    let through = learn (small @ [ "--trials"; "2" ])
                    let first = learn (small @ [ "--trials"; "1"; "--output"; folder ])
                    Expect.equal first (List.take 2 through) "a random rollout and a trial"
                    let left = Path.Combine(folder, $".checkpoint-003.json.{Guid.NewGuid():N}")
                    File.WriteAllText(left, "of a killed process")
                    Expect.equal (learn [ "--resume"; folder; "--trials"; "2" ]) through "and one more"
                    Expect.isFalse (File.Exists left) "tidied"

                    for name in [ "report.html"; "result.json"; "checkpoint-003.json" ] do
                        Expect.isTrue (File.Exists(Path.Combine(folder, name))) name

                    isRefused
                        [ "learn"; "pilco"; "--resume"; folder; "--trials"; "1" ]
                        [ "--trials 1"; "2 policies"; "2 or more" ]

                    Expect.equal (learn [ "--resume"; folder; "--trials"; "2"; "--no-report" ]) through "nothing to do"
                    Expect.isFalse (File.Exists(Path.Combine(folder, "report.html"))) "no report of the part before")
            }

            test "a learner's wrong command line is refused in one line" {
                isRefused [ "learn"; "pilco"; "--scenario"; "cartpol" ] [ "cartpol"; "cartpole"; "unicycle" ]
                isRefused [ "learn"; "pilco" ] [ "--scenario"; "cartpole"; "--resume" ]
                isRefused [ "learn"; "pilco"; "--resume"; "no-such-folder" ] [ "no-such-folder"; "no such folder" ]
                isRefused [ "learn"; "pilco"; "--scenario"; "cartpole"; "--basis"; "0" ] [ "--basis 0"; "1 or more" ]

                isRefused [ "learn"; "pilco"; "--scenario"; "unicycle"; "--policy"; "rbf" ] [ "--basis"; "unicycle" ]

                isRefused [ "learn"; "pilco"; "--resume"; "."; "--seed"; "2" ] [ "--resume"; "--trials" ]
            }

            test "a folder of another run is refused before the work, and stays as it is" {
                atPath (fun folder ->
                    let output = [ "--no-report"; "--output"; folder ]
                    let code, _, _ = research ([ "solve"; "double-integrator" ] @ output)
                    Expect.equal code 0 "the first"

                    let content () =
                        Directory.GetFiles folder
                        |> Array.sort
                        |> Array.map (fun file -> file, File.ReadAllText file)

                    let before = content ()

                    // work that would never end
                    for arguments in
                        [
                            [ "solve"; "acrobot"; "--horizon"; "20000"; "--max-iterations"; "100000" ]
                            [ "mpc"; "double-integrator"; "--duration"; "20000" ]
                            [ "learn"; "pilco"; "--scenario"; "pendulum" ]
                        ] do
                        let code, output, error = research (arguments @ output)
                        Expect.equal (code, output) (3, "") "refused"
                        Expect.stringContains error "another run" "why"
                        Expect.stringContains error folder "where"

                    Expect.equal (content ()) before "untouched")
            }

            test "a folder that cannot be is refused before the work" {
                atPath (fun folder ->
                    Directory.CreateDirectory folder |> ignore
                    let file = Path.Combine(folder, "file")
                    File.WriteAllText(file, "")

                    for arguments in
                        [
                            [ "solve"; "acrobot"; "--horizon"; "20000"; "--max-iterations"; "100000" ]
                            [ "mpc"; "double-integrator"; "--duration"; "20000" ]
                            [ "learn"; "pilco"; "--scenario"; "pendulum" ]
                        ] do
                        isRefused (arguments @ [ "--output"; "" ]) [ "--output"; "empty" ]
                        let code, output, error = research (arguments @ [ "--output"; file ])
                        Expect.equal (code, output) (3, "") "refused"
                        Expect.stringContains error file "where")
            }

            test "the command that is recorded gives the run again" {
                use first =
                    solved [ "double-integrator"; "--horizon"; "20"; "--limits"; "-1,1"; "--dt"; "0.07" ]

                let command = string (first.RootElement.GetProperty("command").GetString())

                use again =
                    ProcessStartInfo(
                        "sh",
                        [ "-c"; command ],
                        RedirectStandardOutput = true,
                        WorkingDirectory = Path.GetTempPath()
                    )
                    |> Process.Start
                    |> nonNull

                use second = JsonDocument.Parse(again.StandardOutput.ReadToEnd())
                Expect.equal (values "controls" second) (values "controls" first) command
            }

            test "learn: a run that is stopped says so by its exit code, and can go on" {
                if not (OperatingSystem.IsWindows()) then
                    atPath (fun folder ->
                        let endless = [ "--basis"; "100"; "--line-searches"; "100000"; "--trials"; "1" ]

                        use running =
                            start ([ "learn"; "pilco"; "--scenario"; "cartpole"; "--output"; folder ] @ endless)

                        let firstLine = running.StandardError.ReadLine()
                        Expect.stringContains (string firstLine) "trial" "progress in plain lines"
                        use signal = Process.Start("kill", $"-TERM {running.Id}")
                        signal.WaitForExit()
                        Expect.isTrue (running.WaitForExit 60_000) "it ends"
                        Expect.equal running.ExitCode 130 "as interrupted"

                        use document =
                            JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "result.json")))

                        Expect.equal (document.RootElement.GetProperty("status").GetString()) "interrupted" "status"
                        Expect.isTrue (File.Exists(Path.Combine(folder, "checkpoint-001.json"))) "to go on from")
            }

            test "verify tells a failed case from a file that it cannot read" {
                let golden = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "dare.json")

                let code arguments =
                    let code, _, _ = research ("verify" :: arguments)
                    code

                Expect.equal (code [ golden ]) 0 "all pass"
                Expect.equal (code [ golden; "--tolerance"; "1e-30" ]) 1 "none can pass"
                Expect.equal (code [ "no-such-file.json" ]) 2 "not there"

                atPath (fun folder ->
                    Directory.CreateDirectory folder |> ignore
                    let empty = Path.Combine(folder, "empty.json")
                    File.WriteAllText(empty, """{"kind":"dare","cases":[]}""")
                    Expect.equal (code [ empty ]) 2 "a recording that was cut off verifies nothing")
            }

            test "verify can be stopped" {
                if not (OperatingSystem.IsWindows()) then
                    let file = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "dare.json")
                    use running = start ("verify" :: List.replicate 20000 file)
                    running.StandardOutput.ReadLine() |> ignore
                    use signal = Process.Start("kill", $"-TERM {running.Id}")
                    let rest = running.StandardOutput.ReadToEndAsync()
                    Expect.isTrue (running.WaitForExit 20_000) "it ends"
                    Expect.equal running.ExitCode 130 "as interrupted"
                    Expect.stringContains rest.Result " passed, 0 failed" "what was found"
            }
        ]
