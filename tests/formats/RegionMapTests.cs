using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Formats;

/// <summary>What the kernel has mapped, against an account of each page.</summary>
public sealed class RegionMapTests
{
    private const string Seed = "0001rEg1oN52";
    private const ulong Page = 4096;
    private const int Pages = 60, Threads = 2;

    private sealed record Act(CallKind Kind, int Thread, int Page, int Count, bool Fails);

    private static readonly CallKind[] Kinds =
        [CallKind.Mmap, CallKind.Mmap, CallKind.Munmap, CallKind.MremapBegin, CallKind.MremapEnd, CallKind.Brk];

    private static readonly Gen<Act[]> Acts = Gen.Select(
        Gen.Int[0, Kinds.Length - 1].Select(k => Kinds[k]), Gen.Int[0, Threads - 1],
        Gen.Int[1, Pages], Gen.Int[0, 12], Gen.Int[0, 3], (kind, thread, page, count, fails) => new Act(kind, thread, page, count, fails == 0)).Array[0, 120];

    [Fact]
    public void Each_page_is_whose_it_is() => Acts.Sample(acts => Agree(acts, plant: false), seed: Seed, iter: 2000);

    [Fact]
    public void A_planted_error_is_noticed() =>
        Assert.Throws<CsCheckException>(() => Acts.Sample(acts => Agree(acts, plant: true), seed: Seed, iter: 2000));

    [Fact]
    public void What_a_call_gives_back_a_part_of_goes_on_as_two()
    {
        var map = new RegionMap();
        var ended = new List<string>();
        void Take(CallKind kind, ulong address, ulong size) =>
            map.Take(new RegionEvent(kind, 0, 0, 1, address, size, 0), (r, how) => ended.Add($"{r.Address:x}+{r.Size:x} {how}"));
        Take(CallKind.Mmap, 0x10000, 0x8000);
        Take(CallKind.Munmap, 0x12000, 0x2000);
        Assert.Equal(["10000+2000", "14000+4000"], map.Mapped.Select(r => $"{r.Address:x}+{r.Size:x}"));
        Take(CallKind.MremapBegin, 0x14000, 0x4000);
        Take(CallKind.MremapEnd, 0x90000, 0x10000);
        Take(CallKind.Mmap, 0x11000, 0x3000);
        Assert.Equal(["10000+1000", "11000+3000", "90000+10000"], map.Mapped.Select(r => $"{r.Address:x}+{r.Size:x}"));
        Assert.Equal(["12000+2000 Unmapped", "14000+4000 Remapped", "11000+1000 Replaced"], ended);
        Assert.Equal((0x14000ul, 0x14000ul, 5L), (map.Bytes, map.PeakBytes, map.Events));
    }

    [Theory]
    [InlineData(ulong.MaxValue, ulong.MaxValue)]
    [InlineData(1ul, ulong.MaxValue)]
    [InlineData(ulong.MaxValue - 4095, 4096ul)]
    [InlineData(0ul, 0ul)]
    public void What_reaches_beyond_addresses_is_taken_as_far_as_they_go(ulong address, ulong size)
    {
        var map = new RegionMap();
        foreach (CallKind kind in (CallKind[])[CallKind.Mmap, CallKind.Mmap, CallKind.MremapBegin, CallKind.MremapEnd, CallKind.Munmap])
            map.Take(new RegionEvent(kind, 0, 0, 1, address, size, 0), null);
        Assert.Equal((0L, 0ul), (map.Count, map.Bytes));
    }

    /// <summary>They are of no block: neither do they wait for one nor does one wait for them.</summary>
    [Fact]
    public void Calls_of_the_allocator_do_not_mind_what_is_mapped_where_their_blocks_are()
    {
        var recording = new RecordingWriter();
        recording.Thread(0).Event(80, CallKind.Mmap, 0x1000, 0x4000).Malloc(160, 0x1000, 8).Event(240, CallKind.Munmap, 0x1000, 0x1000).Free(320, 0x1000)
            .Event(400, CallKind.MremapBegin, 0x2000, 0x3000).Event(480, CallKind.MremapEnd, 0x9000, 0x5000);
        recording.Thread(1).Event(100, CallKind.Brk, 0x1000, 0x100).Malloc(200, 0x2000, 8);
        foreach (byte[]? pack in (byte[]?[])[null, PackFrames.Pack(recording)])
        {
            using TraceReader reader = pack is null ? PackFrames.Open(recording) : PackFrames.Open(pack);
            TraceStatistics statistics = TraceStatistics.Of(reader);
            Assert.Equal((3L, 8L, 0L), (statistics.Calls, statistics.Events, reader.Merge.Parks + reader.Merge.ForcedSteps + reader.Merge.ImplicitReleases));
            Assert.Equal((1L, 8ul), (statistics.LiveBlocks, statistics.LiveBytes));
            // Of the brk, which took a part of the first range, the munmap took all.
            Assert.Equal(["9000+5000"], statistics.Regions.Mapped.Select(r => $"{r.Address:x}+{r.Size:x}"));
        }
    }

    private static void Agree(Act[] acts, bool plant)
    {
        var map = new RegionMap();
        var pages = new int[2 * Pages]; // the act that mapped each, from 1; 0: nobody
        var given = new Dictionary<int, (int Page, int Act)[]>();
        for (int i = 0; i < acts.Length; i++)
        {
            Act act = acts[i];
            ulong address = act.Kind == CallKind.MremapEnd && act.Fails ? 0 : (ulong)act.Page * Page;
            map.Take(new RegionEvent(act.Kind, act.Thread, i, 1, address, (ulong)act.Count * Page, 0), null);
            int[] range = [.. Enumerable.Range(act.Page, act.Count)];
            bool maps = act.Kind is CallKind.Mmap or CallKind.Brk || act.Kind == CallKind.MremapEnd && !act.Fails && given.ContainsKey(act.Thread);
            if (act.Kind is CallKind.MremapBegin || act.Kind == CallKind.MremapEnd && act.Fails)
                PutBack(act.Thread);
            if (act.Kind == CallKind.MremapBegin && range.Any(p => pages[p] > 0))
                given[act.Thread] = [.. range.Where(p => pages[p] > 0).Select(p => (p, pages[p]))];
            if (act.Kind == CallKind.MremapEnd && !act.Fails)
                given.Remove(act.Thread);
            if (act.Kind is CallKind.Munmap or CallKind.MremapBegin)
                foreach (int p in range.Skip(plant && act.Kind == CallKind.Munmap ? 1 : 0))
                    pages[p] = 0;
            if (maps)
                foreach (int p in range)
                    pages[p] = i + 1;
            int held = pages.Count(p => p > 0) + given.Values.Sum(g => g.Length);
            Assert.Equal((ulong)held * Page, map.Bytes);
            string[] expected = [.. pages.Select((by, p) => (by, p)).Where(p => p.by > 0).Select(p => $"{p.p} {p.by}")
                .Concat(given.Values.SelectMany(g => g.Select(p => $"{p.Page} {p.Act}"))).Order(StringComparer.Ordinal)];
            Assert.Equal(expected, map.Mapped.SelectMany(PagesOf).Order(StringComparer.Ordinal));
        }

        void PutBack(int thread)
        {
            if (given.Remove(thread, out (int Page, int Act)[]? kept))
                foreach ((int page, int by) in kept)
                    pages[page] = by;
        }
    }

    private static IEnumerable<string> PagesOf(MappedRegion region) =>
        Enumerable.Range((int)(region.Address / Page), (int)(region.Size / Page)).Select(p => $"{p} {region.From.TimeNs + 1}");
}
