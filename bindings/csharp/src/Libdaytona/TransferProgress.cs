using System.Runtime.ExceptionServices;
using System.Text.Json;

namespace Daytona;

/// <summary>How far a transfer is.</summary>
/// <param name="Bytes">Bytes moved.</param>
/// <param name="Total">Bytes to move in all; null where that is not known.</param>
public readonly record struct Transfer(long Bytes, long? Total);

/// <summary>Hands reports of progress to the program, on the thread pool and one at a time. Only the newest waits. What a
/// report throws cancels the call and comes out of it.</summary>
internal sealed class TransferProgress(IProgress<Transfer> progress, PendingCall call)
{
    private readonly object _reporting = new();
    private readonly object _state = new();
    private Transfer? _newest;
    private bool _isScheduled;
    private ExceptionDispatchInfo? _failure;

    /// <summary>A report, on the library's thread.</summary>
    internal void On(ReadOnlySpan<byte> json)
    {
        var transfer = Read(json);
        lock (_state)
        {
            _newest = transfer;
            if (_isScheduled)
            {
                return;
            }
            _isScheduled = true;
        }
        ThreadPool.UnsafeQueueUserWorkItem(static progress => progress.Report(), this, preferLocal: false);
    }

    /// <summary>Reports what is new; nothing is reported any more once the last one returned.</summary>
    internal void Report()
    {
        lock (_reporting)
        {
            Transfer? newest;
            lock (_state)
            {
                newest = _newest;
                _newest = null;
                _isScheduled = false;
            }
            if (newest is not { } transfer || _failure is not null)
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
                call.Cancel();
            }
        }
    }

    /// <summary>Hands over the last report of a call that is over, and throws what any of them has thrown.</summary>
    internal void Finish()
    {
        Report();
        if (_failure is null)
        {
            return;
        }
        if (call.Result != 0)
        {
            // The handle that nobody gets.
            Native.Close(call.Result);
        }
        _failure.Throw();
    }

    private static Transfer Read(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        long bytes = 0;
        long? total = null;
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }
            var isBytes = reader.ValueTextEquals("bytes"u8);
            var isTotal = reader.ValueTextEquals("total"u8);
            reader.Read();
            if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var number))
            {
                bytes = isBytes ? number : bytes;
                total = isTotal ? number : total;
            }
        }
        return new Transfer(bytes, total);
    }
}
