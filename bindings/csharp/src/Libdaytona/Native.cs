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
}
