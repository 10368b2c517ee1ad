// The measures in C#: `bench-csharp ours|by-hand PORT MEASURE [ARGUMENT...]`.
using System.Diagnostics;
using Daytona.Bench;

const int MiB = 1 << 20;
const int Trips = 3000;

var (port, name, arguments) = (args[1], args[2], args[3..]);
int Number(int i) => int.Parse(arguments[i]);

if (name == "echo-target")
{
    await using var target = new EchoTarget();
    await InFlightAsync(Number(0), Number(1), Number(2), target.CallAsync);
    return;
}
await using ISubject subject = args[0] == "ours" ? new Ours(port) : new ByHand(port);
var began = new Measure();
await subject.OpenAsync();
await subject.ExecuteAsync();
var from = new Measure();
switch (name)
{
    case "first":
        began.Report(1);
        break;
    case "execute":
        Sequential(Number(0), Number(1), subject.Execute);
        break;
    case "execute-async":
        await InFlightAsync(1, Number(0), Number(1), subject.ExecuteAsync);
        break;
    case "in-flight":
        await InFlightAsync(Number(0), Number(1), Number(2), subject.ExecuteAsync);
        break;
    case "upload":
        await subject.UploadAsync(arguments[0]);
        from.Report(new FileInfo(arguments[0]).Length / MiB);
        break;
    case "download":
        await subject.DownloadAsync(arguments[0]);
        from.Report(new FileInfo(arguments[0]).Length / MiB);
        break;
    case "read":
        Expect((await subject.ReadAsync()).Length == 256 * MiB);
        from.Report(256);
        break;
    case "list":
        Expect(await subject.ListAsync() == 10_000);
        from.Report(1);
        break;
    case "log":
        Expect(await subject.FollowAsync($"log-{Number(0)}") > Number(0) * (long)MiB * 9 / 10);
        from.Report(Number(0));
        break;
    case "echo":
        await EchoAsync();
        break;
    default:
        Expect(false);
        break;
}

static void Expect(bool isGood)
{
    if (!isGood)
    {
        throw new InvalidOperationException("The measure failed.");
    }
}

static void Sequential(int calls, int warm, Action call)
{
    for (var i = 0; i < warm; i++)
    {
        call();
    }
    var from = new Measure();
    for (var i = 0; i < calls; i++)
    {
        call();
    }
    from.Report(calls);
}

// Calls by so many tasks at once, some beforehand.
static async Task InFlightAsync(int width, int calls, int warm, Func<Task> call)
{
    async Task RunAsync(int calls)
    {
        var left = calls;
        async Task WorkAsync()
        {
            while (Interlocked.Decrement(ref left) >= 0)
            {
                await call();
            }
        }
        await Task.WhenAll(Enumerable.Range(0, width).Select(_ => WorkAsync()));
    }
    await RunAsync(warm);
    var from = new Measure();
    await RunAsync(calls);
    from.Report(calls);
}

async Task EchoAsync()
{
    var terminal = await subject.OpenTerminalAsync();
    var (typed, shown) = ("x"u8.ToArray(), new byte[1]);
    var trips = new double[Trips];
    for (var i = 0; i < 2 * Trips; i++)
    {
        if (i == Trips)
        {
            from = new Measure();
        }
        var at = Stopwatch.GetTimestamp();
        await terminal.WriteAsync(typed);
        Expect(await terminal.ReadAsync(shown) == 1);
        if (i >= Trips)
        {
            trips[i - Trips] = Stopwatch.GetElapsedTime(at).TotalMicroseconds;
        }
    }
    from.Report(Trips, trips);
}
