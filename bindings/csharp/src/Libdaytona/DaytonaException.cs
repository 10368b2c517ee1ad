using System.Text.Json;

namespace Daytona;

/// <summary>An operation failed. The classes below this one tell the reasons apart; the message says what happened, to
/// what, and what to do about it.</summary>
public class DaytonaException : Exception
{
    /// <summary>An exception as the library throws it, for tests of programs that catch it.</summary>
    /// <param name="error">What went wrong.</param>
    public DaytonaException(DaytonaError error)
        : base(Parameters.Given(error).Message) => Error = error;

    /// <summary>Everything that is known about the failure.</summary>
    public DaytonaError Error { get; }

    /// <summary>The status: 1 to 99 happened on this side, 400 to 599 is the HTTP status that the server answered.</summary>
    public DaytonaStatus Status => (DaytonaStatus)Error.Status;

    /// <summary>The finer reason, as <c>FILE_NOT_FOUND</c>; null where there is none.</summary>
    public string? Code => Error.Code;

    /// <summary>The operation, as <c>files.read</c>; null outside of one.</summary>
    public string? Operation => Error.Operation;

    /// <summary>The HTTP status of the answer; null where there was none.</summary>
    public int? HttpStatus => Error.HttpStatus;

    /// <summary>The id that the server gave the request; null where it gave none.</summary>
    public string? RequestId => Error.RequestId;

    /// <summary>Whether the same call may succeed when repeated as it is.</summary>
    public bool IsRetryable => Error.Retryable;

    /// <summary>When to repeat it; null where the server does not say.</summary>
    public TimeSpan? RetryAfter => Error.RetryAfter;

    /// <summary>The sandbox's id; null where none was involved, or it is not known.</summary>
    public string? SandboxId => Error.SandboxId;

    /// <summary>The exception for a failure: one of cancellation where this token asked for it.</summary>
    internal static Exception From(int status, ReadOnlySpan<byte> json, CancellationToken cancellationToken = default)
    {
        var exception = Read(status, json);
        if (status == Native.Cancelled && cancellationToken.IsCancellationRequested)
        {
            return new OperationCanceledException(exception.Message, exception, cancellationToken);
        }
        return exception;
    }

    /// <summary>The exception for an error JSON, which it frees.</summary>
    internal static unsafe Exception Take(int status, byte* json)
    {
        try
        {
            return Read(status, json is null ? [] : Native.Terminated(json));
        }
        finally
        {
            Native.Free(json);
        }
    }

    /// <summary>The exception for what this side finds out by itself.</summary>
    internal static DaytonaException Own(DaytonaStatus status, string message, Exception? innerException = null)
    {
        var error = new DaytonaError { Status = (int)status, Name = Errors.Name((int)status), Message = message };
        return innerException is null ? Errors.Create(error) : new DaytonaProtocolException(error, innerException);
    }

    /// <summary>For a failure with another exception as its cause.</summary>
    /// <param name="error">What went wrong.</param>
    /// <param name="innerException">The cause.</param>
    private protected DaytonaException(DaytonaError error, Exception innerException)
        : base(error.Message, innerException) => Error = error;

    private static DaytonaException Read(int status, ReadOnlySpan<byte> json)
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
        return Errors.Create(error ?? new DaytonaError
        {
            Status = status,
            Name = Errors.Name(status),
            Message = status == Native.Closed
                ? "This was closed before it ended, or its client was."
                : $"The library answered {Errors.Name(status)}.",
        });
    }
}

public partial class DaytonaProtocolException
{
    internal DaytonaProtocolException(DaytonaError error, Exception innerException)
        : base(error, innerException)
    {
    }
}
