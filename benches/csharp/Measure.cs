using System.Diagnostics;
using System.Globalization;

namespace Daytona.Bench;

/// <summary>What the process had used when a measure began.</summary>
internal sealed class Measure
{
    private readonly TimeSpan _cpu = Environment.CpuUsage.TotalTime;
    private readonly long _idle = Memory("VmRSS:");
    private readonly long _at = Stopwatch.GetTimestamp();

    /// <summary>Prints what was used since, as every measured program does: a line of JSON.</summary>
    internal void Report(double units, double[]? tripsUs = null)
    {
        var wall = Stopwatch.GetElapsedTime(_at);
        var cpu = Environment.CpuUsage.TotalTime - _cpu;
        var peak = Memory("VmHWM:");
        var more = "";
        if (tripsUs is not null)
        {
            Array.Sort(tripsUs);
            more = $",\"p50Us\":{tripsUs[tripsUs.Length / 2]:0.0}";
        }
        Console.WriteLine(
            $$"""{"cpuUs":{{cpu.TotalMicroseconds:0}},"wallUs":{{wall.TotalMicroseconds:0}},"units":{{units}},"grownKib":{{peak - _idle}},"peakKib":{{peak}}{{more}}}""");
    }

    /// <summary>The process's memory in KiB: VmRSS now, VmHWM at most so far.</summary>
    private static long Memory(string which)
    {
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(which, StringComparison.Ordinal));
        return long.Parse(line[which.Length..^2], CultureInfo.InvariantCulture);
    }
}
