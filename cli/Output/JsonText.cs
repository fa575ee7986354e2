using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;

namespace AllocReplay.Cli.Output;

/// <summary>
/// Strings in JSON: any text but what a terminal would obey, which is escaped: control characters, and those that turn the direction of
/// writing, so that a name is not shown as another.
/// </summary>
internal static class JsonText
{
    private const string Turning = "\u202A\u202B\u202C\u202D\u202E\u2066\u2067\u2068\u2069";
    private static readonly SearchValues<char> TurningValues = SearchValues.Create(Turning);

    public static JavaScriptEncoder Encoder { get; } = new TurningEscaped();

    /// <summary>Escapes what turns in text that is JSON already, where it can only stand in strings.</summary>
    public static string Escape(string json) => json.AsSpan().ContainsAny(TurningValues)
        ? string.Concat(json.Select(c => Turning.Contains(c) ? EscapeOf(c) : c.ToString()))
        : json;

    private static string EscapeOf(int c) => string.Create(CultureInfo.InvariantCulture, $"\\u{c:X4}");

    private sealed unsafe class TurningEscaped : JavaScriptEncoder
    {
        private static readonly JavaScriptEncoder Others = UnsafeRelaxedJsonEscaping;

        public override int MaxOutputCharactersPerInputCharacter => Others.MaxOutputCharactersPerInputCharacter;

        public override bool WillEncode(int unicodeScalar) => Turns(unicodeScalar) || Others.WillEncode(unicodeScalar);

        public override int FindFirstCharacterToEncode(char* text, int textLength)
        {
            int other = Others.FindFirstCharacterToEncode(text, textLength);
            int turning = new ReadOnlySpan<char>(text, other < 0 ? textLength : other).IndexOfAny(TurningValues);
            return turning < 0 ? other : turning;
        }

        public override bool TryEncodeUnicodeScalar(int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten)
        {
            if (!Turns(unicodeScalar))
                return Others.TryEncodeUnicodeScalar(unicodeScalar, buffer, bufferLength, out numberOfCharactersWritten);
            string escape = EscapeOf(unicodeScalar);
            bool fits = escape.TryCopyTo(new Span<char>(buffer, bufferLength));
            numberOfCharactersWritten = fits ? escape.Length : 0;
            return fits;
        }

        private static bool Turns(int scalar) => scalar <= char.MaxValue && Turning.Contains((char)scalar);
    }
}
