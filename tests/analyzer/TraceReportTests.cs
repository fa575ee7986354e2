using System.Numerics;
using AllocReplay.Analyzer;
using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Report;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Recording;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

/// <summary>Every figure of a report against a count over the rows of <c>allocations</c>, one by one.</summary>
public sealed class TraceReportTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Figures_are_those_of_the_rows_and_a_wrong_one_is_noticed(int seed)
    {
        using DatasetQuery query = Dataset(seed);
        TraceReport report = TraceReport.Read(query, "data", image: null, TestContext.Current.CancellationToken);
        Block[] blocks = Blocks(query);
        Assert.Empty(Mismatches(report, blocks));
        (long Ns, long Rss, long Peak)[] looks =
            [.. query.Rows("SELECT ns, rss_bytes, peak_rss_bytes FROM memory ORDER BY ns", r => (r.GetInt64(0), r.GetInt64(1), r.GetInt64(2)))];
        Assert.Equal(30, looks.Length);
        long?[] rss = [.. report.Timeline.MomentsNs.Select((ns, i) => MostRss(looks, i == 0 ? -1 : report.Timeline.MomentsNs[i - 1], ns))];
        Assert.Equal(rss, report.Timeline.Resident!.RssBytes);
        Assert.Contains(null, rss);
        Assert.NotEqual(rss, report.Timeline.MomentsNs.Select((ns, i) => MostRss(looks, -1, ns))); // the control: the most of all before
        Assert.Equal(looks.Max(l => l.Peak), report.Timeline.Resident.PeakRssBytes);

        // The controls: one figure of each part is another.
        LiveTimeline line = report.Timeline;
        FlameTree flame = report.Flame!;
        long[] live = [.. line.LiveBytes];
        live[live.Length / 2]++;
        long[] temporary = [.. flame.TemporaryBytes];
        temporary[^1]++;
        IReadOnlyList<long>[] changes = [.. flame.LiveChanges];
        changes[^1] = [.. changes[^1].SkipLast(1), changes[^1][^1] + 1];
        LiveSeries first = line.Threads[0];
        Assert.NotEmpty(Mismatches(report with { Timeline = line with { LiveBytes = live } }, blocks));
        LiveSeries[] threads = [first with { Key = line.Threads[1].Key }, .. line.Threads.Skip(1)];
        Assert.NotEmpty(Mismatches(report with { Timeline = line with { Threads = threads } }, blocks));
        Assert.NotEmpty(Mismatches(report with { Flame = flame with { TemporaryBytes = temporary } }, blocks));
        Assert.NotEmpty(Mismatches(report with { Flame = flame with { LiveChanges = changes } }, blocks));
        Assert.NotEmpty(Mismatches(report with { Summary = report.Summary with { OutstandingBytes = 1 } }, blocks));
        Assert.NotEmpty(Mismatches(report with { Lifetimes = report.Lifetimes with { Cells = [.. report.Lifetimes.Cells.Skip(1)] } }, blocks));
        Assert.NotEmpty(Mismatches(report with { ThreadPairs = report.ThreadPairs with { Pairs = [] } }, blocks));
    }

    [Theory]
    [InlineData(0.01)]
    [InlineData(0.2)]
    [InlineData(1.1)]
    public void Functions_that_are_put_together_keep_their_figures(double share)
    {
        using DatasetQuery query = Dataset(seed: 4);
        TraceReport whole = TraceReport.Read(query, "data", image: null, TestContext.Current.CancellationToken), merged = whole.Merged(share);
        FlameTree all = whole.Flame!, some = merged.Flame!;
        int moments = whole.Timeline.MomentsNs.Count;

        Assert.Equal(share, some.MergedBelow);
        Assert.Equal(some.MergedNodes, some.Merged.Sum(m => (long)m));
        Assert.Equal(all.Parent.Count, some.Merged.Count(m => m == 0) + some.MergedNodes);
        Assert.Equal(Inclusive(all, moments)[""], Inclusive(some, moments)[""]);
        Assert.Empty(Mismatches(merged, Blocks(query)));
        Assert.True(share < 1 || some.Parent.Count == 2);
    }

    [Fact]
    public void Marks_have_moments_of_their_own_and_what_was_not_recorded_is_told()
    {
        ReportSample.Write(_directory["trace"], seed: 8, mark: w =>
        {
            w.Mark(MarkEntry.Start, 1, 800).Mark(MarkEntry.Named, 1, 1808, "a").Mark(MarkEntry.Named, 1, 1808, "b").Mark(MarkEntry.Stop, 1, 3200);
            w.Mark(MarkEntry.Start, 2, 4000).Mark(MarkEntry.Named, 2, 5016, "a").Mark(MarkEntry.Stop, 2, 9000);
            w.Thread(7).Event(6001, CallKind.Gap, count: 12).Event(6009, CallKind.Gap, count: 3);
        });
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);
        using DatasetQuery query = DatasetQuery.Open(_directory["data"]);
        TraceReport report = TraceReport.Read(query, "data", image: null, TestContext.Current.CancellationToken);
        LiveTimeline line = report.Timeline;

        Assert.Empty(Mismatches(report, Blocks(query)));
        Assert.Equal([(1808, "a"), (1808, "b"), (5016, "a")], line.Marks.Shown.Select(m => ((int)m.Ns, m.Name)));
        Assert.All(line.Marks.Shown, m => Assert.Equal(m.Ns, line.MomentsNs[m.Moment]));
        Assert.Equal([(0, 800), (3200, 4000), (9000, line.MomentsNs[^1])],
            line.Unrecorded.Where(u => u.LostCalls is null).Select(u => (u.FromNs, u.ToNs)));
        Unrecorded[] lost = [.. line.Unrecorded.Where(u => u.LostCalls is not null)];
        Assert.Equal(15, lost.Sum(u => u.LostCalls));
        Assert.All(lost, u => Assert.True(u.FromNs < 6009 && u.ToNs >= 6000));
    }

    [Fact]
    public void Without_stacks_what_needs_none_is_there()
    {
        using DatasetQuery query = Dataset(seed: 5, stacks: false);
        TraceReport report = TraceReport.Read(query, "data", image: null, TestContext.Current.CancellationToken);

        Assert.Equal((null, null, null), (report.Flame, report.Suspects, report.Sites));
        Assert.Empty(report.Timeline.Sites);
        Assert.Empty(Mismatches(report, Blocks(query)));
    }

    [Fact]
    public void Suspects_are_the_view_as_it_is()
    {
        using DatasetQuery query = Dataset(seed: 6, blocks: 3000);
        SuspectTable suspects = TraceReport.Read(query, "data", image: null, TestContext.Current.CancellationToken).Suspects!;
        using QueryResult view = query.Run("SELECT * EXCLUDE (host, process, site) FROM leak_suspects");

        Assert.Equal(view.Columns.Select(c => c.Name), suspects.Columns);
        Assert.NotEmpty(suspects.Rows);
        Assert.Equal(view.ReadRows().Select(r => string.Join('|', r)), suspects.Rows.Select(r => string.Join('|', r)));
    }

    [Fact]
    public void An_image_that_is_not_there_is_said_to_be()
    {
        using DatasetQuery query = Dataset(seed: 7);
        QueryException e = Assert.Throws<QueryException>(() => TraceReport.Read(query, "data", "p7.7", TestContext.Current.CancellationToken));
        Assert.Equal($"data: no process image p7.7; there are {RecordingWriter.ImageName}", e.Message);
    }

    private DatasetQuery Dataset(int seed, int blocks = 400, bool stacks = true)
    {
        ReportSample.Write(_directory["trace"], seed, blocks, stacks);
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);
        return DatasetQuery.Open(_directory["data"]);
    }

    private sealed record Block(string Path, long Site, long Size, long From, long Until, string End, long Lifetime, bool IsTemporary, int By, int FreedBy)
    {
        public bool IsLeft => End == "alive_at_end";

        public bool IsLiveAt(long ns) => From <= ns && (Until > ns || IsLeft);
    }

    /// <summary>All blocks; paths are the functions from the thread's first on.</summary>
    private static Block[] Blocks(DatasetQuery query) =>
    [
        .. query.Run("""
            SELECT coalesce((SELECT CASE WHEN first(s.is_whole) THEN '' ELSE '/[truncated]' END || '/'
                                    || string_agg(frames.function, '/' ORDER BY position DESC)
                             FROM stack_frames f JOIN frames USING (frame) JOIN stacks s USING (stack) WHERE f.stack = a.alloc_stack), '/[unknown]'),
                   site, size, alloc_ns, end_ns, end_kind, lifetime_ns, is_temporary, alloc_thread, free_thread
            FROM allocations a
            """).ReadRows().Select(r => new Block(
                (string)r[0]!, (long)r[1]!, (long)r[2]!, (long)r[3]!, (long)r[4]!, (string)r[5]!, (long)r[6]!, (bool)r[7]!, (int)r[8]!, (int)r[9]!)),
    ];

    /// <summary>What was found between two moments at the most, or last before.</summary>
    private static long? MostRss((long Ns, long Rss, long Peak)[] looks, long after, long until) =>
        looks.Where(l => l.Ns > after && l.Ns <= until).Select(l => (long?)l.Rss).DefaultIfEmpty(looks.LastOrDefault(l => l.Ns <= until) is { Peak: > 0 } last
            ? last.Rss : null).Max();

    /// <summary>Differences between a report and the blocks, a line each.</summary>
    private static List<string> Mismatches(TraceReport report, Block[] blocks)
    {
        var found = new List<string>();
        LiveTimeline line = report.Timeline;
        (ReportSummary summary, Block[] left) = (report.Summary, [.. blocks.Where(b => b.IsLeft)]);
        Check("outstanding", left.Sum(b => b.Size), summary.OutstandingBytes);
        Check("outstanding blocks", left.Length, summary.OutstandingBlocks);
        Check("temporary", blocks.Count(b => b.IsTemporary), summary.TemporaryBlocks);
        Check("freed by others", blocks.Count(b => b.FreedBy >= 0 && b.FreedBy != b.By), summary.CrossThreadFrees);
        Check("peak's time", summary.PeakLiveNs!.Value, line.MomentsNs[line.PeakIndex!.Value]);
        Check("peak", summary.PeakLiveBytes!.Value, line.LiveBytes[line.PeakIndex!.Value]);
        for (int i = 0; i < line.MomentsNs.Count; i++)
        {
            Block[] live = [.. blocks.Where(b => b.IsLiveAt(line.MomentsNs[i]))];
            Check($"live at {i}", live.Sum(b => b.Size), line.LiveBytes[i]);
            foreach (LiveSeries thread in line.Threads)
                Check($"thread {thread.Key} at {i}", live.Where(b => b.By == thread.Key).Sum(b => b.Size), thread.LiveBytes[i]);
            foreach (LiveSeries site in line.Sites)
                Check($"site {site.Key} at {i}", live.Where(b => b.Site == site.Key).Sum(b => b.Size), site.LiveBytes[i]);
            if (line.Sites.Count > 0)
                Check($"sites at {i}", line.LiveBytes[i], line.Sites.Append(line.OtherSites).OfType<LiveSeries>().Sum(s => s.LiveBytes[i]));
        }
        if (report.Flame is { } flame)
        {
            foreach ((string path, long[] figures) in Inclusive(flame, line.MomentsNs.Count))
                Check(path, string.Join(' ', Count([.. blocks.Where(b => IsBelow(b.Path, path))], line.MomentsNs)), string.Join(' ', figures));
        }
        string[] cells =
        [
            .. blocks.Where(b => b.End != "lost_free").GroupBy(b => (Life: b.IsLeft ? -1 : Power10(b.Lifetime), Class: Power2(b.Size))).OrderBy(g => g.Key)
                .Select(g => $"{g.Key.Life} {g.Key.Class} {g.Count()} {g.Sum(b => b.Size)}"),
        ];
        Check("lifetimes", string.Join('\n', cells), string.Join('\n', report.Lifetimes.Cells.Select(c => $"{c.FromNs} {c.ClassBytes} {c.Blocks} {c.Bytes}")));
        string[] pairs =
        [
            .. blocks.Where(b => b.FreedBy >= 0 && b.FreedBy != b.By).GroupBy(b => (b.By, b.FreedBy)).OrderByDescending(g => g.Count()).ThenBy(g => g.Key)
                .Select(g => $"{g.Key.By} {g.Key.FreedBy} {g.Count()} {g.Sum(b => b.Size)}"),
        ];
        Check("pairs", string.Join('\n', pairs),
            string.Join('\n', report.ThreadPairs.Pairs.Select(p => $"{p.AllocThread} {p.FreeThread} {p.Blocks} {p.Bytes}")));
        return found;

        void Check<T>(string what, T expected, T actual) where T : IEquatable<T>
        {
            if (!expected.Equals(actual))
                found.Add($"{what}: expected {expected}, found {actual}");
        }
    }

    private static bool IsBelow(string path, string of) => path == of || path.StartsWith(of + "/", StringComparison.Ordinal);

    /// <summary>Blocks and bytes acquired, left and temporary, and bytes live at each moment.</summary>
    private static IEnumerable<long> Count(Block[] blocks, IReadOnlyList<long> moments) =>
    [
        .. new[] { blocks, [.. blocks.Where(b => b.IsLeft)], [.. blocks.Where(b => b.IsTemporary)] }.SelectMany(b => new[] { b.Length, b.Sum(x => x.Size) }),
        .. moments.Select(ns => blocks.Where(b => b.IsLiveAt(ns)).Sum(b => b.Size)),
    ];

    /// <summary>Of each function of a tree, by its path, what it and all below it have; those that were put together are in their callers'.</summary>
    private static Dictionary<string, long[]> Inclusive(FlameTree flame, int moments)
    {
        int nodes = flame.Parent.Count;
        var figures = new long[nodes][];
        for (int i = 0; i < nodes; i++)
        {
            figures[i] = new long[6 + moments];
            long[] own =
            [
                flame.AllocatedBlocks[i], flame.AllocatedBytes[i], flame.OutstandingBlocks[i], flame.OutstandingBytes[i], flame.TemporaryBlocks[i],
                flame.TemporaryBytes[i],
            ];
            own.CopyTo(figures[i], 0);
        }
        for (int i = 0; i < flame.LiveNodes.Count; i++)
        {
            int at = -1;
            foreach (long[] change in flame.LiveChanges[i].Chunk(2))
            {
                at += (int)change[0];
                for (int k = at; k < moments; k++)
                    figures[flame.LiveNodes[i]][6 + k] += change[1];
            }
        }
        for (int i = nodes - 1; i > 0; i--)
            for (int k = 0; k < figures[i].Length; k++)
                figures[flame.Parent[i]][k] += figures[i][k];
        var paths = new string[nodes];
        var byPath = new Dictionary<string, long[]>();
        for (int i = 0; i < nodes; i++)
        {
            paths[i] = i == 0 ? "" : $"{paths[flame.Parent[i]]}/{(flame.Merged[i] > 0 ? "(merged)" : flame.Functions[flame.Function[i]])}";
            if (flame.Merged[i] == 0)
                byPath.Add(paths[i], figures[i]);
        }
        return byPath;
    }

    private static long Power10(long ns) => ns < 100 ? 0 : (long)BigInteger.Pow(10, (int)Math.Floor(BigInteger.Log10(ns) + 1e-12));

    private static long Power2(long size) => size == 0 ? 0 : 1L << BitOperations.Log2((ulong)size);
}
