using System.Text.Encodings.Web;
using System.Text.Json;
using AllocReplay.Analyzer.Query;
using AllocReplay.Formats;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Analyzer.Tables;

/// <summary>A process image: a row of the table <c>process</c>.</summary>
internal readonly record struct ProcessRow
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Column("pid", "id", "Process id, in the namespace of the process itself; 0 where it is not known.")]
    public required long Pid { get; init; }

    [Column("parent_pid", "id", "The parent's process id when recording began.")]
    public required long ParentPid { get; init; }

    [Column("executable", "path", "The program that it ran.")]
    public required string Executable { get; init; }

    [Column("arguments", "JSON", "Its arguments, the program's name first: an array of strings.")]
    public required string Arguments { get; init; }

    [Column("host_name", "text", "The machine's name as recorded, empty where it is not known; the column `host` reads `unknown` then.")]
    public required string HostName { get; init; }

    [Column("kernel", "text", "The machine's kernel, empty where it is not known.")]
    public required string Kernel { get; init; }

    [Column("architecture", "name", "`x86-64` or `aarch64`.")]
    public required string Architecture { get; init; }

    [Column("allocator_path", "path", "The library that provided malloc, empty where it is not known.")]
    public required string AllocatorPath { get; init; }

    [Column("allocator_build_id", "hex", "That library's build id, empty when it has none.")]
    public required string AllocatorBuildId { get; init; }

    [Column("records_operator_new", "yes or no", "Whether operator new and delete are recorded by their names.")]
    public required bool RecordsOperatorNew { get; init; }

    [Column("forked", "yes or no", "Whether it began as a fork of a recorded process.")]
    public required bool Forked { get; init; }

    [Column("started_epoch_ns", "ns since 1970", "Wall-clock time, UTC, that all times of the other tables count from.")]
    public required long StartedEpochNs { get; init; }

    [Column("duration_ns", "ns", "From the start to the last event.")]
    public required long DurationNs { get; init; }

    [Column("events", "events", "Events of all kinds that were read.")]
    public required long Events { get; init; }

    [Column("calls", "calls", "Allocation and deallocation calls; a reallocation is one.")]
    public required long Calls { get; init; }

    [Column("acquisitions", "blocks", "Blocks acquired: the rows of `allocations` that are not carried.")]
    public required long Acquisitions { get; init; }

    [Column("events_lost", "calls", "Calls that were made while recording and are not in the trace; 0 when all are.")]
    public required long EventsLost { get; init; }

    [Column("unknown_releases", "calls", "Releases of blocks whose acquisition is not in the trace.")]
    public required long UnknownReleases { get; init; }

    [Column("implicit_releases", "blocks", "Blocks whose address was acquired again without a release in the trace.")]
    public required long ImplicitReleases { get; init; }

    [Column("forced_steps", "steps", "Times that the merge of the threads had to go on without the release that it waited for.")]
    public required long ForcedSteps { get; init; }

    [Column("state", "name", "How the recording ended: `exited`, `recording` (it ran still, was killed, or ended without running its destructors) or "
        + "`failed`.")]
    public required string State { get; init; }

    [Column("failure", "text", "Why recording ended early, empty when it did not.")]
    public required string Failure { get; init; }

    [Column("damage", "text", "The damage of the trace, empty when it has none.")]
    public required string Damage { get; init; }

    [Column("format_version", "version", "Of the trace's format.")]
    public required string FormatVersion { get; init; }

    [Column("analyzer_version", "version", "Of what wrote the dataset.")]
    public required string AnalyzerVersion { get; init; }

    [Column("bytes_acquired", "bytes", "Requested by all acquisitions that succeeded. Saturates at 2^63−1.", Since = 2)]
    public required long BytesAcquired { get; init; }

    [Column("saturated_sizes", "blocks", "Blocks of which 2^63−1 bytes or more were asked: their `size` reads 2^63−1, so that sums of it "
        + "may be too low.", Since = 2)]
    public required long SaturatedSizes { get; init; }

    [Column("latency", "yes or no", "Whether `alloc_call_ns` and `free_call_ns` were recorded.", Since = 2)]
    public required bool Latency { get; init; }

    [Column("inherited_releases", "calls", "Releases of blocks that were there when recording began, in a process that was forked or attached to; "
        + "not in `unknown_releases`.", Since = 2)]
    public required long InheritedReleases { get; init; }

    [Column("stacks", "yes or no", "Whether `alloc_stack` was recorded (`record --stacks auto`).", Since = 3)]
    public required bool Stacks { get; init; }

    [Column("free_stacks", "yes or no", "Whether `free_stack` was recorded of releases too (`record --stacks-free`).", Since = 3)]
    public required bool FreeStacks { get; init; }

    [Column("peak_live_bytes", "bytes", "Most bytes live at a time, in the order of the calls. Saturates at 2^63−1.", Since = 3)]
    public required long PeakLiveBytes { get; init; }

    [Column("peak_live_ns", "ns since start", "When that was first reached.", Since = 3)]
    public required long PeakLiveNs { get; init; }

    [Column("peak_live_object", "id", "The block whose acquisition reached it, -1 where there were never any bytes. Calls may have the same time, and "
        + "counters of cores differ, but just these blocks were live then: `object <= peak_live_object AND object + lifetime_allocations >= "
        + "peak_live_object`.", Since = 5)]
    public required long PeakLiveObject { get; init; }

    [Column("sample", "blocks or bytes", "Of how many blocks, or bytes, one was chosen (`record --sample`); 1 where all blocks were recorded. "
        + "Figures are of those that were recorded, but for `weight` and what is estimated.", Since = 5)]
    public required long Sample { get; init; }

    [Column("part_from_ns", "ns since start", "From when the trace was read: 0 of a whole one. Of a part (`analyze --from`, `--interval`, …) what was acquired "
        + "before is not in the dataset.", Since = 5)]
    public required long PartFromNs { get; init; }

    [Column("part_to_ns", "ns since start", "Up to when it was read; -1 where that is its end. What was freed later looks live.", Since = 5)]
    public required long PartToNs { get; init; }

    [Column("window_from_ns", "ns since start", "Of a kept recording (`record --keep`): from when on all that was recorded is there. Calls, and what they "
        + "acquired, are of this window alone. 0 where the recording is there from its beginning.", Since = 5)]
    public required long WindowFromNs { get; init; }

    [Column("carried_blocks", "blocks", "Blocks that were live when the window began: the rows of `allocations` that are `carried`.", Since = 5)]
    public required long CarriedBlocks { get; init; }

    [Column("carried_bytes", "bytes", "Bytes of those. Saturates at 2^63−1.", Since = 5)]
    public required long CarriedBytes { get; init; }

    [Column("events_gone", "events", "Events before the window of which nothing is left.", Since = 5)]
    public required long EventsGone { get; init; }

    [Column("uncertain_blocks", "blocks", "Blocks that are live at the end, and `uncertain`.", Since = 5)]
    public required long UncertainBlocks { get; init; }

    [Column("uncertain_bytes", "bytes", "Bytes of those. Saturates at 2^63−1.", Since = 5)]
    public required long UncertainBytes { get; init; }

    [Column("sample_scheme", "name", "How the blocks of a sample were chosen: `blocks`, each by itself; `bytes`, the larger the likelier; `addresses`, "
        + "by a hash, as the first versions had it: then no error is known. Empty where all were recorded.", Since = 5)]
    public required string SampleScheme { get; init; }

    [Column("estimated_blocks", "blocks", "Blocks that the program acquired, as a sample says; as `acquisitions` where all were recorded.", Since = 5)]
    public required EstimatedTotal EstimatedBlocks { get; init; }

    [Column("estimated_bytes", "bytes", "Bytes requested for those.", Since = 5)]
    public required EstimatedTotal EstimatedBytes { get; init; }

    [Column("estimated_live_blocks", "blocks", "Those that were live at the end.", Since = 5)]
    public required EstimatedTotal EstimatedLiveBlocks { get; init; }

    [Column("estimated_live_bytes", "bytes", "Bytes requested for those.", Since = 5)]
    public required EstimatedTotal EstimatedLiveBytes { get; init; }

    [Column("estimated_peak_live_bytes", "bytes", "The most bytes that were live at a time, as a sample says: as the highest of many estimates a little too "
        + "high, by the order of its error.", Since = 5)]
    public required EstimatedTotal EstimatedPeakLiveBytes { get; init; }

    public static ProcessRow Of(TraceReader reader, TraceStatistics totals, long saturatedSizes, string? damage)
    {
        ProcessInfo process = reader.Process;
        MergeStatistics merge = reader.Merge;
        LiveCertainty live = totals.MeasureLive();
        EstimatedBlocks estimates = totals.Estimates;
        return new ProcessRow
        {
            Pid = process.Pid,
            ParentPid = process.ParentPid,
            Executable = process.Executable,
            // In JSON, as arguments may hold spaces and quotes: every engine parses it.
            Arguments = JsonSerializer.Serialize(process.Arguments, Readable),
            HostName = reader.Session?.Host ?? "",
            Kernel = reader.Session?.Kernel ?? "",
            Architecture = process.Architecture,
            AllocatorPath = process.AllocatorPath,
            AllocatorBuildId = process.AllocatorBuildId,
            RecordsOperatorNew = process.RecordsOperatorNew,
            Forked = process.Forked,
            StartedEpochNs = EpochNs(process.Started),
            DurationNs = totals.DurationNs,
            Events = totals.Events,
            Calls = totals.Calls,
            Acquisitions = totals.Acquisitions,
            EventsLost = Saturation.ToInt64(process.LostEvents),
            UnknownReleases = merge.UnknownReleases,
            ImplicitReleases = merge.ImplicitReleases,
            ForcedSteps = merge.ForcedSteps,
            State = process.State.ToString().ToLowerInvariant(),
            Failure = process.Failure ?? "",
            Damage = damage ?? "",
            FormatVersion = process.FormatVersion,
            AnalyzerVersion = Version,
            BytesAcquired = (long)totals.BytesAcquired,
            SaturatedSizes = saturatedSizes,
            Latency = process.Latency,
            InheritedReleases = merge.InheritedReleases,
            Stacks = process.Stacks,
            FreeStacks = process.FreeStacks,
            PeakLiveBytes = (long)totals.PeakLiveBytes,
            PeakLiveNs = totals.PeakLiveNs,
            PeakLiveObject = totals.PeakLiveObject,
            Sample = process.Sample,
            PartFromNs = reader.Stretch.FromNs,
            PartToNs = reader.Stretch.ToNs ?? -1,
            WindowFromNs = reader.Carried?.UntilNs ?? 0,
            CarriedBlocks = totals.CarriedBlocks,
            CarriedBytes = (long)totals.CarriedBytes,
            EventsGone = reader.Carried?.EventsGone ?? 0,
            UncertainBlocks = live.UncertainBlocks,
            UncertainBytes = (long)live.UncertainBytes,
            SampleScheme = SamplingText.SchemeOf(process.Sampling),
            EstimatedBlocks = estimates.Blocks,
            EstimatedBytes = estimates.Bytes,
            EstimatedLiveBlocks = estimates.LiveBlocks,
            EstimatedLiveBytes = estimates.LiveBytes,
            EstimatedPeakLiveBytes = estimates.PeakLiveBytes,
        };
    }

    /// <summary>Version of what writes.</summary>
    public static string Version { get; } = typeof(ProcessRow).Assembly.GetName().Version!.ToString(3);

    public static long EpochNs(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
}
