using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Daytona.Conformance;

/// <summary>A case is not kept.</summary>
internal sealed class FailedException(string message) : Exception(message);

/// <summary>MATCH, BYTES and BYTES-MATCH, as tests/conformance/README.md has them.</summary>
internal static class Matching
{
    internal static byte[] Bytes(JsonNode spec)
    {
        var bytes = spec["base64"] is { } base64 ? Convert.FromBase64String((string)base64!) : Encoding.UTF8.GetBytes((string)spec["text"]!);
        var times = (int?)spec["times"] ?? 1;
        var all = new byte[bytes.Length * times];
        for (var copy = 0; copy < times; copy++)
        {
            bytes.CopyTo(all, copy * bytes.Length);
        }
        return all;
    }

    internal static void MatchBytes(JsonNode expected, ReadOnlySpan<byte> data, string where)
    {
        if (expected["contains"] is JsonArray texts)
        {
            foreach (var text in texts)
            {
                var bytes = Encoding.UTF8.GetBytes((string)text!);
                var found = data.IndexOf(bytes);
                Require(found >= 0, $"{where}: no {text} in {Shown(data)}");
                data = data[(found + bytes.Length)..];
            }
        }
        else if (expected["lacks"] is { } lacks)
        {
            Require(data.IndexOf(Encoding.UTF8.GetBytes((string)lacks!)) < 0, $"{where}: {lacks} is in {Shown(data)}");
        }
        else if (expected["count"] is { } count)
        {
            Require(data.Length == (int)count, $"{where}: expected {count} bytes, came {data.Length}");
        }
        else
        {
            var wanted = Bytes(expected);
            Require(data.SequenceEqual(wanted), $"{where}: expected {Shown(wanted)}, came {Shown(data)}");
        }
    }

    internal static void Match(JsonNode? expected, JsonNode? value, bool isThere, string where)
    {
        if (expected is JsonObject wanted)
        {
            if (wanted.Count == 1 && wanted.First().Key.StartsWith('$'))
            {
                var (key, argument) = wanted.First();
                Require(Special(key, argument, value, isThere), $"{where}: expected {expected.ToJsonString()}, came {(isThere ? value?.ToJsonString() ?? "null" : "nothing")}");
                return;
            }
            Require(value is JsonObject, $"{where}: expected {expected.ToJsonString()}, came {value?.ToJsonString() ?? "null"}");
            foreach (var (name, item) in wanted)
            {
                var has = ((JsonObject)value!).TryGetPropertyValue(name, out var inner);
                Match(item, inner, has, $"{where}/{name}");
            }
            return;
        }
        if (expected is JsonArray list)
        {
            Require(value is JsonArray items && items.Count == list.Count, $"{where}: expected {expected.ToJsonString()}, came {value?.ToJsonString() ?? "null"}");
            for (var index = 0; index < list.Count; index++)
            {
                Match(list[index], value![index], true, $"{where}/{index}");
            }
            return;
        }
        Require(IsEqual(expected, value), $"{where}: expected {expected?.ToJsonString() ?? "null"}, came {(isThere ? value?.ToJsonString() ?? "null" : "nothing")}");
    }

    private static bool Special(string key, JsonNode? argument, JsonNode? value, bool isThere) => key switch
    {
        "$any" => isThere,
        "$absent" => value is null,
        "$type" => IsA((string)argument!, value),
        "$regex" => Kind(value) == JsonValueKind.String && Regex.IsMatch((string)value!, (string)argument!),
        "$atLeast" => Kind(value) == JsonValueKind.Number && Number(value!) >= Number(argument!),
        "$number" => Kind(value) == JsonValueKind.Number && IsNumber((string)argument!, value!.ToJsonString()),
        "$count" => value is JsonArray items && items.Count == (int)argument!,
        "$includes" => value is JsonArray has && ((JsonArray)argument!).All(wanted => has.Any(item => Fits(wanted, item))),
        "$oneOf" => ((JsonArray)argument!).Any(wanted => Fits(wanted, value)),
        _ => throw new FailedException($"{key} is no special object"),
    };

    private static bool Fits(JsonNode? expected, JsonNode? value)
    {
        try
        {
            Match(expected, value, true, "");
            return true;
        }
        catch (FailedException)
        {
            return false;
        }
    }

    private static bool IsA(string type, JsonNode? value) => (type, Kind(value)) switch
    {
        ("string", JsonValueKind.String) or ("number", JsonValueKind.Number) or ("array", JsonValueKind.Array) => true,
        ("object", JsonValueKind.Object) or ("null", JsonValueKind.Null) => true,
        ("boolean", JsonValueKind.True or JsonValueKind.False) => true,
        ("integer", JsonValueKind.Number) => decimal.TryParse(value!.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number == decimal.Truncate(number),
        _ => false,
    };

    private static bool IsEqual(JsonNode? expected, JsonNode? value) => Kind(expected) == Kind(value) && Kind(expected) switch
    {
        JsonValueKind.Number => IsNumber(expected!.ToJsonString(), value!.ToJsonString()),
        JsonValueKind.String => (string)expected! == (string)value!,
        _ => true,
    };

    private static bool IsNumber(string expected, string value) => expected == value
        || (decimal.TryParse(expected, NumberStyles.Float, CultureInfo.InvariantCulture, out var left)
            && decimal.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var right) ? left == right
            : double.Parse(expected, CultureInfo.InvariantCulture) == double.Parse(value, CultureInfo.InvariantCulture));

    private static double Number(JsonNode node) => double.Parse(node.ToJsonString(), CultureInfo.InvariantCulture);

    private static JsonValueKind Kind(JsonNode? node) => node?.GetValueKind() ?? JsonValueKind.Null;

    internal static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new FailedException(otherwise);
        }
    }

    private static string Shown(ReadOnlySpan<byte> data) => Encoding.UTF8.GetString(data[..Math.Min(data.Length, 2000)]);
}
