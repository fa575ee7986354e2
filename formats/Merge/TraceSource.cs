using AllocReplay.Formats.Stacks;
using MessagePack;

namespace AllocReplay.Formats.Merge;

/// <summary>The streams of one process image, whatever form they are stored in.</summary>
internal interface ITraceSource : IDisposable
{
    ProcessInfo Info { get; }

    Clock Clock { get; }

    /// <summary>By index.</summary>
    IReadOnlyList<StreamInfo> Threads { get; }

    IReadOnlyList<Interval> Intervals { get; }

    IReadOnlyList<Marker> Markers { get; }

    /// <summary>How much memory the process had, in order of time; empty where that was not looked at.</summary>
    IReadOnlyList<MemorySample> MemorySamples { get; }

    /// <summary>The module map at the start, as <c>/proc/PID/maps</c> has it; empty when it is not known.</summary>
    string Maps { get; }

    /// <summary>The stacks of its calls; read at the first use.</summary>
    /// <exception cref="TraceFormatException">They cannot be read.</exception>
    FrameTable Frames { get; }

    /// <summary>The symbols that were stored for them; read at the first use.</summary>
    /// <exception cref="TraceFormatException">They cannot be read.</exception>
    SymbolTable Symbols { get; }

    /// <summary>Bytes of events stored, their headers included.</summary>
    long EventBytes { get; }

    /// <summary>The part of <see cref="EventBytes"/> that is of one recording interval.</summary>
    long EventBytesOf(uint interval);

    /// <summary>How many events are stored, of one recording interval where one is named; null where that is not known without reading them.</summary>
    long? EventCountOf(uint? interval) => null;

    /// <summary>The first damage that opening met, or null. What lies before it can be read.</summary>
    TraceFormatException? Damage { get; }

    /// <summary>What is there of a part of the recording that is gone; null where it is there from its beginning.</summary>
    CarriedPart? Carried { get; }

    /// <summary>Opens what is kept of a thread's events that are gone, in order; null where nothing is.</summary>
    IEventCursor? OpenCarried(int thread);

    /// <summary>Opens a thread's stream at the first event that is not before a moment. Cursors may be used on different threads.</summary>
    IEventCursor OpenCursor(int thread, ulong fromTicks = 0);
}

internal static class TraceSources
{
    /// <summary>Indices of threads by the hook's numbers for them.</summary>
    public static Dictionary<uint, int> DenseThreads(this ITraceSource source)
    {
        var dense = new Dictionary<uint, int>();
        foreach (StreamInfo thread in source.Threads)
            dense[thread.RecordedIndex] = thread.Index;
        return dense;
    }
}

/// <summary>Reads one thread's events in program order.</summary>
internal interface IEventCursor : IDisposable
{
    /// <summary>Reads the next event. False at the end of the stream.</summary>
    /// <exception cref="TraceFormatException">The stream is damaged here.</exception>
    bool Read(out RawEvent e);

    /// <summary>Bytes of stored events, of <see cref="ITraceSource.EventBytes"/>, that were loaded so far.</summary>
    long BytesRead { get; }

    /// <summary>Where the event that was read last begins, in a recording that grows: number of its chunk, and bytes of that one's payload before it.</summary>
    (uint Sequence, int Offset) LastEvent => default;
}

/// <summary>A thread's stream.</summary>
/// <param name="Index">Dense index in the trace.</param>
/// <param name="RecordedIndex">The hook's index, which has gaps where a thread died before its first event.</param>
/// <param name="OsTid">The kernel's thread id.</param>
/// <param name="Name">The thread's last recorded name.</param>
[MessagePackObject]
internal sealed record StreamInfo([property: Key("index")] int Index, [property: Key("recorded_index")] uint RecordedIndex,
    [property: Key("os_tid")] uint OsTid, [property: Key("name")] string Name)
{
    public ThreadInfo ToInfo() => new(Index, OsTid, Name);
}
