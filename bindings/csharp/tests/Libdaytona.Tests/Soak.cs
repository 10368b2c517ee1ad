using System.Diagnostics;

namespace Daytona.Tests;

internal static class Soak
{
    /// <summary>Makes 100,000 calls; with DAYTONA_ECHO_CALLS that many, after a tenth of them to warm up, and then neither
    /// resident memory nor descriptors may have grown.</summary>
    public static async Task CallsAsync(Func<int, Task> calls)
    {
        if (Environment.GetEnvironmentVariable("DAYTONA_ECHO_CALLS") is not { Length: > 0 } given)
        {
            await calls(100_000);
            return;
        }
        var count = int.Parse(given, System.Globalization.CultureInfo.InvariantCulture);
        await calls(count / 10);
        var before = Held();
        await calls(count);
        var after = Held();
        Console.WriteLine(
            $"soak C#: {count} calls, resident {before.Resident} -> {after.Resident} KiB, descriptors {before.Descriptors} -> {after.Descriptors}");
        Assert.True(after.Resident <= before.Resident + (8 << 10) && after.Descriptors <= before.Descriptors, "Something leaks.");
    }

    private static (long Resident, int Descriptors) Held()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var process = Process.GetCurrentProcess();
        return (process.WorkingSet64 / 1024, Directory.GetFileSystemEntries("/proc/self/fd").Length);
    }
}
