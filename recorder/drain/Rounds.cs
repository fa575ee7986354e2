using AllocReplay.Recorder.Arena;

namespace AllocReplay.Drain;

/// <summary>What the drain tells who looks from outside: once a second how much was recorded, of each image and of all.</summary>
internal sealed unsafe class Rounds
{
    private const ulong Ns = 1_000_000_000;

    private readonly ArenaHeader* _header;
    private ulong _endedBytes, _last; // of a drain before us too; ns

    /// <param name="header">Of the arena: a successor goes on with what it says of images that have ended.</param>
    public Rounds(ArenaHeader* header)
    {
        _header = header;
        _endedBytes = header->EndedBytes;
        header->Drains++;
        _last = SessionClock.MonotonicNs;
        header->Rounds.Begin(_last, _endedBytes);
    }

    /// <summary>An image has ended, and all of it is in its files: it goes on to count.</summary>
    public void Ended(LiveImage image)
    {
        image.UnfinishedBytes = 0;
        _header->EndedBytes = _endedBytes += image.RecordedBytes;
    }

    /// <summary>Unfinished chunks have been looked at. Who asks for that often gets no more told.</summary>
    public void Tell(ulong now, IEnumerable<LiveImage> images)
    {
        if (now - _last < Ns)
            return;
        _last = now;
        ulong all = _endedBytes;
        foreach (LiveImage image in images)
        {
            image.Tell(now);
            all += image.RecordedBytes;
        }
        _header->Rounds.Add(now, all);
    }
}
