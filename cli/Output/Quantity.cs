using System.Globalization;

namespace AllocReplay.Cli.Output;

/// <summary>Quantities as people read them; exact figures belong in <c>--json</c>.</summary>
internal static class Quantity
{
    private static readonly string[] BinaryUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    private static readonly string[] SizeUnits = ["", "K", "M", "G", "T"];

    public static string Count(long n) => n.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>So many of something: 1 call, 2 calls.</summary>
    /// <param name="n">How many.</param>
    /// <param name="one">The word for one.</param>
    /// <param name="many">The word for any other number, where an s does not make it.</param>
    public static string Count(long n, string one, string? many = null) => $"{Count(n)} {(n == 1 ? one : many ?? one + "s")}";

    public static string Count(ulong n, string one) => Count(n > long.MaxValue ? long.MaxValue : (long)n, one);

    public static string Bytes(double bytes)
    {
        int unit = 0;
        while (Math.Abs(bytes) >= 1024 && unit < BinaryUnits.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }
        return bytes.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture) + " " + BinaryUnits[unit];
    }

    public static string Duration(double ns) => ns switch
    {
        < 1e3 => string.Create(CultureInfo.InvariantCulture, $"{ns:0} ns"),
        < 1e6 => string.Create(CultureInfo.InvariantCulture, $"{ns / 1e3:0.0} µs"),
        < 1e9 => string.Create(CultureInfo.InvariantCulture, $"{ns / 1e6:0.0} ms"),
        < 60e9 => string.Create(CultureInfo.InvariantCulture, $"{ns / 1e9:0.00} s"),
        < 3600e9 => TimeSpan.FromSeconds(ns / 1e9).ToString(@"m' min 'ss' s'", CultureInfo.InvariantCulture),
        < 86400e9 => TimeSpan.FromSeconds(ns / 1e9).ToString(@"h' h 'mm' min'", CultureInfo.InvariantCulture),
        _ => TimeSpan.FromSeconds(ns / 1e9).ToString(@"d' d 'hh' h'", CultureInfo.InvariantCulture),
    };

    /// <summary>A size as people write it: 500, 64K, 64KiB, 10M, 2G; powers of 1024.</summary>
    /// <exception cref="UsageException">It is none, or is 0.</exception>
    public static long ParseBytes(string option, string text) =>
        TryParseBytes(text) ?? throw new UsageException($"{option} {text}: expected a size such as 500M or 2G");

    /// <summary>The same; null where it is none, or is 0.</summary>
    public static long? TryParseBytes(string text)
    {
        string digits = text.TrimEnd([.. "KMGTiBkmgtIb"]), unit = text[digits.Length..].ToUpperInvariant();
        int power = Array.FindIndex(SizeUnits, u => unit == u || unit == (u.Length == 0 ? "B" : $"{u}IB"));
        return power >= 0 && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long n) && n > 0 && n < long.MaxValue >> (10 * power)
            ? n << (10 * power)
            : null;
    }

    /// <summary>A time as people write it: 30, 500ms, 30s, 5m, 1h.</summary>
    /// <exception cref="UsageException">It is none, or is 0.</exception>
    public static TimeSpan ParseTime(string option, string text)
    {
        (string unit, double seconds) = new[] { ("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("", 1.0) }
            .First(u => text.EndsWith(u.Item1, StringComparison.Ordinal));
        return double.TryParse(text[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double n) && n > 0 && n * seconds < 1e9
            ? TimeSpan.FromSeconds(n * seconds)
            : throw new UsageException($"{option} {text}: expected a time such as 500ms, 30s or 5m");
    }

    /// <summary>A time since the start, which may be 0, in ns; to the nanosecond, as events are told apart by them.</summary>
    public static long ParseMoment(string option, string text)
    {
        (string unit, decimal ns) = new[] { ("ns", 1m), ("us", 1e3m), ("ms", 1e6m), ("s", 1e9m), ("m", 60e9m), ("h", 3600e9m), ("", 1e9m) }
            .First(u => text.EndsWith(u.Item1, StringComparison.Ordinal));
        return decimal.TryParse(text[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal n) && n < 1e18m / ns
            ? (long)(n * ns)
            : throw new UsageException($"{option} {text}: expected a time such as 500ms, 30s or 5m");
    }
}
