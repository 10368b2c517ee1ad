using System.Buffers.Text;

namespace Daytona;

/// <summary>Halves of a pair that stand alone in JSON: a server may escape one, and the serializer takes none.</summary>
internal static class LoneSurrogates
{
    private const int EscapeLength = 6;

    /// <summary>The JSON with U+FFFD in the place of every lone surrogate; null where it has none.</summary>
    internal static byte[]? Replaced(ReadOnlySpan<byte> json)
    {
        byte[]? replaced = null;
        for (var at = 0; at < json.Length;)
        {
            if (json[at] != '\\')
            {
                at++;
                continue;
            }
            var unit = Unit(json[at..]);
            if (char.IsHighSurrogate(unit) && char.IsLowSurrogate(Unit(json[(at + EscapeLength)..])))
            {
                at += 2 * EscapeLength;
                continue;
            }
            if (char.IsSurrogate(unit))
            {
                replaced ??= json.ToArray();
                "fffd"u8.CopyTo(replaced.AsSpan(at + 2));
            }
            // Whatever is escaped, a backslash too, is no beginning.
            at += 2;
        }
        return replaced;
    }

    /// <summary>The UTF-16 unit of the escape that begins here; NUL where none does.</summary>
    private static char Unit(ReadOnlySpan<byte> json) =>
        json.Length >= EscapeLength && json.StartsWith("\\u"u8)
            && Utf8Parser.TryParse(json[2..EscapeLength], out ushort unit, out var length, 'x') && length == 4
            ? (char)unit
            : '\0';
}
