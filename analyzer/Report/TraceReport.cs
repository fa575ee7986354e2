using System.Text.Json.Serialization;
using AllocReplay.Analyzer.Query;

namespace AllocReplay.Analyzer.Report;

/// <summary>What a page says of a process image: all of it comes from the tables of a dataset.</summary>
public sealed record TraceReport
{
    /// <summary>Functions below this share of everything are put together at first.</summary>
    public const double MergedBelow = 0.0005;

    private readonly StackTree? _tree;

    private TraceReport(StackTree? tree) => _tree = tree;

    /// <summary>The dataset's directory.</summary>
    public required string Dataset { get; init; }
    /// <summary>Partition of the dataset: the machine.</summary>
    public required string Host { get; init; }
    /// <summary>Partition of the dataset: the process image.</summary>
    public required string Process { get; init; }
    /// <summary>What it is of.</summary>
    public required ReportSummary Summary { get; init; }
    /// <summary>What is live in the course of it.</summary>
    public required LiveTimeline Timeline { get; init; }
    /// <summary>Its stacks; null where none were recorded.</summary>
    public required FlameTree? Flame { get; init; }
    /// <summary>Sites that look like leaks; null where no stacks were recorded.</summary>
    public required SuspectTable? Suspects { get; init; }
    /// <summary>Blocks by lifetime and size.</summary>
    public required LifetimeMap Lifetimes { get; init; }
    /// <summary>Who releases what another thread acquired.</summary>
    public required ThreadPairs ThreadPairs { get; init; }
    /// <summary>The largest sites; null where no stacks were recorded.</summary>
    public required SiteTable? Sites { get; init; }

    /// <summary>What differs from another run; null where it was not compared with one.</summary>
    public RunDifference? Against { get; init; }

    /// <summary>Reads it from a dataset.</summary>
    /// <param name="query">The dataset.</param>
    /// <param name="dataset">Its directory, as the user named it.</param>
    /// <param name="image">The process image, or null for the one with most calls.</param>
    /// <param name="token">Ends it.</param>
    /// <exception cref="QueryException">There is no such process image.</exception>
    /// <exception cref="DatasetException">The dataset is damaged, or has no process image.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static TraceReport Read(DatasetQuery query, string dataset, string? image, CancellationToken token = default)
    {
        (string Host, string Process)[] images =
            [.. query.Rows("SELECT host, process FROM process ORDER BY calls DESC, host, process", r => (r.GetString(0), r.GetString(1)), token)];
        if (images.Length == 0)
            throw new DatasetException(dataset, "the dataset has no process image");
        (string host, string process) = image is null ? images[0] : images.FirstOrDefault(i => i.Process == image);
        if (process is null)
            throw new QueryException($"{dataset}: no process image {image}; there are {string.Join(", ", images.Take(20).Select(i => i.Process))}");
        var scope = new ReportScope(query, host, process, token);
        ReportSummary summary = ReportSummary.Read(scope, images.Length);
        IReadOnlyList<DatasetMark> marks = DatasetMark.AllOf(query, host, process, token);
        var moments = new ReportMoments(summary.WindowFromNs, summary.DurationNs, summary.PeakLiveNs, marks.Select(m => m.Ns));
        LiveChanges live = summary.Stacks ? LiveChanges.Read(scope, moments, "alloc_stack") : new LiveChanges([], [0], [], []);
        StackTree? tree = summary.Stacks ? StackTree.Read(scope, live, moments.Ns.Count) : null;
        return new TraceReport(tree)
        {
            Dataset = dataset,
            Host = host,
            Process = process,
            Summary = summary,
            Timeline = LiveTimeline.Read(scope, moments, marks, live, summary.Stacks),
            Flame = tree is null ? null : FlameTreeBuilder.Build(tree, MergedBelow),
            Suspects = summary.Stacks ? SuspectTable.Read(scope) : null,
            Lifetimes = LifetimeMap.Read(scope),
            ThreadPairs = ThreadPairs.Read(scope),
            Sites = summary.Stacks ? SiteTable.Read(scope) : null,
        };
    }

    /// <summary>The share of everything below which functions are put together; null where there are none.</summary>
    [JsonIgnore]
    public double? MergedNow => Flame?.MergedBelow ?? Against?.Flame?.MergedBelow;

    /// <summary>The same with functions below a greater share put together: it is shorter.</summary>
    /// <param name="share">From 0 to 1.</param>
    public TraceReport Merged(double share) => this with
    {
        Flame = _tree is null ? null : FlameTreeBuilder.Build(_tree, share),
        Against = Against?.Merged(share),
    };
}
