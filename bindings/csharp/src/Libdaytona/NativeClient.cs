using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Daytona;

/// <summary>A client of the library with its one queue, whose callback runs inline on the thread that drives the
/// library, and the table of what is pending: events carry the index into it. The table is held by the library's
/// context pointer; it is the <see cref="ClientHandle"/> that is collected when a program drops its client, and what is
/// pending holds that.</summary>
internal sealed unsafe class NativeClient
{
    /// <summary>Calls beyond these keep no buffer while they wait to be used again.</summary>
    private const int WarmCalls = 256;

    private static readonly HashSet<NativeClient> Open = [];

    private readonly object _lock = new();
    private readonly Stack<PendingCall> _idle = new();
    private readonly Stack<int> _free = new();
    private Receiver?[] _table = new Receiver?[64];
    private int _used;
    private int _active;
    private TaskCompletionSource? _drained;
    private GCHandle _self;
    private int _isClosed;

    /// <summary>Opens a client, or the echo target.</summary>
    internal NativeClient(IParameters? options, bool isEcho)
    {
        NativeLibraryLoader.Ensure();
        ulong client = 0, queue = 0;
        byte* error = null;
        int status;
        var parameters = Parameters.Rent().With(options);
        fixed (byte* config = parameters.Finish())
        {
            status = isEcho ? Native.EchoOpen(config, &client, &error) : Native.ClientOpen(config, &client, &error);
        }
        parameters.Return();
        if (status != Native.Ok)
        {
            throw DaytonaException.Take(status, error);
        }
        _self = GCHandle.Alloc(this);
        fixed (byte* text = """{"inline":true,"capacityCalls":1048576}"""u8)
        {
            status = Native.QueueOpen(text, &OnEvent, (void*)GCHandle.ToIntPtr(_self), &queue, &error);
        }
        if (status != Native.Ok)
        {
            _self.Free();
            Native.Close(client);
            throw DaytonaException.Take(status, error);
        }
        (Client, Queue) = (client, queue);
        lock (Open)
        {
            Open.Add(this);
        }
    }

    internal ulong Client { get; }

    internal ulong Queue { get; }

    /// <summary>The client was closed by its owner: what comes is kept without a limit, so that every end arrives.</summary>
    internal bool IsClosing { get; private set; }

    /// <summary>How many places of the table were ever used.</summary>
    internal int TableSize => Volatile.Read(ref _used);

    internal PendingCall Rent(ClientHandle owner)
    {
        PendingCall? call;
        lock (_lock)
        {
            if (!_idle.TryPop(out call))
            {
                call = new PendingCall(this);
                Place(call);
            }
            _active++;
        }
        call.Owner = owner;
        return call;
    }

    /// <summary>Gives a stream its place in the table.</summary>
    internal void Add(Receiver receiver, ClientHandle owner)
    {
        receiver.Owner = owner;
        lock (_lock)
        {
            Place(receiver);
            _active++;
        }
    }

    private void Place(Receiver receiver)
    {
        if (!_free.TryPop(out var index))
        {
            index = _used++;
            if (index == _table.Length)
            {
                var table = new Receiver?[index * 2];
                _table.CopyTo(table, 0);
                Volatile.Write(ref _table, table);
            }
        }
        receiver.Index = index;
        Volatile.Write(ref _table[index], receiver);
    }

    /// <summary>A call is over. It is used again, unless a cancellation still holds it.</summary>
    internal void Release(PendingCall call, bool isReusable)
    {
        TaskCompletionSource? drained;
        lock (_lock)
        {
            if (isReusable)
            {
                if (_idle.Count >= WarmCalls)
                {
                    call.Shrink();
                }
                _idle.Push(call);
            }
            else
            {
                Vacate(call);
            }
            drained = --_active == 0 ? _drained : null;
        }
        drained?.TrySetResult();
    }

    /// <summary>A stream is over.</summary>
    internal void Remove(Receiver receiver)
    {
        TaskCompletionSource? drained;
        lock (_lock)
        {
            Vacate(receiver);
            drained = --_active == 0 ? _drained : null;
        }
        receiver.Owner = null;
        drained?.TrySetResult();
    }

    private void Vacate(Receiver receiver)
    {
        _table[receiver.Index] = null;
        _free.Push(receiver.Index);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnEvent(void* context, Native.Event* happened)
    {
        try
        {
            var client = (NativeClient)GCHandle.FromIntPtr((nint)context).Target!;
            var receiver = Volatile.Read(ref client._table)[happened->UserData];
            return receiver is null ? Native.Ok : receiver.On(happened);
        }
        catch (Exception)
        {
            return Native.Ok; // Nothing may leave a callback; only memory that ran out gets here.
        }
    }

    /// <summary>What a failure is when the client was closed by this program.</summary>
    internal Exception Explain(Exception exception) => IsClosing && exception is DaytonaClosedException or DaytonaInvalidHandleException
        ? new ObjectDisposedException($"The {nameof(DaytonaClient)} is disposed: {exception.Message}", exception)
        : exception;

    /// <summary>Ends what is under way and completes when each of its ends has arrived.</summary>
    internal Task DrainAsync()
    {
        StreamReceiver[] streams;
        Task drained = Task.CompletedTask;
        lock (_lock)
        {
            IsClosing = true;
            streams = [.. _table.OfType<StreamReceiver>()];
            if (_active > 0)
            {
                _drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                drained = _drained.Task;
            }
        }
        Native.Close(Client);
        foreach (var stream in streams)
        {
            stream.Resume();
        }
        return drained;
    }

    /// <summary>Closes the queue; what has not ended by then does so here. Not on the library's thread.</summary>
    internal void Close()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) != 0)
        {
            return;
        }
        lock (Open)
        {
            Open.Remove(this);
        }
        IsClosing = true;
        Native.Close(Client);
        Native.Close(Queue);
        foreach (var receiver in Unfinished())
        {
            receiver.Abandon();
        }
        _self.Free();
    }

    private Receiver[] Unfinished()
    {
        lock (_lock)
        {
            return [.. _table.OfType<Receiver>().Where(receiver => receiver.Owner is not null)];
        }
    }

    /// <summary>Finishes what closing began in the background: the end of remote commands and terminals.</summary>
    internal static void AtExit()
    {
        NativeClient[] clients;
        lock (Open)
        {
            clients = [.. Open];
        }
        foreach (var client in clients)
        {
            _ = client.DrainAsync();
        }
        Native.Shutdown(2000);
    }
}

/// <summary>The client that a program holds: when it is collected, the library's client and queue are closed.</summary>
internal sealed class ClientHandle : SafeHandle
{
    internal ClientHandle(NativeClient client)
        : base(0, ownsHandle: true)
    {
        Client = client;
        SetHandle(1);
    }

    internal NativeClient Client { get; }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        Client.Close();
        return true;
    }
}

/// <summary>A sandbox's handle in the library.</summary>
internal sealed class SandboxHandle : SafeHandle
{
    private readonly ulong _value;

    internal SandboxHandle(ulong value)
        : base(0, ownsHandle: true)
    {
        _value = value;
        SetHandle(1);
    }

    /// <summary>A number that the library checks: also after the release no other thing has it.</summary>
    internal ulong Value => _value;

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => Native.Close(_value) == Native.Ok;
}
