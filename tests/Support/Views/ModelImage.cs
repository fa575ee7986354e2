using System.Numerics;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Tests.Support.Views;

/// <summary>
/// The blocks of a process image, of its events in merged order and nothing else: which block a call gives back is looked up by its address, and what
/// becomes of a reallocation is looked for further on. All events are held in memory.
/// </summary>
internal sealed class ModelImage
{
    private readonly List<TraceEvent> _events = [];
    private readonly List<ModelBlock> _blocks = [];

    public ModelImage(TraceReader reader, string host, int index)
    {
        (Host, Process, Index, Program) = (host, reader.Image, index, reader.Process.Executable);
        HasStacks = reader.Process.Stacks;
        Marks = [.. reader.Markers.Select(m => (m.TimeNs, m.Name)).OrderBy(m => m.TimeNs).ThenBy(m => m.Name, StringComparer.Ordinal)];
        Memory = reader.MemorySamples;
        while (reader.Read(out TraceEvent e))
            _events.Add(e);
        WindowNs = reader.Carried?.UntilNs ?? 0;
        // It lasts at least until the window begins: of two threads the events behind the cut may bear the earlier times.
        DurationNs = _events.Select(e => e.TimeNs).Append(WindowNs).Max();
        GapsNs = [.. _events.Where(e => e.Kind == CallKind.Gap).Select(e => e.TimeNs)];
        Match();
        Peak = Blocks.Peak();
        Threads = [.. reader.Threads.Select(ThreadOf)];
        Sites = [.. Blocks.GroupBy(b => b.Site).Where(_ => HasStacks).Select(g => new ModelSite(this, g.Key, [.. g]))];
    }

    public string Host { get; }
    public string Process { get; }

    /// <summary>Its place among those of the dataset.</summary>
    public int Index { get; }
    public string Program { get; }
    public bool HasStacks { get; }
    public long DurationNs { get; }
    public IReadOnlyList<(long Ns, string Name)> Marks { get; }
    /// <summary>How much memory it had.</summary>
    public IReadOnlyList<MemorySample> Memory { get; }
    public IReadOnlyList<ModelBlock> Blocks => _blocks;
    public IReadOnlyList<ModelThread> Threads { get; }
    public IReadOnlyList<ModelSite> Sites { get; }
    public (BigInteger Bytes, ModelBlock? Block) Peak { get; }

    /// <summary>When that was: a carried block was there when the window began.</summary>
    public long? PeakNs => Peak.Block is { } block ? block.IsCarried ? WindowNs : block.Ns : null;

    /// <summary>When the window of a kept recording begins; else 0.</summary>
    public long WindowNs { get; }

    /// <summary>When it is told that calls were lost.</summary>
    public IReadOnlyList<long> GapsNs { get; }

    private ModelThread ThreadOf(ThreadInfo thread)
    {
        TraceEvent[] own = [.. _events.Where(e => e.Thread == thread.Index)];
        return new ModelThread(thread.Index, thread.Name, own.Count(e => !e.IsCarried && !CallKinds.IsReallocBegin(e.Kind) && !CallKinds.IsThreadEvent(e.Kind)),
            own.Length == 0 ? -1 : own[0].TimeNs, own.Length == 0 ? -1 : own[^1].TimeNs, own.Any(e => e.Kind == CallKind.ThreadExit));
    }

    private void Match()
    {
        var live = new Dictionary<ulong, ModelBlock>();
        var given = new Dictionary<int, ModelBlock>(); // by the event that ends the reallocation
        for (int i = 0; i < _events.Count; i++)
        {
            TraceEvent e = _events[i];
            if (CallKinds.IsThreadEvent(e.Kind))
                continue;
            if (e.IsNull && given.TryGetValue(i, out ModelBlock? kept) && !live.TryAdd(kept.Address, kept))
                End(kept, "lost_free", BeginOf(i), -1); // it failed, and its address had another owner by then
            if (e.IsNull)
                continue;
            if (CallKinds.IsAcquisition(e.Kind))
            {
                if (live.Remove(e.Address, out ModelBlock? displaced))
                    End(displaced, "lost_free", i, -1);
                _blocks.Add(live[e.Address] = Acquired(i, given.GetValueOrDefault(i)));
            }
            else if (live.Remove(e.Address, out ModelBlock? block))
            {
                if (CallKinds.IsDeallocation(e.Kind))
                    End(block, "freed", i, e.Thread);
                else if (EndOf(i) is { } end)
                    Give(block, i, end, given);
            }
        }
        foreach (ModelBlock block in _blocks.Where(b => b.IsAlive))
            block.EndNs = DurationNs;
    }

    /// <summary>A block is given to a reallocation. It has ended with the beginning, unless the call fails.</summary>
    private void Give(ModelBlock block, int begin, int end, Dictionary<int, ModelBlock> given)
    {
        TraceEvent outcome = _events[end];
        if (CallKinds.IsReallocBegin(outcome.Kind))
            End(block, "lost_free", begin, -1); // the thread went on
        else if (!outcome.IsNull)
            End(given[end] = block, "reallocated", begin, outcome.Thread);
        else if (BytesOf(begin) == 0)
            End(block, "freed", begin, outcome.Thread);
        else
            given[end] = block;
    }

    private void End(ModelBlock block, string how, int at, int thread) =>
        (block.End, block.EndAt, block.EndNs, block.FreeThread) = (how, at, _events[at].TimeNs, thread);

    private ModelBlock Acquired(int at, ModelBlock? before)
    {
        TraceEvent e = _events[at];
        return new ModelBlock
        {
            Image = this,
            Object = _blocks.Count,
            At = at,
            Address = e.Address,
            Size = BytesOf(CallKinds.IsReallocEnd(e.Kind) ? BeginOf(at) : at),
            Kind = e.Kind,
            Ns = e.TimeNs,
            Thread = e.Thread,
            Stack = HasStacks ? KnownStack.OfBlocks.Append(KnownStack.OfReleases).FirstOrDefault(s => s.Number == e.Stack) : null,
            IsCarried = e.IsCarried,
            Before = before,
        };
    }

    /// <summary>The next event of the thread that begins or ends a reallocation; null where the trace ends before.</summary>
    private int? EndOf(int begin) =>
        Enumerable.Range(begin + 1, _events.Count - begin - 1).Where(i => IsRealloc(i, _events[begin].Thread)).Cast<int?>().FirstOrDefault();

    /// <summary>The beginning of the reallocation that ends at an event; -1 where it is not in the trace.</summary>
    private int BeginOf(int end)
    {
        int at = end - 1;
        while (at >= 0 && !IsRealloc(at, _events[end].Thread))
            at--;
        return at >= 0 && CallKinds.IsReallocBegin(_events[at].Kind) ? at : -1;
    }

    private bool IsRealloc(int at, int thread) =>
        _events[at].Thread == thread && (CallKinds.IsReallocBegin(_events[at].Kind) || CallKinds.IsReallocEnd(_events[at].Kind));

    /// <summary>No more than 2^63−1, as a size beyond it is stored.</summary>
    private long BytesOf(int at) => at < 0 ? 0 : (long)((BigInteger)_events[at].Size * _events[at].Count).Saturated();
}

/// <summary>A thread.</summary>
internal sealed record ModelThread(int Number, string Name, int Calls, long StartNs, long EndNs, bool HasExited);

/// <summary>The blocks of a call site.</summary>
internal sealed record ModelSite(ModelImage Image, long Site, IReadOnlyList<ModelBlock> Blocks)
{
    /// <summary>Null of the blocks whose stack is not known.</summary>
    private KnownStack? Stack { get; } = Site == 0 ? null : Blocks.GroupBy(b => b.Stack!)
        .OrderByDescending(g => g.Where(b => b.IsAlive).Bytes()).ThenByDescending(g => g.Bytes()).ThenBy(g => g.Key.Number).First().Key;

    public string Function => Stack?.Function ?? "(not known)";
    public string File => Stack?.File ?? "";
    public int Line => Stack?.LineIn(Image.Index) ?? 0;
    public string Text => Stack?.Text ?? "(not known)";
    public BigInteger Bytes { get; } = Blocks.Acquired().Bytes().Saturated();
    public int Acquired { get; } = Blocks.Acquired().Count();
    public IReadOnlyList<ModelBlock> Live { get; } = [.. Blocks.Where(b => b.IsAlive)];
    public BigInteger LiveBytes => Live.Bytes().Saturated();
    public BigInteger PeakBytes { get; } = Blocks.Peak().Bytes.Saturated();
    public int Temporary { get; } = Blocks.Count(b => b.IsTemporary);
}
