using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Daytona.Conformance;

/// <summary>A client of the echo target, which the package keeps to itself.</summary>
internal sealed class EchoClient : IDisposable
{
    private readonly ClientHandle _handle = new(null, isEcho: true);

    internal EchoClient() => Target = new Target(_handle);

    internal Target Target { get; }

    public void Dispose() => _handle.Dispose();
}

/// <summary>Parameters as a case has them.</summary>
internal sealed class Raw(JsonObject members) : IParameters
{
    public void Write(Parameters parameters)
    {
        foreach (var member in JsonSerializer.SerializeToElement(members).EnumerateObject())
        {
            parameters.Add(Encoding.UTF8.GetBytes(member.Name), member.Value);
        }
    }
}

/// <summary>One case while it runs: its handles and variables.</summary>
internal sealed partial class Case : IAsyncDisposable
{
    private static readonly HttpClient Http = new();
    private static readonly string ApiUrl = Environment.GetEnvironmentVariable("DAYTONA_API_URL")!;

    private readonly JsonObject _case;
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("conformance-");
    private readonly Dictionary<string, object> _handles = [];
    private readonly List<IDisposable> _opened = [];
    private readonly Dictionary<string, JsonNode?> _variables = [];

    internal Case(JsonObject description, DaytonaClient client)
    {
        _case = description;
        _handles["client"] = client;
        _variables["unique"] = Guid.NewGuid().ToString("N");
        _variables["tmp"] = _directory.FullName;
        _variables["apiHost"] = new Uri(ApiUrl).Authority;
    }

    private bool IsDynamic => (bool?)_case["dynamic"] ?? false;

    private DaytonaClient Client => (DaytonaClient)_handles["client"];

    internal async Task RunAsync()
    {
        Known(_case, "name", "on", "create", "faults", "dynamic", "steps");
        if ((string?)_case["on"] == "echo")
        {
            Keep("echo", new EchoClient());
        }
        else if ((string?)_case["on"] == "sandbox")
        {
            await StepAsync(new JsonObject
            {
                ["call"] = "sandbox.create",
                ["params"] = _case["create"]?.DeepClone() ?? new JsonObject(),
                ["as"] = "sandbox",
                ["save"] = new JsonObject { ["sandboxId"] = "/id", ["sandboxName"] = "/name" },
            });
        }
        if (_case["faults"] is { } rules)
        {
            await FaultsAsync(Filled(rules)!);
        }
        foreach (var step in _case["steps"]!.AsArray())
        {
            await StepAsync(step!.AsObject()).WaitAsync(TimeSpan.FromSeconds(120));
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_case.ContainsKey("faults"))
        {
            await FaultsAsync(new JsonArray());
        }
        if (_variables.TryGetValue("sandboxId", out var id))
        {
            try
            {
                using var sandbox = Client.Attach((string)id!);
                await sandbox.DeleteAsync();
            }
            catch (DaytonaException)
            {
                // The case deleted it.
            }
        }
        _opened.ForEach(handle => handle.Dispose());
        _directory.Delete(recursive: true);
    }

    private static async Task FaultsAsync(JsonNode rules)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, ApiUrl[..^"/api".Length] + "/faults") { Content = new StringContent(rules.ToJsonString()) };
        request.Headers.Add("Authorization", $"Bearer {Environment.GetEnvironmentVariable("DAYTONA_API_KEY")}");
        (await Http.SendAsync(request)).EnsureSuccessStatusCode().Dispose();
    }

    private async Task StepAsync(JsonObject step)
    {
        if (step.ContainsKey("stream"))
        {
            Known(step, "stream", "params", "with", "as", "save", "do", "expect");
            await StreamAsync(step);
        }
        else if (step.ContainsKey("call"))
        {
            Known(step, "call", "params", "body", "with", "as", "save", "meanwhile", "cancel", "expect");
            await CallAsync(step);
        }
        else
        {
            Known(step, "close");
            ((IDisposable)_handles[(string)step["close"]!]).Dispose();
        }
    }

    private async Task CallAsync(JsonObject step)
    {
        var operation = (string)step["call"]!;
        using var source = new CancellationTokenSource();
        var input = Input(step, source.Token);
        var call = BeginAsync(operation, step, input);
        foreach (var other in step["meanwhile"]?.AsArray() ?? [])
        {
            await StepAsync(other!.AsObject());
        }
        if ((bool?)step["cancel"] == true)
        {
            await source.CancelAsync();
        }
        Outcome? outcome = null;
        Exception? failure = null;
        try
        {
            outcome = await call;
        }
        catch (Exception exception) when (exception is not FailedException)
        {
            failure = exception;
        }
        var expected = Filled(step["expect"])?.AsObject() ?? [];
        Known(expected, "result", "bytes", "error");
        if (Failed(expected, failure))
        {
            return;
        }
        if (expected["bytes"] is { } bytes)
        {
            Matching.MatchBytes(bytes, outcome!.Bytes ?? [], operation);
            return;
        }
        Succeeded(step, expected, "result", outcome!);
    }

    private async Task<Outcome> BeginAsync(string operation, JsonObject step, Input input)
    {
        if (operation == "client.open")
        {
            if (IsDynamic)
            {
                _ = new ClientHandle(new Raw(input.Parameters), isEcho: false);
                return new Outcome(null, null, null);
            }
            var client = new DaytonaClient(Table.Config(input));
            Keep((string?)step["as"] ?? "unnamed", client);
            return new Outcome(null, null, null);
        }
        if (operation == "echo.open")
        {
            Keep((string?)step["as"] ?? "unnamed", new EchoClient());
            return new Outcome(null, null, null);
        }
        var on = _handles[(string?)step["with"] ?? Table.Targets[operation]];
        if (IsGeneric(operation, on))
        {
            return await GenericAsync(operation, on, input);
        }
        var handles = new Handles(on as DaytonaClient ?? Client, on as Sandbox ?? null!);
        if (operation == "sandbox.attach")
        {
            return Outcome.Of(input.Parameters["sandbox"] is JsonObject item
                ? handles.Client.Attach(item.Deserialize(DaytonaJson.Default.SandboxInfo)!) : handles.Client.Attach(input.Text("sandbox")!));
        }
        return operation == "sandbox.info" ? Outcome.Of(handles.Sandbox.Info) : await Table.Calls[operation](handles, input);
    }

    /// <summary>Whether it goes by name: the echo target, which the package keeps to itself, and what does not compile.</summary>
    private bool IsGeneric(string operation, object on) => IsDynamic || on is EchoClient || operation.StartsWith("echo.", StringComparison.Ordinal);

    /// <summary>By name, as no program of this package can: what does not compile, and the echo target.</summary>
    private static async Task<Outcome> GenericAsync(string operation, object on, Input input)
    {
        var name = Encoding.UTF8.GetBytes(operation + "\0");
        var target = Target(on);
        var parameters = Parameters.Rent().With(new Raw(input.Parameters));
        if (operation is "echo.handle" or "sandbox.create" or "sandbox.get" or "sandbox.find" or "sandbox.attach" or "sandbox.fork")
        {
            return Outcome.Of(await target.CallAsync(name, parameters, Answer.Sandbox, input.Cancellation));
        }
        var bytes = await target.CallAsync(name, parameters, Answer.Bytes, input.Cancellation, body: input.Body);
        return operation is "echo.bytes" ? Outcome.Of(bytes) : new Outcome(JsonNode.Parse(bytes), null, null);
    }

    private static Target Target(object on) => on switch
    {
        EchoClient echo => echo.Target,
        DaytonaClient client => client.Target,
        Sandbox sandbox => sandbox.Target,
        _ => throw new FailedException($"{on} is no target"),
    };

    private async Task StreamAsync(JsonObject step)
    {
        var operation = (string)step["stream"]!;
        var input = Input(step, CancellationToken.None);
        Flow? flow = null;
        Outcome? outcome = null;
        Exception? failure = null;
        var isClosed = false;
        try
        {
            flow = await OpenAsync(operation, step, input);
            foreach (var action in step["do"]?.AsArray() ?? [])
            {
                isClosed |= await ActAsync(flow, action!.AsObject());
            }
            if (!isClosed)
            {
                outcome = await flow.EndAsync();
            }
        }
        catch (Exception exception) when (exception is not FailedException)
        {
            failure = exception;
        }
        finally
        {
            flow?.Close();
        }
        var expected = Filled(step["expect"])?.AsObject() ?? [];
        Known(expected, "opened", "stdout", "stderr", "none", "structured", "ended", "error");
        var failed = Failed(expected, failure);
        if (expected.TryGetPropertyValue("opened", out var opened))
        {
            Matching.Match(opened, flow?.Opened, true, "opened");
        }
        foreach (var (name, channel) in new[] { ("none", 0), ("stdout", 1), ("stderr", 2) })
        {
            if (expected[name] is { } wanted)
            {
                Matching.MatchBytes(wanted, flow!.Channels[channel].ToArray(), name);
            }
        }
        if (expected["structured"] is { } structured)
        {
            Matching.Match(structured, flow!.Structured, true, "structured");
        }
        if (!failed && !isClosed)
        {
            Succeeded(step, expected, "ended", outcome!);
        }
    }

    private async Task<Flow> OpenAsync(string operation, JsonObject step, Input input)
    {
        var on = _handles[(string?)step["with"] ?? Table.Targets[operation]];
        if (!IsGeneric(operation, on))
        {
            return await Table.Streams[operation](new Handles(on as DaytonaClient ?? Client, on as Sandbox ?? null!), input);
        }
        return Flow.Of(await Target(on).OpenAsync(Encoding.UTF8.GetBytes(operation + "\0"),
            Parameters.Rent().With(new Raw(input.Parameters)), receiver => new OutputStream<JsonElement, JsonElement>(receiver,
                static answer => answer.Json(ResultReader.Element), static answer => answer.Json(ResultReader.Element)), CancellationToken.None));
    }

    /// <summary>One action while a stream is open; true once it was closed.</summary>
    private async Task<bool> ActAsync(Flow flow, JsonObject action)
    {
        if (action["write"] is { } bytes)
        {
            await flow.WriteAsync(Matching.Bytes(Filled(bytes)!));
        }
        else if (action["until"] is { } text)
        {
            await flow.UntilAsync((string)Filled(text)!);
        }
        else if (action.ContainsKey("finish"))
        {
            await flow.FinishAsync();
        }
        else if ((string?)action["close"] == "stream")
        {
            flow.Close();
            return true;
        }
        else
        {
            await StepAsync(action);
        }
        return false;
    }

    private Input Input(JsonObject step, CancellationToken cancellation) => new(
        Plain(Filled(step["params"]))?.AsObject() ?? [], Filled(step["body"]) is { } body ? Matching.Bytes(body) : [], cancellation);

    /// <summary>Whether it failed, as is expected; throws where one of the two is so and the other is not.</summary>
    private static bool Failed(JsonObject expected, Exception? failure)
    {
        if (!expected.ContainsKey("error"))
        {
            return failure is null ? false : throw new FailedException($"an error came: {failure}");
        }
        Matching.Require(failure is not null, $"no error came; expected {expected["error"]!.ToJsonString()}");
        Matching.Match(expected["error"], Error(failure!), true, "error");
        return true;
    }

    /// <summary>An exception as the JSON that cases know, with its class.</summary>
    private static JsonNode Error(Exception exception)
    {
        // A disposed object and a cancelled call are said in .NET's own way; the reason is within.
        var isDisposed = exception is ObjectDisposedException;
        var known = exception as DaytonaException ?? exception.InnerException as DaytonaException;
        var error = known is null ? new JsonObject { ["message"] = exception.Message } : Outcome.Node(known.Error)!.AsObject();
        error["class"] = isDisposed ? "Closed" : Class(known?.GetType());
        error["parent"] = isDisposed ? null : Class(known?.GetType().BaseType);
        if (known is null && isDisposed)
        {
            error["status"] = (int)DaytonaStatus.Closed;
            error["name"] = "CLOSED";
        }
        return error;
    }

    private static string? Class(Type? type)
    {
        var name = type is null ? "" : ClassName().Match(type.Name).Groups[1].Value;
        return Table.Classes.Contains(name) ? name : null;
    }

    private void Succeeded(JsonObject step, JsonObject expected, string key, Outcome outcome)
    {
        if (outcome.Sandbox is not null)
        {
            Keep((string?)step["as"] ?? "unnamed", outcome.Sandbox);
        }
        foreach (var (variable, pointer) in step["save"]?.AsObject() ?? [])
        {
            _variables[variable] = Pointed(outcome.Json, (string)pointer!)?.DeepClone();
        }
        if (expected.TryGetPropertyValue(key, out var wanted))
        {
            Matching.Match(wanted, outcome.Json, true, key);
        }
    }

    private void Keep(string name, IDisposable handle)
    {
        _handles[name] = handle;
        _opened.Add(handle);
    }

    private static JsonNode? Pointed(JsonNode? value, string pointer)
    {
        foreach (var part in pointer.Split('/').Skip(1).Select(part => part.Replace("~1", "/").Replace("~0", "~")))
        {
            value = value is JsonArray list ? list[int.Parse(part)] : value?[part];
        }
        return value;
    }

    /// <summary>A value with its variables.</summary>
    private JsonNode? Filled(JsonNode? value)
    {
        switch (value)
        {
            case JsonArray list:
                return new JsonArray([.. list.Select(Filled)]);
            case JsonObject members:
                return new JsonObject(members.Select(member => KeyValuePair.Create((string)Filled(JsonValue.Create(member.Key))!, Filled(member.Value))));
            case JsonValue text when text.GetValueKind() == JsonValueKind.String:
                var raw = (string)text!;
                var whole = Whole().Match(raw);
                return whole.Success ? _variables[whole.Groups[1].Value]?.DeepClone()
                    : Variable().Replace(raw, name => _variables[name.Groups[1].Value] is { } variable
                        ? variable.GetValueKind() == JsonValueKind.String ? (string)variable! : variable.ToJsonString() : "null");
            default:
                return value?.DeepClone();
        }
    }

    /// <summary>Parameters with their special objects resolved.</summary>
    private static JsonNode? Plain(JsonNode? value) => value switch
    {
        JsonArray list => new JsonArray([.. list.Select(Plain)]),
        JsonObject members when members["$number"] is { } number => JsonNode.Parse((string)number!),
        JsonObject members when members["$utf16"] is JsonArray units => new string([.. units.Select(unit => (char)(int)unit!)]),
        JsonObject members => new JsonObject(members.Select(member => KeyValuePair.Create(member.Key, Plain(member.Value)))),
        _ => value?.DeepClone(),
    };

    private static void Known(JsonObject given, params string[] keys)
    {
        var unknown = given.Select(member => member.Key).Except(keys).ToArray();
        Matching.Require(unknown.Length == 0, $"unknown keys {string.Join(", ", unknown)}");
    }

    [GeneratedRegex(@"^\$\{(\w+)\}$")]
    private static partial Regex Whole();

    [GeneratedRegex(@"\$\{(\w+)\}")]
    private static partial Regex Variable();

    [GeneratedRegex(@"^Daytona(\w+)Exception$")]
    private static partial Regex ClassName();
}
