using System.Text.Json;

namespace Daytona.Tests;

/// <summary>The library's echo target: it answers what it is given, without a server.</summary>
internal sealed class Echo : IAsyncDisposable
{
    internal Echo() => Target = new Target(Client);

    internal Target Target { get; }

    internal ClientHandle Client { get; } = new(null, isEcho: true);

    /// <summary>Gives parameters back.</summary>
    internal Task<Anything> ValueAsync(Func<Parameters, Parameters> write, CancellationToken cancellationToken = default) =>
        Target.CallAsync("echo.value"u8, write(Parameters.Rent()), static answer => answer.Json(Anything.Read), cancellationToken);

    internal Anything Value(Func<Parameters, Parameters> write) =>
        Target.Call("echo.value"u8, write(Parameters.Rent()), static answer => answer.Json(Anything.Read));

    internal Task<byte[]> BytesAsync(ReadOnlyMemory<byte> bytes) =>
        Target.CallAsync("echo.bytes"u8, Parameters.Rent(), Answer.Bytes, CancellationToken.None, body: bytes);

    internal Task DelayAsync(long milliseconds, CancellationToken cancellationToken = default, TimeSpan? limit = null) =>
        Target.CallAsync("echo.delay"u8, Parameters.Rent().Add("ms"u8, milliseconds).With(new CallOptions { CallTimeout = limit }), Answer.Nothing, cancellationToken);

    internal Task ErrorAsync(int status, string? code = null, string? message = null) =>
        Target.CallAsync("echo.error"u8, Parameters.Rent().Add("status"u8, status).Add("code"u8, code).Add("message"u8, message), Answer.Nothing, CancellationToken.None);

    internal Task<OutputStream<Anything>> StreamAsync(int chunks, int size = 16, int channel = 1, bool echo = false, CancellationToken cancellationToken = default) =>
        Target.OpenAsync("echo.stream"u8, Parameters.Rent().Add("chunks"u8, chunks).Add("size"u8, size)
            .Add("channel"u8, channel).Add("echo"u8, echo),
            static receiver => new OutputStream<Anything>(receiver, static answer => answer.Json(Anything.Read)), cancellationToken);

    public ValueTask DisposeAsync() => Client.DisposeAsync();
}

/// <summary>Any object.</summary>
internal sealed class Anything
{
    private readonly IReadOnlyDictionary<string, JsonElement> _values;

    private Anything(ref ResultReader json) => _values = json.Map(ResultReader.Element);

    internal static Anything Read(ref ResultReader json) => new(ref json);

    internal JsonElement this[string name] => _values[name];
}
