using System;

namespace Research.Benchmarks.Duals;

/// <summary>What the arm is made of: one row a joint.</summary>
/// <param name="Placement">Rotations of the joints' frames in those of the links before, nine numbers each, rows first.</param>
/// <param name="Offset">Origins of the frames in those of the links before.</param>
/// <param name="Mass">Masses.</param>
/// <param name="Centre">Centres of mass in the frames.</param>
/// <param name="Inertia">Inertias about the origins, nine numbers each.</param>
/// <param name="Armature">Inertias of the motors.</param>
/// <param name="Damping">Torques against the rates.</param>
/// <param name="Gravity">m/s² upward.</param>
public sealed record Arm(
    double[][] Placement, double[][] Offset, double[] Mass, double[][] Centre, double[][] Inertia, double[] Armature, double[] Damping, double Gravity);

/// <summary>
/// The articulated-body algorithm and a step of semi-implicit Euler over dual numbers, written by hand as one would: blocks of the spatial
/// inertia, constants kept as plain numbers, memory allocated once.
/// </summary>
public sealed class DualArm(Arm arm)
{
    private const int N = 7;
    private readonly Dual[][,] rotation = Matrices();
    private readonly Dual[][,] j = Matrices();
    private readonly Dual[][,] h = Matrices();
    private readonly Dual[][,] m = Matrices();
    private readonly Dual[][] omega = Vectors();
    private readonly Dual[][] velocity = Vectors();
    private readonly Dual[][] cAngular = Vectors();
    private readonly Dual[][] cLinear = Vectors();
    private readonly Dual[][] torque = Vectors();
    private readonly Dual[][] force = Vectors();
    private readonly Dual[][] upper = Vectors();
    private readonly Dual[][] lower = Vectors();
    private readonly Dual[] inverse = new Dual[N];
    private readonly Dual[] drive = new Dual[N];
    private readonly Dual[] acceleration = new Dual[N];
    private readonly Dual[,] work1 = new Dual[3, 3];
    private readonly Dual[,] work2 = new Dual[3, 3];
    private readonly Dual[,] work3 = new Dual[3, 3];

    private static Dual[][,] Matrices()
    {
        var all = new Dual[N][,];
        for (var i = 0; i < N; i++) all[i] = new Dual[3, 3];
        return all;
    }

    private static Dual[][] Vectors()
    {
        var all = new Dual[N][];
        for (var i = 0; i < N; i++) all[i] = new Dual[3];
        return all;
    }

    /// <summary>Next state [14], and its derivatives [14, 21], rows first, of a state and control [21].</summary>
    public void Step(ReadOnlySpan<double> point, double dt, Span<double> next, Span<double> jacobian)
    {
        Span<Dual> x = new Dual[21];
        for (var i = 0; i < 21; i++) x[i] = Dual.Input(point[i], i);
        Accelerate(x);
        for (var i = 0; i < N; i++)
        {
            var rate = x[7 + i] + dt * acceleration[i];
            var angle = x[i] + dt * rate;
            next[i] = angle.Value;
            next[7 + i] = rate.Value;
            for (var k = 0; k < 21; k++)
            {
                jacobian[i * 21 + k] = angle.D[k];
                jacobian[(7 + i) * 21 + k] = rate.D[k];
            }
        }
    }

    private void Accelerate(ReadOnlySpan<Dual> x)
    {
        var previousOmega = new Dual[3];
        var previousVelocity = new Dual[3];
        for (var i = 0; i < N; i++)
        {
            Dual s = Dual.Sin(x[i]), c = Dual.Cos(x[i]);
            var p = arm.Placement[i];
            var r = rotation[i];
            for (var a = 0; a < 3; a++)
            {
                r[a, 0] = p[3 * a] * c + p[3 * a + 1] * s;
                r[a, 1] = p[3 * a + 1] * c - p[3 * a] * s;
                r[a, 2] = p[3 * a + 2];
            }

            var offset = arm.Offset[i];
            var moved = new Dual[3];
            Cross(previousOmega, offset, moved);
            for (var a = 0; a < 3; a++) moved[a] = previousVelocity[a] + moved[a];
            Back(r, moved, velocity[i]);
            Back(r, previousOmega, omega[i]);
            omega[i][2] = omega[i][2] + x[7 + i];
            previousOmega = omega[i];
            previousVelocity = velocity[i];

            // v × s q̇ with s along z
            var rate = x[7 + i];
            cAngular[i][0] = omega[i][1] * rate;
            cAngular[i][1] = -1 * (omega[i][0] * rate);
            cLinear[i][0] = velocity[i][1] * rate;
            cLinear[i][1] = -1 * (velocity[i][0] * rate);

            double mass = arm.Mass[i];
            var centre = arm.Centre[i];
            for (var a = 0; a < 3; a++)
                for (var b = 0; b < 3; b++)
                {
                    j[i][a, b] = arm.Inertia[i][3 * a + b];
                    m[i][a, b] = a == b ? mass : 0;
                    h[i][a, b] = 0;
                }

            h[i][0, 1] = -mass * centre[2];
            h[i][0, 2] = mass * centre[1];
            h[i][1, 0] = mass * centre[2];
            h[i][1, 2] = -mass * centre[0];
            h[i][2, 0] = -mass * centre[1];
            h[i][2, 1] = mass * centre[0];

            var linear = new Dual[3];
            Cross(omega[i], centre, linear);
            for (var a = 0; a < 3; a++) linear[a] = mass * (velocity[i][a] + linear[a]);
            var angular = new Dual[3];
            Cross(velocity[i], centre, angular);
            for (var a = 0; a < 3; a++)
            {
                var sum = -mass * angular[a];
                for (var b = 0; b < 3; b++) sum = sum + arm.Inertia[i][3 * a + b] * omega[i][b];
                angular[a] = sum;
            }

            for (var a = 0; a < 3; a++)
            {
                int b = (a + 1) % 3, d = (a + 2) % 3;
                torque[i][a] = omega[i][b] * angular[d] - omega[i][d] * angular[b] + (velocity[i][b] * linear[d] - velocity[i][d] * linear[b]);
                force[i][a] = omega[i][b] * linear[d] - omega[i][d] * linear[b];
            }
        }

        for (var i = N - 1; i >= 0; i--)
        {
            for (var a = 0; a < 3; a++)
            {
                upper[i][a] = j[i][a, 2];
                lower[i][a] = h[i][2, a];
            }

            inverse[i] = Dual.Inverse(j[i][2, 2] + arm.Armature[i]);
            drive[i] = x[14 + i] - arm.Damping[i] * x[7 + i] - torque[i][2];
            if (i == 0) continue;

            var us = new Dual[3];
            var ls = new Dual[3];
            for (var a = 0; a < 3; a++)
            {
                us[a] = inverse[i] * upper[i][a];
                ls[a] = inverse[i] * lower[i][a];
            }

            for (var a = 0; a < 3; a++)
                for (var b = 0; b < 3; b++)
                {
                    if (b <= a)
                    {
                        j[i][a, b] = j[i][b, a] = j[i][a, b] - us[a] * upper[i][b];
                        m[i][a, b] = m[i][b, a] = m[i][a, b] - ls[a] * lower[i][b];
                    }

                    h[i][a, b] = h[i][a, b] - us[a] * lower[i][b];
                }

            var t = new Dual[3];
            var f = new Dual[3];
            for (var a = 0; a < 3; a++)
            {
                t[a] = torque[i][a] + us[a] * drive[i];
                f[a] = force[i][a] + ls[a] * drive[i];
                for (var b = 0; b < 2; b++)
                {
                    t[a] = t[a] + j[i][a, b] * cAngular[i][b] + h[i][a, b] * cLinear[i][b];
                    f[a] = f[a] + h[i][b, a] * cAngular[i][b] + m[i][a, b] * cLinear[i][b];
                }
            }

            var r = rotation[i];
            var o = arm.Offset[i];
            Turn(r, m[i], work1);
            Turn(r, h[i], work2);
            Turn(r, j[i], work3);
            var rm = new Dual[3, 3];
            var rh = new Dual[3, 3];
            for (var b = 0; b < 3; b++)
                for (var a = 0; a < 3; a++)
                {
                    int c = (a + 1) % 3, d = (a + 2) % 3;
                    rm[a, b] = o[c] * work1[d, b] - o[d] * work1[c, b];
                    rh[a, b] = o[c] * work2[b, d] - o[d] * work2[b, c];
                }

            for (var a = 0; a < 3; a++)
                for (var b = 0; b < 3; b++)
                {
                    int c = (b + 1) % 3, d = (b + 2) % 3;
                    m[i - 1][a, b] = m[i - 1][a, b] + work1[a, b];
                    h[i - 1][a, b] = h[i - 1][a, b] + work2[a, b] + rm[a, b];
                    if (b > a) continue;
                    var rmr = o[d] * rm[a, c] - o[c] * rm[a, d];
                    j[i - 1][a, b] = j[i - 1][b, a] = j[i - 1][a, b] + work3[a, b] + (rh[a, b] + rh[b, a]) - rmr;
                }

            var turned = new Dual[3];
            var turnedTorque = new Dual[3];
            for (var a = 0; a < 3; a++)
            {
                turned[a] = r[a, 0] * f[0] + r[a, 1] * f[1] + r[a, 2] * f[2];
                turnedTorque[a] = r[a, 0] * t[0] + r[a, 1] * t[1] + r[a, 2] * t[2];
            }

            for (var a = 0; a < 3; a++)
            {
                int c = (a + 1) % 3, d = (a + 2) % 3;
                force[i - 1][a] = force[i - 1][a] + turned[a];
                torque[i - 1][a] = torque[i - 1][a] + turnedTorque[a] + (o[c] * turned[d] - o[d] * turned[c]);
            }
        }

        var alpha = new Dual[3];
        Dual[] linearAcceleration = [0, 0, arm.Gravity];
        for (var i = 0; i < N; i++)
        {
            var moved = new Dual[3];
            Cross(alpha, arm.Offset[i], moved);
            for (var a = 0; a < 3; a++) moved[a] = linearAcceleration[a] + moved[a];
            var there = new Dual[3];
            var turning = new Dual[3];
            Back(rotation[i], moved, there);
            Back(rotation[i], alpha, turning);
            for (var a = 0; a < 2; a++)
            {
                there[a] = there[a] + cLinear[i][a];
                turning[a] = turning[a] + cAngular[i][a];
            }

            var left = drive[i];
            for (var a = 0; a < 3; a++) left = left - (upper[i][a] * turning[a] + lower[i][a] * there[a]);
            acceleration[i] = left * inverse[i];
            turning[2] = turning[2] + acceleration[i];
            alpha = turning;
            linearAcceleration = there;
        }
    }

    private static void Cross(Dual[] a, double[] b, Dual[] result)
    {
        for (var i = 0; i < 3; i++)
        {
            int c = (i + 1) % 3, d = (i + 2) % 3;
            result[i] = b[d] * a[c] - b[c] * a[d];
        }
    }

    private static void Back(Dual[,] r, Dual[] v, Dual[] result)
    {
        for (var i = 0; i < 3; i++) result[i] = r[0, i] * v[0] + r[1, i] * v[1] + r[2, i] * v[2];
    }

    private static void Turn(Dual[,] r, Dual[,] a, Dual[,] result)
    {
        var half = new Dual[3, 3];
        for (var i = 0; i < 3; i++)
            for (var k = 0; k < 3; k++)
                half[i, k] = r[i, 0] * a[0, k] + r[i, 1] * a[1, k] + r[i, 2] * a[2, k];
        for (var i = 0; i < 3; i++)
            for (var k = 0; k < 3; k++)
                result[i, k] = half[i, 0] * r[k, 0] + half[i, 1] * r[k, 1] + half[i, 2] * r[k, 2];
    }
}
