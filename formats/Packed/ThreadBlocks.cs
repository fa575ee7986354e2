using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Packed;

/// <summary>Events that come in merged order, as blocks of a thread each.</summary>
/// <param name="writer">Whose blocks are filled.</param>
/// <param name="full">Told of a block, and whose it is: when it is full, or the next event belongs into another, or at <see cref="Flush"/>.</param>
internal sealed class ThreadBlocks(PackWriter writer, Action<int, EventBlockWriter> full)
{
    private readonly List<EventBlockWriter?> _blocks = []; // by thread

    /// <param name="thread">Index of the thread in the file.</param>
    /// <param name="e">Its next event.</param>
    /// <param name="capacity">Events of a block, at most.</param>
    /// <param name="optional">The optional fields that the recording has.</param>
    public void Add(int thread, in RawEvent e, int capacity, CallFields optional)
    {
        while (_blocks.Count <= thread)
            _blocks.Add(null);
        if (_blocks[thread] is { } begun && (begun.Events >= capacity || begun.Interval != e.Interval || begun.IsCarried != e.IsCarried))
            End(thread);
        (_blocks[thread] ??= writer.NewBlock(optional)).Add(e);
    }

    /// <summary>Ends all that are begun.</summary>
    public void Flush()
    {
        for (int thread = 0; thread < _blocks.Count; thread++)
            End(thread);
    }

    private void End(int thread)
    {
        if (_blocks[thread] is not { } block)
            return;
        _blocks[thread] = null;
        full(thread, block);
    }
}
