using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Drain;

/// <summary>What is asked of a chunk's events where not all of them can be kept.</summary>
internal static class ChunkEvents
{
    /// <summary>The whole events of a payload that fit, and the calls that do not.</summary>
    /// <param name="payload">Of one chunk; damaged from where it cannot be decoded.</param>
    /// <param name="room">Bytes.</param>
    /// <param name="optional">The optional fields that the recording has.</param>
    public static (int Bytes, ulong CallsLeft) Fit(ReadOnlySpan<byte> payload, long room, CallFields optional)
    {
        var decoder = new EventDecoder(0, optional);
        int position = 0, fits = 0;
        ulong left = 0;
        while (decoder.Read(payload, ref position, out RawEvent e) is null)
        {
            // Both halves of a reallocation, or none.
            if (position <= room && left == 0)
                fits = CallKinds.IsReallocBegin(e.Kind) ? fits : position;
            else if (!CallKinds.IsThreadEvent(e.Kind) && !CallKinds.IsReallocBegin(e.Kind))
                left++;
        }
        return (fits, left);
    }
}
