using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Analyzer.Passes;

/// <summary>
/// What was live at each moment of a grid, and what was acquired between them, of blocks that are told one by one in any order. A block changes the curve
/// at the first moment that is not before its acquisition, and at the first that is not before its end: so the values at the moments are exact.
/// </summary>
internal sealed class TimelineCurve
{
    /// <summary>Moments of the grid, so many at the most.</summary>
    public const int Moments = 1024;

    // Changes at each moment. Sums of bytes wrap and come right again where blocks end; what does not fit is told by 128 bits when rows are made.
    private readonly Int128[] _bytes = new Int128[Moments];
    private readonly Int128[] _acquiredBytes = new Int128[Moments];
    private readonly long[] _blocks = new long[Moments], _acquiredBlocks = new long[Moments];

    /// <summary>Most bytes at a moment.</summary>
    public Int128 Peak
    {
        get
        {
            Int128 live = 0, peak = 0;
            foreach (Int128 change in _bytes)
                peak = Int128.Max(peak, live += change);
            return peak;
        }
    }

    /// <param name="acquired">The first moment not before its acquisition.</param>
    /// <param name="ended">The first moment not before its end; <see cref="Moments"/> or more where it is live at all that follow.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="isCarried">Whether it was acquired before the first moment: it is live there, and no acquisition.</param>
    public void Add(int acquired, int ended, long size, bool isCarried = false)
    {
        _bytes[acquired] += size;
        _blocks[acquired]++;
        if (!isCarried)
        {
            _acquiredBytes[acquired] += size;
            _acquiredBlocks[acquired]++;
        }
        if (ended < Moments)
        {
            _bytes[ended] -= size;
            _blocks[ended]--;
        }
    }

    /// <summary>Blocks that change it at a moment, all at once.</summary>
    /// <param name="moment">The moment; beyond the last it is none.</param>
    /// <param name="bytes">More bytes than before.</param>
    /// <param name="blocks">More blocks.</param>
    /// <param name="acquiredBytes">Bytes acquired since the moment before.</param>
    /// <param name="acquiredBlocks">Blocks.</param>
    public void Change(int moment, Int128 bytes, long blocks, Int128 acquiredBytes, long acquiredBlocks)
    {
        if (moment >= Moments)
            return;
        _bytes[moment] += bytes;
        _blocks[moment] += blocks;
        _acquiredBytes[moment] += acquiredBytes;
        _acquiredBlocks[moment] += acquiredBlocks;
    }

    /// <summary>Every other moment goes: what changed at it changes at the next.</summary>
    public void Halve()
    {
        Halve(_bytes);
        Halve(_acquiredBytes);
        Halve(_blocks);
        Halve(_acquiredBlocks);
    }

    /// <summary>The rows from the first moment at which there is something to tell to the last.</summary>
    public IEnumerable<TimelineRow> Rows(TimelineScope scope, int thread, long site, long fromNs, long stepNs, int moments)
    {
        Int128 bytes = 0;
        long blocks = 0;
        bool isBegun = scope == TimelineScope.Process, wasLive = true;
        for (int i = 0; i < moments; i++)
        {
            bytes += _bytes[i];
            blocks += _blocks[i];
            bool tells = blocks > 0 || _acquiredBlocks[i] > 0;
            isBegun |= tells;
            // One row of nothing after the last block, so that a line that is drawn comes down.
            if (isBegun && (tells || wasLive || scope == TimelineScope.Process))
            {
                yield return new TimelineRow
                {
                    Ns = fromNs + i * stepNs,
                    Scope = scope,
                    Thread = thread,
                    Site = site,
                    LiveBytes = (long)ByteCount.Of((UInt128)bytes),
                    LiveBlocks = blocks,
                    AcquiredBytes = (long)ByteCount.Of((UInt128)_acquiredBytes[i]),
                    AcquiredBlocks = _acquiredBlocks[i],
                };
            }
            wasLive = tells;
        }
    }

    private static void Halve<T>(T[] changes) where T : System.Numerics.INumber<T>
    {
        for (int i = 1; i < Moments / 2; i++)
            changes[i] = changes[2 * i - 1] + changes[2 * i];
        // The last of the old ones is not followed by another: it changes at the first of the moments that are new.
        changes[Moments / 2] = changes[Moments - 1];
        changes.AsSpan(Moments / 2 + 1).Clear();
    }
}
