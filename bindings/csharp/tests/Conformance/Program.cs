// The conformance driver of the C# package: tests/conformance/README.md. Run it under `daytona-dev run --`, with the
// directory of the cases and, if not all are meant, texts of which a case's name has to contain one.
using System.Text.Json.Nodes;
using Daytona;
using Daytona.Conformance;

if (args is ["--leave"])
{
    // A process that ends while its work is pending.
    var abandoned = new DaytonaClient();
    var sandbox = await abandoned.CreateAsync();
    var run = await sandbox.Process.RunAsync("echo begun; sleep 1000");
    var chunks = run.GetAsyncEnumerator();
    await chunks.MoveNextAsync();
    _ = Task.WhenAll(Enumerable.Range(0, 100).Select(_ => sandbox.Process.ExecuteAsync("sleep 1000")));
    Console.WriteLine("left");
    return 7;
}

// What C# cannot express, by name, with the reason.
Dictionary<string, string> skipped = new()
{
    ["echo.error: 2^53 and more in a field"] = "RetryAfter is a TimeSpan, which ends after 29,000 years",
    ["echo.error: the largest number of 64 bits"] = "RetryAfter is a TimeSpan, which ends after 29,000 years",
    ["image.dockerfile: nothing to begin with"] = "an Image begins with a base, a Python or a Dockerfile; there is no other to construct",
};

var cases = Directory.GetFiles(args[0], "*.json").Order(StringComparer.Ordinal)
    .SelectMany(file => JsonNode.Parse(File.ReadAllText(file))!["cases"]!.AsArray()).Select(item => item!.AsObject()).ToArray();
var unknown = skipped.Keys.Except(cases.Select(item => (string)item["name"]!)).ToArray();
if (unknown.Length > 0)
{
    Console.WriteLine($"no case has the name {string.Join(", ", unknown)}");
    return 1;
}
var (passed, failed, left) = (0, 0, 0);
await using var client = new DaytonaClient();

async Task RunAsync(JsonObject item)
{
    var name = (string)item["name"]!;
    string line;
    if (skipped.TryGetValue(name, out var reason))
    {
        Interlocked.Increment(ref left);
        line = $"skipped {name}: {reason}";
    }
    else
    {
        try
        {
            await using (var running = new Case(item, client))
            {
                await running.RunAsync();
            }
            Interlocked.Increment(ref passed);
            line = $"ok {name}";
        }
        catch (Exception exception)
        {
            Interlocked.Increment(ref failed);
            line = $"FAILED {name}: {(exception is FailedException ? exception.Message : exception.ToString())}";
        }
    }
    lock (cases)
    {
        Console.WriteLine(line);
    }
}

// Those with faults run alone. The others from the end, where the one is that waits longest.
var meant = cases.Where(item => args.Length == 1 || args.Skip(1).Any(((string)item["name"]!).Contains)).ToArray();
await Parallel.ForEachAsync(meant.Where(item => !item.ContainsKey("faults")).Reverse(), new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (item, _) => await RunAsync(item));
foreach (var item in meant.Where(item => item.ContainsKey("faults")))
{
    await RunAsync(item);
}
Console.WriteLine($"{passed} passed, {failed} failed, {left} skipped");
return failed > 0 ? 1 : 0;
