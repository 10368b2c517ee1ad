using System.Text;
using System.Text.RegularExpressions;

namespace Daytona;

/// <summary>Halves of a pair that stand alone in JSON: a server may escape one, and the reader takes none.</summary>
internal static partial class LoneSurrogates
{
    /// <summary>The JSON with U+FFFD in the place of every lone surrogate; null where it has none.</summary>
    internal static byte[]? Replaced(ReadOnlySpan<byte> json)
    {
        var text = Encoding.UTF8.GetString(json);
        var replaced = Escape().Replace(text, static escape => escape.Groups["lone"].Success ? "\\ufffd" : escape.Value);
        return replaced == text ? null : Encoding.UTF8.GetBytes(replaced);
    }

    /// <summary>A pair, a half, or any other escape: the second of two backslashes begins none.</summary>
    [GeneratedRegex(@"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)")]
    private static partial Regex Escape();
}
