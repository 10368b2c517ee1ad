// One program with a bit of everything: sandboxes, commands, output as it comes, a terminal, files, git, lists.
using Daytona;

var cancellationToken = CancellationToken.None;
await File.WriteAllBytesAsync("model.bin", new byte[1_000_000]);

await using var client = new DaytonaClient();                        // or new(new DaytonaOptions { ApiKey = ... })
await using var sandbox = await client.CreateAsync(new() { Language = "python", Labels = { ["env"] = "dev" } });

var result = await sandbox.Process.ExecuteAsync("echo installed for $NODE_ENV",
    new() { Cwd = "/tmp", Env = { ["NODE_ENV"] = "prod" }, Timeout = TimeSpan.FromMinutes(5) }, cancellationToken);
Console.WriteLine($"{result.ExitCode}: {result.Result}");

await using (var run = await sandbox.Process.RunAsync("echo fine; echo careful >&2; exit 3"))
{
    await foreach (var chunk in run)                                  // IAsyncEnumerable<OutputChunk>
        (chunk.IsError ? Console.Error : Console.Out).Write(chunk.Text);
    Console.WriteLine((await run.Completion).ExitCode);
}

await using var pty = await sandbox.Pty.OpenAsync("main", new() { Cols = 120, Rows = 40 });
await pty.WriteLineAsync("ls -la; exit");
await pty.AsStream().CopyToAsync(Console.OpenStandardOutput());

await sandbox.Files.UploadAsync("model.bin", "/data/model.bin", progress: new Progress<Transfer>(t => Console.WriteLine($"{t.Bytes} of {t.Total}")));
try { await sandbox.Git.CloneAsync("file:///nope.git", "/repo"); }
catch (DaytonaNotFoundException e) { Console.WriteLine($"{e.Code} {e.RequestId}"); }
await foreach (var box in client.ListAsync(new() { Labels = { ["env"] = "dev" } })) Console.WriteLine(box.Name);
await sandbox.DeleteAsync();
