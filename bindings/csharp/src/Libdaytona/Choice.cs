using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Daytona;

/// <summary>A text of which some values are known and a newer server may have more.</summary>
/// <typeparam name="TSelf">The type itself.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IChoice<TSelf> where TSelf : struct, IChoice<TSelf>
{
    /// <summary>The text.</summary>
    string Value { get; }

    /// <summary>The choice that this text is.</summary>
    /// <param name="value">Any text, known or not.</param>
    /// <returns>The choice.</returns>
    static abstract TSelf From(string value);
}

/// <summary>Reads and writes a choice as the text that it is.</summary>
/// <typeparam name="T">The choice's type.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class ChoiceConverter<T> : JsonConverter<T> where T : struct, IChoice<T>
{
    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        T.From(reader.GetString() ?? "");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.Value);
}

/// <summary>A time span that the JSON has as a number of some unit; -1 of it is <see cref="Timeout.InfiniteTimeSpan"/>.</summary>
internal abstract class SpanConverter(double ticks) : JsonConverter<TimeSpan>
{
    public override TimeSpan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        From(reader.GetDouble(), ticks);

    internal static TimeSpan From(double number, double ticks) =>
        number == -1 ? Timeout.InfiniteTimeSpan : new TimeSpan(long.CreateSaturating(number * ticks));

    public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) =>
        writer.WriteNumberValue(value == Timeout.InfiniteTimeSpan ? -1 : value.Ticks / ticks);
}

internal sealed class MillisecondsConverter() : SpanConverter(TimeSpan.TicksPerMillisecond);

internal sealed class SecondsConverter() : SpanConverter(TimeSpan.TicksPerSecond);

internal sealed class MinutesConverter() : SpanConverter(TimeSpan.TicksPerMinute);
