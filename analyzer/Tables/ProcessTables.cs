using System.Text.Encodings.Web;
using System.Text.Json;
using AllocReplay.Analyzer.Parquet;
using AllocReplay.Formats;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Analyzer.Tables;

/// <summary>The small tables: <c>threads</c>, a row each, and <c>process</c>, one row that says what the dataset is made from.</summary>
internal static class ProcessTables
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static (IReadOnlyList<Column> Columns, int Rows) Threads(IReadOnlyList<ThreadInfo> threads, TraceStatistics totals)
    {
        int n = threads.Count;
        TraceStatistics.ThreadTotals[] t = threads.Select(info => totals.Thread(info.Index)).ToArray();
        Column[] columns =
        [
            Fill(new Int32Column("thread", n), c => c.Values, i => threads[i].Index),
            Fill(new Int64Column("os_tid", n), c => c.Values, i => threads[i].OsTid),
            Fill(new TextColumn("name", n), c => c.Values, i => threads[i].Name),
            Fill(new Int32Column("parent", n), c => c.Values, i => t[i].Parent),
            Fill(new Int64Column("start_ns", n), c => c.Values, i => t[i].FirstNs),
            Fill(new Int64Column("end_ns", n), c => c.Values, i => t[i].LastNs),
            Fill(new BooleanColumn("exited", n), c => c.Values, i => t[i].ExitNs is not null),
            Fill(new Int64Column("calls", n), c => c.Values, i => t[i].Calls),
            Fill(new Int64Column("bytes_requested", n), c => c.Values, i => (long)t[i].BytesRequested),
        ];
        return (columns, n);
    }

    public static (IReadOnlyList<Column> Columns, int Rows) Process(TraceReader reader, TraceStatistics totals)
    {
        ProcessInfo process = reader.Process;
        MergeStatistics merge = reader.Merge;
        Column[] columns =
        [
            Number("pid", process.Pid),
            Number("parent_pid", process.ParentPid),
            Text("executable", process.Executable),
            // An array in JSON: arguments may hold spaces and quotes, and every engine parses JSON.
            Text("arguments", JsonSerializer.Serialize(process.Arguments, Readable)),
            Text("host_name", reader.Session?.Host ?? ""),
            Text("kernel", reader.Session?.Kernel ?? ""),
            Text("architecture", process.Architecture),
            Text("allocator_path", process.AllocatorPath),
            Text("allocator_build_id", process.AllocatorBuildId),
            Flag("records_operator_new", process.RecordsOperatorNew),
            Flag("forked", process.Forked),
            Number("started_epoch_ns", EpochNs(process.Started)),
            Number("duration_ns", totals.DurationNs),
            Number("events", totals.Events),
            Number("calls", totals.Calls),
            Number("acquisitions", totals.Acquisitions),
            Number("events_lost", Saturate(process.LostEvents)),
            Number("unknown_releases", merge.UnknownReleases),
            Number("implicit_releases", merge.ImplicitReleases),
            Number("forced_steps", merge.ForcedSteps),
            Text("state", process.State.ToString().ToLowerInvariant()),
            Text("failure", process.Failure ?? ""),
            Text("damage", reader.Damage?.Message ?? ""),
            Text("format_version", process.FormatVersion),
            Text("analyzer_version", Version),
        ];
        return (columns, 1);
    }

    /// <summary>What every file of the dataset says of itself, so that one file alone can be understood.</summary>
    public static IReadOnlyDictionary<string, string> Metadata(TraceReader reader, Partition partition) => new Dictionary<string, string>
    {
        ["allocreplay.version"] = Version,
        ["allocreplay.host"] = partition.Host,
        ["allocreplay.process"] = partition.Process,
        ["allocreplay.started_epoch_ns"] = FormattableString.Invariant($"{EpochNs(reader.Process.Started)}"),
    };

    private static string Version { get; } = typeof(ProcessTables).Assembly.GetName().Version!.ToString(3);

    private static long EpochNs(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;

    private static long Saturate(ulong value) => (long)Math.Min(value, long.MaxValue);

    private static Int64Column Number(string name, long value) => Fill(new Int64Column(name, 1), c => c.Values, _ => value);

    private static TextColumn Text(string name, string value) => Fill(new TextColumn(name, 1), c => c.Values, _ => value);

    private static BooleanColumn Flag(string name, bool value) => Fill(new BooleanColumn(name, 1), c => c.Values, _ => value);

    private static TColumn Fill<TColumn, T>(TColumn column, Func<TColumn, T[]> values, Func<int, T> value)
    {
        T[] array = values(column);
        for (int i = 0; i < array.Length; i++)
            array[i] = value(i);
        return column;
    }
}
