using System.Runtime.CompilerServices;

namespace Daytona;

/// <summary>A submitted call and the task of its result, which is read and completed on the thread pool.</summary>
internal sealed unsafe class PendingCall<T> : Receiver, IThreadPoolWorkItem
{
    private readonly Answering<T> _read;
    private readonly TransferProgress? _progress;
    private readonly CancellationToken _cancellation;
    private CancellationTokenRegistration _registration;
    private ulong _call;
    private DaytonaStatus _status;
    private ulong _result;
    private nint _data;
    private ulong _length;

    /// <summary>Ends a task as an async method does: an <see cref="OperationCanceledException"/> cancels it.</summary>
    private AsyncTaskMethodBuilder<T> _task = AsyncTaskMethodBuilder<T>.Create();

    internal PendingCall(ClientHandle client, Answering<T> read, IProgress<Transfer>? progress, CancellationToken cancellationToken)
        : base(client)
    {
        _read = read;
        _progress = progress is null ? null : new TransferProgress(progress, Cancel);
        _cancellation = cancellationToken;
        Ending = _task.Task;
    }

    internal override Task<T> Ending { get; }

    internal override bool IsReporting => _progress is { IsReporting: true };

    internal Task<T> Submit(ulong target, ReadOnlySpan<byte> operation, Parameters parameters, ReadOnlySpan<byte> body)
    {
        Enter();
        _registration = _cancellation.UnsafeRegister(static call => ((PendingCall<T>)call!).Cancel(), this);
        var status = Native.Submit(target, operation, parameters.Finish(), body, (nuint)body.Length, Pump.Shared.Queue, Number,
            out var call, out var error);
        parameters.Return();
        Interlocked.Exchange(ref _call, call);
        if (_cancellation.IsCancellationRequested)
        {
            Cancel(); // Before the call's handle was known it had no effect.
        }
        if (status == DaytonaStatus.Ok)
        {
            Pump.Shared.Expect();
        }
        else
        {
            Leave();
            _task.SetException(DaytonaException.Take(status, error, Client));
        }
        return Ending;
    }

    /// <summary>Cancels what was submitted; nothing where that is over, or not known yet.</summary>
    private void Cancel() => Native.Cancel(Interlocked.Read(ref _call));

    protected override DaytonaStatus On(Native.Event* happened)
    {
        if (happened->Kind == EventKind.Progress)
        {
            _progress?.On(happened->Span);
        }
        else if (happened->Kind == EventKind.Done)
        {
            (_status, _result, _length) = (happened->Status, happened->Result, happened->Len);
            Native.EventTake(happened, out _data);
            Leave();
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
        return DaytonaStatus.Ok;
    }

    /// <summary>Out of the table, its cancellation has nothing to do any more.</summary>
    private new void Leave()
    {
        base.Leave();
        _registration.Unregister(); // Never Dispose: it would wait for a cancellation that is running on another thread.
    }

    void IThreadPoolWorkItem.Execute()
    {
        T result;
        try
        {
            _progress?.Finish();
            var data = new ReadOnlySpan<byte>((void*)_data, Answer.Length(_length));
            result = _status == DaytonaStatus.Ok ? _read(new Answer(data, _result, Client!))
                : throw DaytonaException.From(_status, data, _cancellation);
        }
        catch (Exception exception)
        {
            Native.Close(_result); // The handle that nobody gets.
            _task.SetException(exception);
            return;
        }
        finally
        {
            Native.Free(_data);
        }
        _task.SetResult(result);
    }
}
