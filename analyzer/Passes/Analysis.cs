using System.Diagnostics;
using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Analyzer.Passes;

/// <summary>What to analyze into.</summary>
public sealed record AnalysisOptions
{
    /// <summary>The dataset's directory.</summary>
    public required string Directory { get; init; }
    /// <summary>Write into a directory that is not empty, replacing the tables of the same host and process.</summary>
    public bool Force { get; init; }
    /// <summary>Write what is readable of a damaged trace.</summary>
    public bool Partial { get; init; }
}

/// <summary>A table that was written.</summary>
public sealed record TableResult(string Name, long Rows, int Files, long Bytes);

/// <summary>What an analysis wrote.</summary>
public sealed record AnalysisResult
{
    /// <summary>The dataset's directory.</summary>
    public required string Dataset { get; init; }
    /// <summary>Value of the partition column <c>host</c>.</summary>
    public required string Host { get; init; }
    /// <summary>Value of the partition column <c>process</c>.</summary>
    public required string Process { get; init; }
    /// <summary>The tables, largest first.</summary>
    public required IReadOnlyList<TableResult> Tables { get; init; }
    /// <summary>Events read.</summary>
    public required long Events { get; init; }
    /// <summary>How long it took.</summary>
    public required TimeSpan Elapsed { get; init; }
    /// <summary>The damage that the trace has, or null.</summary>
    public required string? Damage { get; init; }
}

/// <summary>Turns a trace into a Parquet dataset: one streaming pass, with matching and writing side by side.</summary>
public static class Analysis
{
    /// <exception cref="DatasetExistsException">The directory is not empty and force is not given.</exception>
    /// <exception cref="TraceDamagedException">The trace is damaged and a partial result is not asked for. Nothing is written.</exception>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled. Nothing is written.</exception>
    public static async Task<AnalysisResult> RunAsync(
        TraceReader reader, AnalysisOptions options, IProgress<double>? progress = null, CancellationToken token = default)
    {
        if (reader.Damage is not null && !options.Partial)
            throw new TraceDamagedException(reader.Damage);
        long start = Stopwatch.GetTimestamp();
        var partition = new Partition(reader.Session?.Host ?? "", reader.Image);
        IReadOnlyDictionary<string, string> metadata = ProcessTables.Metadata(reader, partition);
        using OutputDirectory output = OutputDirectory.Create(options.Directory, partition, options.Force);

        var totals = new TraceStatistics();
        using var writer = new AllocationWriter(output.Stage(DatasetTables.Allocations), metadata, token);
        try
        {
            Match(reader, totals, writer, progress, token);
            if (reader.Damage is not null && !options.Partial)
                throw new TraceDamagedException(reader.Damage);
            await writer.CompleteAsync().ConfigureAwait(false);
        }
        catch
        {
            await writer.AbortAsync().ConfigureAwait(false);
            throw;
        }
        (IReadOnlyList<Column> threads, int threadRows) = ProcessTables.Threads(reader.Threads, totals);
        await WriteAsync(output, DatasetTables.Threads, threads, threadRows, metadata, token).ConfigureAwait(false);
        (IReadOnlyList<Column> process, int processRows) = ProcessTables.Process(reader, totals);
        await WriteAsync(output, DatasetTables.Process, process, processRows, metadata, token).ConfigureAwait(false);

        // process comes last: where it is, the rest is.
        string[] tables = [DatasetTables.Allocations, DatasetTables.Threads, DatasetTables.Process];
        long[] rows = [writer.Rows, threadRows, processRows];
        IReadOnlyList<(int Files, long Bytes)> files = output.Commit(tables);
        return new AnalysisResult
        {
            Dataset = options.Directory,
            Host = partition.Host,
            Process = partition.Process,
            Tables = tables.Select((t, i) => new TableResult(t, rows[i], files[i].Files, files[i].Bytes)).ToList(),
            Events = totals.Events,
            Elapsed = Stopwatch.GetElapsedTime(start),
            Damage = reader.Damage?.Message,
        };
    }

    private static void Match(
        TraceReader reader, TraceStatistics totals, AllocationWriter writer, IProgress<double>? progress, CancellationToken token)
    {
        var matcher = new LifetimeMatcher(writer);
        reader.ForEach([totals, matcher], progress, token);
        matcher.Finish(totals.DurationNs);
    }

    private static Task WriteAsync(
        OutputDirectory output, string table, IReadOnlyList<Column> columns, int rows,
        IReadOnlyDictionary<string, string> metadata, CancellationToken token) =>
        TableFile.WriteTableAsync(Path.Combine(output.Stage(table), TableFile.PartName(0)), columns, rows, metadata, token);
}
