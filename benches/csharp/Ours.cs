namespace Daytona.Bench;

/// <summary>What is measured.</summary>
internal interface ISubject : IAsyncDisposable
{
    /// <summary>Finds the sandbox.</summary>
    Task OpenAsync();

    Task ExecuteAsync();

    void Execute();

    Task UploadAsync(string localPath);

    Task DownloadAsync(string localPath);

    /// <summary>A file as bytes.</summary>
    Task<byte[]> ReadAsync();

    /// <summary>Counts the sandboxes.</summary>
    Task<int> ListAsync();

    /// <summary>Follows a command's log, and counts its bytes.</summary>
    Task<long> FollowAsync(string command);

    Task<ITerminal> OpenTerminalAsync();
}

internal interface ITerminal
{
    ValueTask WriteAsync(ReadOnlyMemory<byte> data);

    ValueTask<int> ReadAsync(Memory<byte> data);
}

/// <summary>Through the package.</summary>
internal sealed class Ours(string port) : ISubject
{
    private readonly DaytonaClient _client = new(new DaytonaOptions { ApiKey = "bench", ApiUrl = $"http://127.0.0.1:{port}/api" });
    private Sandbox _sandbox = null!;

    public async Task OpenAsync() => _sandbox = await _client.GetAsync("sandbox");

    public Task ExecuteAsync() => _sandbox.Process.ExecuteAsync("echo hello");

    public void Execute() => _sandbox.Process.Execute("echo hello");

    public Task UploadAsync(string localPath) => _sandbox.Files.UploadAsync(localPath, "/tmp/upload");

    public Task DownloadAsync(string localPath) => _sandbox.Files.DownloadAsync("/tmp/download", localPath);

    public Task<byte[]> ReadAsync() => _sandbox.Files.ReadAsync("/tmp/read");

    public async Task<int> ListAsync()
    {
        var count = 0;
        await foreach (var _ in _client.ListAsync(new() { Limit = 200 }))
        {
            count++;
        }
        return count;
    }

    public async Task<long> FollowAsync(string command)
    {
        long bytes = 0;
        await using var log = await _sandbox.Session.FollowAsync("s", command);
        await foreach (var chunk in log)
        {
            bytes += chunk.Data.Length;
        }
        return bytes;
    }

    public async Task<ITerminal> OpenTerminalAsync() => new Terminal((await _sandbox.Pty.OpenAsync("echo")).AsStream());

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    private sealed class Terminal(Stream stream) : ITerminal
    {
        public ValueTask WriteAsync(ReadOnlyMemory<byte> data) => stream.WriteAsync(data);

        public ValueTask<int> ReadAsync(Memory<byte> data) => stream.ReadAsync(data);
    }
}

/// <summary>What a call costs without a server.</summary>
internal sealed class EchoTarget : IAsyncDisposable
{
    private readonly ClientHandle _client = new(null, isEcho: true);
    private readonly Target _target;

    internal EchoTarget() => _target = new Target(_client);

    internal Task CallAsync() => _target.CallAsync("echo.value"u8,
        Parameters.Rent().Add("result"u8, "hello").Add("exitCode"u8, 0), static answer => answer.Json(ExecuteResult.Read), CancellationToken.None);

    public ValueTask DisposeAsync() => _client.DisposeAsync();
}
