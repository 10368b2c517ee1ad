namespace Daytona;

/// <summary>A file of a sandbox that is being read, from its beginning to its end, in constant memory.</summary>
public sealed class FileReadStream : Stream
{
    private readonly Stream _bytes;
    private long _position;

    internal FileReadStream(StreamReceiver receiver)
    {
        Output = new(receiver, static answer => answer.Json(ReaderOpened.Read), static answer => answer.Json(FileStreamEnded.Read));
        _bytes = Output.AsStream();
    }

    internal OutputStream<ReaderOpened, FileStreamEnded> Output { get; }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <summary>The file's length, where the server says it.</summary>
    /// <exception cref="NotSupportedException">The server does not say it.</exception>
    public override long Length => Output.Opened.Length ?? throw new NotSupportedException("The server does not say how long the file is.");

    /// <summary>How many bytes were read.</summary>
    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException("The file is read from its beginning to its end.");
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await _bytes.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        _position += count;
        return count;
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("The file is read from its beginning to its end.");

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException("The file is being read.");

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("The file is being read.");

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _bytes.Dispose();
        }
        base.Dispose(disposing);
    }
}

/// <summary>A file of a sandbox that is being written, in constant memory. Disposing it completes the file, unless a
/// write has failed or was cancelled, or <see cref="Abort"/> was called: then nothing appears, and a file that was there
/// stays as it was.</summary>
public sealed class FileWriteStream : Stream
{
    private long _position;
    private bool _isOver;

    internal FileWriteStream(StreamReceiver receiver) => Output = new(receiver, static answer => answer.Json(FileStreamEnded.Read));

    internal OutputStream<FileStreamEnded> Output { get; }

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => _position;

    /// <summary>How many bytes were written.</summary>
    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException("The file is written from its beginning to its end.");
    }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isOver, this);
        try
        {
            await Output.Receiver.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
            _position += buffer.Length;
        }
        catch
        {
            Abort();
            throw;
        }
    }

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) =>
        WriteAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    /// <summary>Completes the file and waits until the server has it. Nothing can be written afterwards.</summary>
    /// <param name="cancellationToken">Gives the upload up.</param>
    /// <returns>How many bytes it has.</returns>
    public async Task<FileStreamEnded> CompleteAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isOver, this);
        _isOver = true;
        try
        {
            Output.Receiver.Finish();
            return await Output.Completion.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Output.Dispose();
        }
    }

    /// <summary>Gives the upload up: nothing appears, and a file that was there stays as it was.</summary>
    public void Abort()
    {
        _isOver = true;
        Output.Dispose();
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("The file is being written.");

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("The file is written from its beginning to its end.");

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException("The file is written from its beginning to its end.");

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (!_isOver)
        {
            await CompleteAsync().ConfigureAwait(false);
        }
        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isOver)
        {
            CompleteAsync().GetAwaiter().GetResult();
        }
        base.Dispose(disposing);
    }
}
