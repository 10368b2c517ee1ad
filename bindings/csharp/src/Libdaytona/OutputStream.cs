using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Daytona;

/// <summary>A piece of output, as it arrived.</summary>
public readonly struct OutputChunk
{
    /// <summary>The bytes, exactly.</summary>
    public ReadOnlyMemory<byte> Data { get; internal init; }

    /// <summary>What it belongs to.</summary>
    public OutputChannel Channel { get; internal init; }

    /// <summary>Whether it is standard error.</summary>
    public bool IsError => Channel == OutputChannel.Stderr;

    /// <summary>The bytes as UTF-8. A character that is cut by the end of this chunk stands in the next one of its channel.</summary>
    public string Text => Encoding.UTF8.GetString(WholeCharacters.Span);

    internal ReadOnlyMemory<byte> WholeCharacters { private get; init; }

    /// <summary>The value of a <see cref="OutputChannel.Structured"/> chunk.</summary>
    /// <returns>The value; it does not depend on the chunk.</returns>
    public JsonElement GetJson() => ResultReader.Parse(Data.Span, ResultReader.Element);

    /// <inheritdoc/>
    public override string ToString() => Text;
}

/// <summary>Output as it arrives: <c>await foreach</c> over it gives the chunks, then <see cref="Completion"/> says how it
/// ended. Dispose it: that ends the remote side where it has not ended by itself.</summary>
/// <remarks>One reader at a time. The enumeration throws what the stream failed with, once everything before was read.
/// Where nobody reads, the sender is held back and the end does not come.</remarks>
/// <typeparam name="TEnded">What is known at the end.</typeparam>
public class OutputStream<TEnded> : IAsyncEnumerable<OutputChunk>, IAsyncDisposable, IDisposable
{
    private readonly Task<TEnded> _completion;
    private ChunkStream? _stream;

    internal OutputStream(StreamReceiver receiver, Answering<TEnded> ended)
    {
        Receiver = receiver;
        _completion = CompleteAsync(receiver, ended);
        _ = _completion.ContinueWith(static failed => failed.Exception, CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Ends a stream that was left without being disposed.</summary>
    ~OutputStream() => Receiver.Close();

    /// <summary>How it ended. It completes when the last chunk has arrived, and fails with what the stream failed with.</summary>
    public Task<TEnded> Completion
    {
        get
        {
            GC.SuppressFinalize(this); // Somebody waits for the end, perhaps with nothing but this task.
            return _completion;
        }
    }

    internal StreamReceiver Receiver { get; }

    /// <inheritdoc/>
    public async IAsyncEnumerator<OutputChunk> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        byte[][] cut = [[], [], [], []]; // Of each channel, what there is of a character that a chunk's end has cut.
        while (await Receiver.ReadAsync(cancellationToken).ConfigureAwait(false) is { } chunk)
        {
            yield return Whole(chunk, ref cut[(int)chunk.Channel & 3]);
        }
        for (var channel = 0; channel < cut.Length; channel++)
        {
            if (cut[channel].Length > 0) // The end has cut it: no bytes that were not there, but text.
            {
                yield return new OutputChunk { Channel = (OutputChannel)channel, WholeCharacters = cut[channel] };
            }
        }
        GC.KeepAlive(this);
    }

    private static OutputChunk Whole(Chunk chunk, ref byte[] cut)
    {
        byte[] bytes = cut.Length == 0 ? chunk.Data : [.. cut, .. chunk.Data];
        var left = Rune.DecodeLastFromUtf8(bytes, out _, out var count) == OperationStatus.NeedMoreData ? count : 0;
        cut = bytes[^left..];
        return new OutputChunk { Data = chunk.Data, Channel = chunk.Channel, WholeCharacters = bytes.AsMemory(..^left) };
    }

    /// <summary>Reads everything until the end, all channels together.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The output as text.</returns>
    public async Task<string> ReadToEndAsync(CancellationToken cancellationToken = default)
    {
        var text = new StringBuilder();
        await foreach (var chunk in this.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            text.Append(chunk.Text);
        }
        return text.ToString();
    }

    /// <summary>The output's bytes as a stream, all channels together.</summary>
    /// <returns>The same stream each time, to be read, and of a terminal to be written; disposing it disposes this.</returns>
    public virtual Stream AsStream() => _stream ??= new ChunkStream(Receiver, this, IsWritable);

    private protected virtual bool IsWritable => false;

    /// <summary>Ends the remote side where it has not ended by itself, in the background.</summary>
    public void Dispose()
    {
        Receiver.Close();
        GC.SuppressFinalize(this);
    }

    /// <summary>Ends the remote side where it has not ended by itself, in the background.</summary>
    /// <returns>A completed task.</returns>
    public virtual ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private static async Task<TEnded> CompleteAsync(StreamReceiver receiver, Answering<TEnded> ended)
    {
        await receiver.Ending.ConfigureAwait(false);
        return ended(receiver.Ended);
    }
}

/// <summary>Output as it arrives, of which something is known from its opening on.</summary>
/// <typeparam name="TOpened">What is known from its opening on.</typeparam>
/// <typeparam name="TEnded">What is known at the end.</typeparam>
public class OutputStream<TOpened, TEnded> : OutputStream<TEnded>
{
    internal OutputStream(StreamReceiver receiver, Answering<TOpened> opened, Answering<TEnded> ended)
        : base(receiver, ended) => Opened = opened(receiver.Opened);

    /// <summary>What is known from its opening on.</summary>
    public TOpened Opened { get; }
}

/// <summary>The bytes of output, all channels together.</summary>
internal sealed class ChunkStream(StreamReceiver receiver, IDisposable owner, bool isWritable) : SequentialStream(receiver, owner, canRead: true, isWritable);
