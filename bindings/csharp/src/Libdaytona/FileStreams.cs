namespace Daytona;

/// <summary>A file of a sandbox that is being read, from its beginning to its end, in constant memory.</summary>
public sealed class FileReadStream : SequentialStream
{
    internal FileReadStream(StreamReceiver receiver)
        : base(receiver) =>
        Output = new(receiver, static answer => answer.Json(ReaderOpened.Read), static answer => answer.Json(FileStreamEnded.Read));

    internal OutputStream<ReaderOpened, FileStreamEnded> Output { get; }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <summary>The file's length, where the server says it.</summary>
    /// <exception cref="NotSupportedException">The server does not say it.</exception>
    public override long Length => Output.Opened.Length ?? throw new NotSupportedException("The server does not say how long the file is.");

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Output.Dispose();
        }
        base.Dispose(disposing);
    }
}

/// <summary>A file of a sandbox that is being written, in constant memory. Disposing it completes the file, unless a
/// write has failed or was cancelled, or <see cref="Abort"/> was called: then nothing appears, and a file that was there
/// stays as it was.</summary>
public sealed class FileWriteStream : SequentialStream
{
    private bool _isOver;

    internal FileWriteStream(StreamReceiver receiver)
        : base(receiver) => Output = new(receiver, static answer => answer.Json(FileStreamEnded.Read));

    internal OutputStream<FileStreamEnded> Output { get; }

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <summary>How many bytes were written.</summary>
    public override long Length => Position;

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isOver, this);
        try
        {
            await base.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
            Moved += buffer.Length;
        }
        catch
        {
            Abort();
            throw;
        }
    }

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
