using System.Text.Json;
using System.Text.Json.Serialization;
using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using DuckDB.NET.Data;

namespace AllocReplay.Analyzer.Report;

/// <summary>What a recording is of, how large it is, and what is missing of it.</summary>
public sealed record ReportSummary
{
    /// <summary>The program.</summary>
    public required string Executable { get; init; }
    /// <summary>Its arguments, its name first.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }
    /// <summary>Process id; 0 where it is not known.</summary>
    public required long Pid { get; init; }
    /// <summary>When recording began, UTC, ns since 1970: all times count from here.</summary>
    public required long StartedEpochNs { get; init; }
    /// <summary>From there to the last event.</summary>
    public required long DurationNs { get; init; }
    /// <summary>
    /// Of how many blocks, or bytes, one was chosen: figures are of those blocks. 1 where all were recorded, or a dataset is too old to tell.
    /// </summary>
    public required long Sample { get; init; }
    /// <summary>How blocks were chosen, where not all were recorded.</summary>
    public required SampleScheme SampleScheme { get; init; }
    /// <summary>What a sample says of all of the program's blocks; null where all were recorded, or a dataset is too old to tell.</summary>
    public required EstimatedBlocks? Estimates { get; init; }
    /// <summary>From when the trace was read, in ns since the start: 0 of a whole one. What was acquired before is not on the page.</summary>
    public required long PartFromNs { get; init; }
    /// <summary>Up to when; null where that is its end.</summary>
    public required long? PartToNs { get; init; }
    /// <summary>Of a kept recording: from when on all that was recorded is there, in ns since the start; 0 where it is there from its beginning.</summary>
    public required long WindowFromNs { get; init; }
    /// <summary>Blocks that were live then. They are in no figure of calls, and in all figures of what is live.</summary>
    public required long CarriedBlocks { get; init; }
    /// <summary>Events before it of which nothing is left.</summary>
    public required long EventsGone { get; init; }
    /// <summary>Of the blocks live at the end those that may have been freed unseen, as calls were lost, or recording was stopped, after their acquisition.
    /// </summary>
    public required long UncertainBlocks { get; init; }
    /// <summary>Their bytes.</summary>
    public required long UncertainBytes { get; init; }
    /// <summary>Events of all kinds.</summary>
    public required long Events { get; init; }
    /// <summary>Calls that acquire or release; a reallocation is one.</summary>
    public required long Calls { get; init; }
    /// <summary>Blocks acquired.</summary>
    public required long Blocks { get; init; }
    /// <summary>Bytes asked for by these; null of a dataset that is too old to tell.</summary>
    public required long? BytesAcquired { get; init; }
    /// <summary>Threads with events.</summary>
    public required long Threads { get; init; }
    /// <summary>Most bytes live at a time; null of a dataset that is too old to tell.</summary>
    public required long? PeakLiveBytes { get; init; }
    /// <summary>When that was first reached.</summary>
    public required long? PeakLiveNs { get; init; }
    /// <summary>Blocks live at the end of the trace.</summary>
    public required long OutstandingBlocks { get; init; }
    /// <summary>Their bytes.</summary>
    public required long OutstandingBytes { get; init; }
    /// <summary>Blocks that their thread released before it acquired another.</summary>
    public required long TemporaryBlocks { get; init; }
    /// <summary>Blocks that another thread released than the one that acquired them.</summary>
    public required long CrossThreadFrees { get; init; }
    /// <summary>Whether call stacks were recorded.</summary>
    public required bool Stacks { get; init; }
    /// <summary>Other process images in the dataset, or in the trace that it was made of for the report.</summary>
    public required long OtherImages { get; init; }
    /// <summary>What is missing of the recording.</summary>
    public required ReportGaps Missing { get; init; }

    /// <summary>Which of the program's blocks were recorded.</summary>
    [JsonIgnore]
    public Sampling Sampling => new(SampleScheme, (uint)Sample);

    private const string Estimated = "estimated_blocks, estimated_blocks_error, estimated_bytes, estimated_bytes_error, estimated_live_blocks, "
        + "estimated_live_blocks_error, estimated_live_bytes, estimated_live_bytes_error, estimated_peak_live_bytes, estimated_peak_live_bytes_error";

    private static Sampling SamplingOf(DuckDBDataReader r) => SamplingText.Parse(DatasetQuery.Optional<long>(r, 21) ?? 1, ReportScope.Text(r, 29));

    private static EstimatedBlocks? EstimatesOf(DuckDBDataReader r, int at) =>
        r.IsDBNull(at) ? null : new EstimatedBlocks(Total(r, at), Total(r, at + 2), Total(r, at + 4), Total(r, at + 6), Total(r, at + 8));

    private static EstimatedTotal Total(DuckDBDataReader r, int at) => EstimateColumns.Read(r.GetDouble(at), r.GetDouble(at + 1));

    internal static ReportSummary Read(ReportScope scope, long images)
    {
        (long blocks, long bytes, long temporary, long crossing) = scope.Rows($"""
            SELECT count(*) FILTER (end_kind = 'alive_at_end'), {ReportScope.Sum("size", "end_kind = 'alive_at_end'")},
                   count(*) FILTER (is_temporary), count(*) FILTER (free_thread >= 0 AND free_thread <> alloc_thread)
            FROM allocations WHERE {scope.Where}
            """, r => (r.GetInt64(0), r.GetInt64(1), r.GetInt64(2), r.GetInt64(3))).Single();
        long threads = scope.Rows($"SELECT count(*) FROM threads WHERE {scope.Where}", r => r.GetInt64(0)).Single();
        return scope.Rows($"""
            SELECT executable, arguments, pid, started_epoch_ns, duration_ns, events, calls, acquisitions, bytes_acquired,
                   peak_live_bytes, peak_live_ns, stacks, events_lost, unknown_releases, implicit_releases, forced_steps, inherited_releases,
                   saturated_sizes, state, failure, damage, sample, part_from_ns, nullif(part_to_ns, -1),
                   window_from_ns, carried_blocks, events_gone, uncertain_blocks, uncertain_bytes, sample_scheme, {Estimated}
            FROM process WHERE {scope.Where}
            """, r => new ReportSummary
        {
            Executable = ReportScope.Text(r, 0),
            Arguments = JsonSerializer.Deserialize<string[]>(ReportScope.Text(r, 1) is { Length: > 0 } json ? json : "[]") ?? [],
            Pid = r.GetInt64(2),
            StartedEpochNs = r.GetInt64(3),
            DurationNs = r.GetInt64(4),
            Sample = SamplingOf(r).Mean,
            SampleScheme = SamplingOf(r).Scheme,
            Estimates = SamplingOf(r).IsSample ? EstimatesOf(r, 30) : null,
            PartFromNs = DatasetQuery.Optional<long>(r, 22) ?? 0,
            PartToNs = DatasetQuery.Optional<long>(r, 23),
            WindowFromNs = DatasetQuery.Optional<long>(r, 24) ?? 0,
            CarriedBlocks = DatasetQuery.Optional<long>(r, 25) ?? 0,
            EventsGone = DatasetQuery.Optional<long>(r, 26) ?? 0,
            UncertainBlocks = DatasetQuery.Optional<long>(r, 27) ?? 0,
            UncertainBytes = DatasetQuery.Optional<long>(r, 28) ?? 0,
            Events = r.GetInt64(5),
            Calls = r.GetInt64(6),
            Blocks = r.GetInt64(7),
            BytesAcquired = DatasetQuery.Optional<long>(r, 8),
            Threads = threads,
            PeakLiveBytes = DatasetQuery.Optional<long>(r, 9),
            PeakLiveNs = DatasetQuery.Optional<long>(r, 10),
            OutstandingBlocks = blocks,
            OutstandingBytes = bytes,
            TemporaryBlocks = temporary,
            CrossThreadFrees = crossing,
            Stacks = DatasetQuery.Optional<bool>(r, 11) ?? false,
            OtherImages = images - 1,
            Missing = new ReportGaps(
                r.GetInt64(12), r.GetInt64(13), r.GetInt64(14), r.GetInt64(15), DatasetQuery.Optional<long>(r, 16) ?? 0,
                DatasetQuery.Optional<long>(r, 17) ?? 0, ReportScope.Text(r, 18), ReportScope.Text(r, 19), ReportScope.Text(r, 20)),
        }).First();
    }
}

/// <summary>What is missing of a recording, or not as it is in a whole one.</summary>
/// <param name="EventsLost">Calls that are not in the trace.</param>
/// <param name="UnknownReleases">Releases of blocks whose acquisition is not in the trace.</param>
/// <param name="ImplicitReleases">Blocks whose address was acquired again without a release in the trace.</param>
/// <param name="ForcedSteps">Times that the merge of the threads went on without the release that it waited for.</param>
/// <param name="InheritedReleases">Releases, in a process that was forked or attached to, of blocks that were there when recording began.</param>
/// <param name="SaturatedSizes">Blocks of which 2^63−1 bytes or more were asked.</param>
/// <param name="State">How the recording ended: <c>exited</c>, <c>recording</c> or <c>failed</c>.</param>
/// <param name="Failure">Why it ended early; empty when it did not.</param>
/// <param name="Damage">The damage of the trace; empty when it has none.</param>
public sealed record ReportGaps(
    long EventsLost, long UnknownReleases, long ImplicitReleases, long ForcedSteps, long InheritedReleases, long SaturatedSizes,
    string State, string Failure, string Damage);
