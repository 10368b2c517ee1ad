using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Daytona.Conformance;

/// <summary>A stream of any kind, as a case sees it.</summary>
internal sealed class Flow(JsonNode? opened, Func<CancellationToken, IAsyncEnumerator<OutputChunk>> read, Func<byte[], Task> write,
    Func<Task> finish, Func<Task<Outcome>> end, Action close)
{
    private readonly StringBuilder _seen = new();
    private IAsyncEnumerator<OutputChunk>? _reader;
    private Task<bool>? _next;
    private int _found;

    internal JsonNode? Opened => opened;

    internal MemoryStream[] Channels { get; } = [new(), new(), new(), new()];

    internal JsonArray Structured { get; } = [];

    internal static Flow Of(PtySession pty) => Of(pty, data => pty.WriteAsync(data).AsTask());

    internal static Flow Of<TOpened, TEnded>(OutputStream<TOpened, TEnded> stream) => Of(stream, null);

    internal static Flow Of<TEnded>(OutputStream<TEnded> stream) => Of(null, stream, null, null);

    private static Flow Of<TOpened, TEnded>(OutputStream<TOpened, TEnded> stream, Func<byte[], Task>? write) =>
        Of(Outcome.Node(stream.Opened), stream, write, null);

    /// <summary>A stream of the echo target, or one that is opened by name.</summary>
    internal static Flow Of(OutputStream<JsonElement, JsonElement> stream) => Of(JsonSerializer.SerializeToNode(stream.Opened), stream,
        data => stream.Receiver.WriteAsync(data, CancellationToken.None).AsTask(), stream.Receiver.Finish);

    private static Flow Of<TEnded>(JsonNode? opened, OutputStream<TEnded> stream, Func<byte[], Task>? write, Action? finish) => new(opened,
        cancellation => stream.GetAsyncEnumerator(cancellation),
        write ?? (_ => throw new FailedException("this stream takes no input")),
        () =>
        {
            (finish ?? stream.Receiver.Finish)();
            return Task.CompletedTask;
        },
        async () => await stream.Completion switch
        {
            Sandbox sandbox => Outcome.Of(sandbox),
            JsonElement json => new Outcome(JsonSerializer.SerializeToNode(json), null, null),
            var ended => Outcome.Of(ended),
        },
        stream.Dispose);

    internal static Flow Of(FileReadStream file) => Of(file.Output);

    internal static Flow Of(FileWriteStream file)
    {
        Task<FileStreamEnded>? completing = null;
        return new Flow(null, _ => Nothing(), data => file.WriteAsync(data).AsTask(),
            () =>
            {
                completing = file.CompleteAsync();
                return Task.CompletedTask;
            },
            async () => Outcome.Of(await (completing ?? file.Output.Completion)), file.Abort);
    }

    private static async IAsyncEnumerator<OutputChunk> Nothing()
    {
        await Task.CompletedTask;
        yield break;
    }

    /// <summary>Writes, and reads meanwhile: what comes back may fill every buffer between.</summary>
    internal async Task WriteAsync(byte[] data)
    {
        var writing = write(data);
        while (!writing.IsCompleted)
        {
            _next ??= ReadAsync();
            if (await Task.WhenAny(writing, _next) == _next && !await NextAsync())
            {
                break;
            }
        }
        await writing;
    }

    internal Task FinishAsync() => finish();

    internal void Close() => close();

    /// <summary>Reads on until the output has this text, after what was found before.</summary>
    internal async Task UntilAsync(string text)
    {
        int at;
        while ((at = _seen.ToString().IndexOf(text, _found, StringComparison.Ordinal)) < 0)
        {
            if (!await NextAsync())
            {
                throw new FailedException($"the output ended without {text}: {_seen}");
            }
        }
        _found = at + text.Length;
    }

    /// <summary>Reads to the end, and says how it was.</summary>
    internal async Task<Outcome> EndAsync()
    {
        while (await NextAsync())
        {
        }
        return await end();
    }

    private Task<bool> NextAsync()
    {
        var next = _next ?? ReadAsync();
        _next = null;
        return next;
    }

    private async Task<bool> ReadAsync()
    {
        _reader ??= read(CancellationToken.None);
        if (!await _reader.MoveNextAsync())
        {
            return false;
        }
        var chunk = _reader.Current;
        Channels[(int)chunk.Channel].Write(chunk.Data.Span);
        if (chunk.Channel == OutputChannel.Structured)
        {
            Structured.Add(JsonSerializer.SerializeToNode(chunk.GetJson()));
        }
        else
        {
            _seen.Append(chunk.Text);
        }
        return true;
    }
}
