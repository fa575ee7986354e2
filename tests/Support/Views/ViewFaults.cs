using System.Text.RegularExpressions;

namespace AllocReplay.Tests.Support.Views;

/// <summary>Small changes of the text of a view, one at a time, as a slip of the hand makes them.</summary>
internal static partial class ViewFaults
{
    private static readonly (Regex What, string By)[] Rules =
    [
        (new(@"(?<= )<=(?= )"), "<"), (new(@"(?<= )>=(?= )"), ">"), (new(@"(?<= )<(?= )"), "<="), (new(@"(?<= )>(?= )"), ">="), (new(@"(?<= )<>(?= )"), "="),
        (new(@"\w+\.host = \w+\.host AND "), ""), (new(@" AND \w+\.process = \w+\.process"), ""),
        (new(@"'alive_at_end'"), "'freed'"), (new(@"'freed'"), "'lost_free'"), (new(@"'reallocated'"), "'freed'"), (new(@"'lost_free'"), "'freed'"),
        (new(@"\bmax\("), "min("), (new(@"\bmin\("), "max("), (new(@"\bsum\("), "max("), (new(@"DISTINCT "), ""), (new(@" DESC\b"), ""),
        (new(@"(?<=\w) - (?=[\w(])"), " + "), (new(@" \+ (?=\w)"), " - "), (new(@"\bTHEN 1 ELSE 0 END"), "THEN 0 ELSE 1 END"),
    ];

    /// <summary>The statements that come of changing a view with values for its parameters, each with what was changed.</summary>
    public static IEnumerable<(string Sql, string Change)> Of(string sql)
    {
        int start = Head().Match(sql).Length;
        foreach ((Regex what, string by) in Rules)
        {
            foreach (Match match in what.Matches(sql, start))
            {
                string line = sql[(sql.LastIndexOf('\n', match.Index) + 1)..match.Index].TrimStart() + $"[{match.Value.Trim()} → {by.Trim()}]"
                    + sql[(match.Index + match.Length)..].Split('\n')[0];
                yield return (sql[..match.Index] + by + sql[(match.Index + match.Length)..], line);
            }
        }
    }

    [GeneratedRegex(@"^(--.*\n)*")]
    private static partial Regex Head();
}
