using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Daytona;

/// <summary>Takes the ends of submitted calls out of the library. The thread that waits there drives the library, too:
/// while calls end soon it is one of the pool, between what it does for calls that ended, and no other thread has to be
/// woken. What takes longer is waited for by a thread of its own, so that the pool keeps all of its threads.</summary>
internal sealed unsafe class Pump : IThreadPoolWorkItem
{
    private const int Most = 64;
    private const int SoonMs = 1;

    private readonly Native.Event* _events = (Native.Event*)NativeMemory.Alloc(Most, (nuint)sizeof(Native.Event));
    private readonly AutoResetEvent _isWanted = new(false);
    private bool _isSoon = true;

    /// <summary>Calls that were submitted, less the ends that came. While there are some, one thread at a time takes.</summary>
    private int _pending;

    private Pump()
    {
        DaytonaException.Check(Native.QueueOpen("""{"capacityCalls":1048576}"""u8, out var queue, out var error), error);
        Queue = queue;
        new Thread(Wait) { IsBackground = true, Name = "daytona-calls" }.Start();
    }

    /// <summary>The one of the process.</summary>
    internal static Pump Shared { get; } = new();

    /// <summary>What calls are submitted to.</summary>
    internal ulong Queue { get; }

    /// <summary>Has the end of a submitted call taken; it may have been already.</summary>
    internal void Expect()
    {
        if (Interlocked.Increment(ref _pending) == 1)
        {
            TakeNext();
        }
    }

    private void TakeNext()
    {
        if (_isSoon)
        {
            // Behind the calls that ended: what they submit ends together.
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
        else
        {
            _isWanted.Set();
        }
    }

    private void Wait()
    {
        while (_isWanted.WaitOne())
        {
            Take(Timeout.Infinite);
        }
    }

    void IThreadPoolWorkItem.Execute() => Take(SoonMs);

    private void Take(int timeoutMs)
    {
        var from = Stopwatch.GetTimestamp();
        if (Native.QueueNext(Queue, _events, Most, timeoutMs, out var count) is not (DaytonaStatus.Ok or DaytonaStatus.Timeout))
        {
            return; // The process ends.
        }
        var ended = 0;
        for (var happened = _events; happened < _events + count; happened++)
        {
            ended += happened->Kind == EventKind.Done ? 1 : 0;
            Receiver.Deliver(happened);
        }
        _isSoon = ended > 0 && Stopwatch.GetElapsedTime(from).TotalMilliseconds < SoonMs;
        if (Interlocked.Add(ref _pending, -ended) > 0)
        {
            TakeNext();
        }
    }
}
