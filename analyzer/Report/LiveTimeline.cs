using AllocReplay.Analyzer.Query;

namespace AllocReplay.Analyzer.Report;

/// <summary>What is live in the course of the trace: of all, of the threads and of the sites that have the most of it.</summary>
public sealed record LiveTimeline
{
    /// <summary>More are hard to tell apart in a chart; the rest is one.</summary>
    private const int Shown = 7;

    private const int TextMax = 200;

    private static readonly LiveSeries None = new(0, "", "", 0, "", 1, []);

    /// <summary>Moments, ns since start, rising: at regular steps, the peak, and those of marks.</summary>
    public required IReadOnlyList<long> MomentsNs { get; init; }
    /// <summary>The peak's place among the moments; null where it is not known.</summary>
    public required int? PeakIndex { get; init; }
    /// <summary>Bytes live at each moment: acquired by then, and released after it.</summary>
    public required IReadOnlyList<long> LiveBytes { get; init; }
    /// <summary>What the process had in memory; null where nobody looked.</summary>
    public required ResidentLine? Resident { get; init; }
    /// <summary>By the thread that acquired them: those with the most at any of the moments, most first.</summary>
    public required IReadOnlyList<LiveSeries> Threads { get; init; }
    /// <summary>All other threads together; null where there are none.</summary>
    public required LiveSeries? OtherThreads { get; init; }
    /// <summary>By the site that they were acquired at; empty without stacks.</summary>
    public required IReadOnlyList<LiveSeries> Sites { get; init; }
    /// <summary>All other sites together, and blocks whose stack is not known; null where there are none.</summary>
    public required LiveSeries? OtherSites { get; init; }

    /// <summary>The marks of the recording.</summary>
    public required TimelineMarks Marks { get; init; }
    /// <summary>Stretches of which calls are not in the trace.</summary>
    public required IReadOnlyList<Unrecorded> Unrecorded { get; init; }

    /// <param name="scope">Whose.</param>
    /// <param name="moments">When.</param>
    /// <param name="marks">The marks.</param>
    /// <param name="byStack">What is live by stack.</param>
    /// <param name="hasStacks">Whether stacks were recorded.</param>
    internal static LiveTimeline Read(
        ReportScope scope, ReportMoments moments, IReadOnlyList<DatasetMark> marks, LiveChanges byStack, bool hasStacks)
    {
        LiveChanges byThread = LiveChanges.Read(scope, moments, "alloc_thread");
        Dictionary<int, string> names = scope
            .Rows($"SELECT thread, name FROM threads WHERE {scope.Where}", r => (r.GetInt32(0), ReportScope.Text(r, 1)))
            .DistinctBy(t => t.Item1).ToDictionary(t => t.Item1, t => t.Item2);
        var threads = new Dictionary<long, long[]>();
        var all = new long[moments.Ns.Count];
        for (int i = 0; i < byThread.Keys.Count; i++)
        {
            byThread.AddTo(i, threads[byThread.Keys[i]] = new long[all.Length]);
            byThread.AddTo(i, all);
        }
        (IReadOnlyList<LiveSeries> shown, LiveSeries? others) = Largest(
            threads, t => None with { Name = ReportText.Cut(names.GetValueOrDefault((int)t, "")) }, notKnown: null);
        (IReadOnlyList<LiveSeries> sites, LiveSeries? otherSites) = hasStacks ? ReadSites(scope, byStack, all.Length) : ([], null);
        return new LiveTimeline
        {
            MomentsNs = moments.Ns,
            PeakIndex = moments.PeakIndex,
            LiveBytes = LiveChanges.Sums(all),
            Resident = ResidentLine.Read(scope, moments),
            Threads = shown,
            OtherThreads = others,
            Sites = sites,
            OtherSites = otherSites,
            Marks = TimelineMarks.Of(marks, moments),
            Unrecorded = Analyzer.Report.Unrecorded.Read(scope, moments),
        };
    }

    private static (IReadOnlyList<LiveSeries>, LiveSeries?) ReadSites(ReportScope scope, LiveChanges byStack, int count)
    {
        Dictionary<int, long> siteOf = scope.Rows($"SELECT stack, site FROM stacks WHERE {scope.Where}", r => (r.GetInt32(0), r.GetInt64(1)))
            .DistinctBy(s => s.Item1).ToDictionary(s => s.Item1, s => s.Item2);
        var sites = new Dictionary<long, long[]>();
        for (int i = 0; i < byStack.Keys.Count; i++)
        {
            long site = siteOf.GetValueOrDefault(byStack.Keys[i]);
            if (!sites.TryGetValue(site, out long[]? changes))
                sites.Add(site, changes = new long[count]);
            byStack.AddTo(i, changes);
        }
        Dictionary<long, LiveSeries> names = scope
            .Rows($"SELECT site, function, file, line, left(text, {TextMax + 1}) FROM sites WHERE {scope.Where}",
                r => (r.GetInt64(0), new LiveSeries(r.GetInt64(0), ReportText.Cut(r.GetString(1)), ReportText.Cut(r.GetString(2)), r.GetInt32(3),
                    ReportText.Cut(r.GetString(4), TextMax), 1, [])))
            .DistinctBy(s => s.Item1).ToDictionary(s => s.Item1, s => s.Item2);
        return Largest(sites, s => names.GetValueOrDefault(s, None), notKnown: 0);
    }

    /// <summary>Those with the most at any moment, and the sum of the others, among which is what is not known.</summary>
    private static (IReadOnlyList<LiveSeries>, LiveSeries?) Largest(
        Dictionary<long, long[]> changes, Func<long, LiveSeries> name, long? notKnown)
    {
        (long Key, long[] Live)[] series =
        [
            .. changes.Select(c => (c.Key, LiveChanges.Sums(c.Value)))
                .OrderBy(c => c.Key == notKnown).ThenByDescending(c => c.Item2.Max()).ThenBy(c => c.Key),
        ];
        // One that would be alone among the others may as well have its name.
        int known = series.Count(s => s.Key != notKnown), shown = known == Shown + 1 && known == series.Length ? known : Math.Min(known, Shown);
        LiveSeries[] largest = [.. series.Take(shown).Select(s => name(s.Key) with { Key = s.Key, LiveBytes = s.Live })];
        if (shown == series.Length)
            return (largest, null);
        var rest = new long[series[0].Live.Length];
        foreach ((_, long[] live) in series.Skip(shown))
            for (int i = 0; i < rest.Length; i++)
                rest[i] += live[i];
        return (largest, None with { Count = series.Length - shown, LiveBytes = rest });
    }
}

/// <summary>What is live of a thread or site at each moment.</summary>
/// <param name="Key">Number of the thread, or of the site; 0 where it stands for several.</param>
/// <param name="Name">Name of the thread, or function of the site.</param>
/// <param name="File">Source file of the site; empty where it is not known.</param>
/// <param name="Line">Its line; 0 where it is not known.</param>
/// <param name="Text">Stack of the site on one line, the lowest function first; cut where it is long. Empty of a thread.</param>
/// <param name="Count">How many threads or sites it stands for.</param>
/// <param name="LiveBytes">Bytes live at each moment.</param>
public sealed record LiveSeries(long Key, string Name, string File, int Line, string Text, int Count, IReadOnlyList<long> LiveBytes);
