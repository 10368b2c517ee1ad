using System.Buffers;
using System.Collections;
using System.Runtime.CompilerServices;
using System.Text;
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
        _bytes.ResetWrittenCount();
        _json.Reset(_bytes);
        _kept = _bytes.Capacity > LargestKept ? null : this;
    }

    /// <summary>A required value is missing where null is given.</summary>
    internal static T Given<T>(T? value, [CallerArgumentExpression(nameof(value))] string? name = null) where T : class
    {
        ArgumentNullException.ThrowIfNull(value, name);
        return value;
    }

    /// <summary>All that these options have; null is none.</summary>
    internal Parameters With(IParameters? options)
    {
        options?.Write(this);
        return this;
    }

    /// <summary>A member of the object; null is none.</summary>
    internal Parameters Add(ReadOnlySpan<byte> name, object? value)
    {
        if (value is not null)
        {
            _json.WritePropertyName(name);
            Write(value);
        }
        return this;
    }

    /// <summary>A text for one, a list for several.</summary>
    internal Parameters OneOrMore(ReadOnlySpan<byte> name, IReadOnlyList<string>? values) =>
        Add(name, values is [var one] ? one : values);

    /// <summary>A time span as a number of whole units, rounded up; <see cref="Timeout.InfiniteTimeSpan"/> is the number
    /// that stands for no end.</summary>
    internal Parameters Span(ReadOnlySpan<byte> name, TimeSpan? value, long unit, int endless) =>
        Add(name, value is not { } span ? null : span == Timeout.InfiniteTimeSpan ? endless : Math.Ceiling((double)span.Ticks / unit));

    /// <summary>A time limit in milliseconds; <see cref="Timeout.InfiniteTimeSpan"/> is 0, none.</summary>
    internal Parameters Limit(ReadOnlySpan<byte> name, TimeSpan? value)
    {
        if (value is { } limit && limit != Timeout.InfiniteTimeSpan)
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(limit, TimeSpan.Zero, Encoding.UTF8.GetString(name));
        }
        return Span(name, value, TimeSpan.TicksPerMillisecond, 0);
    }

    /// <summary>Seconds with their fraction; <see cref="Timeout.InfiniteTimeSpan"/> is 0, no limit.</summary>
    internal Parameters Seconds(ReadOnlySpan<byte> name, TimeSpan? value) =>
        Add(name, value is not { } span ? null : span == Timeout.InfiniteTimeSpan ? 0 : span.TotalSeconds);

    /// <summary>A value, as its type has it in JSON; a choice is the text that it is.</summary>
    private void Write(object? value)
    {
        switch (value)
        {
            case string text:
                _json.WriteStringValue(text);
                break;
            case bool flag:
                _json.WriteBooleanValue(flag);
                break;
            case int or long:
                _json.WriteNumberValue(Convert.ToInt64(value));
                break;
            case double number:
                _json.WriteNumberValue(number);
                break;
            case DateTimeOffset time:
                _json.WriteStringValue(time);
                break;
            case JsonElement json:
                json.WriteTo(_json);
                break;
            case Image { Reference: { } reference }:
                _json.WriteStringValue(reference);
                break;
            case IParameters members:
                _json.WriteStartObject();
                members.Write(this);
                _json.WriteEndObject();
                break;
            case IEnumerable<KeyValuePair<string, string>> map:
                _json.WriteStartObject();
                foreach (var (name, text) in map)
                {
                    _json.WriteString(name, text);
                }
                _json.WriteEndObject();
                break;
            case IEnumerable list:
                _json.WriteStartArray();
                foreach (var item in list)
                {
                    Write(item);
                }
                _json.WriteEndArray();
                break;
            default:
                _json.WriteStringValue(value?.ToString());
                break;
        }
    }
}
