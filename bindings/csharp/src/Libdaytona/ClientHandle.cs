using System.Runtime.InteropServices;

namespace Daytona;

/// <summary>A handle of the library: a number that it checks. After the release no other thing has it.</summary>
internal class NativeHandle : SafeHandle
{
    internal NativeHandle(ulong value)
        : base(0, ownsHandle: true)
    {
        Value = value;
        SetHandle(1);
    }

    internal ulong Value { get; }

    public override bool IsInvalid => false;

    protected override bool ReleaseHandle() => Native.Close(Value) == DaytonaStatus.Ok;
}

/// <summary>A client of the library with the queue of its streams, whose callback runs inline on the thread that drives
/// the library. Both are closed when it is disposed, or collected while nothing is under way.</summary>
internal sealed class ClientHandle : NativeHandle, IAsyncDisposable
{
    /// <summary>Opens a client, or the echo target.</summary>
    internal unsafe ClientHandle(IParameters? options, bool isEcho)
        : base(Open(options, isEcho))
    {
        DaytonaException.Check(Native.QueueOpenCallback("""{"inline":true,"capacityCalls":1048576}"""u8, &Receiver.OnEvent, 0,
            out var queue, out var error), error);
        Queue = queue;
    }

    internal ulong Queue { get; }

    /// <summary>It was closed by its owner, or is about to be.</summary>
    internal bool IsClosing { get; private set; }

    private static ulong Open(IParameters? options, bool isEcho)
    {
        NativeLibraryLoader.Ensure();
        var parameters = Parameters.Rent().With(options);
        var config = parameters.Finish();
        var status = isEcho ? Native.EchoOpen(config, out var client, out var error) : Native.ClientOpen(config, out client, out error);
        parameters.Return();
        DaytonaException.Check(status, error);
        return client;
    }

    /// <summary>Ends what is under way, waits until each of its ends has arrived, and closes the client. A report of progress
    /// may do so: its own transfer is not waited for.</summary>
    public async ValueTask DisposeAsync()
    {
        IsClosing = true;
        Receiver.AbandonStreams(this); // The end of one that nobody reads would not come.
        Native.Close(Value);
        await Task.WhenAll(Receiver.Of(this).Where(receiver => !receiver.IsReporting).Select(receiver => receiver.Ending)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Dispose();
    }

    /// <summary>Closes the queue too; streams that have not ended by then do so here. Not on the library's thread.</summary>
    protected override bool ReleaseHandle()
    {
        IsClosing = true;
        var isClosed = base.ReleaseHandle() && Native.Close(Queue) == DaytonaStatus.Ok;
        Receiver.AbandonStreams(this);
        return isClosed;
    }
}
