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

    /// <exception cref="UsageException">It cannot be written there, or would be of no use.</exception>
    public void Refuse()
    {
        File?.Refuse();
        if (Format == QueryFormat.Parquet && File is null && !Console.IsOutputRedirected)
            throw new UsageException("--format parquet: is not text, and standard output is a terminal; -o FILE writes a file");
    }

    /// <summary>Writes a statement's result, whole or not at all where it is a file; not for a table.</summary>
    /// <param name="query">The dataset.</param>
    /// <param name="sql">The statement.</param>
    /// <param name="limit">Rows at the most.</param>
    /// <param name="terminal">For standard output.</param>
    /// <param name="token">Ends it.</param>
    public void Write(DatasetQuery query, string sql, long limit, Terminal terminal, CancellationToken token)
    {
        QueryFormat format = Format;
        if (File is { } file)
        {
            OutputFileWriter.Write(file.Name, file.Force, stream =>
            {
                if (format == QueryFormat.Parquet)
                {
                    query.WriteParquet(sql, limit, stream, token);
                    return 0;
                }
                using var text = new StreamWriter(stream, bufferSize: 1 << 16);
                WriteText(query, sql, format, limit, text, token);
                return 0;
            });
        }
        else if (Format == QueryFormat.Parquet)
        {
            using var output = new DataStream(terminal.Out);
            query.WriteParquet(sql, limit, output, token);
        }
        else
        {
            WriteText(query, sql, Format, limit, terminal.Out, token);
        }
    }

    private static void WriteText(DatasetQuery query, string sql, QueryFormat format, long limit, TextWriter output, CancellationToken token)
    {
        using QueryResult result = query.Run(sql, format is QueryFormat.Json or QueryFormat.Jsonl ? QueryForm.Json : QueryForm.Text, token);
        switch (format)
        {
            case QueryFormat.Json:
                QueryOutput.WriteJson(result, limit, output);
                break;
            case QueryFormat.Jsonl:
                QueryOutput.WriteJsonLines(result, limit, output);
                break;
            case QueryFormat.Md:
                QueryOutput.WriteMarkdown(result, limit, output);
                break;
            default:
                QueryOutput.WriteCsv(result, limit, output);
                break;
        }
    }
}
