using System.Text.RegularExpressions;

namespace AllocReplay.Analyzer.Query;

/// <summary>
/// Nested values as JSON with their numbers as the engine prints them: its to_json makes a DOUBLE of a FLOAT, and 0.1 is
/// 0.10000000149011612 then. By way of text it is the DOUBLE with those digits.
/// </summary>
internal static partial class NestedJson
{
    /// <summary>The expression that makes JSON of a column.</summary>
    /// <param name="column">Its name.</param>
    /// <param name="type">Its type, as typeof prints it; null where it cannot be cast to another.</param>
    public static string Of(string column, string? type) => type is not null && HasFloat(type)
        ? $"to_json(CAST(CAST({column} AS {With(type, "VARCHAR")}) AS {With(type, "DOUBLE")}))"
        : $"to_json({column})";

    private static bool HasFloat(string type) => With(type, "") != type;

    private static string With(string type, string instead) => Float().Replace(type, m => m.Groups[1].Success ? instead : m.Value);

    // Not in names of fields or values of an ENUM, which are in quotes or followed by a type.
    [GeneratedRegex(""" "(?:[^"]|"")*" | '(?:[^']|'')*' | \b(FLOAT)(?=[\[\],)]|$) """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Float();
}
