using System.Diagnostics;
using System.Globalization;
using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Stacks;
using AllocReplay.Formats.Statistics;
using Trace = AllocReplay.Formats.Trace;

namespace AllocReplay.Analyzer.Passes;

/// <summary>Turns a trace into a Parquet dataset: one streaming pass, with matching and writing side by side.</summary>
public static class Analysis
{
    /// <summary>Rows of a row group of a table that mostly has few.</summary>
    private const int SmallGroupRows = 1 << 13;

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
        var format = new FileFormat(Metadata(reader, partition), options.Compression);
        using OutputDirectory output = OutputDirectory.Create(options.Directory, partition, options.Force);

        (FrameTable frames, CallSites? sites, TraceFormatException? unreadable) = SitesOf(reader, options);
        TraceTotals totals = await ReadAsync(reader, output, format, sites, options, progress, token).ConfigureAwait(false);
        TraceStatistics statistics = totals.Statistics;
        long durationNs = statistics.DurationNs;
        string? damage = (reader.Damage ?? unreadable)?.Message;
        var small = new SmallTables(output, format, token);
        var written = new WrittenCurves(output, options.WriterThreads, token);
        var stackTables = new StackTables(frames, sites ?? new CallSites(FrameTable.Empty, SymbolTable.Empty));
        (Table Table, long Rows)[] tables =
        [
            .. totals.Tables,
            await small.WriteAsync(DatasetTables.Threads, ThreadRow.Of(reader.Threads, statistics)).ConfigureAwait(false),
            await small.WriteAsync(DatasetTables.Timeline, [.. totals.Timeline.Rows(durationNs, written)]).ConfigureAwait(false),
            await small.WriteAsync(DatasetTables.Memory, [.. reader.MemorySamples.Select(MemoryRow.Of)]).ConfigureAwait(false),
            await small.WriteAsync(DatasetTables.Markers, [.. reader.Markers.Select(MarkerRow.Of)]).ConfigureAwait(false),
            await small.WriteAsync(DatasetTables.Intervals, [.. reader.Intervals.Select(i => IntervalRow.Of(i, durationNs))]).ConfigureAwait(false),
            .. await stackTables.WriteAsync(output, format, token).ConfigureAwait(false),
            await small.WriteAsync(DatasetTables.Process, [ProcessRow.Of(reader, statistics, totals.SaturatedSizes, damage)]).ConfigureAwait(false),
        ];
        IReadOnlyList<(int Files, long Bytes)> files = output.Commit(tables.Select(t => t.Table.Name).ToList());
        return new AnalysisResult
        {
            Dataset = options.Directory,
            Host = partition.Host,
            Process = partition.Process,
            Tables = tables.Select((t, i) => new TableResult(t.Table.Name, t.Rows, files[i].Files, files[i].Bytes)).ToList(),
            Events = statistics.Events,
            ElapsedNs = (long)Stopwatch.GetElapsedTime(start).TotalNanoseconds,
            Damage = damage,
            Sample = reader.Process.Sample,
            SampleScheme = reader.Process.SampleScheme,
            Estimates = statistics.Estimates,
        };
    }

    /// <summary>Analyzes every process image of a trace into one dataset, side by side, busiest first. When one fails, those before it are there.</summary>
    /// <exception cref="TracePartException">No image has the interval or the marks of the range.</exception>
    /// <inheritdoc cref="RunAsync"/>
    public static async Task<SessionAnalysis> RunAllAsync(
        Trace trace, TraceRange? range, AnalysisOptions options, IProgress<double>? progress = null, CancellationToken token = default)
    {
        var results = new List<AnalysisResult>();
        var without = new List<ImageWithoutPart>();
        double total = Math.Max(1, trace.Images.Sum(i => i.EventBytes)), done = 0;
        foreach (ProcessImage image in trace.Images)
        {
            TraceReader reader;
            try
            {
                reader = trace.OpenImage(image.Name, range);
            }
            catch (TracePartException e) when (trace.Images.Count > without.Count + 1)
            {
                without.Add(new ImageWithoutPart(image.Name, e.Message));
                continue;
            }
            using (reader)
            {
                var share = new Share(progress, done / total, image.EventBytes / total);
                // Only the first finds the directory as the caller left it.
                AnalysisOptions own = options with { Force = options.Force || results.Count > 0 };
                results.Add(await RunAsync(reader, own, share, token).ConfigureAwait(false));
            }
            done += image.EventBytes;
        }
        return new SessionAnalysis(options.Directory, results, without);
    }

    /// <summary>Progress of a part of the work.</summary>
    private sealed class Share(IProgress<double>? whole, double from, double share) : IProgress<double>
    {
        public void Report(double value) => whole?.Report(from + value * share);
    }

    /// <summary>The stacks, and what is to be told of calls; none where the trace has no stacks, or damaged ones of which the rest is asked for.</summary>
    private static (FrameTable Frames, CallSites? Sites, TraceFormatException? Damage) SitesOf(TraceReader reader, AnalysisOptions options)
    {
        if (!reader.Process.Stacks && !reader.Process.FreeStacks)
            return (FrameTable.Empty, null, null);
        try
        {
            FrameTable frames = reader.Frames;
            return (frames, new CallSites(frames, options.Symbols?.Invoke(reader) ?? reader.Symbols, reader.Process.Sampling), null);
        }
        catch (TraceFormatException e)
        {
            return options.Partial ? (FrameTable.Empty, null, e) : throw new TraceDamagedException(e);
        }
    }

    /// <summary>Reads the trace, and writes the tables that grow with it meanwhile.</summary>
    private static async Task<TraceTotals> ReadAsync(
        TraceReader reader, OutputDirectory output, FileFormat format, CallSites? sites, AnalysisOptions options, IProgress<double>? progress,
        CancellationToken token)
    {
        using var turn = new SemaphoreSlim(options.WriterThreads);
        using TableWriter<AllocationRow> allocations = Writer(DatasetTables.Allocations);
        using TableWriter<AnomalyRow> anomalies = Writer(DatasetTables.Anomalies, SmallGroupRows);
        using TableWriter<RegionRow> regions = Writer(DatasetTables.Regions, SmallGroupRows);
        using TableWriter<EventRow>? events = options.Events ? Writer(DatasetTables.Events) : null;
        var statistics = new TraceStatistics(reader.Carried, reader.Process.Sampling);
        statistics.Certainty.See(reader);
        var odd = new Anomalies(anomalies, reader, sites);
        var blocks = new BlockSinks(allocations, odd, reader.Carried?.UntilNs ?? 0);
        var matcher = new LifetimeMatcher(blocks, reader.Process.Latency, sites, statistics.Certainty, reader.Process.Sampling);
        var mapped = new RegionRows(regions, sites);
        List<ITraceSink> sinks = [statistics, matcher, odd, mapped];
        List<ITableWriter> writers = [allocations, regions, anomalies];
        if (events is not null)
        {
            sinks.Add(new EventRows(events, reader.Process.Latency, sites));
            writers.Add(events);
        }
        try
        {
            reader.ForEach(sinks, progress, token);
            matcher.Finish(statistics.DurationNs);
            mapped.Finish(statistics.DurationNs);
            if (reader.Damage is not null && !options.Partial)
                throw new TraceDamagedException(reader.Damage);
            foreach (ITableWriter writer in writers)
                await writer.CompleteAsync().ConfigureAwait(false);
        }
        catch
        {
            await Task.WhenAll(writers.Select(w => w.AbortAsync())).ConfigureAwait(false);
            throw;
        }
        (Table, long)[] tables = [.. writers.Select(w => (w.Table, w.Rows))];
        return new TraceTotals(statistics, blocks.Timeline, blocks.SaturatedSizes, tables);

        TableWriter<TRow> Writer<TRow>(Table<TRow> table, int groupRows = TableWriter<TRow>.GroupRows) where TRow : struct =>
            new(table, output.Stage(table.Name), format, token, turn, groupRows);
    }

    /// <summary>What was read of a trace.</summary>
    private sealed record TraceTotals(TraceStatistics Statistics, Timeline Timeline, long SaturatedSizes, IReadOnlyList<(Table Table, long Rows)> Tables);

    /// <summary>A row goes into its table and into the timeline, and is looked at.</summary>
    private sealed class BlockSinks(TableWriter<AllocationRow> writer, Anomalies anomalies, long fromNs) : IAllocationSink
    {
        public Timeline Timeline { get; } = new(fromNs);

        /// <summary>Rows whose size is the largest that the column can hold.</summary>
        public long SaturatedSizes { get; private set; }

        public void Add(in AllocationRow row)
        {
            writer.Add(row);
            Timeline.Add(row);
            if (row.Size == long.MaxValue)
                SaturatedSizes++;
        }

        public void Add(in AllocationRow row, in TraceCall by)
        {
            Add(row);
            anomalies.Look(row, by);
        }
    }

    /// <summary>Writes tables of one row group.</summary>
    private sealed class SmallTables(OutputDirectory output, FileFormat format, CancellationToken token)
    {
        public async Task<(Table Table, long Rows)> WriteAsync<TRow>(Table<TRow> table, IReadOnlyList<TRow> rows) where TRow : struct
        {
            string path = Path.Combine(output.Stage(table.Name), TableFile.PartName(0));
            await TableFile.WriteTableAsync(path, table.CreateBatch(rows).Columns, rows.Count, format, token).ConfigureAwait(false);
            return (table, rows.Count);
        }
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
