using System.Text;

namespace Daytona.Tests;

/// <summary>One sandbox of the server that the environment names, for all tests of <see cref="ServerTests"/>.</summary>
public sealed class SandboxFixture : IAsyncLifetime
{
    internal DaytonaClient Client { get; private set; } = null!;

    internal Sandbox Sandbox { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Client = new DaytonaClient();
        Sandbox = await Client.CreateAsync(new() { Language = "python", Labels = { ["suite"] = "csharp" } });
    }

    public async Task DisposeAsync()
    {
        await Sandbox.DeleteAsync();
        Sandbox.Dispose();
        await Client.DisposeAsync();
    }
}

/// <summary>The guide's calls, against a server: <c>daytona-dev run -- dotnet test</c>.</summary>
public sealed class ServerTests(SandboxFixture fixture) : IClassFixture<SandboxFixture>
{
    private readonly DaytonaClient _client = fixture.Client;
    private readonly Sandbox _sandbox = fixture.Sandbox;

    [Fact]
    public async Task A_sandbox_is_created_found_changed_and_deleted()
    {
        await using var box = await _client.CreateAsync(new()
        {
            Name = "csharp-life",
            Env = { ["STAGE"] = "dev" },
            Labels = { ["team"] = "blue" },
            AutoStopInterval = TimeSpan.FromMinutes(30),
        });
        Assert.Equal(SandboxState.Started, box.State);
        Assert.Equal(TimeSpan.FromMinutes(30), box.Info.AutoStopInterval);
        Assert.Equal("dev\n", (await box.Process.ExecuteAsync("echo $STAGE")).Result);

        await box.StopAsync();
        Assert.Equal(SandboxState.Stopped, box.State);
        await box.StartAsync();
        Assert.Equal(SandboxState.Started, box.State);
        await box.WaitForStartAsync(new() { CallTimeout = TimeSpan.FromMinutes(2) });
        await box.SetLabelsAsync(new Dictionary<string, string> { ["env"] = "prod" });
        await box.SetAutoStopAsync(TimeSpan.FromMinutes(15));
        Assert.Equal(TimeSpan.FromMinutes(15), box.Info.AutoStopInterval);
        foreach (var never in new Func<Task<SandboxInfo>>[]
        {
            () => box.SetAutoStopAsync(Timeout.InfiniteTimeSpan), () => box.SetAutoArchiveAsync(Timeout.InfiniteTimeSpan),
            () => box.SetTtlAsync(Timeout.InfiniteTimeSpan), () => box.SetAutoDeleteAsync(Timeout.InfiniteTimeSpan),
        })
        {
            await never();
        }
        Assert.Equal(TimeSpan.Zero, box.Info.AutoStopInterval);
        Assert.Equal(Timeout.InfiniteTimeSpan, box.Info.AutoDeleteInterval);
        await box.SetAutoArchiveAsync(TimeSpan.FromHours(1));
        await box.RefreshAsync();
        Assert.Equal("prod", box.Labels["env"]);

        await using (var found = await _client.GetAsync("csharp-life"))
        {
            Assert.Equal(box.Id, found.Id);
        }
        await using (var found = await _client.FindAsync(new() { Labels = { ["env"] = "prod" } }))
        {
            Assert.Equal(box.Id, found.Id);
        }
        var names = new List<string>();
        await foreach (var listed in _client.ListAsync(new() { Labels = { ["env"] = "prod" }, Limit = 1 }))
        {
            names.Add(listed.Name);
            Assert.Equal("/", (await listed.Process.ExecuteAsync("pwd", new() { Cwd = "/" })).Result.Trim());
        }
        Assert.Equal(["csharp-life"], names);
        Assert.StartsWith("/", (await box.GetHomeDirAsync()).Dir, StringComparison.Ordinal);
        Assert.StartsWith("/", (await box.GetWorkDirAsync()).Dir, StringComparison.Ordinal);
        Assert.StartsWith("http", (await box.GetPreviewLinkAsync(3000)).Url, StringComparison.Ordinal);
        await box.DeleteAsync(new() { Wait = true });
        await Assert.ThrowsAnyAsync<DaytonaNotFoundException>(() => _client.GetAsync("csharp-life"));
    }

    [Fact]
    public async Task A_list_goes_over_pages()
    {
        var boxes = await Task.WhenAll(Enumerable.Range(0, 3).Select(number =>
            _client.CreateAsync(new() { Name = $"csharp-page-{number}", Labels = { ["pages"] = "yes" }, WaitForStart = false })));
        // By cursors, by pages, and by cursors from a page on.
        foreach (var (page, sort) in new (int?, SandboxSort?)[] { (null, null), (1, null), (1, SandboxSort.CreatedAt) })
        {
            var names = new SortedSet<string>();
            await foreach (var box in _client.ListAsync(new() { Labels = { ["pages"] = "yes" }, Limit = 1, Page = page, Sort = sort }))
            {
                names.Add(box.Name);
            }
            Assert.Equal(["csharp-page-0", "csharp-page-1", "csharp-page-2"], names);
        }
        foreach (var box in boxes)
        {
            await box.WaitForStartAsync();
            await box.DeleteAsync();
            box.Dispose();
        }
    }

    [Fact]
    public async Task A_command_answers_its_exit_code_and_output()
    {
        var result = await _sandbox.Process.ExecuteAsync("echo $GREETING from $PWD; exit 3",
            new() { Cwd = "/tmp", Env = { ["GREETING"] = "hello" }, Timeout = TimeSpan.FromSeconds(30) });
        Assert.Equal(3, result.ExitCode);
        Assert.Equal("hello from /tmp\n", result.Result);
        Assert.Equal("blocking\n", _sandbox.Process.Execute("echo blocking").Result);
    }

    [Fact]
    public async Task A_command_at_its_limit_is_a_timeout()
    {
        var exception = await Assert.ThrowsAsync<DaytonaProcessExecutionTimeoutException>(() =>
            _sandbox.Process.ExecuteAsync("sleep 60", new() { Timeout = TimeSpan.FromSeconds(1) }));
        Assert.Equal(408, exception.HttpStatus);
        Assert.IsAssignableFrom<DaytonaTimeoutException>(exception);
    }

    [Fact]
    public async Task A_running_command_gives_its_output_apart()
    {
        await using var run = await _sandbox.Process.RunAsync("echo out; echo err >&2; exit 5");
        var (output, error) = (new StringBuilder(), new StringBuilder());
        await foreach (var chunk in run)
        {
            (chunk.IsError ? error : output).Append(chunk.Text);
        }
        Assert.Equal("out\n", output.ToString());
        Assert.Equal("err\n", error.ToString());
        Assert.Equal(5, (await run.Completion).ExitCode);
        Assert.NotEmpty(run.Opened.SessionId);

        var whole = await _sandbox.Process.RunToEndAsync("cat; echo err >&2", new() { Stdin = "in\n" });
        Assert.Equal(("in\n", "err\n", 0), (whole.Stdout, whole.Stderr, whole.ExitCode));
    }

    [Fact]
    public async Task A_thousand_commands_run_at_once()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 1000).Select(number => _sandbox.Process.ExecuteAsync($"echo {number}")));
        Assert.Equal(Enumerable.Range(0, 1000).Select(number => $"{number}\n"), results.Select(result => result.Result));
    }

    [Fact]
    public async Task A_session_keeps_its_state()
    {
        await _sandbox.Session.CreateAsync("csharp");
        await _sandbox.Session.ExecuteAsync("csharp", "cd /tmp && export KEPT=yes");
        Assert.Equal("yes /tmp\n", (await _sandbox.Session.ExecuteAsync("csharp", "echo $KEPT $PWD")).Stdout);
        var started = await _sandbox.Session.ExecuteAsync("csharp", "echo one; sleep 0.2; echo two", new() { RunAsync = true });
        await using (var follow = await _sandbox.Session.FollowAsync("csharp", started.CmdId))
        {
            Assert.Equal("one\ntwo\n", await follow.ReadToEndAsync());
            Assert.Equal(0, (await follow.Completion).ExitCode);
        }
        Assert.Equal(0, (await _sandbox.Session.GetCommandAsync("csharp", started.CmdId)).ExitCode);
        Assert.Equal("one\ntwo\n", (await _sandbox.Session.GetLogsAsync("csharp", started.CmdId)).Stdout);
        Assert.Contains(await _sandbox.Session.ListAsync(), session => session.SessionId == "csharp");
        await _sandbox.Session.DeleteAsync("csharp");
    }

    [Fact]
    public async Task A_terminal_is_typed_into_resized_and_left()
    {
        await using var pty = await _sandbox.Pty.OpenAsync("csharp", new() { Cols = 120, Rows = 40 });
        await pty.WriteLineAsync("stty size; exit 7");
        using var shown = new MemoryStream();
        await pty.AsStream().CopyToAsync(shown);
        Assert.Contains("40 120", Encoding.UTF8.GetString(shown.ToArray()), StringComparison.Ordinal);
        Assert.Equal(7, (await pty.Completion).ExitCode);

        await _sandbox.Pty.CreateAsync("csharp-2", new() { Cols = 80, Rows = 24 });
        await using var joined = await _sandbox.Pty.ConnectAsync("csharp-2");
        Assert.Equal(100, (await joined.ResizeAsync(100, 30)).Cols);
        Assert.Contains((await _sandbox.Pty.ListAsync()).Sessions, session => session.Id == "csharp-2");
        await joined.KillAsync();
    }

    [Fact]
    public async Task Files_go_up_and_down_and_report_their_progress()
    {
        using var directory = new Scratch();
        var bytes = new byte[3_000_000];
        new Random(5).NextBytes(bytes);
        await File.WriteAllBytesAsync(directory["up"], bytes);
        var progress = new Newest();
        Assert.Equal(bytes.Length, (await _sandbox.Files.UploadAsync(directory["up"], "/tmp/csharp/a.bin", progress: progress)).Bytes);
        Assert.Equal(new Transfer(bytes.Length, bytes.Length), progress.Value);
        await _sandbox.Files.DownloadAsync("/tmp/csharp/a.bin", directory["down"]);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(directory["down"]));

        await _sandbox.Files.WriteAsync("/tmp/csharp/b.txt", "content"u8.ToArray());
        Assert.Equal("content"u8.ToArray(), await _sandbox.Files.ReadAsync("/tmp/csharp/b.txt"));
        await using (var writer = await _sandbox.Files.OpenWriteAsync("/tmp/csharp/c.bin"))
        {
            await new MemoryStream(bytes).CopyToAsync(writer);
        }
        await using (var reader = await _sandbox.Files.OpenReadAsync("/tmp/csharp/c.bin"))
        {
            Assert.Equal(bytes.Length, reader.Length);
            using var copy = new MemoryStream();
            await reader.CopyToAsync(copy);
            Assert.True(bytes.AsSpan().SequenceEqual(copy.ToArray()));
        }
        await using (var writer = await _sandbox.Files.OpenWriteAsync("/tmp/csharp/d.bin"))
        {
            await writer.WriteAsync(bytes);
            writer.Abort();
        }
        var missing = await Assert.ThrowsAsync<DaytonaFileNotFoundException>(() => _sandbox.Files.ReadAsync("/tmp/csharp/d.bin"));
        Assert.Equal("files.read", missing.Operation);
        Assert.Equal(_sandbox.Id, missing.SandboxId);

        var many = await _sandbox.Files.UploadManyAsync([
            new() { LocalPath = directory["up"], RemotePath = "/tmp/csharp/many" },
            new() { LocalPath = directory["nothing"], RemotePath = "/tmp/csharp/none" }]);
        Assert.Equal(bytes.Length, many[0].Bytes);
        Assert.NotNull(many[1].Error);
        Assert.Equal(["a.bin", "b.txt", "c.bin", "many"], (await _sandbox.Files.ListAsync("/tmp/csharp")).Select(file => file.Name).Order());
    }

    [Fact]
    public async Task Files_are_arranged_and_searched()
    {
        await _sandbox.Files.MkdirAsync("/tmp/arranged", new() { Mode = "0755" });
        await _sandbox.Files.WriteAsync("/tmp/arranged/one.go", "// TODO: one"u8.ToArray());
        await _sandbox.Files.MoveAsync("/tmp/arranged/one.go", "/tmp/arranged/two.go");
        await _sandbox.Files.SetPermissionsAsync("/tmp/arranged/two.go", new() { Mode = "0600" });
        var info = await _sandbox.Files.GetInfoAsync("/tmp/arranged/two.go");
        Assert.Equal(("two.go", 12L, false), (info.Name, info.Size, info.IsDir));
        Assert.True(DateTimeOffset.UtcNow - info.ModifiedAt < TimeSpan.FromHours(1));
        Assert.Single((await _sandbox.Files.SearchAsync("/tmp/arranged", "*.go")).Files);
        Assert.Equal(1, Assert.Single(await _sandbox.Files.FindAsync("/tmp/arranged", "TODO:")).Line);
        Assert.True(Assert.Single(await _sandbox.Files.ReplaceAsync(["/tmp/arranged/two.go"], "one", "two")).Success);
        Assert.Equal("// TODO: two", Encoding.UTF8.GetString(await _sandbox.Files.ReadAsync("/tmp/arranged/two.go")));
        await _sandbox.Files.DeleteAsync("/tmp/arranged", new() { Recursive = true });
        await Assert.ThrowsAnyAsync<DaytonaNotFoundException>(() => _sandbox.Files.ListAsync("/tmp/arranged"));
    }

    [Fact]
    public async Task Git_commits_branches_and_clones()
    {
        await _sandbox.Process.ExecuteAsync("rm -rf /tmp/repo /tmp/copy; git init -q -b main /tmp/repo; echo one > /tmp/repo/one");
        await _sandbox.Git.AddAsync("/tmp/repo", ["."]);
        Assert.Equal(40, (await _sandbox.Git.CommitAsync("/tmp/repo", "First", "Ada", "ada@example.com")).Hash.Length);
        await _sandbox.Git.CreateBranchAsync("/tmp/repo", "topic");
        await _sandbox.Git.CheckoutAsync("/tmp/repo", "topic");
        Assert.Equal("topic", (await _sandbox.Git.GetStatusAsync("/tmp/repo")).CurrentBranch);
        await _sandbox.Git.CheckoutAsync("/tmp/repo", "main");
        await _sandbox.Git.DeleteBranchAsync("/tmp/repo", "topic", new() { Force = true });
        Assert.Equal(["main"], (await _sandbox.Git.GetBranchesAsync("/tmp/repo")).Branches);
        await _sandbox.Git.CloneAsync("file:///tmp/repo", "/tmp/copy", new() { Branch = "main" });
        Assert.Equal("First", Assert.Single(await _sandbox.Git.GetHistoryAsync("/tmp/copy")).Message.Trim());
        await _sandbox.Git.PullAsync("/tmp/copy");
        await Assert.ThrowsAnyAsync<DaytonaNotFoundException>(() => _sandbox.Git.CloneAsync("file:///nope.git", "/tmp/nope"));
    }

    [Fact]
    public async Task Code_runs_and_contexts_keep_their_variables()
    {
        Assert.Equal("42\n", (await _sandbox.Process.CodeRunAsync("print(6 * 7)")).Result);
        var context = await _sandbox.Interpreter.CreateContextAsync();
        await _sandbox.Interpreter.RunToEndAsync("x = 42", new() { ContextId = context.Id });
        await using (var run = await _sandbox.Interpreter.RunAsync("import sys; print(x); print('e', file=sys.stderr); 1/0",
            new() { ContextId = context.Id, Timeout = TimeSpan.FromSeconds(30) }))
        {
            var chunks = new List<OutputChunk>();
            await foreach (var chunk in run)
            {
                chunks.Add(chunk);
            }
            Assert.Equal("42\n", string.Concat(chunks.Where(chunk => chunk.Channel == OutputChannel.Stdout)));
            Assert.Equal("e\n", string.Concat(chunks.Where(chunk => chunk.IsError)));
            var error = Assert.Single(chunks, chunk => chunk.Channel == OutputChannel.Structured).GetJson();
            Assert.Equal("ZeroDivisionError", error.GetProperty("name").GetString());
        }
        Assert.Contains((await _sandbox.Interpreter.ListContextsAsync()).Contexts, listed => listed.Id == context.Id);
        await _sandbox.Interpreter.DeleteContextAsync(context.Id);
    }

    [Fact]
    public async Task An_image_is_built_step_by_step()
    {
        var image = Image.Base("python:3.12-slim").AptGet("git", "curl").PipInstall("numpy", "pandas")
            .PipInstall(new ImagePipInstall { Packages = ["torch"], IndexUrl = "https://example.com/whl" })
            .Workdir("/app").Env("APP_ENV", "production").Run("echo built").Expose(8080, 8443)
            .Label("version", "1.0.0").User("app").Volume("/data").Entrypoint("python", "-m", "app").Cmd("--help");
        var dockerfile = await _client.Image.GetDockerfileAsync(image);
        Assert.StartsWith("FROM python:3.12-slim\n", dockerfile, StringComparison.Ordinal);
        Assert.Contains("WORKDIR /app", dockerfile, StringComparison.Ordinal);
        Assert.Equal(dockerfile, _client.Image.GetDockerfile(image));
        Assert.StartsWith("FROM python:3.10-slim", await _client.Image.GetDockerfileAsync(Image.DebianSlim("3.10")), StringComparison.Ordinal);
        Assert.Contains("slim", await _client.Image.GetDockerfileAsync(Image.DebianSlim()), StringComparison.Ordinal);
        Assert.Equal("FROM scratch\n", await _client.Image.GetDockerfileAsync(Image.FromDockerfile("FROM scratch\n")));
    }

    [Fact]
    public async Task Volumes_and_snapshots_are_listed()
    {
        var volume = await _client.Volume.CreateAsync("csharp-volume");
        volume = await _client.Volume.WaitAsync(volume.Id, new() { CallTimeout = TimeSpan.FromMinutes(1) });
        Assert.Equal(VolumeState.Ready, volume.State);
        Assert.Contains(await _client.Volume.ListAsync(), listed => listed.Name == "csharp-volume");
        await _client.Volume.DeleteAsync(volume.Id);
        await foreach (var snapshot in _client.Snapshot.ListAsync(new() { Limit = 1 }))
        {
            Assert.NotEmpty(snapshot.Id);
        }
        Assert.NotEmpty((await _client.GetConfigAsync()).Version);
    }

    [Fact]
    public async Task Wrong_use_is_told_by_name()
    {
        await Assert.ThrowsAsync<ArgumentNullException>("command", () => _sandbox.Process.ExecuteAsync(null!));
        var refused = await Assert.ThrowsAsync<DaytonaInvalidArgumentException>(() => _client.CreateAsync(new() { Language = "cobol" }));
        Assert.Contains("cobol", refused.Message, StringComparison.Ordinal);
        var closed = _client.Attach(_sandbox.Info);
        closed.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => closed.Process.ExecuteAsync("true"));
        using var unknown = new DaytonaClient(new DaytonaOptions { ApiKey = "wrong" });
        await Assert.ThrowsAsync<DaytonaAuthenticationException>(() => unknown.GetAsync("any"));
    }

    [Fact]
    public async Task What_a_report_of_progress_throws_comes_out_of_the_transfer()
    {
        using var scratch = new Scratch();
        await File.WriteAllBytesAsync(scratch["large"], new byte[30_000_000]);
        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            _sandbox.Files.UploadAsync(scratch["large"], "/tmp/large", progress: new Doing(() => throw new InvalidOperationException("mine"))));
        Assert.Equal("mine", thrown.Message);
        Assert.Equal(0, (await _sandbox.Process.ExecuteAsync("true")).ExitCode);
    }

    [Fact]
    public async Task A_report_of_progress_may_dispose_the_client()
    {
        using var scratch = new Scratch();
        await using (var sparse = File.Create(scratch["large"]))
        {
            sparse.SetLength(1 << 30);
        }
        var client = new DaytonaClient();
        using var same = client.Attach(_sandbox.Info);
        await Assert.ThrowsAsync<DaytonaClosedException>(() => same.Files.UploadAsync(scratch["large"], "/tmp/large",
            progress: new Doing(() => client.DisposeAsync().AsTask().GetAwaiter().GetResult())));
    }

    private sealed class Doing(Action action) : IProgress<Transfer>
    {
        public void Report(Transfer value) => action();
    }

    private sealed class Newest : IProgress<Transfer>
    {
        internal Transfer Value { get; private set; }

        public void Report(Transfer value) => Value = value;
    }

    private sealed class Scratch : IDisposable
    {
        private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("libdaytona-");

        internal string this[string name] => Path.Combine(_directory.FullName, name);

        public void Dispose() => _directory.Delete(recursive: true);
    }
}
