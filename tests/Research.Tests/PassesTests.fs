module Research.Tests.PassesTests

open System
open System.Threading
open System.Threading.Tasks
open Expecto
open Research
open Research.Control
open Research.Environments

/// No tolerance: as many iterations as asked for, whatever they are worth.
let private options threads =
    { Ilqr.defaults with
        CostTolerance = 0.0
        GradientTolerance = 0.0
        MaxIterations = 25
        Threads = threads
    }

let private zero (problem: Problem) =
    Array2D.zeroCreate problem.Horizon problem.Dynamics.ControlSize

let private over (environment: Research.Environments.Environment) horizon =
    let length = environment.TimeStep * float environment.Horizon

    { environment.ProblemOver(length / float horizon, horizon) with
        Constraints = []
    }

/// All that does not depend on the clock.
let private untimed (solution: Solution) =
    { solution with
        CompileSeconds = 0.0
        SolveSeconds = 0.0
        Iterations = solution.Iterations |> Array.map (fun i -> { i with Seconds = 0.0 })
    }

/// A second thread comes when it can: on a busy machine, or for the first iterations, it may not. So every solution is made again and again.
let private same name (solve: int -> unit -> Solution) =
    let one = untimed (solve 1 ())
    let two = solve 2

    for repetition in 1..10 do
        let solution = untimed (two ())

        if solution <> one then
            failtest $"{name}: two threads gave other bits than one, in repetition {repetition}"

let private from create problem controls threads =
    let solver: TrajectoryOptimiser = create (options threads) problem
    fun () -> solver.Solve controls

[<Tests>]
let tests =
    testList
        "Passes"
        [
            test "two threads give the bits of one: free, limited, small, large, by DDP" {
                let cartPole = over CartPole.environment 700
                same "limited" (from Ilqr.create cartPole (zero cartPole))
                let free = { cartPole with Limits = None }
                same "free" (from Ilqr.create free (zero free))
                // short: one chunk of steps
                let short = over CartPole.environment 5
                same "short" (from Ilqr.create short (zero short))
                // the sweep of the pendulum is traced
                let pendulum = over Pendulum.environment 300
                same "pendulum" (from Ilqr.create pendulum (zero pendulum))
                let quadrotor = over Quadrotor.environment 60
                same "quadrotor" (from Ilqr.create quadrotor (zero quadrotor))
                let car = over Car.environment 200
                let rng = Rng.OfSeed 1

                let controls =
                    Array2D.init 200 2 (fun _ _ -> Car.environment.ControlSpread * rng.Normal())

                same "car, DDP" (from Ddp.create car controls)
            }

            test "two threads give the bits of one where the trajectory has gaps" {
                let problem = over CartPole.environment 400

                let states =
                    Array2D.init 401 4 (fun t i -> float t / 400.0 * (if i = 1 then Math.PI else 0.3))

                same "gaps" (fun threads ->
                    let solver = Ilqr.create (options threads) problem
                    fun () -> solver.SolveFrom(states, zero problem))
            }

            test "two threads give the bits of one where arguments of a sine are so large that rollouts are redone" {
                let dynamics =
                    Dynamics.ofTraced 2 1 (fun x u -> [| x[0] + 0.01 * x[1]; x[1] + 0.01 * (u[0] + sin (3e5 * x[0])) |])

                let cost =
                    Cost.create (fun x u -> 0.01 * (Vec.squaredNorm x + 0.1 * Vec.squaredNorm u)) (fun x ->
                        10.0 * Vec.squaredNorm x + cos (2e5 * x[0]))

                let problem = Problem.create dynamics cost 300 [| 1.0; 0.0 |]
                same "large arguments" (from Ilqr.create problem (zero problem))
            }

            test "dynamics that answer in batches are asked from one thread only" {
                let threads = Collections.Concurrent.ConcurrentDictionary<int, bool>()

                let step (points: float[]) (results: float[]) count =
                    threads[Environment.CurrentManagedThreadId] <- true

                    for p in 0 .. count - 1 do
                        results[p] <- points[p] + 0.1 * points[count + p]
                        results[count + p] <- points[count + p] + 0.1 * points[2 * count + p]

                let cost =
                    Cost.create (fun x u -> 0.1 * (Vec.squaredNorm x + Vec.squaredNorm u)) Vec.squaredNorm

                let problem = Problem.create (Dynamics.ofBatch 2 1 1e-6 step) cost 50 [| 1.0; 0.0 |]

                Ilqr.solve (options 2) problem (zero problem) |> ignore
                Expect.equal threads.Count 1 "threads"
            }

            test "a solver of two threads survives cancellation and exceptions of who watches it" {
                let problem = over CartPole.environment 400
                let solver = Ilqr.create (options 2) problem
                let expected = untimed (solver.Solve(zero problem))
                use source = new CancellationTokenSource()

                let cancelled =
                    solver.Solve(
                        zero problem,
                        source.Token,
                        fun iteration ->
                            if iteration.Number = 3 then
                                source.Cancel()
                    )

                Expect.equal cancelled.Status Cancelled "status"
                Expect.equal cancelled.Iterations.Length 3 "iterations"

                Expect.throwsT<InvalidOperationException>
                    (fun () ->
                        solver.Solve(
                            zero problem,
                            CancellationToken.None,
                            fun iteration ->
                                if iteration.Number = 2 then
                                    invalidOp "enough"
                        )
                        |> ignore)
                    "exception"

                Expect.equal (untimed (solver.Solve(zero problem))) expected "afterwards"
            }

            test "more threads than the machine has cores give the same bits" {
                let problem = over CartPole.environment 300
                let expected = untimed (Ilqr.solve (options 1) problem (zero problem))

                let solutions =
                    Array.init 6 (fun _ ->
                        Task.Run(fun () ->
                            let solver = Ilqr.create (options 2) problem
                            Array.init 3 (fun _ -> untimed (solver.Solve(zero problem)))))
                    |> Task.WhenAll

                for solution in Array.concat solutions.Result do
                    Expect.equal solution expected "solution"
            }

            test "numbers of threads that make no sense are named" {
                let problem = over CartPole.environment 10

                Expect.stringContains
                    (Expect.throwsC (fun () -> Ilqr.create (options 3) problem |> ignore) id).Message
                    "Threads is 3"
                    "message"
            }
        ]

/// Bytes are counted while nothing else runs: what other tests do may move this one's work to another thread.
[<Tests>]
let allocations =
    testSequenced
    <| testList
        "Passes, alone"
        [
            test "an iteration on two threads allocates nothing" {
                let problem = over CartPole.environment 400

                let allocated iterations =
                    let solver =
                        Ilqr.create
                            { options 2 with
                                MaxIterations = iterations
                            }
                            problem

                    for _ in 1..3 do
                        solver.Solve(zero problem) |> ignore

                    let before = GC.GetAllocatedBytesForCurrentThread()
                    let solution = solver.Solve(zero problem)
                    GC.GetAllocatedBytesForCurrentThread() - before, solution.Iterations.Length

                let few, fewer = allocated 10
                let many, more = allocated 20
                let records = int64 ((more - fewer) * sizeof<Iteration>)
                // sizes of arrays are rounded to words
                Expect.isLessThanOrEqual (abs (many - few - records)) 16L "bytes beyond the records of iterations"
            }
        ]
