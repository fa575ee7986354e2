using System.Globalization;

namespace AllocReplay.Cli;

/// <summary>Quantities as people read them; exact figures belong in <c>--json</c>.</summary>
internal static class Quantity
{
    private static readonly string[] BinaryUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    public static string Count(long n) => n.ToString("N0", CultureInfo.InvariantCulture);

    public static string Threads(int n) => n == 1 ? "1 thread" : Count(n) + " threads";

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
        _ => TimeSpan.FromSeconds(ns / 1e9).ToString(@"d\.hh\:mm\:ss", CultureInfo.InvariantCulture).TrimStart('0', '.'),
    };
}
