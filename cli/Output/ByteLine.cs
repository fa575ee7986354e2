using System.Numerics;

namespace AllocReplay.Cli.Output;

/// <summary>Appends text in UTF-8 to bytes that are known to be enough. Digits go where they belong at once: nothing is moved.</summary>
internal ref struct ByteLine(Span<byte> bytes)
{
    private static readonly ulong[] PowersOfTen = [.. Enumerable.Range(0, 20).Select(n => (ulong)BigInteger.Pow(10, n))];

    private readonly Span<byte> _bytes = bytes;

    /// <summary>Bytes appended.</summary>
    public int Length { get; private set; }

    public void Text(scoped ReadOnlySpan<byte> text)
    {
        text.CopyTo(_bytes[Length..]);
        Length += text.Length;
    }

    public void Blanks(int n)
    {
        if (n <= 0)
            return;
        _bytes.Slice(Length, n).Fill((byte)' ');
        Length += n;
    }

    /// <summary>A name and its number.</summary>
    public void Field(scoped ReadOnlySpan<byte> name, ulong value)
    {
        Text(name);
        Right(value, 0);
    }

    /// <inheritdoc cref="Field(ReadOnlySpan{byte}, ulong)"/>
    public void Field(scoped ReadOnlySpan<byte> name, long value)
    {
        if (value >= 0)
        {
            Field(name, (ulong)value);
            return;
        }
        Text(name);
        Text("-"u8);
        Right(Negated(value), 0);
    }

    /// <summary>A number that ends so many columns on, or further where it is longer.</summary>
    public void Right(ulong value, int width)
    {
        int digits = Digits(value);
        Blanks(width - digits);
        Span<byte> place = _bytes.Slice(Length, digits);
        for (int i = digits - 1; i >= 0; i--)
        {
            ulong rest = value / 10;
            place[i] = (byte)('0' + (value - rest * 10));
            value = rest;
        }
        Length += digits;
    }

    /// <inheritdoc cref="Right(ulong, int)"/>
    public void Right(long value, int width)
    {
        if (value >= 0)
        {
            Right((ulong)value, width);
            return;
        }
        Blanks(width - 1 - Digits(Negated(value)));
        Text("-"u8);
        Right(Negated(value), 0);
    }

    public void Right(scoped ReadOnlySpan<byte> text, int width)
    {
        Blanks(width - text.Length);
        Text(text);
    }

    public void Left(scoped ReadOnlySpan<byte> text, int width)
    {
        Text(text);
        Blanks(width - text.Length);
    }

    /// <summary>In hexadecimal.</summary>
    public void LeftAddress(ulong address, int width)
    {
        Text("0x"u8);
        int digits = Math.Max(1, (64 - BitOperations.LeadingZeroCount(address) + 3) / 4);
        Span<byte> place = _bytes.Slice(Length, digits);
        for (int i = digits - 1; i >= 0; i--, address >>= 4)
            place[i] = "0123456789abcdef"u8[(int)(address & 15)];
        Length += digits;
        Blanks(width - 2 - digits);
    }

    private static int Digits(ulong value)
    {
        // 1233 / 4096 is log10(2), near enough for 64 bits.
        int guess = (BitOperations.Log2(value | 1) + 1) * 1233 >> 12;
        return guess + (value >= PowersOfTen[guess] ? 1 : 0) is var digits and > 0 ? digits : 1;
    }

    private static ulong Negated(long value) => 0 - (ulong)value;
}
