using System.Text;
using System.Threading.Channels;

namespace Daytona;

/// <summary>A piece of output, as it arrived.</summary>
internal readonly record struct Chunk(byte[] Data, OutputChannel Channel);

/// <summary>A stream of the library: what came and was not read yet, within a bound, how it was opened and how it
/// ended. Full, it has the library hold the next chunk back until there is room.</summary>
internal sealed class StreamReceiver(ClientHandle client) : Receiver(client)
{
    /// <summary>The most that is kept unread. Each chunk counts its bytes and <see cref="ChunkBytes"/> more, so that
    /// many small ones fill it too.</summary>
    private const long MostBytes = 1 << 20;
    private const long ChunkBytes = 16 << 10;

    private readonly Channel<Chunk> _chunks = Channel.CreateUnbounded<Chunk>();
    private readonly TaskCompletionSource<byte[]> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<(DaytonaStatus Status, ulong Result, byte[] Json)> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SemaphoreSlim _writing = new(1);
    private readonly SemaphoreSlim _room = new(0);
    private readonly object _lock = new();
    private string _operation = "";
    private ulong _stream;
    private long _bytes;
    private bool _isRefused;
    private volatile bool _isClosed;

    /// <summary>Completes when it has ended, whether everything was read or not.</summary>
    internal override Task Ending => _ended.Task;

    internal Answer Opened => new(_opened.Task.Result, 0, Client!);

    internal Answer Ended => Failure is { } failure ? throw failure : new(_ended.Task.Result.Json, _ended.Task.Result.Result, Client!);

    internal long BufferedBytes => Volatile.Read(ref _bytes);

    private bool HasEnded => _ended.Task.IsCompleted;

    /// <summary>What it failed with; null where it ended well, or has not ended.</summary>
    private Exception? Failure => HasEnded && _ended.Task.Result is { Status: not DaytonaStatus.Ok } end
        ? DaytonaException.From(end.Status, end.Json, operation: _operation) : null;

    /// <summary>What opening was refused with; null where it goes on.</summary>
    internal Exception? Open(ulong target, ReadOnlySpan<byte> operation, Parameters parameters)
    {
        _operation = Encoding.UTF8.GetString(operation);
        Enter();
        var status = Native.StreamOpen(target, operation, parameters.Finish(), Client!.Queue, Number, out var stream, out var error);
        parameters.Return();
        lock (_lock)
        {
            _stream = stream;
            stream = HasEnded ? stream : 0;
        }
        Native.Close(stream); // Where it has ended already; else of nothing.
        if (status == DaytonaStatus.Ok)
        {
            return null;
        }
        Abandon();
        return DaytonaException.Take(status, error, Client);
    }

    /// <summary>What is made of it once it is open.</summary>
    internal async Task<TStream> OpenedAsync<TStream>(Func<StreamReceiver, TStream> make, CancellationToken cancellationToken)
    {
        try
        {
            var json = await _opened.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            return json.Length == 0 && Failure is { } failure ? throw failure : make(this);
        }
        catch
        {
            Close();
            Native.Close((await _ended.Task.ConfigureAwait(false)).Result); // Nobody takes it any more.
            throw;
        }
    }

    protected override unsafe DaytonaStatus On(Native.Event* happened)
    {
        switch (happened->Kind)
        {
            case EventKind.Data:
                lock (_lock)
                {
                    _isRefused = _bytes >= MostBytes && !HasEnded;
                    if (_isRefused)
                    {
                        return DaytonaStatus.WouldBlock;
                    }
                    _bytes += (long)happened->Len + ChunkBytes;
                }
                _chunks.Writer.TryWrite(new Chunk(happened->Span.ToArray(), happened->Channel));
                break;
            case EventKind.Opened:
                _opened.TrySetResult(happened->Span.ToArray());
                break;
            case EventKind.Writable:
                _room.Release();
                break;
            case EventKind.Ended:
                End(happened->Status, happened->Result, happened->Span.ToArray());
                break;
        }
        return DaytonaStatus.Ok;
    }

    /// <summary>Ends it, because no event will come any more or none is waited for.</summary>
    internal void Abandon() => End(DaytonaStatus.Closed, 0, []);

    private void End(DaytonaStatus status, ulong result, byte[] json)
    {
        if (!Leave())
        {
            Native.Close(result); // Nobody takes it any more.
            return;
        }
        ulong stream;
        lock (_lock)
        {
            // What this side closed is closed; how far the other side got with it says nothing.
            _ended.SetResult(_isClosed && status == DaytonaStatus.Cancelled ? (DaytonaStatus.Closed, 0, []) : (status, result, json));
            stream = _stream;
        }
        // Waits for a callback that is running on another thread; on its own thread never.
        Native.Close(stream);
        _chunks.Writer.TryComplete();
        _opened.TrySetResult([]);
        _room.Release();
    }

    internal void ThrowIfClosed() => ObjectDisposedException.ThrowIf(_isClosed, typeof(OutputStream<>));

    /// <summary>The next chunk, when there is one; null at the end. It throws what the stream failed with.</summary>
    internal async ValueTask<Chunk?> ReadAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Chunk chunk;
        while (!_chunks.Reader.TryRead(out chunk))
        {
            if (!await _chunks.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            {
                ThrowIfClosed();
                return Failure is { } failure ? throw failure : null;
            }
        }
        bool isResumed;
        lock (_lock)
        {
            _bytes -= chunk.Data.Length + ChunkBytes;
            isResumed = _isRefused && _bytes <= MostBytes / 2;
            _isRefused &= !isResumed;
        }
        if (isResumed)
        {
            Native.StreamResume(_stream);
        }
        return chunk;
    }

    /// <summary>Writes all of it, and waits where the library has no room. One writer after the other.</summary>
    internal async ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            while (!(data = data[Write(data.Span)..]).IsEmpty)
            {
                await _room.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Writes what there is room for, and says how much that was.</summary>
    private int Write(ReadOnlySpan<byte> data)
    {
        Check(Native.StreamWrite(_stream, data, (nuint)data.Length, 0, out var written, out var error), error);
        return (int)written;
    }

    /// <summary>Says that nothing more will be written.</summary>
    internal void Finish() => Check(Native.StreamFinish(_stream, out var error), error);

    /// <summary>Throws what a write failed with: how the stream ended, where it has.</summary>
    private void Check(DaytonaStatus status, nint error)
    {
        if (status is DaytonaStatus.Ok or DaytonaStatus.WouldBlock)
        {
            Native.Free(error);
            return;
        }
        var failure = DaytonaException.Take(status, error);
        ThrowIfClosed();
        throw !HasEnded ? failure : Failure
            ?? DaytonaException.Own(DaytonaStatus.Closed, "The stream has ended; nothing can be written to it.", _operation);
    }

    /// <summary>Ends the remote side where it has not ended yet, and drops what was not read.</summary>
    internal void Close()
    {
        _isClosed = true;
        Abandon();
        while (_chunks.Reader.TryRead(out _))
        {
        }
    }
}
