using System.Text;

namespace AllocReplay.Formats.Import;

/// <summary>The words of a line, between blanks, and the numbers that they are. Every message says what was expected and what was found.</summary>
internal ref struct Words(LineReader lines, ReadOnlySpan<byte> line)
{
    private const int ShownMax = 40;

    private readonly LineReader _lines = lines;
    private ReadOnlySpan<byte> _rest = line;

    /// <summary>The next word; empty at the end of the line.</summary>
    public ReadOnlySpan<byte> Next()
    {
        int at = 0;
        while (at < _rest.Length && IsBlank(_rest[at]))
            at++;
        int end = at;
        while (end < _rest.Length && !IsBlank(_rest[end]))
            end++;
        ReadOnlySpan<byte> word = _rest[at..end];
        _rest = _rest[end..];
        return word;
    }

    /// <summary>What ends with a mark, which need not be followed by a blank.</summary>
    public ReadOnlySpan<byte> NextUntil(byte mark)
    {
        int length = _rest.IndexOf(mark);
        if (length < 0)
            return Next();
        ReadOnlySpan<byte> word = _rest[..(length + 1)];
        _rest = _rest[word.Length..];
        return word;
    }

    /// <summary>A decimal number.</summary>
    /// <exception cref="TraceFormatException">The next word is none, or is above <paramref name="max"/>.</exception>
    public ulong Number(string expected, ulong max = ulong.MaxValue)
    {
        ReadOnlySpan<byte> word = Next();
        return TryNumber(word, out ulong value) && value <= max ? value : throw Expected(expected, word);
    }

    /// <summary>A pointer as %p prints it; 0 for null.</summary>
    /// <exception cref="TraceFormatException">The next word is none.</exception>
    public ulong Pointer(string expected)
    {
        ReadOnlySpan<byte> word = Next();
        if (word.Length is < 3 or > 18 || word[0] != '0' || (word[1] | 0x20) != 'x')
            throw Expected(expected, word);
        ulong value = 0;
        foreach (byte b in word[2..])
        {
            int digit = b - '0';
            if ((uint)digit > 9)
            {
                digit = (b | 0x20) - 'a' + 10;
                if (digit is < 10 or > 15)
                    throw Expected(expected, word);
            }
            value = value << 4 | (uint)digit;
        }
        return value;
    }

    /// <exception cref="TraceFormatException">There is another word.</exception>
    public void End(string after)
    {
        ReadOnlySpan<byte> word = Next();
        if (!word.IsEmpty)
            throw Expected($"the end of the line after {after}", word);
    }

    public readonly TraceFormatException Expected(string expected, ReadOnlySpan<byte> found) =>
        _lines.Bad($"expected {expected}, found {(found.IsEmpty ? "the end of the line" : Show(found))}");

    public static bool TryNumber(ReadOnlySpan<byte> word, out ulong value)
    {
        value = 0;
        if (word.IsEmpty || word.Length > 20)
            return false;
        // 19 digits cannot overflow, the twentieth can.
        foreach (byte b in word[..Math.Min(word.Length, 19)])
        {
            uint digit = (uint)(b - '0');
            if (digit > 9)
                return false;
            value = value * 10 + digit;
        }
        if (word.Length < 20)
            return true;
        uint last = (uint)(word[19] - '0');
        if (last > 9 || value > (ulong.MaxValue - last) / 10)
            return false;
        value = value * 10 + last;
        return true;
    }

    /// <summary>Bytes of the input as they may stand in a message: the beginning, and nothing that a terminal would obey.</summary>
    public static string Show(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder("'");
        foreach (byte b in bytes[..Math.Min(bytes.Length, ShownMax)])
            text.Append(b is >= 0x20 and < 0x7f ? (char)b : '?');
        return text.Append(bytes.Length > ShownMax ? "…'" : "'").ToString();
    }

    private static bool IsBlank(byte b) => b is (byte)' ' or (byte)'\t' or (byte)'\r';
}
