using System.Globalization;
using System.Numerics;
using AllocReplay.Analyzer.Query;

namespace AllocReplay.Analyzer.Report;

/// <summary>What the view <c>leak_suspects</c> says, in its order, with the columns that it has.</summary>
/// <param name="Columns">Their names.</param>
/// <param name="Rows">A value for each column, null for SQL's NULL: numbers, texts, true and false.</param>
/// <param name="Others">Rows that are left out.</param>
public sealed record SuspectTable(IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<object?>> Rows, long Others)
{
    private const int Shown = 100;

    internal const string View = "leak_suspects";

    internal static SuspectTable Read(ReportScope scope)
    {
        using QueryResult result = scope.Query.Run($"SELECT * FROM {View} WHERE {scope.Where}", QueryForm.Values, scope.Token);
        string[] columns = [.. result.Columns.Select(c => c.Name)];
        int[] shown = [.. Enumerable.Range(0, columns.Length).Where(i => columns[i] is not ("host" or "process" or "site"))];
        var rows = new List<IReadOnlyList<object?>>();
        long all = 0;
        while (result.ReadRow() is { } row)
        {
            if (all++ < Shown)
                rows.Add([.. shown.Select(i => Value(row[i]))]);
        }
        return new SuspectTable([.. shown.Select(i => columns[i])], rows, all - rows.Count);
    }

    /// <summary>As JSON has it: sums are wider than 64 bits to the engine, and what has no form of its own there is text.</summary>
    private static object? Value(object? value) => value switch
    {
        null or bool or long or int => value,
        double number => double.IsFinite(number) ? number : null,
        BigInteger wide => wide >= long.MinValue && wide <= long.MaxValue ? (long)wide : (double)wide,
        string text => ReportText.Cut(text, SiteTable.TextMax),
        IConvertible number when number.GetTypeCode() is > TypeCode.Char and < TypeCode.DateTime => number.ToDouble(CultureInfo.InvariantCulture),
        _ => ReportText.Cut(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "", SiteTable.TextMax),
    };
}
