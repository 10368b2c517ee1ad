using System.Text;

namespace Daytona;

/// <summary>A terminal: its output is enumerated or read as a <see cref="Stream"/>, what is written is as if typed.</summary>
public partial class PtySession : OutputStream<PtyOpened, PtyEnded>
{
    private readonly PtyOperations _operations;

    internal PtySession(StreamReceiver receiver, Answering<PtyOpened> opened, Answering<PtyEnded> ended, PtyOperations operations)
        : base(receiver, opened, ended) => _operations = operations;

    /// <summary>Types bytes.</summary>
    /// <param name="data">The bytes.</param>
    /// <param name="cancellationToken">Ends the wait for room; a part may have been typed.</param>
    /// <returns>A task that completes when the library has taken them.</returns>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default) =>
        Receiver.WriteAsync(data, cancellationToken);

    /// <summary>Types a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cancellationToken">Ends the wait for room; a part may have been typed.</param>
    /// <returns>A task that completes when the library has taken it.</returns>
    public ValueTask WriteAsync(string text, CancellationToken cancellationToken = default) =>
        WriteAsync(Encoding.UTF8.GetBytes(Parameters.Given(text)), cancellationToken);

    /// <summary>Types a line, with the Enter at its end.</summary>
    /// <param name="line">The line.</param>
    /// <param name="cancellationToken">Ends the wait for room; a part may have been typed.</param>
    /// <returns>A task that completes when the library has taken it.</returns>
    public ValueTask WriteLineAsync(string line, CancellationToken cancellationToken = default) =>
        WriteAsync(Parameters.Given(line) + "\n", cancellationToken);

    /// <summary>Changes the terminal's size.</summary>
    /// <param name="cols">Columns, 1 to 1000.</param>
    /// <param name="rows">Rows, 1 to 1000.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The terminal, as the server describes it.</returns>
    public Task<PtyInfo> ResizeAsync(int cols, int rows, CancellationToken cancellationToken = default) =>
        _operations.ResizeAsync(Id, cols, rows, null, cancellationToken);

    /// <summary>Ends the terminal and what runs in it.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that completes when the server has answered.</returns>
    public Task KillAsync(CancellationToken cancellationToken = default) => _operations.KillAsync(Id, null, cancellationToken);

    private protected override bool IsWritable => true;
}
