using System.Runtime.ExceptionServices;

namespace Daytona;

/// <summary>How far a transfer is.</summary>
/// <param name="Bytes">Bytes moved.</param>
/// <param name="Total">Bytes to move in all; null where that is not known.</param>
public readonly record struct Transfer(long Bytes, long? Total);

/// <summary>Hands reports of progress to the program, on the thread pool and one at a time. Only the newest waits. What a
/// report throws cancels the call and comes out of it.</summary>
internal sealed class TransferProgress(IProgress<Transfer> progress, Action cancel) : IThreadPoolWorkItem
{
    private readonly object _reporting = new();
    private object? _newest;
    private ExceptionDispatchInfo? _failure;

    internal bool IsReporting => Monitor.IsEntered(_reporting);

    /// <summary>A report, on the library's thread.</summary>
    internal void On(ReadOnlySpan<byte> json)
    {
        var numbers = ResultReader.Parse(json, static (ref ResultReader all) => all.Map(static (ref ResultReader number) => number.Long()));
        object transfer = new Transfer(numbers["bytes"].GetValueOrDefault(), numbers.GetValueOrDefault("total"));
        if (Interlocked.Exchange(ref _newest, transfer) is null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    /// <summary>Reports what is new; nothing is reported any more once the last one returned.</summary>
    public void Execute()
    {
        lock (_reporting)
        {
            if (Interlocked.Exchange(ref _newest, null) is not Transfer transfer || _failure is not null)
            {
                return;
            }
            try
            {
                progress.Report(transfer);
            }
            catch (Exception exception)
            {
                _failure = ExceptionDispatchInfo.Capture(exception);
                cancel();
            }
        }
    }

    /// <summary>Hands over the last report of a call that is over, and throws what any of them has thrown.</summary>
    internal void Finish()
    {
        Execute();
        _failure?.Throw();
    }
}
