using System.Runtime.InteropServices;
using System.Text.Json;

namespace Daytona;

/// <summary>An operation failed. The classes below this one tell the reasons apart; the message says what happened, to
/// what, and what to do about it.</summary>
public partial class DaytonaException : Exception
{
    /// <summary>An exception as the library throws it, for tests of programs that catch it.</summary>
    /// <param name="error">What went wrong.</param>
    public DaytonaException(DaytonaError error)
        : base(Parameters.Given(error).Message) => Error = error;

    /// <summary>Everything that is known about the failure.</summary>
    public DaytonaError Error { get; }

    /// <summary>The status: 1 to 99 happened on this side, 400 to 599 is the HTTP status that the server answered.</summary>
    public DaytonaStatus Status => (DaytonaStatus)Error.Status;

    /// <summary>The exception for a failure: one of cancellation where this token asked for it.</summary>
    internal static Exception From(DaytonaStatus status, ReadOnlySpan<byte> json, CancellationToken cancellationToken = default,
        string? operation = null)
    {
        DaytonaError? error = null;
        try
        {
            error = json.IsEmpty ? null : ResultReader.Parse(json, DaytonaError.Read);
        }
        catch (JsonException)
        {
            // Then the status has to do.
        }
        var exception = error is not null ? Errors.Create(error) : Own(status, status == DaytonaStatus.Closed
            ? "This was closed before it ended, or its client was."
            : $"The library answered {Errors.Name((int)status)}.", operation);
        return status == DaytonaStatus.Cancelled && cancellationToken.IsCancellationRequested
            ? new OperationCanceledException(exception.Message, exception, cancellationToken)
            : exception;
    }

    /// <summary>The exception for an error JSON, which it frees; where the client was closed by this program it is one of
    /// disposal.</summary>
    internal static unsafe Exception Take(DaytonaStatus status, nint json, ClientHandle? client = null)
    {
        var exception = From(status, MemoryMarshal.CreateReadOnlySpanFromNullTerminated((byte*)json));
        Native.Free(json);
        return client is { IsClosing: true } && exception is DaytonaClosedException or DaytonaInvalidHandleException
            ? new ObjectDisposedException($"The {nameof(DaytonaClient)} is disposed: {exception.Message}", exception)
            : exception;
    }

    /// <summary>Throws unless it is OK.</summary>
    internal static void Check(DaytonaStatus status, nint json, ClientHandle? client = null)
    {
        if (status != DaytonaStatus.Ok)
        {
            throw Take(status, json, client);
        }
    }

    /// <summary>The exception for what this side finds out by itself.</summary>
    internal static DaytonaException Own(DaytonaStatus status, string message, string? operation = null) =>
        Errors.Create(new DaytonaError { Status = (int)status, Name = Errors.Name((int)status), Message = message, Operation = operation });
}
