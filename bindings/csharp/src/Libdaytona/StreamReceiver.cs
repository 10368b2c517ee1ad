using System.Runtime.InteropServices;
using System.Threading.Tasks.Sources;

namespace Daytona;

/// <summary>A stream of the library: what came and was not read yet, within bounds, how it was opened and how it
/// ended. Full, it has the library hold the next chunk back until there is room.</summary>
internal sealed class StreamReceiver : Receiver, IValueTaskSource<bool>
{
    private const int MostChunks = 64;
    private const long MostBytes = 1 << 20;

    /// <summary>A chunk in the library's memory, which its reader frees.</summary>
    internal readonly unsafe struct Chunk(byte* data, int length, int channel)
    {
        internal byte* Data { get; } = data;

        internal int Length { get; } = length;

        internal OutputChannel Channel { get; } = (OutputChannel)channel;

        internal ReadOnlySpan<byte> Span => new(Data, Length);
    }

    private readonly NativeClient _client;
    private readonly object _lock = new();
    private readonly Queue<Chunk> _chunks = new();
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ManualResetValueTaskSourceCore<bool> _reading = new() { RunContinuationsAsynchronously = true };
    private TaskCompletionSource? _writable;
    private long _bytes;
    private ulong _stream;
    private bool _isReaderWaiting;
    private bool _isRefused;
    private bool _hasEnded;
    private bool _isClosed;

    internal StreamReceiver(NativeClient client) => _client = client;

    /// <summary>The JSON of OPENED.</summary>
    internal byte[] OpenedJson { get; private set; } = [];

    /// <summary>The JSON of ENDED, or of the error.</summary>
    internal byte[] EndedJson { get; private set; } = [];

    internal int Status { get; private set; }

    /// <summary>The handle that came with the end, or 0.</summary>
    internal ulong Result { get; private set; }

    internal bool IsClosed => Volatile.Read(ref _isClosed);

    internal long BufferedBytes => Volatile.Read(ref _bytes);

    /// <summary>Completes when the stream is open, or has failed.</summary>
    internal Task Opening => _opened.Task;

    /// <summary>Completes when it has ended, whether everything was read or not.</summary>
    internal Task Ending => _ended.Task;

    internal Exception Failure(CancellationToken cancellationToken = default) => DaytonaException.From(Status, EndedJson, cancellationToken);

    internal unsafe void Open(ClientHandle owner, ulong target, ReadOnlySpan<byte> operation, Parameters parameters)
    {
        _client.Add(this, owner);
        ulong stream = 0;
        byte* error = null;
        int status;
        fixed (byte* name = operation, text = parameters.Finish())
        {
            status = Native.StreamOpen(target, name, text, _client.Queue, (ulong)Index, &stream, &error);
        }
        parameters.Return();
        if (status != Native.Ok)
        {
            _client.Remove(this);
            throw _client.Explain(DaytonaException.Take(status, error));
        }
        bool isOver;
        lock (_lock)
        {
            _stream = stream;
            isOver = _hasEnded;
        }
        if (isOver)
        {
            Native.Close(stream);
        }
    }

    internal override unsafe int On(Native.Event* happened)
    {
        switch (happened->Kind)
        {
            case Native.Data:
                return OnData(happened);
            case Native.Opened:
                OpenedJson = happened->Span.ToArray();
                _opened.TrySetResult();
                return Native.Ok;
            case Native.Writable:
                Release(ref _writable);
                return Native.Ok;
            case Native.Ended:
                End(happened->Status, happened->Result, happened->Span.ToArray());
                return Native.Ok;
            default:
                return Native.Ok;
        }
    }

    private unsafe int OnData(Native.Event* happened)
    {
        bool isWaiting;
        lock (_lock)
        {
            if (_isClosed)
            {
                return Native.Ok;
            }
            if ((_chunks.Count >= MostChunks || _bytes >= MostBytes) && !_client.IsClosing)
            {
                _isRefused = true;
                return Native.WouldBlock;
            }
            byte* data = null;
            if (Native.EventTake(happened, &data) != Native.Ok)
            {
                return Native.Ok;
            }
            _chunks.Enqueue(new Chunk(data, (int)happened->Length, happened->Channel));
            _bytes += (long)happened->Length;
            isWaiting = _isReaderWaiting;
            _isReaderWaiting = false;
        }
        if (isWaiting)
        {
            _reading.SetResult(true);
        }
        return Native.Ok;
    }

    internal override void Abandon() => End(Native.Closed, 0, []);

    private void End(int status, ulong result, byte[] json)
    {
        bool isWaiting;
        ulong stream;
        lock (_lock)
        {
            if (_hasEnded)
            {
                return;
            }
            // What this side closed is closed; how far the other side got with it says nothing.
            var isOwn = _isClosed && status == Native.Cancelled;
            (Status, Result) = (isOwn ? Native.Closed : status, result);
            EndedJson = isOwn ? [] : json;
            _hasEnded = true;
            isWaiting = _isReaderWaiting;
            _isReaderWaiting = false;
            stream = _stream;
        }
        _client.Remove(this);
        Native.Close(stream); // Its own events are over, so this never waits.
        _opened.TrySetResult();
        _ended.TrySetResult();
        Release(ref _writable);
        if (isWaiting)
        {
            _reading.SetResult(true);
        }
    }

    /// <summary>Takes the next chunk, where there is one.</summary>
    internal bool TryRead(out Chunk chunk)
    {
        bool isResumed;
        lock (_lock)
        {
            if (!_chunks.TryDequeue(out chunk))
            {
                return false;
            }
            _bytes -= chunk.Length;
            isResumed = _isRefused && _chunks.Count <= MostChunks / 2 && _bytes <= MostBytes / 2;
            _isRefused &= !isResumed;
        }
        if (isResumed)
        {
            Native.StreamResume(_stream);
        }
        return true;
    }

    /// <summary>Has the library offer again what was held back.</summary>
    internal void Resume()
    {
        lock (_lock)
        {
            _isRefused = false;
        }
        Native.StreamResume(_stream);
    }

    /// <summary>Waits until there is a chunk; false at the end. One reader at a time.</summary>
    internal async ValueTask<bool> WaitAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ValueTask<bool> waiting;
        lock (_lock)
        {
            if (_chunks.Count > 0)
            {
                return true;
            }
            if (_isClosed || _hasEnded)
            {
                return false;
            }
            if (_isReaderWaiting)
            {
                throw new InvalidOperationException("The stream is being read already: one reader at a time.");
            }
            _isReaderWaiting = true;
            _reading.Reset();
            waiting = new ValueTask<bool>(this, _reading.Version);
        }
        using (cancellationToken.UnsafeRegister(static stream => ((StreamReceiver)stream!).StopWaiting(), this))
        {
            await waiting.ConfigureAwait(false);
        }
        lock (_lock)
        {
            if (_chunks.Count > 0)
            {
                return true;
            }
        }
        cancellationToken.ThrowIfCancellationRequested();
        return false;
    }

    private void StopWaiting()
    {
        lock (_lock)
        {
            if (!_isReaderWaiting)
            {
                return;
            }
            _isReaderWaiting = false;
        }
        _reading.SetResult(true);
    }

    /// <summary>Writes all of it, and waits where the library has no room. One writer at a time.</summary>
    internal async ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            TaskCompletionSource writable = new(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (_lock)
            {
                ThrowIfOver();
                _writable = writable;
            }
            var written = WriteSome(data.Span);
            data = data[written..];
            if (data.IsEmpty)
            {
                return;
            }
            await writable.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Writes what there is room for.</summary>
    private unsafe int WriteSome(ReadOnlySpan<byte> data)
    {
        nuint written = 0;
        byte* error = null;
        int status;
        fixed (byte* bytes = data)
        {
            status = Native.StreamWrite(_stream, bytes, (nuint)data.Length, 0, &written, &error);
        }
        if (status is Native.Ok or Native.WouldBlock)
        {
            Native.Free(error);
            return (int)written;
        }
        var exception = DaytonaException.Take(status, error);
        lock (_lock)
        {
            ThrowIfOver();
        }
        throw exception;
    }

    internal unsafe void Finish()
    {
        byte* error = null;
        var status = Native.StreamFinish(_stream, &error);
        if (status == Native.Ok)
        {
            return;
        }
        var exception = DaytonaException.Take(status, error);
        lock (_lock)
        {
            ThrowIfOver();
        }
        throw exception;
    }

    private void ThrowIfOver()
    {
        ObjectDisposedException.ThrowIf(_isClosed, typeof(OutputStream<>));
        if (_hasEnded)
        {
            throw Status == Native.Ok ? DaytonaException.Own(DaytonaStatus.Closed, "The stream has ended; nothing can be written to it.") : Failure();
        }
    }

    /// <summary>Ends the remote side where it has not ended yet, and lets go of what was not read.</summary>
    internal unsafe void Close()
    {
        ulong stream;
        lock (_lock)
        {
            if (_isClosed)
            {
                return;
            }
            _isClosed = true;
            stream = _stream;
            while (_chunks.TryDequeue(out var chunk))
            {
                Native.Free(chunk.Data);
            }
        }
        // Waits for a callback that is running; no event comes afterwards, so the end is told here.
        Native.Close(stream);
        Abandon();
    }

    /// <summary>Completes whoever waits for room to write.</summary>
    private static void Release(ref TaskCompletionSource? waiting) => Interlocked.Exchange(ref waiting, null)?.TrySetResult();

    bool IValueTaskSource<bool>.GetResult(short token) => _reading.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _reading.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _reading.OnCompleted(continuation, state, token, flags);
}
