using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

[assembly: DisableRuntimeMarshalling]

namespace Daytona;

/// <summary>The C interface, as include/daytona.h has it. Everything that crosses it is blittable.</summary>
internal static unsafe partial class Native
{
    internal const string Library = "daytona";

    /// <summary>One event: 64 bytes, the same in every language.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Event
    {
        internal ulong Source;
        internal ulong UserData;
        internal ulong Result;
        internal ulong Position;
        internal byte* Data;
        internal ulong Length;
        internal EventKind Kind;
        internal DaytonaStatus Status;
        internal OutputChannel Channel;
        internal int Reserved;

        internal readonly ReadOnlySpan<byte> Span => new(Data, checked((int)Length));
    }

    [LibraryImport(Library, EntryPoint = "daytona_client_open")]
    internal static partial DaytonaStatus ClientOpen(byte* config, ulong* client, byte** error);

    [LibraryImport(Library, EntryPoint = "daytona_echo_open")]
    internal static partial DaytonaStatus EchoOpen(byte* config, ulong* client, byte** error);

    [LibraryImport(Library, EntryPoint = "daytona_close")]
    internal static partial DaytonaStatus Close(ulong handle);

    [LibraryImport(Library, EntryPoint = "daytona_free")]
    internal static partial void Free(void* pointer);

    [LibraryImport(Library, EntryPoint = "daytona_call")]
    internal static partial DaytonaStatus Call(ulong target, byte* operation, byte* parameters, byte* body, nuint bodyLength,
        ulong* result, byte** output, nuint* outputLength);

    [LibraryImport(Library, EntryPoint = "daytona_submit")]
    internal static partial DaytonaStatus Submit(ulong target, byte* operation, byte* parameters, byte* body, nuint bodyLength,
        ulong queue, ulong userData, ulong* call, byte** error);

    [LibraryImport(Library, EntryPoint = "daytona_cancel")]
    internal static partial DaytonaStatus Cancel(ulong call);

    [LibraryImport(Library, EntryPoint = "daytona_queue_open_callback")]
    internal static partial DaytonaStatus QueueOpen(byte* options, delegate* unmanaged[Cdecl]<void*, Event*, DaytonaStatus> callback,
        void* context, ulong* queue, byte** error);

    [LibraryImport(Library, EntryPoint = "daytona_event_take")]
    internal static partial DaytonaStatus EventTake(Event* happened, byte** data);

    [LibraryImport(Library, EntryPoint = "daytona_stream_open")]
    internal static partial DaytonaStatus StreamOpen(ulong target, byte* operation, byte* parameters, ulong queue,
        ulong userData, ulong* stream, byte** error);

    [LibraryImport(Library, EntryPoint = "daytona_stream_write")]
    internal static partial DaytonaStatus StreamWrite(ulong stream, byte* data, nuint length, long timeoutMilliseconds,
        nuint* written, byte** error);

    [LibraryImport(Library, EntryPoint = "daytona_stream_finish")]
    internal static partial DaytonaStatus StreamFinish(ulong stream, byte** error);

    [LibraryImport(Library, EntryPoint = "daytona_stream_resume")]
    internal static partial DaytonaStatus StreamResume(ulong stream);

    [LibraryImport(Library, EntryPoint = "daytona_log")]
    internal static partial DaytonaStatus SetLog(DaytonaLogLevel level, ulong queue, ulong userData);

    [LibraryImport(Library, EntryPoint = "daytona_shutdown")]
    internal static partial DaytonaStatus Shutdown(long timeoutMilliseconds);

    [LibraryImport(Library, EntryPoint = "daytona_version")]
    internal static partial byte* Version();
}
