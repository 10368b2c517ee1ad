using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;

namespace Daytona;

/// <summary>What events are for: a call or a stream, found by its place in the client's table.</summary>
internal abstract unsafe class Receiver
{
    /// <summary>The place in the table, which events carry as their user data.</summary>
    internal int Index;

    /// <summary>Keeps the client open while something is under way, also where nobody else holds it.</summary>
    internal ClientHandle? Owner;

    /// <summary>Takes an event, on the library's thread: it copies what it needs and returns. 0, or WOULD_BLOCK for a
    /// chunk that is to be offered again.</summary>
    internal abstract int On(Native.Event* happened);

    /// <summary>Ends it because no event will come any more.</summary>
    internal abstract void Abandon();
}

/// <summary>A submitted call. It is awaited once, then serves another one: nothing is allocated for it but its first time.</summary>
internal sealed unsafe class PendingCall : Receiver, IValueTaskSource
{
    /// <summary>Larger results are taken over from the library instead of copied.</summary>
    private const int LargestCopied = 4096;

    private readonly NativeClient _client;
    private ManualResetValueTaskSourceCore<bool> _source = new() { RunContinuationsAsynchronously = true };
    private byte[] _copied = [];
    private byte* _taken;
    private int _length;

    /// <summary>DONE may come before submit has returned; the later of the two completes the call.</summary>
    private int _parties;
    private volatile bool _isDone;
    private ulong _call;
    private CancellationTokenRegistration _registration;
    private CancellationToken _cancellation;
    private bool _isReusable;

    internal PendingCall(NativeClient client) => _client = client;

    internal int Status { get; private set; }

    /// <summary>The handle that came with the result, or 0.</summary>
    internal ulong Result { get; private set; }

    internal TransferProgress? Progress { get; private set; }

    internal ReadOnlySpan<byte> Data => _taken is null ? _copied.AsSpan(0, _length) : new ReadOnlySpan<byte>(_taken, _length);

    internal ValueTask Completion => new(this, _source.Version);

    internal Exception Failure => DaytonaException.From(Status, Data, _cancellation);

    internal void Submit(ulong target, ReadOnlySpan<byte> operation, Parameters parameters, ReadOnlySpan<byte> body,
        TransferProgress? progress, CancellationToken cancellationToken)
    {
        _parties = 2;
        _isDone = false;
        _cancellation = cancellationToken;
        Progress = progress;
        ulong call = 0;
        byte* error = null;
        int status;
        fixed (byte* name = operation, text = parameters.Finish(), bytes = body)
        {
            status = Native.Submit(target, name, text, bytes, (nuint)body.Length, _client.Queue, (ulong)Index, &call, &error);
        }
        parameters.Return();
        if (status != Native.Ok)
        {
            _isReusable = true;
            Recycle();
            throw _client.Explain(DaytonaException.Take(status, error));
        }
        _call = call;
        if (cancellationToken.CanBeCanceled)
        {
            _registration = cancellationToken.UnsafeRegister(static call => Native.Cancel(((PendingCall)call!)._call), this);
        }
        Arrive();
    }

    /// <summary>Cancels what was submitted; nothing where that is over, or not known yet.</summary>
    internal void Cancel() => Native.Cancel(_call);

    internal override int On(Native.Event* happened)
    {
        if (happened->Kind == Native.Progress)
        {
            Progress?.On(happened->Span);
            return Native.Ok;
        }
        if (happened->Kind != Native.Done)
        {
            return Native.Ok;
        }
        Status = happened->Status;
        Result = happened->Result;
        _length = checked((int)happened->Length);
        byte* taken = null;
        if (_length > LargestCopied && Native.EventTake(happened, &taken) == Native.Ok)
        {
            _taken = taken;
        }
        else
        {
            if (_copied.Length < _length)
            {
                _copied = new byte[Math.Max(_length, 256)];
            }
            happened->Span.CopyTo(_copied);
        }
        _isDone = true;
        Arrive();
        return Native.Ok;
    }

    internal override void Abandon()
    {
        if (_isDone)
        {
            return;
        }
        Status = Native.Closed;
        _length = 0;
        Arrive();
    }

    private void Arrive()
    {
        if (Interlocked.Decrement(ref _parties) != 0)
        {
            return;
        }
        // Never Dispose: it would wait for a cancellation that is running on another thread. An object whose
        // cancellation has begun is left to that and not used again.
        _isReusable = !_cancellation.CanBeCanceled || _registration.Unregister();
        _source.SetResult(true);
    }

    /// <summary>Gives the call back, once its data was read.</summary>
    internal void Recycle()
    {
        if (_taken is not null)
        {
            Native.Free(_taken);
            _taken = null;
        }
        Owner = null;
        Progress = null;
        _cancellation = default;
        _registration = default;
        _source.Reset();
        _client.Release(this, _isReusable);
    }

    /// <summary>Lets go of memory that only a burst of calls needed.</summary>
    internal void Shrink() => _copied = [];

    void IValueTaskSource.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
