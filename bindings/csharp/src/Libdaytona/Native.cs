using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

[assembly: DisableRuntimeMarshalling]

namespace Daytona;

/// <summary>The C interface, as include/daytona.h has it. Everything that crosses it is blittable.</summary>
internal static unsafe partial class Native
{
    internal const string Library = "daytona";

    internal const int Ok = 0;
    internal const int Timeout = 4;
    internal const int Cancelled = 5;
    internal const int Closed = 9;
    internal const int WouldBlock = 17;

    internal const int Done = 1;
    internal const int Opened = 2;
    internal const int Data = 3;
    internal const int Progress = 4;
    internal const int Ended = 5;
    internal const int Writable = 6;
    internal const int Log = 7;

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
        internal int Kind;
        internal int Status;
        internal int Channel;
        internal int Reserved;

        internal readonly ReadOnlySpan<byte> Span => new(Data, checked((int)Length));
    }

    [LibraryImport(Library, EntryPoint = "daytona_client_open")]
    internal static partial int ClientOpen(byte* config, ulong* client, byte** error);

    [LibraryImport(Library, EntryPoint = "daytona_echo_open")]
    internal static partial int EchoOpen(byte* config, ulong* client, byte** error);

    [LibraryImport(Library, EntryPoint = "daytona_close")]
    internal static partial int Close(ulong handle);

    [LibraryImport(Library, EntryPoint = "daytona_free")]
    internal static partial void Free(void* pointer);

    [LibraryImport(Library, EntryPoint = "daytona_call")]
    internal static partial int Call(ulong target, byte* operation, byte* parameters, byte* body, nuint bodyLength,
        ulong* result, byte** output, nuint* outputLength);

    [LibraryImport(Library, EntryPoint = "daytona_submit")]
    internal static partial int Submit(ulong target, byte* operation, byte* parameters, byte* body, nuint bodyLength,
        ulong queue, ulong userData, ulong* call, byte** error);

    [LibraryImport(Library, EntryPoint = "daytona_cancel")]
    internal static partial int Cancel(ulong call);

    [LibraryImport(Library, EntryPoint = "daytona_queue_open_callback")]
    internal static partial int QueueOpen(byte* options, delegate* unmanaged[Cdecl]<void*, Event*, int> callback,
        void* context, ulong* queue, byte** error);

    [LibraryImport(Library, EntryPoint = "daytona_event_take")]
    internal static partial int EventTake(Event* happened, byte** data);

    [LibraryImport(Library, EntryPoint = "daytona_stream_open")]
    internal static partial int StreamOpen(ulong target, byte* operation, byte* parameters, ulong queue,
        ulong userData, ulong* stream, byte** error);

    [LibraryImport(Library, EntryPoint = "daytona_stream_write")]
    internal static partial int StreamWrite(ulong stream, byte* data, nuint length, long timeoutMilliseconds,
        nuint* written, byte** error);

    [LibraryImport(Library, EntryPoint = "daytona_stream_finish")]
    internal static partial int StreamFinish(ulong stream, byte** error);

    [LibraryImport(Library, EntryPoint = "daytona_stream_resume")]
    internal static partial int StreamResume(ulong stream);

    [LibraryImport(Library, EntryPoint = "daytona_log")]
    internal static partial int SetLog(int level, ulong queue, ulong userData);

    [LibraryImport(Library, EntryPoint = "daytona_shutdown")]
    internal static partial int Shutdown(long timeoutMilliseconds);

    [LibraryImport(Library, EntryPoint = "daytona_version")]
    internal static partial byte* Version();

    /// <summary>The text of a NUL-terminated UTF-8 text that the library keeps.</summary>
    internal static string Text(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";

    /// <summary>The bytes of a NUL-terminated text.</summary>
    internal static ReadOnlySpan<byte> Terminated(byte* text) => MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text);
}
