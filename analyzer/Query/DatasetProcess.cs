using AllocReplay.Formats;

namespace AllocReplay.Analyzer.Query;

/// <summary>A process image of a dataset, and what its table <c>process</c> has of it.</summary>
public sealed record DatasetProcess
{
    /// <summary>Value of the partition column <c>host</c>.</summary>
    public required string Host { get; init; }
    /// <summary>Value of the partition column <c>process</c>.</summary>
    public required string Process { get; init; }
    /// <summary>File name of the program that it ran; empty where it is not known.</summary>
    public required string Program { get; init; }
    /// <summary>When it began, ns since 1970.</summary>
    public required long StartedEpochNs { get; init; }
    /// <summary>From its start to its last event, in ns.</summary>
    public required long DurationNs { get; init; }
    /// <summary>Bytes that all its acquisitions asked for; null where an older version did not write it.</summary>
    public required long? BytesAcquired { get; init; }
    /// <summary>Most bytes live at a time; null where an older version did not write it.</summary>
    public required long? PeakLiveBytes { get; init; }
    /// <summary>When that was, ns since the start.</summary>
    public required long? PeakLiveNs { get; init; }
    /// <summary>Blocks acquired.</summary>
    public required long Acquisitions { get; init; }
    /// <summary>Calls that are not in the trace.</summary>
    public required long EventsLost { get; init; }
    /// <summary>Whether its calls have stacks.</summary>
    public required bool HasStacks { get; init; }
    /// <summary>Which of the program's blocks were recorded: all where an older version did not write it.</summary>
    public required Sampling Sampling { get; init; }
    /// <summary>From when its trace was read, in ns since the start: 0 of a whole one.</summary>
    public required long PartFromNs { get; init; }
    /// <summary>Up to when it was read; null where that is its end.</summary>
    public required long? PartToNs { get; init; }
    /// <summary>Of a kept recording: from when on all that was recorded is there, in ns since the start; 0 where it is there from its beginning.</summary>
    public required long WindowFromNs { get; init; }
    /// <summary>The damage of its trace; empty where there is none.</summary>
    public required string Damage { get; init; }

    /// <summary>The process images of a dataset, in the order in which they began.</summary>
    /// <exception cref="DatasetException">The dataset is damaged.</exception>
    public static IReadOnlyList<DatasetProcess> AllOf(DatasetQuery query) =>
    [
        .. query.Rows("""
            SELECT host, process, executable, started_epoch_ns, duration_ns, bytes_acquired, peak_live_bytes, peak_live_ns, acquisitions, events_lost,
                   coalesce(stacks, false), coalesce(damage, ''), coalesce(sample, 1), coalesce(part_from_ns, 0), nullif(part_to_ns, -1),
                   coalesce(window_from_ns, 0), coalesce(sample_scheme, '')
            FROM process ORDER BY started_epoch_ns, host, process
            """, r => new DatasetProcess
        {
            Host = r.GetString(0),
            Process = r.GetString(1),
            Program = Path.GetFileName(r.GetString(2)),
            StartedEpochNs = r.GetInt64(3),
            DurationNs = r.GetInt64(4),
            BytesAcquired = DatasetQuery.Optional<long>(r, 5),
            PeakLiveBytes = DatasetQuery.Optional<long>(r, 6),
            PeakLiveNs = DatasetQuery.Optional<long>(r, 7),
            Acquisitions = r.GetInt64(8),
            EventsLost = r.GetInt64(9),
            HasStacks = r.GetBoolean(10),
            Damage = r.GetString(11),
            Sampling = SamplingText.Parse(r.GetInt64(12), r.GetString(16)),
            PartFromNs = r.GetInt64(13),
            PartToNs = DatasetQuery.Optional<long>(r, 14),
            WindowFromNs = r.GetInt64(15),
        }),
    ];

    /// <summary>Whether a name is this process image's: <c>PROCESS</c>, or <c>HOST/PROCESS</c> where hosts have images of one name.</summary>
    public bool IsNamed(string name) => name == Process || name == $"{Host}/{Process}";

    /// <summary>The process images of one dataset beside those of another that stand for the same: the k-th that ran a program beside the k-th that ran it
    /// there. Where both have one image, these are meant whatever they ran.</summary>
    /// <param name="images">Those of one.</param>
    /// <param name="others">Those of the other; both in the order in which they began.</param>
    public static IReadOnlyList<(DatasetProcess Image, DatasetProcess? Other)> Pair(IReadOnlyList<DatasetProcess> images, IReadOnlyList<DatasetProcess> others)
    {
        if (images.Count == 1 && others.Count == 1)
            return [(images[0], others[0])];
        var left = others.GroupBy(o => o.Program).ToDictionary(g => g.Key, g => new Queue<DatasetProcess>(g));
        return [.. images.Select(i => (i, left.TryGetValue(i.Program, out Queue<DatasetProcess>? same) && same.TryDequeue(out DatasetProcess? o) ? o : null))];
    }

    /// <summary>Whether a part of its trace was read.</summary>
    public bool IsPart => PartFromNs > 0 || PartToNs is not null;

    /// <summary>A condition that rows of a table are of this process image.</summary>
    /// <param name="table">The table's name in the statement.</param>
    internal string Where(string table) => $"{table}.host = {Sql.Literal(Host)} AND {table}.process = {Sql.Literal(Process)}";
}
