using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace AllocReplay.Tests.Support;

/// <summary>
/// Rows of an engine in the forms that they can be compared in: <see cref="BigInteger"/>, <see cref="double"/>, <see cref="bool"/>, text and null.
/// </summary>
internal sealed record EngineResult(string[] Names, object?[][] Rows)
{
    /// <summary>Sums of floating point differ in their last digits with the order in which they are added up.</summary>
    private const double Tolerance = 1e-9;

    /// <summary>A result as ClickHouse's format JSONCompact has it.</summary>
    public static EngineResult Of(JsonElement result)
    {
        JsonElement[] columns = [.. result.GetProperty("meta").EnumerateArray()];
        string[] types = [.. columns.Select(c => c.GetProperty("type").GetString()!)];
        return new(
            [.. columns.Select(c => c.GetProperty("name").GetString()!)],
            [.. result.GetProperty("data").EnumerateArray().Select(r => r.EnumerateArray().Select((v, i) => Value(v, types[i])).ToArray())]);
    }

    /// <summary>Rows of the embedded engine.</summary>
    public static EngineResult Of(IEnumerable<string> names, IEnumerable<object?[]> rows) =>
        new([.. names], [.. rows.Select(r => r.Select(Value).ToArray())]);

    /// <summary>All values as texts, in an order that follows from them.</summary>
    public EngineResult AsSortedTexts() => this with
    {
        Rows =
        [
            .. Rows.Select(r => r.Select(v => v is null ? null : (object)Text(v)).ToArray()).OrderBy(r => string.Join('\u0001', r), StringComparer.Ordinal),
        ],
    };

    /// <summary>The columns of these names, in their order.</summary>
    public EngineResult Take(string[] names)
    {
        int[] at = [.. names.Select(n => Array.IndexOf(Names, n))];
        return new(names, [.. Rows.Select(r => at.Select(i => r[i]).ToArray())]);
    }

    /// <summary>The first thing in which another differs, in words; null when it is the same.</summary>
    public string? DifferenceTo(EngineResult other)
    {
        if (!Names.SequenceEqual(other.Names))
            return $"columns {string.Join(", ", Names)}, not {string.Join(", ", other.Names)}";
        if (Rows.Length != other.Rows.Length)
            return $"{Rows.Length} rows, not {other.Rows.Length}";
        return (
            from row in Enumerable.Range(0, Rows.Length)
            from column in Enumerable.Range(0, Names.Length)
            where !Same(Rows[row][column], other.Rows[row][column])
            select $"row {row}, {Names[column]}: {Rows[row][column] ?? "NULL"}, not {other.Rows[row][column] ?? "NULL"}").FirstOrDefault();
    }

    private static bool Same(object? one, object? other) => (one, other) switch
    {
        (double a, BigInteger b) => Near(a, (double)b),
        (BigInteger a, double b) => Near((double)a, b),
        (double a, double b) => Near(a, b),
        _ => Equals(one, other),
    };

    private static bool Near(double a, double b) => a.Equals(b) || Math.Abs(a - b) <= Tolerance * Math.Max(Math.Abs(a), Math.Abs(b));

    private static object? Value(JsonElement value, string type)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return null;
        if (type.Contains("Int", StringComparison.Ordinal))
            return BigInteger.Parse(value.ToString(), CultureInfo.InvariantCulture);
        if (type.Contains("Float", StringComparison.Ordinal))
            return double.Parse(value.ToString(), CultureInfo.InvariantCulture);
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : value.GetString();
    }

    private static object? Value(object? value) => value switch
    {
        int n => new BigInteger(n),
        long n => new BigInteger(n),
        _ => value,
    };

    private static string Text(object value) => value is bool yes ? (yes ? "true" : "false") : Convert.ToString(value, CultureInfo.InvariantCulture)!;
}
