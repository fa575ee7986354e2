using AllocReplay.Cli.Output;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Cli.Pages;

/// <summary>What was wrong with blocks, in words: what, how often, and the calls of the first.</summary>
internal static class BlockFaultText
{
    public static string Of(WorkerFault f)
    {
        string size = Quantity.Bytes(f.Size), what = f.Kind switch
        {
            BlockFaultKind.Overlap when f.FoundBy == f.Block => $"overlap: the {size} of {Of(f.Block)} lie in the live block of {Of(f.Other)}",
            BlockFaultKind.Overlap =>
                $"overlap: byte {f.Offset} of the {size} of {Of(f.Block)} is what was written into those of {Of(f.Other)}, seen by {Of(f.FoundBy)}",
            BlockFaultKind.Misaligned => $"misaligned: {Of(f.Block)} gave 0x{f.Address:x} for {size}, which is no multiple of {f.Alignment}",
            BlockFaultKind.DirtyCalloc => $"dirty calloc: byte {f.Offset} of the {size} of {Of(f.Block)} is not 0",
            BlockFaultKind.ReallocLostData => $"realloc lost data: byte {f.Offset} of the {size} of {Of(f.Block)} is not in what {Of(f.FoundBy)} gave",
            BlockFaultKind.Corrupted => $"corrupted: byte {f.Offset} of the {size} of {Of(f.Block)} has changed, seen by {Of(f.FoundBy)}",
            _ => $"failed: {Of(f.Block)} for {size} gave no block",
        };
        return f.Count == 1 ? what : $"{what}; {Quantity.Count(f.Count, "fault")} of this kind";
    }

    private static string Of(WorkerCall? call) =>
        call is null ? "nobody before the end" : $"call {call.Index} of thread {call.Thread}, {CallKinds.CallName(call.Kind)}";
}
