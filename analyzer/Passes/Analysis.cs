using System.Diagnostics;
using System.Globalization;
using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Formats.Statistics;
using Trace = AllocReplay.Formats.Trace;

namespace AllocReplay.Analyzer.Passes;

/// <summary>Turns a trace into a Parquet dataset: one streaming pass, with matching and writing side by side.</summary>
public static class Analysis
{
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

        var totals = new TraceStatistics();
        (FrameTable frames, CallSites? sites, TraceFormatException? unreadable) = SitesOf(reader, options);
        var timeline = new Timeline();
        using var writer = new AllocationWriter(output.Stage(DatasetTables.Allocations.Name), metadata, token);
        try
        {
            Match(reader, totals, new BlockSinks(writer, timeline), sites, progress, token);
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
        TimelineRow[] curve = [.. timeline.Rows(totals.DurationNs)];
        MarkerRow[] markers = [.. reader.Markers.Select(MarkerRow.Of)];
        IntervalRow[] intervals = [.. reader.Intervals.Select(i => IntervalRow.Of(i, totals.DurationNs))];
        await WriteAsync(output, DatasetTables.Timeline, curve, metadata, token).ConfigureAwait(false);
        await WriteAsync(output, DatasetTables.Markers, markers, metadata, token).ConfigureAwait(false);
        await WriteAsync(output, DatasetTables.Intervals, intervals, metadata, token).ConfigureAwait(false);
        var stackTables = new StackTables(frames, sites ?? new CallSites(FrameTable.Empty, SymbolTable.Empty));
        IReadOnlyList<(Table Table, long Rows)> stacks = await stackTables.WriteAsync(output, metadata, token).ConfigureAwait(false);
        string? damage = (reader.Damage ?? unreadable)?.Message;
        ProcessRow process = ProcessRow.Of(reader, totals, writer.SaturatedSizes, damage);
        await WriteAsync(output, DatasetTables.Process, [process], metadata, token).ConfigureAwait(false);

        (Table Table, long Rows)[] tables =
        [
            (DatasetTables.Allocations, writer.Rows), (DatasetTables.Threads, threads.Count), (DatasetTables.Timeline, curve.Length),
            (DatasetTables.Markers, markers.Length), (DatasetTables.Intervals, intervals.Length), .. stacks, (DatasetTables.Process, 1),
        ];
        IReadOnlyList<(int Files, long Bytes)> files = output.Commit(tables.Select(t => t.Table.Name).ToList());
        return new AnalysisResult
        {
            Dataset = options.Directory,
            Host = partition.Host,
            Process = partition.Process,
            Tables = tables.Select((t, i) => new TableResult(t.Table.Name, t.Rows, files[i].Files, files[i].Bytes)).ToList(),
            Events = totals.Events,
            ElapsedNs = (long)Stopwatch.GetElapsedTime(start).TotalNanoseconds,
            Damage = damage,
        };
    }

    /// <summary>Analyzes every process image of a trace into one dataset, side by side, busiest first. When one fails, those before it are there.</summary>
    /// <inheritdoc cref="RunAsync"/>
    public static async Task<SessionAnalysis> RunAllAsync(
        Trace trace, TraceRange? range, AnalysisOptions options, IProgress<double>? progress = null, CancellationToken token = default)
    {
        var results = new List<AnalysisResult>();
        double total = Math.Max(1, trace.Images.Sum(i => i.EventBytes)), done = 0;
        foreach (ProcessImage image in trace.Images)
        {
            using TraceReader reader = trace.OpenImage(image.Name, range);
            var share = new Share(progress, done / total, image.EventBytes / total);
            // Only the first finds the directory as the caller left it.
            results.Add(await RunAsync(reader, options with { Force = options.Force || results.Count > 0 }, share, token).ConfigureAwait(false));
            done += image.EventBytes;
        }
        return new SessionAnalysis(options.Directory, results);
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
            return (frames, new CallSites(frames, options.Symbols?.Invoke(reader) ?? reader.Symbols), null);
        }
        catch (TraceFormatException e)
        {
            return options.Partial ? (FrameTable.Empty, null, e) : throw new TraceDamagedException(e);
        }
    }

    private static void Match(
        TraceReader reader, TraceStatistics totals, IAllocationSink blocks, CallSites? sites, IProgress<double>? progress, CancellationToken token)
    {
        var matcher = new LifetimeMatcher(blocks, reader.Process.Latency, sites);
        reader.ForEach([totals, matcher], progress, token);
        matcher.Finish(totals.DurationNs);
    }

    /// <summary>A row goes into its table and into the timeline.</summary>
    private sealed class BlockSinks(AllocationWriter writer, Timeline timeline) : IAllocationSink
    {
        public void Add(in AllocationRow row)
        {
            writer.Add(row);
            timeline.Add(row);
        }
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
