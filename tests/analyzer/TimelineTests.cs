using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Passes;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats.Calls;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Analyzer;

/// <summary>The timeline of random blocks against a count of the blocks at each of its moments.</summary>
public sealed class TimelineTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();


    private static readonly Gen<AllocationRow> Block = Gen.Select(
        Gen.Long[0, 3_000_000], Gen.Long[0, 2_000_000], Gen.Enum<EndKind>(), Gen.Int[0, 2], Gen.Long[0, 3], Gen.Long[0, 5000],
        (at, lifetime, kind, thread, site, size) => Row(at, at + lifetime, kind, thread, site, size));

    [Fact]
    public void Each_row_is_what_the_blocks_say() => Block.Array[0, 50].Sample(blocks => Agree(blocks, plant: false), iter: 300);

    [Fact]
    public void A_planted_error_is_noticed() =>
        Assert.Throws<CsCheckException>(() => Block.Array[1, 50].Sample(blocks => Agree(blocks, plant: true), iter: 300));

    [Theory]
    [InlineData(0, 1, 1000)]
    [InlineData(1_023_999, 1024, 1000)]
    [InlineData(1_024_000, 513, 2000)]
    [InlineData(86_400_000_000_000, 644, 134_217_728_000)] // a day
    public void Moments_are_as_far_apart_as_the_length_of_the_trace_takes(long endNs, int moments, long stepNs)
    {
        var timeline = new Timeline();
        Assert.Equal(moments, timeline.Rows(endNs, null).Count());
        Assert.Equal(stepNs, timeline.StepNs);
    }

    [Fact]
    public void Bytes_beyond_63_bits_saturate_and_come_right_again()
    {
        var timeline = new Timeline();
        timeline.Add(Row(0, 1000, EndKind.Freed, 0, 0, long.MaxValue));
        timeline.Add(Row(0, 1000, EndKind.Freed, 0, 0, long.MaxValue));
        timeline.Add(Row(0, 0, EndKind.AliveAtEnd, 0, 0, 7));
        Assert.Equal([long.MaxValue, 7], timeline.Rows(1000, null).Where(r => r.Scope == TimelineScope.Process).Select(r => r.LiveBytes));
    }

    [Fact]
    public void Of_many_sites_those_with_the_highest_peaks_have_rows()
    {
        var timeline = new Timeline();
        for (int site = 1; site <= 200; site++)
            timeline.Add(Row(0, 0, EndKind.AliveAtEnd, 0, site, site));
        Assert.Equal(
            Enumerable.Range(200 - Timeline.RowsOf + 1, Timeline.RowsOf).Select(s => (long)s),
            timeline.Rows(0, null).Where(r => r.Scope == TimelineScope.Site).Select(r => r.Site).Order());
    }

    [Fact]
    public async Task Threads_and_sites_that_are_too_many_to_follow_are_read_from_what_was_written() =>
        await Block.Array[30, 50].SampleAsync(WrittenAgree, iter: 20, threads: 1);

    [Fact]
    public void A_time_that_no_number_reaches_has_a_moment()
    {
        var timeline = new Timeline();
        timeline.Add(Row(5, long.MaxValue, EndKind.Freed, 0, 1, 8));
        timeline.Add(Row(long.MaxValue, long.MaxValue, EndKind.AliveAtEnd, 0, 1, 16));
        Assert.Equal(8, timeline.Rows(long.MaxValue, null).Last(r => r.Scope == TimelineScope.Process).LiveBytes);
    }

    public void Dispose() => _directory.Dispose();

    private async Task WrittenAgree(AllocationRow[] blocks)
    {
        long endNs = blocks.Max(b => Math.Max(b.AllocNs, b.EndNs));
        using OutputDirectory output = OutputDirectory.Create(_directory["a[1]*.dataset"], new Partition("h", "p"), force: false);
        var format = new FileFormat(new Dictionary<string, string>());
        using var writer = new TableWriter<AllocationRow>(DatasetTables.Allocations, output.Stage("allocations"), format, default, groupRows: 7);
        Timeline all = new(), few = new(followed: 2);
        foreach (AllocationRow block in blocks)
        {
            writer.Add(block);
            all.Add(block);
            few.Add(block);
        }
        await writer.CompleteAsync();
        TimelineRow[] expected = [.. all.Rows(endNs, null)];
        TimelineRow[] written = [.. few.Rows(endNs, new WrittenCurves(output, threads: 2, default))];
        Assert.Equal(expected, written);
        Assert.NotEqual(expected, few.Rows(endNs, null)); // the control: they were not followed
    }

    private static bool Agree(AllocationRow[] blocks, bool plant)
    {
        var timeline = new Timeline();
        foreach (AllocationRow block in blocks)
            timeline.Add(block);
        long endNs = blocks.Select(b => Math.Max(b.AllocNs, b.EndNs)).DefaultIfEmpty().Max();
        TimelineRow[] rows = [.. timeline.Rows(endNs, null)];
        if (plant)
            rows[^1] = rows[^1] with { LiveBlocks = rows[^1].LiveBlocks + 1 };
        var expected = new List<TimelineRow>();
        for (long ns = 0; ns <= endNs; ns += timeline.StepNs)
        {
            expected.Add(At(ns, TimelineScope.Process, -1, 0, blocks));
            expected.AddRange(Enumerable.Range(0, 3).Select(t => At(ns, TimelineScope.Thread, t, 0, [.. blocks.Where(b => b.AllocThread == t)])));
            expected.AddRange(Enumerable.Range(1, 3).Select(s => At(ns, TimelineScope.Site, -1, s, [.. blocks.Where(b => b.Site == s)])));
        }
        // Where nothing is live and nothing was acquired, threads and sites need no row.
        return Told(rows).SequenceEqual(Told(expected)) && rows.Count(r => r.Scope == TimelineScope.Process) == endNs / timeline.StepNs + 1;

        TimelineRow At(long ns, TimelineScope scope, int thread, long site, AllocationRow[] own)
        {
            AllocationRow[] live = [.. own.Where(b => b.AllocNs <= ns && (b.EndKind == EndKind.AliveAtEnd || b.EndNs > ns))];
            AllocationRow[] acquired = [.. own.Where(b => b.AllocNs <= ns && b.AllocNs > ns - timeline.StepNs)];
            return new TimelineRow
            {
                Ns = ns,
                Scope = scope,
                Thread = thread,
                Site = site,
                LiveBytes = live.Sum(b => b.Size),
                LiveBlocks = live.Length,
                AcquiredBytes = acquired.Sum(b => b.Size),
                AcquiredBlocks = acquired.Length,
            };
        }
    }

    private static IEnumerable<TimelineRow> Told(IEnumerable<TimelineRow> rows) => rows
        .Where(r => r.LiveBlocks > 0 || r.AcquiredBlocks > 0).OrderBy(r => r.Ns).ThenBy(r => r.Scope).ThenBy(r => r.Thread).ThenBy(r => r.Site);

    private static AllocationRow Row(long allocNs, long endNs, EndKind kind, int thread, long site, long size) => new()
    {
        Object = 0,
        Address = 0,
        Size = size,
        Kind = CallKind.Malloc,
        Alignment = 0,
        AllocNs = allocNs,
        EndNs = endNs,
        EndKind = kind,
        LifetimeNs = 0,
        LifetimeBytes = 0,
        LifetimeAllocations = 0,
        AllocThread = thread,
        FreeThread = -1,
        Chain = 0,
        ChainPosition = 0,
        AllocCallNs = -1,
        FreeCallNs = -1,
        Site = site,
    };
}
