using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Tables;

namespace AllocReplay.Cli.Prompt;

/// <summary>What there is to select from in a dataset, and its columns.</summary>
internal sealed class QueryNames(DatasetQuery query)
{
    private readonly Dictionary<string, IReadOnlyList<string>> _columns = [];

    /// <summary>The tables and the views, by name.</summary>
    public static IReadOnlyList<string> Sources { get; } =
        [.. DatasetTables.All.Select(t => t.Name).Concat(NamedView.All.Select(v => v.Name)).Order(StringComparer.Ordinal)];

    /// <summary>Columns of a table or view; none where the dataset cannot tell, as it is damaged: who selects from it is told.</summary>
    public IReadOnlyList<string> ColumnsOf(string source)
    {
        if (!_columns.TryGetValue(source, out IReadOnlyList<string>? columns))
        {
            try
            {
                columns = [.. Describe(source).Select(c => c.Name)];
            }
            catch (Exception e) when (Failures.Classify(e) is not null)
            {
                columns = [];
            }
            _columns.Add(source, columns);
        }
        return columns;
    }

    /// <summary>Columns of a table or view with the engine's types.</summary>
    /// <exception cref="UsageException">There is none of that name.</exception>
    public IReadOnlyList<(string Name, string Type)> Describe(string source)
    {
        if (!Sources.Contains(source))
            throw new UsageException($"no table or view {source}; .tables lists them");
        using QueryResult result = query.Run($"DESCRIBE SELECT * FROM {source}", QueryForm.Text);
        return [.. result.ReadRows().Select(r => ((string)r[0]!, (string)r[1]!))];
    }
}
