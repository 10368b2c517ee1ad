using System.Text;
using System.Text.Json;

namespace Daytona;

/// <summary>What operations act on: a client, or a sandbox of it. Every generated method is one call of this.</summary>
internal class Target(ClientHandle owner)
{
    internal ClientHandle Owner => owner;

    /// <summary>The handle in the library.</summary>
    internal virtual ulong Handle => owner.Value;

    /// <summary>Submits an operation.</summary>
    internal Task<T> CallAsync<T>(ReadOnlySpan<byte> operation, Parameters parameters, Answering<T> read,
        CancellationToken cancellationToken, IProgress<Transfer>? progress = null, ReadOnlyMemory<byte> body = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled<T>(cancellationToken);
        }
        var call = new PendingCall<T>(owner, read, progress, cancellationToken);
        var task = call.Submit(Handle, operation, parameters, body.Span);
        GC.KeepAlive(this);
        return task;
    }

    /// <summary>Calls an operation and waits for it on this thread.</summary>
    internal unsafe T Call<T>(ReadOnlySpan<byte> operation, Parameters parameters, Answering<T> read, ReadOnlySpan<byte> body = default)
    {
        var status = Native.Call(Handle, operation, parameters.Finish(), body, (nuint)body.Length,
            out var result, out var output, out var length);
        parameters.Return();
        GC.KeepAlive(this);
        DaytonaException.Check(status, output, owner);
        try
        {
            return read(new Answer(new ReadOnlySpan<byte>((void*)output, Answer.Length(length)), result, owner));
        }
        finally
        {
            Native.Free(output);
        }
    }

    /// <summary>Opens a stream, and waits until it is open.</summary>
    internal Task<TStream> OpenAsync<TStream>(ReadOnlySpan<byte> operation, Parameters parameters,
        Func<StreamReceiver, TStream> make, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled<TStream>(cancellationToken);
        }
        var receiver = new StreamReceiver(owner);
        var refusal = receiver.Open(Handle, operation, parameters);
        GC.KeepAlive(this);
        return refusal is null ? receiver.OpenedAsync(make, cancellationToken) : Task.FromException<TStream>(refusal);
    }
}

/// <summary>Makes what a caller gets of an answer.</summary>
internal delegate T Answering<out T>(Answer answer);

/// <summary>What the library answered: JSON or bytes, and the handle that came with it, or 0.</summary>
internal readonly ref struct Answer(ReadOnlySpan<byte> data, ulong handle, ClientHandle owner)
{
    private readonly ReadOnlySpan<byte> _data = data;

    internal ulong Handle => handle;

    /// <summary>The length, as spans and arrays have it.</summary>
    internal static int Length(ulong bytes) => bytes <= (ulong)Array.MaxLength ? (int)bytes
        : throw DaytonaException.Own(DaytonaStatus.Unsupported, $"An answer of {bytes} bytes fits into no array; OpenReadAsync and DownloadAsync of Files need none.");

    internal static bool Nothing(Answer answer) => true;

    internal static byte[] Bytes(Answer answer) => answer._data.ToArray();

    internal static string Text(Answer answer) => Encoding.UTF8.GetString(answer._data);

    internal static Sandbox Sandbox(Answer answer) => new(answer.Owner, answer.Handle, answer.Json(SandboxInfo.Read));

    private ClientHandle Owner => owner;

    /// <summary>The value of the JSON; null is what the JSON has for it.</summary>
    internal T Json<T>(Reading<T> read)
    {
        try
        {
            return ResultReader.Parse(_data, read);
        }
        catch (JsonException exception)
        {
            return LoneSurrogates.Replaced(_data) is { } replaced ? new Answer(replaced, handle, owner).Json(read)
                : throw DaytonaException.Own(DaytonaStatus.Protocol, exception.Message);
        }
    }
}
