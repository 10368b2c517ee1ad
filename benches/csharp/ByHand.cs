using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Daytona.Bench;

/// <summary>What a user writes who has no package: HttpClient, System.Text.Json and ClientWebSocket.</summary>
internal sealed class ByHand : ISubject
{
    private readonly string _port;
    private readonly HttpClient _http;
    private string _toolbox = "";

    internal ByHand(string port)
    {
        _port = port;
        _http = new HttpClient(new SocketsHttpHandler()) { BaseAddress = new Uri($"http://127.0.0.1:{port}/"), Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "bench");
    }

    public async Task OpenAsync()
    {
        var sandbox = await _http.GetFromJsonAsync("api/sandbox/sandbox", Json.Default.Box);
        _toolbox = $"toolbox/{sandbox!.Id}";
    }

    public async Task ExecuteAsync()
    {
        using var answer = await _http.PostAsync($"{_toolbox}/process/execute", JsonContent.Create(new Command("echo hello"), Json.Default.Command));
        answer.EnsureSuccessStatusCode();
        await answer.Content.ReadFromJsonAsync(Json.Default.Executed);
    }

    public void Execute()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{_toolbox}/process/execute")
        {
            Content = JsonContent.Create(new Command("echo hello"), Json.Default.Command),
        };
        using var answer = _http.Send(request);
        answer.EnsureSuccessStatusCode();
        JsonSerializer.Deserialize(answer.Content.ReadAsStream(), Json.Default.Executed);
    }

    public async Task UploadAsync(string localPath)
    {
        await using var file = File.OpenRead(localPath);
        using var answer = await _http.PostAsync($"{_toolbox}/files/upload-v2?path=%2Ftmp%2Fupload", new StreamContent(file));
        answer.EnsureSuccessStatusCode();
    }

    public async Task DownloadAsync(string localPath)
    {
        await using var file = File.Create(localPath);
        await using var body = await _http.GetStreamAsync($"{_toolbox}/files/download?path=%2Ftmp%2Fdownload");
        await body.CopyToAsync(file);
    }

    public Task<byte[]> ReadAsync() => _http.GetByteArrayAsync($"{_toolbox}/files/download?path=%2Ftmp%2Fread");

    public async Task<int> ListAsync()
    {
        var (count, cursor) = (0, (string?)null);
        do
        {
            var page = await _http.GetFromJsonAsync(cursor is null ? "api/sandbox?limit=200" : $"api/sandbox?limit=200&cursor={cursor}", Json.Default.Page);
            count += page!.Items.Count;
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return count;
    }

    public async Task<long> FollowAsync(string command)
    {
        using var socket = await ConnectAsync($"{_toolbox}/process/session/s/command/{command}/logs?follow=true");
        var buffer = new byte[64 << 10];
        long bytes = 0;
        var kept = 0; // What may be the beginning of a marker, at the buffer's start.
        while (true)
        {
            var received = await socket.ReceiveAsync(buffer.AsMemory(kept), default);
            if (received.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", default);
                return bytes + kept;
            }
            var length = kept + received.Count;
            bytes += Split(buffer.AsSpan(0, length), out kept);
            buffer.AsSpan(length - kept, kept).CopyTo(buffer);
        }
    }

    /// <summary>The pieces of stdout and stderr between the markers; a user would do something with them.</summary>
    private static long Split(ReadOnlySpan<byte> data, out int kept)
    {
        long bytes = 0;
        while (data.IndexOfAny((byte)1, (byte)2) is var at && at >= 0)
        {
            bytes += at;
            data = data[at..];
            if (data.Length < 3)
            {
                break;
            }
            var isMarker = data[1] == data[0] && data[2] == data[0];
            bytes += isMarker ? 0 : 1;
            data = data[(isMarker ? 3 : 1)..];
        }
        kept = data.Length > 0 && data[0] is 1 or 2 ? data.Length : 0;
        return bytes + data.Length - kept;
    }

    public async Task<ITerminal> OpenTerminalAsync()
    {
        (await _http.PostAsync($"{_toolbox}/process/pty", JsonContent.Create(new Pty("echo"), Json.Default.Pty))).EnsureSuccessStatusCode();
        var socket = await ConnectAsync($"{_toolbox}/process/pty/echo/connect");
        await socket.ReceiveAsync(new byte[1024].AsMemory(), default);
        return new Terminal(socket);
    }

    private async Task<ClientWebSocket> ConnectAsync(string path)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", "Bearer bench");
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{_port}/{path}"), default);
        return socket;
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    private sealed class Terminal(ClientWebSocket socket) : ITerminal
    {
        public ValueTask WriteAsync(ReadOnlyMemory<byte> data) => socket.SendAsync(data, WebSocketMessageType.Binary, true, default);

        public async ValueTask<int> ReadAsync(Memory<byte> data) => (await socket.ReceiveAsync(data, default)).Count;
    }
}

internal sealed record Command([property: JsonPropertyName("command")] string Text);

internal sealed record Executed(int ExitCode, string Result, Artifacts? Artifacts);

internal sealed record Artifacts(string Stdout, List<JsonElement>? Charts);

internal sealed record Pty(string Id);

/// <summary>A sandbox with the fields that the package's has as well.</summary>
internal sealed record Box(
    string Id, string OrganizationId, string Name, string Target, string? Snapshot, string User, Dictionary<string, string> Env,
    Dictionary<string, string> Labels, bool Public, bool NetworkBlockAll, double Cpu, double Gpu, double Memory, double Disk, string State,
    string DesiredState, long AutoStopInterval, long AutoArchiveInterval, long AutoDeleteInterval, string CreatedAt, string UpdatedAt,
    string ToolboxProxyUrl);

internal sealed record Page(List<Box> Items, string? NextCursor);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Command))]
[JsonSerializable(typeof(Executed))]
[JsonSerializable(typeof(Pty))]
[JsonSerializable(typeof(Box))]
[JsonSerializable(typeof(Page))]
internal sealed partial class Json : JsonSerializerContext;
