using System.Runtime.CompilerServices;
using System.Text;

namespace Daytona.Tests;

/// <summary>Streams of the echo target: order, ends, backpressure, writing. Needs no server.</summary>
public sealed class StreamTests : IAsyncLifetime
{
    private readonly Echo _echo = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _echo.DisposeAsync();

    [Fact]
    public async Task Every_chunk_arrives_and_then_the_end()
    {
        await using var stream = await _echo.StreamAsync(chunks: 1000, size: 100, channel: 2);
        long bytes = 0;
        await foreach (var chunk in stream)
        {
            Assert.Equal(OutputChannel.Stderr, chunk.Channel);
            Assert.True(chunk.IsError);
            bytes += chunk.Data.Length;
        }
        Assert.Equal(100_000, bytes);
        Assert.Equal(100_000, (await stream.Completion)["bytes"].GetInt64());
    }

    [Fact]
    public async Task What_opening_is_refused_with_comes_with_its_task()
    {
        var refused = _echo.StreamAsync(chunks: -1);
        await Assert.ThrowsAsync<DaytonaInvalidArgumentException>(() => refused);
    }

    [Fact]
    public async Task A_stream_goes_on_while_its_completion_alone_is_held()
    {
        var (completion, writer) = await OpenAsync(_echo);
        for (var i = 0; i < 10; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        writer.Finish();
        Assert.Equal(0, (await completion)["bytes"].GetInt64());

        [MethodImpl(MethodImplOptions.NoInlining)]
        static async Task<(Task<Anything>, StreamReceiver)> OpenAsync(Echo echo)
        {
            var stream = await echo.StreamAsync(chunks: 0, echo: true);
            return (stream.Completion, stream.Receiver);
        }
    }

    [Fact]
    public async Task A_stream_that_was_disposed_gives_nothing_that_it_had_begun_to_give()
    {
        var stream = await _echo.StreamAsync(chunks: 1, size: 100);
        var output = stream.AsStream();
        await output.ReadExactlyAsync(new byte[10]);
        await output.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await output.ReadExactlyAsync(new byte[10]));
    }

    [Fact]
    public async Task A_reader_that_does_not_read_holds_the_sender_back()
    {
        await using var stream = await _echo.StreamAsync(chunks: 2000, size: 65_536);
        while (stream.Receiver.BufferedBytes == 0)
        {
            await Task.Delay(1);
        }
        await _echo.DelayAsync(200);
        Assert.InRange(stream.Receiver.BufferedBytes, 1, 2 << 20);
        Assert.False(stream.Completion.IsCompleted);
        long bytes = 0;
        var buffer = new byte[64 * 1024];
        await using var output = stream.AsStream();
        for (int count; (count = await output.ReadAsync(buffer)) > 0;)
        {
            bytes += count;
        }
        Assert.Equal(2000L * 65_536, bytes);
    }

    [Fact]
    public async Task What_is_written_comes_back()
    {
        await using var stream = await _echo.StreamAsync(chunks: 0, echo: true);
        var sent = new byte[5_000_000];
        new Random(3).NextBytes(sent);
        var writing = Task.Run(async () =>
        {
            await stream.Receiver.WriteAsync(sent, CancellationToken.None);
            stream.Receiver.Finish();
        });
        using var received = new MemoryStream();
        await stream.AsStream().CopyToAsync(received);
        await writing;
        Assert.True(sent.AsSpan().SequenceEqual(received.ToArray()));
    }

    [Fact]
    public async Task Text_of_chunks_keeps_characters_that_their_ends_cut()
    {
        const string text = "aé€🦀z";
        await using var stream = await _echo.StreamAsync(chunks: 0, echo: true);
        var reading = stream.ReadToEndAsync();
        foreach (var one in Encoding.UTF8.GetBytes(text))
        {
            await stream.Receiver.WriteAsync(new[] { one }, CancellationToken.None);
            await _echo.DelayAsync(1);
        }
        stream.Receiver.Finish();
        Assert.Equal(text, await reading);
    }

    [Fact]
    public async Task A_character_that_the_end_has_cut_is_a_replacement_character()
    {
        await using var stream = await _echo.StreamAsync(chunks: 0, echo: true);
        await stream.Receiver.WriteAsync("a€"u8[..3].ToArray(), CancellationToken.None);
        stream.Receiver.Finish();
        Assert.Equal("a\ufffd", await stream.ReadToEndAsync());
    }

    [Fact]
    public async Task The_bytes_of_a_stream_are_one_stream_that_goes_forward_only()
    {
        await using var stream = await _echo.StreamAsync(chunks: 1, size: 100);
        await stream.AsStream().ReadExactlyAsync(new byte[10]);
        var output = stream.AsStream();
        await output.ReadExactlyAsync(new byte[90]);
        Assert.Equal((true, false, false, 100L), (output.CanRead, output.CanWrite, output.CanSeek, output.Position));
        Assert.Throws<NotSupportedException>(() => output.Write([1]));
        Assert.Throws<NotSupportedException>(() => output.Position = 0);
        Assert.Throws<NotSupportedException>(() => output.Length);
    }

    [Fact]
    public async Task A_cancelled_reading_leaves_the_stream_as_it_was()
    {
        await using var stream = await _echo.StreamAsync(chunks: 0, echo: true);
        using var source = new CancellationTokenSource();
        var reading = stream.AsStream().ReadAsync(new byte[10], source.Token).AsTask();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        await stream.Receiver.WriteAsync("later"u8.ToArray(), CancellationToken.None);
        stream.Receiver.Finish();
        Assert.Equal("later", await stream.ReadToEndAsync());
    }

    [Fact]
    public async Task Closing_in_the_middle_ends_reader_and_completion()
    {
        var stream = await _echo.StreamAsync(chunks: 0, echo: true);
        var reading = stream.ReadToEndAsync();
        await stream.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => reading);
        var closed = await Assert.ThrowsAsync<DaytonaClosedException>(() => stream.Completion);
        Assert.Contains("closed before it ended", closed.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await stream.Receiver.WriteAsync(new byte[1], CancellationToken.None));
    }

    [Fact]
    public async Task Disposing_the_client_ends_streams_that_nobody_reads()
    {
        var echo = new Echo();
        var full = await echo.StreamAsync(chunks: 1000, size: 65_536);
        var idle = await echo.StreamAsync(chunks: 0, echo: true);
        await echo.DisposeAsync();
        Assert.Equal("echo.stream", (await Assert.ThrowsAsync<DaytonaClosedException>(() => idle.Completion)).Operation);
        await Assert.ThrowsAsync<DaytonaClosedException>(() => full.Completion);
    }

    [Fact]
    public async Task Streams_that_are_opened_and_dropped_leave_nothing()
    {
        for (var round = 0; round < 200; round++)
        {
            var stream = await _echo.StreamAsync(chunks: 100, size: 1000);
            if (round % 2 == 0)
            {
                await foreach (var _ in stream)
                {
                    break;
                }
            }
            await stream.DisposeAsync();
        }
        Assert.Empty(Receiver.Of(_echo.Client));
    }

    [Fact]
    public async Task Sixty_four_streams_at_once_stay_apart()
    {
        await Task.WhenAll(Enumerable.Range(1, 64).Select(async number =>
        {
            await using var stream = await _echo.StreamAsync(chunks: 50, size: number);
            long bytes = 0;
            await foreach (var chunk in stream)
            {
                bytes += chunk.Data.Length;
            }
            Assert.Equal(50L * number, bytes);
        }));
    }

    [Fact]
    public async Task Opening_can_be_cancelled()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _echo.StreamAsync(1, cancellationToken: new CancellationToken(true)));
        // Takes connections and never answers.
        using var silent = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        silent.Start();
        await using var client = new DaytonaClient(new DaytonaOptions { ApiKey = "key", ApiUrl = $"http://{silent.LocalEndpoint}/api", Retries = 0 });
        using var source = new CancellationTokenSource();
        var opening = client.CreateStreamAsync(cancellationToken: source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
    }
}
