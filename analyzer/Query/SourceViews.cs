using System.Text.RegularExpressions;
using AllocReplay.Analyzer.Tables;

namespace AllocReplay.Analyzer.Query;

/// <summary>
/// What a statement can select from: a view of the engine for each table, and the named views. Each is made when a statement first names it. The engine
/// opens all files of a table to make its view, which of a fleet are thousands, and a statement needs a table or two.
/// </summary>
internal sealed partial class SourceViews(DatasetFiles files, IReadOnlyList<Table> tables, Action<string> execute, Func<string, object?> scalar)
{
    /// <summary>
    /// So many files, and it is worth to look whether they are alike. The engine binds a statement several times until it runs, and where files may differ
    /// it opens all of them each time: of a thousand process images that is most of what a statement takes.
    /// </summary>
    internal const int Many = 16;

    private readonly HashSet<string> _made = [];

    /// <summary>Makes what a statement may read: what its text names, in whatever way, and what that reads.</summary>
    public void MakeFor(string sql)
    {
        bool mayNameAny = NamesAny().IsMatch(sql);
        foreach (Table table in tables.Where(t => mayNameAny || Names(sql, t.Name)))
            Make(table);
        foreach (NamedView view in NamedView.All.Where(v => (mayNameAny || Names(sql, v.Name)) && _made.Add(v.Name)))
        {
            MakeFor(view.Sql);
            execute($"CREATE VIEW {view.Name} AS {view.Sql}");
        }
    }

    /// <summary>Makes all of them.</summary>
    public void MakeAll()
    {
        foreach (Table table in tables)
            Make(table);
    }

    private void Make(Table table)
    {
        if (_made.Contains(table.Name))
            return;
        execute(Sql.TableView(table, files.Has(table) ? [files.RowsOf(table, AreAlike(table))] : []));
        _made.Add(table.Name);
    }

    private bool AreAlike(Table table) => files.CountOf(table) >= Many && scalar(Sql.CountOfSchemas(files.PatternOf(table))) is 1L;

    private static bool Names(string sql, string name) => Regex.IsMatch(sql, $@"\b{name}\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    /// <summary>Statements and functions that list what there is, or take a name as a text.</summary>
    [GeneratedRegex(
        @"\b(?:SHOW|DESCRIBE|SUMMARIZE|information_schema|query|query_table|sqlite_\w+|duckdb_\w+|pragma_\w+|pg_\w+)\b",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex NamesAny();
}
