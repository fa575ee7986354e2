using System.Globalization;
using System.Text.RegularExpressions;

namespace AllocReplay.Analyzer.Query;

/// <summary>What a parameter of a view is, and so how its value is written.</summary>
public enum ViewParameterType
{
    /// <summary>Bytes: 500, 64K, 10M, 2G, 1T; powers of 1024.</summary>
    Bytes,
    /// <summary>A time: 0, 100ns, 20us, 5ms, 30s, 5m, 1h; a number alone is seconds. <c>none</c> where that is the default.</summary>
    Time,
    /// <summary>How many: 0 or more.</summary>
    Count,
    /// <summary>Text, as it stands.</summary>
    Text,
    /// <summary>A part of a whole, 0 to 1 or 0% to 100%.</summary>
    Ratio,
}

/// <summary>A parameter of a named view: <c>-- :name type = default: meaning</c> in the comments at the head of its file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">What it is.</param>
/// <param name="Default">Its default, as a user would write it.</param>
/// <param name="Meaning">One line.</param>
public sealed partial record ViewParameter(string Name, ViewParameterType Type, string Default, string Meaning)
{
    /// <summary>A time that is not given; SQL has -1 for it.</summary>
    private const string None = "none";

    private static readonly (string Unit, double Ns)[] Times =
        [("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9), ("", 1e9)];

    /// <summary>The parameters that a file declares, in their order.</summary>
    internal static IReadOnlyList<ViewParameter> Of(string sql) => Declaration().Matches(sql)
        .Select(m => new ViewParameter(
            m.Groups[1].Value, Enum.Parse<ViewParameterType>(m.Groups[2].Value, ignoreCase: true), m.Groups[3].Value, m.Groups[4].Value))
        .ToList();

    /// <summary>
    /// The SQL of a view with literals in the places that have a parameter's name before them: <c>/*:name*/</c> and a literal. In one pass: what
    /// a text has in it is no place.
    /// </summary>
    internal static string PutInto(string sql, IReadOnlyDictionary<string, string> literals) => Place().Replace(
        sql, m => literals.TryGetValue(m.Groups[2].Value, out string? literal) ? m.Groups[1].Value + literal : m.Value);

    /// <summary>A value as a literal of SQL: bytes, and nanoseconds of a time.</summary>
    /// <exception cref="QueryException">It is no value of the type.</exception>
    internal string LiteralOf(string value) => Type switch
    {
        ViewParameterType.Text => Sql.Literal(value),
        ViewParameterType.Bytes => Bytes(value) ?? throw Wrong(value, "a size such as 64K or 1M"),
        ViewParameterType.Time when value == None && Default == None => "-1",
        ViewParameterType.Time => Time(value) ?? throw Wrong(value, "a time such as 500ms, 30s or 5m"),
        ViewParameterType.Ratio => Ratio(value) ?? throw Wrong(value, "a part of a whole such as 0.05 or 5%"),
        _ => Count(value) ?? throw Wrong(value, "a number, 0 or more"),
    };

    private QueryException Wrong(string value, string expected) => new($"{Name}={value}: expected {expected}");

    private static string? Count(string value) =>
        long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long n) ? n.ToString(CultureInfo.InvariantCulture) : null;

    private static string? Bytes(string value)
    {
        int shift = value.Length == 0 ? 0 : 10 * ("KMGT".IndexOf(char.ToUpperInvariant(value[^1])) + 1);
        return Count(shift > 0 ? value[..^1] : value) is { } digits && long.Parse(digits, CultureInfo.InvariantCulture) is var n && n <= long.MaxValue >> shift
            ? (n << shift).ToString(CultureInfo.InvariantCulture)
            : null;
    }

    private static string? Time(string value)
    {
        (string unit, double ns) = Times.First(t => value.EndsWith(t.Unit, StringComparison.Ordinal));
        return Decimal(value[..^unit.Length]) is { } n && n * ns < long.MaxValue / 2 ? ((long)Math.Round(n * ns)).ToString(CultureInfo.InvariantCulture) : null;
    }

    private static string? Ratio(string value)
    {
        double? n = value.EndsWith('%') ? Decimal(value[..^1]) / 100 : Decimal(value);
        return n <= 1 ? n.Value.ToString("0.0##########", CultureInfo.InvariantCulture) : null;
    }

    private static double? Decimal(string value) =>
        double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double n) ? n : null;

    [GeneratedRegex(@"(/\*:(\w+)\*/)(?:-?[\d.]+|'(?:[^']|'')*')")]
    private static partial Regex Place();

    [GeneratedRegex(@"^-- :(\w+) (bytes|time|count|text|ratio) = (.*?): (.+)$", RegexOptions.Multiline)]
    private static partial Regex Declaration();
}
