using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Daytona;

/// <summary>What events are for: a call, a stream or a listener. It is in the table of what is under way until it has
/// ended, which keeps its client open, also where nobody else holds that; events carry its number in the table.</summary>
internal abstract unsafe class Receiver(ClientHandle? client)
{
    private static readonly ConcurrentDictionary<ulong, Receiver> UnderWay = new();
    private static ulong s_last;

    internal ClientHandle? Client => client;

    /// <summary>The user data of its events; never used again.</summary>
    protected ulong Number { get; } = Interlocked.Increment(ref s_last);

    /// <summary>What is under way of one client.</summary>
    internal static Receiver[] Of(ClientHandle client) => [.. UnderWay.Values.Where(receiver => receiver.Client == client)];

    /// <summary>Ends streams from this side: of one client, or all.</summary>
    internal static void AbandonStreams(ClientHandle? of = null)
    {
        foreach (var stream in UnderWay.Values.OfType<StreamReceiver>().Where(stream => of is null || stream.Client == of))
        {
            stream.Abandon();
        }
    }

    protected void Enter() => UnderWay[Number] = this;

    /// <summary>Takes it out of the table. The one caller that gets true has to end it.</summary>
    protected bool Leave() => UnderWay.TryRemove(Number, out _);

    /// <summary>Takes an event, on the library's thread: it keeps what it needs and returns. OK, or WOULD_BLOCK for a
    /// chunk that is to be offered again.</summary>
    protected abstract DaytonaStatus On(Native.Event* happened);

    /// <summary>Completes when it has ended.</summary>
    internal abstract Task Ending { get; }

    /// <summary>Whether this thread is within one of its reports of progress, which its end waits for.</summary>
    internal virtual bool IsReporting => false;

    /// <summary>The callback of every client's queue.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static DaytonaStatus OnEvent(nint context, Native.Event* happened) => Deliver(happened);

    internal static DaytonaStatus Deliver(Native.Event* happened)
    {
        try
        {
            if (UnderWay.TryGetValue(happened->UserData, out var receiver))
            {
                return receiver.On(happened);
            }
            Native.Close(happened->Result); // Nobody takes it any more.
        }
        catch (Exception)
        {
            // Nothing may leave a callback: a listener's exception, or memory that ran out.
        }
        return DaytonaStatus.Ok;
    }

    /// <summary>Finishes what closing begins in the background: the end of remote commands and terminals.</summary>
    internal static void AtExit()
    {
        AbandonStreams();
        Native.Shutdown(2000);
    }
}
