using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Daytona.Conformance;

/// <summary>What a typed call acts on.</summary>
internal sealed record Handles(DaytonaClient Client, Sandbox Sandbox);

/// <summary>Parameters of a case, in the types of the package.</summary>
internal sealed class Input(JsonObject parameters, byte[] body, CancellationToken cancellation)
{
    private static readonly JsonSerializerOptions Strict = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new OneOrMore<GpuType>(), new OneOrMore<string>() },
    };

    internal JsonObject Parameters => parameters;

    internal byte[] Body => body;

    internal CancellationToken Cancellation => cancellation;

    internal CallOptions Options() => new() { CallTimeout = Limit("timeoutMs") };

    internal string? Text(string name) => (string?)parameters[name];

    internal DateTimeOffset? Time(string name) => Text(name) is { } text ? DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture) : null;

    internal int? Int(string name) => (int?)Long(name);

    internal long? Long(string name) => parameters[name] is { } value ? (long)decimal.Parse(value.ToJsonString(), System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture) : null;

    internal double? Number(string name) => (double?)parameters[name];

    internal bool? Boolean(string name) => (bool?)parameters[name];

    internal TimeSpan? Limit(string name) => Long(name) is { } number ? (number == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(number)) : null;

    internal TimeSpan? Milliseconds(string name) => Long(name) is { } number ? TimeSpan.FromMilliseconds(number) : null;

    internal TimeSpan? Seconds(string name) => Number(name) is { } number ? TimeSpan.FromSeconds(number) : null;

    internal TimeSpan? Minutes(string name) => Number(name) is { } number ? TimeSpan.FromMinutes(number) : null;

    internal JsonElement? Json(string name) => parameters[name] is { } value ? JsonSerializer.SerializeToElement(value) : null;

    internal List<string>? Texts(string name) => parameters[name]?.AsArray().Select(item => (string)item!).ToList();

    internal Dictionary<string, string>? Map(string name) => parameters[name]?.AsObject().ToDictionary(item => item.Key, item => (string)item.Value!);

    internal List<IDictionary<string, string>>? Maps(string name) => parameters[name]?.AsArray()
        .Select(item => (IDictionary<string, string>)item!.AsObject().ToDictionary(pair => pair.Key, pair => (string)pair.Value!)).ToList();

    internal IEnumerable<IReadOnlyDictionary<string, string>>? ReadOnlyMaps(string name) =>
        Maps(name)?.Select(item => new Dictionary<string, string>(item));

    internal T? Choice<T>(string name) where T : struct, IChoice<T> => Text(name) is { } text ? T.From(text) : null;

    internal List<T>? Choices<T>(string name) where T : struct, IChoice<T> => Texts(name)?.Select(T.From).ToList();

    internal T? Shape<T>(string name) where T : class => parameters[name]?.Deserialize<T>(Strict);

    internal List<T>? Shapes<T>(string name) where T : class => parameters[name]?.Deserialize<List<T>>(Strict);

    internal Image? Image(string name)
    {
        if (parameters[name] is not JsonObject json)
        {
            return Text(name) is { } reference ? (Image)reference : null;
        }
        var image = json.ContainsKey("debianSlim") ? Daytona.Image.DebianSlim((string?)json["debianSlim"])
            : json["dockerfile"] is { } dockerfile ? Daytona.Image.FromDockerfile((string)dockerfile!, (string?)json["contextDir"])
            : Daytona.Image.Base((string)json["base"]!);
        foreach (var step in json["steps"]?.AsArray() ?? [])
        {
            image = image.With(step.Deserialize<ImageStep>(Strict)!);
        }
        return image;
    }

    /// <summary>One value in the place of a list.</summary>
    private sealed class OneOrMore<T> : JsonConverter<IReadOnlyList<T>>
    {
        public override IReadOnlyList<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType != JsonTokenType.StartArray)
            {
                return [JsonSerializer.Deserialize<T>(ref reader, options)!];
            }
            var items = new List<T>();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                items.Add(JsonSerializer.Deserialize<T>(ref reader, options)!);
            }
            return items;
        }

        public override void Write(Utf8JsonWriter writer, IReadOnlyList<T> value, JsonSerializerOptions options) =>
            throw new NotSupportedException();
    }
}

/// <summary>What a call gave: JSON, bytes, a sandbox.</summary>
internal sealed record Outcome(JsonNode? Json, byte[]? Bytes, Sandbox? Sandbox)
{
    internal static async Task<Outcome> Of(Task call)
    {
        await call;
        return new Outcome(null, null, null);
    }

    internal static Outcome Of(byte[] bytes) => new(null, bytes, null);

    internal static Outcome Of(string text) => new(JsonValue.Create(text), null, null);

    internal static Outcome Of(Sandbox sandbox) => new(Node(sandbox.Info), null, sandbox);

    internal static Outcome Of<T>(T result) => new(Node(result), null, null);

    /// <summary>A result's JSON, with the fields that the package does not know.</summary>
    internal static JsonNode? Node<T>(T value) => JsonSerializer.SerializeToNode(value, typeof(T), DaytonaJson.Default.Options);
}
