using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Daytona;

/// <summary>What can be written as a JSON object of parameters: options, and the objects inside them.</summary>
internal interface IParameters
{
    void Write(Parameters parameters);
}

/// <summary>The JSON object of one call's parameters. One is kept for each thread; it is written and submitted without
/// a wait between, so it never changes threads.</summary>
internal sealed class Parameters
{
    private const int LargestKept = 64 * 1024;

    [ThreadStatic]
    private static Parameters? _kept;

    private readonly ArrayBufferWriter<byte> _bytes = new(512);
    private readonly Utf8JsonWriter _json;

    private Parameters() => _json = new Utf8JsonWriter(_bytes, new JsonWriterOptions
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    });

    /// <summary>An empty object, to be given back with <see cref="Return"/>.</summary>
    internal static Parameters Rent()
    {
        var parameters = _kept ?? new Parameters();
        _kept = null;
        parameters._json.WriteStartObject();
        return parameters;
    }

    /// <summary>The object's text, with a NUL behind it.</summary>
    internal ReadOnlySpan<byte> Finish()
    {
        _json.WriteEndObject();
        _json.Flush();
        _bytes.GetSpan(1)[0] = 0;
        _bytes.Advance(1);
        return _bytes.WrittenSpan;
    }

    internal void Return()
    {
        if (_bytes.Capacity > LargestKept)
        {
            return;
        }
        _bytes.ResetWrittenCount();
        _json.Reset(_bytes);
        _kept = this;
    }

    /// <summary>All that these options have; null is none.</summary>
    internal Parameters With(IParameters? options)
    {
        options?.Write(this);
        return this;
    }

    /// <summary>A required value is missing where null is given.</summary>
    internal static T Given<T>(T? value, [CallerArgumentExpression(nameof(value))] string? name = null) where T : class
    {
        ArgumentNullException.ThrowIfNull(value, name);
        return value;
    }

    internal Parameters Text(ReadOnlySpan<byte> name, string? value)
    {
        if (value is not null)
        {
            _json.WriteString(name, value);
        }
        return this;
    }

    /// <summary>A text, or JSON null, which is not the same as nothing.</summary>
    internal Parameters TextOrNull(ReadOnlySpan<byte> name, string? value)
    {
        _json.WriteString(name, value);
        return this;
    }

    internal Parameters Time(ReadOnlySpan<byte> name, DateTimeOffset? value)
    {
        if (value is { } time)
        {
            _json.WriteString(name, time);
        }
        return this;
    }

    internal Parameters Integer(ReadOnlySpan<byte> name, long? value)
    {
        if (value is { } number)
        {
            _json.WriteNumber(name, number);
        }
        return this;
    }

    internal Parameters Number(ReadOnlySpan<byte> name, double? value)
    {
        if (value is { } number)
        {
            _json.WriteNumber(name, number);
        }
        return this;
    }

    internal Parameters Boolean(ReadOnlySpan<byte> name, bool? value)
    {
        if (value is { } flag)
        {
            _json.WriteBoolean(name, flag);
        }
        return this;
    }

    /// <summary>Whole milliseconds, rounded up.</summary>
    internal Parameters Milliseconds(ReadOnlySpan<byte> name, TimeSpan? value) =>
        Integer(name, value is { } span ? (long)Math.Ceiling(span.TotalMilliseconds) : null);

    /// <summary>A time limit in whole milliseconds, rounded up; <see cref="Timeout.InfiniteTimeSpan"/> is none.</summary>
    internal Parameters Limit(ReadOnlySpan<byte> name, TimeSpan? value)
    {
        if (value is not { } limit)
        {
            return this;
        }
        if (limit == Timeout.InfiniteTimeSpan)
        {
            return Integer(name, 0);
        }
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(limit, TimeSpan.Zero, nameof(CallOptions.CallTimeout));
        return Milliseconds(name, limit);
    }

    /// <summary>Seconds with their fraction; <see cref="Timeout.InfiniteTimeSpan"/> is 0, no limit.</summary>
    internal Parameters Seconds(ReadOnlySpan<byte> name, TimeSpan? value) =>
        Number(name, value is { } span ? (span == Timeout.InfiniteTimeSpan ? 0 : span.TotalSeconds) : null);

    /// <summary>Whole seconds, rounded up.</summary>
    internal Parameters WholeSeconds(ReadOnlySpan<byte> name, TimeSpan? value) =>
        Integer(name, value is { } span ? (long)Math.Ceiling(span.TotalSeconds) : null);

    /// <summary>Whole minutes, rounded up; <see cref="Timeout.InfiniteTimeSpan"/> is -1, never.</summary>
    internal Parameters Minutes(ReadOnlySpan<byte> name, TimeSpan? value) =>
        Integer(name, value is { } span ? (span == Timeout.InfiniteTimeSpan ? -1 : (long)Math.Ceiling(span.TotalMinutes)) : null);

    internal Parameters Texts(ReadOnlySpan<byte> name, IEnumerable<string>? values) =>
        List(name, values, static (it, value) => it._json.WriteStringValue(value));

    /// <summary>A text for one, a list for several.</summary>
    internal Parameters TextOrTexts(ReadOnlySpan<byte> name, IReadOnlyList<string>? values) =>
        values is [var one] ? Text(name, one) : Texts(name, values);

    internal Parameters Choices<T>(ReadOnlySpan<byte> name, IEnumerable<T>? values) where T : struct, IChoice<T> =>
        Texts(name, values?.Select(static value => value.Value));

    internal Parameters Integers(ReadOnlySpan<byte> name, IEnumerable<int>? values) =>
        List(name, values, static (it, value) => it._json.WriteNumberValue(value));

    internal Parameters Map(ReadOnlySpan<byte> name, IEnumerable<KeyValuePair<string, string>>? values)
    {
        if (values is not null)
        {
            _json.WritePropertyName(name);
            Object(values);
        }
        return this;
    }

    internal Parameters Maps(ReadOnlySpan<byte> name, IEnumerable<IEnumerable<KeyValuePair<string, string>>>? values) =>
        List(name, values, static (it, value) => it.Object(value));

    internal Parameters Shape(ReadOnlySpan<byte> name, IParameters? value)
    {
        if (value is not null)
        {
            _json.WritePropertyName(name);
            Object(value);
        }
        return this;
    }

    internal Parameters Shapes(ReadOnlySpan<byte> name, IEnumerable<IParameters>? values) =>
        List(name, values, static (it, value) => it.Object(value));

    /// <summary>Any value, as it is.</summary>
    internal Parameters Json(ReadOnlySpan<byte> name, JsonElement? value)
    {
        if (value is { } json)
        {
            _json.WritePropertyName(name);
            json.WriteTo(_json);
        }
        return this;
    }

    /// <summary>An image: a name, or an object.</summary>
    internal Parameters Image(ReadOnlySpan<byte> name, Image? value)
    {
        if (value?.Reference is { } reference)
        {
            return Text(name, reference);
        }
        return Shape(name, value);
    }

    /// <summary>A value that has its own JSON.</summary>
    internal Parameters Serialized<T>(ReadOnlySpan<byte> name, T value, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        _json.WritePropertyName(name);
        JsonSerializer.Serialize(_json, value, type);
        return this;
    }

    /// <summary>Members of an object that stand there as they are.</summary>
    internal Parameters Members(JsonElement members)
    {
        foreach (var member in members.EnumerateObject())
        {
            member.WriteTo(_json);
        }
        return this;
    }

    private Parameters List<T>(ReadOnlySpan<byte> name, IEnumerable<T>? values, Action<Parameters, T> write)
    {
        if (values is not null)
        {
            _json.WriteStartArray(name);
            foreach (var value in values)
            {
                write(this, value);
            }
            _json.WriteEndArray();
        }
        return this;
    }

    private void Object(IParameters value)
    {
        _json.WriteStartObject();
        value.Write(this);
        _json.WriteEndObject();
    }

    private void Object(IEnumerable<KeyValuePair<string, string>> values)
    {
        _json.WriteStartObject();
        foreach (var (name, value) in values)
        {
            _json.WriteString(name, value);
        }
        _json.WriteEndObject();
    }
}
