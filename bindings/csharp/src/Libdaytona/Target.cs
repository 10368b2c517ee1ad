using System.Text.Json;

namespace Daytona;

/// <summary>What operations act on: a client or a sandbox. Every generated method is one call of this.</summary>
internal abstract class Target
{
    internal abstract ClientHandle Owner { get; }

    /// <summary>The handle in the library.</summary>
    internal abstract ulong Handle { get; }

    private NativeClient Client => Owner.Client;

    /// <summary>An operation with a JSON result.</summary>
    internal Task<T> CallAsync<T>(ReadOnlySpan<byte> operation, Parameters parameters, Reading<T> read,
        CancellationToken cancellationToken, IProgress<Transfer>? progress = null, ReadOnlyMemory<byte> body = default) =>
        ReadAsync(Submit(operation, parameters, body.Span, progress, cancellationToken), read);

    /// <summary>An operation with a JSON result, or none.</summary>
    internal Task<T?> CallOrNullAsync<T>(ReadOnlySpan<byte> operation, Parameters parameters, Reading<T> read,
        CancellationToken cancellationToken, IProgress<Transfer>? progress = null, ReadOnlyMemory<byte> body = default) where T : class =>
        OrNullAsync(CallAsync(operation, parameters, read, cancellationToken, progress, body));

    /// <summary>An operation without a result.</summary>
    internal Task CallAsync(ReadOnlySpan<byte> operation, Parameters parameters, CancellationToken cancellationToken) =>
        CompleteAsync(Submit(operation, parameters, default, null, cancellationToken));

    /// <summary>An operation whose result is raw bytes.</summary>
    internal Task<byte[]> CallBytesAsync(ReadOnlySpan<byte> operation, Parameters parameters,
        CancellationToken cancellationToken, ReadOnlyMemory<byte> body = default) =>
        ReadBytesAsync(Submit(operation, parameters, body.Span, null, cancellationToken));

    /// <summary>An operation that gives a sandbox.</summary>
    internal Task<Sandbox> CallSandboxAsync(ReadOnlySpan<byte> operation, Parameters parameters,
        CancellationToken cancellationToken, IProgress<Transfer>? progress = null) =>
        ReadSandboxAsync(Submit(operation, parameters, default, progress, cancellationToken), Owner);

    /// <summary>An operation whose result is a text.</summary>
    internal Task<string> CallTextAsync(ReadOnlySpan<byte> operation, Parameters parameters, CancellationToken cancellationToken) =>
        ReadTextAsync(CallBytesAsync(operation, parameters, cancellationToken));

    internal T Call<T>(ReadOnlySpan<byte> operation, Parameters parameters, Reading<T> read, ReadOnlySpan<byte> body = default)
    {
        using var answer = Answer.Of(this, operation, parameters, body);
        return Parse(answer.Data, read);
    }

    internal void Call(ReadOnlySpan<byte> operation, Parameters parameters)
    {
        using var answer = Answer.Of(this, operation, parameters, default);
    }

    internal byte[] CallBytes(ReadOnlySpan<byte> operation, Parameters parameters, ReadOnlySpan<byte> body = default)
    {
        using var answer = Answer.Of(this, operation, parameters, body);
        return answer.Data.ToArray();
    }

    internal string CallText(ReadOnlySpan<byte> operation, Parameters parameters)
    {
        using var answer = Answer.Of(this, operation, parameters, default);
        return System.Text.Encoding.UTF8.GetString(answer.Data);
    }

    internal Sandbox CallSandbox(ReadOnlySpan<byte> operation, Parameters parameters)
    {
        using var answer = Answer.Of(this, operation, parameters, default);
        return new Sandbox(Owner, answer.Result, Parse(answer.Data, SandboxInfo.Read));
    }

    /// <summary>A stream of which nothing more is known at its opening.</summary>
    internal Task<OutputStream<TEnded>> OpenAsync<TEnded>(ReadOnlySpan<byte> operation, Parameters parameters,
        Reading<TEnded> ended, CancellationToken cancellationToken) =>
        OpenAsync(operation, parameters, receiver => new OutputStream<TEnded>(receiver, End(ended)), cancellationToken);

    /// <summary>A stream of which something is known from its opening on.</summary>
    internal Task<OutputStream<TOpened, TEnded>> OpenAsync<TOpened, TEnded>(ReadOnlySpan<byte> operation, Parameters parameters,
        Reading<TOpened> opened, Reading<TEnded> ended, CancellationToken cancellationToken) =>
        OpenAsync(operation, parameters,
            receiver => new OutputStream<TOpened, TEnded>(receiver, Parse(receiver.OpenedJson, opened), End(ended)), cancellationToken);

    /// <summary>A stream that ends with a sandbox.</summary>
    internal Task<OutputStream<TOpened, Sandbox>> OpenSandboxAsync<TOpened>(ReadOnlySpan<byte> operation, Parameters parameters,
        Reading<TOpened> opened, CancellationToken cancellationToken)
    {
        var owner = Owner;
        Sandbox Ended(StreamReceiver receiver) =>
            new(owner, receiver.Result, Parse(receiver.EndedJson, SandboxInfo.Read));
        return OpenAsync(operation, parameters,
            receiver => new OutputStream<TOpened, Sandbox>(receiver, Parse(receiver.OpenedJson, opened), Ended), cancellationToken);
    }

    /// <summary>A terminal.</summary>
    internal Task<PtySession> OpenPtyAsync(ReadOnlySpan<byte> operation, Parameters parameters, PtyOperations operations,
        CancellationToken cancellationToken) =>
        OpenAsync(operation, parameters, receiver => new PtySession(receiver,
            Parse(receiver.OpenedJson, PtyOpened.Read), End(PtyEnded.Read), operations), cancellationToken);

    /// <summary>A file to read.</summary>
    internal Task<FileReadStream> OpenReadAsync(ReadOnlySpan<byte> operation, Parameters parameters, CancellationToken cancellationToken) =>
        OpenAsync(operation, parameters, static receiver => new FileReadStream(receiver,
            Parse(receiver.OpenedJson, ReaderOpened.Read), End(FileStreamEnded.Read)), cancellationToken);

    /// <summary>A file to write.</summary>
    internal Task<FileWriteStream> OpenWriteAsync(ReadOnlySpan<byte> operation, Parameters parameters, CancellationToken cancellationToken) =>
        OpenAsync(operation, parameters,
            static receiver => new FileWriteStream(receiver, End(FileStreamEnded.Read)), cancellationToken);

    private static Func<StreamReceiver, TEnded> End<TEnded>(Reading<TEnded> read) => receiver => Parse(receiver.EndedJson, read);

    /// <summary>Opens a stream, and waits until it is open.</summary>
    internal Task<TStream> OpenAsync<TStream>(ReadOnlySpan<byte> operation, Parameters parameters,
        Func<StreamReceiver, TStream> make, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled<TStream>(cancellationToken);
        }
        var receiver = new StreamReceiver(Client);
        receiver.Open(Owner, Handle, operation, parameters);
        return OpenedAsync(receiver, make, cancellationToken);
    }

    /// <summary>The value of a JSON text; null is what the text has for it.</summary>
    internal static T Parse<T>(ReadOnlySpan<byte> json, Reading<T> read)
    {
        try
        {
            return ResultReader.Parse(json, read);
        }
        catch (JsonException exception)
        {
            if (LoneSurrogates.Replaced(json) is { } replaced)
            {
                return Parse(replaced, read);
            }
            throw DaytonaException.Own(DaytonaStatus.Protocol, exception.Message, exception);
        }
    }

    private PendingCall Submit(ReadOnlySpan<byte> operation, Parameters parameters, ReadOnlySpan<byte> body,
        IProgress<Transfer>? progress, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var handle = Handle;
        var call = Client.Rent(Owner);
        call.Submit(handle, operation, parameters, body, progress is null ? null : new TransferProgress(progress, call), cancellationToken);
        return call;
    }

    private static async Task<T> ReadAsync<T>(PendingCall call, Reading<T> read)
    {
        await call.Completion.ConfigureAwait(false);
        try
        {
            ThrowIfFailed(call);
            return Parse(call.Data, read);
        }
        finally
        {
            call.Recycle();
        }
    }

    private static async Task<T?> OrNullAsync<T>(Task<T> result) where T : class => await result.ConfigureAwait(false);

    private static async Task CompleteAsync(PendingCall call)
    {
        await call.Completion.ConfigureAwait(false);
        try
        {
            ThrowIfFailed(call);
        }
        finally
        {
            call.Recycle();
        }
    }

    private static async Task<byte[]> ReadBytesAsync(PendingCall call)
    {
        await call.Completion.ConfigureAwait(false);
        try
        {
            ThrowIfFailed(call);
            return call.Data.ToArray();
        }
        finally
        {
            call.Recycle();
        }
    }

    private static async Task<string> ReadTextAsync(Task<byte[]> bytes) =>
        System.Text.Encoding.UTF8.GetString(await bytes.ConfigureAwait(false));

    private static async Task<Sandbox> ReadSandboxAsync(PendingCall call, ClientHandle owner)
    {
        await call.Completion.ConfigureAwait(false);
        try
        {
            ThrowIfFailed(call);
            return new Sandbox(owner, call.Result, Parse(call.Data, SandboxInfo.Read));
        }
        finally
        {
            call.Recycle();
        }
    }

    private static void ThrowIfFailed(PendingCall call)
    {
        call.Progress?.Finish();
        if (call.Status != Native.Ok)
        {
            throw call.Failure;
        }
    }

    private static async Task<TStream> OpenedAsync<TStream>(StreamReceiver receiver, Func<StreamReceiver, TStream> make,
        CancellationToken cancellationToken)
    {
        try
        {
            await receiver.Opening.WaitAsync(cancellationToken).ConfigureAwait(false);
            return receiver.OpenedJson.Length == 0 && receiver.Status != Native.Ok ? throw receiver.Failure() : make(receiver);
        }
        catch
        {
            receiver.Close();
            throw;
        }
    }

    /// <summary>The result of a blocking call, in the library's memory.</summary>
    private readonly unsafe ref struct Answer
    {
        private readonly byte* _data;
        private readonly int _length;

        private Answer(byte* data, nuint length, ulong result)
        {
            _data = data;
            _length = checked((int)length);
            Result = result;
        }

        internal ulong Result { get; }

        internal ReadOnlySpan<byte> Data => new(_data, _length);

        internal static Answer Of(Target target, ReadOnlySpan<byte> operation, Parameters parameters, ReadOnlySpan<byte> body)
        {
            ulong result = 0;
            byte* output = null;
            nuint length = 0;
            int status;
            fixed (byte* name = operation, text = parameters.Finish(), bytes = body)
            {
                status = Native.Call(target.Handle, name, text, bytes, (nuint)body.Length, &result, &output, &length);
            }
            parameters.Return();
            GC.KeepAlive(target.Owner);
            return status == Native.Ok ? new Answer(output, length, result)
                : throw target.Client.Explain(DaytonaException.Take(status, output));
        }

        public void Dispose() => Native.Free(_data);
    }
}

/// <summary>A client, as operations act on it.</summary>
internal sealed class ClientTarget(ClientHandle owner) : Target
{
    internal override ClientHandle Owner => owner;

    internal override ulong Handle => owner.Client.Client;
}
