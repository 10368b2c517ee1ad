namespace Daytona;

/// <summary>Bytes of a sandbox as a <see cref="Stream"/> that is read or written from its beginning to its end.</summary>
public abstract class SequentialStream : Stream
{
    private readonly StreamReceiver _receiver;
    private readonly IDisposable _owner;
    private ReadOnlyMemory<byte> _chunk;

    /// <summary>The bytes of a receiver; disposing this disposes the owner, which closes it.</summary>
    private protected SequentialStream(StreamReceiver receiver, IDisposable owner, bool canRead, bool canWrite) =>
        (_receiver, _owner, CanRead, CanWrite) = (receiver, owner, canRead, canWrite);

    /// <inheritdoc/>
    public override bool CanRead { get; }

    /// <inheritdoc/>
    public override bool CanWrite { get; }

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException("How long it is is known at its end.");

    /// <summary>How many bytes were read, or written to what is only written.</summary>
    public override long Position
    {
        get => Moved;
        set => throw OnlyForward();
    }

    private protected long Moved { get; set; }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!CanRead)
        {
            throw new NotSupportedException("It is being written.");
        }
        _receiver.ThrowIfClosed();
        while (_chunk.IsEmpty && !buffer.IsEmpty)
        {
            if (await _receiver.ReadAsync(cancellationToken).ConfigureAwait(false) is not { } chunk)
            {
                return 0;
            }
            _chunk = chunk.Data;
        }
        var count = Math.Min(buffer.Length, _chunk.Length);
        _chunk[..count].CopyTo(buffer);
        _chunk = _chunk[count..];
        Moved += count;
        return count;
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => CanWrite
        ? _receiver.WriteAsync(buffer, cancellationToken)
        : throw new NotSupportedException("It takes no input.");

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) =>
        WriteAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw OnlyForward();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw OnlyForward();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _owner.Dispose(); // Without a finalizer it is always disposing.

    private static NotSupportedException OnlyForward() => new("It is read or written from its beginning to its end.");
}
