using AllocReplay.Formats;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Bench;

/// <summary>A block of a trace.</summary>
/// <param name="Thread">The thread that acquired it.</param>
/// <param name="Bytes">Bytes that were requested.</param>
/// <param name="LivedNs">How long it lived; null where it is live at the end.</param>
internal readonly record struct KnownBlock(int Thread, ulong Bytes, long? LivedNs)
{
    /// <summary>All blocks of a process image, in no order.</summary>
    public static KnownBlock[] AllOf(TraceReader reader)
    {
        var sink = new Sink();
        reader.ForEach([sink]);
        return [.. sink.Ended, .. sink.Live.Values.Select(b => new KnownBlock(b.Thread, b.Bytes, null))];
    }

    private sealed class Sink : ITraceSink
    {
        public List<KnownBlock> Ended { get; } = [];

        public Dictionary<long, (int Thread, ulong Bytes, long Ns)> Live { get; } = [];

        public void Begin(in TraceEvent begin)
        {
        }

        public void Add(in ThreadEvent e)
        {
        }

        public void Add(in TraceCall call)
        {
            if (call.Released >= 0 && Live.Remove(call.Released, out (int Thread, ulong Bytes, long Ns) block))
                Ended.Add(new KnownBlock(block.Thread, block.Bytes, call.TimeNs - block.Ns));
            if (call.Acquired >= 0)
                Live[call.Acquired] = (call.Thread, call.BytesRequested, call.TimeNs);
        }
    }
}
