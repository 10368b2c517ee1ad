using System.Text.Json;

namespace Daytona.Tests;

/// <summary>The library's echo target: it answers what it is given, without a server.</summary>
internal sealed class Echo : IAsyncDisposable
{
    private readonly ClientHandle _handle = new(new NativeClient(null, isEcho: true));

    internal Echo() => Target = new ClientTarget(_handle);

    internal Target Target { get; }

    internal NativeClient Client => _handle.Client;

    /// <summary>Gives parameters back.</summary>
    internal Task<Anything> ValueAsync(Func<Parameters, Parameters> write, CancellationToken cancellationToken = default) =>
        Target.CallAsync("echo.value"u8, write(Parameters.Rent()), Anything.Read, cancellationToken);

    internal Anything Value(Func<Parameters, Parameters> write) =>
        Target.Call("echo.value"u8, write(Parameters.Rent()), Anything.Read);

    internal Task<byte[]> BytesAsync(ReadOnlyMemory<byte> bytes) =>
        Target.CallBytesAsync("echo.bytes"u8, Parameters.Rent(), CancellationToken.None, bytes);

    internal Task DelayAsync(long milliseconds, CancellationToken cancellationToken = default, TimeSpan? limit = null) =>
        Target.CallAsync("echo.delay"u8, Parameters.Rent().Integer("ms"u8, milliseconds).With(new CallOptions { CallTimeout = limit }), cancellationToken);

    internal Task ErrorAsync(int status, string? code = null, string? message = null) =>
        Target.CallAsync("echo.error"u8, Parameters.Rent().Integer("status"u8, status).Text("code"u8, code).Text("message"u8, message), CancellationToken.None);

    internal Task<OutputStream<Anything>> StreamAsync(int chunks, int size = 16, int channel = 1, bool echo = false, CancellationToken cancellationToken = default) =>
        Target.OpenAsync("echo.stream"u8, Parameters.Rent().Integer("chunks"u8, chunks).Integer("size"u8, size)
            .Integer("channel"u8, channel).Boolean("echo"u8, echo), Anything.Read, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await Client.DrainAsync();
        _handle.Dispose();
    }
}

/// <summary>Any object.</summary>
internal sealed class Anything
{
    private readonly IReadOnlyDictionary<string, JsonElement> _values;

    private Anything(ref ResultReader json) => _values = json.Map(ResultReader.Element);

    internal static Anything Read(ref ResultReader json) => new(ref json);

    internal JsonElement this[string name] => _values[name];
}
