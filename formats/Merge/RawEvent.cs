using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Merge;

/// <summary>An event as one thread's stream holds it: no order across threads, no object ids.</summary>
internal struct RawEvent
{
    public ulong Ticks; // shifted
    public ulong Address;
    public ulong Size;
    public ulong Count;
    public ulong Alignment;
    public ulong Duration; // shifted ticks, 0 when not recorded
    public int OtherThread;
    public int Stack; // number of the frame that called; 0 when not recorded
    public uint Interval;
    public CallKind Kind;
    public bool IsNull;
    public bool IsCarried; // what is kept of a part of the recording that is gone
}
