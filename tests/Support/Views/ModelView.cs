using System.Numerics;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Tests.Support.Views;

/// <summary>
/// The rows of each named view, in their order, as its description and the reference of the tables say: counted over the blocks in memory, one moment or one
/// site at a time. Nothing here is fast.
/// </summary>
internal sealed class ModelView(IReadOnlyList<ModelImage> images)
{
    private IEnumerable<ModelBlock> Blocks => images.SelectMany(i => i.Blocks);

    private IEnumerable<ModelSite> Sites => images.SelectMany(i => i.Sites);

    public IEnumerable<object?[]> TopSites() =>
        from s in Sites
        where s.Acquired > 0 || s.Live.Count > 0
        orderby s.Bytes descending, s.Acquired descending, Key(s.Image), s.Site
        let all = s.Image.Blocks.Acquired().Bytes().Saturated()
        select Row(s.Function, s.File, s.Line, s.Acquired, s.Bytes, all > 0 ? (double)s.Bytes / (double)all : 0, s.Temporary, s.PeakBytes, s.Live.Count,
            s.LiveBytes, (double)s.Acquired, 0.0, (double)s.Bytes, 0.0, s.Text, s.Image, s.Site);

    public IEnumerable<object?[]> LiveAt(long? ns, BigInteger minBytes) =>
        from s in Sites
        let at = ns is { } asked ? Math.Max(asked, s.Image.WindowNs) : s.Image.PeakNs ?? -1
        let live = s.Blocks.Where(b => ns is not null ? b.IsLiveAt(at) : IsLiveAtPeak(b)).ToArray()
        where live.Length > 0 && live.Bytes() >= minBytes
        orderby live.Bytes() descending, live.Length descending, Key(s.Image), s.Site
        select Row(s.Function, s.File, s.Line, live.Length, live.Bytes(), live.Max(b => Math.Max(0, at - b.Ns)), at, s.Text, s.Image, s.Site);

    public IEnumerable<object?[]> LiveAtPeak() =>
        from s in Sites
        let live = s.Blocks.Where(IsLiveAtPeak).ToArray()
        where live.Length > 0
        orderby live.Bytes() descending, live.Length descending, Key(s.Image), s.Site
        select Row(s.Function, s.File, s.Line, live.Length, live.Bytes(), s.PeakBytes, s.Text, s.Image, s.Site);

    public IEnumerable<object?[]> Peak() =>
        from i in images
        where i.Peak.Block is not null
        let live = i.Blocks.Where(IsLiveAtPeak).ToArray()
        orderby i.Peak.Bytes.Saturated() descending, Key(i)
        select Row(i, i.Program, i.Peak.Bytes.Saturated(), i.PeakNs, live.Length, live.Max(b => b.Size), live.DistinctBy(b => b.Thread).Count(),
            live.Where(b => b.IsAlive).Bytes(), i.DurationNs);

    /// <param name="asked">The first moment.</param>
    /// <param name="askedUntil">The second; null: the end of the trace.</param>
    public IEnumerable<object?[]> BetweenTimes(long asked, long? askedUntil) =>
        from s in Sites
        let since = Math.Max(asked, s.Image.WindowNs)
        let until = askedUntil is { } u ? Math.Max(u, s.Image.WindowNs) : (long?)null
        let kept = s.Blocks.Where(b => !b.IsLiveAt(since) && IsLiveAt(b, until)).ToArray()
        let given = s.Blocks.Where(b => b.IsLiveAt(since) && !IsLiveAt(b, until)).ToArray()
        let acquired = s.Blocks.Count(b => b.Ns > since && !(b.Ns > until))
        where kept.Length + given.Length + acquired > 0
        orderby kept.Bytes() - given.Bytes() descending, kept.Length descending, Key(s.Image), s.Site
        select Row(s.Function, s.File, s.Line, kept.Bytes() - given.Bytes(), kept.Length - given.Length, kept.Length, kept.Bytes(), given.Length, given.Bytes(),
            acquired, s.Text, s.Image, s.Site);

    public IEnumerable<object?[]> CrossThreadFrees(int minBlocks) =>
        from g in Blocks.Where(b => b.IsFreedByOther).GroupBy(b => (b.Image, b.Thread, b.FreeThread))
        let image = g.Key.Image
        where g.Count() >= minBlocks
        orderby g.Count() descending, g.Bytes() descending, Key(image), g.Key.Thread, g.Key.FreeThread
        select Row(image, g.Key.Thread, image.Threads[g.Key.Thread].Name, g.Key.FreeThread, image.Threads[g.Key.FreeThread].Name, g.Count(), g.Bytes(),
            g.Acquired().Select(b => (double?)b.LifetimeNs).Average());

    public IEnumerable<object?[]> ThreadSummary() =>
        from g in Blocks.GroupBy(b => b.Image.Threads[b.Thread])
        let image = g.First().Image
        let live = g.Where(b => b.IsAlive).ToArray()
        orderby g.Acquired().Bytes() descending, Key(image), g.Key.Number
        select Row(image, g.Key.Number, g.Key.Name, g.Key.Calls, g.Acquired().Count(), g.Acquired().Bytes(), live.Length, live.Bytes(),
            g.Count(b => b.IsTemporary), g.Count(b => b.IsFreedByOther), g.Key.StartNs, g.Key.EndNs, g.Key.HasExited);

    public IEnumerable<object?[]> ReallocChains(int minSteps, BigInteger minBytes) =>
        from g in Blocks.GroupBy(b => b.First)
        let blocks = g.OrderBy(b => b.Position).ToArray()
        let last = blocks[^1]
        where last.Position >= minSteps && blocks.Max(b => b.Size) >= minBytes
        orderby last.Position descending, blocks.Bytes() descending, Key(last.Image), g.Key.Object
        select Row(last.Image, g.Key.Object, last.Position, blocks[0].Size, last.Size, blocks.Max(b => b.Size), blocks.Bytes(), blocks[0].Ns, last.Ns,
            last.End);

    public IEnumerable<object?[]> Outstanding() =>
        from b in Blocks
        where b.IsAlive
        orderby b.Size descending, Key(b.Image), b.Object
        select Row(b.Image, b.Object, b.Size, CallKinds.CallName(b.Kind), b.Ns, b.LifetimeNs, b.LifetimeBytes, b.LifetimeAllocations, b.Thread,
            b.Image.Threads[b.Thread].Name, b.First.Object, b.Position, unchecked((long)b.Address), b.IsCarried, b.IsUncertain);

    public IEnumerable<object?[]> OutstandingByLine() =>
        from g in Blocks.Where(b => b.IsAlive && b.Stack is not null)
            .GroupBy(b => (b.Image, b.Site, b.Stack!.Function, b.Stack.File, Line: b.Stack.LineIn(b.Image.Index)))
        orderby g.Bytes() descending, g.Count() descending, Key(g.Key.Image), Text(g.Key.File), g.Key.Line, g.Key.Site
        select Row(g.Key.Function, g.Key.File, g.Key.Line, g.Count(), g.Bytes(), g.Max(b => b.LifetimeNs), g.Min(b => b.LifetimeNs),
            g.DistinctBy(b => b.Stack).Count(), g.Key.Image, g.Key.Site);

    public IEnumerable<object?[]> OutstandingBySite() =>
        from s in Sites
        where s.Live.Count > 0
        orderby s.LiveBytes descending, s.Live.Count descending, Key(s.Image), s.Site
        select Row(s.Function, s.File, s.Line, s.Live.Count, s.LiveBytes, s.Acquired, s.Live.Max(b => b.LifetimeNs), s.Live.Min(b => b.LifetimeNs),
            s.Live.Count(b => b.IsUncertain), (double)s.Live.Count, 0.0, (double)s.LiveBytes, 0.0, s.Text, s.Image, s.Site);

    public IEnumerable<object?[]> Temporary(int n) =>
        from s in Sites
        let found = s.Blocks.Acquired().Where(b => b.IsEnded && b.LifetimeAllocations < n).ToArray()
        where found.Length > 0
        orderby found.Length descending, Key(s.Image), s.Site
        select Row(s.Function, s.File, s.Line, found.Length, found.Bytes(), s.Acquired, (double)found.Length / s.Acquired, s.Text, s.Image, s.Site);

    public IEnumerable<object?[]> TemporaryBySite() =>
        from s in Sites
        where s.Temporary > 0
        orderby s.Temporary descending, Key(s.Image), s.Site
        select Row(s.Function, s.File, s.Line, s.Temporary, s.Acquired, (double)s.Temporary / s.Acquired, s.Bytes, s.Text, s.Image, s.Site);

    public IEnumerable<object?[]> LifetimeHistogram() =>
        from g in Blocks.GroupBy(b => (b.Image, From: DecadeOf(b.LifetimeNs)))
        let ended = g.Acquired().Where(b => b.IsEnded).ToArray()
        orderby Key(g.Key.Image), g.Key.From
        select Row(g.Key.Image, g.Key.From, ended.Length, ended.Bytes(), g.Acquired().Count(b => b.IsAlive), g.Acquired().Count(b => b.IsLost),
            g.Count(b => b.IsCarried));

    public IEnumerable<object?[]> SizeHistogram() =>
        from g in Blocks.GroupBy(b => (b.Image, Class: b.Size == 0 ? 0 : 1L << Math.Min(62, BitOperations.Log2((ulong)b.Size))))
        let live = g.Where(b => b.IsAlive).ToArray()
        orderby Key(g.Key.Image), g.Key.Class
        select Row(g.Key.Image, g.Key.Class, g.Acquired().Count(), g.Acquired().Bytes(), live.Length, live.Bytes());

    public IEnumerable<object?[]> GrowthBySite() =>
        from s in Sites
        where s.Site != 0
        let tenths = new ModelTenths(s.Image)
        let held = tenths.Held(s.Blocks)
        where held[9] > held[1]
        orderby held[9] - held[1] descending, Key(s.Image), s.Site
        select Row([s.Function, s.File, s.Line, held[9] - held[1], (double)(held[9] - held[1]) / (tenths.StepNs * 8) * 1e9, ModelTenths.StepsUp(held),
            .. held.Skip(1).Cast<object>(), s.LiveBytes, s.Text, s.Image, s.Site]);

    public IEnumerable<object?[]> LeakSuspects(decimal tolerance, BigInteger minBytes) =>
        from s in Sites
        where s.Site != 0
        let suspect = LeakSuspectModel.Of(s, tolerance)
        where suspect is not null && suspect.LiveBytes >= minBytes
        orderby suspect.GrowthBytes descending, suspect.Overdue.Bytes() descending, Key(s.Image), s.Site
        select Row([s.Function, s.File, s.Line, .. suspect.Evidence, s.LiveBytes, s.Text, suspect.Overdue.Length > 0 ? suspect.Overdue : suspect.Live,
            s.Image, s.Site]);

    /// <param name="momentsOf">The moments at which it is told what is live.</param>
    public IEnumerable<object?[]> Fragmentation(Func<ModelImage, IReadOnlyList<long>> momentsOf) =>
        from i in images
        let moments = momentsOf(i)
        from m in i.Memory
        let isOver = m.TimeNs >= i.DurationNs
        where isOver || moments.Count > 0 && m.TimeNs >= moments[0]
        orderby Key(i), m.TimeNs
        let live = (long)i.Blocks.Where(b => isOver ? b.IsAlive : b.IsLiveAt(moments.Last(ns => ns <= m.TimeNs))).Bytes().Saturated()
        select Row(i, m.TimeNs, live, m.ResidentBytes, m.AnonymousBytes, m.AnonymousBytes - live, m.SwappedBytes, m.PeakResidentBytes,
            live > 0 ? (double)m.ResidentBytes / live : null);

    private static bool IsLiveAtPeak(ModelBlock b) => b.Image.Peak.Block is { } peak && b.IsLiveAfter(peak.At);

    private static bool IsLiveAt(ModelBlock b, long? ns) => ns is { } t ? b.IsLiveAt(t) : b.IsAlive;

    private static long DecadeOf(long ns)
    {
        long from = 100;
        while (from <= ns / 10 && from < 10_000_000_000_000)
            from *= 10;
        return ns < 100 ? 0 : from;
    }

    /// <summary>Engines order text by its bytes.</summary>
    private static Ordinal Key(ModelImage image) => Text($"{image.Host}\0{image.Process}");

    private static Ordinal Text(string text) => new(text);

    /// <param name="values">A process image stands for its host and its name.</param>
    private static object?[] Row(params object?[] values) =>
        [.. values.SelectMany(v => v is ModelImage image ? (object?[])[image.Host, image.Process] : [v])];

    private readonly record struct Ordinal(string Text) : IComparable<Ordinal>
    {
        public int CompareTo(Ordinal other) => string.CompareOrdinal(Text, other.Text);
    }
}
