using System.Diagnostics;
using System.Globalization;
using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Analyzer.Passes;

/// <summary>Turns a trace into a Parquet dataset: one streaming pass, with matching and writing side by side.</summary>
public static class Analysis
{
    /// <summary>Events between two looks at progress and cancellation.</summary>
    private const int ReportEvery = 1 << 16;

    /// <exception cref="DatasetExistsException">The directory is not empty and force is not given.</exception>
    /// <exception cref="TraceDamagedException">The trace is damaged and a partial result is not asked for. Nothing is written.</exception>
    /// <exception cref="DatasetNotWritableException">The directory cannot be written.</exception>
    /// <exception cref="IOException">The trace cannot be read, or the disk is full.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled. Nothing is written.</exception>
    public static async Task<AnalysisResult> RunAsync(
        TraceReader reader, AnalysisOptions options, IProgress<double>? progress = null, CancellationToken token = default)
    {
        if (reader.Damage is not null && !options.Partial)
            throw new TraceDamagedException(reader.Damage);
        long start = Stopwatch.GetTimestamp();
        var partition = new Partition(reader.Session?.Host ?? "", reader.Image);
        IReadOnlyDictionary<string, string> metadata = Metadata(reader, partition);
        using OutputDirectory output = OutputDirectory.Create(options.Directory, partition, options.Force);

        var totals = new TraceTotals();
        using var writer = new AllocationWriter(output.Stage(DatasetTables.Allocations.Name), metadata, token);
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
        IReadOnlyList<ThreadRow> threads = ThreadRow.Of(reader.Threads, totals);
        await WriteAsync(output, DatasetTables.Threads, threads, metadata, token).ConfigureAwait(false);
        ProcessRow process = ProcessRow.Of(reader, totals, writer.SaturatedSizes);
        await WriteAsync(output, DatasetTables.Process, [process], metadata, token).ConfigureAwait(false);

        (Table Table, long Rows)[] tables = [(DatasetTables.Allocations, writer.Rows), (DatasetTables.Threads, threads.Count), (DatasetTables.Process, 1)];
        IReadOnlyList<(int Files, long Bytes)> files = output.Commit(tables.Select(t => t.Table.Name).ToList());
        return new AnalysisResult
        {
            Dataset = options.Directory,
            Host = partition.Host,
            Process = partition.Process,
            Tables = tables.Select((t, i) => new TableResult(t.Table.Name, t.Rows, files[i].Files, files[i].Bytes)).ToList(),
            Events = totals.Events,
            Elapsed = Stopwatch.GetElapsedTime(start),
            Damage = reader.Damage?.Message,
        };
    }

    private static void Match(
        TraceReader reader, TraceTotals totals, AllocationWriter writer, IProgress<double>? progress, CancellationToken token)
    {
        var matcher = new LifetimeMatcher(writer, reader.Process.Latency);
        while (reader.Read(out TraceEvent e))
        {
            totals.Add(e);
            matcher.Add(e);
            if (totals.Events % ReportEvery == 0)
            {
                token.ThrowIfCancellationRequested();
                progress?.Report(reader.Progress);
            }
        }
        matcher.Finish(totals.DurationNs);
    }

    private static Task WriteAsync<TRow>(
        OutputDirectory output, Table<TRow> table, IReadOnlyList<TRow> rows, IReadOnlyDictionary<string, string> metadata, CancellationToken token)
        where TRow : struct
    {
        string path = Path.Combine(output.Stage(table.Name), TableFile.PartName(0));
        return TableFile.WriteTableAsync(path, table.CreateBatch(rows).Columns, rows.Count, metadata, token);
    }

    /// <summary>What every file of the dataset says of itself, so that one file alone can be understood.</summary>
    private static Dictionary<string, string> Metadata(TraceReader reader, Partition partition) => new()
    {
        ["allocreplay.version"] = ProcessRow.Version,
        ["allocreplay.dataset_version"] = DatasetTables.Version.ToString(CultureInfo.InvariantCulture),
        ["allocreplay.host"] = partition.Host,
        ["allocreplay.process"] = partition.Process,
        ["allocreplay.started_epoch_ns"] = FormattableString.Invariant($"{ProcessRow.EpochNs(reader.Process.Started)}"),
    };
}
