using System.Globalization;
using System.Text.RegularExpressions;
using DuckDB.NET.Data;
using DuckDB.NET.Native;

namespace AllocReplay.Analyzer.Query;

/// <summary>How the values of a result are given.</summary>
public enum QueryForm
{
    /// <summary>As the types of .NET that fit; a type of the engine that none fits fails.</summary>
    Values,
    /// <summary>As text, as the engine casts it; lists, structs and maps as JSON.</summary>
    Text,
    /// <summary>As <see cref="Text"/>, but values of a union as JSON too, which tells which of its members they are.</summary>
    Json,
}

/// <summary>One statement that reads, and nothing else. The engine's own sandbox lets a statement write into the dataset.</summary>
/// <remarks>
/// What reads is what can stand in parentheses after FROM: the grammar takes no other statement there. PIVOT is one statement to its writer and
/// several to the parser, inside the parentheses too; so the parentheses tell it from several statements.
/// </remarks>
internal sealed partial class ReadStatement
{
    private const string Refusal = "a query can only read: expected SELECT, WITH, FROM, VALUES, PIVOT, UNPIVOT, DESCRIBE, SUMMARIZE, SHOW or EXPLAIN of these";

    /// <summary>Of EXPLAIN. ANALYZE runs the statement, which only reads.</summary>
    private const string Option = @"(?:ANALYZE|FORMAT\s+\w+)";

    private const int SemicolonsMax = 64;

    private readonly DuckDBConnection _connection;
    private readonly string _text;

    private ReadStatement(DuckDBConnection connection, string text, IReadOnlyList<QueryColumn> columns, bool isPlan = false) =>
        (_connection, _text, Columns, IsPlan) = (connection, text, columns, isPlan);

    public IReadOnlyList<QueryColumn> Columns { get; }

    /// <summary>As it was written, without the semicolons that end it.</summary>
    public string Text => _text;

    /// <summary>Whether it is EXPLAIN, whose result is a drawing.</summary>
    public bool IsPlan { get; }

    /// <exception cref="QueryException">It does not parse, is wrong, is not one statement, or does more than read.</exception>
    public static ReadStatement Parse(DuckDBConnection connection, string sql)
    {
        if (ChangesEngine().Match(sql) is { Success: true } match)
            throw new QueryException($"a query can only read: {match.Groups[1].Value} changes the engine, or runs what cannot be checked");
        string text = WithoutSemicolons(connection, sql);
        Match explain = ExplainPrefix().Match(text);
        if (explain.Success && IsReading(connection, text[explain.Length..]))
        {
            using StatementList plan = StatementList.Parse(connection, text);
            return new ReadStatement(connection, text, plan.Describe().Columns, isPlan: true);
        }
        using StatementList statements = StatementList.Parse(connection, text);
        if (statements.Error is { } error)
            throw new QueryException(error.TrimEnd());
        if (statements.Count == 0)
            throw new QueryException("expected one SQL statement, found none");
        if (!IsReading(connection, text))
            throw new QueryException(statements.Count == 1 ? Refusal : $"expected one SQL statement, found {statements.Count}");
        if (statements.Count > 1)
            return new ReadStatement(connection, text, DescribePivot(connection, text));
        (DuckDBStatementType type, IReadOnlyList<QueryColumn> columns) = statements.Describe();
        return type == DuckDBStatementType.Select ? new ReadStatement(connection, text, columns) : throw new QueryException(Refusal);
    }

    /// <summary>The statement that gives its result in a form. Columns go by their place: their names may recur, or be no names.</summary>
    public string In(QueryForm form)
    {
        if (form == QueryForm.Values || IsPlan)
            return _text;
        var values = Columns.Select((_, i) => $"c{i}").ToList();
        int[] nested = [.. Enumerable.Range(0, Columns.Count).Where(i => IsJson(Columns[i], form))];
        foreach ((int column, string type) in nested.Zip(TypesOf(nested)))
            values[column] = NestedJson.Of(values[column], CanBeWritten(type) ? type : null);
        return $"SELECT {string.Join(", ", values.Select(v => $"CAST({v} AS VARCHAR)"))} FROM {Result(Enclosed(_text))}";
    }

    /// <summary>The types of columns, in the engine's words: asked for no row, it runs nothing.</summary>
    private string[] TypesOf(int[] columns)
    {
        if (columns.Length == 0)
            return [];
        using DuckDBCommand command = _connection.CreateCommand();
        command.CommandText = $"SELECT {string.Join(", ", columns.Select(c => $"typeof(any_value(c{c}))"))} "
            + $"FROM {Result($"SELECT * FROM ({Enclosed(_text)}) LIMIT 0")}";
        using DuckDBDataReader reader = command.ExecuteReader();
        reader.Read();
        return [.. columns.Select((_, i) => reader.GetString(i))];
    }

    /// <summary>A row without names has a type that SQL has no words for.</summary>
    private bool CanBeWritten(string type)
    {
        using StatementList cast = StatementList.Parse(_connection, $"SELECT CAST(NULL AS {type})");
        return cast.Error is null;
    }

    private string Result(string select) => $"({select}) AS result({string.Join(", ", Columns.Select((_, i) => $"c{i}"))})";

    /// <summary>The engine's message, with the line of the query as its writer counts them.</summary>
    public string MessageOf(DuckDBException e, QueryForm form) =>
        form == QueryForm.Values || IsPlan ? e.Message.TrimEnd() : MessageOfEnclosed(e);

    private static bool IsJson(QueryColumn column, QueryForm form) =>
        column.Kind == QueryColumnKind.Nested || (column.Kind == QueryColumnKind.Union && form == QueryForm.Json);

    // On lines of its own, as it may end in a comment.
    private static string Enclosed(string text) => $"\n{text}\n";

    private static string MessageOfEnclosed(DuckDBException e) =>
        LineNumber().Replace(e.Message.TrimEnd(), m => FormattableString.Invariant($"LINE {int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture) - 1}:"));

    private static bool IsReading(DuckDBConnection connection, string text)
    {
        using StatementList alone = StatementList.Parse(connection, text);
        using StatementList enclosed = StatementList.Parse(connection, $"SELECT * FROM ({Enclosed(text)})");
        return alone.Count > 0 && enclosed.Count == alone.Count;
    }

    /// <summary>The statements that a PIVOT is made of cannot be bound one by one; asked for no row, they tell the columns.</summary>
    private static List<QueryColumn> DescribePivot(DuckDBConnection connection, string text)
    {
        using DuckDBCommand command = connection.CreateCommand();
        command.CommandText = $"SELECT * FROM ({Enclosed(text)}) LIMIT 0";
        try
        {
            using DuckDBDataReader reader = command.ExecuteReader();
            return Enumerable.Range(0, reader.FieldCount)
                .Select(i => new QueryColumn(reader.GetName(i), QueryColumn.KindOf(Enum.Parse<DuckDBType>(reader.GetDataTypeName(i)))))
                .ToList();
        }
        catch (DuckDBException e)
        {
            throw new QueryException(MessageOfEnclosed(e));
        }
    }

    /// <summary>Without the semicolons that end it: after which there is nothing but white space and comments.</summary>
    private static string WithoutSemicolons(DuckDBConnection connection, string sql)
    {
        // One may stand in a comment behind the last that ends it. Each is parsed, so there is an end to them.
        int looks = SemicolonsMax;
        for (int end = sql.LastIndexOf(';'); end >= 0 && looks-- > 0; end = end > 0 ? sql.LastIndexOf(';', end - 1) : -1)
        {
            using StatementList whole = StatementList.Parse(connection, sql);
            using StatementList head = StatementList.Parse(connection, sql[..end]);
            using StatementList tail = StatementList.Parse(connection, sql[(end + 1)..]);
            if (head.Error is not null || head.Count != whole.Count || tail.Error is not null || tail.Count > 0)
                continue;
            sql = sql[..end];
        }
        return sql;
    }

    /// <summary>
    /// Functions that read like tables and are not: they change the engine or write its log, into the dataset if told to; and those that run
    /// SQL out of a string. Wherever the words stand: better a query too few than a way around in quotes or comments.
    /// </summary>
    [GeneratedRegex("""
        \b((?:enable|disable)_(?:logging|profil\w+|peg_parser) | truncate_duckdb_logs | write_log | json_execute_serialized_sql | arrow_scan\w*
        | (?:force_checkpoint|checkpoint|query|query_table) (?="?[^\w.,;()='+-]*(?:\(|--|/\*)))
        """, RegexOptions.IgnoreCase | RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex ChangesEngine();

    [GeneratedRegex(
        $@"^(?:\s|--[^\n]*\n|/\*.*?\*/)*EXPLAIN(?:\s+ANALYZE|\s*\(\s*{Option}(?:\s*,\s*{Option})*\s*\))?(?=\W)",
        RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex ExplainPrefix();

    [GeneratedRegex(@"(?<=^|\n)LINE (\d+):")]
    private static partial Regex LineNumber();
}
