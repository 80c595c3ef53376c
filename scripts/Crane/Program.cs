// A load is lifted over a stack of containers and set to rest on the other side: first as a plan, then by model-predictive control of a crane
// that is not quite the model's, in a gust of wind. Run it with
//
//     dotnet run -c Release --project scripts/Crane
//
// and it prints what happens and writes crane.csv into the folder given as an argument, or into runs/crane.

using System.Globalization;
using Research.ModelBased;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var folder = args.Length > 0 ? args[0] : Path.Combine("runs", "crane");

// --- the task -----------------------------------------------------------------------------------------------------------------------------

var crane = new Crane();
double[] start = [0, 0, 6, 0, 0, 0], goal = [8, 0, 6, 0, 0, 0];

// each second costs what the motors do, and what the load swings
var plan = new ControlProblem(
    crane.Dynamics,
    Cost.Create(
        stage: (x, u) => Crane.TimeStep * (0.5 * u.SquaredNorm() + 5 * (x[1] * x[1] + x[4] * x[4])),
        terminal: x => Cost.Quadratic([50, 50, 50, 50, 50, 50], goal, x)),
    horizon: 120,
    start).WithLimits([-Crane.Limits[0], -Crane.Limits[1]], Crane.Limits);

// --- a plan that looks at no obstacle, with progress --------------------------------------------------------------------------------------

var straight = await Ilqr.SolveAsync(plan, progress: new Printer<Iteration>(iteration =>
    Console.WriteLine($"  iteration {iteration.Number,2}: cost {iteration.Cost,8:F4}, step {iteration.Step:F2}")));
Console.WriteLine($"iLQR: {straight}");
Console.WriteLine($"  clearance {straight.Trajectory.LeastClearance():F2}: the load would {(straight.Trajectory.LeastClearance() < 0 ? "hit" : "miss")} the stack");

// --- the same over the stack, to rest to the last digit -----------------------------------------------------------------------------------

var over = await Constrained.SolveAsync(
    plan.WithConstraints(Crane.ClearOfTheStack, Constraint.TerminalEquality("at rest at the goal", x => x - goal)), straight.Controls);
Console.WriteLine($"constrained: {over}");
Console.WriteLine($"  clearance {over.Solution.Trajectory.LeastClearance():F9} in {over.Solution.SolveTime.TotalMilliseconds:F0} ms");

// --- the real crane: air resistance, and a gust after three seconds -----------------------------------------------------------------------

var real = new Crane(Drag: 0.05).Dynamics;
double[] Gust(int t, double[] x) => t == 30 ? [x[0], x[1], x[2], x[3], x[4] + 0.25, x[5]] : x;

var tracking = new ControlProblem(
    crane.Dynamics,
    Cost.Create(
        stage: (x, u) => Crane.TimeStep * (Cost.Quadratic([1, 10, 1, 1, 10, 1], goal, x) + 0.25 * u.SquaredNorm()),
        terminal: x => Cost.Quadratic([20, 50, 20, 20, 50, 20], goal, x)),
    horizon: 60,
    start)
    .WithLimits([-Crane.Limits[0], -Crane.Limits[1]], Crane.Limits)
    .WithConstraints(Crane.ClearOfTheStack);

var controller = new MpcController(tracking, new() { Deadline = TimeSpan.FromMilliseconds(20) });
var closed = ClosedLoop.Run(controller, real, every: 1, steps: 200, start, straight.Controls.Head(60), Gust);
var open = Blind(real, over.Controls, Gust);

var times = closed.Replans.Select(replan => replan.Time.TotalMicroseconds).Order().ToArray();
Console.WriteLine($"in the gust, with the plan alone: ends {open.Distance(goal):F2} from rest at the goal");
Console.WriteLine($"in the gust, replanning {1 / Crane.TimeStep:F0} times a second: ends {closed.Trajectory.Distance(goal):F4} from it, clearance {closed.Trajectory.LeastClearance():F3}");
Console.WriteLine($"  a replan takes {times[times.Length / 2]:F0} µs (median), {times[times.Length * 99 / 100]:F0} µs (99 of 100)");

// --- numbers for a spreadsheet ------------------------------------------------------------------------------------------------------------

Directory.CreateDirectory(folder);
var file = Path.Combine(folder, "crane.csv");
File.WriteAllLines(file, closed.Trajectory.Lines());
Console.WriteLine($"wrote {file}");

return over.IsConverged && closed.Trajectory.Distance(goal) < 0.05 && closed.Trajectory.LeastClearance() > -0.02 ? 0 : 1;

// The plan's controls on the real crane, whatever happens.
static Trajectory Blind(Dynamics plant, double[,] controls, Func<int, double[], double[]> disturb)
{
    var (steps, n) = (controls.GetLength(0), plant.States);
    var states = new double[steps + 1, n];
    double[] x = [0, 0, 6, 0, 0, 0];
    for (var t = 0; t <= steps; t++)
    {
        for (var i = 0; i < n; i++) states[t, i] = x[i];
        if (t < steps) x = plant.Next(disturb(t, x), [controls[t, 0], controls[t, 1]]);
    }

    return new(states, controls);
}

/// <summary>Progress that is printed at once and in order.</summary>
internal sealed class Printer<T>(Action<T> print) : IProgress<T>
{
    public void Report(T value) => print(value);
}

internal static class Reading
{
    /// <summary>The first rows of a matrix.</summary>
    public static double[,] Head(this double[,] matrix, int rows)
    {
        var head = new double[rows, matrix.GetLength(1)];
        Array.Copy(matrix, head, head.Length);
        return head;
    }

    public static double LeastClearance(this Trajectory trajectory) =>
        Enumerable.Range(0, trajectory.Steps + 1).Min(t => Crane.Clearance(trajectory.State(t)));

    /// <summary>Distance of the last state from another.</summary>
    public static double Distance(this Trajectory trajectory, double[] goal)
    {
        var last = trajectory.State(trajectory.Steps).ToArray();
        return Math.Sqrt(last.Zip(goal, (x, z) => (x - z) * (x - z)).Sum());
    }

    public static IEnumerable<string> Lines(this Trajectory trajectory)
    {
        yield return "time,position,angle,length,velocity,swing,winding,push,wind";
        for (var t = 0; t < trajectory.Steps; t++)
            yield return string.Join(',', [t * Crane.TimeStep, .. trajectory.State(t), .. trajectory.Control(t)]);
    }
}
