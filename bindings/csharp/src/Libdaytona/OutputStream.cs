using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace Daytona;

/// <summary>What a chunk of output belongs to.</summary>
public enum OutputChannel
{
    /// <summary>The stream has one channel.</summary>
    None = 0,

    /// <summary>Standard output.</summary>
    Stdout = 1,

    /// <summary>Standard error.</summary>
    Stderr = 2,

    /// <summary>A JSON value, as an interpreter's error.</summary>
    Structured = 3,
}

/// <summary>A piece of output, as it arrived.</summary>
public readonly struct OutputChunk
{
    private readonly byte[]? _before;
    private readonly int _left;

    internal OutputChunk(ReadOnlyMemory<byte> data, OutputChannel channel, byte[]? before, int left)
    {
        Data = data;
        Channel = channel;
        _before = before;
        _left = left;
    }

    /// <summary>The bytes, exactly.</summary>
    public ReadOnlyMemory<byte> Data { get; }

    /// <summary>What it belongs to.</summary>
    public OutputChannel Channel { get; }

    /// <summary>Whether it is standard error.</summary>
    public bool IsError => Channel == OutputChannel.Stderr;

    /// <summary>The bytes as UTF-8. A character that is cut by the end of this chunk stands in the next one of its channel.</summary>
    public string Text
    {
        get
        {
            ReadOnlySpan<byte> bytes = _before is null ? Data.Span : [.. _before, .. Data.Span];
            return Encoding.UTF8.GetString(bytes[..^_left]);
        }
    }

    /// <summary>The value of a <see cref="OutputChannel.Structured"/> chunk.</summary>
    /// <returns>The value; it does not depend on the chunk.</returns>
    public JsonElement GetJson()
    {
        using var document = JsonDocument.Parse(Data);
        return document.RootElement.Clone();
    }

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
    internal OutputStream(StreamReceiver receiver, Func<StreamReceiver, TEnded> ended)
    {
        Receiver = receiver;
        Completion = CompleteAsync(receiver, ended);
        _ = Completion.ContinueWith(static failed => failed.Exception, CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Ends a stream that was left without being disposed.</summary>
    ~OutputStream() => Receiver.Close();

    /// <summary>How it ended. It completes when the last chunk has arrived, and fails with what the stream failed with.</summary>
    public Task<TEnded> Completion { get; }

    internal StreamReceiver Receiver { get; }

    /// <inheritdoc/>
    public async IAsyncEnumerator<OutputChunk> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        var text = new TextBoundaries();
        while (await Receiver.WaitAsync(cancellationToken).ConfigureAwait(false))
        {
            while (Receiver.TryRead(out var chunk))
            {
                yield return text.Take(chunk);
            }
        }
        ThrowIfFailed(Receiver);
        GC.KeepAlive(this);
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
    /// <returns>A stream that can be read; disposing it disposes this.</returns>
    public virtual Stream AsStream() => new ChunkStream<TEnded>(this, isWritable: false);

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
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    internal static void ThrowIfFailed(StreamReceiver receiver)
    {
        ObjectDisposedException.ThrowIf(receiver.IsClosed, typeof(OutputStream<TEnded>));
        if (receiver.Status != Native.Ok)
        {
            throw receiver.Failure();
        }
    }

    private static async Task<TEnded> CompleteAsync(StreamReceiver receiver, Func<StreamReceiver, TEnded> ended)
    {
        await receiver.Ending.ConfigureAwait(false);
        return receiver.Status == Native.Ok ? ended(receiver) : throw receiver.Failure();
    }
}

/// <summary>Output as it arrives, of which something is known from its opening on.</summary>
/// <typeparam name="TOpened">What is known from its opening on.</typeparam>
/// <typeparam name="TEnded">What is known at the end.</typeparam>
public class OutputStream<TOpened, TEnded> : OutputStream<TEnded>
{
    internal OutputStream(StreamReceiver receiver, TOpened opened, Func<StreamReceiver, TEnded> ended)
        : base(receiver, ended) => Opened = opened;

    /// <summary>What is known from its opening on.</summary>
    public TOpened Opened { get; }
}

/// <summary>Turns chunks into managed ones, and finds the characters that their ends cut.</summary>
internal sealed class TextBoundaries
{
    private readonly byte[]?[] _before = new byte[]?[4];

    internal unsafe OutputChunk Take(StreamReceiver.Chunk chunk)
    {
        var data = chunk.Span.ToArray();
        Native.Free(chunk.Data);
        ref var before = ref _before[(int)chunk.Channel & 3];
        var prior = before;
        byte[] bytes = prior is null ? data : [.. prior, .. data];
        var left = Unfinished(bytes);
        before = left > 0 ? bytes[^left..] : null;
        return new OutputChunk(data, chunk.Channel, prior, left);
    }

    /// <summary>How many bytes at the end begin a character that is not complete.</summary>
    private static int Unfinished(ReadOnlySpan<byte> data)
    {
        for (var back = 1; back <= 3 && back <= data.Length; back++)
        {
            var first = data[^back];
            if ((first & 0xC0) == 0x80)
            {
                continue;
            }
            var length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
            return length > back ? back : 0;
        }
        return 0;
    }
}

/// <summary>A stream's bytes as a <see cref="Stream"/>.</summary>
internal class ChunkStream<TEnded>(OutputStream<TEnded> output, bool isWritable) : Stream
{
    private readonly SemaphoreSlim _writing = new(1);
    private StreamReceiver.Chunk _chunk;
    private int _taken;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => isWritable;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }
        while (true)
        {
            if (_taken < _chunk.Length)
            {
                return Copy(buffer.Span);
            }
            if (!output.Receiver.TryRead(out _chunk) && !await output.Receiver.WaitAsync(cancellationToken).ConfigureAwait(false))
            {
                OutputStream<TEnded>.ThrowIfFailed(output.Receiver);
                return 0;
            }
            _taken = 0;
        }
    }

    /// <summary>Copies what there is room for; the chunk is freed with its last byte.</summary>
    private int Copy(Span<byte> buffer)
    {
        lock (_writing)
        {
            var count = Math.Min(buffer.Length, _chunk.Length - _taken);
            _chunk.Span.Slice(_taken, count).CopyTo(buffer);
            _taken += count;
            if (_taken == _chunk.Length)
            {
                Drop();
            }
            return count;
        }
    }

    private unsafe void Drop()
    {
        Native.Free(_chunk.Data);
        _chunk = default;
        _taken = 0;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer.AsMemory(offset, count), CancellationToken.None).AsTask().GetAwaiter().GetResult();

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!isWritable)
        {
            throw new NotSupportedException("This stream takes no input.");
        }
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await output.Receiver.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _writing.Release();
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(byte[] buffer, int offset, int count) =>
        WriteAsync(buffer.AsMemory(offset, count), CancellationToken.None).AsTask().GetAwaiter().GetResult();

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        lock (_writing)
        {
            Drop();
        }
        if (disposing)
        {
            output.Dispose();
        }
        base.Dispose(disposing);
    }

    ~ChunkStream() => Dispose(false);
}
