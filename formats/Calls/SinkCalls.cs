using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Calls;

/// <summary>Hands what a merge reads to sinks: calls whole, and thread events.</summary>
internal static class SinkCalls
{
    /// <param name="sinks">Told one after the other.</param>
    /// <param name="call">Its event is set: it was read last. The rest is filled in here.</param>
    /// <param name="merge">What it was read from.</param>
    public static void Tell(ITraceSink[] sinks, ref TraceCall call, OwnershipMerge merge)
    {
        if (CallKinds.IsThreadEvent(call.Kind))
        {
            ThreadEvent e = ThreadEvent.Of(call.Event);
            foreach (ITraceSink sink in sinks)
                sink.Add(e);
        }
        else if (CallKinds.IsReallocBegin(call.Kind))
        {
            foreach (ITraceSink sink in sinks)
                sink.Begin(call.Event);
        }
        else
        {
            if (call.IsReallocation)
                call.Begin = merge.Reallocation;
            foreach (ITraceSink sink in sinks)
                sink.Add(call);
        }
    }
}
