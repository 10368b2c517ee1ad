namespace Daytona;

/// <summary>A file of a sandbox that is being read, from its beginning to its end, in constant memory.</summary>
public sealed class FileReadStream : SequentialStream
{
    internal FileReadStream(OutputStream<ReaderOpened, FileStreamEnded> output)
        : base(output.Receiver, output, canRead: true, canWrite: false) => Output = output;

    internal OutputStream<ReaderOpened, FileStreamEnded> Output { get; }

    /// <summary>The file's length, where the server says it.</summary>
    /// <exception cref="NotSupportedException">The server does not say it.</exception>
    public override long Length => Output.Opened.Length ?? throw new NotSupportedException("The server does not say how long the file is.");
}

/// <summary>A file of a sandbox that is being written, in constant memory. Disposing it completes the file, unless a
/// write has failed or was cancelled, or <see cref="Abort"/> was called: then nothing appears, and a file that was there
/// stays as it was.</summary>
public sealed class FileWriteStream : SequentialStream
{
    private bool _isOver;

    internal FileWriteStream(OutputStream<FileStreamEnded> output)
        : base(output.Receiver, output, canRead: false, canWrite: true) => Output = output;

    internal OutputStream<FileStreamEnded> Output { get; }

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
        Abort();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => DisposeAsync().AsTask().GetAwaiter().GetResult();
}
