using System.Text;
using System.Text.Json;

namespace Daytona;

/// <summary>Reads a value that stands at the reader's token, and leaves the reader at the value's last one. What can be
/// null is null for the JSON's.</summary>
internal delegate T Reading<out T>(ref ResultReader json);

/// <summary>Reads results from their JSON text. Each record reads itself with this: no metadata of types is made, whose
/// generic code the runtime would have to compile before the first answer.</summary>
internal ref struct ResultReader
{
    /// <summary>How deep a result may be: a desktop's tree of windows and controls is deeper than the reader's default.</summary>
    private const int MaxDepth = 1000;

    private Utf8JsonReader _json;
    private ReadOnlySpan<byte> _name;

    /// <summary>The value of a JSON text; null is what the text has for it.</summary>
    /// <exception cref="JsonException">It is no such value.</exception>
    internal static T Parse<T>(ReadOnlySpan<byte> text, Reading<T> read)
    {
        var json = new ResultReader { _json = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = MaxDepth }) };
        try
        {
            json._json.Read();
            var value = read(ref json);
            json._json.Read(); // Refuses what follows the value.
            return value;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            var at = json._name.IsEmpty ? "" : $" at or after `{Encoding.UTF8.GetString(json._name)}`";
            throw new JsonException($"The answer is no {typeof(T).Name}: {exception.Message}{at}", exception);
        }
    }

    internal readonly bool IsNull => _json.TokenType == JsonTokenType.Null;

    /// <summary>Begins an object, or a list.</summary>
    internal readonly void Begin(JsonTokenType first = JsonTokenType.StartObject)
    {
        if (_json.TokenType != first)
        {
            throw new JsonException($"{_json.TokenType} stands in the place of {first}.");
        }
    }

    /// <summary>Goes to the object's next value; false at its end.</summary>
    internal bool Next(out ReadOnlySpan<byte> name)
    {
        _json.Read();
        if (_json.TokenType == JsonTokenType.EndObject)
        {
            name = default;
            return false;
        }
        _name = name = _json.ValueIsEscaped ? Encoding.UTF8.GetBytes(_json.GetString()!) : _json.ValueSpan;
        _json.Read();
        return true;
    }

    internal readonly string? Text() => _json.GetString();

    internal readonly T? Choice<T>() where T : struct, IChoice<T> => IsNull ? null : T.From(_json.GetString()!);

    internal readonly int? Int() => IsNull ? null : _json.GetInt32();

    internal readonly long? Long() => IsNull ? null : _json.GetInt64();

    internal readonly double? Double() => IsNull ? null : _json.GetDouble();

    internal readonly bool? Boolean() => IsNull ? null : _json.GetBoolean();

    /// <summary>What is no time is the earliest one, not a failure of the whole answer.</summary>
    internal readonly DateTimeOffset? Time() => IsNull ? null
        : _json.TryGetDateTimeOffset(out var time) || DateTimeOffset.TryParse(_json.GetString(), out time) ? time : DateTimeOffset.MinValue;

    internal readonly TimeSpan? Span(long ticks) => IsNull ? null : SpanConverter.From(_json.GetDouble(), ticks);

    internal JsonElement? Any() => IsNull ? null : Element(ref this);

    internal static JsonElement Element(ref ResultReader json) => JsonElement.ParseValue(ref json._json);

    /// <summary>Keeps what the record has no field for.</summary>
    internal Dictionary<string, JsonElement> Other(IDictionary<string, JsonElement>? others, ReadOnlySpan<byte> name)
    {
        var all = (Dictionary<string, JsonElement>?)others ?? [];
        all[Encoding.UTF8.GetString(name)] = Element(ref this);
        return all;
    }

    internal IReadOnlyList<T> List<T>(Reading<T> read)
    {
        Begin(JsonTokenType.StartArray);
        List<T> values = [];
        while (_json.Read() && _json.TokenType != JsonTokenType.EndArray)
        {
            values.Add(read(ref this));
        }
        return values;
    }

    internal IReadOnlyDictionary<string, T> Map<T>(Reading<T> read)
    {
        Begin();
        Dictionary<string, T> values = [];
        while (Next(out var name))
        {
            values[Encoding.UTF8.GetString(name)] = read(ref this);
        }
        return values;
    }
}
