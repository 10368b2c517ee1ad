// A tour of one sandbox: a command, a terminal, a large file there and back.
//
// It runs against whatever DAYTONA_API_URL and DAYTONA_API_KEY name: `make demo-csharp` starts a server on this machine;
// with only DAYTONA_API_KEY set it is Daytona's hosted service. Whatever happens, the sandbox is deleted at the end.
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Daytona;

const int FileMiB = 64;
var patience = TimeSpan.FromSeconds(30);

try
{
    Console.WriteLine($"libdaytona {DaytonaClient.LibraryVersion}\n\n1. A sandbox");
    await using var client = new DaytonaClient();
    var clock = Stopwatch.StartNew();
    // Should this program be killed, the sandbox stops after five idle minutes and is deleted then.
    await using var sandbox = await client.CreateAsync(new()
    {
        Language = "python",
        Ephemeral = true,
        AutoStopInterval = TimeSpan.FromMinutes(5),
    });
    Console.WriteLine($"  id         {sandbox.Id}\n  state      {sandbox.State}\n  took       {clock.Elapsed.TotalSeconds:0.00} s");
    try
    {
        Console.WriteLine("\n2. A command, its stdout and stderr apart while it runs");
        await RunAsync(sandbox);
        Console.WriteLine("\n3. A terminal of 120x40, typed into, resized to 100x30, left with `exit 7`");
        await UseTerminalAsync(sandbox);
        Console.WriteLine($"\n4. A file of {FileMiB} MiB up and down");
        await MoveFilesAsync(sandbox);
    }
    finally
    {
        Console.WriteLine("\n5. The sandbox deleted");
        await sandbox.DeleteAsync(new() { Wait = true });
        Console.WriteLine("  it is gone, with everything that ran in it");
    }
    Console.WriteLine("\nThat was one real sandbox.");
    return 0;
}
catch (Exception exception) when (exception is DaytonaException or DaytonaLibraryException or TimeoutException or InvalidDataException)
{
    Console.Error.WriteLine($"\n{(exception as DaytonaException)?.Operation} failed: {(exception as DaytonaException)?.Status}: {exception.Message}");
    Console.WriteLine("\nThe tour did not work out; the reason stands above.");
    return 1;
}

async Task RunAsync(Sandbox sandbox)
{
    var clock = Stopwatch.StartNew();
    await using var run = await sandbox.Process.RunAsync(
        "for i in 1 2 3; do echo step $i; sleep 0.4; echo careful $i >&2; sleep 0.4; done; exit 3");
    await foreach (var chunk in run)
    {
        foreach (var line in chunk.Text.TrimEnd('\n').Split('\n')) // What arrives together may be several lines.
        {
            Console.WriteLine($"  {clock.Elapsed.TotalSeconds,4:0.0} s  {(chunk.IsError ? "stderr" : "stdout")}  {line}");
        }
    }
    Expect(3, (await run.Completion).ExitCode, "The command ends with `exit 3`, yet that is not what came back.");
}

async Task UseTerminalAsync(Sandbox sandbox)
{
    await using var pty = await sandbox.Pty.OpenAsync("tour", new() { Cols = 120, Rows = 40 });
    var shown = new StringBuilder();
    var reader = pty.GetAsyncEnumerator();

    // Shows the terminal until this text was seen, or to its end.
    async Task WatchAsync(string? wanted)
    {
        while (wanted is null || !shown.ToString().Contains(wanted))
        {
            if (!await reader.MoveNextAsync().AsTask().WaitAsync(patience))
            {
                return;
            }
            var text = Terminal.Sequences().Replace(reader.Current.Text, "");
            shown.Append(text);
            Console.Write(text.Replace("\n", "\n  | "));
        }
        shown.Clear();
    }

    Console.Write("  | ");
    await pty.WriteLineAsync("stty size");
    await WatchAsync("40 120");
    await pty.ResizeAsync(100, 30);
    await pty.WriteLineAsync("stty size");
    await WatchAsync("30 100");
    await pty.WriteLineAsync("exit 7");
    await WatchAsync(null);
    Console.WriteLine();
    Expect(7, (await pty.Completion).ExitCode, "The shell was left with `exit 7`, yet that is not what came back.");
}

async Task MoveFilesAsync(Sandbox sandbox)
{
    var directory = Directory.CreateTempSubdirectory("daytona-tour-");
    try
    {
        var (up, down) = (Path.Combine(directory.FullName, "up"), Path.Combine(directory.FullName, "down"));
        var bytes = new byte[FileMiB << 20];
        new Random(1).NextBytes(bytes);
        await File.WriteAllBytesAsync(up, bytes);
        await TransferAsync("up", progress => sandbox.Files.UploadAsync(up, "tour.bin", progress: progress));
        await TransferAsync("down", progress => sandbox.Files.DownloadAsync("tour.bin", down, progress: progress));

        var here = Convert.ToHexStringLower(SHA256.HashData(bytes));
        var there = (await sandbox.Process.ExecuteAsync("sha256sum tour.bin")).Result.Split(' ')[0];
        await using var file = File.OpenRead(down);
        var back = Convert.ToHexStringLower(await SHA256.HashDataAsync(file));
        Console.WriteLine($"  sha256     here   {here}\n             there  {there}\n             back   {back}");
        if (here != there || here != back)
        {
            throw new InvalidDataException("The hashes differ: the file changed on its way.");
        }
    }
    finally
    {
        directory.Delete(recursive: true);
    }
}

async Task TransferAsync(string label, Func<IProgress<Transfer>, Task<Transferred>> transfer)
{
    var clock = Stopwatch.StartNew();
    var reports = new Reports();
    var done = await transfer(reports);
    Console.WriteLine($"  {label,-10} {done.Bytes >> 20} MiB in {clock.Elapsed.TotalSeconds:0.00} s, {reports.Count} reports of progress");
}

void Expect(int expected, int actual, string otherwise)
{
    Console.WriteLine($"  exit code  {actual}");
    if (actual != expected)
    {
        throw new InvalidDataException(otherwise);
    }
}

/// <summary>Counts reports; a program with a window would draw them.</summary>
internal sealed class Reports : IProgress<Transfer>
{
    public int Count { get; private set; }

    public void Report(Transfer value) => Count++;
}

internal static partial class Terminal
{
    /// <summary>What terminals are told beside text: colours, titles, where the cursor is.</summary>
    [GeneratedRegex("\e\\[[0-9;?]*[ -/]*[@-~]|\e\\][^\a\e]*(\a|\e\\\\)|\e[=>]|\r")]
    internal static partial Regex Sequences();
}
