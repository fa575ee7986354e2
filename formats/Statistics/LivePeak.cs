namespace AllocReplay.Formats.Statistics;

/// <summary>
/// The bytes of live blocks and their highest, of calls in merged order. A block that a reallocation was given is not live from the beginning of the call
/// on, when others may have its address, unless the call fails: then it was live all the while, and what was highest meanwhile was higher by it.
/// </summary>
/// <remarks>
/// So while calls are inside a reallocation, what was highest is kept apart for each stretch from one such beginning to the next, since all of its moments
/// lack the same blocks. When a call ends, its stretch joins the one before. There are never more stretches than threads.
/// </remarks>
internal sealed class LivePeak
{
    private UInt128 _live; // exact, so that what is taken off was on it
    private Mark _peak = Mark.None; // before any reallocation that has not ended
    private List<Stretch>? _stretches; // of reallocations that have not ended, in the order of their beginnings

    /// <summary>Bytes live now, without those of blocks that are being reallocated.</summary>
    public UInt128 Live => _live;

    /// <summary>Bytes live now; a reallocation that has not ended counts as failed, as at the end of a trace.</summary>
    public UInt128 Held
    {
        get
        {
            UInt128 held = _live;
            foreach (Stretch stretch in _stretches ?? [])
                held += stretch.Bytes;
            return held;
        }
    }

    /// <summary>The highest so far; the same goes for it.</summary>
    public Mark Peak
    {
        get
        {
            Mark peak = _peak;
            UInt128 lacking = 0;
            foreach (Stretch stretch in _stretches ?? [])
            {
                lacking += stretch.Bytes;
                peak = Mark.Higher(peak, stretch.Highest.With(lacking));
            }
            return peak;
        }
    }

    /// <summary>A block was acquired.</summary>
    public void Acquired(ulong bytes, long block, long ns)
    {
        _live += bytes;
        if (_stretches is { Count: > 0 })
            _stretches[^1] = _stretches[^1] with { Highest = Mark.Higher(_stretches[^1].Highest, new Mark(_live, block, ns)) };
        else if (_live > _peak.Bytes)
            _peak = new Mark(_live, block, ns);
    }

    /// <summary>A live block has ended.</summary>
    public void Released(ulong bytes) => _live -= bytes;

    /// <summary>A thread that is in no reallocation begins to reallocate a live block.</summary>
    public void Begun(int thread, ulong bytes)
    {
        _live -= bytes;
        (_stretches ??= []).Add(new Stretch(thread, bytes, Mark.None));
    }

    /// <summary>The thread's reallocation is over, if it has begun one.</summary>
    /// <param name="thread">Its index.</param>
    /// <param name="isKept">Whether the block that it was given is what it was.</param>
    public void Ended(int thread, bool isKept)
    {
        if (_stretches is not { Count: > 0 } stretches)
            return;
        int at = stretches.FindIndex(s => s.Thread == thread);
        if (at < 0)
            return;
        Stretch ended = stretches[at];
        stretches.RemoveAt(at);
        if (isKept)
        {
            _live += ended.Bytes;
            ended = ended.With(ended.Bytes);
            for (int i = at; i < stretches.Count; i++)
                stretches[i] = stretches[i].With(ended.Bytes);
        }
        if (at > 0)
            stretches[at - 1] = stretches[at - 1] with { Highest = Mark.Higher(stretches[at - 1].Highest, ended.Highest) };
        else
            _peak = Mark.Higher(_peak, ended.Highest);
    }

    /// <summary>Bytes that were live when a block had been acquired.</summary>
    /// <param name="Bytes">The bytes, exact.</param>
    /// <param name="Block">The block's number; -1: there was none.</param>
    /// <param name="Ns">When, nanoseconds since the start of the recording.</param>
    public readonly record struct Mark(UInt128 Bytes, long Block, long Ns)
    {
        public static Mark None => new(0, Calls.TraceEvent.NoObject, 0);

        /// <summary>Of two that are as high, the first.</summary>
        public static Mark Higher(in Mark first, in Mark second) => second.Bytes > first.Bytes ? second : first;

        /// <summary>The same moment with more bytes.</summary>
        public Mark With(UInt128 more) => Block < 0 ? this : this with { Bytes = Bytes + more };
    }

    /// <summary>From where a thread began to reallocate a block to where the next one did.</summary>
    private readonly record struct Stretch(int Thread, ulong Bytes, Mark Highest)
    {
        public Stretch With(UInt128 more) => this with { Highest = Highest.With(more) };
    }
}
