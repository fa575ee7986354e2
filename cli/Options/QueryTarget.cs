using AllocReplay.Analyzer.Export;
using AllocReplay.Analyzer.Query;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Options;

/// <summary>How the result of a query is written.</summary>
internal enum QueryFormat { Table, Csv, Json, Jsonl, Md, Parquet }

/// <summary>Where the result of a query goes, and in which form.</summary>
/// <param name="Format">The form.</param>
/// <param name="File">The file, or null for standard output.</param>
internal readonly record struct QueryTarget(QueryFormat Format, OutputFile? File)
{
    /// <summary>Rows that a terminal table shows unless a limit says otherwise.</summary>
    public const long TableRows = 100;

    /// <summary>What <c>--format</c>, <c>--json</c>, <c>--csv</c> and the ending of a file's name say together.</summary>
    /// <exception cref="UsageException">They do not go together.</exception>
    public static QueryTarget Of(string? format, bool json, bool csv, OutputFile? file)
    {
        if (json && csv)
            throw new UsageException("--json and --csv exclude each other");
        if (format is not null && (json || csv))
            throw new UsageException($"--format and {(json ? "--json" : "--csv")} exclude each other");
        QueryFormat chosen = json ? QueryFormat.Json
            : csv ? QueryFormat.Csv
            : format is not null ? Enum.Parse<QueryFormat>(format, ignoreCase: true)
            : file is { } f ? ByEnding(f.Name)
            : QueryFormat.Table;
        if (chosen == QueryFormat.Table && file is not null)
            throw new UsageException("--format table: is for the terminal; a file is csv, json, jsonl, md or parquet");
        return new QueryTarget(chosen, file);
    }

    private static QueryFormat ByEnding(string name) => Path.GetExtension(name).ToLowerInvariant() switch
    {
        ".csv" => QueryFormat.Csv,
        ".json" => QueryFormat.Json,
        ".jsonl" or ".ndjson" => QueryFormat.Jsonl,
        ".md" => QueryFormat.Md,
        ".parquet" => QueryFormat.Parquet,
        _ => throw new UsageException($"{name}: its ending is no format; --format csv, json, jsonl, md or parquet says which it is to be"),
    };

    /// <param name="dataset">What is read.</param>
    /// <exception cref="UsageException">It cannot be written there, or would be of no use.</exception>
    public void Refuse(string dataset)
    {
        if (File is { } file && Path.GetFullPath(file.Name).StartsWith(Path.GetFullPath(dataset).TrimEnd('/') + "/", StringComparison.Ordinal))
            throw new UsageException($"{file.Name}: lies in the dataset that is read; choose another place");
        File?.Refuse();
        if (Format == QueryFormat.Parquet && File is null && !Console.IsOutputRedirected)
            throw new UsageException("--format parquet: is not text, and standard output is a terminal; -o FILE writes a file");
    }

    /// <summary>Runs a statement and writes its result: whole or not at all where it is a file. What a reader would wonder at is noted.</summary>
    /// <param name="query">The dataset.</param>
    /// <param name="sql">The statement.</param>
    /// <param name="view">Name of the view that it is, if it is one.</param>
    /// <param name="limit">Rows at the most; null: as many as the format shows.</param>
    /// <param name="more">What would set the limit, for the note that there is more.</param>
    /// <param name="terminal">For standard output, and notes.</param>
    /// <param name="token">Ends it.</param>
    /// <returns>Rows that were written, where they were counted.</returns>
    public long? Answer(DatasetQuery query, string sql, string? view, long? limit, string more, Terminal terminal, CancellationToken token)
    {
        (long? rows, bool isCut) = Format == QueryFormat.Table
            ? WriteTable(query, sql, limit ?? TableRows, terminal, token)
            : (Write(query, sql, limit ?? long.MaxValue, terminal, token), false);
        if (isCut && limit is null)
            terminal.Note($"Only the first {rows} rows are shown; {more} shows more, other formats all.");
        if (query.StacksMissingFor(view ?? sql) is { } missing)
            terminal.Note(Worded(missing));
        return rows;
    }

    private static string Worded(MissingStacks missing)
    {
        string what = missing.Without == missing.Images
            ? "The dataset has no call stacks, which this asks for"
            : $"{Quantity.Count(missing.Without)} of {Quantity.Count(missing.Images)} process images have no call stacks, which this asks for";
        return $"{what}: record with 'allocreplay record --stacks auto' and analyze that.";
    }

    private static (long? Rows, bool IsCut) WriteTable(DatasetQuery query, string sql, long limit, Terminal terminal, CancellationToken token)
    {
        using QueryResult result = query.Run(sql, QueryForm.Text, token);
        return QueryTable.Write(result, limit, terminal);
    }

    private long? Write(DatasetQuery query, string sql, long limit, Terminal terminal, CancellationToken token)
    {
        QueryFormat format = Format;
        if (File is { } file)
        {
            return OutputFileWriter.Write<long?>(file.Name, file.Force, stream =>
            {
                if (format == QueryFormat.Parquet)
                {
                    query.WriteParquet(sql, limit, stream, token);
                    return null;
                }
                using var text = new StreamWriter(stream, bufferSize: 1 << 16);
                return WriteText(query, sql, format, limit, text, token);
            });
        }
        if (Format != QueryFormat.Parquet)
            return WriteText(query, sql, Format, limit, terminal.Out, token);
        using var output = new DataStream(terminal.Out);
        query.WriteParquet(sql, limit, output, token);
        return null;
    }

    private static long WriteText(DatasetQuery query, string sql, QueryFormat format, long limit, TextWriter output, CancellationToken token)
    {
        using QueryResult result = query.Run(sql, format is QueryFormat.Json or QueryFormat.Jsonl ? QueryForm.Json : QueryForm.Text, token);
        return format switch
        {
            QueryFormat.Json => QueryOutput.WriteJson(result, limit, output),
            QueryFormat.Jsonl => QueryOutput.WriteJsonLines(result, limit, output),
            QueryFormat.Md => QueryOutput.WriteMarkdown(result, limit, output),
            _ => QueryOutput.WriteCsv(result, limit, output),
        };
    }
}
