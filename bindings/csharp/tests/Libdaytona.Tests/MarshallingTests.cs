using System.Text;
using System.Text.Json;

namespace Daytona.Tests;

/// <summary>What goes in comes out, in any number and from any thread. Needs no server.</summary>
public sealed class MarshallingTests : IAsyncLifetime
{
    private readonly Echo _echo = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _echo.DisposeAsync();

    [Theory]
    [InlineData("")]
    [InlineData("plain")]
    [InlineData("a\0b")]
    [InlineData("Zürich 東京 🦀 \u202e")]
    [InlineData("\"quoted\" \\ / \b\f\n\r\t\u0001\u007f</script>")]
    public async Task A_text_arrives_as_it_was_given(string text)
    {
        var value = await _echo.ValueAsync(parameters => parameters.Add("text"u8, text));
        Assert.Equal(text, value["text"].GetString());
        Assert.Equal(text, _echo.Value(parameters => parameters.Add("text"u8, text))["text"].GetString());
    }

    [Fact]
    public async Task A_long_text_arrives_whole()
    {
        var text = string.Concat(Enumerable.Repeat("äöü€🦀", 200_000));
        var value = await _echo.ValueAsync(parameters => parameters.Add("text"u8, text));
        Assert.Equal(text, value["text"].GetString());
    }

    [Fact]
    public async Task A_deep_value_arrives_whole()
    {
        var text = new string('[', 100) + new string(']', 100);
        using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 100 });
        var value = await _echo.ValueAsync(parameters => parameters.Add("deep"u8, document.RootElement));
        Assert.Equal(text, value["deep"].GetRawText());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(9007199254740993)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public async Task A_number_arrives_exactly(long number)
    {
        var value = await _echo.ValueAsync(parameters => parameters.Add("number"u8, number));
        Assert.Equal(number, value["number"].GetInt64());
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(1e300)]
    [InlineData(-0.000001)]
    public async Task A_fraction_arrives_exactly(double number)
    {
        var value = await _echo.ValueAsync(parameters => parameters.Add("number"u8, number));
        Assert.Equal(number, value["number"].GetDouble());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(3_000_000)]
    public async Task Bytes_arrive_exactly(int length)
    {
        var bytes = new byte[length];
        new Random(7).NextBytes(bytes);
        Assert.Equal(bytes, await _echo.BytesAsync(bytes));
        Assert.Equal(bytes, _echo.Target.Call("echo.bytes"u8, Parameters.Rent(), Answer.Bytes, bytes));
    }

    [Fact]
    public async Task A_hundred_thousand_calls_answer_each_its_own()
    {
        const int inFlight = 64;
        await Soak.CallsAsync(async calls =>
        {
            var next = 0;
            await Task.WhenAll(Enumerable.Range(0, inFlight).Select(async _ =>
            {
                int number;
                while ((number = Interlocked.Increment(ref next)) <= calls)
                {
                    var value = await _echo.ValueAsync(parameters => parameters.Add("number"u8, number));
                    Assert.Equal(number, value["number"].GetInt64());
                }
            }));
        });
        Assert.Empty(Receiver.Of(_echo.Client));
    }

    [Fact]
    public void Sixty_four_threads_call_at_once()
    {
        var failures = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var threads = Enumerable.Range(0, 64).Select(thread => new Thread(() =>
        {
            for (var round = 0; round < 50; round++)
            {
                var sent = $"{thread}/{round}";
                var received = round % 2 == 0
                    ? _echo.Value(parameters => parameters.Add("text"u8, sent))["text"].GetString()
                    : _echo.ValueAsync(parameters => parameters.Add("text"u8, sent)).Result["text"].GetString();
                if (received != sent)
                {
                    failures.Enqueue($"{sent} became {received}");
                }
            }
        })).ToArray();
        foreach (var thread in threads)
        {
            thread.Start();
        }
        foreach (var thread in threads)
        {
            thread.Join();
        }
        Assert.Empty(failures);
    }

    [Fact]
    public async Task Sixty_four_tasks_send_bytes_at_once()
    {
        await Task.WhenAll(Enumerable.Range(0, 64).Select(number => Task.Run(async () =>
        {
            for (var round = 0; round < 20; round++)
            {
                var bytes = Encoding.UTF8.GetBytes(new string((char)('a' + number % 26), 1000 * round));
                Assert.Equal(bytes, await _echo.BytesAsync(bytes));
            }
        })));
    }

    [Fact]
    public void A_lone_surrogate_of_a_server_is_a_replacement_character()
    {
        static ExecuteResult Parse(string json) => new Answer(Encoding.UTF8.GetBytes(json), 0, null!).Json(ExecuteResult.Read);
        static string Read(string text) =>
            Parse($$"""{"exitCode":0,"result":"{{text}}"}""").Result;
        Assert.Equal("x\ufffdy", Read("x\\ud800y"));
        Assert.Equal("\ufffd🦀\ufffd", Read("\\uDC00\\ud83e\\udd80\\ud83e"));
        Assert.Equal("\\ud800\ufffd", Read("\\\\ud800\\ud800"));
        foreach (var none in new[] { "", "{", "{\"result\":\"\\ud800", "{\"result\":\"\\ud8", "\\u", "\\" })
        {
            Assert.Throws<DaytonaProtocolException>(() => Parse(none));
        }
    }

    [Fact]
    public async Task A_continuation_may_block_on_another_call()
    {
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ =>
            _echo.DelayAsync(1).ContinueWith(_ => Block(_echo.DelayAsync(1)), TaskContinuationOptions.ExecuteSynchronously)));
    }

    [Fact]
    public void A_result_keeps_what_it_has_no_field_for()
    {
        var result = ResultReader.Parse("""
            {"new":{"a":[1,null]},"exit\u0043ode":3,"result":null,"\u00e4":null}
            """u8, ExecuteResult.Read);
        Assert.Equal((3, ""), (result.ExitCode, result.Result));
        Assert.Equal("[1,null]", result.AdditionalData!["new"].GetProperty("a").GetRawText());
        Assert.Equal(JsonValueKind.Null, result.AdditionalData["ä"].ValueKind);
        Assert.Null(ResultReader.Parse("null"u8, ExecuteResult.Read));
    }

    [Fact]
    public void A_result_reads_every_kind_of_field()
    {
        var sandbox = ResultReader.Parse("""
            {"id":"i","labels":{"a":"b"},"cpu":2,"state":"newer","class":null,"backupState":null,"createdAt":"2026-01-02T03:04:05Z",
             "autoStopInterval":15,"volumes":[{"volumeId":"v","mountPath":"/m"}],"buildInfo":null}
            """u8, SandboxInfo.Read);
        Assert.Equal(("i", "b", 2, "newer"), (sandbox.Id, sandbox.Labels["a"], sandbox.Cpu, sandbox.State.ToString()));
        Assert.Equal(TimeSpan.FromMinutes(15), sandbox.AutoStopInterval);
        var read = JsonSerializer.SerializeToElement(sandbox, DaytonaJson.Default.SandboxInfo);
        var again = read.Deserialize(DaytonaJson.Default.SandboxInfo)!;
        Assert.Equal(read.GetRawText(), JsonSerializer.Serialize(again, DaytonaJson.Default.SandboxInfo));
    }

    [Theory]
    [InlineData("""{"exitCode":"3"}""")]
    [InlineData("""{"exitCode":null}""")]
    [InlineData("""{"exitCode":3.5}""")]
    [InlineData("""{"exitCode":3} x""")]
    [InlineData("""{"exitCode":3""")]
    [InlineData("[]")]
    [InlineData("")]
    public void What_is_no_result_is_refused(string text)
    {
        var exception = Assert.Throws<JsonException>(() => ResultReader.Parse(Encoding.UTF8.GetBytes(text), ExecuteResult.Read));
        Assert.StartsWith("The answer is no ExecuteResult: ", exception.Message, StringComparison.Ordinal);
    }

    private static void Block(Task task)
    {
        task.Wait();
    }
}
