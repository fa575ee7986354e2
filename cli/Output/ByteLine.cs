using System.Buffers.Text;
using System.Globalization;

namespace AllocReplay.Cli.Output;

/// <summary>Appends text in UTF-8 to bytes that are known to be enough.</summary>
internal ref struct ByteLine(Span<byte> bytes)
{
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
    public void Field(scoped ReadOnlySpan<byte> name, long value)
    {
        Text(name);
        Utf8Formatter.TryFormat(value, _bytes[Length..], out int written);
        Length += written;
    }

    /// <inheritdoc cref="Field(ReadOnlySpan{byte}, long)"/>
    public void Field(scoped ReadOnlySpan<byte> name, ulong value)
    {
        Text(name);
        Utf8Formatter.TryFormat(value, _bytes[Length..], out int written);
        Length += written;
    }

    public void Right(scoped ReadOnlySpan<byte> text, int width)
    {
        Blanks(width - text.Length);
        Text(text);
    }

    public void Right(long value, int width)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(value, digits, out int written);
        Right(digits[..written], width);
    }

    public void Right(ulong value, int width)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(value, digits, out int written);
        Right(digits[..written], width);
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
        address.TryFormat(_bytes[Length..], out int written, "x", CultureInfo.InvariantCulture);
        Length += written;
        Blanks(width - 2 - written);
    }
}
