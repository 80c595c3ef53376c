module Research.Tests.PilcoTests

open System
open System.Threading
open Expecto
open Research
open Research.Models
open Research.Agents
open Research.Tests.Generators

/// The pendulum with a short horizon and two starts: cheap, and all parts are there.
let private short: Scenario =
    { Scenarios.pendulum with
        Horizon = 8
        Starts = [| [| 0.0; 0.0 |]; [| 2.0; 0.5 |] |]
        Penalties =
            [
                0.3,
                { Scenarios.pendulum.Loss with
                    Target = [| 1.0; sin 1.0; cos 1.0 |]
                }
            ]
    }

let private options seed : PilcoOptions =
    { Pilco.defaults short with
        Seed = seed
        Policy = Rbf 4
        Trials = 4
        LineSearches = 4
        TrainingIterations = 30
        InducingIterations = 5
        Confirmations = 0
        StopsWhenSolved = false
    }

let private noClock () = 0.0

let private next (state: PilcoState) : PilcoState =
    match Pilco.next noClock CancellationToken.None ignore state with
    | Advanced state -> state
    | Stopped -> failtest "it was not cancelled"
    | Failed reason -> failtest reason

let private after (trials: int) (state: PilcoState) : PilcoState =
    Seq.fold (fun state _ -> next state) state (seq { 1..trials })

let private find (scenario: Scenario) (name: string) =
    if name = scenario.Name then
        Ok scenario
    else
        Error $"no {name}"

[<Tests>]
let tests =
    testList
        "Pilco"
        [
            test "the gradient of the value is that of differences, through model, policy, penalties and two starts" {
                for kind, exploration in [ Rbf 4, -0.5; Linear, 0.0; Rbf 3, 0.7 ] do
                    let state = Pilco.start short { options 3 with Policy = kind } |> next
                    let model = Expect.wantOk (Pilco.train CancellationToken.None state) "a model"
                    let plan = Plan.create short kind exploration model.Moments
                    let random = Random 9

                    let parameters =
                        Controller.draw short kind random.Rng
                        |> Array.map (fun v -> v + 0.2 * random.Rng.Normal())

                    let _, gradient = Plan.value plan parameters
                    Expect.isGreaterThan (gradient |> Array.map abs |> Array.max) 1e-3 "it is not flat"

                    for i in 0 .. parameters.Length - 1 do
                        let moved h =
                            parameters
                            |> Array.mapi (fun j v -> if i = j then v + h else v)
                            |> Plan.value plan
                            |> fst

                        let h = 1e-4
                        // differences of fourth order
                        let difference =
                            (8.0 * (moved h - moved -h) - (moved (2.0 * h) - moved (-2.0 * h))) / (12.0 * h)

                        Expect.isLessThan (abs (difference - gradient[i])) 1e-6 $"parameter {i} of {kind}"
            }

            test "the value is the sum of the losses of the forecast" {
                let state = Pilco.start short (options 3) |> next
                let model = Expect.wantOk (Pilco.train CancellationToken.None state) "a model"
                let plan = Plan.create short (Rbf 4) 0.0 model.Moments
                let parameters = Controller.draw short (Rbf 4) (Rng.OfSeed 1)
                let forecasts = [ for start in 0..1 -> Plan.forecast plan parameters start ]
                let mean = forecasts |> List.averageBy (fun forecast -> Array.sum forecast.Loss)
                Expect.isLessThan (abs (fst (Plan.value plan parameters) - mean)) 1e-10 "value"

                for start, forecast in List.indexed forecasts do
                    Expect.equal forecast.Mean[0, *] short.Starts[start] "it begins at its start"
                    Expect.equal (Array2D.length1 forecast.Mean) (short.Horizon + 1) "and has every state"
            }

            for name, scenario in [ "all data", short; "inducing inputs", { short with Inducing = 12 } ] do
                test $"a learner that goes on from a checkpoint does the same, bit by bit, with {name}" {
                    let through = Pilco.start scenario (options 5) |> after 4
                    let before = Pilco.start scenario (options 5) |> after 2

                    let restored =
                        Expect.wantOk (Checkpoint.ofJson (find scenario) (Checkpoint.toJson before)) "it can be read"

                    let resumed = restored |> after 2
                    Expect.equal resumed.Trials.Length 4 "trials"

                    Expect.equal
                        (Array2D.length1 (List.last through.Trials).Inducing)
                        (if scenario.Inducing = 12 then 12 else 0)
                        "inducing inputs"

                    Expect.sequenceEqual (Checkpoint.toJson resumed) (Checkpoint.toJson through) "the same bytes"

                    Expect.equal
                        (List.last resumed.Trials).Rollout.Plant
                        (List.last through.Trials).Rollout.Plant
                        "the same bits of the last rollout"
                }

            test "other seeds give other rollouts" {
                let first seed =
                    (next (Pilco.start short (options seed))).Trials[0].Rollout.Controls

                Expect.equal (first 1) (first 1) "the same seed"
                Expect.notEqual (first 1) (first 2) "another"
            }

            test "rollouts take the starts in turn" {
                let state = Pilco.start short { options 2 with RandomRollouts = 4 } |> after 4

                for i, trial in List.indexed state.Trials do
                    let apart = trial.Rollout.Plant[0, 0] - short.Starts[i % 2].[0]
                    Expect.isLessThan (abs apart) (6.0 * short.StartSpread[0]) "near its start"
            }

            test "a pendulum is learnt from few seconds" {
                let scenario = Scenarios.pendulum

                let learnt =
                    Pilco.start
                        scenario
                        { Pilco.defaults scenario with
                            Seed = 1
                            Policy = Rbf 8
                            LineSearches = 25
                        }
                    |> after 4

                let loss (trial: Trial) = Array.average trial.Rollout.Losses
                let trials = learnt.Trials
                let best = trials.Tail |> List.map loss |> List.min
                Expect.isLessThan best (loss trials.Head - 0.15) "far below random controls"

                for trial in trials.Tail do
                    Expect.isLessThan (Array.last trial.Search) trial.Search[0] "every search lowers what is expected"
            }

            test "what one learner knows starts another, which needs no random rollout" {
                let teacher = Pilco.start short (options 4) |> after 3
                let pupil = Pilco.startFrom teacher short (options 6)
                let inputs, targets = Pilco.data pupil
                Expect.equal (Array2D.length1 inputs, Array2D.length2 targets) (24, 2) "the teacher's data"
                let after = next pupil
                Expect.isFalse after.Trials[0].IsRandom "a policy at once"

                let grandchild = Pilco.startFrom after short (options 7)
                Expect.equal (Array2D.length1 (fst (Pilco.data grandchild))) 32 "data add up"

                let restored =
                    Expect.wantOk (Checkpoint.ofJson (find short) (Checkpoint.toJson after)) "it can be read"

                Expect.sequenceEqual
                    (Checkpoint.toJson (next restored))
                    (Checkpoint.toJson (next after))
                    "and goes on the same"
            }

            test "what random numbers are for and the trial decide them: no purpose has the numbers of another" {
                let deviations = [| 0.01; 0.03 |]

                // nothing to gain, so that a policy stays as it was drawn
                let scenario =
                    { short with
                        Measure = Scenario.noisy deviations Scenarios.pendulum.Observe
                        Loss =
                            { short.Loss with
                                Rows = Array2D.map (fun _ -> 0.0) short.Loss.Rows
                            }
                        Penalties = []
                    }

                let play randomRollouts =
                    Pilco.start
                        scenario
                        { options 3 with
                            Policy = Linear
                            RandomRollouts = randomRollouts
                        }
                    |> after 3

                // what was drawn in each trial, as standard normal numbers
                let drawn (state: PilcoState) =
                    [
                        for i, trial in List.indexed state.Trials do
                            let rollout = trial.Rollout
                            let start = scenario.Starts[i % scenario.Starts.Length]

                            (i, "start"),
                            Array.map3 (fun x mean sd -> (x - mean) / sd) rollout.Plant[0, *] start scenario.StartSpread

                            (i, "noise"),
                            [|
                                for t in 0 .. rollout.Steps do
                                    for j in 0..1 do
                                        (rollout.Measured[t, j] - rollout.Plant[t, j]) / deviations[j]
                            |]

                            if trial.IsRandom then
                                // two even numbers make two normal ones, by Box and Muller
                                (i, "random controls"),
                                [|
                                    for t in 0..2 .. rollout.Steps - 2 do
                                        let even k =
                                            0.5
                                            * (rollout.Controls[t + k, 0] / (scenario.RandomShare * scenario.Limits[0])
                                               + 1.0)

                                        let radius = sqrt (-2.0 * log (1.0 - even 0))
                                        radius * cos (2.0 * Math.PI * even 1)
                                        radius * sin (2.0 * Math.PI * even 1)
                                |]
                            elif not state.Trials[i - 1].IsRandom then
                                () // the policy before
                            else
                                (i, "drawn policy"),
                                trial.Parameters[.. trial.Parameters.Length - 2]
                                |> Array.map (fun w -> w / 0.01)
                    ]

                // random controls and a drawn policy never share a trial, so there are learners of one and of three random rollouts
                let all = drawn (play 1) @ drawn (play 3)
                Expect.containsAll (List.map fst all) [ (1, "drawn policy"); (1, "random controls") ] "both in trial 1"

                for (what, numbers), (other, others) in List.allPairs all all do
                    let nearest =
                        Seq.min (Seq.allPairs numbers others |> Seq.map (fun (a, b) -> abs (a - b)))

                    if what <> other then
                        Expect.isGreaterThan nearest 1e-9 $"{what} and {other}"
                    elif snd what <> "noise" then
                        // the plant's states after the first depend on the controls; the numbers do not
                        Expect.isLessThan (distance numbers others) 1e-9 $"{what}, whatever else was drawn"

                let size =
                    [ for _, numbers in all -> Seq.averageBy (fun v -> v * v) numbers ]
                    |> List.average

                Expect.isLessThan (abs (size - 1.0)) 0.5 "they are of size 1"
            }

            test "a forecast begins at the start whose turn it is, and so does the rollout" {
                let state = Pilco.start short { options 5 with LineSearches = 2 } |> after 4

                for i, trial in List.indexed state.Trials do
                    let start = short.Starts[i % 2]

                    Expect.isLessThan
                        (distance trial.Rollout.Plant[0, *] start)
                        (6.0 * Array.max short.StartSpread)
                        $"rollout {i}"

                    match trial.Forecast with
                    | None -> Expect.isTrue trial.IsRandom "nothing is expected of a random rollout"
                    | Some forecast -> Expect.equal forecast.Mean[0, *] start $"forecast of {i}"
            }

            test "a search that gains nothing starts again, from a drawn policy, unless the task is solved" {
                let learnt = Pilco.start short (options 5) |> after 2
                let last = List.last learnt.Trials

                // centres so far away that the network is 0 wherever the rod may be, and has no gradient
                let lost =
                    let policy = RbfPolicy.unpack 4 3 1 last.Parameters

                    RbfPolicy.pack
                        { policy with
                            Centres = Array2D.map (fun v -> v + 1e3) policy.Centres
                        }

                let told isSolved =
                    let stuck =
                        { learnt with
                            Trials =
                                (learnt.Trials |> List.take 1)
                                @ [
                                    { last with
                                        Parameters = lost
                                        IsSolved = isSolved
                                    }
                                ]
                        }

                    let told = ResizeArray()

                    match Pilco.next noClock CancellationToken.None told.Add stuck with
                    | Advanced state -> told, (List.last state.Trials).Parameters
                    | other -> failtest $"{other}"

                let largest = Array.map abs >> Array.max
                let lines, found = told false
                Expect.contains lines Restarting "it says so"
                Expect.isLessThan (largest found) 100.0 "a policy of its own"
                let lines, kept = told true
                Expect.isFalse (lines.Contains Restarting) "what solves the task is kept"
                Expect.isGreaterThan (largest kept) 900.0 "as it is"
            }

            test "the best trial is a solved one, or that of least loss over the whole horizon" {
                let learnt = Pilco.start short (options 6) |> after 4
                Expect.isNone (Pilco.start short (options 6)).Best "none before the first policy"
                let loss (trial: Trial) = Array.sum trial.Rollout.Losses
                let least = learnt.PolicyTrials |> List.minBy loss
                Expect.equal (Option.map loss learnt.Best) (Some(loss least)) "least"

                let fallen =
                    { least with
                        Rollout =
                            { least.Rollout with
                                Losses = [| 2.0 |]
                            }
                    }

                let solved =
                    { learnt.PolicyTrials[0] with
                        IsSolved = true
                    }

                let best trials =
                    { learnt with
                        Trials = learnt.Trials @ trials
                    }
                        .Best

                Expect.equal (best [ fallen ] |> Option.map loss) (Some(loss least)) "not one that fell"
                Expect.isTrue (best [ solved ] |> Option.exists _.IsSolved) "solved"
            }

            test "a cancelled trial leaves nothing" {
                let state = Pilco.start short (options 1) |> next
                use cancellation = new CancellationTokenSource()

                let report progress =
                    match progress with
                    | Searching(2, _) -> cancellation.Cancel()
                    | _ -> ()

                let isStopped report =
                    Pilco.next noClock cancellation.Token report state |> _.IsStopped

                Expect.isTrue (isStopped report) "in the middle of a search"
                Expect.isTrue (isStopped ignore) "and at once"
            }

            test "a learner is finished when it has solved the task, or has no trials left" {
                let state = Pilco.start short { options 1 with Trials = 1 }
                Expect.isFalse state.IsFinished "nothing done"
                let random = next state
                Expect.isFalse random.IsFinished "a random rollout is no trial"
                let one = next random
                Expect.isTrue one.IsFinished "all trials done"
                Expect.equal one.Experience (2.0 * short.Duration) "seconds"

                let solved =
                    { one with
                        Options =
                            { one.Options with
                                Trials = 9
                                StopsWhenSolved = true
                            }
                        Trials = one.Trials |> List.map (fun trial -> { trial with IsSolved = true })
                    }

                Expect.isTrue solved.IsFinished "solved"

                let goesOn =
                    { solved with
                        Options =
                            { solved.Options with
                                StopsWhenSolved = false
                            }
                    }

                Expect.isFalse goesOn.IsFinished "but told to go on"
            }

            test "a policy that solves is run again until it is confirmed, and learnt anew with a rollout that failed" {
                // whatever is done stays within reach, until the reach is taken away
                let easy = { short with Reach = 10.0 }
                let hard = { short with Reach = 0.0 }

                let asked =
                    { options 5 with
                        Confirmations = 2
                        StopsWhenSolved = true
                    }

                let first = Pilco.start easy asked |> after 2
                Expect.equal (first.SolvedInARow, first.IsSolved, first.IsFinished) (1, false, false) "solved once"

                let points (state: PilcoState) =
                    Array2D.length1 (fst (Pilco.data state))

                let solved = first |> after 2
                Expect.equal (solved.SolvedInARow, solved.IsSolved, solved.IsFinished) (3, true, true) "confirmed"

                Expect.equal
                    (solved.Learnt.Length, points solved)
                    (1, points first)
                    "one policy; solved repeats are no data"

                Expect.floatClose Accuracy.high solved.Experience (4.0 * short.Duration) "but they are experience"

                let starts = solved.Trials |> List.map (fun trial -> trial.Rollout.Plant[0, 0])
                Expect.equal (List.distinct starts).Length 4 "each from its own start"

                let failed = { first with Scenario = hard } |> next
                let last = List.last failed.Trials
                Expect.isTrue (last.IsRepeat && not last.IsSolved) "run again, and failed"
                Expect.equal (failed.SolvedInARow, points failed) (0, points first + 8) "what failed is data"
                Expect.isFalse (List.last (next failed).Trials).IsRepeat "another policy"

                let out =
                    { first with
                        Options = { asked with Trials = 1 }
                    }

                Expect.isFalse out.IsFinished "the last policy is confirmed too"
                Expect.isTrue (next { out with Scenario = hard }).IsFinished "and failed"

                let restored =
                    Expect.wantOk (Checkpoint.ofJson (find easy) (Checkpoint.toJson (next first))) "it can be read"

                Expect.sequenceEqual
                    (Checkpoint.toJson (next restored))
                    (Checkpoint.toJson solved)
                    "and goes on the same"
            }

            test "the policy kept is the one that solved the most rollouts" {
                let learnt = Pilco.start short (options 6) |> after 3

                let lucky: Trial =
                    { learnt.Trials[1] with
                        IsSolved = true
                    }

                let robust: Trial =
                    { learnt.Trials[2] with
                        IsSolved = true
                    }

                let again: Trial =
                    { robust with
                        Search = [||]
                        Forecast = None
                    }

                let kept =
                    { learnt with
                        Trials = [ learnt.Trials[0]; lucky; robust; again ]
                    }
                        .Best

                Expect.equal (kept |> Option.map _.Parameters) (Some robust.Parameters) "the second"
            }

            test "validation counts fresh starts that are solved, and teaches nothing" {
                let learnt = Pilco.start short (options 6) |> after 2
                let parameters = (List.last learnt.Trials).Parameters

                let count reach =
                    Pilco.validate
                        30
                        { learnt with
                            Scenario = { short with Reach = reach }
                        }
                        parameters

                Expect.equal (count 10.0, count 0.0) (30, 0) "all, none"
                let some = learnt.Trials[1].Rollout.Distances |> Array.max |> count
                Expect.equal (learnt.Trials[1].Rollout.Distances |> Array.max |> count) some "the same starts each time"
                Expect.isTrue (some > 0 && some < 30) $"{some} within the largest distance of one rollout"
            }

            test "options that make no sense are named" {
                let refuses (options: PilcoOptions) (words: string) =
                    Expect.throwsC (fun () -> Pilco.start short options |> ignore) (fun error ->
                        Expect.stringContains error.Message words "what is wrong")

                refuses { options 0 with RandomRollouts = 0 } "one random rollout or more, and 0"
                refuses { options 0 with Policy = Rbf 0 } "one basis function or more, and 0"
                refuses { options 0 with LineSearches = 0 } "one line search or more, and 0"
                refuses { options 0 with Trials = -1 } "1 or more, and -1"
                refuses { options 0 with Exploration = nan } "exploration is a number"
                refuses { options 0 with Confirmations = -1 } "0 or more, and -1"
                refuses { options 0 with Trials = 0 } "1 or more, and 0"
                refuses { options 0 with Evaluations = 0 } "one evaluation or more, and 0"

                refuses
                    { options 0 with
                        TrainingIterations = 0
                    }
                    "training has one iteration or more"

                refuses
                    { options 0 with
                        InducingIterations = 0
                    }
                    "inducing inputs has one iteration or more"

                refuses
                    { options 0 with
                        Policy = Rbf Int32.MaxValue
                    }
                    "1000 basis functions at most"
            }

            test "data that are no numbers fail with a reason" {
                let state = Pilco.start short (options 1) |> next
                let trial = state.Trials[0]
                let measured = Array2D.copy trial.Rollout.Measured
                measured[3, 0] <- nan

                let spoilt =
                    { state with
                        Trials =
                            [
                                { trial with
                                    Rollout =
                                        { trial.Rollout with
                                            Measured = measured
                                        }
                                }
                            ]
                    }

                match Pilco.next noClock CancellationToken.None ignore spoilt with
                | Failed reason -> Expect.stringContains reason "not finite" "why"
                | _ -> failtest "it went on"
            }
        ]
